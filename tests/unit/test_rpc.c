/* SPDX-License-Identifier: BSD-3-Clause */
/* The socket in process: a real unix socket and event loop, fakes behind it (fakes.c). Every test
 * starts with an empty box and ends by checking that nothing is held which the model does not know.
 */
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "bounds.h"
#include "fakes.h"
#include "server.h"

static struct event_base *base;
static char path[64];
static int conn = -1;
static char *pending; /* read but not yet asked for */
static size_t pending_len;

static void turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static int dial(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	turn();
	return fd;
}

static void setup(void)
{
	fakes_reset();
	snprintf(path, sizeof(path), "/tmp/sluice-test-%d.sock", getpid());
	base = event_base_new();
	ck_assert_int_eq(rpc_start(base, path), 0);
	conn = dial();
}

static void teardown(void)
{
	close(conn);
	rpc_stop();
	event_base_free(base);
	free(pending);
	pending = NULL;
	pending_len = 0;
	fakes_reset();
	ck_assert_int_eq(access(path, F_OK), -1);
}

static void send_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t sent = write(fd, text, len);

		if (sent > 0) {
			text += sent;
			len -= sent;
		} else {
			ck_assert_int_eq(errno, EAGAIN);
		}
		turn();
	}
}

/* The next line of conn; NULL when none comes in many turns or the connection ends. */
static char *next_line(void)
{
	for (int tries = 0; tries < 200000; tries++) {
		char *end = pending ? memchr(pending, '\n', pending_len) : NULL;
		ssize_t got;

		if (end) {
			size_t len = end - pending;
			char *line = strndup(pending, len);

			pending_len -= len + 1;
			memmove(pending, end + 1, pending_len);
			return line;
		}
		turn();
		pending = realloc(pending, pending_len + 65536);
		got = read(conn, pending + pending_len, 65536);
		if (got == 0)
			return NULL;
		if (got > 0)
			pending_len += got;
		else if (tries > 2000)
			return NULL;
	}
	return NULL;
}

static json_t *next_json(void)
{
	char *line = next_line();
	json_t *json = line ? json_loads(line, 0, NULL) : NULL;

	free(line);
	return json;
}

/* One request whose single quotes stand for double ones → the answer. */
static json_t *ask(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static json_t *ask(const char *fmt, ...)
{
	va_list args;
	char *text;
	json_t *answer;

	va_start(args, fmt);
	ck_assert_int_ge(vasprintf(&text, fmt, args), 0);
	va_end(args);
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	send_all(conn, text, strlen(text));
	send_all(conn, "\n", 1);
	answer = next_json();
	ck_assert_msg(answer != NULL, "no answer to %s", text);
	free(text);
	return answer;
}

#define CALL(method, params) "{'jsonrpc':'2.0','id':1,'method':'" method "','params':" params "}"

/* What of an answer is at "error.data.path"; the text lives until the next call. */
static const char *at(json_t *answer, const char *where)
{
	static char text[512];
	char names[128], *save, *name;
	json_t *json = answer;

	strcpy(names, where);
	for (name = strtok_r(names, ".", &save); name; name = strtok_r(NULL, ".", &save))
		json = json_is_array(json) ? json_array_get(json, atoi(name))
					   : json_object_get(json, name);
	text[0] = '\0';
	if (json_is_string(json))
		snprintf(text, sizeof(text), "%s", json_string_value(json));
	else if (json)
		text[json_dumpb(json, text, sizeof(text) - 1,
			JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS)] = '\0';
	return text;
}

#define EXPECT(answer, where, what)                                                                \
	do {                                                                                       \
		json_t *json_ = (answer);                                                          \
		char *all_ = json_dumps(json_, JSON_COMPACT);                                      \
		ck_assert_msg(!strcmp(at(json_, where), what), "%s is \"%s\", not \"%s\": %s",     \
			where, at(json_, where), what, all_);                                      \
		free(all_);                                                                        \
		json_decref(json_);                                                                \
	} while (0)

#define OK(answer) EXPECT(answer, "error", "")

/* port p0, p1; slices blue, red; attachment a on p0 in blue; tunnel t; member blue t */
static void furnish(void)
{
	OK(ask(CALL("transaction",
		"{'ops':[{'op':'put','type':'port','objects':[{'name':'p0','device':'d0'},"
		"{'name':'p1','device':'d1'}]},"
		"{'op':'put','type':'slice','objects':[{'name':'blue','vni':100},{'name':'red','"
		"vni':200}]},"
		"{'op':'put','type':'attachment','objects':[{'name':'a','slice':'blue','port':'p0'}"
		"]},"
		"{'op':'put','type':'tunnel','objects':[{'name':'t','encap':'vxlan','local':'198."
		"18.0.1',"
		"'remote':'198.18.0.2'}]},"
		"{'op':'put','type':'member','objects':[{'slice':'blue','tunnel':'t'}]}]}")));
}

START_TEST(hello_says_who_answers)
{
	EXPECT(ask("{'jsonrpc':'2.0','id':1,'method':'hello'}"), "result.product", "sluice");
	EXPECT(ask("{'jsonrpc':'2.0','id':'x y','method':'hello'}"), "id", "x y");
	EXPECT(ask("{'jsonrpc':'2.0','id':null,'method':'hello'}"), "result.api", "1");
}
END_TEST

static const struct {
	const char *line, *code, *id;
} malformed[] = {
	{"{", "-32700", "null"},
	{"{'a':1,'a':2}", "-32700", "null"},
	{"\xff\xfe", "-32700", "null"},
	{"5", "-32600", "null"},
	{"[{'jsonrpc':'2.0','id':1,'method':'hello'}]", "-32600", "null"},
	{"{'id':7,'method':'hello'}", "-32600", "7"},
	{"{'jsonrpc':'2.0','id':7,'method':5}", "-32600", "7"},
	{"{'jsonrpc':'2.0','id':{},'method':'hello'}", "-32600", "null"},
	{"{'jsonrpc':'2.0','id':7,'method':'nope'}", "-32601", "7"},
	{"{'jsonrpc':'2.0','id':7,'method':'hello','params':[1]}", "-32602", "7"},
	{"{'jsonrpc':'2.0','id':7,'method':'hello','params':{'a':1}}", "-32602", "7"},
	{"{'jsonrpc':'2.0','id':7,'method':'put','params':{'type':'nope','objects':[]}}", "-32602",
		"7"},
	{"{'jsonrpc':'2.0','id':7,'method':'put','params':{'type':'slice'}}", "-32602", "7"},
	{"{'jsonrpc':'2.0','id':7,'method':'get','params':{'type':'slice','key':'x'}}", "-32001",
		"7"},
};

START_TEST(malformed_message_is_answered_and_the_connection_lives)
{
	json_t *answer = ask("%s", malformed[_i].line);

	EXPECT(json_incref(answer), "id", malformed[_i].id);
	EXPECT(answer, "error.code", malformed[_i].code);
	EXPECT(ask(CALL("hello", "{}")), "result.product", "sluice");
}
END_TEST

START_TEST(notification_gets_no_answer)
{
	static const char text[] = "{\"jsonrpc\":\"2.0\",\"method\":\"hello\"}\n\n  \r\n"
				   "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"hello\"}\n";

	send_all(conn, text, strlen(text));
	EXPECT(next_json(), "id", "2");
}
END_TEST

START_TEST(put_counts_created_updated_unchanged)
{
	const char *put = CALL("put", "{'type':'slice','objects':[{'name':'blue','vni':100}]}");

	EXPECT(ask("%s", put), "result", "{\"created\":1,\"unchanged\":0,\"updated\":0}");
	EXPECT(ask("%s", put), "result", "{\"created\":0,\"unchanged\":1,\"updated\":0}");
	EXPECT(ask(CALL("put", "{'type':'slice','objects':[{'name':'blue','vni':101}]}")), "result",
		"{\"created\":0,\"unchanged\":0,\"updated\":1}");
	EXPECT(ask(CALL("get", "{'type':'slice','key':'blue'}")), "result.vni", "101");
	/* 100 is free again, 101 is not */
	EXPECT(ask(CALL("put", "{'type':'slice','objects':[{'name':'red','vni':100}]}")),
		"result.created", "1");
	EXPECT(ask(CALL("delete", "{'type':'slice','keys':['blue','red']}")), "result.deleted",
		"2");
	ck_assert_int_eq(fakes.slices_held, 0);
	ck_assert_int_eq(fakes.slices_set, 0);
}
END_TEST

/* After furnish(): what is refused, with what. */
static const struct {
	const char *request, *code, *where, *what;
} refusals[] = {
	{CALL("put", "{'type':'attachment','objects':[{'name':'x','slice':'blue','port':'p1'},"
		     "{'name':'y','slice':'blue','port':'p1','vlan':5000}]}"),
		"-32602", "error.data.path", "objects[1].vlan"},
	{CALL("transaction", "{'ops':[{'op':'delete','type':'member','keys':['blue t']},"
			     "{'op':'put','type':'attachment','objects':[{'name':'x','slice':'no','"
			     "port':'p1'}]}]}"),
		"-32602", "error.data.path", "ops[1].objects[0].slice"},
	{CALL("transaction", "{'ops':[{'op':'drop'}]}"), "-32602", "error.data.path", "ops[0].op"},
	{CALL("put", "{'type':'attachment','objects':[{'name':'x','slice':'no','port':'p1'}]}"),
		"-32602", "error.data.want", "the name of a slice"},
	{CALL("delete", "{'type':'slice','keys':['red','blue']}"), "-32002", "error.data.by",
		"member blue t"},
	{CALL("delete", "{'type':'slice','keys':['red','blue']}"), "-32002", "error.data.path",
		"keys[1]"},
	{CALL("delete", "{'type':'port','keys':['p0']}"), "-32002", "error.data.by",
		"attachment a"},
	{CALL("delete", "{'type':'tunnel','keys':['t']}"), "-32002", "error.data.by",
		"member blue t"},
	{CALL("delete", "{'type':'slice','keys':['green']}"), "-32001", "error.data.path",
		"keys[0]"},
	{CALL("delete", "{'type':'member','keys':['blue']}"), "-32602", "error.data.path",
		"keys[0]"},
	{CALL("delete", "{'type':'slice','keys':[5]}"), "-32602", "error.data.path", "keys[0]"},
	{CALL("put", "{'type':'slice','objects':[{'name':'x','vni':100}]}"), "-32004",
		"error.data.with", "slice blue"},
	{CALL("put", "{'type':'slice','objects':[{'name':'x','vni':5},{'name':'x','vni':6}]}"),
		"-32004", "error.data.with", "objects[0]"},
	{CALL("put", "{'type':'attachment','objects':[{'name':'x','slice':'red','port':'p0'}]}"),
		"-32004", "error.data.with", "attachment a"},
	{CALL("put", "{'type':'tunnel','objects':[{'name':'x','encap':'vxlan','local':'198.18.0.1',"
		     "'remote':'198.18.0.2'}]}"),
		"-32004", "error.data.with", "tunnel t"},
	{CALL("put", "{'type':'tunnel','objects':[{'name':'x','encap':'vxlan','local':'198.18.0.1',"
		     "'remote':'2001:db8::1'}]}"),
		"-32602", "error.data.path", "objects[0].remote"},
	{CALL("put", "{'type':'tunnel','objects':[{'name':'x','encap':'vxlan','local':'198.18.0.1',"
		     "'remote':'224.0.0.1'}]}"),
		"-32602", "error.data.want", "a unicast address"},
	{CALL("put",
		 "{'type':'tunnel','objects':[{'name':'x','encap':'geneve','local':'198.18.0.1',"
		 "'remote':'198.18.0.3','dst_port':4789}]}"),
		"-32004", "error.data.path", "objects[0].dst_port"},
	{CALL("put",
		 "{'type':'tunnel','objects':[{'name':'x','encap':'geneve','local':'198.18.0.1',"
		 "'remote':'198.18.0.3','dst_port':4789}]}"),
		"-32004", "error.data.with", "tunnel t"},
	{CALL("put",
		 "{'type':'tunnel','objects':[{'name':'x','encap':'geneve','local':'198.18.0.1',"
		 "'remote':'198.18.0.3'},"
		 "{'name':'y','encap':'vxlan','local':'198.18.0.1',"
		 "'remote':'198.18.0.3','dst_port':6081}]}"),
		"-32004", "error.data.with", "tunnel x"},
	{CALL("put", "{'type':'slice','objects':[{'name':'x','vni':5,'kind':'l3'}]}"), "-32602",
		"error.data.path", "objects[0].kind"},
	{CALL("put", "{'type':'slice','objects':[{'name':'underlay','vni':5}]}"), "-32602",
		"error.data.path", "objects[0].name"},
	{CALL("put", "{'type':'port','objects':[{'name':'p0','device':'other'}]}"), "-32004",
		"error.data.path", "objects[0].device"},
	{CALL("put", "{'type':'port','objects':[{'name':'p2','device':'d0'}]}"), "-32004",
		"error.data.with", "port p0"},
	{CALL("transaction",
		 "{'ops':[{'op':'delete','type':'port','keys':['p1']},"
		 "{'op':'put','type':'port','objects':[{'name':'p1','device':'d2'}]}]}"),
		"-32004", "error.data.path", "ops[1].objects[0]"},
	{CALL("put", "{'type':'address','objects':[{'attachment':'a','prefix':'10.0.0.1/24'}]}"),
		"-32602", "error.data.path", "objects[0].attachment"},
	{CALL("put", "{'type':'neighbor','objects':[{'port':'p0','address':'10.0.0.1',"
		     "'mac':'01:00:00:00:00:01'}]}"),
		"-32602", "error.data.path", "objects[0].mac"},
	{CALL("put", "{'type':'route','objects':[{'table':'blue','prefix':'10.0.0.0/8',"
		     "'via':[{'address':'1.1.1.1'}]}]}"),
		"-32602", "error.data.path", "objects[0].table"},
	{CALL("put", "{'type':'route','objects':[{'table':'underlay','prefix':'10.0.0.1/8',"
		     "'via':[{'address':'1.1.1.1'}]}]}"),
		"-32602", "error.data.want", "10.0.0.0/8 (host bits zero)"},
	{CALL("put", "{'type':'route','objects':[{'table':'underlay','prefix':'10.0.0.0/8',"
		     "'via':[{'address':'1.1.1.1'},{'address':'2001:db8::1'}]}]}"),
		"-32602", "error.data.path", "objects[0].via[1].address"},
	{CALL("put", "{'type':'route','objects':[{'table':'underlay','prefix':'10.0.0.0/8',"
		     "'via':[{'port':'p0'},{'port':'nope'}]}]}"),
		"-32602", "error.data.path", "objects[0].via[1].port"},
	{CALL("put",
		 "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:01','tunnel':'t'},"
		 "{'slice':'red','mac':'02:00:00:00:00:01','tunnel':'t'}]}"),
		"-32602", "error.data.path", "objects[1].tunnel"},
	{CALL("put", "{'type':'mac','objects':[{'slice':'red','mac':'02:00:00:00:00:01','"
		     "attachment':'a'}]}"),
		"-32602", "error.data.path", "objects[0].attachment"},
	{CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'01:00:00:00:00:01','tunnel':'"
		     "t'}]}"),
		"-32602", "error.data.path", "objects[0].mac"},
	{CALL("put",
		 "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:01','tunnel':'t'},"
		 "{'slice':'blue','mac':'02:00:00:00:00:01','attachment':'a'}]}"),
		"-32004", "error.data.with", "objects[0]"},
	{CALL("delete", "{'type':'mac','keys':['blue 02:00:00:00:00:01']}"), "-32001",
		"error.data.got", "blue 02:00:00:00:00:01"},
	{CALL("list", "{'type':'slice','match':{'nope':1}}"), "-32602", "error.data.path", "match"},
	{CALL("list", "{'type':'mac','cursor':'x'}"), "-32602", "error.data.path", "cursor"},
	{CALL("list", "{'type':'mac','limit':0}"), "-32602", "error.data.want",
		"integer 1 to 10000"},
	{CALL("stats", "{'type':'mac'}"), "-32602", "error.data.path", "type"},
	{CALL("stats", "{'type':'slice','keys':['no']}"), "-32001", "error.data.path", "keys[0]"},
	{CALL("drops", "{'slice':'no'}"), "-32001", "error.data.path", "slice"},
	{CALL("watch", "{'events':['mac','nope']}"), "-32602", "error.data.path", "events[1]"},
	{CALL("table.read", "{'table':'no'}"), "-32001", "error.data.want", "attachments"},
	{CALL("trace", "{'mac':'zz'}"), "-32602", "error.data.path", "mac"},
};

START_TEST(refusal_names_the_place_and_changes_nothing)
{
	struct fakes before;
	json_t *answer;

	furnish();
	before = fakes;
	answer = ask("%s", refusals[_i].request);
	EXPECT(json_incref(answer), "error.code", refusals[_i].code);
	EXPECT(answer, refusals[_i].where, refusals[_i].what);
	ck_assert_mem_eq(&before, &fakes, sizeof(fakes));
	/* everything is still there, and can be taken down */
	EXPECT(ask(CALL("transaction", "{'ops':[{'op':'delete','type':'member','keys':['blue t']},"
				       "{'op':'delete','type':'attachment','keys':['a']},"
				       "{'op':'delete','type':'tunnel','keys':['t']},"
				       "{'op':'delete','type':'slice','keys':['blue','red']},"
				       "{'op':'delete','type':'port','keys':['p0','p1']}]}")),
		"result.deleted", "7");
	ck_assert_int_eq(fakes.ports_open, 0);
	ck_assert_int_eq(fakes.slices_held + fakes.attachments_held + fakes.tunnels_held, 0);
	ck_assert_int_eq(fakes.slices_set + fakes.attachments_set + fakes.tunnels_set, 0);
	ck_assert_int_eq(fakes.members_set, 0);
}
END_TEST

START_TEST(failing_device_undoes_what_went_before)
{
	furnish();
	fakes.fail_tap_address = true;
	EXPECT(ask(CALL("transaction",
		       "{'ops':[{'op':'put','type':'port','objects':[{'name':'p2','device':'d2'}]},"
		       "{'op':'put','type':'slice','objects':[{'name':'green','vni':7},{'name':'"
		       "blue','vni':8}]},"
		       "{'op':'delete','type':'attachment','keys':['a']},"
		       "{'op':'put','type':'attachment','objects':[{'name':'a','slice':'green','"
		       "port':'p2'}]},"
		       "{'op':'put','type':'address','objects':[{'port':'p1','prefix':'10.0.0.1/"
		       "24'}]}]}")),
		"error.data.path", "ops[4].objects[0].prefix");
	ck_assert_int_eq(fakes.ports_open, 2);
	ck_assert_int_eq(fakes.slices_held, 2);
	ck_assert_int_eq(fakes.attachments_held, 1);
	EXPECT(ask(CALL("get", "{'type':'attachment','key':'a'}")), "result.slice", "blue");
	EXPECT(ask(CALL("get", "{'type':'slice','key':'blue'}")), "result.vni", "100");
	EXPECT(ask(CALL("get", "{'type':'slice','key':'green'}")), "error.code", "-32001");
}
END_TEST

START_TEST(underlay_objects_reach_the_underlay)
{
	furnish();
	OK(ask(CALL(
		"put", "{'type':'address','objects':[{'port':'p1','prefix':'198.18.0.1/24'}]}")));
	OK(ask(CALL("put", "{'type':'neighbor','objects':[{'port':'p0','address':'198.18.0.2',"
			   "'mac':'02:00:00:00:00:02'}]}")));
	OK(ask(CALL("put",
		"{'type':'route','objects':[{'table':'underlay','prefix':'0.0.0.0/0','via':["
		"{'address':'198.18.0.2'},{'address':'198.18.0.3','port':'p1'},{'port':'p0'}]}]"
		"}")));
	ck_assert_int_eq(fakes.tap_addresses, 1);
	ck_assert_int_eq(fakes.addresses_set + fakes.neighbors_set + fakes.routes_set, 3);
	ck_assert_int_eq(fakes.via_count, 3);
	ck_assert_int_eq(fakes.via_port[0], 0xffff);
	ck_assert_int_eq(fakes.via_port[1], 1);
	ck_assert_int_eq(fakes.via_port[2], 0);
	/* gone and back within one transaction: the kernel has it at the end */
	OK(ask(CALL("transaction",
		"{'ops':[{'op':'delete','type':'address','keys':['p1 198.18.0.1/24']},"
		"{'op':'put','type':'address','objects':[{'port':'p1','prefix':'198.18.0.1/"
		"24'}]}]}")));
	ck_assert_int_eq(fakes.tap_addresses, 1);
	EXPECT(ask(CALL("delete", "{'type':'port','keys':['p1']}")), "error.data.by",
		"address p1 198.18.0.1/24");
	OK(ask(CALL("delete", "{'type':'route','keys':['underlay 0.0.0.0/0']}")));
	OK(ask(CALL("delete", "{'type':'address','keys':['p1 198.18.0.1/24']}")));
	OK(ask(CALL("delete", "{'type':'port','keys':['p1']}")));
}
END_TEST

START_TEST(untagged_traffic_is_a_slices_or_the_boxes_never_both)
{
	furnish();
	OK(ask(CALL("put", "{'type':'port','objects':[{'name':'t1','device':'d9','tap':true}]}")));
	EXPECT(ask(CALL("put",
		       "{'type':'attachment','objects':[{'name':'b','slice':'red','port':'t1'}]}")),
		"error.data.with", "port t1");
	EXPECT(ask(CALL("put",
		       "{'type':'address','objects':[{'port':'p0','prefix':'198.18.0.1/24'}]}")),
		"error.data.with", "attachment a");
	OK(ask(CALL("put", "{'type':'attachment','objects':[{'name':'a','slice':'blue','port':'p0',"
			   "'vlan':5}]}")));
	OK(ask(CALL(
		"put", "{'type':'address','objects':[{'port':'p0','prefix':'198.18.0.1/24'}]}")));
	EXPECT(ask(CALL("put", "{'type':'attachment','objects':[{'name':'a','slice':'blue','port':'"
			       "p0'}]}")),
		"error.data.with", "address p0 198.18.0.1/24");
}
END_TEST

#define GENEVE                                                                                     \
	"{'name':'g','encap':'geneve','local':'198.18.0.1','remote':'198.18.0.2','dst_port':4789}"

START_TEST(udp_port_is_vxlans_or_geneves_as_the_transaction_leaves_it)
{
	furnish();
	OK(ask(CALL("delete", "{'type':'member','keys':['blue t']}")));
	EXPECT(ask(CALL("put", "{'type':'tunnel','objects':[" GENEVE "]}")), "error.data.with",
		"tunnel t");
	/* a transaction that fails later leaves the port to whom it was */
	EXPECT(ask(CALL("transaction", "{'ops':[{'op':'delete','type':'tunnel','keys':['t']},"
				       "{'op':'put','type':'tunnel','objects':[" GENEVE "]},"
				       "{'op':'delete','type':'tunnel','keys':['nobody']}]}")),
		"error.code", "-32001");
	EXPECT(ask(CALL("put", "{'type':'tunnel','objects':[" GENEVE "]}")), "error.data.with",
		"tunnel t");
	/* one that goes through hands it over */
	EXPECT(ask(CALL("transaction", "{'ops':[{'op':'delete','type':'tunnel','keys':['t']},"
				       "{'op':'put','type':'tunnel','objects':[" GENEVE "]}]}")),
		"result.created", "1");
	EXPECT(ask(CALL("put", "{'type':'tunnel','objects':[{'name':'t','encap':'vxlan',"
			       "'local':'198.18.0.1','remote':'198.18.0.9'}]}")),
		"error.data.with", "tunnel g");
	/* its only user may change it in place */
	EXPECT(ask(CALL("put", "{'type':'tunnel','objects':[{'name':'g','encap':'vxlan',"
			       "'local':'198.18.0.1','remote':'198.18.0.2'}]}")),
		"result.updated", "1");
	EXPECT(ask(CALL("put", "{'type':'tunnel','objects':[{'name':'t','encap':'vxlan',"
			       "'local':'198.18.0.1','remote':'198.18.0.9'}]}")),
		"result.created", "1");
	OK(ask(CALL("delete", "{'type':'tunnel','keys':['t','g']}")));
	EXPECT(ask(CALL("put", "{'type':'tunnel','objects':[" GENEVE "]}")), "result.created", "1");
	OK(ask(CALL("delete", "{'type':'tunnel','keys':['g']}")));
}
END_TEST

START_TEST(macs_are_static_objects_and_hold_what_they_name)
{
	furnish();
	EXPECT(ask(CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:01',"
			       "'tunnel':'t'},"
			       "{'slice':'blue','mac':'02:00:00:00:00:02','attachment':'a'}]}")),
		"result.created", "2");
	EXPECT(ask(CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:01',"
			       "'tunnel':"
			       "'t'}]}")),
		"result.unchanged", "1");
	EXPECT(ask(CALL("delete", "{'type':'member','keys':['blue t']}")), "error.data.by",
		"1 static mac object");
	EXPECT(ask(CALL("delete", "{'type':'attachment','keys':['a']}")), "error.data.by",
		"1 static mac object");
	EXPECT(ask(CALL("put",
		       "{'type':'attachment','objects':[{'name':'a','slice':'red','port':'p0'}]}")),
		"error.code", "-32002");
	/* moves to the attachment: the member is free */
	EXPECT(ask(CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:01',"
			       "'attachment':'a'}]}")),
		"result.updated", "1");
	OK(ask(CALL("delete", "{'type':'member','keys':['blue t']}")));
	EXPECT(ask(CALL("get", "{'type':'slice','key':'blue'}")), "result.static_macs", "2");
	EXPECT(ask(CALL("get", "{'type':'mac','key':'blue 02:00:00:00:00:01'}")), "result",
		"{\"attachment\":\"a\",\"mac\":\"02:00:00:00:00:01\",\"slice\":\"blue\"}");
	EXPECT(ask(CALL("put",
		       "{'type':'slice','objects':[{'name':'blue','vni':100,'max_macs':1}]}")),
		"error.code", "-32003");
	/* deleted and put again in one transaction */
	EXPECT(ask(CALL("transaction",
		       "{'ops':[{'op':'delete','type':'mac','keys':['blue 02:00:00:00:00:01','blue "
		       "02:00:00:00:00:02']},{'op':'delete','type':'attachment','keys':['a']},"
		       "{'op':'delete','type':'slice','keys':['blue']}]}")),
		"result.deleted", "4");
}
END_TEST

START_TEST(learned_macs_are_listed_and_replaced)
{
	furnish();
	fakes_learn(1, "02:00:00:00:00:05", 0x10001);
	EXPECT(ask(CALL("list", "{'type':'mac','match':{'learned':true}}")),
		"result.objects.0.learned", "true");
	EXPECT(ask(CALL("list", "{'type':'mac','match':{'learned':false}}")), "result.objects",
		"[]");
	EXPECT(ask(CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:05',"
			       "'tunnel':'t'}]}")),
		"result.updated", "1");
	EXPECT(ask(CALL("list", "{'type':'mac','match':{'tunnel':'t'}}")), "result.objects.0.mac",
		"02:00:00:00:00:05");
}
END_TEST

/* Pages smaller than one step of the table, as large, and in between. */
START_TEST(mac_pages_hold_every_mac_once)
{
	static const int limits[] = {1, 2, 3, 64, 65, 10000};
	char mac[32], cursor[40];
	bool seen[2000];

	furnish();
	for (int i = 0; i < 2000; i++) {
		sprintf(mac, "02:00:00:00:%02x:%02x", i >> 8, i & 255);
		fakes_learn(1, mac, 0x10001);
	}
	memset(seen, 0, sizeof(seen));
	cursor[0] = '\0';
	do {
		json_t *page =
			*cursor ? ask(CALL("list", "{'type':'mac','limit':%d,'cursor':'%s'}"),
					  limits[_i], cursor)
				: ask(CALL("list", "{'type':'mac','limit':%d}"), limits[_i]);
		json_t *objects = json_object_get(json_object_get(page, "result"), "objects");

		ck_assert_uint_le(json_array_size(objects), limits[_i]);
		for (size_t i = 0; i < json_array_size(objects); i++) {
			unsigned high, low;

			ck_assert_int_eq(sscanf(at(json_array_get(objects, i), "mac"),
						 "02:00:00:00:%x:%x", &high, &low),
				2);
			ck_assert(!seen[high << 8 | low]);
			seen[high << 8 | low] = true;
		}
		strcpy(cursor, at(page, "result.cursor"));
		json_decref(page);
	} while (*cursor);
	for (int i = 0; i < 2000; i++)
		ck_assert(seen[i]);
}
END_TEST

START_TEST(mac_limits_answer_with_capacity)
{
	furnish();
	OK(ask(CALL("put", "{'type':'slice','objects':[{'name':'blue','vni':100,'max_macs':1}]}")));
	EXPECT(ask(CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:01',"
			       "'tunnel':"
			       "'t'},{'slice':'blue','mac':'02:00:00:00:00:02','tunnel':'t'}]}")),
		"error.data.limit", "1");
	OK(ask(CALL("put", "{'type':'slice','objects':[{'name':'blue','vni':100}]}")));
	fakes.fdb_limit = 1;
	EXPECT(ask(CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:01',"
			       "'tunnel':"
			       "'t'},{'slice':'blue','mac':'02:00:00:00:00:02','tunnel':'t'}]}")),
		"error.data.limit", "1048576");
	/* one goes as another comes */
	OK(ask(CALL("put",
		"{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:01','tunnel':"
		"'t'}]}")));
	OK(ask(CALL("transaction",
		"{'ops':[{'op':'delete','type':'mac','keys':['blue "
		"02:00:00:00:00:01']},{'op':'put','type':"
		"'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:02','tunnel':'t'}]}]}")));
}
END_TEST

START_TEST(hundred_thousand_macs_in_one_message_take_less_than_two_seconds)
{
	const int n = 100000;
	char *text = malloc(n * 100 + 200), *end = text;
	struct timespec from, to;
	int listed = 0;
	double seconds;

	furnish();
	OK(ask(CALL("put",
		"{'type':'slice','objects':[{'name':'blue','vni':100,'max_macs':200000}]}")));
	end += sprintf(end,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"put\",\"params\":{\"type\":\"mac\","
		"\"objects\":[");
	for (int i = 0; i < n; i++)
		end += sprintf(end,
			"%s{\"slice\":\"blue\",\"mac\":\"02:00:00:%02x:%02x:%02x\",\"tunnel\":"
			"\"t\"}",
			i ? "," : "", i >> 16, i >> 8 & 255, i & 255);
	end += sprintf(end, "]}}\n");
	clock_gettime(CLOCK_MONOTONIC, &from);
	send_all(conn, text, end - text);
	EXPECT(next_json(), "result.created", "100000");
	clock_gettime(CLOCK_MONOTONIC, &to);
	seconds = to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9;
	fprintf(stderr, "100,000 macs: %.3f s\n", seconds);
#if !defined(__SANITIZE_ADDRESS__)
	ck_assert_double_lt(seconds, 2.0); /* what issue 2 asks for; 0.2 on a quiet machine */
#endif
	/* all of them come back page by page */
	for (json_t *page = ask(CALL("list", "{'type':'mac','limit':10000}")); page;) {
		char cursor[32];

		listed += json_array_size(
			json_object_get(json_object_get(page, "result"), "objects"));
		strcpy(cursor, at(page, "result.cursor"));
		json_decref(page);
		page = *cursor ? ask(CALL("list", "{'type':'mac','limit':10000,'cursor':'%s'}"),
					 cursor)
			       : NULL;
	}
	ck_assert_int_eq(listed, n);
	free(text);
}
END_TEST

START_TEST(list_pages_in_order_without_losing_or_repeating)
{
	char last[64] = "", cursor[64] = "";
	int seen = 0;

	for (int i = 0; i < 250; i++)
		OK(ask(CALL("put", "{'type':'slice','objects':[{'name':'s%d','vni':%d}]}"), i,
			i + 1));
	do {
		json_t *page =
			*cursor ? ask(CALL("list", "{'type':'slice','limit':99,'cursor':'%s'}"),
					  cursor)
				: ask(CALL("list", "{'type':'slice','limit':99}"));
		json_t *objects = json_object_get(json_object_get(page, "result"), "objects"),
		       *object;
		size_t i;

		json_array_foreach (objects, i, object) {
			const char *name = json_string_value(json_object_get(object, "name"));

			ck_assert_int_gt(strcmp(name, last), 0);
			strcpy(last, name);
			seen++;
		}
		strcpy(cursor, at(page, "result.cursor"));
		json_decref(page);
	} while (*cursor);
	ck_assert_int_eq(seen, 250);
	EXPECT(ask(CALL("list", "{'type':'slice','match':{'vni':7}}")), "result.objects.0.name",
		"s6");
}
END_TEST

START_TEST(counters_come_with_their_names)
{
	furnish();
	EXPECT(ask(CALL("stats", "{'type':'port'}")), "result.objects.p0.rx_packets", "10");
	EXPECT(ask(CALL("stats", "{'type':'slice','keys':['blue']}")), "result.objects",
		"{\"blue\":{\"dropped\":3,\"in_bytes\":60,\"in_packets\":1,\"out_bytes\":120,"
		"\"out_packets\":2}}");
	EXPECT(ask(CALL("stats", "{'type':'box'}")), "result.objects.box.punted", "4");
	EXPECT(ask(CALL("stats", "{'type':'stage'}")),
		"result.objects.worker0/parse.cycles_per_packet", "15.0");
	EXPECT(ask(CALL("stats", "{'type':'worker'}")), "result.objects.worker0.loops", "1");
	EXPECT(ask(CALL("drops", "{}")), "result", "{\"runt\":5}");
	EXPECT(ask(CALL("drops", "{'slice':'blue'}")), "result", "{\"same_door\":7}");
	EXPECT(ask(CALL("drops", "{'all':true}")), "result.vxlan_header", "0");
	EXPECT(ask(CALL("table.list", "{}")), "result.tables.0.match_fields.0",
		"{\"bitwidth\":16,\"id\":1,\"match_type\":\"exact\",\"name\":\"port\"}");
	EXPECT(ask(CALL("table.read", "{'table':'attachments'}")), "result.entries.0.params",
		"{\"slice\":\"slice 1\"}");
	EXPECT(ask(CALL("schema", "{}")), "result.$defs.slice.properties.vni.maximum", "16777215");
}
END_TEST

START_TEST(table_pages_hold_every_row_once)
{
	char cursor[40] = "", want[16];
	int row = 0;

	do {
		json_t *page =
			*cursor ? ask(CALL("table.read",
					      "{'table':'attachments','limit':7,'cursor':'%s'}"),
					  cursor)
				: ask(CALL("table.read", "{'table':'attachments','limit':7}"));
		json_t *rows = json_object_get(json_object_get(page, "result"), "entries");

		ck_assert_uint_le(json_array_size(rows), 7);
		for (size_t i = 0; i < json_array_size(rows); i++) {
			sprintf(want, "%d", row++);
			ck_assert_str_eq(at(json_array_get(rows, i), "match.port"), want);
		}
		strcpy(cursor, at(page, "result.cursor"));
		json_decref(page);
	} while (*cursor);
	ck_assert_int_eq(row, 200);
	EXPECT(ask(CALL("table.read", "{'table':'attachments','cursor':'5'}")), "error.data.path",
		"cursor");
}
END_TEST

START_TEST(watcher_hears_of_macs_and_links)
{
	furnish();
	EXPECT(ask(CALL("watch", "{'events':['mac','link.up']}")), "result.watching",
		"[\"link.up\",\"mac.learned\",\"mac.moved\",\"mac.aged\"]");
	fakes_learn(1, "02:00:00:00:00:05", 0x10001);
	EXPECT(next_json(), "params",
		"{\"attachment\":\"a\",\"event\":\"mac.learned\",\"mac\":\"02:00:00:00:00:05\","
		"\"slice\":"
		"\"blue\"}");
	fakes.link = true;
	rpc_poll();
	EXPECT(next_json(), "params.event", "link.up");
	EXPECT(next_json(), "params.port", "p1");
}
END_TEST

START_TEST(watcher_that_does_not_read_loses_events_and_is_told)
{
	json_t *event;
	int heard = 0;

	furnish();
	OK(ask(CALL("watch", "{'events':['mac']}")));
	for (int i = 0; i < 100000; i++) {
		char mac[32];

		sprintf(mac, "02:00:00:%02x:%02x:%02x", i >> 16, i >> 8 & 255, i & 255);
		fakes_learn(1, mac, 0x10001);
		if (i % 100 == 0)
			turn();
	}
	while ((event = next_json()) && strcmp(at(event, "params.event"), "events_lost") != 0) {
		heard++;
		json_decref(event);
	}
	ck_assert_ptr_nonnull(event);
	ck_assert_int_lt(heard, 30000);
	ck_assert_int_eq(heard + atoi(at(event, "params.lost")), 100000);
	json_decref(event);
	OK(ask(CALL("hello", "{}")));
}
END_TEST

START_TEST(trace_sends_packets_then_an_end)
{
	furnish();
	EXPECT(ask(CALL("trace", "{'count':1,'port':'p0','slice':'blue'}")), "result.armed", "1");
	EXPECT(ask(CALL("trace", "{}")), "error.code", "-32004");
	rpc_poll();
	fakes.trace_records = 1;
	rpc_poll();
	EXPECT(next_json(), "params",
		"{\"bytes\":\"abcd\",\"event\":\"trace.packet\",\"from_kernel\":false,\"length\":"
		"60,\"port\":"
		"\"p0\",\"steps\":[{\"stage\":\"parse\",\"text\":\"ok\"}],\"time_ns\":0,\"worker\":"
		"0}");
	EXPECT(next_json(), "params.reason", "count");
	/* a client that goes away disarms */
	OK(ask(CALL("trace", "{}")));
	ck_assert(fakes.trace_armed);
	close(conn);
	turn();
	turn();
	ck_assert(!fakes.trace_armed);
	conn = dial();
	OK(ask(CALL("trace", "{}")));
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
	char text[128];

	for (int i = 0; i < 1000; i++) {
		sprintf(text, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"hello\"}\n", i);
		send_all(conn, text, strlen(text));
	}
	for (int i = 0; i < 1000; i++) {
		sprintf(text, "%d", i);
		EXPECT(next_json(), "id", text);
	}
}
END_TEST

START_TEST(client_that_floods_without_reading_is_bounded_and_stalls_nobody)
{
	static const char text[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"schema\"}\n";
	int hostile = conn;
	size_t sent = 0;
	long before, after;
	FILE *statm;

	conn = dial();
	statm = fopen("/proc/self/statm", "r");
	ck_assert_int_eq(fscanf(statm, "%*d %ld", &before), 1);
	fclose(statm);
	for (int i = 0; i < 100000; i++) {
		ssize_t n = write(hostile, text, sizeof(text) - 1);

		sent += n > 0 ? n : 0;
		turn();
	}
	OK(ask(CALL("hello", "{}")));
	statm = fopen("/proc/self/statm", "r");
	ck_assert_int_eq(fscanf(statm, "%*d %ld", &after), 1);
	fclose(statm);
#if !defined(__SANITIZE_ADDRESS__)
	ck_assert_int_lt((after - before) * 4096, 16 << 20);
#endif
	ck_assert_uint_lt(sent, 8 << 20);
	close(hostile);
}
END_TEST

START_TEST(line_over_the_limit_is_refused_and_closed)
{
	char *text = malloc(1 << 20);
	json_t *answer;

	memset(text, ' ', 1 << 20);
	for (int i = 0; i < 17; i++) {
		for (size_t at_byte = 0; at_byte < 1 << 20;) {
			ssize_t n = write(conn, text + at_byte, (1 << 20) - at_byte);

			if (n < 0 && errno == EPIPE)
				break;
			at_byte += n > 0 ? n : 0;
			turn();
		}
	}
	answer = next_json();
	ck_assert_ptr_nonnull(answer);
	EXPECT(answer, "error.code", "-32600");
	ck_assert_ptr_null(next_line());
	free(text);
	close(conn);
	conn = dial();
	OK(ask(CALL("hello", "{}")));
}
END_TEST

START_TEST(json_that_would_eat_the_memory_is_refused)
{
	const size_t len = 16 << 20;
	char *text = malloc(len + 1);

	text[0] = '[';
	for (size_t i = 1; i + 3 <= len; i += 3)
		memcpy(text + i, "[],", 3);
	text[len - 1] = ']'; /* 16 MiB = 1 + 3 n: the last comma */
	text[len] = '\n';
	send_all(conn, text, len + 1);
	EXPECT(next_json(), "error.code", "-32003");
	OK(ask(CALL("hello", "{}")));
	free(text);
}
END_TEST

START_TEST(one_client_too_many_is_told_so)
{
	int fds[LIMIT_RPC_CLIENTS], old = conn;

	for (int i = 0; i < LIMIT_RPC_CLIENTS - 1; i++)
		fds[i] = dial();
	conn = dial();
	EXPECT(next_json(), "error.code", "-32003");
	ck_assert_ptr_null(next_line());
	close(conn);
	for (int i = 0; i < LIMIT_RPC_CLIENTS - 1; i++)
		close(fds[i]);
	turn();
	conn = old;
	OK(ask(CALL("hello", "{}")));
}
END_TEST

START_TEST(half_closed_client_gets_its_answers)
{
	static const char text[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\"}\n"
				   "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"hello\"}";

	send_all(conn, text, strlen(text));
	shutdown(conn, SHUT_WR);
	EXPECT(next_json(), "id", "1");
	EXPECT(next_json(), "id", "2");
	ck_assert_ptr_null(next_line());
}
END_TEST

START_TEST(socket_is_0660_and_replaced_only_when_stale)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct event_base *other = event_base_new();
	struct stat stat_buf;
	int fd;

	ck_assert_int_eq(stat(path, &stat_buf), 0);
	ck_assert_int_eq(stat_buf.st_mode & 0777, 0660);
	ck_assert_int_eq(rpc_start(other, path), -EADDRINUSE);
	event_base_free(other);
	rpc_stop();
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(address.sun_path, path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	ck_assert_int_eq(rpc_start(base, path), 0);
}
END_TEST

START_TEST(config_file_is_one_transaction)
{
	char file[] = "/tmp/sluice-config-XXXXXX";
	static const char good[] = "{\"ops\":[{\"op\":\"put\",\"type\":\"slice\",\"objects\":"
				   "[{\"name\":\"blue\",\"vni\":1}]}]}";
	static const char bad[] = "{\"ops\":[{\"op\":\"put\",\"type\":\"slice\",\"objects\":"
				  "[{\"name\":\"red\",\"vni\":0}]}]}";
	struct rpc_error err;
	int fd = mkstemp(file);

	ck_assert_int_eq(write(fd, bad, strlen(bad)), (ssize_t)strlen(bad));
	ck_assert_int_eq(rpc_apply_config(file, &err), -1);
	ck_assert_str_eq(err.path, "ops[0].objects[0].vni");
	ck_assert_int_eq(pwrite(fd, good, strlen(good), 0), (ssize_t)strlen(good));
	ck_assert_int_eq(ftruncate(fd, strlen(good)), 0);
	ck_assert_int_eq(rpc_apply_config(file, &err), 0);
	EXPECT(ask(CALL("get", "{'type':'slice','key':'blue'}")), "result.vni", "1");
	close(fd);
	unlink(file);
	ck_assert_int_eq(rpc_apply_config(file, &err), -1);
}
END_TEST

static TCase *objects_case(void)
{
	TCase *tcase = tcase_create("objects");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, put_counts_created_updated_unchanged);
	tcase_add_loop_test(tcase, refusal_names_the_place_and_changes_nothing, 0,
		sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_test(tcase, failing_device_undoes_what_went_before);
	tcase_add_test(tcase, underlay_objects_reach_the_underlay);
	tcase_add_test(tcase, untagged_traffic_is_a_slices_or_the_boxes_never_both);
	tcase_add_test(tcase, udp_port_is_vxlans_or_geneves_as_the_transaction_leaves_it);
	tcase_add_test(tcase, macs_are_static_objects_and_hold_what_they_name);
	tcase_add_test(tcase, learned_macs_are_listed_and_replaced);
	tcase_add_loop_test(tcase, mac_pages_hold_every_mac_once, 0, 6);
	tcase_add_test(tcase, mac_limits_answer_with_capacity);
	tcase_add_test(tcase, hundred_thousand_macs_in_one_message_take_less_than_two_seconds);
	tcase_add_test(tcase, list_pages_in_order_without_losing_or_repeating);
	tcase_add_test(tcase, counters_come_with_their_names);
	tcase_add_test(tcase, table_pages_hold_every_row_once);
	tcase_add_test(tcase, config_file_is_one_transaction);
	tcase_set_timeout(tcase, 60);
	return tcase;
}

static TCase *socket_case(void)
{
	TCase *tcase = tcase_create("socket");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, hello_says_who_answers);
	tcase_add_loop_test(tcase, malformed_message_is_answered_and_the_connection_lives, 0,
		sizeof(malformed) / sizeof(malformed[0]));
	tcase_add_test(tcase, notification_gets_no_answer);
	tcase_add_test(tcase, watcher_hears_of_macs_and_links);
	tcase_add_test(tcase, watcher_that_does_not_read_loses_events_and_is_told);
	tcase_add_test(tcase, trace_sends_packets_then_an_end);
	tcase_add_test(tcase, pipelined_requests_are_answered_in_order);
	tcase_add_test(tcase, client_that_floods_without_reading_is_bounded_and_stalls_nobody);
	tcase_add_test(tcase, line_over_the_limit_is_refused_and_closed);
	tcase_add_test(tcase, json_that_would_eat_the_memory_is_refused);
	tcase_add_test(tcase, one_client_too_many_is_told_so);
	tcase_add_test(tcase, half_closed_client_gets_its_answers);
	tcase_add_test(tcase, socket_is_0660_and_replaced_only_when_stale);
	tcase_set_timeout(tcase, 60);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("rpc");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, objects_case());
	suite_add_tcase(suite, socket_case());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
