/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines over a socket (lines.h): one end is a program's, the other's bytes are the test's. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lines.h"
#include "link.h"

static struct event_base *base;
static struct lines *lines;
static int peer;
static char heard[4096]; /* "said TEXT\n", "ended WHY\n" */
static size_t said;	 /* lines */
static bool frees;	 /* the listener, at the first line */

static void note(const char *what, const char *text)
{
	size_t used = strlen(heard);

	snprintf(heard + used, sizeof(heard) - used, "%s %s\n", what, text);
}

static void on_said(const json_t *line, void *arg)
{
	char *text = json_dumps(line, JSON_COMPACT);

	said++;
	ck_assert_ptr_eq(arg, &peer);
	note("said", strlen(text) < 80 ? text : "much");
	free(text);
	if (frees) {
		lines_free(lines);
		lines = NULL;
	}
}

static void on_ended(const char *why, void *arg)
{
	note("ended", why);
}

static void setup(void)
{
	const struct lines_listener listener = {on_said, on_ended, &peer};
	int fd[2];

	base = event_base_new();
	ck_assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd));
	peer = fd[1];
	heard[0] = '\0';
	said = 0;
	frees = false;
	lines = lines_open(base, fd[0], &listener);
}

static void teardown(void)
{
	lines_free(lines);
	close(peer);
	event_base_free(base);
}

static void run(void)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void send_text(const char *text)
{
	ck_assert_int_eq(write(peer, text, strlen(text)), (ssize_t)strlen(text));
	run();
}

#define HEARD(text)                                                                                \
	do {                                                                                       \
		ck_assert_str_eq(heard, text);                                                     \
		heard[0] = '\0';                                                                   \
	} while (0)

START_TEST(lines_are_whole_however_they_are_cut)
{
	send_text("{\"a\":1}\n{\"b\":2}\n{\"c\"");
	HEARD("said {\"a\":1}\nsaid {\"b\":2}\n");
	send_text(":3}");
	HEARD("");
	send_text("\n");
	HEARD("said {\"c\":3}\n");
	send_text("{}\n"); /* shorter than what the one before had when it was looked at */
	HEARD("said {}\n");
}
END_TEST

START_TEST(what_is_no_object_ends_it)
{
	send_text("[1]\n{\"a\":1}\n");
	HEARD("ended it has sent what is no JSON object\n");
	send_text("{\"a\":1}\n");
	HEARD("");
}
END_TEST

START_TEST(end_of_the_other_side_is_told_once)
{
	send_text("{\"a\":1}\n{\"b\"");
	HEARD("said {\"a\":1}\n");
	shutdown(peer, SHUT_RDWR);
	run();
	HEARD("ended it has closed the connection\n");
	lines_say(lines, json_object());
	lines_say(lines, NULL);
	run();
	HEARD("");
}
END_TEST

START_TEST(listener_may_free_it)
{
	frees = true;
	send_text("{\"a\":1}\n{\"b\":2}\n");
	HEARD("said {\"a\":1}\n");
	ck_assert_ptr_null(lines);
}
END_TEST

START_TEST(line_without_an_end_is_bounded)
{
	char *piece = malloc(65536);
	size_t sent = 0;
	ssize_t got;

	memset(piece, ' ', 65536);
	while (!strstr(heard, "ended") && sent < LINE_BYTES + (1u << 20)) {
		got = write(peer, piece, 65536);
		if (got > 0)
			sent += (size_t)got;
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	free(piece);
	HEARD("ended a line is too long\n");
}
END_TEST

START_TEST(many_lines_take_many_turns_and_all_come)
{
	enum { MANY = 50000 };
	const char line[] = "{\"a\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}\n";
	size_t len = strlen(line), sent = 0, total = MANY * len;

	while (said < MANY && !strstr(heard, "ended")) {
		ssize_t got = 1;

		while (sent < total && got > 0) {
			got = write(peer, line + sent % len, len - sent % len);
			sent += got > 0 ? (size_t)got : 0;
		}
		event_base_loop(base, EVLOOP_NONBLOCK);
		heard[0] = '\0';
	}
	ck_assert_uint_eq(said, MANY);
}
END_TEST

START_TEST(what_is_said_is_one_line)
{
	char got[64] = "";

	lines_say(lines, json_pack("{s:s}", "text", "two\nlines"));
	run();
	ck_assert_int_gt(read(peer, got, sizeof(got) - 1), 0);
	ck_assert_str_eq(got, "{\"text\":\"two\\nlines\"}\n");
	lines_say(lines, NULL); /* what is no UTF-8: nothing is said */
	run();
	ck_assert_int_lt(recv(peer, got, sizeof(got), MSG_DONTWAIT), 0);
}
END_TEST

START_TEST(who_does_not_read_is_given_up)
{
	char *text = malloc(1 << 20);

	memset(text, 'x', (1 << 20) - 1);
	text[(1 << 20) - 1] = '\0';
	for (uint32_t i = 0; i + 1 < LINES_QUEUED >> 20 && !heard[0]; i++)
		lines_say(lines, json_pack("{s:s}", "text", text));
	HEARD("");
	for (int i = 0; i < 2; i++)
		lines_say(lines, json_pack("{s:s}", "text", text));
	HEARD("ended it does not read what it is told\n");
	free(text);
}
END_TEST

TCase *lines_case(void)
{
	TCase *tcase = tcase_create("lines");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, lines_are_whole_however_they_are_cut);
	tcase_add_test(tcase, what_is_no_object_ends_it);
	tcase_add_test(tcase, end_of_the_other_side_is_told_once);
	tcase_add_test(tcase, listener_may_free_it);
	tcase_add_test(tcase, line_without_an_end_is_bounded);
	tcase_add_test(tcase, many_lines_take_many_turns_and_all_come);
	tcase_add_test(tcase, what_is_said_is_one_line);
	tcase_add_test(tcase, who_does_not_read_is_given_up);
	return tcase;
}
