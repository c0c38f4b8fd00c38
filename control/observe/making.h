/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers that take long to make, a bit at a time: between two bits the loop goes on, and where
 * several are being made they take turns. The world may change meanwhile. */
#ifndef OBSERVE_MAKING_H
#define OBSERVE_MAKING_H

#include "http.h"
#include "text.h"

struct making;
struct view_text;

struct making_kind {
	const char *type; /* Content-Type */
	/* A small part more, well below a millisecond. false: that was the last. */
	bool (*step)(void *state, struct text *out);
	/* It is whole: takes a reference over. NULL: nobody keeps it. */
	void (*keep)(struct view_text *text, uint64_t cost_us);
	/* Instead: it answers r itself. NULL: the text is the answer. */
	void (*end)(void *state, struct request *r);
	void (*free)(void *state);
};

/* Answers r when it is whole: at once, when that takes one bit of time. state is taken over.
 * *shared, if given, points to it as long as it is made, and must be NULL before. */
void making_begin(
	struct request *r, const struct making_kind *kind, void *state, struct making **shared);
/* Answers r, too. */
void making_join(struct request *r, struct making *making);
/* Ends them all. */
void making_stop(void);

extern uint64_t making_bit_us; /* how long a bit takes; 0: one step, for tests */

#endif
