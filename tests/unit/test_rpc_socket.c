/* SPDX-License-Identifier: BSD-3-Clause */
/* The socket itself: framing, hostile and slow clients, events, traces. */
#include <errno.h>
#include <event2/event.h>
#include <grp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bounds.h"
#include "events.h"
#include "fakes.h"
#include "noun_port.h"
#include "port_link.h"
#include "rpc_client.h"
#include "server.h"

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
	events_links(1ull << 0 | 1ull << 1 | 1ull << 9);
	EXPECT(next_json(), "params",
		"{\"event\":\"link.up\",\"port\":\"p0\",\"speed_mbps\":10000}");
	EXPECT(next_json(), "params.port", "p1");
	fakes.link = false;
	events_links(1); /* not watched */
	OK(ask(CALL("watch", "{'events':['link']}")));
	fakes.gone = true;
	events_links(1);
	EXPECT(next_json(), "params",
		"{\"event\":\"link.down\",\"gone\":true,\"port\":\"p0\",\"speed_mbps\":10000}");
	EXPECT(ask(CALL("get", "{'type':'port','key':'p0'}")), "result.gone", "true");
}
END_TEST

START_TEST(watcher_hears_of_a_program_taken_off_and_put_back)
{
	furnish();
	EXPECT(ask(CALL("watch", "{'events':['port']}")), "result.watching",
		"[\"port.fault\",\"port.mended\"]");
	fakes.port_lost = true;
	fakes.port_fault = "another is there";
	noun_port_poll();
	EXPECT(next_json(), "params",
		"{\"event\":\"port.fault\",\"port\":\"p0\",\"text\":\"another is there\"}");
	EXPECT(next_json(), "params.port", "p1");
	EXPECT(ask(CALL("get", "{'type':'port','key':'p0'}")), "result.fault", "another is there");
	fakes.port_back = true; /* at once */
	fakes.port_fault = NULL;
	noun_port_poll();
	EXPECT(next_json(), "params.event", "port.fault");
	EXPECT(next_json(), "params", "{\"event\":\"port.mended\",\"port\":\"p0\"}");
	EXPECT(next_json(), "params.event", "port.fault");
	EXPECT(next_json(), "params", "{\"event\":\"port.mended\",\"port\":\"p1\"}");
}
END_TEST

START_TEST(port_says_that_the_interface_below_takes_less)
{
	furnish();
	fakes.interface_mtu = 1500;
	EXPECT(ask(CALL("get", "{'type':'port','key':'p0'}")), "result.fault", "");
	fakes.interface_mtu = 1400;
	noun_port_news(1ull << 0 | 1ull << 9);
	ck_assert_int_eq(fakes.bound, 1); /* of the one that is there */
	EXPECT(ask(CALL("get", "{'type':'port','key':'p0'}")), "result.interface_mtu", "1400");
	EXPECT(ask(CALL("get", "{'type':'port','key':'p0'}")), "result.fault",
		"interface lo has an MTU of 1400, port p0 of 1500: larger frames are lost; ip link "
		"set lo mtu 1500");
}
END_TEST

START_TEST(twin_that_others_deleted_is_made_again_with_its_addresses)
{
	furnish();
	OK(ask(CALL("put", "{'type':'address','objects':[{'port':'p1','prefix':'198.18.0.1/24'},"
			   "{'port':'p1','prefix':'2001:db8::1/64'}]}")));
	ck_assert_int_eq(fakes.tap_addresses, 2);
	fakes.twin = PORT_TWIN_DOWN; /* as somebody wants it */
	ck_assert_uint_eq(noun_port_poll(), 0);
	EXPECT(ask(CALL("get", "{'type':'port','key':'p1'}")), "result.fault",
		"the twin p1 of port p1 is down: ip link set p1 up");
	fakes.twin = PORT_TWIN_GONE;
	fakes.fail_twin = true;
	ck_assert_uint_eq(noun_port_poll(), 0);
	EXPECT(ask(CALL("get", "{'type':'port','key':'p1'}")), "result.fault",
		"the twin p1 of port p1 is gone");
	EXPECT(ask(CALL("get", "{'type':'port','key':'p1'}")), "result.tap_lost", "true");
	ck_assert_int_eq(fakes.tap_addresses, 2);
	fakes.fail_twin = false;
	ck_assert_uint_eq(noun_port_poll(), 0); /* the port itself was never away */
	ck_assert_int_eq(fakes.tap_addresses, 4);
	EXPECT(ask(CALL("get", "{'type':'port','key':'p1'}")), "result.fault", "");
	EXPECT(ask(CALL("get", "{'type':'port','key':'p1'}")), "result.tap_lost", "");
}
END_TEST

START_TEST(watcher_hears_of_next_hops_and_can_list_them)
{
	furnish();
	fakes.hop.address = (struct api_ip){4, 32, {198, 18, 0, 9}};
	fakes.hop.wanted = true;
	fakes.hop_news = 1;
	ck_assert(!events_hops()); /* nobody watches */
	EXPECT(ask(CALL("watch", "{'events':['neighbor']}")), "result.watching",
		"[\"neighbor_wanted\",\"neighbor_unwanted\"]");
	fakes.hop_news = 1;
	events_hops();
	EXPECT(next_json(), "params",
		"{\"address\":\"198.18.0.9\",\"event\":\"neighbor_wanted\",\"port\":\"p0\"}");
	fakes.missing = 1;
	EXPECT(ask(CALL("list", "{'type':'neighbor','match':{'wanted':true}}")), "result.objects",
		"[{\"address\":\"198.18.0.9\",\"learned\":true,\"port\":\"p0\",\"state\":"
		"\"incomplete\",\"wanted\":true}]");
	EXPECT(ask(CALL("list", "{'type':'neighbor','match':{'learned':false}}")), "result.objects",
		"[]");
	EXPECT(ask(CALL("get", "{'type':'neighbor','key':'p0 198.18.0.9'}")), "result.wanted",
		"true");
	EXPECT(ask(CALL("delete", "{'type':'neighbor','keys':['p0 198.18.0.9']}")), "error.code",
		"-32001");
	fakes.missing = 0;
	OK(ask(CALL("put", "{'type':'neighbor','objects':[{'port':'p0','address':'198.18.0.9',"
			   "'mac':'02:00:00:00:00:09'},{'port':'p0','address':'198.18.0.8','mac':"
			   "'02:00:00:00:00:08'}]}")));
	EXPECT(ask(CALL("list", "{'type':'neighbor','match':{'wanted':true}}")), "result.objects",
		"[{\"address\":\"198.18.0.9\",\"mac\":\"02:00:00:00:00:09\",\"port\":\"p0\","
		"\"wanted\":true}]");
	EXPECT(ask(CALL("get", "{'type':'neighbor','key':'p0 198.18.0.7'}")), "error.code",
		"-32001");
	fakes.hop.wanted = false;
	fakes.hop_news = 1;
	events_hops();
	EXPECT(next_json(), "params.event", "neighbor_unwanted");
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

START_TEST(clients_that_say_nothing_shut_nobody_out)
{
	int fds[LIMIT_RPC_CLIENTS + 1], old = conn;

	for (int i = 0; i < LIMIT_RPC_CLIENTS - 1; i++)
		fds[i] = dial();
	OK(ask(CALL("hello", "{}")));
	conn = dial();
	OK(ask(CALL("hello", "{}")));
	close(conn);
	conn = fds[0]; /* silent for longest */
	EXPECT(next_json(), "error.code", "-32003");
	ck_assert_ptr_null(next_line());
	for (int i = 0; i < LIMIT_RPC_CLIENTS - 1; i++)
		close(fds[i]);
	turn();
	conn = old;
	OK(ask(CALL("hello", "{}")));
}
END_TEST

START_TEST(watcher_gives_way_last)
{
	int fds[2 * LIMIT_RPC_CLIENTS];

	OK(ask(CALL("watch", "{'events':['link']}")));
	for (int i = 0; i < 2 * LIMIT_RPC_CLIENTS; i++)
		fds[i] = dial();
	OK(ask(CALL("hello", "{}")));
	for (int i = 0; i < 2 * LIMIT_RPC_CLIENTS; i++)
		close(fds[i]);
}
END_TEST

/* A client of another user, while somebody has all the places: it has one, and is left alone. */
START_TEST(another_user_has_a_place)
{
	int fds[LIMIT_RPC_CLIENTS], old = conn, other, gone = 0;
	char byte;

	ck_assert_int_eq(chmod(socket_path, 0666), 0);
	ck_assert_int_eq(setresuid(-1, 7, 0), 0);
	other = dial_alone();
	ck_assert_int_eq(setresuid(-1, 0, 0), 0);
	turn();
	for (int i = 0; i < LIMIT_RPC_CLIENTS; i++)
		fds[i] = dial();
	conn = other;
	OK(ask(CALL("hello", "{}")));
	for (int i = 0; i < LIMIT_RPC_CLIENTS; i++) {
		gone += recv(fds[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
		close(fds[i]);
	}
	ck_assert_int_ge(gone, 1);
	close(other);
	conn = old;
}
END_TEST

/* Whatever the modes say: of no group of the dataplane's. */
START_TEST(stranger_is_turned_away_by_his_uid)
{
	static const gid_t none[] = {7};
	int old = conn;

	ck_assert_int_eq(chmod(socket_path, 0666), 0);
	ck_assert_int_eq(setgroups(1, none), 0);
	ck_assert_int_eq(setresgid(-1, 7, 0), 0);
	ck_assert_int_eq(setresuid(-1, 7, 0), 0);
	conn = dial_alone();
	ck_assert_int_eq(setresuid(-1, 0, 0), 0);
	ck_assert_int_eq(setresgid(-1, 0, 0), 0);
	turn();
	EXPECT(next_json(), "error.code", "-32600");
	ck_assert_ptr_null(next_line());
	close(conn);
	conn = old;
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

	ck_assert_int_eq(stat(socket_path, &stat_buf), 0);
	ck_assert_int_eq(stat_buf.st_mode & 0777, 0660);
	ck_assert_int_eq(rpc_start(other, socket_path), -EADDRINUSE);
	event_base_free(other);
	rpc_stop();
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(address.sun_path, socket_path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	ck_assert_int_eq(rpc_start(base, socket_path), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpc_socket");
	TCase *tcase = tcase_create("socket");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, hello_says_who_answers);
	tcase_add_loop_test(tcase, malformed_message_is_answered_and_the_connection_lives, 0,
		sizeof(malformed) / sizeof(malformed[0]));
	tcase_add_test(tcase, notification_gets_no_answer);
	tcase_add_test(tcase, watcher_hears_of_macs_and_links);
	tcase_add_test(tcase, watcher_hears_of_a_program_taken_off_and_put_back);
	tcase_add_test(tcase, port_says_that_the_interface_below_takes_less);
	tcase_add_test(tcase, twin_that_others_deleted_is_made_again_with_its_addresses);
	tcase_add_test(tcase, watcher_hears_of_next_hops_and_can_list_them);
	tcase_add_test(tcase, watcher_that_does_not_read_loses_events_and_is_told);
	tcase_add_test(tcase, trace_sends_packets_then_an_end);
	tcase_add_test(tcase, pipelined_requests_are_answered_in_order);
	tcase_add_test(tcase, client_that_floods_without_reading_is_bounded_and_stalls_nobody);
	tcase_add_test(tcase, line_over_the_limit_is_refused_and_closed);
	tcase_add_test(tcase, json_that_would_eat_the_memory_is_refused);
	tcase_add_test(tcase, clients_that_say_nothing_shut_nobody_out);
	tcase_add_test(tcase, watcher_gives_way_last);
	tcase_add_test(tcase, another_user_has_a_place);
	tcase_add_test(tcase, stranger_is_turned_away_by_his_uid);
	tcase_add_test(tcase, half_closed_client_gets_its_answers);
	tcase_add_test(tcase, socket_is_0660_and_replaced_only_when_stale);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return rpc_test_main(suite);
}
