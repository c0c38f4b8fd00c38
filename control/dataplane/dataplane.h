/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection to sluice-dataplane: JSON-RPC 2.0 over a bufferevent, pipelined, reconnecting by
 * itself. Never blocks. One thread. */
#ifndef RECONCILE_DATAPLANE_H
#define RECONCILE_DATAPLANE_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct dataplane;

#define DATAPLANE_WHY 256

enum dataplane_state {
	DATAPLANE_DOWN, /* nobody answers at the socket; tried again, 50 ms to 1 s apart */
	DATAPLANE_UP,	/* hello was answered */
	DATAPLANE_HUNG, /* connected, but an answer is overdue (30 s; 5 s for hello): the connection
			   is made anew */
};
extern const char *const dataplane_state_names[];

/* Called on each change of state, and when a connection was lost and made anew. instance: what
 * hello says, another number when it is another process than before; 0 unless up. */
typedef void (*dataplane_changed)(enum dataplane_state state, uint64_t instance, void *arg);
/* event: params of the notification, borrowed. All events are watched but
 * "groups". */
typedef void (*dataplane_event)(const json_t *event, void *arg);
/* The answer to one call: result or error borrowed, one of them NULL; both NULL: the connection was
 * lost before an answer, and nobody knows whether it was carried out. */
typedef void (*dataplane_answer)(const json_t *result, const json_t *error, void *arg);

struct dataplane *dataplane_open(struct event_base *base, const char *path);
/* What sluice-kernel watches instead: MACs, neighbours, and what becomes of the kernel's groups.
 * Before it is up. */
void dataplane_watch_as_kernel(struct dataplane *dp);
/* Calls that wait are answered with NULL, NULL. Not from within a callback. */
void dataplane_close(struct dataplane *dp);

/* More than one may listen; called in order. */
void dataplane_on_change(struct dataplane *dp, dataplane_changed changed, void *arg);
void dataplane_on_event(struct dataplane *dp, dataplane_event event, void *arg);
/* Why it is down, a sentence for who runs the box: each once until it is up again, however often it
 * is tried. One may listen. */
void dataplane_on_trouble(
	struct dataplane *dp, void (*trouble)(const char *why, void *arg), void *arg);
/* Neither listeners nor answers call this arg any more. */
void dataplane_forget(struct dataplane *dp, void *arg);

enum dataplane_state dataplane_state(const struct dataplane *dp);
/* How long it has owed an answer and given none; 0: it owes none. Long before it is taken for hung
 * and the connection made anew, this tells people. */
uint32_t dataplane_silent_ms(const struct dataplane *dp);
const char *dataplane_path(const struct dataplane *dp);
/* The sentence of dataplane_on_trouble(); "" while it is not down, and when nothing is known. */
const char *dataplane_why(const struct dataplane *dp);
/* What hello said; NULL while down. Borrowed. */
const json_t *dataplane_hello(const struct dataplane *dp);

/* Steals params (may be NULL), also when it fails. 0: answer is called once, later, never from
 * within; -ENOTCONN, -EMSGSIZE (over 16 MiB): it is not called. */
int dataplane_call(struct dataplane *dp, const char *method, json_t *params,
	dataplane_answer answer, void *arg);
/* The same with params as JSON text without a newline, borrowed: for those that are too long to be
 * made of values first. */
int dataplane_call_text(struct dataplane *dp, const char *method, const char *params, size_t length,
	dataplane_answer answer, void *arg);
/* list with all its pages: result {"objects": […]} whole. */
int dataplane_list(struct dataplane *dp, const char *type, dataplane_answer answer, void *arg);
/* The same of those that match; match is stolen, NULL: all. */
int dataplane_list_match(
	struct dataplane *dp, const char *type, json_t *match, dataplane_answer answer, void *arg);

/* For tests: other times than 5 s for hello, 30 s for an answer and 50 ms until it connects anew.
 */
void dataplane_set_patience(
	struct dataplane *dp, uint32_t hello_ms, uint32_t answer_ms, uint32_t retry_ms);

#endif
