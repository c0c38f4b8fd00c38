/* SPDX-License-Identifier: BSD-3-Clause */
/* The reconciler between fakes: what is refused, and old and new forms in each other's way. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "../suite.h"
#include "rig.h"

START_TEST(one_refused_among_a_hundred_lets_the_others_in)
{
	char name[16];

	json_object_set_new(fake.refuse, "attachment s42:lan0.143", json_true());
	rig_site();
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		rig_slice_in(name, 100 + i, "gold");
	}
	rig_settle();
	ck_assert_uint_eq(fake_count(&fake, "slice"), 99);
	ck_assert_ptr_null(fake_get(&fake, "slice", "s42"));
	rig_state(INTENT_SLICE, "s42", INTENT_REFUSED);
	ck_assert_str_eq(rig_reason(INTENT_SLICE, "s42"),
		"attachment s42:lan0.143: it is refused, as the test wants it");
	rig_state(INTENT_SLICE, "s41", INTENT_APPLIED);
	ck_assert_uint_eq(rig_counters().refused, 1);
	rig_synced();
	ck_assert_uint_eq(fake.refused, 1);

	/* it is tried again at a resync */
	json_object_clear(fake.refuse);
	rig_resync();
	rig_state(INTENT_SLICE, "s42", INTENT_APPLIED);
	ck_assert_str_eq(rig_reason(INTENT_SLICE, "s42"), "");
	ck_assert_uint_eq(rig_counters().refused, 0);
	ck_assert_uint_eq(fake_count(&fake, "slice"), 100);
}
END_TEST

START_TEST(one_that_is_refused_keeps_what_it_had)
{
	rig_site();
	rig_slice("blue", 100);
	rig_settle();
	json_object_set_new(fake.refuse, "attachment blue:lan0.201", json_true());
	rig_slice("blue", 200);
	rig_slice("red", 300);
	rig_settle();
	rig_state(INTENT_SLICE, "blue", INTENT_REFUSED);
	rig_state(INTENT_SLICE, "red", INTENT_APPLIED);
	ck_assert_int_eq(
		json_integer_value(json_object_get(fake_get(&fake, "slice", "blue"), "vni")), 100);
	ck_assert_ptr_nonnull(fake_get(&fake, "attachment", "blue:lan0.101"));
	/* and goes when it is deleted */
	fake_intent(rec, INTENT_SLICE, "blue", NULL);
	rig_settle();
	ck_assert_ptr_null(fake_get(&fake, "slice", "blue"));
	ck_assert_uint_eq(rig_counters().refused, 0);
	rig_synced();
}
END_TEST

START_TEST(many_refused_are_found_at_once)
{
	char name[64];

	for (int i = 0; i < 300; i += 10) {
		snprintf(name, sizeof(name), "slice s%d", i);
		json_object_set_new(fake.refuse, name, json_true());
	}
	rig_site();
	rig_settle();
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		rig_slice(name, 100 + i);
	}
	rig_settle();
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "slice"), 270);
	ck_assert_uint_eq(rig_counters().refused, 30);
	rig_state(INTENT_SLICE, "s10", INTENT_REFUSED);
	rig_state(INTENT_SLICE, "s11", INTENT_APPLIED);
	ck_assert_uint_eq(fake.refused, 1);
}
END_TEST

START_TEST(what_cannot_be_compiled_is_refused_and_keeps_what_it_had)
{
	rig_site();
	rig_slice("blue", 100);
	rig_settle();
	fake_intent(rec, INTENT_SLICE, "blue", "{\"fail\":\"wan kt has no device\"}");
	rig_settle();
	rig_state(INTENT_SLICE, "blue", INTENT_REFUSED);
	ck_assert_str_eq(rig_reason(INTENT_SLICE, "blue"), "wan kt has no device");
	ck_assert_ptr_nonnull(fake_get(&fake, "slice", "blue"));
	rig_resync();
	rig_state(INTENT_SLICE, "blue", INTENT_REFUSED);
	rig_slice("blue", 101);
	rig_settle();
	rig_state(INTENT_SLICE, "blue", INTENT_APPLIED);
}
END_TEST

START_TEST(slices_that_swap_their_vnis_are_replaced)
{
	rig_site();
	rig_slice("blue", 100);
	rig_slice("red", 200);
	rig_slice("green", 300);
	rig_settle();
	rig_slice("blue", 200);
	rig_slice("red", 300);
	rig_slice("green", 100);
	rig_settle();
	rig_state(INTENT_SLICE, "blue", INTENT_APPLIED);
	rig_state(INTENT_SLICE, "red", INTENT_APPLIED);
	rig_state(INTENT_SLICE, "green", INTENT_APPLIED);
	ck_assert_int_eq(
		json_integer_value(json_object_get(fake_get(&fake, "slice", "red"), "vni")), 300);
	ck_assert_uint_eq(fake.applied, 2);
	rig_resync();
	ck_assert_uint_eq(rig_counters().drift_total, 0);
}
END_TEST

START_TEST(a_name_may_change_while_the_vni_stays)
{
	rig_site();
	rig_slice("blue", 100);
	rig_settle();
	fake_intent(rec, INTENT_SLICE, "blue", NULL);
	rig_slice("azure", 100);
	rig_settle();
	rig_state(INTENT_SLICE, "azure", INTENT_APPLIED);
	ck_assert_uint_eq(fake_count(&fake, "slice"), 1);
	ck_assert_uint_eq(fake.applied, 2);
}
END_TEST

START_TEST(a_conflict_in_earnest_is_refused)
{
	static const char *const keep[] = {"slice lab-*", NULL};

	rig_stop();
	rig_keep = keep;
	rig_start();
	fake_put(&fake, "slice", "{\"name\":\"lab-1\",\"vni\":100}");
	rig_site();
	rig_slice("blue", 100);
	rig_slice("red", 200);
	rig_settle();
	rig_state(INTENT_SLICE, "blue", INTENT_REFUSED);
	rig_state(INTENT_SLICE, "red", INTENT_APPLIED);
	ck_assert_ptr_nonnull(strstr(rig_reason(INTENT_SLICE, "blue"), "taken by slice lab-1"));
	ck_assert_uint_eq(fake.refused, 1); /* it is kept: there is nothing to look for */
	rig_resync();
	rig_slice("green", 100);
	rig_settle();
	rig_state(INTENT_SLICE, "green", INTENT_REFUSED);
	ck_assert_uint_le(fake.refused, 6); /* and not for ever */
}
END_TEST

START_TEST(a_mac_moves_off_an_attachment_that_goes)
{
	const char *there =
		"{\"mac\":[{\"slice\":\"red\",\"mac\":\"02:00:00:00:00:01\",\"attachment\":"
		"\"blue:lan0.101\"}]}";
	const char *gone = "{\"mac\":[{\"slice\":\"red\",\"mac\":\"02:00:00:00:00:01\",\"tunnel\":"
			   "\"wan0:b\"}]}";

	rig_site();
	rig_slice("blue", 100);
	rig_slice("red", 200);
	fake_intent(rec, INTENT_HOST, "h", there);
	rig_settle();
	rig_state(INTENT_HOST, "h", INTENT_APPLIED);
	rig_slice("blue", 150);
	fake_intent(rec, INTENT_HOST, "h", gone);
	rig_settle();
	rig_state(INTENT_HOST, "h", INTENT_APPLIED);
	ck_assert_ptr_null(fake_get(&fake, "attachment", "blue:lan0.101"));
	ck_assert_ptr_nonnull(
		json_object_get(fake_get(&fake, "mac", "red 02:00:00:00:00:01"), "tunnel"));
}
END_TEST

START_TEST(what_needs_a_refused_one_comes_when_that_does)
{
	rig_site();
	json_object_set_new(fake.refuse, "slice red", json_true());
	rig_slice("red", 200);
	fake_intent(rec, INTENT_HOST, "h",
		"{\"mac\":[{\"slice\":\"red\",\"mac\":\"02:00:00:00:00:01\",\"tunnel\":"
		"\"wan0:b\"}],\"needs\":[\"slice red\"]}");
	rig_settle();
	rig_state(INTENT_HOST, "h", INTENT_REFUSED);
	rig_state(INTENT_SLICE, "red", INTENT_REFUSED);
	json_object_clear(fake.refuse);
	rig_site(); /* concerns the slice, and only by it the host */
	rig_settle();
	rig_synced();
	rig_state(INTENT_SLICE, "red", INTENT_APPLIED);
	rig_state(INTENT_HOST, "h", INTENT_APPLIED);
}
END_TEST

/* Of the same name at two sites, as far as the slices say: only the one here is in the way. */
START_TEST(a_refused_wan_is_in_the_way_of_its_own_site)
{
	static const char slice[] =
		"{\"slice\":[{\"name\":\"%s\",\"vni\":%d}],\"needs\":[\"wan kt\"],"
		"\"endpoints\":[{\"site\":\"%s\",\"wan\":\"kt\"}]}";
	char spec[300];

	json_object_set_new(fake.refuse, "port kt", json_true());
	rig_site();
	fake_intent(
		rec, INTENT_WAN, "kt", "{\"port\":[{\"name\":\"kt\",\"device\":\"net_null9\"}]}");
	snprintf(spec, sizeof(spec), slice, "here", 100, "gj");
	fake_intent(rec, INTENT_SLICE, "here", spec);
	snprintf(spec, sizeof(spec), slice, "there", 101, "bs");
	fake_intent(rec, INTENT_SLICE, "there", spec);
	rig_settle();
	rig_state(INTENT_WAN, "kt", INTENT_REFUSED);
	rig_state(INTENT_SLICE, "here", INTENT_REFUSED);
	rig_state(INTENT_SLICE, "there", INTENT_APPLIED);
	json_object_clear(fake.refuse);
	rig_resync();
	rig_state(INTENT_SLICE, "here", INTENT_APPLIED);
	/* nor does anything pass where the port is there and its address is not */
	json_object_set_new(fake.refuse, "address kt 198.18.0.1/24", json_true());
	fake_intent(rec, INTENT_WAN, "kt",
		"{\"port\":[{\"name\":\"kt\",\"device\":\"net_null9\"}],"
		"\"address\":[{\"port\":\"kt\",\"prefix\":\"198.18.0.1/24\"}],"
		"\"addresses\":[\"198.18.0.1/24\"]}");
	rig_settle();
	rig_state(INTENT_WAN, "kt", INTENT_REFUSED);
	rig_state(INTENT_SLICE, "here", INTENT_REFUSED);
}
END_TEST

START_TEST(two_that_want_one_object_otherwise_are_told)
{
	rig_site();
	fake_intent(rec, INTENT_SLICE, "a", "{\"slice\":[{\"name\":\"x\",\"vni\":1}]}");
	fake_intent(rec, INTENT_SLICE, "b", "{\"slice\":[{\"name\":\"x\",\"vni\":2}]}");
	rig_settle();
	rig_state(INTENT_SLICE, "a", INTENT_APPLIED);
	rig_state(INTENT_SLICE, "b", INTENT_REFUSED);
	ck_assert_str_eq(rig_reason(INTENT_SLICE, "b"), "slice x: slice a wants it otherwise");
	fake_intent(rec, INTENT_SLICE, "a", NULL);
	rig_settle();
	rig_resync();
	rig_state(INTENT_SLICE, "b", INTENT_APPLIED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control_refused");
	TCase *tcase = tcase_create("one");

	tcase_add_checked_fixture(tcase, rig_start, rig_stop);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, one_refused_among_a_hundred_lets_the_others_in);
	tcase_add_test(tcase, one_that_is_refused_keeps_what_it_had);
	tcase_add_test(tcase, many_refused_are_found_at_once);
	tcase_add_test(tcase, what_cannot_be_compiled_is_refused_and_keeps_what_it_had);
	tcase_add_test(tcase, slices_that_swap_their_vnis_are_replaced);
	tcase_add_test(tcase, a_name_may_change_while_the_vni_stays);
	tcase_add_test(tcase, a_conflict_in_earnest_is_refused);
	tcase_add_test(tcase, a_mac_moves_off_an_attachment_that_goes);
	tcase_add_test(tcase, what_needs_a_refused_one_comes_when_that_does);
	tcase_add_test(tcase, a_refused_wan_is_in_the_way_of_its_own_site);
	tcase_add_test(tcase, two_that_want_one_object_otherwise_are_told);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
