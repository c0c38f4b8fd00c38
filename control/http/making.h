/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers that take long to make, a bit at a time: between two bits the loop goes on, and where
 * several are being made they take turns. The world may change meanwhile. And answers that are made
 * once and sent often. */
#ifndef HTTP_MAKING_H
#define HTTP_MAKING_H

#include "http.h"
#include "text.h"

struct making;

struct making_kind {
	const char *type; /* Content-Type */
	/* A small part more, well below a millisecond. false: that was the last. */
	bool (*step)(void *state, struct text *out);
	/* Instead: it answers r itself, and takes the state over. NULL: the text is the answer. */
	void (*end)(void *state, struct request *r);
	void (*free)(void *state); /* NULL: there is no state */
};

/* An answer of which many are sent: made again when it is older than least_us, and never so often
 * that making it takes more than a twentieth of the time. */
struct reply_cache {
	struct shared_text *text;
	uint64_t made_us, cost_us;
	struct making *coming; /* it is being made; who asks meanwhile waits for that */
};

/* Answers r when it is whole: at once, when that takes one bit of time. state is taken over. cache
 * may be NULL: the answer is r's alone. */
void making_begin(
	struct request *r, const struct making_kind *kind, void *state, struct reply_cache *cache);
void making_start(struct event_base *base); /* before any; by http_start() */
/* Ends them all. */
void making_stop(void);

/* True: r is answered by what is there, if it is not too old, or by what is coming. */
bool reply_cached(struct request *r, struct reply_cache *cache, uint64_t least_us);
void reply_cache_free(struct reply_cache *cache); /* what is being sent is freed when it is sent */

extern uint64_t making_bit_us; /* how long a bit takes; 0: one step, for tests */

void text_add_json(struct text *t, const json_t *json); /* compact */

/* ---- a text that is sent without a copy, as often as it is wanted ---- */

struct shared_text;

struct shared_text *shared_text_new(char *bytes, size_t len); /* takes them over */
void shared_text_put(struct shared_text *text);
void reply_shared(struct request *r, const char *type, struct shared_text *text);

#endif
