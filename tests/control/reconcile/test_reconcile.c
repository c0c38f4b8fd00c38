/* SPDX-License-Identifier: BSD-3-Clause */
/* The reconciler between fakes: what is wanted comes to be, changes, goes; restarts, drift, cuts.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "rig.h"

static bool has_looked(void)
{
	return rig_counters().resyncs > 0;
}

START_TEST(nothing_is_touched_before_the_first_commit)
{
	fake_put(&fake, "port", "{\"name\":\"mine\",\"device\":\"net_null7\"}");
	ck_assert(rig_until(has_looked));
	run_for(base, 100);
	ck_assert_uint_eq(rig_counters().resyncs, 1);
	ck_assert_uint_eq(fake_count(&fake, "port"), 1);
	ck_assert_uint_eq(fake.applied, 0);
	ck_assert(rig_counters().synced); /* nothing is wanted */
	/* a world that was emptied is another thing */
	reconciler_touch_all(rec);
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "port"), 0);
}
END_TEST

START_TEST(intents_come_change_and_go_in_one_transaction_each)
{
	rig_site();
	rig_slice("blue", 100);
	rig_settle();
	rig_state(INTENT_SITE, "gj", INTENT_APPLIED);
	rig_state(INTENT_SLICE, "blue", INTENT_APPLIED);
	ck_assert_uint_eq(fake.applied, 1);
	ck_assert_uint_eq(fake.refused, 0);
	ck_assert_ptr_nonnull(fake_get(&fake, "member", "blue wan0:b"));
	ck_assert_int_eq(rig_statuses, 2);

	rig_slice("blue", 200);
	rig_state(INTENT_SLICE, "blue", INTENT_PENDING);
	rig_settle();
	ck_assert_uint_eq(fake.applied, 2);
	ck_assert_uint_eq(fake_count(&fake, "attachment"), 1);
	ck_assert_ptr_nonnull(fake_get(&fake, "attachment", "blue:lan0.201"));
	ck_assert_int_eq(rig_statuses, 3);

	fake_intent(rec, INTENT_SLICE, "blue", NULL);
	fake_intent(rec, INTENT_SITE, "gj", NULL);
	rig_settle();
	ck_assert_uint_eq(fake.applied, 3);
	ck_assert_uint_eq(fake.refused, 0);
	for (int type = 0; type < OBJECT_TYPES; type++)
		ck_assert_uint_eq(fake_count(&fake, api_types[type].name), 0);
	rig_synced();
	ck_assert_uint_eq(rig_counters().actual, 0);
	ck_assert_uint_eq(rig_counters().desired, 0);
}
END_TEST

START_TEST(a_change_compiles_itself_and_its_dependents)
{
	char name[16];

	rig_site();
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		rig_slice(name, 100 + i);
	}
	rig_settle();
	fake_compiled = 0;
	rig_slice("s3", 500);
	rig_settle();
	ck_assert_int_eq(fake_compiled, 1);
	rig_site();
	rig_settle();
	ck_assert_int_eq(fake_compiled, 22);
	ck_assert_uint_eq(fake.applied, 2); /* the site is as it was */
}
END_TEST

START_TEST(shared_objects_stay_until_the_last_one_goes)
{
	rig_site();
	rig_slice_in("blue", 100, "gold");
	rig_slice_in("red", 200, "gold");
	rig_settle();
	ck_assert_uint_eq(fake_count(&fake, "meter"), 1);
	ck_assert_uint_eq(fake_count(&fake, "tunnel"), 1);
	fake_intent(rec, INTENT_SLICE, "blue", NULL);
	rig_settle();
	ck_assert_uint_eq(fake_count(&fake, "meter"), 1);
	rig_slice("red", 200);
	rig_settle();
	ck_assert_uint_eq(fake_count(&fake, "meter"), 0);
	ck_assert_uint_eq(fake_count(&fake, "tunnel"), 1);
	fake_intent(rec, INTENT_SLICE, "red", NULL);
	rig_settle();
	ck_assert_uint_eq(fake_count(&fake, "tunnel"), 0);
	ck_assert_uint_eq(fake.refused, 0);
}
END_TEST

START_TEST(a_restart_that_loses_all_is_made_good_without_news)
{
	rig_site();
	rig_slice("blue", 100);
	json_object_set_new(fake.refuse, "slice red", json_true());
	rig_slice("red", 200);
	rig_settle();
	rig_state(INTENT_SLICE, "red", INTENT_REFUSED);
	rig_statuses = 0;
	fake_intent(rec, INTENT_LOCAL_NETWORK, "edge", "{}"); /* has no objects of its own */
	rig_settle();
	rig_statuses = 0;
	rig_lose();
	ck_assert(!rig_counters().synced);
	json_object_clear(fake.refuse);
	fake_again(&fake, true);
	rig_synced();
	rig_state(INTENT_LOCAL_NETWORK, "edge", INTENT_APPLIED);
	ck_assert_uint_eq(rig_counters().pending, 0);
	ck_assert_ptr_nonnull(fake_get(&fake, "attachment", "blue:lan0.101"));
	rig_state(INTENT_SLICE, "blue", INTENT_APPLIED);
	rig_state(INTENT_SLICE, "red", INTENT_APPLIED); /* another one may take what was refused */
	ck_assert_int_eq(rig_statuses, 1);
	ck_assert_uint_eq(rig_counters().drift_total, 0);
}
END_TEST

START_TEST(a_restart_of_control_deletes_nothing_that_is_wanted)
{
	rig_site();
	rig_slice("blue", 100);
	rig_settle();
	fake_put(&fake, "slice", "{\"name\":\"left\",\"vni\":77}");
	fake.keep = true;
	rig_restart();
	rig_settle();
	rig_synced();
	ck_assert_ptr_null(fake_get(&fake, "slice", "left"));
	ck_assert_uint_eq(json_array_size(fake.transactions), 1);
	ck_assert_uint_eq(
		json_array_size(json_object_get(json_array_get(fake.transactions, 0), "ops")), 1);
	ck_assert_uint_eq(rig_counters().drift_total, 0);
}
END_TEST

START_TEST(leftovers_that_name_each_other_go_together)
{
	fake.references = true;
	rig_site();
	rig_slice_in("blue", 100, "new");
	rig_settle();
	fake_put(&fake, "meter",
		"{\"name\":\"old\",\"cir_bps\":8,\"cbs_bytes\":64,\"pir_bps\":8,\"pbs_bytes\":64}");
	fake_put(&fake, "slice", "{\"name\":\"green\",\"vni\":101,\"meter\":\"old\"}");
	rig_restart();
	rig_settle();
	rig_synced();
	ck_assert_ptr_null(fake_get(&fake, "meter", "old"));
	ck_assert_uint_eq(rig_counters().resyncs, 1);
	ck_assert_uint_eq(rig_counters().differing, 0);
}
END_TEST

static bool has_drifted(void)
{
	/* drift is counted when the dataplane has answered, not when it has done it */
	return rig_counters().drift_total > 0 && !fake_get(&fake, "slice", "late");
}

START_TEST(what_an_old_connection_has_done_late_is_found_soon)
{
	uint32_t lists;

	rig_second_look_ms = 500;
	rig_site();
	rig_slice("blue", 100);
	rig_settle();
	do { /* until the second look has not begun yet */
		rig_restart();
		lists = fake.lists;
		rig_settle();
		ck_assert(rig_until(has_looked));
	} while (fake.lists - lists > OBJECT_TYPES + 2); /* two of groups */
	fake_put(&fake, "slice", "{\"name\":\"late\",\"vni\":900}");
	ck_assert(rig_until(has_drifted));
	ck_assert_ptr_null(fake_get(&fake, "slice", "late"));
	ck_assert_uint_eq(rig_counters().drift_total, 1);
}
END_TEST

START_TEST(drift_is_told_and_put_right)
{
	rig_site();
	rig_slice("blue", 100);
	rig_settle();
	rig_resync();
	ck_assert_uint_eq(rig_counters().drift_last, 0);
	fake_lose(&fake, "intent", "slice blue");
	fake_put(&fake, "meter",
		"{\"name\":\"m\",\"cir_bps\":8,\"cbs_bytes\":64,\"pir_bps\":8,\"pbs_bytes\":64}");
	rig_resync();
	ck_assert_uint_eq(rig_counters().drift_total, 5);
	ck_assert_uint_eq(rig_counters().drift_last, 5);
	ck_assert_int_eq(
		json_integer_value(json_object_get(fake_get(&fake, "slice", "blue"), "vni")), 100);
	ck_assert_ptr_nonnull(fake_get(&fake, "attachment", "blue:lan0.101"));
	ck_assert_uint_eq(fake_count(&fake, "meter"), 0);
	rig_resync();
	ck_assert_uint_eq(rig_counters().drift_last, 0);
	ck_assert_uint_eq(rig_counters().drift_total, 5);
}
END_TEST

START_TEST(what_is_to_be_kept_is_kept)
{
	static const char *const keep[] = {"meter", "slice lab-*", NULL};

	rig_stop();
	rig_keep = keep;
	rig_start();
	fake_put(&fake, "meter",
		"{\"name\":\"m\",\"cir_bps\":8,\"cbs_bytes\":64,\"pir_bps\":8,\"pbs_bytes\":64}");
	fake_put(&fake, "slice", "{\"name\":\"lab-1\",\"vni\":70}");
	fake_put(&fake, "slice", "{\"name\":\"other\",\"vni\":71}");
	fake_put(&fake, "slice", "{\"name\":\"late\",\"vni\":72}");
	rig_site();
	rig_settle();
	rig_synced();
	rig_resync();
	ck_assert_uint_eq(fake_count(&fake, "meter"), 1);
	ck_assert_ptr_nonnull(fake_get(&fake, "slice", "lab-1"));
	ck_assert_ptr_null(fake_get(&fake, "slice", "other"));
	ck_assert_ptr_null(fake_get(&fake, "slice", "late"));
}
END_TEST

static void change_amid(struct fake *f)
{
	f->before_transaction = NULL;
	rig_slice("blue", 300);
	rig_slice("red", 200);
}

START_TEST(changes_while_one_is_out_follow_it)
{
	rig_site();
	rig_settle();
	fake.before_transaction = change_amid;
	rig_slice("blue", 100);
	rig_settle();
	run_for(base, 50);
	rig_settle();
	ck_assert_int_eq(
		json_integer_value(json_object_get(fake_get(&fake, "slice", "blue"), "vni")), 300);
	ck_assert_ptr_nonnull(fake_get(&fake, "slice", "red"));
	ck_assert_uint_eq(fake_count(&fake, "attachment"), 2);
	ck_assert_uint_eq(fake.applied, 3);
	rig_resync();
	ck_assert_uint_eq(rig_counters().drift_total, 0);
}
END_TEST

START_TEST(one_with_nothing_here_is_elsewhere)
{
	fake_stop(&fake); /* for that no dataplane is needed */
	fake_intent(rec, INTENT_SLICE, "far", "{}");
	rig_settle();
	rig_state(INTENT_SLICE, "far", INTENT_ELSEWHERE);
	fake_intent(rec, INTENT_LOCAL_NETWORK, "edge", "{}");
	rig_settle();
	rig_state(INTENT_LOCAL_NETWORK, "edge", INTENT_APPLIED);
	fake_again(&fake, false);
}
END_TEST

START_TEST(what_has_nothing_here_any_more_goes_after_a_restart)
{
	rig_site();
	rig_slice("blue", 100);
	rig_settle();
	fake_stop(&fake);
	fake_intent(rec, INTENT_SLICE, "blue", "{}");
	rig_restart();
	fake_again(&fake, false);
	rig_settle();
	rig_synced();
	rig_state(INTENT_SLICE, "blue", INTENT_ELSEWHERE);
	ck_assert_ptr_null(fake_get(&fake, "slice", "blue"));
	ck_assert_uint_eq(rig_counters().actual, 2);
}
END_TEST

static int timeouts, dones;
static void on_wait(bool settled, void *arg)
{
	dones += settled;
	timeouts += !settled;
}

static bool is_done(void)
{
	return dones == 1;
}

START_TEST(waiting_ends_when_settled_in_time_or_cancelled)
{
	uint64_t number;

	reconciler_wait(rec, 60000, on_wait, NULL);
	ck_assert_int_eq(dones, 0); /* never from within */
	ck_assert(rig_until(is_done));
	rig_lose();
	rig_site();
	reconciler_wait(rec, 50, on_wait, NULL);
	number = reconciler_wait(rec, 60, on_wait, NULL);
	reconciler_wait_cancel(rec, number);
	run_for(base, 150);
	ck_assert_int_eq(timeouts, 1);
	ck_assert_int_eq(dones, 1);
	reconciler_wait(rec, 60000, on_wait, NULL); /* still waits at the end */
	fake_again(&fake, true);
	rig_settle();
	ck_assert_int_eq(dones, 2);
	rig_slice("blue", 1);
	reconciler_wait(rec, 60000, on_wait, NULL);
}
END_TEST

static bool is_hung(void)
{
	return dataplane_state(dp) == DATAPLANE_HUNG;
}

START_TEST(one_that_hangs_gets_it_when_it_goes_on)
{
	rig_site();
	rig_settle();
	fake.hang = true;
	dataplane_set_patience(dp, 50, 50, 2);
	rig_slice("blue", 100);
	ck_assert(rig_until(is_hung));
	run_for(base, 200);
	ck_assert(is_hung());
	rig_state(INTENT_SLICE, "blue", INTENT_PENDING);
	fake.hang = false;
	dataplane_set_patience(dp, 5000, 20000, 2); /* the machine may be busy */
	rig_settle();
	rig_state(INTENT_SLICE, "blue", INTENT_APPLIED);
	rig_synced();
	ck_assert_uint_eq(rig_counters().drift_total, 0);
}
END_TEST

/* More than goes in one call, and all share a meter: those that go first are not refused because
 * of those that will want the same. */
START_TEST(what_many_share_changes_over_several_calls)
{
	char name[16], spec[600];

	rig_site();
	rig_settle();
	for (int rate = 1000; rate <= 2000; rate += 1000) {
		for (int i = 0; i < 1500; i++) {
			snprintf(name, sizeof(name), "s%d", i);
			snprintf(spec, sizeof(spec),
				"{\"meter\":[{\"name\":\"gold\",\"cir_bps\":%d,\"cbs_bytes\":"
				"100000}],"
				"\"slice\":[{\"name\":\"%s\",\"vni\":%d,\"meter\":\"gold\"}],"
				"\"needs\":[\"site gj\"]}",
				rate, name, 1 + i);
			fake_intent(rec, INTENT_SLICE, name, spec);
		}
		rig_settle();
		rig_synced();
		ck_assert_uint_eq(rig_counters().transactions_refused, 0);
	}
	ck_assert_uint_gt(rig_counters().transactions, 4);
	ck_assert_int_eq(
		json_integer_value(json_object_get(fake_get(&fake, "meter", "gold"), "cir_bps")),
		2000);
}
END_TEST

START_TEST(a_large_world_goes_in_several_transactions)
{
	int slices = getenv("SLUICE_QUICK") ? 2000 : 15000;
	char name[16];
	uint64_t from;

	rig_site();
	for (int i = 0; i < slices; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		rig_slice_in(name, 1000 + i, "gold");
	}
	fake.references = false; /* the fake looks for them the slow way */
	from = rig_counters().transactions;
	rig_settle();
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "slice"), slices);
	ck_assert_uint_eq(fake_count(&fake, "member"), slices);
	ck_assert_uint_gt(rig_counters().transactions - from, 1);
	ck_assert_uint_eq(rig_counters().transactions_refused, 0);
	/* and again, to another process; nothing is deleted on the way */
	rig_lose();
	fake_again(&fake, true);
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "attachment"), slices);
	rig_restart();
	fake.applied = 0;
	rig_settle();
	rig_synced();
	ck_assert_uint_eq(fake.applied, 0);
}
END_TEST

/* A conversation that is cut at byte `cut`: whatever was lost, it ends as wanted. */
static uint64_t converse(uint64_t cut)
{
	uint64_t bytes;

	rig_start();
	fake.cut_at = cut;
	rig_site();
	rig_slice("blue", 100);
	rig_settle();
	rig_slice("blue", 200);
	rig_slice("red", 300);
	rig_settle();
	fake_intent(rec, INTENT_SLICE, "red", NULL);
	rig_settle();
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "slice"), 1);
	ck_assert_uint_eq(fake_count(&fake, "attachment"), 1);
	ck_assert_ptr_nonnull(fake_get(&fake, "attachment", "blue:lan0.201"));
	ck_assert_uint_eq(rig_counters().drift_total, 0);
	ck_assert_uint_eq(rig_counters().transactions_refused, 0);
	bytes = fake.bytes;
	rig_stop();
	return bytes;
}

START_TEST(a_cut_at_any_byte_ends_as_wanted)
{
	uint64_t bytes = converse(0);

	ck_assert_uint_gt(bytes, 3000);
	for (uint64_t cut = 1 + _i; cut < bytes; cut += getenv("SLUICE_QUICK") ? 28 : 4)
		converse(cut);
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
	fake_intent(rec, INTENT_HOST, "h",
		"{\"neighbor\":[{\"port\":\"lan0\",\"address\":\"198.18.0.9\",\"mac\":"
		"\"02:00:00:00:00:05\"}]}");
	rig_settle();
	ck_assert_uint_eq(reconciler_generation(rec, OBJECT_PORT), before);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control_reconcile");
	TCase *tcase = tcase_create("one"), *cut = tcase_create("cut");

	tcase_add_checked_fixture(tcase, rig_start, rig_stop);
	tcase_set_timeout(tcase, 240);
	tcase_add_test(tcase, nothing_is_touched_before_the_first_commit);
	tcase_add_test(tcase, intents_come_change_and_go_in_one_transaction_each);
	tcase_add_test(tcase, a_change_compiles_itself_and_its_dependents);
	tcase_add_test(tcase, shared_objects_stay_until_the_last_one_goes);
	tcase_add_test(tcase, a_restart_that_loses_all_is_made_good_without_news);
	tcase_add_test(tcase, a_restart_of_control_deletes_nothing_that_is_wanted);
	tcase_add_test(tcase, leftovers_that_name_each_other_go_together);
	tcase_add_test(tcase, what_an_old_connection_has_done_late_is_found_soon);
	tcase_add_test(tcase, drift_is_told_and_put_right);
	tcase_add_test(tcase, what_is_to_be_kept_is_kept);
	tcase_add_test(tcase, changes_while_one_is_out_follow_it);
	tcase_add_test(tcase, one_with_nothing_here_is_elsewhere);
	tcase_add_test(tcase, what_has_nothing_here_any_more_goes_after_a_restart);
	tcase_add_test(tcase, waiting_ends_when_settled_in_time_or_cancelled);
	tcase_add_test(tcase, one_that_hangs_gets_it_when_it_goes_on);
	tcase_add_test(tcase, what_many_share_changes_over_several_calls);
	tcase_add_test(tcase, a_large_world_goes_in_several_transactions);
	tcase_add_test(tcase, what_is_wanted_can_be_read);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(cut, 240);
	tcase_add_loop_test(cut, a_cut_at_any_byte_ends_as_wanted, 0, 4);
	suite_add_tcase(suite, cut);
	return suite_main(suite);
}
