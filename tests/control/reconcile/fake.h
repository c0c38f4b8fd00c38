/* SPDX-License-Identifier: BSD-3-Clause */
/* A dataplane for tests of the client and of the reconciler: JSON-RPC on a unix socket within the
 * test's own event loop. Holds objects by type and key, and can be made to misbehave. */
#ifndef FAKE_H
#define FAKE_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake {
	char path[64];
	struct event_base *base;
	struct evconnlistener *listener;
	struct fake_client *clients;
	json_t *groups;	      /* {SOURCE: {OWNER: {revision, objects: {"TYPE KEY": object}}}} */
	json_t *hand;	      /* {"TYPE KEY": object}: put by hand */
	json_t *state;	      /* {TYPE: {KEY: object}}: in force */
	json_t *in_force;     /* the same as {"TYPE KEY": {o: object, s: source, w: owner}} */
	json_t *transactions; /* the params of calls that were carried out; only with `keep` */
	json_t *snapshot; /* that pages are of: what goes between two does not hide another one */
	bool keep;
	uint64_t instance;
	uint32_t page;	       /* objects a page of a list; 1000 */
	const char *turn_away; /* this message, and the connection is closed; NULL: it is not */
	bool hang;	       /* reads, answers nothing */
	/* bytes in and out over all connections; at cut_at the connection is closed, once; 0: never
	 */
	uint64_t bytes, cut_at;
	uint32_t connections, hellos, calls, lists, applied, refused, checks;
	uint32_t checked_routes, checked_macs; /* that checks would put */
	json_t *refuse;	 /* {"TYPE KEY": {code} or true}: puts of it are refused */
	json_t *limits;	 /* {TYPE: objects at most} */
	bool references; /* slices, ports, tunnels, attachments must be there; VNIs are unique */
	void (*before_transaction)(struct fake *fake); /* called as a change comes in */
	void *arg;
};

void fake_start(struct fake *fake, struct event_base *base);
void fake_stop(struct fake *fake); /* closes, removes the socket; the state stays */
void fake_again(struct fake *fake, bool loses_state); /* after fake_stop: another instance */
void fake_free(struct fake *fake);
void fake_drop_clients(struct fake *fake);
void fake_event(struct fake *fake, const char *params); /* to every client */

/* Puts and takes away behind everyone's back. */
void fake_put(struct fake *fake, const char *type, const char *object);
void fake_lose(struct fake *fake, const char *source, const char *owner); /* a group */
const json_t *fake_get(const struct fake *fake, const char *type, const char *key);
size_t fake_count(const struct fake *fake, const char *type);

/* Runs the loop until *flag, at most ms. */
bool run_until(struct event_base *base, const bool *flag, int ms);
void run_for(struct event_base *base, int ms);

#endif
