/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the connection to the dataplane share; nobody else includes it. */
#ifndef RECONCILE_DATAPLANE_LINK_H
#define RECONCILE_DATAPLANE_LINK_H

#include <bsd/sys/queue.h>
#include <event2/bufferevent.h>

#include "dataplane.h"

struct call {
	TAILQ_ENTRY(call) link;
	json_int_t id;
	dataplane_answer answer;
	void *arg;
};
TAILQ_HEAD(call_list, call);

struct listener {
	TAILQ_ENTRY(listener) link;
	dataplane_changed changed; /* one of the two */
	dataplane_event event;
	void *arg;
	bool gone; /* freed when nobody walks the list */
};
TAILQ_HEAD(listener_list, listener);

struct dataplane {
	struct event_base *base;
	char *path;
	struct bufferevent *bev; /* NULL: not connected, `retry` is set */
	struct event *retry;	 /* connects */
	struct event *overdue;	 /* the first of calls should have been answered */
	struct event *drop;	 /* the connection is to be given up, from the loop */
	uint32_t retry_ms, first_retry_ms;
	uint32_t hello_ms, answer_ms;
	enum dataplane_state state;
	uint64_t instance;
	json_t *hello;
	bool greeted; /* hello was answered on this connection */
	json_int_t last_id;
	size_t scanned; /* bytes of the input that hold no newline */
	struct call_list calls;
	struct listener_list listeners;
	uint32_t walking;			      /* listeners are being called */
	char why[DATAPLANE_WHY], told[DATAPLANE_WHY]; /* it is down; the one that was told */
	bool refused;				      /* this connection: `why` is its own word */
	void (*trouble)(const char *why, void *arg);
	void *trouble_arg;
};

/* dataplane.c */
void link_lost(struct dataplane *dp, enum dataplane_state state); /* closes; connects again later */
void link_greeted(struct dataplane *dp, const json_t *hello);
void link_tell_event(struct dataplane *dp, const json_t *event);

/* dataplane_call.c */
void link_read(struct dataplane *dp); /* every whole line of the input */
/* As dataplane_call_text, also before hello. */
int link_send(struct dataplane *dp, const char *method, const char *params, size_t length,
	dataplane_answer answer, void *arg);
void link_watch_overdue(struct dataplane *dp); /* (re)starts the clock of the first call */
void link_answer_all(struct call_list *calls); /* with NULL, NULL */

#endif
