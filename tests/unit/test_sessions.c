/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions through the socket into the real user plane: nothing of what is refused stays behind, in
 * no table and no store; what get shows can be put again. */
#include <stdio.h>

#include "peer.h"
#include "qer.h"
#include "rooms.h"
#include "rpc_client.h"
#include "rules.h"
#include "session.h"
#include "session_private.h"
#include "session_hot.h"
#include "session_texts.h"

static char *dump(json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);

	json_decref(json);
	return text;
}

/* Everything that a session takes, counted, and all tables' rows. */
static void snapshot(char *text, size_t size)
{
	static const char *const tables[] = {"interfaces", "sessions_uplink", "sessions_downlink",
		"classifier", "meters", "forwarding", "tunnel_peers", "tunnels", "routes4",
		"routes6"};
	char *list = dump(ask(CALL("list", "{'type':'session'}")));
	uint32_t lists, filters;
	uint64_t bytes;
	size_t used;

	rules_count(&lists, &filters, &bytes);
	used = snprintf(text, size,
		"%u sessions, %u peers, %u rule lists of %u filters, %u texts, %u rates, %u %u %u "
		"keys\n%s\n",
		session_count(), peer_count(), lists, filters, filters_lists(), rate_count(),
		teid_table.count, ue4_table.count, ue6_table.count, list);
	free(list);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && used < size; i++) {
		char *rows = dump(ask(CALL("table.read", "{'table':'%s'}"), tables[i]));

		used += snprintf(text + used, size - used, "%s: %s\n", tables[i], rows);
		free(rows);
	}
	ck_assert_uint_lt(used, size);
}

START_TEST(nothing_stays_of_a_session_that_is_refused)
{
	static char before[65536], after[65536];
	json_t *answer;

	furnish_upf();
	OK(ask(PUT(SESSION("s1", "10.60.0.1") "," SESSION_PUT_TEID)));
	snapshot(before, sizeof(before));
	answer =
		ask(CALL("put", "{'type':'session','objects':[" SESSION("s8", "10.60.0.8") ",%s]}"),
			refused[_i].object);
	if (refused[_i].code)
		EXPECT(json_incref(answer), "error.code", refused[_i].code);
	EXPECT(answer, "error.data.path", refused[_i].path);
	snapshot(after, sizeof(after));
	ck_assert_str_eq(before, after);
	/* after changes that were right, and a deletion */
	EXPECT(ask(CALL("transaction",
		       "{'ops':[{'op':'put','type':'session','objects':[{'name':'s1','slice':"
		       "'edge','ue':{'ipv4':'10.61.0.1','ipv6':'2001:db8:1::/64'},'pdrs':[" PDR_UL
		       "," PDR_DL "]," FARS "," QERS "," URRS "}]},"
		       "{'op':'put','type':'session','objects':[" SESSION(
			       "s8", "10.60.0.1") "]},"
						  "{'op':'delete','type':'session','keys':['s1']},"
						  "{'op':'put','type':'session','objects':[{'name':"
						  "'s9','slice':'net'}]}]}")),
		"error.data.path", "ops[3].objects[0].pdrs");
	snapshot(after, sizeof(after));
	ck_assert_str_eq(before, after);
}
END_TEST

/* Swaps, deletions, what is refused: all told, and a put afterwards gets the TEID that it would
 * have had. */
START_TEST(nothing_stays_of_a_check)
{
	static char before[65536], after[65536];
	json_t *answer;

	furnish_upf();
	OK(ask(PUT(
		SESSION("s1", "10.60.0.1") "," SESSION("s2", "10.60.0.2") "," SESSION_PUT_TEID)));
	snapshot(before, sizeof(before));
	for (int again = 0; again < 3; again++) {
		answer = ask(CALL("transaction",
			"{'check':true,'ops':[{'op':'put','type':'session','objects':[" SESSION(
				"s1", "10.60.0.2") "," SESSION("s2", "10.60.0.1") "," SESSION("s8",
				"10.60.0.8") "]},{'op':'put','type':'gtpu','objects':[{'name':'n3b'"
					     ","
					     "'address':'198.18.0.77','interface':'access'}]}]}"));
		EXPECT(json_incref(answer), "result.refused", "[]");
		EXPECT(answer, "result.created", "2");
		answer = ask(CALL("transaction",
			"{'check':true,'ops':[{'op':'delete','type':'session','keys':['s7']},"
			"{'op':'put','type':'session','objects':[" SESSION(
				"s8", "10.60.0.1") "," SESSION("s9", "10.60.0.2") "," SESSION("s10",
				"10.60.0.7") "]}]}"));
		ck_assert(strstr(at(answer, "result.refused"), "ops[1].objects[0].ue.ipv4"));
		ck_assert(strstr(at(answer, "result.refused"), "ops[1].objects[1].ue.ipv4"));
		EXPECT(answer, "result.refused_total", "2");
		snapshot(after, sizeof(after));
		ck_assert_str_eq(before, after);
	}
}
END_TEST

START_TEST(nothing_stays_of_sessions_that_were_deleted)
{
	static char before[65536], after[65536];

	furnish_upf();
	OK(ask(PUT(SESSION("s0", "10.60.0.9")))); /* the user plane has begun */
	OK(ask(CALL("delete", "{'type':'session','keys':['s0']}")));
	snapshot(before, sizeof(before));
	for (int again = 0; again < 3; again++) {
		OK(ask(PUT(SESSION("s1", "10.60.0.1") "," SESSION("s2", "10.60.0.2"))));
		EXPECT(ask(CALL("delete", "{'type':'session','keys':['s1','s2']}")),
			"result.deleted", "2");
	}
	snapshot(after, sizeof(after));
	ck_assert_str_eq(before, after);
	EXPECT(ask(CALL("delete", "{'type':'gtpu','keys':['n3','n9','n3v6']}")), "result.deleted",
		"3");
	EXPECT(ask(CALL("delete", "{'type':'slice','keys':['net','edge','l2']}")), "result.deleted",
		"3");
}
END_TEST

/* all that a session can say */
static const char *const sessions[] = {
	SESSION("s1", "10.60.0.1"),
	"{'name':'s1','slice':'net','ue':{'ipv4':'10.60.0.1','ipv6':'2001:db8:1::/64','framed':"
	"['10.99.0.0/24','2001:db8:99::/56']},'pdrs':["
	"{'id':1,'precedence':10,'source':'access','gtpu':'n3','choose_id':5,'filters':["
	"'permit out udp from 198.51.100.0/24 1000-2000,53 to assigned','permit out ip from "
	"2001:db8:5::/48 to assigned'],'qfi':3,'outer_header_removal':0,'far':1,'qers':[1,2],"
	"'urrs':[1]},"
	"{'id':2,'precedence':20,'source':'access','gtpu':'n3','choose_id':5,"
	"'outer_header_removal':6,'far':3,'qers':[1],'urrs':[1,2]},"
	"{'id':3,'precedence':10,'source':'core','slice':'edge','far':2},"
	"{'id':4,'precedence':11,'source':'core','far':2,'filters':['permit out tcp from any 80 to "
	"10.60.0.1 1-1023']},"
	"{'id':5,'precedence':1,'source':'core','gtpu':'n9','teid':77,'outer_header_removal':0,"
	"'far':2}],"
	"'fars':[{'id':1,'action':'forward','destination':'core','slice':'edge','dscp':0},"
	"{'id':2,'action':'buffer','destination':'access','outer_header':{'teid':7,'peer':"
	"'198.18.0.2'},'notify_cp':true,'end_marker':true,'dscp':46},"
	"{'id':3,'action':'forward','destination':'core','outer_header':{'teid':4294967295,'peer':"
	"'198.18.9.2','gtpu':'n3'},'duplicate_to':{'teid':9,'peer':'198.18.9.3'}}],"
	"'qers':[{'id':1,'gate_ul':'open','gate_dl':'closed','mbr_ul_bps':1000000,'gbr_ul_bps':"
	"500000,'burst_ms':30,'qfi':9},{'id':2,'mbr_dl_bps':1000000}],"
	"'urrs':[{'id':1,'measure':['volume'],'threshold_bytes':100000,'quota_bytes':0,'report':"
	"['start','stop'],'inactivity_s':5},{'id':2,'measure':['volume','duration'],'threshold_s':"
	"60,'quota_s':0,'period_s':30,'grant':4294967295}],'bar':{'id':1,'packets':5,'delay_ms':"
	"100}}",
	"{'name':'s1','slice':'l2','pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'n3',"
	"'outer_header_removal':0,'far':1,'ethernet':[{'vlan':5,'source':'02:00:00:00:00:01'}]},"
	"{'id':2,'precedence':1,'source':'core','far':2}],"
	"'fars':[{'id':1,'action':'forward'},{'id':2,'action':'forward','destination':'access',"
	"'outer_header':{'teid':7,'peer':'198.18.0.2'}}]}",
	/* a relay: in by one F-TEID, out to the other side */
	"{'name':'s1','slice':'net','pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'n3',"
	"'outer_header_removal':0,'far':1},{'id':2,'precedence':1,'source':'core','gtpu':'n9',"
	"'outer_header_removal':0,'far':2}],'fars':[{'id':1,'action':'forward','outer_header':{"
	"'teid':7,'peer':'198.18.9.2'}},{'id':2,'action':'forward','destination':'access',"
	"'outer_header':{'teid':7,'peer':'198.18.0.2'}}]}",
};

/* Is everything of a in b, and as it is there? b has more: what was left out. */
static bool holds(const json_t *b, const json_t *a)
{
	const char *name;
	json_t *value;
	size_t i;

	if (json_is_object(a)) {
		json_object_foreach ((json_t *)a, name, value)
			if (!holds(json_object_get(b, name), value))
				return false;
		return json_is_object(b);
	}
	if (!json_is_array(a))
		return json_equal(a, b);
	json_array_foreach (a, i, value)
		if (!holds(json_array_get(b, i), value))
			return false;
	return json_array_size(a) == json_array_size(b);
}

START_TEST(what_get_shows_can_be_put_again)
{
	char *text = strdup(sessions[_i]), *shown;
	json_t *put, *got;

	furnish_upf();
	OK(ask(PUT("%s"), text));
	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	put = json_loads(text, 0, NULL);
	got = ask(CALL("get", "{'type':'session','key':'s1'}"));
	shown = dump(json_incref(json_object_get(got, "result")));
	ck_assert_msg(holds(json_object_get(got, "result"), put), "%s\nis not\n%s", shown, text);
	EXPECT(ask(PUT("%s"), shown), "result.unchanged", "1");
	EXPECT(ask(PUT("%s"), text), "result.unchanged", "1");
	json_decref(put);
	json_decref(got);
	free(shown);
	free(text);
}
END_TEST

START_TEST(a_change_of_everything_is_a_change)
{
	const int n = sizeof(sessions) / sizeof(sessions[0]);

	furnish_upf();
	OK(ask(PUT("%s"), sessions[_i / n]));
	EXPECT(ask(PUT("%s"), sessions[_i % n]),
		_i / n == _i % n ? "result.unchanged" : "result.updated", "1");
	EXPECT(ask(CALL("delete", "{'type':'session','keys':['s1']}")), "result.deleted", "1");
	ck_assert_uint_eq(peer_count(), 0);
	ck_assert_uint_eq(rate_count(), 0);
	ck_assert_uint_eq(filters_lists(), 0);
	ck_assert_uint_eq(session_count(), 0);
}
END_TEST

/* A UE's address is no gateway's and no route's, and the reverse. */
START_TEST(what_a_ue_has_is_nobody_elses)
{
	furnish_upf();
	OK(ask(PUT("{'name':'s1','slice':'net','ue':{'ipv4':'10.60.0.1','ipv6':'2001:db8:1::/64',"
		   "'framed':['10.99.0.0/24']},'pdrs':[" PDR_UL "," PDR_DL "]," FARS "," QERS
		   "," URRS "}")));
	OK(ask(CALL("put", "{'type':'tunnel','objects':[{'name':'t','encap':'vxlan','local':"
			   "'198.18.5.1','remote':'198.18.0.2'}]}")));
	OK(ask(CALL("put", "{'type':'member','objects':[{'slice':'net','tunnel':'t'}]}")));
	EXPECT(ask(CALL("put", "{'type':'route','objects':[{'table':'net','prefix':'10.99.0.0/24',"
			       "'via':[{'tunnel':'t'}]}]}")),
		"error.data.with", "session s1");
	OK(ask(CALL("put", "{'type':'route','objects':[{'table':'net','prefix':'10.60.0.0/16','via'"
			   ":[{'tunnel':'t'}]}]}")));
	EXPECT(ask(PUT("{'name':'s2','slice':'net','ue':{'ipv4':'10.60.0.2','framed':["
		       "'10.60.0.0/16']},'pdrs':[" PDR_UL "," PDR_DL "]," FARS "," QERS "," URRS
		       "}")),
		"error.data.path", "objects[0].ue.framed[0]");
	EXPECT(ask(CALL("table.read", "{'table':'routes4'}")), "result.entries.1.params.way", "s1");
}
END_TEST

#define PUT_OP(objects) "{'op':'put','type':'session','objects':[" objects "]}"

/* In one transaction addresses may be taken before they are left; at its end none is two UEs'. */
START_TEST(ues_swap_addresses)
{
	static char before[65536], after[65536];
	static const char *const wrong[][2] = {
		/* only one moves */
		{PUT_OP(SESSION("s1", "10.60.0.2")), "ops[0].objects[0].ue.ipv4"},
		{PUT_OP(SESSION("s9", "10.60.0.9")) "," PUT_OP(
			 SESSION("s1", "10.60.0.2") "," SESSION("s2", "10.60.0.3")),
			"ops[1].objects[1].ue.ipv4"},
		/* two take one */
		{PUT_OP(SESSION("s1", "10.60.0.2") "," SESSION("s3", "10.60.0.2")),
			"ops[0].objects[0].ue.ipv4"},
		/* it goes on moving */
		{PUT_OP(SESSION("s1", "10.60.0.2")) "," PUT_OP(SESSION("s1", "10.60.0.9")),
			"ops[0].objects[0].ue.ipv4"},
		/* something else is wrong after it */
		{PUT_OP(SESSION("s1", "10.60.0.2") "," SESSION("s2", "10.60.0.1")) "," PUT_OP(
			 "{'name':'s4','slice':'none','pdrs':[" PDR_UL "]," FARS "," QERS "," URRS
			 "}"),
			"ops[1].objects[0].slice"},
	};

	furnish_upf();
	OK(ask(PUT(SESSION("s1", "10.60.0.1") "," SESSION("s2", "10.60.0.2") "," SESSION(
		"s3", "10.60.0.3"))));
	snapshot(before, sizeof(before));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		json_t *answer = ask(CALL("transaction", "{'ops':[%s]}"), wrong[i][0]);

		EXPECT(answer, "error.data.path", wrong[i][1]);
		snapshot(after, sizeof(after));
		ck_assert_str_eq(before, after);
	}
	EXPECT(ask(PUT(SESSION("s1", "10.60.0.2"))), "error.data.with", "session s2");
	EXPECT(ask(PUT(SESSION("s1", "10.60.0.2") "," SESSION("s2", "10.60.0.1"))),
		"result.updated", "2");
	/* round, by several ops, and one from a session that goes */
	OK(ask(CALL("transaction",
		"{'ops':[" PUT_OP(SESSION("s1", "10.60.0.1")) "," PUT_OP(SESSION("s2",
			"10.60.0.3")) "," PUT_OP(SESSION("s4", "10.60.0.2")) ",{'op':"
									     "'delete','type':"
									     "'session','keys':["
									     "'s3']}]}")));
	EXPECT(ask(CALL("get", "{'type':'session','key':'s1'}")), "result.ue.ipv4", "10.60.0.1");
	EXPECT(ask(CALL("get", "{'type':'session','key':'s2'}")), "result.ue.ipv4", "10.60.0.3");
	EXPECT(ask(CALL("get", "{'type':'session','key':'s4'}")), "result.ue.ipv4", "10.60.0.2");
	EXPECT(ask(CALL("delete", "{'type':'session','keys':['s1','s2','s4']}")), "result.deleted",
		"3");
	ck_assert_uint_eq(ue4_table.count, 0);
}
END_TEST

#define BY_TEID(name, teid)                                                                        \
	"{'name':'" name "','slice':'net','pdrs':[{'id':1,'precedence':1,'source':'access',"       \
	"'gtpu':'n3','teid':" teid ",'outer_header_removal':0,'far':1}],'fars':[{'id':1,"          \
	"'action':'drop'}]}"

/* So may TEIDs that were put. */
START_TEST(sessions_swap_teids)
{
	static char before[65536], after[65536];
	static const char *const wrong[][3] = {
		{PUT_OP(BY_TEID("s1", "72")), "ops[0].objects[0].pdrs[0].teid", "session s2"},
		{PUT_OP(BY_TEID("s1", "72") "," BY_TEID("s3", "72")),
			"ops[0].objects[0].pdrs[0].teid", "session s2"},
		{PUT_OP(BY_TEID("s1", "72")) "," PUT_OP(BY_TEID("s1", "79")),
			"ops[0].objects[0].pdrs[0].teid", "session s2"},
		{PUT_OP(BY_TEID("s1", "72")) ",{'op':'delete','type':'session','keys':['s1']}",
			"ops[0].objects[0].pdrs[0].teid", NULL},
		{PUT_OP(BY_TEID("s1", "72") "," BY_TEID("s2", "71")) "," PUT_OP(BY_TEID("s4", "0")),
			"ops[1].objects[0].pdrs[0].teid", NULL},
	};

	furnish_upf();
	OK(ask(PUT(BY_TEID("s1", "71") "," BY_TEID("s2", "72") "," BY_TEID("s3", "73"))));
	snapshot(before, sizeof(before));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		json_t *answer = ask(CALL("transaction", "{'ops':[%s]}"), wrong[i][0]);

		if (wrong[i][2])
			EXPECT(json_incref(answer), "error.data.with", wrong[i][2]);
		EXPECT(answer, "error.data.path", wrong[i][1]);
		snapshot(after, sizeof(after));
		ck_assert_str_eq(before, after);
	}
	EXPECT(ask(PUT(BY_TEID("s1", "72") "," BY_TEID("s2", "71"))), "result.updated", "2");
	/* round, by several ops, and one from a session that goes */
	OK(ask(CALL("transaction",
		"{'ops':[" PUT_OP(BY_TEID("s1", "71")) "," PUT_OP(BY_TEID("s2", "73")) "," PUT_OP(
			BY_TEID("s4", "72")) ",{'op':'delete','type':'session','keys':['s3']}]}")));
	EXPECT(ask(CALL("get", "{'type':'session','key':'s1'}")), "result.pdrs.0.teid", "71");
	EXPECT(ask(CALL("get", "{'type':'session','key':'s2'}")), "result.pdrs.0.teid", "73");
	EXPECT(ask(CALL("get", "{'type':'session','key':'s4'}")), "result.pdrs.0.teid", "72");
	EXPECT(ask(CALL("delete", "{'type':'session','keys':['s1','s2','s4']}")), "result.deleted",
		"3");
	ck_assert_uint_eq(teid_table.count, 0);
}
END_TEST

#define GTPU(name, address)                                                                        \
	"{'op':'put','type':'gtpu','objects':[{'name':'" name "','address':'" address              \
	"','interface':'core'}]}"

/* Whichever of the two comes first, or both at once. */
START_TEST(peers_are_other_boxes)
{
	furnish_upf();
	OK(ask(PUT(SESSION("s1", "10.60.0.1")))); /* sends to 198.18.0.2 */
	EXPECT(ask(CALL("transaction", "{'ops':[" GTPU("n", "198.18.0.2") "]}")), "error.data.path",
		"ops[0].objects[0].address");
	EXPECT(ask(CALL("transaction", "{'ops':[" GTPU("n9", "198.18.0.2") "]}")),
		"error.data.path", "ops[0].objects[0].address");
	OK(ask(CALL("delete", "{'type':'session','keys':['s1']}")));
	EXPECT(ask(CALL("transaction",
		       "{'ops':[" GTPU("n", "198.18.0.2") ",{'op':'put','type':'session',"
							  "'objects':[" SESSION(
								  "s1", "10.60.0.1") "]}]}")),
		"error.data.path", "ops[1].objects[0].fars[1].outer_header.peer");
	OK(ask(CALL("transaction", "{'ops':[" GTPU("n", "198.18.0.2") "]}")));
	EXPECT(ask(PUT(SESSION("s1", "10.60.0.1"))), "error.data.path",
		"objects[0].fars[1].outer_header.peer");
	OK(ask(CALL("transaction", "{'ops':[" GTPU("n", "198.18.0.77") "]}")));
	OK(ask(PUT(SESSION("s1", "10.60.0.1"))));
}
END_TEST

/* Nothing that is not counted is shown as 0. */
START_TEST(peers_count_what_is_sent_to_them)
{
	furnish_upf();
	OK(ask(PUT(SESSION("s1", "10.60.0.1"))));
	EXPECT(ask(CALL("table.read", "{'table':'tunnel_peers'}")), "result.entries.0.match.peer",
		"198.18.0.2");
	EXPECT(ask(CALL("table.read", "{'table':'tunnel_peers'}")), "result.entries.0.counters",
		"{\"dropped\":0,\"out_bytes\":0,\"out_packets\":0}");
}
END_TEST

static const char *const paged[] = {"sessions_uplink", "sessions_downlink", "forwarding"};

static void put_500(void)
{
	static char text[2000000];
	char *end = text + sprintf(text, "{'type':'session','objects':[");

	furnish_upf();
	for (int i = 0; i < 500; i++)
		end += sprintf(end,
			"%s{'name':'s%d','slice':'net','ue':{'ipv4':'10.60.%d.%d'},'pdrs':[" PDR_UL
			"," PDR_DL "]," FARS "," QERS "," URRS "}",
			i ? "," : "", i, i >> 8, i & 255);
	strcpy(end, "]}");
	EXPECT(ask("{'jsonrpc':'2.0','id':1,'method':'put','params':%s}", text), "result.created",
		"500");
}

/* How many rows it has; cursor: of the next page, empty at the end. */
static int read_seven(const char *table, char *cursor)
{
	json_t *page = ask(CALL("table.read", "{'table':'%s','limit':7%s%s%s}"), table,
		*cursor ? ",'cursor':'" : "", cursor, *cursor ? "'" : "");
	int n = json_array_size(json_object_get(json_object_get(page, "result"), "entries"));

	strcpy(cursor, at(page, "result.cursor"));
	json_decref(page);
	return n;
}

START_TEST(tables_page_without_losing_a_row)
{
	static const int rows[] = {500, 500, 1000};
	char cursor[64] = "";
	int seen = 0;

	put_500();
	do
		seen += read_seven(paged[_i], cursor);
	while (*cursor);
	ck_assert_int_eq(seen, rows[_i]);
}
END_TEST

/* Between two pages those go that stand next. The page before ended in the midst of s3's rows, or
 * with s6's. */
START_TEST(what_is_deleted_between_pages_takes_no_other_row_along)
{
	static const int rows[] = {7 + 500 - 20, 7 + 500 - 20, 7 + 2 * (500 - 20)};
	char cursor[64] = "", keys[400], *end = keys;
	int seen;

	put_500();
	seen = read_seven(paged[_i], cursor);
	for (int i = 0; i < 20; i++)
		end += sprintf(end, "%s's%d'", i ? "," : "", i);
	EXPECT(ask(CALL("delete", "{'type':'session','keys':[%s]}"), keys), "result.deleted", "20");
	while (*cursor)
		seen += read_seven(paged[_i], cursor);
	ck_assert_int_eq(seen, rows[_i]);
}
END_TEST

/* 3,000 sessions without a QER, the last of which has one. */
static void put_one_meter(void)
{
	static char text[1000000];
	char *end = text + sprintf(text, "{'type':'session','objects':[");

	furnish_upf();
	for (int i = 0; i < 3000; i++)
		end += sprintf(end,
			"%s{'name':'s%d','slice':'net','ue':{'ipv4':'10.60.%d.%d'},'pdrs':[{'id':1,"
			"'precedence':1,'source':'core','far':1}],'fars':[{'id':1,'action':'drop'}]"
			"%s}",
			i ? "," : "", i, i >> 8, i & 255, i == 2999 ? "," QERS : "");
	strcpy(end, "]}");
	EXPECT(ask("{'jsonrpc':'2.0','id':1,'method':'put','params':%s}", text), "result.created",
		"3000");
}

/* A page is made of a part of the sessions: it may be empty, and goes on behind them. */
START_TEST(pages_of_few_rows_cost_no_walk_of_all_sessions)
{
	char cursor[64] = "";
	int seen, pages = 1;

	put_one_meter();
	ck_assert_int_eq(read_seven("meters", cursor), 0);
	ck_assert_str_ne(cursor, "");
	for (seen = 0; *cursor; pages++)
		seen += read_seven("meters", cursor);
	ck_assert_int_eq(seen, 1);
	ck_assert_int_lt(pages, 10);
}
END_TEST

/* Of several own addresses that would do, the one that was there first. */
START_TEST(session_sends_from_the_first_address)
{
	furnish_upf();
	OK(ask(CALL("put", "{'type':'gtpu','objects':[{'name':'a9','address':'198.18.9.8',"
			   "'interface':'core'}]}")));
	OK(ask(PUT("{'name':'d','slice':'net','pdrs':[{'id':1,'precedence':1,'source':'access',"
		   "'gtpu':'n3','teid':77,'far':1}],'fars':[{'id':1,'action':'forward',"
		   "'destination':'core','outer_header':{'teid':9,'peer':'198.18.9.3'}}]}")));
	EXPECT(ask(CALL("get", "{'type':'session','key':'d'}")), "result.fars.0.outer_header.gtpu",
		"n9");
}
END_TEST

/* What FARs alone name. */
START_TEST(session_keeps_what_its_fars_name)
{
	furnish_upf();
	OK(ask(PUT("{'name':'d','slice':'net','pdrs':[{'id':1,'precedence':1,'source':'access',"
		   "'gtpu':'n3','teid':77,'far':1}],'fars':[{'id':1,'action':'forward','slice':"
		   "'edge'},{'id':2,'action':'forward','destination':'core','duplicate_to':{'teid':"
		   "9,'peer':'198.18.9.3','gtpu':'n9'}}]}")));
	EXPECT(ask(CALL("get", "{'type':'session','key':'d'}")), "result.fars.1.duplicate_to.gtpu",
		"n9");
	EXPECT(ask(CALL("delete", "{'type':'slice','keys':['edge']}")), "error.data.by",
		"session d");
	EXPECT(ask(CALL("delete", "{'type':'gtpu','keys':['n9']}")), "error.data.by", "session d");
	OK(ask(CALL("delete", "{'type':'session','keys':['d']}")));
	OK(ask(CALL("delete", "{'type':'slice','keys':['edge']}")));
	OK(ask(CALL("delete", "{'type':'gtpu','keys':['n9']}")));
}
END_TEST

int main(void)
{
	const int n = sizeof(sessions) / sizeof(sessions[0]);
	Suite *suite = suite_create("sessions");
	TCase *tcase = tcase_create("sessions");

	rooms_eal();
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, nothing_stays_of_a_session_that_is_refused, 0,
		sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tcase, session_keeps_what_its_fars_name);
	tcase_add_test(tcase, session_sends_from_the_first_address);
	tcase_add_test(tcase, nothing_stays_of_a_check);
	tcase_add_test(tcase, nothing_stays_of_sessions_that_were_deleted);
	tcase_add_loop_test(tcase, what_get_shows_can_be_put_again, 0, n);
	tcase_add_loop_test(tcase, a_change_of_everything_is_a_change, 0, n * n);
	tcase_add_test(tcase, what_a_ue_has_is_nobody_elses);
	tcase_add_test(tcase, ues_swap_addresses);
	tcase_add_test(tcase, sessions_swap_teids);
	tcase_add_test(tcase, peers_are_other_boxes);
	tcase_add_test(tcase, peers_count_what_is_sent_to_them);
	tcase_add_loop_test(tcase, tables_page_without_losing_a_row, 0, 3);
	tcase_add_loop_test(tcase, what_is_deleted_between_pages_takes_no_other_row_along, 0, 3);
	tcase_add_test(tcase, pages_of_few_rows_cost_no_walk_of_all_sessions);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return rpc_test_main(suite);
}
