/* SPDX-License-Identifier: BSD-3-Clause */
/* A client of the socket in process: a real unix socket and event loop, fakes behind it (fakes.c).
 * Every test starts with an empty box. */
#ifndef TESTS_RPC_CLIENT_H
#define TESTS_RPC_CLIENT_H

#include <check.h>
#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct event_base;

extern struct event_base *base;
extern char socket_path[64];
extern int conn; /* what ask() and the others speak through */

/* A checked fixture. */
void setup(void);
void teardown(void);

/* One turn of the event loop. */
void turn(void);
int dial(void);
int dial_alone(void); /* not yet accepted */
void send_all(int fd, const char *text, size_t len);
/* The next line of conn; NULL when none comes in many turns or the connection ends. */
char *next_line(void);
json_t *next_json(void);

/* One request whose single quotes stand for double ones → the answer. */
json_t *ask(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define CALL(method, params) "{'jsonrpc':'2.0','id':1,'method':'" method "','params':" params "}"

/* What of an answer is at "error.data.path"; the text lives until the next call. */
const char *at(json_t *answer, const char *where);

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
void furnish(void);

/* Runs it: what main() returns. */
int rpc_test_main(Suite *suite);

#endif
