/* SPDX-License-Identifier: BSD-3-Clause */
/* observe/ with everything around it made up: a world of a few intents, readings given as JSON, an
 * HTTP server that keeps what it is told to answer. Owned by the test program. */
#ifndef TESTS_OBSERVE_RIG_H
#define TESTS_OBSERVE_RIG_H

#include "bus.h"
#include "mirror_link.h"
#include "observe.h"

void rig_start(void);
void rig_stop(void);

/* The dataplane's side. */
extern enum dataplane_state rig_state;
extern uint32_t rig_silent_ms;
extern uint64_t rig_mono_us; /* what CLOCK_MONOTONIC shows */
extern struct reconcile_counters rig_reconciler;
extern struct mirror_counters rig_mirror;
extern const char *rig_mirror_why;
void rig_reading(const char *type, const char *json); /* becomes the newest; NULL: none */
void rig_read(void);				      /* tells who waits for readings */
extern int rig_listed_soon;			      /* how often the collector was asked to */
extern const char *rig_why;	  /* dataplane_why() while it is down; NULL: "" */
extern bool rig_xdp;		  /* there is an AF_XDP port */
void rig_event(const char *json); /* a notification */

/* Intents: what observe looks at, no more. */
struct intent *rig_slice(const char *name, const char *tenant, const char *port, uint32_t vlan);
struct intent *rig_wan(const char *name, const char *site, const char *address);
struct intent *rig_session(const char *name, const char *tenant);
void rig_status(struct intent *intent, enum intent_state state, const char *reason);
/* As the world does it, without being counted. */
struct intent *rig_first(enum intent_type type);
struct intent *rig_next(const struct intent *intent);
extern unsigned rig_walked; /* intents that the world was asked for one after the other */
void rig_forget(struct intent *intent);
void rig_forget_intents(void);

/* One call of a handler. */
struct rig_answer {
	int status; /* 0: none yet */
	char *text; /* of all that was sent */
	size_t len;
	bool stream, ended;
};
extern struct rig_answer rig_answer;
extern struct actor rig_actor; /* an operator unless the test says otherwise */
void rig_be_tenant(const char *name);
bool rig_sent(const char *text); /* is it in what was answered? */
/* "GET /v1/counters?type=port": runs the handler of the tables. last_id: a header, or NULL. */
const char *rig_get(const char *target, const char *last_id);
void rig_client_gone(void); /* of the stream */
extern bool rig_cut_off;    /* the next stream_send finds the client too slow */
json_t *rig_json(void);	    /* the answer; decref it */
void rig_once(void);	    /* one turn of the loop */
void rig_turn(void); /* the loop, until nothing is ready; timers up to 50 ms are waited for */

#endif
