/* SPDX-License-Identifier: BSD-3-Clause */
/* What a resync takes: memory for a page and for some leftovers, however much the dataplane holds.
 */
#include <check.h>
#include <malloc.h>
#include <stdio.h>

#include "../suite.h"
#include "reconciler.h"
#include "rig.h"

#define OBJECTS	   20000
#define PAGE	   100
#define LEFTOVERS  1000 /* that a resync remembers in these tests */
#define EACH_BYTES 64	/* a resync takes less for each object: 64 MB for a million */

/* ASan's, whose malloc is not counted by mallinfo2(). */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t allocated(void)
{
	if (__sanitizer_get_current_allocated_bytes)
		return __sanitizer_get_current_allocated_bytes();
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

static void put_meters(int count)
{
	char text[160];

	for (int i = 0; i < count; i++) {
		snprintf(text, sizeof(text),
			"{\"name\":\"m%d\",\"cir_bps\":8,\"cbs_bytes\":64,"
			"\"pir_bps\":8,\"pbs_bytes\":64}",
			i);
		fake_put(&fake, "meter", text);
	}
}

/* The fake's own copy for pages is made with the first of a type: what is compared is what comes
 * after that. */
START_TEST(a_resync_holds_a_page_and_not_the_list)
{
	static const char *const keep[] = {"meter", NULL};
	size_t first = 0, most = 0;
	uint32_t lists;

	rig_stop();
	rig_keep = keep;
	rig_start();
	rig_site();
	rig_settle();
	fake.page = PAGE;
	put_meters(OBJECTS);
	rig_resync();
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "meter"), OBJECTS);
	reconciler_resync(rec);
	while (rec->list != LIST_UNCLAIMED ||
		rec->list_type != OBJECT_METER)
		event_base_loop(base, EVLOOP_ONCE);
	lists = fake.lists;
	while (rec->list != LIST_NONE && rec->list_type == OBJECT_METER) {
		event_base_loop(base, EVLOOP_ONCE);
		if (fake.lists - lists < 2)
			continue;
		first = first ? first : allocated();
		most = allocated() > most ? allocated() : most;
	}
	ck_assert_uint_ge(fake.lists - lists, OBJECTS / PAGE);
	ck_assert_uint_gt(most, 0);
	ck_assert_msg(most < first + (size_t)OBJECTS * EACH_BYTES, "%zu bytes on top of %zu",
		most - first, first);
}
END_TEST

/* More than a resync remembers. Nothing looks for who names them: that takes the fake too long. */
static void put_leftovers(void)
{
	fake.references = false;
	rec->leftovers_most = LEFTOVERS;
	put_meters(2 * LEFTOVERS + 300);
}

static uint64_t most_known;

static bool is_clean(void)
{
	most_known = rig_counters().actual > most_known ? rig_counters().actual : most_known;
	return rig_counters().synced && !fake_count(&fake, "meter");
}

START_TEST(leftovers_beyond_what_is_remembered_go_all_the_same)
{
	rig_site();
	rig_settle();
	put_leftovers();
	most_known = 0;
	reconciler_resync(rec);
	run_for(base, 1);
	ck_assert(rig_until(is_clean));
	ck_assert_uint_le(most_known, LEFTOVERS + 100);
	ck_assert_uint_eq(fake_count(&fake, "port"), 1);
	ck_assert_uint_eq(fake.refused, 0);
}
END_TEST

START_TEST(after_a_restart_what_is_wanted_is_no_leftover)
{
	rig_site();
	rig_slice("blue", 100);
	rig_settle();
	put_leftovers();
	fake.applied = 0;
	most_known = 0;
	rig_restart();
	rec->leftovers_most = LEFTOVERS;
	ck_assert(rig_until(is_clean));
	ck_assert_uint_ge(most_known, LEFTOVERS); /* nothing goes before all is listed */
	ck_assert_uint_le(most_known, LEFTOVERS + 100);
	ck_assert_ptr_nonnull(fake_get(&fake, "slice", "blue"));
	rig_state(INTENT_SLICE, "blue", INTENT_APPLIED);
	ck_assert_uint_eq(fake.refused, 0);
}
END_TEST

static bool has_one_group(void)
{
	return json_object_size(json_object_get(fake.groups, "intent")) == 1;
}

/* More groups of intents that are not there any more than go in one call, and other resyncs begin
 * while a call about them is out. */
START_TEST(groups_of_no_intent_go_whatever_comes_between)
{
	json_t *groups;
	char owner[24];

	rig_site();
	rig_settle();
	groups = json_object_get(fake.groups, "intent");
	for (int i = 0; i < 2500; i++) {
		snprintf(owner, sizeof(owner), "slice ghost%d", i);
		json_object_set_new(
			groups, owner, json_pack("{s:i, s:{}}", "revision", 5, "objects"));
	}
	for (int i = 0; i < 40; i++) {
		reconciler_resync(rec);
		run_for(base, 2);
	}
	ck_assert(rig_until(has_one_group));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control_resync");
	TCase *tcase = tcase_create("resync");

	tcase_add_checked_fixture(tcase, rig_start, rig_stop);
	tcase_set_timeout(tcase, 240);
	tcase_add_test(tcase, a_resync_holds_a_page_and_not_the_list);
	tcase_add_test(tcase, leftovers_beyond_what_is_remembered_go_all_the_same);
	tcase_add_test(tcase, after_a_restart_what_is_wanted_is_no_leftover);
	tcase_add_test(tcase, groups_of_no_intent_go_whatever_comes_between);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
