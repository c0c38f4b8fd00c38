/* SPDX-License-Identifier: BSD-3-Clause */
/* Documents for the tests of intents, written short: ' stands for ". */
#ifndef TESTS_SETS_H
#define TESTS_SETS_H

#include <check.h>

#include "world.h"

extern struct world *world;
extern struct rpc_error err;

json_t *doc(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Fixtures: an empty world; one with sites gj, bs, se (ports p1..p3 each) and their WANs gj-kt,
 * bs-kt, se-kt (100 Mbit/s, preference 10) and gj-lg (50 Mbit/s). */
void empty_setup(void);
void sites_setup(void);
void teardown(void);

/* In the open transaction, or in one of its own that is committed when it passes. 0, or the code of
 * the refusal (err says more). */
int put(const char *kind, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int del(const char *kind, const char *name);
void begin(void);
int check(void);   /* world_check: 0 or the code */
void commit(void); /* what has been checked */
/* What the open transaction does; until the next call. */
const struct world_change *world_changes(const struct world *of, size_t *count);
void publish(void); /* its first part; world_finish() is the caller's */
void discard(void);
int finish(void); /* check, then commit or rollback */

/* All that can be read of a world, as text; the caller frees it. */
char *dump(const struct world *of);
/* How many texts the index counts before each that somebody has, likewise. */
char *ranks(const struct world *of);
/* A field of an intent's spec: "endpoints.0.wan". As text, static; "" when it is not there. */
const char *field(const char *kind, const char *name, const char *path);

#define ck_refused(call, its_code, its_path)                                                       \
	do {                                                                                       \
		int code_ = (call);                                                                \
		ck_assert_msg(code_ == (its_code), "%d: %s", code_, err.message);                  \
		ck_assert_str_eq(err.path, its_path);                                              \
	} while (0)
#define ck_fine(call)                                                                              \
	do {                                                                                       \
		int code_ = (call);                                                                \
		ck_assert_msg(code_ == 0, "%d: %s: %s", code_, err.path, err.message);             \
	} while (0)

#endif
