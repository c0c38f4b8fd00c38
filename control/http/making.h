/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers that take long to make, a bit at a time: between two bits the loop goes on, and where
 * several are being made they take turns. The world may change meanwhile. And answers that are made
 * once and sent often. */
#ifndef HTTP_MAKING_H
#define HTTP_MAKING_H

#include "http.h"
#include "text.h"

struct making;
struct shared_text;

struct making_kind {
	const char *type; /* Content-Type */
	/* A small part more, well below a millisecond. false: that was the last. */
	bool (*step)(void *state, struct text *out);
	/* It is whole: takes a reference over. NULL: nobody keeps it. */
	void (*keep)(struct shared_text *text, uint64_t cost_us);
	/* Instead: it answers r itself, and takes the state over. NULL: the text is the answer. */
	void (*end)(void *state, struct request *r);
	void (*free)(void *state);
};

/* Answers r when it is whole: at once, when that takes one bit of time. state is taken over.
 * *shared, if given, points to it as long as it is made, and must be NULL before. */
void making_begin(
	struct request *r, const struct making_kind *kind, void *state, struct making **shared);
/* Answers r, too. */
void making_join(struct request *r, struct making *making);
void making_start(struct event_base *base); /* before any; by http_start() */
/* Ends them all. */
void making_stop(void);

void reply_no_memory(struct request *r); /* 503 */

extern uint64_t making_bit_us; /* how long a bit takes; 0: one step, for tests */

void text_add_json(struct text *t, const json_t *json); /* compact */

/* ---- made once, sent often ---- */

/* A text that is sent without a copy, as often as it is wanted. */
struct shared_text *shared_text_new(
	char *bytes, size_t len); /* takes them over, or NULL: no memory */
void shared_text_put(struct shared_text *text);
void reply_shared(struct request *r, const char *type, struct shared_text *text);

/* An answer of which many are sent: made again when it is older than least_us, and never so often
 * that making it takes more than a twentieth of the time. */
struct reply_cache {
	struct shared_text *text;
	uint64_t made_us, cost_us;
};
void reply_made(
	struct request *r, struct reply_cache *cache, uint64_t least_us, json_t *(*make)(void));
/* The same in two parts, for what is made by making.h: sent if it is not too old; kept. */
bool reply_cached(struct request *r, const struct reply_cache *cache, uint64_t least_us);
void reply_cache_set(struct reply_cache *cache, struct shared_text *text, uint64_t cost_us);
void reply_cache_free(struct reply_cache *cache); /* what is being sent is freed when it is sent */

#endif
