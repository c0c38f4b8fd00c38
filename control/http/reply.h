/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers of the server itself (reply.c, problem.c). Used by the files of control/http alone. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "conn.h"

/* reply_problem with what err says beside its code and message. */
void reply_refusal(struct request *r, int status, const struct rpc_error *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* reply_reference(), at once and to a request that may be answered; text NULL: reply_nothing(). */
void reply_now(struct request *r, int status, const char *type, const char *text, size_t len,
	void (*freed)(const void *text, size_t len, void *arg), void *arg);

/* "Not Found" */
const char *status_phrase(int status);

/* {type, title, status, detail} as text, compact; free() it. err, and one member more by its name,
 * may be NULL. NULL: no memory. */
char *problem_text(int status, const char *detail, const struct rpc_error *err, const char *name,
	json_t *member);

/* To a socket that is closed then, plain: said once, at best. */
void reply_turn_away(int fd, int status, const char *detail);

#endif
