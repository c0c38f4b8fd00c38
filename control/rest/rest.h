/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of routes that this folder answers, and how other rooms change intents.
 *
 *   GET    /v1/TYPE                 {items:[…], next?}  ?limit= ?after= ?tenant= ?state= ?site=
 *   POST   /v1/TYPE                 creates; 201, Location, ETag; 409 when the name is there
 *   GET    /v1/TYPE/{name}          ETag; If-None-Match: 304
 *   PUT    /v1/TYPE/{name}          creates or replaces; If-Match, If-None-Match: *
 *   PATCH  /v1/TYPE/{name}          application/merge-patch+json (RFC 7396); If-Match
 *   DELETE /v1/TYPE/{name}          204; If-Match
 *   GET    /v1/TYPE/{name}/history  newest first; ?limit= ?before=
 *   POST   /v1/apply                {documents:[{kind, …}], prune?: bool|"all"}: all or nothing;
 *                                   prune deletes what is not in it: of the kinds that are, or of
 *                                   all; of the actor's tenant, or of everybody for operators
 *   GET    /v1/history, /v1/tokens, /v1/audit, /v1/openapi.json
 *   POST   /v1/tokens, DELETE /v1/tokens/{id}
 *
 * All that change intents take ?dry_run=1 (200, {dry_run:true, changes:[…], refused:[{kind, name,
 * reason}], dataplane:{site, asked, why?}}, nothing changed): also what the dataplane of this site
 * would refuse, when it could be asked. A change is put to it in the same way before it is made,
 * and 409 with `refused` when there is any; ?check=false makes it all the same (and one of more
 * than 1,000 intents is not asked about first). They take ?wait=SECONDS (the answer comes when the
 * dataplane has it or refused it, or the time is over: see status of the answer), and the header
 * Idempotency-Key (the answer of the first time again, for a day; refusals are not remembered). */
#ifndef REST_REST_H
#define REST_REST_H

#include "control.h"

extern const struct route rest_intent_routes[], rest_apply_routes[], rest_token_routes[],
	rest_history_routes[], rest_openapi_routes[];

/* A change that goes over many turns of the loop has the line; who wants to change something
 * meanwhile waits, and is served in order. True: handler(r) will be called, and finds false.
 * Called by each handler of changes before it looks at what is there. */
bool line_wait(struct request *r, void (*handler)(struct request *r));

/* At the end, when no request is left: what is being made is given up, or kept if it is stored. */
void rest_stop(void);

/* One put (spec given, borrowed; its name in it) or delete (spec NULL). */
struct rest_op {
	enum intent_type type;
	const char *name; /* of a delete */
	const json_t *spec;
	bool must_be_new; /* a put of what is there is refused */
};
/* Changes intents exactly as a request for each would: rights, rules, store, reconciler, events.
 * All or nothing. 0; -1: refused, and r was answered. */
int rest_change(struct request *r, const struct rest_op *ops, size_t count);

#endif
