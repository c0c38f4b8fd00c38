/* SPDX-License-Identifier: BSD-3-Clause */
/* Random transactions, for test_rpc_order.c before fakes and test_rooms_order.c before the real
 * rooms: every op names one key, and some keys are deleted and put. */
#ifndef TESTS_RANDOM_OPS_H
#define TESTS_RANDOM_OPS_H

#include <stdio.h>
#include <stdlib.h>

#include "rpc_client.h"

#define ITEMS_MOST 10
#define THINGS	   400

static uint64_t seed;
static bool without_taps;
/* Many transactions are of few types, whose objects then exchange what they have. */
static bool of_few_types;
static uint32_t only = UINT32_MAX; /* bits: of these */

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
	uint32_t n = rnd(3), m = rnd(2), a = rnd(4), what = rnd(12);
	int used;

	while (!(only >> what & 1))
		what = rnd(12);
	switch (what) {
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
		if (!rnd(4) && !without_taps)
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
			":1}],'fars':[{'id':1,'action':'forward','destination':'core'%s}]}",
			m, n, m, rnd(2),
			rnd(2) ? ",'outer_header':{'teid':7,'peer':'198.18.9.9'}" : "");
		return "session";
	}
}

static size_t invent_items(struct item *item)
{
	size_t want = 1 + rnd(rnd(2) ? 2 : ITEMS_MOST), count = 0;
	char key[80], object[300];

	only = UINT32_MAX;
	if (of_few_types && rnd(2))
		only = 1u << rnd(12) | 1u << rnd(12) | 1u << rnd(12);

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

static json_t *say(const struct item *item, const uint32_t *order, size_t count, bool check)
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

#endif
