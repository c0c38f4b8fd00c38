/* SPDX-License-Identifier: BSD-3-Clause */
/* reconciler_check() between fakes: what it says beforehand is what happens to the change in
 * earnest, word for word, and nothing comes of asking. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "rig.h"

/* ---- what a check said ---- */

static bool answered;
static char why[160];
static json_t *told; /* {"KIND NAME": reason} */

static void on_checked(const struct reconcile_checked *checked, void *arg)
{
	char label[160];

	ck_assert(!answered);
	ck_assert_ptr_eq(arg, &answered);
	answered = true;
	snprintf(why, sizeof(why), "%s", checked->why ?: "");
	json_decref(told);
	told = json_object();
	for (size_t i = 0; i < checked->count; i++) {
		const struct reconcile_refusal *one = &checked->refusal[i];

		snprintf(label, sizeof(label), "%s %s", intent_kind(one->type), one->name);
		ck_assert_ptr_null(json_object_get(told, label));
		json_object_set_new(told, label, json_string(one->reason));
	}
}

static void ask(const struct fake_change *list, size_t count)
{
	json_t *before = json_deep_copy(fake.state);
	struct reconcile_check *check = fake_check(rec, list, count);

	answered = false;
	reconciler_check_run(check, on_checked, &answered);
	ck_assert(run_until(base, &answered, 20000));
	ck_assert(json_equal(before, fake.state));
	json_decref(before);
}

static const char *reason_of(const char *label)
{
	return json_string_value(json_object_get(told, label)) ?: "";
}

/* A slice with an attachment; VNIs and VLANs are one another's. */
static const char *slice_spec(const char *name, int vni, const char *more)
{
	static char text[4][600];
	static unsigned next;
	char *out = text[next++ % 4];

	snprintf(out, sizeof(text[0]),
		"{\"slice\":[{\"name\":\"%s\",\"vni\":%d}],\"attachment\":[{\"name\":\"%s:lan0.%"
		"d\","
		"\"slice\":\"%s\",\"port\":\"lan0\",\"vlan\":%d}],\"needs\":[\"site gj\"]%s}",
		name, vni, name, vni, name, vni, more);
	return out;
}

static void start(void)
{
	rig_start();
	fake.references = true;
	rig_site();
	rig_settle();
	answered = false;
	json_decref(told);
	told = NULL;
}

/* ---- cases ---- */

START_TEST(what_would_be_taken_is_not_refused)
{
	start();
	ask(&(struct fake_change){INTENT_SLICE, "blue", slice_spec("blue", 100, "")}, 1);
	ck_assert_str_eq(why, "");
	ck_assert_uint_eq(json_object_size(told), 0);
	ck_assert_uint_ge(fake.checks, 1);
	rig_stop();
}
END_TEST

/* What nobody claims goes first, and with it what is in the way. */
START_TEST(what_a_leftover_is_in_the_way_of_is_not_refused)
{
	start();
	fake_put(&fake, "slice", "{\"name\":\"old\",\"vni\":100}");
	ask(&(struct fake_change){INTENT_SLICE, "blue", slice_spec("blue", 100, "")}, 1);
	ck_assert_str_eq(why, "");
	ck_assert_uint_eq(json_object_size(told), 0);
	rig_stop();
}
END_TEST

START_TEST(what_would_be_refused_is_said_as_status_says_it)
{
	struct fake_change blue = {INTENT_SLICE, "blue", slice_spec("blue", 100, "")};

	start();
	json_object_set_new(fake.refuse, "attachment blue:lan0.100", json_true());
	ask(&blue, 1);
	ck_assert_str_eq(reason_of("slice blue"),
		"attachment blue:lan0.100: it is refused, as the test wants it");
	ck_assert_ptr_null(fake_intent_get(INTENT_SLICE, "blue"));
	fake_change(rec, &blue, 1);
	rig_settle();
	rig_state(INTENT_SLICE, "blue", INTENT_REFUSED);
	ck_assert_str_eq(rig_reason(INTENT_SLICE, "blue"), reason_of("slice blue"));
	rig_stop();
}
END_TEST

START_TEST(what_cannot_be_compiled_is_refused_without_the_dataplane)
{
	start();
	ask(&(struct fake_change){INTENT_SLICE, "blue", "{\"fail\":\"wan kt has no device\"}"}, 1);
	ck_assert_str_eq(reason_of("slice blue"), "wan kt has no device");
	rig_stop();
}
END_TEST

START_TEST(what_swaps_is_taken)
{
	struct fake_change swap[3];

	start();
	rig_slice("blue", 100);
	rig_slice("red", 200);
	rig_slice("green", 300);
	rig_settle();
	swap[0] = (struct fake_change){INTENT_SLICE, "blue", slice_spec("blue", 200, "")};
	swap[1] = (struct fake_change){INTENT_SLICE, "red", slice_spec("red", 300, "")};
	swap[2] = (struct fake_change){INTENT_SLICE, "green", slice_spec("green", 100, "")};
	ask(swap, 3);
	ck_assert_uint_eq(json_object_size(told), 0);
	ask(swap, 2); /* green stays in red's way */
	ck_assert_str_eq(
		reason_of("slice red"), "slice red: the vni is already taken by slice green");
	ck_assert_uint_ge(json_object_size(told), 1);
	rig_stop();
}
END_TEST

START_TEST(what_another_wants_otherwise_is_told)
{
	static const char gold[] = ",\"meter\":[{\"name\":\"gold\",\"cir_bps\":%d,\"cbs_bytes\":"
				   "100000,\"pir_bps\":2000000,\"pbs_bytes\":100000}]";
	char one[200], two[200];
	struct fake_change both[2];

	start();
	snprintf(one, sizeof(one), gold, 1000000);
	snprintf(two, sizeof(two), gold, 2000000);
	fake_intent(rec, INTENT_SLICE, "blue", slice_spec("blue", 100, one));
	rig_settle();
	ask(&(struct fake_change){INTENT_SLICE, "red", slice_spec("red", 200, two)}, 1);
	ck_assert_str_eq(reason_of("slice red"), "meter gold: slice blue wants it otherwise");
	ask(&(struct fake_change){INTENT_SLICE, "red", slice_spec("red", 200, one)}, 1);
	ck_assert_uint_eq(json_object_size(told), 0);
	/* and of two that come together */
	both[0] = (struct fake_change){INTENT_SLICE, "green",
		slice_spec("green", 300,
			",\"meter\":[{\"name\":\"tin\",\"cir_bps\":1000,\"cbs_bytes\":100000}]")};
	both[1] = (struct fake_change){INTENT_SLICE, "red",
		slice_spec("red", 200,
			",\"meter\":[{\"name\":\"tin\",\"cir_bps\":2000,\"cbs_bytes\":100000}]")};
	ask(both, 2);
	ck_assert_uint_eq(json_object_size(told), 1);
	rig_stop();
}
END_TEST

START_TEST(a_dataplane_that_is_away_or_hangs_is_not_asked)
{
	struct fake_change blue = {INTENT_SLICE, "blue", slice_spec("blue", 100, "")};

	start();
	fake.hang = true;
	ask(&blue, 1);
	ck_assert_str_eq(why, "the dataplane does not answer");
	ask(&blue, 1); /* at once: it is known to be silent */
	ck_assert_str_eq(why, "the dataplane does not answer");
	rig_lose();
	ask(&blue, 1);
	ck_assert_str_eq(why, "the dataplane is not connected");
	ck_assert_uint_eq(json_object_size(told), 0);
	rig_stop();
}
END_TEST

START_TEST(one_that_goes_while_it_is_asked_is_told)
{
	struct reconcile_check *check;

	start();
	fake.hang = true;
	check = fake_check(
		rec, &(struct fake_change){INTENT_SLICE, "blue", slice_spec("blue", 100, "")}, 1);
	answered = false;
	reconciler_check_run(check, on_checked, &answered);
	run_for(base, 50);
	ck_assert(!answered);
	fake_drop_clients(&fake);
	ck_assert(run_until(base, &answered, 5000));
	ck_assert_str_eq(why, "the connection to the dataplane was lost");
	rig_stop();
}
END_TEST

START_TEST(a_check_may_be_given_up_at_any_time)
{
	struct reconcile_check *check;
	struct fake_change blue = {INTENT_SLICE, "blue", slice_spec("blue", 100, "")};

	start();
	answered = false;
	reconciler_check_free(fake_check(rec, &blue, 1)); /* before it runs */
	for (int ms = 0; ms < 6; ms++) {
		check = fake_check(rec, &blue, 1);
		if (ms & 1)
			rig_slice("red", 200 + ms); /* it waits for that */
		fake.hang = ms >= 2;
		reconciler_check_run(check, on_checked, &answered);
		run_for(base, ms / 2 * 10);
		if (!answered)
			reconciler_check_free(check);
		fake.hang = false;
		fake_drop_clients(&fake);
		rig_settle();
		answered = false;
	}
	run_for(base, 300);
	ck_assert(!answered);
	/* and with the reconciler itself */
	fake.hang = true;
	check = fake_check(rec, &blue, 1);
	reconciler_check_run(check, on_checked, &answered);
	run_for(base, 10);
	reconciler_check_free(check);
	rig_stop();
	ck_assert(!answered);
}
END_TEST

/* ---- who is refused for whose sake ---- */

static struct fake_change over_wan(const char *name, int vni, const char *site)
{
	static char text[2][300];
	static unsigned next;
	char *out = text[next++ % 2];

	snprintf(out, sizeof(text[0]),
		"{\"slice\":[{\"name\":\"%s\",\"vni\":%d}],\"needs\":[\"wan kt\"],"
		"\"endpoints\":[{\"site\":\"%s\",\"wan\":\"kt\"}]}",
		name, vni, site);
	return (struct fake_change){INTENT_SLICE, name, out};
}

/* Of the WAN's port, or of what it has beside that. */
START_TEST(a_slice_is_refused_with_the_wan_that_is_not_there)
{
	static const char wan[] = "{\"port\":[{\"name\":\"kt\",\"device\":\"net_null%d\"}]%s}";
	struct fake_change here = over_wan("here", 100, "gj"), there = over_wan("there", 101, "bs");
	char text[300];

	start();
	json_object_set_new(fake.refuse, "port kt", json_true());
	snprintf(text, sizeof(text), wan, 8, "");
	fake_intent(rec, INTENT_WAN, "kt", text);
	rig_settle();
	rig_state(INTENT_WAN, "kt", INTENT_REFUSED);
	ask(&here, 1);
	ck_assert_str_eq(
		reason_of("slice here"), "wan kt: port kt: it is refused, as the test wants it");
	ask(&there, 1);
	ck_assert_uint_eq(json_object_size(told), 0);
	fake_change(rec, &here, 1);
	rig_settle();
	rig_state(INTENT_SLICE, "here", INTENT_REFUSED);
	/* that the slice is still refused is no news */
	snprintf(text, sizeof(text), wan, 9, "");
	ask(&(struct fake_change){INTENT_WAN, "kt", text}, 1);
	ck_assert_str_ne(reason_of("wan kt"), "");
	ck_assert_uint_eq(json_object_size(told), 1);
	json_object_clear(fake.refuse);
	rig_resync();
	rig_state(INTENT_SLICE, "here", INTENT_APPLIED);
	json_object_set_new(fake.refuse, "address kt 198.18.7.1/24", json_true());
	snprintf(text, sizeof(text), wan, 8,
		",\"address\":[{\"port\":\"kt\",\"prefix\":\"198.18.7.1/24\"}]");
	ask(&(struct fake_change){INTENT_WAN, "kt", text}, 1);
	ck_assert_str_ne(reason_of("wan kt"), "");
	ck_assert_uint_eq(json_object_size(told), 1);
	rig_stop();
}
END_TEST

/* What nobody of ours put still uses it. */
START_TEST(who_gives_up_what_is_in_use_is_refused)
{
	static const char *const keep[] = {"attachment hand*", NULL};

	rig_keep = keep;
	start();
	fake_intent(rec, INTENT_SLICE, "blue", slice_spec("blue", 100, ""));
	rig_settle();
	fake_put(&fake, "attachment",
		"{\"name\":\"hand\",\"slice\":\"blue\",\"port\":\"lan0\",\"vlan\":7}");
	rig_resync();
	ask(&(struct fake_change){INTENT_SLICE, "blue", NULL}, 1);
	ck_assert_str_eq(
		reason_of("slice blue"), "slice blue: slice blue is still used by attachment hand");
	ck_assert_uint_eq(json_object_size(told), 1);
	fake_intent(rec, INTENT_SLICE, "blue", NULL);
	rig_settle();
	ck_assert_ptr_nonnull(fake_get(&fake, "slice", "blue"));
	ck_assert_ptr_nonnull(fake_get(&fake, "attachment", "hand"));
	rig_stop();
	rig_keep = NULL;
}
END_TEST

/* ---- a box that is full ---- */

static const char *routes_spec(const char *slice, int vni, int first, int count, const char *more)
{
	static char text[1 << 20];
	size_t used = (size_t)snprintf(text, sizeof(text),
		"{\"slice\":[{\"name\":\"%s\",\"vni\":%d,\"kind\":\"l3\"}],\"attachment\":[{"
		"\"name\":"
		"\"%s:lan0.%d\",\"slice\":\"%s\",\"port\":\"lan0\",\"vlan\":%d}],\"needs\":[\"site "
		"gj\"]%s,\"route\":[",
		slice, vni, slice, vni, slice, vni, more);

	for (int i = first; i < first + count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
			"%s{\"table\":\"%s\",\"prefix\":\"10.%d.%d.0/24\",\"via\":[{\"address\":"
			"\"198.18.1.2\",\"attachment\":\"%s:lan0.%d\"}]}",
			i > first ? "," : "", slice, i / 256, i % 256, slice, vni);
	snprintf(text + used, sizeof(text) - used, "]}");
	return text;
}

START_TEST(only_what_the_mirror_alone_wants_makes_room)
{
	struct fake_change blue = {INTENT_SLICE, "blue", NULL};

	start();
	json_object_set_new(fake.limits, "route", json_integer(1));
	blue.spec = routes_spec("blue", 101, 1, 0, "");
	fake_change(rec, &blue, 1);
	rig_settle();
	rig_route(1, true);
	rig_synced();
	ck_assert_uint_eq(fake_count(&fake, "route"), 1);
	blue.spec = routes_spec("blue", 101, 2, 1, "");
	ask(&blue, 1);
	ck_assert_uint_eq(json_object_size(told), 0);
	/* not where an intent wants it as well */
	fake_intent(rec, INTENT_HOST, "h",
		"{\"route\":[{\"table\":\"blue\",\"prefix\":\"10.0.1.0/24\",\"via\":[{\"address\":"
		"\"198.18.1.2\",\"attachment\":\"blue:lan0.101\"}]}],\"needs\":[\"slice blue\"]}");
	rig_settle();
	ask(&blue, 1);
	ck_assert_str_eq(reason_of("slice blue"), "route blue 10.0.2.0/24: there is no room");
	/* nor of what the mirror never has */
	json_object_set_new(fake.limits, "slice", json_integer(1));
	ask(&(struct fake_change){INTENT_SLICE, "red", slice_spec("red", 200, "")}, 1);
	ck_assert_str_eq(reason_of("slice red"), "slice red: there is no room");
	rig_stop();
}
END_TEST

/* ---- more than a message ---- */

START_TEST(each_of_many_is_asked_for_once)
{
	static const char macs[] = ",\"mac\":[{\"slice\":\"green\",\"mac\":\"02:00:00:00:00:01\","
				   "\"attachment\":\"green:lan0.300\"}]";
	struct fake_change list[3] = {{INTENT_SLICE, "blue", NULL}, {INTENT_SLICE, "red", NULL},
		{INTENT_SLICE, "green", slice_spec("green", 300, macs)}};

	start();
	list[0].spec = strdup(routes_spec("blue", 100, 0, 4000, ""));
	list[1].spec = strdup(routes_spec("red", 200, 0, 3000, ""));
	ask(list, 3);
	ck_assert_uint_eq(json_object_size(told), 0);
	ck_assert_uint_ge(fake.checks, 1);
	ck_assert_uint_eq(fake.checked_routes, 7000);
	ck_assert_uint_eq(fake.checked_macs, 1);
	json_object_set_new(fake.refuse, "route red 10.11.7.0/24", json_true());
	ask(list, 3);
	ck_assert_str_eq(reason_of("slice red"),
		"route red 10.11.7.0/24: it is refused, as the test wants it");
	ck_assert_uint_eq(json_object_size(told), 1);
	free((char *)list[0].spec);
	free((char *)list[1].spec);
	rig_stop();
}
END_TEST

/* ---- what it says is what happens ---- */

#define SLICES	  6
#define SEQUENCES (getenv("SLUICE_LONG") ? 400 : getenv("SLUICE_QUICK") ? 20 : 60)

static unsigned seed;
static json_t *before; /* the slices, before the change */

static int pick(int n)
{
	return (int)((unsigned)rand_r(&seed) / 7 % (unsigned)n);
}

static bool is_taken(int vni)
{
	const struct intent *i = world_first(NULL, INTENT_SLICE);

	for (; i; i = world_next(i))
		if (json_integer_value(json_object_get(
			    json_array_get(json_object_get(i->spec, "slice"), 0), "vni")) == vni)
			return true;
	return false;
}

/* One to three slices. The world keeps their VNIs apart, but of slices that were refused the
 * dataplane has another, and some are those of slices that were put by hand. */
static size_t random_changes(struct fake_change *list, char names[][16])
{
	size_t count = 0, want = 1 + (size_t)pick(3);
	int vni[3];

	while (count < want) {
		bool twice = false;

		snprintf(names[count], 16, "s%d", pick(SLICES));
		vni[count] = 1 + pick(SLICES * 2);
		for (size_t i = 0; i < count; i++)
			twice |= !strcmp(names[i], names[count]) || vni[i] == vni[count];
		if (twice || is_taken(vni[count]))
			continue;
		list[count] = (struct fake_change){INTENT_SLICE, names[count], NULL};
		if (pick(4) || !fake_intent_get(INTENT_SLICE, names[count]))
			list[count].spec = slice_spec(names[count], vni[count], "");
		count++;
	}
	return count;
}

/* Nobody's, and nobody takes them away. */
static void put_by_hand(void)
{
	static const char *const keep[] = {"slice hand*", NULL};

	rig_keep = keep;
	start();
	fake_put(&fake, "slice", "{\"name\":\"hand1\",\"vni\":1}");
	fake_put(&fake, "slice", "{\"name\":\"hand2\",\"vni\":2}");
	rig_resync();
}

static void refuse_something(void)
{
	char label[64];

	json_object_clear(fake.refuse);
	for (int i = pick(3); i > 0; i--) {
		snprintf(label, sizeof(label), pick(2) ? "slice s%d" : "attachment s%d:lan0.3",
			pick(SLICES));
		json_object_set_new(fake.refuse, label, json_true());
	}
}

/* {"KIND NAME": reason} of the slices that are refused. */
static json_t *refused_now(void)
{
	json_t *all = json_object();
	char label[160];

	for (const struct intent *i = world_first(NULL, INTENT_SLICE); i; i = world_next(i)) {
		snprintf(label, sizeof(label), "%s %s", intent_kind(i->type), i->name);
		if (i->status.state == INTENT_REFUSED)
			json_object_set_new(all, label, json_string(i->status.reason));
	}
	return all;
}

static void show(const struct fake_change *list, size_t count)
{
	json_t *all = refused_now();

	for (size_t i = 0; i < count; i++)
		fprintf(stderr, "%s: %s\n", list[i].name, list[i].spec ?: "deleted");
	json_dumpf(fake.refuse, stderr, 0);
	json_dumpf(told, stderr, JSON_INDENT(1));
	json_dumpf(all, stderr, JSON_INDENT(1));
	json_dumpf(before, stderr, JSON_INDENT(1));
	json_dumpf(json_object_get(fake.state, "slice"), stderr, JSON_INDENT(1));
	json_decref(all);
}

static bool names_one_of(const char *reason, const json_t *labels)
{
	const char *label;
	json_t *unused;

	json_object_foreach ((json_t *)labels, label, unused)
		if (strstr(reason, label))
			return true;
	return false;
}

/* One that is refused may have what another one wants, and give way, or be taken itself: what it
 * says is the worst. */
START_TEST(what_it_says_is_what_happens)
{
	const unsigned rotation = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : 0;
	unsigned refusals = 0, taken = 0;

	for (int n = 0; n < SEQUENCES; n++) {
		unsigned first = seed = rotation * 10000 + (unsigned)(_i * SEQUENCES + n + 1);

		put_by_hand();
		for (int step = 0; step < 8; step++) {
			struct fake_change list[3];
			char names[3][16], label[64];
			size_t count;
			json_t *earlier, *now;

			refuse_something();
			rig_resync(); /* what was refused is tried again */
			earlier = refused_now();
			count = random_changes(list, names);
			json_decref(before);
			before = json_deep_copy(json_object_get(fake.state, "slice"));
			ask(list, count);
			ck_assert_str_eq(why, "");
			fake_change(rec, list, count);
			rig_settle();
			now = refused_now();
			for (size_t i = 0; i < count; i++) {
				const char *is, *said;

				snprintf(label, sizeof(label), "slice %s", names[i]);
				is = json_string_value(json_object_get(now, label)) ?: "";
				said = reason_of(label);
				refusals += *is != 0;
				taken += !*is;
				if (!strcmp(is, said) ||
					(!*is && (names_one_of(said, now) ||
							 names_one_of(said, earlier))) ||
					(count > 1 && *is && *said))
					continue;
				show(list, count);
				ck_abort_msg("sequence %u (SEED=%u), step %d: %s: said \"%s\", "
					     "is \"%s\"",
					first, rotation, step, label, said, is);
			}
			json_decref(earlier);
			json_decref(now);
		}
		rig_stop();
	}
	printf("%u refusals and %u that were taken are as they were foretold\n", refusals, taken);
	ck_assert_uint_gt(refusals, taken / 20);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control_reconcile_check");
	TCase *cases = tcase_create("cases"), *random = tcase_create("random");

	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, what_would_be_taken_is_not_refused);
	tcase_add_test(cases, what_a_leftover_is_in_the_way_of_is_not_refused);
	tcase_add_test(cases, what_would_be_refused_is_said_as_status_says_it);
	tcase_add_test(cases, what_cannot_be_compiled_is_refused_without_the_dataplane);
	tcase_add_test(cases, what_swaps_is_taken);
	tcase_add_test(cases, what_another_wants_otherwise_is_told);
	tcase_add_test(cases, a_dataplane_that_is_away_or_hangs_is_not_asked);
	tcase_add_test(cases, one_that_goes_while_it_is_asked_is_told);
	tcase_add_test(cases, a_check_may_be_given_up_at_any_time);
	tcase_add_test(cases, a_slice_is_refused_with_the_wan_that_is_not_there);
	tcase_add_test(cases, who_gives_up_what_is_in_use_is_refused);
	tcase_add_test(cases, only_what_the_mirror_alone_wants_makes_room);
	tcase_add_test(cases, each_of_many_is_asked_for_once);
	suite_add_tcase(suite, cases);
	tcase_set_timeout(random, 200);
	tcase_add_loop_test(random, what_it_says_is_what_happens, 0, 2);
	suite_add_tcase(suite, random);
	return suite_main(suite);
}
