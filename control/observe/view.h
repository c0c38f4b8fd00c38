/* SPDX-License-Identifier: BSD-3-Clause */
/* What the handlers of this folder share: who sees what, states of intents counted, answers that
 * are made once and sent often. */
#ifndef OBSERVE_VIEW_H
#define OBSERVE_VIEW_H

#include "control.h"

#define VIEW_STATES (INTENT_ELSEWHERE + 1)

/* How many intents of a type are in each state. */
void view_states(enum intent_type type, size_t counts[VIEW_STATES]);

/* "up", "down", "hung" (also when it has owed an answer for 5 s; its connection lives on for 30).
 */
const char *view_dataplane(void);

/* Is it somebody who sees the box as a whole: not bound to a tenant? */
bool view_whole(const struct actor *actor);

/* An answer of which many are sent: made again when it is older than least_us, and never so often
 * that making it takes more than a twentieth of the time. */
struct view_text;
struct view_cache {
	struct view_text *text;
	uint64_t made_us, cost_us;
};
void view_reply(
	struct request *r, struct view_cache *cache, uint64_t least_us, json_t *(*make)(void));
void view_cache_free(struct view_cache *cache); /* what is being sent is freed when it is sent */

#endif
