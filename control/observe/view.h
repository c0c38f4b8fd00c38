/* SPDX-License-Identifier: BSD-3-Clause */
/* What the handlers of this folder share: who sees what, answers that are made once and sent
 * often. */
#ifndef OBSERVE_VIEW_H
#define OBSERVE_VIEW_H

#include "control.h"

/* "up", "down", "hung" (also when it has owed an answer for 5 s; its connection lives on for 30).
 */
const char *view_dataplane(void);

/* Is it somebody who sees the box as a whole: not bound to a tenant? */
bool view_whole(const struct actor *actor);

uint64_t view_cpu_us(void);		/* that this thread has taken */
uint64_t view_now_us(void);		/* monotonic */
void view_no_memory(struct request *r); /* 503 */

/* A text that is sent without a copy, as often as it is wanted. */
struct view_text;
struct view_text *view_text_new(char *bytes, size_t len); /* takes them over, or NULL: no memory */
void view_text_put(struct view_text *text);
void view_text_reply(struct request *r, const char *type, struct view_text *text);

/* An answer of which many are sent: made again when it is older than least_us, and never so often
 * that making it takes more than a twentieth of the time. */
struct view_cache {
	struct view_text *text;
	uint64_t made_us, cost_us;
};
void view_reply(
	struct request *r, struct view_cache *cache, uint64_t least_us, json_t *(*make)(void));
/* The same in two parts, for what is made by making.h: sent if it is not too old; kept. */
bool view_cached(struct request *r, const struct view_cache *cache, uint64_t least_us);
void view_cache_set(struct view_cache *cache, struct view_text *text, uint64_t cost_us);
void view_cache_free(struct view_cache *cache); /* what is being sent is freed when it is sent */

#endif
