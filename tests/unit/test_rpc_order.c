/* SPDX-License-Identifier: BSD-3-Clause */
/* Random transactions: whatever order the ops stand in, the same is refused for the same reason,
 * and what is not refused leaves the same state, which is what the ops say. */
#include "fakes.h"
#include "random_ops.h"

static void expect_state(void)
{
	static const char *const types[] = {"address", "neighbor", "route", "slice", "attachment",
		"tunnel", "member", "mac", "meter", "gtpu", "session"};
	static const char *const fields[][3] = {{"port", "attachment", "prefix"},
		{"port", "attachment", "address"}, {"table", "prefix"}, {"name"}, {"name"},
		{"name"}, {"slice", "tunnel"}, {"slice", "mac"}, {"name"}, {"name"}, {"name"}};
	size_t seen = 0;

	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
		json_t *answer = ask(CALL("list", "{'type':'%s'}"), types[t]), *one;
		size_t i;

		json_array_foreach (
			json_object_get(json_object_get(answer, "result"), "objects"), i, one) {
			char key[96];
			size_t used = sprintf(key, "%s", types[t]);

			for (int f = 0; f < 3 && fields[t][f]; f++) {
				const char *value =
					json_string_value(json_object_get(one, fields[t][f]));

				if (value)
					used += sprintf(key + used, " %s", value);
			}
			ck_assert_msg(find(key) < there_count, "%s is there", key);
			seen++;
		}
		json_decref(answer);
	}
	ck_assert_uint_eq(seen, there_count);
}

/* All goes in one transaction, and then nothing is held. */
static void take_down(void)
{
	static char ops[THINGS * 120];
	size_t used = 0;

	for (size_t i = 0; i < there_count; i++) {
		int length = strcspn(there[i].key, " ");

		used += sprintf(ops + used, "%s{'op':'delete','type':'%.*s','keys':['%s']}",
			i ? "," : "", length, there[i].key, there[i].key + length + 1);
	}
	OK(ask(CALL("transaction", "{'ops':[%s]}"), ops));
	ck_assert_int_eq(fakes.slices_held + fakes.attachments_held + fakes.tunnels_held, 0);
	ck_assert_int_eq(fakes.slices_set + fakes.attachments_set + fakes.tunnels_set, 0);
	ck_assert_int_eq(fakes.members_set + fakes.meters_held + fakes.meters_set, 0);
	ck_assert_int_eq(fakes.gtpus_held + fakes.sessions_held, 0);
	ck_assert_int_eq(fakes.tuns_open + fakes.taps_set + fakes.tap_addresses, 0);
	ck_assert_int_eq(fakes.gateways_set + fakes.gateways_reserved + fakes.addresses_set, 0);
	ck_assert_int_eq(fakes.hosts_reserved + fakes.fib_reserved + fakes.nexthops_used, 0);
	for (int place = 0; place < 3; place++)
		ck_assert_int_eq(fakes.metered[place], 0);
}

static uint32_t taken, refused;

static void one_transaction(void)
{
	struct item item[ITEMS_MOST + 1];
	uint32_t order[ITEMS_MOST + 1], other[ITEMS_MOST + 1];
	int code[ITEMS_MOST + 1] = {0}, code_other[ITEMS_MOST + 1] = {0};
	size_t count = invent_items(item), wrong;
	struct fakes before = fakes;
	json_t *answer;

	shuffle(order, count);
	shuffle(other, count);
	answer = say(item, order, count, true);
	wrong = verdict(answer, order, code);
	json_decref(answer);
	answer = say(item, other, count, true);
	verdict(answer, other, code_other);
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(code[i] == code_other[i], "%s: %d, %d when the order is %s",
			item[i].op, code[i], code_other[i], text);
	json_decref(answer);
	before.tap_there = fakes.tap_there;
	before.devices_more = fakes.devices_more;
	ck_assert_mem_eq(&before, &fakes, sizeof(fakes));
	answer = say(item, other, count, false);
	ck_assert_msg((json_object_get(answer, "error") != NULL) == (wrong > 0), "%s: %s", text,
		json_dumps(answer, 0));
	json_decref(answer);
	if (wrong) {
		refused++;
		return;
	}
	taken++;
	apply(item, count);
}

START_TEST(order_of_ops_does_not_matter)
{
	const char *from = getenv("SLUICE_SEED");
	uint32_t cases = getenv("SLUICE_QUICK") ? 250 : 4000;

	seed = (from ? strtoull(from, NULL, 0) : 1) * 1000 + _i;
	there_count = 0;
	taken = refused = 0;
	OK(ask(CALL("put", "{'type':'port','objects':[{'name':'p0','device':'d0'},{'name':'p1',"
			   "'device':'d1'}]}")));
	for (uint32_t i = 0; i < cases; i++) {
		one_transaction();
		if (i % 50 == 0)
			expect_state();
	}
	expect_state();
	take_down();
	/* neither is rare: else little is tried */
	ck_assert_uint_gt(taken * 10, cases);
	ck_assert_uint_gt(refused * 10, cases);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpc_order");
	TCase *tcase = tcase_create("order");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, order_of_ops_does_not_matter, 0, 25);
	suite_add_tcase(suite, tcase);
	return rpc_test_main(suite);
}
