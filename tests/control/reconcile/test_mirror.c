/* SPDX-License-Identifier: BSD-3-Clause */
/* The reconciler between fakes: what the kernel says beside what intents want. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "../suite.h"
#include "rig.h"

#define NEIGHBOR "{\"port\":\"lan0\",\"address\":\"198.18.0.9\",\"mac\":\"02:00:00:00:00:0%d\"}"

#define TUNNEL(name, remote)                                                                       \
	"{\"name\":\"" name "\",\"encap\":\"vxlan\",\"local\":\"198.18.0.1\",\"remote\":\"" remote \
	"\"}"

static void neighbor(int mac, bool there)
{
	char object[200];

	snprintf(object, sizeof(object), NEIGHBOR, mac);
	rig_mirror("neighbor", object, there);
}

static const char *neighbor_mac(void)
{
	return json_string_value(
		json_object_get(fake_get(&fake, "neighbor", "lan0 198.18.0.9"), "mac"));
}

/* Some routes of slice blue, which is there. */
static void routes(int count)
{
	rig_site();
	rig_slice("blue", 100);
	rig_settle();
	for (int i = 0; i < count; i++)
		rig_route(i, true);
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "route"), count);
}

static bool has_looked(void)
{
	return rig_counters().resyncs > 0;
}

START_TEST(what_the_kernel_says_comes_changes_and_goes)
{
	neighbor(1, true);
	ck_assert(rig_until(has_looked));
	run_for(base, 50);
	ck_assert_uint_eq(fake.applied, 0); /* nothing is touched before the first commit */
	rig_site();
	rig_settle();
	rig_synced();
	ck_assert_str_eq(neighbor_mac(), "02:00:00:00:00:01");
	neighbor(2, true);
	rig_synced();
	ck_assert_str_eq(neighbor_mac(), "02:00:00:00:00:02");
	ck_assert_uint_eq(rig_counters().mirrored, 1);
	neighbor(2, false);
	rig_synced();
	ck_assert_ptr_null(neighbor_mac());
	ck_assert_uint_eq(rig_counters().mirrored, 0);
	ck_assert_uint_eq(rig_counters().actual, 2);
	ck_assert_uint_eq(rig_counters().desired, 2);
	ck_assert_uint_eq(fake.refused, 0);
}
END_TEST

START_TEST(an_intent_goes_before_the_kernel)
{
	rig_site();
	neighbor(1, true);
	rig_settle();
	rig_synced();
	fake_intent(rec, INTENT_HOST, "h",
		"{\"neighbor\":[{\"port\":\"lan0\",\"address\":\"198.18.0.9\",\"mac\":"
		"\"02:00:00:00:00:05\"}]}");
	rig_settle();
	ck_assert_str_eq(neighbor_mac(), "02:00:00:00:00:05");
	ck_assert_uint_eq(rig_counters().mirrored_shadowed, 1);
	neighbor(2, true);
	rig_synced();
	ck_assert_str_eq(neighbor_mac(), "02:00:00:00:00:05");
	/* and the kernel's is there at once when the intent goes */
	fake.keep = true;
	fake_intent(rec, INTENT_HOST, "h", NULL);
	rig_settle();
	rig_synced();
	ck_assert_str_eq(neighbor_mac(), "02:00:00:00:00:02");
	ck_assert_uint_eq(rig_counters().mirrored_shadowed, 0);
	ck_assert_uint_eq(json_array_size(fake.transactions), 1);
	/* and stays when an intent comes and the kernel's goes */
	fake_intent(rec, INTENT_HOST, "h",
		"{\"neighbor\":[{\"port\":\"lan0\",\"address\":\"198.18.0.9\",\"mac\":"
		"\"02:00:00:00:00:05\"}]}");
	neighbor(2, false);
	rig_settle();
	rig_synced();
	ck_assert_str_eq(neighbor_mac(), "02:00:00:00:00:05");
	rig_resync();
	ck_assert_uint_eq(rig_counters().drift_total, 0);
}
END_TEST

static int refused;
static void on_refused(enum object_type type, const char *key, const char *reason, void *arg)
{
	refused++;
	ck_assert_ptr_nonnull(reason);
}

START_TEST(one_that_is_refused_is_set_aside)
{
	json_object_set_new(fake.refuse, "route blue 10.0.42.0/24", json_true());
	rig_site();
	rig_slice("blue", 100);
	rig_settle();
	for (int i = 0; i < 100; i++)
		rig_route(i, true);
	rig_slice("red", 200);
	rig_settle();
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "route"), 99);
	rig_state(INTENT_SLICE, "red", INTENT_APPLIED);
	ck_assert_uint_eq(rig_counters().mirrored_refused, 1);
	ck_assert_uint_eq(rig_counters().refused, 0);
	ck_assert_str_eq(reconciler_mirror_reason(rec, OBJECT_ROUTE, "blue 10.0.42.0/24"),
		"it is refused, as the test wants it");
	ck_assert_ptr_null(reconciler_mirror_reason(rec, OBJECT_ROUTE, "blue 10.0.41.0/24"));
	refused = 0;
	reconciler_mirror_refused(rec, on_refused, NULL);
	ck_assert_int_eq(refused, 1);
	/* it is tried again when something else was applied, and at a resync */
	json_object_clear(fake.refuse);
	if (_i)
		rig_resync();
	else
		rig_slice("green", 300);
	rig_settle();
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "route"), 100);
	ck_assert_uint_eq(rig_counters().mirrored_refused, 0);
}
END_TEST

START_TEST(what_names_what_is_not_there_waits_for_it)
{
	rig_site();
	rig_settle();
	for (int i = 0; i < 100; i++)
		rig_route(i, true);
	rig_synced();
	ck_assert_uint_eq(rig_counters().mirrored_waiting, 100);
	ck_assert_str_eq(reconciler_mirror_reason(rec, OBJECT_ROUTE, "blue 10.0.42.0/24"),
		"waits for attachment blue:lan0.101");
	rig_slice("blue", 100);
	rig_settle();
	rig_synced();
	ck_assert_uint_eq(rig_counters().mirrored_waiting, 0);
	ck_assert_uint_eq(fake_count(&fake, "route"), 100);
	for (int i = 0; i < 100; i++)
		rig_route(i, false);
	fake_intent(rec, INTENT_SLICE, "blue", NULL);
	rig_settle();
	rig_synced();
	ck_assert_uint_eq(rig_counters().actual, 2);
}
END_TEST

START_TEST(what_needs_what_goes_is_carried_along)
{
	int count = _i ? 9000 : 100; /* many: by portions before */

	routes(count);
	reconciler_resync(rec); /* amid */
	fake_intent(rec, INTENT_SLICE, "blue", NULL);
	rig_settle();
	ck_assert_ptr_null(fake_get(&fake, "slice", "blue"));
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "route"), 0);
	ck_assert_uint_eq(fake.refused, 0);
	ck_assert_uint_eq(rig_counters().mirrored_waiting, count);
	rig_slice("blue", 100);
	rig_settle();
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "route"), count);
	/* put anew: its name is another one's VNI */
	rig_slice("red", 150);
	rig_settle();
	rig_slice("red", 100);
	rig_slice("blue", 150);
	rig_slice("blue", 100);
	fake_intent(rec, INTENT_SLICE, "red", NULL);
	rig_settle();
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "route"), count);
	rig_resync();
	ck_assert_uint_eq(rig_counters().drift_total, 0);
}
END_TEST

START_TEST(a_restart_of_control_deletes_and_puts_nothing)
{
	routes(3000);
	fake.applied = 0;
	rig_mirror_comes = true;
	rig_restart();
	rig_settle();
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "route"), 3000);
	for (int i = 0; i < 2999; i++)
		rig_route(i, true);
	rig_synced();
	ck_assert_uint_eq(fake.applied, 0);
	reconciler_mirror_ready(rec, true);
	rig_synced();
	/* one that the kernel does not say any more goes now, and no other */
	ck_assert_uint_eq(fake.applied, 1);
	ck_assert_uint_eq(fake_count(&fake, "route"), 2999);
	rig_resync();
	ck_assert_uint_eq(rig_counters().drift_total, 0);
}
END_TEST

START_TEST(a_mirror_that_begins_anew_takes_back_what_it_does_not_say_again)
{
	routes(3000);
	reconciler_mirror_ready(rec, false);
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "route"), 3000);
	fake.applied = 0;
	for (int i = 0; i < 2000; i++)
		rig_route(i, true);
	reconciler_mirror_ready(rec, false); /* once more, before its picture was whole */
	rig_route(2999, false);
	for (int i = 1; i < 2998; i++)
		rig_route(i, true);
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "route"), 2999);
	reconciler_mirror_ready(rec, true);
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "route"), 2997);
	ck_assert_uint_eq(fake.applied, 2); /* of 2999, and of those two */
	ck_assert_uint_eq(rig_counters().mirrored, 2997);
}
END_TEST

START_TEST(what_waits_and_what_it_waits_for_go_together)
{
	/* the attachment, which was never there and is of no use but to who waits for it, is the
	 * next item in order */
	rig_site();
	rig_settle();
	rig_route(1, true);
	rig_synced();
	ck_assert_uint_eq(rig_counters().mirrored_waiting, 1);
	reconciler_mirror_ready(rec, false);
	reconciler_mirror_ready(rec, true);
	rig_settle();
	ck_assert_uint_eq(rig_counters().mirrored, 0);
	ck_assert_uint_eq(rig_counters().mirrored_waiting, 0);
}
END_TEST

static bool has_all_routes(void)
{
	return fake_count(&fake, "route") == 3000;
}

START_TEST(another_dataplane_gets_all_again)
{
	routes(3000);
	rig_lose();
	fake_again(&fake, true);
	ck_assert(rig_until(has_all_routes));
	rig_synced();
	ck_assert_uint_eq(rig_counters().mirrored_refused, 0);
	ck_assert_uint_eq(rig_counters().mirrored_waiting, 0);
	ck_assert_uint_eq(rig_counters().drift_total, 0);
}
END_TEST

static bool has_routes(void)
{
	return fake_count(&fake, "route") > 0;
}

static bool has_neighbor(void)
{
	return neighbor_mac() != NULL;
}

/* As each transaction comes in: in the end those that were there before the neighbour. */
static size_t routes_there;
static void count_routes(struct fake *f)
{
	if (!has_neighbor())
		routes_there = fake_count(f, "route");
}

START_TEST(a_neighbor_does_not_wait_for_the_routes)
{
	size_t routes_before;

	rig_site();
	rig_slice("blue", 100);
	rig_settle();
	for (int i = 0; i < 20000; i++)
		rig_route(i, true);
	ck_assert(rig_until(has_routes));
	routes_before = fake_count(&fake, "route");
	fake.before_transaction = count_routes;
	neighbor(1, true);
	ck_assert(rig_until(has_neighbor));
	/* behind what was out, and perhaps one that was begun */
	ck_assert_uint_le(routes_there, routes_before + 2 * 2000);
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "route"), 20000);
}
END_TEST

START_TEST(an_intent_takes_the_place_of_what_the_kernel_says)
{
	rig_site();
	rig_mirror("tunnel", TUNNEL("evpn", "198.18.0.2"), true);
	rig_settle();
	rig_synced();
	rig_mirror("member", "{\"slice\":\"blue\",\"tunnel\":\"evpn\"}", true);
	rig_slice("blue", 100); /* by tunnel wan0:b to the same place */
	rig_settle();
	rig_state(INTENT_SLICE, "blue", INTENT_APPLIED);
	rig_synced();
	ck_assert_ptr_nonnull(fake_get(&fake, "tunnel", "wan0:b"));
	ck_assert_ptr_null(fake_get(&fake, "tunnel", "evpn"));
	ck_assert_uint_eq(rig_counters().mirrored_refused, 1);
	ck_assert_uint_eq(rig_counters().mirrored_waiting, 1);
	/* and gets it back */
	fake_intent(rec, INTENT_SLICE, "blue", "{\"slice\":[{\"name\":\"blue\",\"vni\":100}]}");
	rig_settle();
	rig_synced();
	ck_assert_ptr_nonnull(fake_get(&fake, "member", "blue evpn"));
	ck_assert_uint_eq(rig_counters().mirrored_refused, 0);
}
END_TEST

static bool is_refused_by_one(void)
{
	return rig_counters().mirrored_refused == 1;
}

START_TEST(what_was_said_before_goes_when_what_is_said_now_is_refused)
{
	rig_site();
	rig_mirror("tunnel", TUNNEL("evpn", "198.18.0.9"), true);
	rig_settle();
	rig_synced();
	ck_assert_ptr_nonnull(fake_get(&fake, "tunnel", "evpn"));
	json_object_set_new(fake.refuse, "tunnel evpn", json_true());
	rig_mirror("tunnel", TUNNEL("evpn", "198.18.0.8"), true);
	ck_assert(rig_until(is_refused_by_one));
	ck_assert_ptr_null(fake_get(&fake, "tunnel", "evpn"));
}
END_TEST

/* What an intent stands on stays although the kernel has it no more, and is not asked about again
 * and again; it goes with what stands on it. */
START_TEST(what_cannot_go_is_not_tried_without_end)
{
	uint32_t calls;

	rig_site();
	rig_slice("blue", 100);
	rig_mirror("tunnel", TUNNEL("evpn", "198.18.0.9"), true);
	rig_settle();
	rig_synced();
	fake_intent(
		rec, INTENT_HOST, "h", "{\"member\":[{\"slice\":\"blue\",\"tunnel\":\"evpn\"}]}");
	rig_settle();
	rig_state(INTENT_HOST, "h", INTENT_APPLIED);
	rig_mirror("tunnel", TUNNEL("evpn", "198.18.0.9"), false);
	ck_assert(rig_until(is_refused_by_one));
	calls = fake.calls;
	run_for(base, 300);
	ck_assert_uint_le(fake.calls, calls + 10);
	ck_assert_ptr_nonnull(fake_get(&fake, "tunnel", "evpn"));
	rig_state(INTENT_HOST, "h", INTENT_APPLIED);
	fake_intent(rec, INTENT_HOST, "h", NULL);
	rig_settle();
	rig_synced();
	ck_assert_ptr_null(fake_get(&fake, "tunnel", "evpn"));
	ck_assert_uint_eq(rig_counters().mirrored_refused, 0);
}
END_TEST

START_TEST(where_there_is_no_room_the_kernel_gives_way)
{
	json_object_set_new(fake.limits, "route", json_integer(60));
	rig_site();
	rig_slice("blue", 100);
	rig_settle();
	for (int i = 0; i < 100; i++)
		rig_route(i, true);
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "route"), 60);
	ck_assert_uint_eq(rig_counters().mirrored_refused, 40);
	fake_intent(rec, INTENT_HOST, "h",
		"{\"route\":[{\"table\":\"blue\",\"prefix\":\"11.0.0.0/8\",\"via\":[{\"address\":"
		"\"198.18.1.2\",\"attachment\":\"blue:lan0.101\"}]}]}");
	rig_settle();
	rig_state(INTENT_HOST, "h", INTENT_APPLIED);
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "route"), 60);
	ck_assert_ptr_nonnull(fake_get(&fake, "route", "blue 11.0.0.0/8"));
	/* each that goes makes room for one that was refused */
	for (int i = 0; i < 41; i++)
		rig_route(i, false);
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "route"), 60);
	ck_assert_uint_eq(rig_counters().mirrored_refused, 0);
}
END_TEST

START_TEST(an_intent_may_go_before_the_picture_is_whole)
{
	routes(50);
	rig_mirror_comes = true;
	rig_restart();
	rig_settle();
	fake_intent(rec, INTENT_SLICE, "blue", NULL);
	rig_settle();
	rig_synced();
	ck_assert_ptr_null(fake_get(&fake, "slice", "blue"));
	ck_assert_uint_eq(fake_count(&fake, "route"), 0);
	reconciler_mirror_ready(rec, true);
	rig_synced();
}
END_TEST

static void say_amid(struct fake *f)
{
	f->before_transaction = NULL;
	neighbor(2, true);
	neighbor(3, true);
	neighbor(4, f->arg == NULL);
}

START_TEST(what_is_said_while_it_is_out_follows)
{
	rig_site();
	rig_settle();
	fake.before_transaction = say_amid;
	fake.arg = _i ? &fake : NULL;
	neighbor(1, true);
	rig_synced();
	if (_i)
		ck_assert_ptr_null(neighbor_mac());
	else
		ck_assert_str_eq(neighbor_mac(), "02:00:00:00:00:04");
	rig_resync();
	ck_assert_uint_eq(rig_counters().drift_total, 0);
}
END_TEST

START_TEST(drift_of_what_the_kernel_says_is_put_right)
{
	routes(100);
	rig_resync();
	fake_lose(&fake, "kernel", "route blue 10.0.7.0/24");
	fake_lose(&fake, "kernel", "route blue 10.0.8.0/24");
	rig_resync();
	ck_assert_uint_eq(rig_counters().mirrored_drift_total, 2);
	ck_assert_uint_eq(fake_count(&fake, "route"), 100);
	rig_resync();
	ck_assert_uint_eq(rig_counters().drift_last, 0);
}
END_TEST

static int applied_told, each_count;
static void on_applied(void *arg)
{
	applied_told++;
}
static void on_each(const char *key, const char *text, void *arg)
{
	each_count++;
	ck_assert(strstr(text, "\"name\":\"") != NULL);
}

START_TEST(what_is_wanted_can_be_read)
{
	uint64_t before = reconciler_generation(rec, OBJECT_PORT);

	reconciler_on_applied(rec, on_applied, NULL);
	rig_site();
	rig_slice("blue", 100);
	rig_slice("red", 200);
	rig_settle();
	ck_assert_int_gt(applied_told, 0);
	ck_assert_uint_ne(reconciler_generation(rec, OBJECT_PORT), before);
	reconciler_each(rec, OBJECT_ATTACHMENT, on_each, NULL);
	ck_assert_int_eq(each_count, 2);
	before = reconciler_generation(rec, OBJECT_PORT);
	neighbor(1, true);
	rig_synced();
	ck_assert_uint_eq(reconciler_generation(rec, OBJECT_PORT), before);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control_reconcile_mirror");
	TCase *tcase = tcase_create("one");

	tcase_add_checked_fixture(tcase, rig_start, rig_stop);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, what_the_kernel_says_comes_changes_and_goes);
	tcase_add_test(tcase, an_intent_goes_before_the_kernel);
	tcase_add_loop_test(tcase, one_that_is_refused_is_set_aside, 0, 2);
	tcase_add_test(tcase, what_names_what_is_not_there_waits_for_it);
	tcase_add_loop_test(tcase, what_needs_what_goes_is_carried_along, 0, 2);
	tcase_add_test(tcase, a_restart_of_control_deletes_and_puts_nothing);
	tcase_add_test(tcase, another_dataplane_gets_all_again);
	tcase_add_test(tcase, a_neighbor_does_not_wait_for_the_routes);
	tcase_add_test(tcase, an_intent_takes_the_place_of_what_the_kernel_says);
	tcase_add_test(tcase, what_was_said_before_goes_when_what_is_said_now_is_refused);
	tcase_add_test(tcase, what_cannot_go_is_not_tried_without_end);
	tcase_add_test(tcase, where_there_is_no_room_the_kernel_gives_way);
	tcase_add_test(tcase, an_intent_may_go_before_the_picture_is_whole);
	tcase_add_test(tcase, a_mirror_that_begins_anew_takes_back_what_it_does_not_say_again);
	tcase_add_test(tcase, what_waits_and_what_it_waits_for_go_together);
	tcase_add_loop_test(tcase, what_is_said_while_it_is_out_follows, 0, 2);
	tcase_add_test(tcase, drift_of_what_the_kernel_says_is_put_right);
	tcase_add_test(tcase, what_is_wanted_can_be_read);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
