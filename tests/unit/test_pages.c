/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages of tables and lists while what they show comes and goes, through the socket and the real
 * rooms: whatever is deleted between two pages, no row that stays is left out. */
#include <stdio.h>

#include "rooms.h"
#include "rpc_client.h"
#include "session_texts.h"

#define OBJECTS 60
#define GONE	40 /* of the first so many, the even ones go */

static char text[400000];
static char *end;

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	end += vsnprintf(end, text + sizeof(text) - end, fmt, args);
	va_end(args);
}

typedef void (*say_one)(int i);

/* "{'op':op,'type':type,'objects':[…]}", of those from `from` on in steps. */
static void say_op(const char *op, const char *type, say_one one, int from, int to, int step)
{
	say("%s{'op':'%s','type':'%s','%s':[", end == text ? "" : ",", op, type,
		*op == 'p' ? "objects" : "keys");
	for (int i = from; i < to; i += step) {
		say("%s", i == from ? "" : ",");
		one(i);
	}
	say("]}");
}

static void transact(void)
{
	OK(ask("{'jsonrpc':'2.0','id':1,'method':'transaction','params':{'ops':[%s]}}", text));
	end = text;
	*end = '\0';
}

/* ---- objects ---- */

static void tunnel(int i)
{
	say("{'name':'t%d','encap':'vxlan','local':'198.18.5.1','remote':'198.18.6.%d'}", i, i + 1);
}

static void member(int i)
{
	say("{'slice':'net','tunnel':'t%d'}", i);
}

static void route(int i)
{
	say("{'table':'net','prefix':'10.%d.0.0/16','via':[{'tunnel':'t%d'}]}", 100 + i, i);
}

static void attachment(int i)
{
	say("{'name':'a%d','slice':'l2','port':'p0','vlan':%d}", i, 100 + i);
}

static void mac(int i)
{
	say("{'slice':'l2','mac':'02:00:00:00:00:%02x','attachment':'keep'}", i);
}

static void neighbor(int i)
{
	say("{'attachment':'edge','address':'10.70.0.%d','mac':'02:00:00:00:01:%02x'}", i + 1, i);
}

static void gtpu(int i)
{
	say("{'name':'g%d','address':'198.18.7.%d','interface':'core'}", i, i + 1);
}

/* With rules and a peer of its own, three QERs whose ids have no order, a framed route. */
static void session(int i)
{
	say("{'name':'s%d','slice':'net','ue':{'ipv4':'10.60.0.%d','framed':['10.61.%d.0/24']},"
	    "'pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'n3','far':1,'qers':[9,1,5],"
	    "'filters':['permit out udp from 192.0.2.%d %d to assigned','permit out tcp from any "
	    "to assigned %d']},{'id':3,'precedence':2,'source':'access','gtpu':'n9','teid':%d,"
	    "'far':1},{'id':2,'precedence':1,'source':'core','far':2}],'fars':[{'id':1,'action':"
	    "'forward','destination':'core'},{'id':2,'action':'forward','destination':'access',"
	    "'outer_header':{'teid':7,'peer':'198.18.8.%d'}}],'qers':[{'id':9,'mbr_ul_bps':1000000}"
	    ",{'id':1,'gate_dl':'open'},{'id':5}]}",
		i, i + 1, i, i, 1000 + i, 2000 + i, 5000 + i, i + 1);
}

static void tunnel_key(int i)
{
	say("'t%d'", i);
}

static void member_key(int i)
{
	say("'net t%d'", i);
}

static void route_key(int i)
{
	say("'net 10.%d.0.0/16'", 100 + i);
}

static void attachment_key(int i)
{
	say("'a%d'", i);
}

static void mac_key(int i)
{
	say("'l2 02:00:00:00:00:%02x'", i);
}

static void neighbor_key(int i)
{
	say("'edge 10.70.0.%d'", i + 1);
}

static void gtpu_key(int i)
{
	say("'g%d'", i);
}

static void session_key(int i)
{
	say("'s%d'", i);
}

/* In an order in which they can be put; deleted in the opposite one. */
static const struct kind {
	const char *type;
	say_one object, key;
} kinds[] = {
	{"tunnel", tunnel, tunnel_key},
	{"member", member, member_key},
	{"route", route, route_key},
	{"attachment", attachment, attachment_key},
	{"mac", mac, mac_key},
	{"neighbor", neighbor, neighbor_key},
	{"gtpu", gtpu, gtpu_key},
	{"session", session, session_key},
};
#define KINDS (int)(sizeof(kinds) / sizeof(kinds[0]))

static void furnish_all(void)
{
	furnish_upf();
	end = text;
	OK(ask(CALL("put", "{'type':'port','objects':[{'name':'p0','device':'net_null0,no-rx=1',"
			   "'mbufs':1024}]}")));
	OK(ask(CALL("put", "{'type':'attachment','objects':[{'name':'keep','slice':'l2','port':'p0'"
			   ",'vlan':50},{'name':'edge','slice':'edge','port':'p0','vlan':51}]}")));
	OK(ask(CALL("put", "{'type':'address','objects':[{'attachment':'edge','prefix':"
			   "'10.70.0.254/24'}]}")));
	for (int k = 0; k < KINDS; k++)
		say_op("put", kinds[k].type, kinds[k].object, 0,
			kinds[k].object == gtpu ? GONE : OBJECTS, 1);
	transact();
}

static void delete_some(void)
{
	for (int k = KINDS - 1; k >= 0; k--)
		say_op("delete", kinds[k].type, kinds[k].key, 0, GONE, 2);
	transact();
}

/* Sessions that stay get along with less: ways in, acts, prefixes and QERs that stood before
 * others. */
static void lessen(void)
{
	say("{'op':'put','type':'session','objects':[");
	for (int i = 1; i < OBJECTS; i += 2)
		say("%s{'name':'s%d','slice':'net','ue':{'framed':['10.61.%d.0/24']},'pdrs':["
		    "{'id':3,'precedence':2,'source':'access','gtpu':'n9','teid':%d,'far':1,'qers':"
		    "[9]},{'id':2,'precedence':1,'source':'core','far':2}],'fars':[{'id':1,"
		    "'action':'forward','destination':'core'},{'id':2,'action':'drop'}],"
		    "'qers':[{'id':9,'mbr_ul_bps':1000000}]}",
			i == 1 ? "" : ",", i, i, 5000 + i);
	say("]}");
	transact();
}

/* ---- pages ---- */

static const char *const tables[] = {"access", "vtep4", "interfaces", "sessions_uplink", "fdb",
	"sessions_downlink", "routes4", "nexthops", "neighbors", "classifier", "meters",
	"forwarding", "tunnels", "tunnel_peers"};
#define TABLES (int)(sizeof(tables) / sizeof(tables[0]))

static const char *const lists[] = {"mac", "route", "neighbor", "session", "tunnel"};
#define LISTS (int)(sizeof(lists) / sizeof(lists[0]))

/* Adds the rows of one page to seen; cursor: of the next, empty at the end. */
static void read_page(int table, int limit, char *cursor, json_t *seen)
{
	const char *method = table < TABLES ? "table.read" : "list";
	const char *what = table < TABLES ? "table" : "type";
	const char *name = table < TABLES ? tables[table] : lists[table - TABLES];
	json_t *page =
		ask("{'jsonrpc':'2.0','id':1,'method':'%s','params':{'%s':'%s','limit':%d%s%s"
		    "%s}}",
			method, what, name, limit, *cursor ? ",'cursor':'" : "", cursor,
			*cursor ? "'" : "");
	json_t *result = json_object_get(page, "result"), *row;
	size_t i;

	ck_assert_msg(result != NULL, "%s: %s", name, json_dumps(page, 0));
	json_t *rows = json_object_get(result, table < TABLES ? "entries" : "objects");

	ck_assert_uint_le(json_array_size(rows), limit);
	json_array_foreach (rows, i, row) {
		json_t *match = table < TABLES ? json_object_get(row, "match") : row;
		char *key = json_dumps(match, JSON_COMPACT | JSON_SORT_KEYS);
		json_t *times = json_object_get(seen, key);

		json_object_set_new(seen, key, json_integer(json_integer_value(times) + 1));
		free(key);
	}
	strcpy(cursor, at(page, "result.cursor"));
	json_decref(page);
}

static json_t *read_all(int table)
{
	json_t *seen = json_object();
	char cursor[80] = "";

	do
		read_page(table, 10000, cursor, seen);
	while (*cursor);
	return seen;
}

/* change: between page `after` and the next. */
static void check(int table, int limit, int after, void (*change)(void))
{
	json_t *seen = json_object(), *all, *times;
	const char *key;
	char cursor[80] = "";
	int pages = 0;

	furnish_all();
	do {
		if (pages++ == after)
			change();
		read_page(table, limit, cursor, seen);
	} while (*cursor);
	ck_assert_msg(pages > after, "table %d has %d pages", table, pages);
	all = read_all(table);
	ck_assert_uint_gt(json_object_size(all), 0);
	json_object_foreach (all, key, times)
		ck_assert_msg(json_object_get(seen, key) != NULL, "table %d lost %s", table, key);
	json_object_foreach (seen, key, times)
		ck_assert_msg(json_integer_value(times) == 1, "table %d has %s more than once",
			table, key);
	json_decref(all);
	json_decref(seen);
}

START_TEST(what_is_deleted_takes_no_other_row_along)
{
	check(_i, 7, 1, delete_some);
}
END_TEST

START_TEST(rows_come_one_by_one)
{
	check(_i, 1, 11, delete_some);
}
END_TEST

START_TEST(what_a_session_loses_takes_none_of_its_rows_along)
{
	static const int of[] = {3, 5, 10, 11};

	for (int after = 1; after < 9; after++) {
		check(of[_i], 4, after, lessen);
		teardown();
		setup();
	}
}
END_TEST

/* Whatever a client makes up is no place of a table, or one: nothing breaks. */
START_TEST(any_words_will_do_for_a_cursor)
{
	static const char *const words[] = {"0", "1", "5", "63", "64", "4096", "65536", "1048575",
		"4194304", "4194305", "4294967295", "4294967296", "8589934591",
		"4611686018427387904", "4611686018427387905", "9223372036854775807",
		"9223372036854775808", "18446744073709551615"};
	const int n = sizeof(words) / sizeof(words[0]);

	for (int full = 0; full < 2; full++) {
		for (int i = 0; i < n * n; i++) {
			json_t *seen = json_object();
			char cursor[80];

			sprintf(cursor, "%s.%s.%s", words[i / n], words[i % n],
				words[(i / n + i % n) % n]);
			read_page(_i, 10, cursor, seen);
			json_decref(seen);
		}
		if (!full)
			furnish_all();
	}
}
END_TEST

START_TEST(a_mac_s_row_tells_its_kind)
{
	OK(ask(CALL("transaction",
		"{'ops':[{'op':'put','type':'slice','objects':[{'name':'k','vni':9}]},{'op':'put',"
		"'type':'tunnel','objects':[{'name':'k','encap':'vxlan','local':'198.18.5.1',"
		"'remote':'198.18.6.1'}]},{'op':'put','type':'member','objects':[{'slice':'k',"
		"'tunnel':'k'}]},{'op':'put','type':'mac','objects':[{'slice':'k','tunnel':'k',"
		"'mac':'02:00:00:00:00:01','movable':true}]}]}")));
	EXPECT(ask(CALL("table.read", "{'table':'fdb'}")), "result.entries.0.params.kind",
		"movable");
	OK(ask(CALL("put", "{'type':'mac','objects':[{'slice':'k','tunnel':'k','mac':'02:00:00:00:"
			   "00:01'}]}")));
	EXPECT(ask(CALL("table.read", "{'table':'fdb'}")), "result.entries.0.params.kind",
		"static");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pages");
	TCase *tcase = tcase_create("pages");

	rooms_eal();
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_mac_s_row_tells_its_kind);
	tcase_add_loop_test(tcase, what_is_deleted_takes_no_other_row_along, 0, TABLES + LISTS);
	tcase_add_loop_test(tcase, rows_come_one_by_one, 0, TABLES + LISTS);
	tcase_add_loop_test(tcase, what_a_session_loses_takes_none_of_its_rows_along, 0, 4);
	tcase_add_loop_test(tcase, any_words_will_do_for_a_cursor, 0, TABLES);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return rpc_test_main(suite);
}
