/* SPDX-License-Identifier: BSD-3-Clause */
/* Random transactions in the real rooms. Whatever they made of objects one after the other: what
 * workers see in the end is what they see in a box that is told the same objects at once. */
#include "hot.h"
#include "neighbor.h"
#include "nexthop.h"
#include "random_ops.h"
#include "rcu.h"
#include "rooms.h"

#define PORTS                                                                                      \
	"{'type':'port','objects':[{'name':'p0','device':'net_null0','mbufs':2048,'queues':1},"    \
	"{'name':'p1','device':'net_null1','mbufs':2048,'queues':1}]}"

static const char *const types[] = {"meter", "tunnel", "gtpu", "slice", "attachment", "member",
	"address", "neighbor", "route", "mac", "session"};

/* ---- what workers see ---- */

static char seen[1 << 20];

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Numbers of next hops and lists of rules are nobody's business, nor how old is what. */
static void strip(json_t *row)
{
	json_object_del(row, "counters");
	json_object_del(json_object_get(row, "match"), "nexthop");
	json_object_del(json_object_get(row, "params"), "nexthop");
	json_object_del(json_object_get(row, "params"), "age_s");
	json_object_del(json_object_get(row, "params"), "rules");
	json_object_del(json_object_get(row, "match"), "rules");
}

static size_t table(const char *name, char *text)
{
	json_t *answer = ask(CALL("table.read", "{'table':'%s','limit':10000}"), name), *row;
	json_t *rows = json_object_get(json_object_get(answer, "result"), "entries");
	size_t n = json_array_size(rows), used = sprintf(text, "%s:\n", name), i;
	char **line = calloc(n + 1, sizeof(*line));

	json_array_foreach (rows, i, row) {
		strip(row);
		line[i] = json_dumps(row, JSON_COMPACT | JSON_SORT_KEYS);
	}
	qsort(line, n, sizeof(*line), by_text);
	for (i = 0; i < n; i++) {
		used += sprintf(text + used, "%s\n", line[i]);
		free(line[i]);
	}
	free(line);
	json_decref(answer);
	return used;
}

/* Into text, which is then not longer than `seen`. */
static void look(char *text)
{
	static const char *const tables[] = {"access", "vtep4", "vtep6", "interfaces",
		"sessions_uplink", "fdb", "sessions_downlink", "routes4", "routes6", "nexthops",
		"neighbors", "classifier", "meters", "forwarding", "tunnels", "tunnel_peers"};
	size_t used = 0;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		used += table(tables[i], text + used);
	for (uint32_t port = 0; port < 65536; port++)
		if (tunnel_port[port] != TUNNEL_NONE)
			used += sprintf(text + used, "port %u: %d\n",
				rte_be_to_cpu_16((uint16_t)port), tunnel_port[port]);
	for (uint32_t vni = 1; vni < 5; vni++)
		for (uint32_t id = 1; id < 100; id++) {
			const struct slice_hot *s = &slice_hot[id];

			if (s->live && rte_be_to_cpu_32(s->vni_be) >> 8 == vni)
				used += sprintf(text + used,
					"vni %u: %d flags, %u and %u doors, meter %d\n", vni,
					s->flags, s->flood->attachments, s->flood->tunnels,
					s->meter != 0);
		}
	for (uint32_t port = 0; port < 2; port++)
		used += sprintf(text + used, "port %u: underlay %d, %u attachments\n", port,
			port_hot[port].underlay, port_hot[port].attachments);
	ck_assert_uint_lt(used, sizeof(seen));
}

/* ---- the same objects in another box ---- */

static json_t *objects[sizeof(types) / sizeof(types[0])];

static void list_all(void)
{
	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
		json_t *answer = ask(CALL("list", "{'type':'%s'}"), types[t]);

		objects[t] =
			json_incref(json_object_get(json_object_get(answer, "result"), "objects"));
		json_decref(answer);
	}
}

/* What only answers have. */
static void put_all(void)
{
	static const char *const answers[] = {"static_macs", "routes", "tap_index", "state",
		"learned", "age_s", "wanted", "slice_id"};

	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
		size_t i;
		json_t *one, *put = json_array();
		char *all;

		json_array_foreach (objects[t], i, one) {
			if (json_is_true(json_object_get(one, "learned")))
				continue;
			for (size_t a = 0; a < sizeof(answers) / sizeof(answers[0]); a++)
				if (strcmp(types[t], "session"))
					json_object_del(one, answers[a]);
			if (!strcmp(types[t], "neighbor") && json_object_get(one, "attachment"))
				json_object_del(one, "slice");
			json_array_append(put, one);
		}
		all = json_dumps(put, JSON_COMPACT);
		OK(ask(CALL("put", "{'type':'%s','objects':%s}"), types[t], all));
		free(all);
		json_decref(put);
		json_decref(objects[t]);
	}
}

/* All goes in one transaction. */
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
	rcu_reclaim(true);
}

/* Line by line; the first that differs is told. */
static void same(char *left, char *right)
{
	char *a, *b, *next_a, *next_b;

	for (a = strtok_r(left, "\n", &next_a), b = strtok_r(right, "\n", &next_b); a && b;
		a = strtok_r(NULL, "\n", &next_a), b = strtok_r(NULL, "\n", &next_b))
		ck_assert_msg(!strcmp(a, b), "%.300s\nis not\n%.300s", a, b);
	ck_assert(!a && !b);
}

static void compare(void)
{
	static char other[sizeof(seen)], empty[sizeof(seen)];

	look(seen);
	list_all();
	take_down();
	look(empty);
	teardown();
	setup();
	OK(ask(CALL("put", PORTS)));
	look(other);
	same(empty, other);
	put_all();
	look(other);
	same(seen, other);
}

static void one_transaction(void)
{
	struct item item[ITEMS_MOST + 1];
	uint32_t order[ITEMS_MOST + 1];
	size_t count = invent_items(item), wrong;
	int code[ITEMS_MOST + 1] = {0};
	json_t *answer;

	shuffle(order, count);
	answer = say(item, order, count, true);
	wrong = verdict(answer, order, code);
	json_decref(answer);
	shuffle(order, count);
	answer = say(item, order, count, false);
	ck_assert_msg((json_object_get(answer, "error") != NULL) == (wrong > 0), "%s: %s", text,
		json_dumps(answer, 0));
	json_decref(answer);
	if (getenv("SLUICE_VERBOSE") && !wrong)
		printf("%s\n", text);
	if (!wrong)
		apply(item, count);
}

START_TEST(workers_see_what_the_objects_say)
{
	const char *from = getenv("SLUICE_SEED");
	uint32_t cases = getenv("SLUICE_QUICK") ? 2 : 15;

	without_taps = of_few_types = true;
	seed = (from ? strtoull(from, NULL, 0) : 1) * 1000 + _i;
	there_count = 0;
	OK(ask(CALL("put", PORTS)));
	for (uint32_t i = 0; i < cases; i++) {
		for (uint32_t k = 0; k < 40; k++)
			one_transaction();
		compare();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rooms_order");
	TCase *tcase = tcase_create("order");

	rooms_eal();
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, workers_see_what_the_objects_say, 0, 10);
	suite_add_tcase(suite, tcase);
	return rpc_test_main(suite);
}
