/* SPDX-License-Identifier: BSD-3-Clause */
/* What apply.c and apply_steps.c share: one POST /v1/apply, from its handler to the end of its
 * change. Nobody else includes it. */
#ifndef REST_APPLY_H
#define REST_APPLY_H

#include "change.h"

enum prune { PRUNE_NONE, PRUNE_KINDS, PRUNE_ALL };

/* What a step says. */
enum apply_next {
	APPLY_ON,   /* there is more to do */
	APPLY_WAIT, /* for the store */
	APPLY_OVER, /* it has been freed */
};

struct applying {
	struct request *r; /* NULL: the client has gone */
	struct actor actor;
	struct change c;

	/* what is asked for */
	const json_t *body;	    /* the request's */
	struct change_draft *draft; /* of the first `drafts` documents */
	size_t drafts;
	json_t *named; /* {"kind name": true}: what the documents say */
	bool kinds[INTENT_TYPES];
	enum prune prune;
	bool dry_run;

	/* how far it is */
	enum apply_next (*step)(struct applying *a, uint64_t until_us);
	size_t at;	       /* place in the step's list */
	int prune_type;	       /* the next one */
	struct intent *pruned; /* the last that was looked at */
	bool stored;	       /* or on its way: it is not given up any more */

	/* what comes of it */
	char line[256]; /* of the request */
	struct idempotency idempotency;
	char key[160];
	struct change_answer answer;
	struct store_answer again;
	char *again_text;
	struct store_change *texts; /* c.changed_count of them */
	size_t text_count;
	struct store_commit commit;
	struct reconcile_check *check;
};

/* apply.c: the envelope is read; the next document is put, the next intent is looked at and deleted
 * if no document names it. 0, or -1 with the refusal in a->c. */
int apply_envelope(struct applying *a);
int apply_put(struct applying *a, bool *more);
int apply_prune(struct applying *a, bool *more);
void apply_post(struct request *r);
void apply_free(void *a);

/* apply_steps.c: the change is made, from the line on. */
void apply_run(void *a);
void apply_steps_free(struct applying *a);

#endif
