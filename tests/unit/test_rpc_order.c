/* SPDX-License-Identifier: BSD-3-Clause */
/* Random transactions: whatever order the ops stand in, the same is refused for the same reason,
 * and what is not refused leaves the same state, which is what the ops say. Every op names one key,
 * and some keys are deleted and put. */
#include <stdio.h>
#include <stdlib.h>

#include "fakes.h"
#include "rpc_client.h"

#define ITEMS_MOST 10
#define THINGS	   400

static uint64_t seed;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % below;
}

struct item {
	char op[400];
	char key[80]; /* "mac s0 02:00:00:00:00:01" */
	bool put;
};

/* What the transactions have left, as keys. */
static struct {
	char key[80];
} there[THINGS];
static size_t there_count;

static size_t find(const char *key)
{
	size_t i = 0;

	while (i < there_count && strcmp(there[i].key, key))
		i++;
	return i;
}

static void apply(const struct item *item, size_t count)
{
	/* what is deleted and put is there */
	for (int put = 0; put < 2; put++)
		for (size_t i = 0; i < count; i++) {
			size_t at = find(item[i].key);

			if (item[i].put != put)
				continue;
			if (!put && at < there_count)
				there[at] = there[--there_count];
			else if (put && at == there_count)
				strcpy(there[there_count++].key, item[i].key);
		}
}

/* ---- random objects ---- */

static const char *door(void)
{
	static char text[40];

	if (rnd(2))
		snprintf(text, sizeof(text), "'attachment':'a%u'", rnd(4));
	else
		snprintf(text, sizeof(text), "'tunnel':'t%u'", rnd(2));
	return text;
}

/* The key and the object that is put by it. */
static const char *invent(char *key, char *object)
{
	uint32_t n = rnd(3), m = rnd(2), a = rnd(4);
	int used;

	switch (rnd(12)) {
	case 0:
		sprintf(key, "m%u", m);
		sprintf(object,
			"{'name':'m%u','cir_bps':%u000000,'cbs_bytes':10000,'pir_bps':4000000,"
			"'pbs_bytes':10000}",
			m, 1 + rnd(6));
		return "meter";
	case 1:
		sprintf(key, "t%u", m);
		sprintf(object,
			"{'name':'t%u','encap':'%s','local':'198.18.0.1','remote':'198.18.0.%u',"
			"'dst_port':%u}",
			m, rnd(2) ? "vxlan" : "geneve", 2 + rnd(2), rnd(8) ? 4789 + rnd(2) : 2152);
		return "tunnel";
	case 2:
		sprintf(key, "g%u", m);
		sprintf(object, "{'name':'g%u','address':'198.18.0.%u','interface':'%s'}", m,
			8 + rnd(2), rnd(2) ? "access" : "core");
		return "gtpu";
	case 3:
		sprintf(key, "s%u", n);
		used = sprintf(object, "{'name':'s%u','vni':%u,'kind':'%s'", n, 1 + rnd(4),
			rnd(3) ? "l3" : "l2");
		sprintf(object + used, rnd(3) ? "}" : ",'meter':'m%u'}", rnd(2));
		return "slice";
	case 4:
	case 5:
		sprintf(key, "a%u", a);
		used = sprintf(object, "{'name':'a%u','slice':'s%u','port':'p%u'", a, n, m);
		if (rnd(8))
			used += sprintf(object + used, ",'vlan':%u", 1 + rnd(4));
		if (!rnd(4))
			used += sprintf(object + used, ",'tap':'tap%u'", rnd(2));
		sprintf(object + used, "}");
		return "attachment";
	case 6:
		sprintf(key, "s%u t%u", n, m);
		sprintf(object, "{'slice':'s%u','tunnel':'t%u'}", n, m);
		return "member";
	case 7:
		if (!rnd(4)) {
			sprintf(key, "p%u 198.18.0.1/24", m);
			sprintf(object, "{'port':'p%u','prefix':'198.18.0.1/24'}", m);
		} else {
			uint32_t host = 1 + rnd(2);

			sprintf(key, "a%u 10.%u.0.%u/24", a, m, host);
			sprintf(object, "{'attachment':'a%u','prefix':'10.%u.0.%u/24'}", a, m,
				host);
		}
		return "address";
	case 8: {
		uint32_t host = 2 + rnd(3);

		sprintf(key, "a%u 10.%u.0.%u", a, m, host);
		sprintf(object,
			"{'attachment':'a%u','address':'10.%u.0.%u','mac':'02:00:00:00:00:0%u'}", a,
			m, host, 1 + rnd(9));
		return "neighbor";
	}
	case 9: {
		uint32_t net = rnd(4), by = rnd(3);

		if (!rnd(5)) {
			sprintf(key, "underlay 10.9.0.0/16");
			sprintf(object,
				"{'table':'underlay','prefix':'10.9.0.0/"
				"16','via':[{'port':'p%u'}]}",
				m);
			return "route";
		}
		sprintf(key, "s%u 10.%u.0.0/24", n, net);
		used = sprintf(object, "{'table':'s%u','prefix':'10.%u.0.0/24','via':[", n, net);
		if (by == 1)
			used += sprintf(object + used,
				"{'attachment':'a%u','address':'10.%u.0.%u'}", a, m, 2 + rnd(2));
		else if (by == 2)
			used += sprintf(object + used, "{'tunnel':'t%u'}", m);
		sprintf(object + used, "]}");
		return "route";
	}
	case 10:
		sprintf(key, "s%u 02:00:00:00:00:0%u", n, 1 + m);
		sprintf(object, "{'slice':'s%u','mac':'02:00:00:00:00:0%u',%s}", n, 1 + m, door());
		return "mac";
	default:
		sprintf(key, "u%u", m);
		sprintf(object,
			"{'name':'u%u','slice':'s%u','ue':{'ipv4':'10.60.0.%u'},'pdrs':[{'id':1,"
			"'precedence':1,'source':'access','gtpu':'g%u','outer_header_removal':0,'"
			"far'"
			":1}],'fars':[{'id':1,'action':'forward','destination':'core'}]}",
			m, n, m, rnd(2));
		return "session";
	}
}

static size_t invent_items(struct item *item)
{
	size_t want = 1 + rnd(rnd(2) ? 2 : ITEMS_MOST), count = 0;
	char key[80], object[300];

	while (count < want) {
		const char *type = invent(key, object);
		char name[96];
		bool known = false, is_there;

		snprintf(name, sizeof(name), "%s %s", type, key);
		for (size_t i = 0; i < count; i++)
			known |= !strcmp(item[i].key, name);
		if (known) {
			want--;
			continue;
		}
		is_there = find(name) < there_count;
		/* seldom what is not there is deleted */
		if (rnd(3) == 0 && (is_there || !rnd(20))) {
			snprintf(item[count].key, sizeof(item[count].key), "%.79s", name);
			snprintf(item[count].op, sizeof(item[count].op),
				"{'op':'delete','type':'%s','keys':['%s']}", type, key);
			item[count++].put = false;
			if (rnd(3) || count == ITEMS_MOST)
				continue;
		}
		snprintf(item[count].key, sizeof(item[count].key), "%.79s", name);
		snprintf(item[count].op, sizeof(item[count].op),
			"{'op':'put','type':'%s','objects':[%s]}", type, object);
		item[count++].put = true;
	}
	return count;
}

/* ---- asking ---- */

static void shuffle(uint32_t *order, size_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = rnd(i + 1);

		order[i] = order[at];
		order[at] = i;
	}
}

static char text[ITEMS_MOST * 400 + 100];

static json_t *send(const struct item *item, const uint32_t *order, size_t count, bool check)
{
	size_t used = sprintf(text, "{'check':%s,'ops':[", check ? "true" : "false");

	for (size_t i = 0; i < count; i++)
		used += sprintf(text + used, "%s%s", i ? "," : "", item[order[i]].op);
	sprintf(text + used, "]}");
	return ask(CALL("transaction", "%s"), text);
}

/* The codes of the items that are refused, 0 of the others; how many there are. */
static size_t verdict(json_t *answer, const uint32_t *order, int *code)
{
	json_t *refused = json_object_get(json_object_get(answer, "result"), "refused"), *one;
	size_t i;

	ck_assert_msg(json_is_array(refused), "%s: %s", text, json_dumps(answer, 0));
	json_array_foreach (refused, i, one) {
		json_t *data = json_object_get(one, "data");
		unsigned op;

		ck_assert_int_eq(
			sscanf(json_string_value(json_object_get(data, "path")), "ops[%u]", &op),
			1);
		code[order[op]] = json_integer_value(json_object_get(one, "code"));
	}
	return json_array_size(refused);
}

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
	ck_assert_int_eq(fakes.routes_reserved, 0);
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
	answer = send(item, order, count, true);
	wrong = verdict(answer, order, code);
	json_decref(answer);
	answer = send(item, other, count, true);
	verdict(answer, other, code_other);
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(code[i] == code_other[i], "%s: %d, %d when the order is %s",
			item[i].op, code[i], code_other[i], text);
	json_decref(answer);
	before.tap_there = fakes.tap_there;
	before.devices_more = fakes.devices_more;
	ck_assert_mem_eq(&before, &fakes, sizeof(fakes));
	answer = send(item, other, count, false);
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
