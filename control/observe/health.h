/* SPDX-License-Identifier: BSD-3-Clause */
/* One word for how an object does. "well": a packet would pass, as far as this box can know (of the
 * far end of a tunnel: that there is a link, a route and a neighbour to it). Else the word says
 * what is in the way, and a text says it for people.
 *
 *   dataplane_down, dataplane_hung  nothing of this box is known to pass
 *   refused, pending                the intent is not, or not yet, in the dataplane
 *   not_synced                      the box: objects differ from what is wanted
 *   gone, no_link                   the port's interface is away, or has no carrier
 *   fault                           nothing comes in by the port: its XDP program was taken off
 *   interface_mtu                   the port's interface takes less than the port
 *   twin                            the port's twin in the kernel is down or gone
 *   no_route, unresolved            a tunnel's or peer's: no route, no neighbour
 *   tunnel_unknown                  a session's peer does not know the TEID that is sent to
 *   path_down                       a GTP-U peer does not answer echo requests
 *   kernel_down                     the box: sluice-kernel is not there, the kernel is not followed
 *   kernel_incomplete               what a slice names of the kernel is not there
 *   no_endpoints                    a slice that nobody can use
 *   elsewhere                       nothing of it is at this site: this box does not judge it
 *
 * Derived from what is known at the moment, stored nowhere. health.c holds pure functions;
 * health_walk.c goes over all there is, tells and answers. One thread. */
#ifndef OBSERVE_HEALTH_H
#define OBSERVE_HEALTH_H

#include "reconcile.h"
#include "world.h"

#define HEALTH_TEXT  384
#define HEALTH_CAUSE 128

struct health {
	const char *word;	  /* static */
	char text[HEALTH_TEXT];	  /* "port lan has no link"; "" when well */
	char cause[HEALTH_CAUSE]; /* the id of what it rests on and is the reason: "port:lan"; "":
				     it is the reason itself */
};

/* What health is made of. */
struct health_facts {
	const struct world *world;
	const char *site;
	const char *dataplane; /* "up", "down", "hung" */
	const char *why;       /* dataplane_why(): for the box, whose health tenants do not see */
	struct reconcile_counters reconciler;
	const char *mirror_why; /* the kernel is not followed; NULL: it is */
	bool mirror_waits;	/* the kernel's first picture is not whole */
	/* the dataplane's, as collector_objects() has them; borrowed */
	const json_t *ports, *tunnels, *peers;
	json_t *peers_bad; /* those not well, by "GTPU ADDRESS" and by "ADDRESS" */
	json_t *gaps;	   /* {SLICE: what the kernel lacks} */
	/* {SESSION: {teid, peer, revision}}: its peer has said that it does not know the TEID
	 * (TS 29.281, 7.3.1); the session's revision then */
	json_t *indicated;
};
/* Fills peers_bad; the rest of facts is the caller's. */
void health_facts_judge(struct health_facts *facts);
void health_facts_clear(struct health_facts *facts);

/* All: true when well (or elsewhere); out is filled in either way. */
bool health_box(const struct health_facts *facts, struct health *out);
bool health_dataplane(const struct health_facts *facts, struct health *out); /* that of the box */
bool health_port(const struct health_facts *facts, const char *name, struct health *out);
bool health_tunnel(const struct health_facts *facts, const char *name, struct health *out);
bool health_peer(const struct health_facts *facts, const char *key, struct health *out);
/* Any type of intent. */
bool health_intent(
	const struct health_facts *facts, const struct intent *intent, struct health *out);
/* The facts of now, borrowed until the loop goes on. health_walk.c. */
const struct health_facts *health_facts_now(void);
/* One endpoint of a slice: here its port; elsewhere the tunnel to it. */
bool health_endpoint(const struct health_facts *facts, const struct intent *slice,
	const struct intent_endpoint *end, struct health *out);

/* ---- all there is, a bit at a time (health_walk.c) ---- */

struct actor;
enum { HEALTH_LISTED = 1000, HEALTH_NOTED = 4096 };

/* What one walk found. */
struct health_report {
	json_t *not_well;     /* [{kind, name, health, text, because?, tenant?}], the first
				 HEALTH_LISTED; what others rest on comes first */
	json_t *notes;	      /* [{kind, name, text}]: well, and yet to be seen to (a port's
				 `warning`) */
	json_t *counts;	      /* {KIND: {well, not_well}} */
	json_t *sessions;     /* {SLICE: {tenant, sessions, not_well, ues}} */
	json_t *noted;	      /* {"KIND:NAME": entry of not_well}, without hosts and sessions */
	size_t wrong, causes; /* not well; of those: not because of another */
	char text[512];	      /* "port lan has no link; affected: 2 slices"; "" when all is well */
	char word[32];	      /* of the first cause */
};
struct health_walk;

/* ---- told again and again (health_walk.c) ---- */

void health_start(void); /* after each reading of the collector: health_look() */
void health_look(void);
/* The event error_indication. */
void health_indicated(const json_t *event);
extern uint64_t health_bit_us; /* CPU time of a part of a look, between two turns of the loop; more
				  in tests */
void health_stop(void);
/* Of the last walk that health_look() began; NULL: none is whole yet. */
const struct health_report *health_last(void);

/* {"health": word[, "health_text"]} of an intent, into an object. */
void health_show(json_t *into, bool is_well, const struct health *health);

#endif
