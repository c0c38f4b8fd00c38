/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice-control's end of the link (mirror_link.h): the test is sluice-kernel, and the reconciler
 * and the bus only note what they are told. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../suite.h"
#include "bus.h"
#include "lines.h"
#include "link.h"
#include "mirror_link.h"
#include "sets.h"
#include "wire.h"

static struct event_base *base;
static struct mirror_link *link_;
static char folder[] = "/tmp/sluice-link-XXXXXX", path[64];
static int peer = -1;
static char heard[8192], noted[4096];
static uint64_t port_generation;
static void (*applied)(void *arg);
static void *applied_arg;

static void add(char *list, size_t size, const char *fmt, ...)
{
	size_t used = strlen(list);
	va_list args;

	va_start(args, fmt);
	vsnprintf(list + used, size - used, fmt, args);
	va_end(args);
}

/* ---- the reconciler and the bus ---- */

void reconciler_retry(struct reconciler *rec, enum intent_type type, const char *name)
{
	add(noted, sizeof(noted), "retry %s %s\n", intent_kind(type), name);
}

void reconciler_each(struct reconciler *rec, enum object_type type,
	void (*each)(const char *key, const char *text, void *arg), void *arg)
{
	ck_assert_int_eq(type, OBJECT_PORT);
	each("wan0", "{\"name\":\"wan0\",\"device\":\"net_af_xdp1,iface=ens2\"}", arg);
	each("lan0", "{\"name\":\"lan0\",\"device\":\"net_null0\"}", arg);
}

uint64_t reconciler_generation(const struct reconciler *rec, enum object_type type)
{
	return port_generation;
}

void reconciler_on_applied(struct reconciler *rec, void (*then)(void *arg), void *arg)
{
	applied = then;
	applied_arg = arg;
}

void bus_publish(enum log_level level, const char *event, const char *tenant, json_t *fields)
{
	add(noted, sizeof(noted), "event %s %d %s\n", event, level,
		json_string_value(json_object_get(fields, "slice")));
	json_decref(fields);
}

/* ---- sluice-kernel ---- */

static void run(void)
{
	char *end;
	ssize_t got;

	for (int i = 0; i < 50; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		end = heard + strlen(heard);
		got = peer < 0 ? 0
			       : recv(peer, end, sizeof(heard) - strlen(heard) - 1, MSG_DONTWAIT);
		if (got > 0)
			end[got] = '\0';
	}
}

static int connect_one(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s" WIRE_SUFFIX, path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text) - 1, fmt, args);
	va_end(args);
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	strcat(text, "\n");
	ck_assert_int_eq(write(peer, text, strlen(text)), (ssize_t)strlen(text));
	run();
}

static void come(void)
{
	peer = connect_one();
	run();
	ck_assert_str_eq(
		heard, "{\"hello\":\"" SLUICE_VERSION "\",\"site\":\"gj\",\"rescan_s\":7}\n");
	heard[0] = '\0';
	say("{'hello': '%s'}", SLUICE_VERSION);
}

static void go(void)
{
	close(peer);
	peer = -1;
	run();
}

static bool is_over(void)
{
	char byte;

	run();
	return recv(peer, &byte, 1, MSG_DONTWAIT) == 0;
}

/* "KIND NAME", with "-" before what is gone, and "look": what was heard since the last time. */
static const char *told(void)
{
	static char out[2048];
	char *line = heard, *end;

	out[0] = '\0';
	for (; (end = strchr(line, '\n')); line = end + 1) {
		json_t *json = json_loadb(line, (size_t)(end - line), 0, NULL);
		const char *kind = json_string_value(json_object_get(json, "intent"));

		if (kind)
			add(out, sizeof(out), "%s%s %s\n",
				json_is_null(json_object_get(json, "spec")) ? "-" : "", kind,
				json_string_value(json_object_get(json, "name")));
		else
			add(out, sizeof(out), "%.*s\n", (int)(end - line), line);
		json_decref(json);
	}
	heard[0] = '\0';
	return out;
}

#define TOLD(text) ck_assert_str_eq(told(), text)
#define LOOK	   "{\"look\":true}\n"
#define PORTS	   "{\"ports\":[{\"name\":\"wan0\",\"interface\":\"ens2\"}]}\n"
#define NOTED(text)                                                                                \
	do {                                                                                       \
		ck_assert_str_eq(noted, text);                                                     \
		noted[0] = '\0';                                                                   \
	} while (0)

/* ---- the cases ---- */

static void setup(void)
{
	struct mirror_link_config config = {.site = "gj", .rescan_s = 7, .committed = true};

	sites_setup();
	ck_fine(put("slice", "{'name': 'red', 'service': 'l3', 'vni': 200, 'kernel': {'netns': "
			     "'red'}, 'endpoints': [{'site': 'gj', 'port': 'p1', 'vlan': 10, "
			     "'gateway': '198.19.1.1/24'}]}"));
	ck_fine(put("slice", "{'name': 'plain', 'vni': 201, 'endpoints': [{'site': 'gj', 'port': "
			     "'p1', 'vlan': 11}]}"));
	ck_fine(put("slice", "{'name': 'far', 'service': 'l3', 'vni': 202, 'kernel': {'netns': "
			     "'far'}, 'endpoints': [{'site': 'bs', 'port': 'p1', 'vlan': 10, "
			     "'gateway': '198.19.3.1/24'}]}"));
	base = event_base_new();
	strcpy(folder, "/tmp/sluice-link-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/control.sock", folder);
	config.socket = path;
	heard[0] = noted[0] = '\0';
	port_generation = 5;
	ck_assert_int_eq(mirror_link_start(base, world, NULL, &config, &link_), 0);
}

static void finish_all(void)
{
	mirror_link_stop(link_);
	if (peer >= 0)
		close(peer);
	peer = -1;
	ck_assert_int_eq(rmdir(folder), 0); /* the socket is gone */
	event_base_free(base);
	teardown();
}

static void changed(enum intent_type type, const char *name, const char *before)
{
	json_t *spec = before ? doc("%s", before) : NULL;

	mirror_link_changed(
		link_, &(struct world_change){.type = type, .name = name, .before = spec});
	json_decref(spec);
}

START_TEST(it_is_told_what_the_mirror_needs_and_then_what_changes)
{
	come();
	TOLD("site gj\nwan gj-kt\nwan gj-lg\nslice red\n" LOOK PORTS);
	changed(INTENT_SLICE, "plain", "{'name': 'plain'}");
	changed(INTENT_HOST, "h", "{'name': 'h'}");
	run();
	TOLD("");
	ck_fine(put("slice", "{'name': 'red', 'service': 'l3', 'vni': 200, 'kernel': {'netns': "
			     "'red2'}, 'endpoints': [{'site': 'gj', 'port': 'p1', 'vlan': 10, "
			     "'gateway': '198.19.1.1/24'}]}"));
	ck_fine(put("slice", "{'name': 'new', 'service': 'l3', 'vni': 203, 'kernel': {'netns': "
			     "'new'}, 'endpoints': [{'site': 'gj', 'port': 'p1', 'vlan': 12, "
			     "'gateway': '198.19.2.1/24'}]}"));
	ck_fine(del("wan", "gj-lg"));
	changed(INTENT_SLICE, "red", "{'name': 'red', 'kernel': {}}");
	changed(INTENT_SLICE, "new", NULL);
	changed(INTENT_WAN, "gj-lg", "{'name': 'gj-lg'}");
	run();
	TOLD("slice red\nslice new\n-wan gj-lg\n" LOOK);
	/* what has no part in the kernel any more is of no use to it */
	ck_fine(put("slice", "{'name': 'new', 'vni': 203, 'endpoints': [{'site': 'gj', 'port': "
			     "'p1', 'vlan': 12}]}"));
	changed(INTENT_SLICE, "new", "{'name': 'new', 'kernel': {}}");
	run();
	TOLD("-slice new\n" LOOK);
}
END_TEST

START_TEST(ports_are_told_when_they_are_others)
{
	come();
	told();
	applied(applied_arg);
	run();
	TOLD("");
	port_generation++;
	applied(applied_arg);
	run();
	TOLD(PORTS);
}
END_TEST

START_TEST(what_it_says_goes_where_it_belongs)
{
	come();
	noted[0] = '\0';
	say("{'retry': 'wan', 'name': 'gj-kt'}");
	say("{'event': 'kernel.incomplete', 'level': %d, 'fields': {'slice': 'red'}}", LOG_WARN_);
	NOTED("retry wan gj-kt\nevent kernel.incomplete 2 red\n");
	/* nothing of this is anything */
	say("{'retry': 'nothing', 'name': 'a'}");
	say("{'event': 'a', 'level': 9}");
	say("{'something': 'else'}");
	NOTED("");
}
END_TEST

static void add_gap(const char *slice, const char *said, void *arg)
{
	add(arg, 64, "%s: %s\n", slice, said);
}

static void add_xdp(const struct xdp_status *status, void *arg)
{
	add(arg, 200, "%s %s %s '%s' %lu %lu\n", status->port, status->interface,
		xdp_state_names[status->state], status->reason,
		(unsigned long)status->count[0].packets, (unsigned long)status->count[1].bytes);
}

START_TEST(what_it_has_counted_is_kept_for_who_asks)
{
	struct mirror_counters sent = {.kernel = {.messages = 1ull << 40,
					       .entries = {1, 2, 3, 4, 5, 6}},
				       .namespaces = 3,
				       .routes = 70000,
				       .ways_left_out = 9,
				       .last_change_us = 1234},
			       got;
	json_t *counters = wire_counters(&sent);
	char *text = json_dumps(counters, JSON_COMPACT), said[200] = "";

	come();
	say("{'counters': %s}", text);
	say("{'ready': true}");
	mirror_link_counters(link_, &got);
	sent.ready = true;
	ck_assert_mem_eq(&got, &sent, sizeof(got));
	say("{'gaps': {'red': 'no netns'}}");
	mirror_link_gaps(link_, add_gap, said);
	ck_assert_str_eq(said, "red: no netns\n");
	say("{'xdp': [{'port': 'wan0', 'interface': 'ens2', 'state': 3, 'reason': 'other', "
	    "'counts': [7, 8, 9, 10]}, {'state': 77}]}");
	ck_assert_uint_eq(mirror_link_xdp_ports(link_), 2);
	said[0] = '\0';
	mirror_link_xdp_each(link_, add_xdp, said);
	ck_assert_str_eq(said, "wan0 ens2 foreign 'other' 7 10\n  failed '' 0 0\n");
	free(text);
	json_decref(counters);
}
END_TEST

START_TEST(when_it_has_gone_and_is_back_it_is_told_all_anew)
{
	struct mirror_counters counters;
	char said[64] = "";

	come();
	told();
	say("{'ready': true}");
	say("{'gaps': {'red': 'no netns'}}");
	say("{'xdp': [{'port': 'wan0'}]}");
	noted[0] = '\0';
	go();
	mirror_link_counters(link_, &counters);
	mirror_link_gaps(link_, add_gap, said);
	ck_assert(!counters.ready && !said[0] && !mirror_link_xdp_ports(link_));
	ck_assert_ptr_null(mirror_link_why(link_)); /* it may be back any moment */
	ck_fine(del("slice", "red"));
	changed(INTENT_SLICE, "red", "{'name': 'red', 'kernel': {}}");
	run();
	come();
	TOLD("site gj\nwan gj-kt\nwan gj-lg\n" LOOK PORTS);
	ck_assert_ptr_null(mirror_link_why(link_));
}
END_TEST

START_TEST(one_of_another_version_is_sent_away)
{
	peer = connect_one();
	run();
	say("{'hello': '0.0.0'}");
	heard[0] = '\0';
	ck_assert(is_over());
	close(peer);
	peer = connect_one();
	run();
	say("{'retry': 'wan', 'name': 'gj-kt'}"); /* no hello */
	ck_assert(is_over());
	ck_assert_ptr_null(strstr(noted, "retry"));
}
END_TEST

START_TEST(there_is_one_at_a_time)
{
	int first;

	come();
	first = peer;
	peer = connect_one();
	heard[0] = '\0';
	ck_assert(is_over());
	close(peer);
	peer = first;
	say("{'retry': 'wan', 'name': 'gj-kt'}");
	ck_assert_ptr_nonnull(strstr(noted, "retry"));
}
END_TEST

/* Whoever it is, if only the socket's mode let him. */
START_TEST(another_user_is_sent_away)
{
	char link_path[80];
	pid_t other;
	int status;

	ck_assert_int_eq(geteuid(), 0); /* as all tests of this machine's network are run */
	snprintf(link_path, sizeof(link_path), "%s" WIRE_SUFFIX, path);
	ck_assert(!chmod(folder, 0755) && !chmod(link_path, 0666));
	other = fork();
	if (other == 0) {
		char byte;

		if (setuid(65534))
			_exit(2);
		peer = connect_one();
		_exit(read(peer, &byte, 1) == 0 ? 0 : 1);
	}
	while (waitpid(other, &status, WNOHANG) == 0)
		run();
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(who_says_nothing_for_seconds_is_hung)
{
	struct timespec wait = {.tv_sec = 5, .tv_nsec = 100000000};

	come();
	say("{'ready': true}");
	nanosleep(&wait, NULL);
	ck_assert_ptr_nonnull(strstr(mirror_link_why(link_), "hung"));
	say("{'alive': true}");
	ck_assert_ptr_null(mirror_link_why(link_));
}
END_TEST

START_TEST(who_comes_and_goes_before_it_is_ready_is_missed)
{
	struct timespec wait = {.tv_sec = 1};

	for (int i = 0; i < 4; i++) {
		come();
		go();
		heard[0] = '\0';
		nanosleep(&wait, NULL);
	}
	ck_assert_ptr_nonnull(mirror_link_why(link_));
	mirror_link_unguarded(link_);
	ck_assert_ptr_nonnull(strstr(mirror_link_why(link_), "start sluice-control again"));
	come();
	say("{'ready': true}");
	ck_assert_ptr_null(mirror_link_why(link_));
	go();
	ck_assert_ptr_null(mirror_link_why(link_)); /* it may be back any moment */
}
END_TEST

START_TEST(who_does_not_say_hello_makes_room)
{
	struct timespec wait = {.tv_sec = 2, .tv_nsec = 100000000};
	int silent = connect_one();

	run();
	nanosleep(&wait, NULL);
	heard[0] = '\0';
	come();
	told();
	close(silent);
	say("{'retry': 'wan', 'name': 'gj-kt'}");
	ck_assert_ptr_nonnull(strstr(noted, "retry"));
}
END_TEST

START_TEST(after_some_seconds_it_is_missed)
{
	struct timespec wait = {.tv_sec = 3, .tv_nsec = 100000000};

	ck_assert_ptr_null(mirror_link_why(link_));
	nanosleep(&wait, NULL);
	ck_assert_ptr_nonnull(strstr(mirror_link_why(link_), "systemctl start sluice-kernel"));
	come();
	ck_assert_ptr_null(mirror_link_why(link_));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mirror_link");
	TCase *tcase = tcase_create("link");

	intent_types_init();
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, finish_all);
	tcase_add_test(tcase, it_is_told_what_the_mirror_needs_and_then_what_changes);
	tcase_add_test(tcase, ports_are_told_when_they_are_others);
	tcase_add_test(tcase, what_it_says_goes_where_it_belongs);
	tcase_add_test(tcase, what_it_has_counted_is_kept_for_who_asks);
	tcase_add_test(tcase, when_it_has_gone_and_is_back_it_is_told_all_anew);
	tcase_add_test(tcase, one_of_another_version_is_sent_away);
	tcase_add_test(tcase, there_is_one_at_a_time);
	tcase_add_test(tcase, another_user_is_sent_away);
	tcase_add_test(tcase, who_says_nothing_for_seconds_is_hung);
	tcase_add_test(tcase, who_comes_and_goes_before_it_is_ready_is_missed);
	tcase_add_test(tcase, who_does_not_say_hello_makes_room);
	tcase_add_test(tcase, after_some_seconds_it_is_missed);
	suite_add_tcase(suite, tcase);
	suite_add_tcase(suite, lines_case());
	return suite_main(suite);
}
