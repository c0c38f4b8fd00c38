/* SPDX-License-Identifier: BSD-3-Clause */
/* The socket in process, before fakes (rpc_client.h). Shared by the programs test_rpc*.c; owns the
 * connection. */
#include "rpc_client.h"

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "device_allow.h"
#include "fakes.h"
#include "server.h"

struct event_base *base;
char socket_path[64];
int conn = -1;
static char *pending; /* read but not yet asked for */
static size_t pending_len;

void turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

int dial_alone(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, socket_path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

int dial(void)
{
	int fd = dial_alone();

	turn();
	return fd;
}

void setup(void)
{
	fakes_reset();
	ck_assert_int_eq(device_allow("any"), 0); /* the fakes open no device */
	snprintf(socket_path, sizeof(socket_path), "/tmp/sluice-test-%d.sock", getpid());
	base = event_base_new();
	ck_assert_int_eq(rpc_start(base, socket_path), 0);
	conn = dial();
}

void teardown(void)
{
	close(conn);
	rpc_stop();
	event_base_free(base);
	free(pending);
	pending = NULL;
	pending_len = 0;
	fakes_reset();
	ck_assert_int_eq(access(socket_path, F_OK), -1);
}

void send_all(int fd, const char *text, size_t len)
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
char *next_line(void)
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

json_t *next_json(void)
{
	char *line = next_line();
	json_t *json = line ? json_loads(line, 0, NULL) : NULL;

	free(line);
	return json;
}

/* One request whose single quotes stand for double ones → the answer. */
json_t *ask(const char *fmt, ...)
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

/* What of an answer is at "error.data.socket_path"; the text lives until the next call. */
const char *at(json_t *answer, const char *where)
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

/* port p0, p1; slices blue, red; attachment a on p0 in blue; tunnel t; member blue t */
void furnish(void)
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

int rpc_test_main(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
