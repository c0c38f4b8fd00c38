/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps the dataplane as the intents want it. Each intent is a group of objects of the source
 * `intent` (dataplane/objects/claims.h); the dataplane judges each group by itself, and says which
 * one it refuses and why. On start, on reconnect (and once more a second later), on another
 * instance, after an error, and every resync_s the groups that the dataplane lists are compared by
 * their revisions; between those a change of an intent compiles only that intent and its
 * dependents.
 *
 * All of an intent's objects are in, or those it had before stay, and the others go on. What is in
 * the dataplane and no source claims is taken away, unless `keep` says otherwise; as long as the
 * store has never had a commit nothing is touched at all.
 *
 * What the kernel says is another source, which sluice-kernel speaks for (control/kernel), and
 * which is weaker than any intent: where it stands in an intent's way it gives way. */
#ifndef RECONCILE_RECONCILE_H
#define RECONCILE_RECONCILE_H

#include "dataplane.h"
#include "world.h"

struct reconciler;

struct reconcile_config { /* what it points to lives as long as the reconciler */
	const char *site;
	uint32_t resync_s;	 /* default 60 */
	uint32_t second_look_ms; /* after a connection is made; default 1000 */
	/* A dataplane that owes answers for so long is not waited for by a check; default 1000 */
	uint32_t silent_ms;
	const char *const *keep; /* "route", "slice lab-*": type, or type and shell pattern of keys;
				    ends with NULL; may be NULL */
};

struct reconciler *reconciler_start(struct event_base *base, struct world *world,
	struct dataplane *dp, const struct reconcile_config *config);
/* Before dataplane_close. */
void reconciler_stop(struct reconciler *rec);

/* When the world has been loaded, or changed by a transaction. Both before world_commit (the
 * changes are still known) and cheap: the work is done from the loop, many changes in one go.
 * Nothing in the dataplane is touched before the first call of one of them. */
void reconciler_touch(struct reconciler *rec, const struct world_change *changes, size_t count);
void reconciler_touch_all(struct reconciler *rec);

/* Compares with the dataplane's lists now. */
void reconciler_resync(struct reconciler *rec);
/* Tries an intent that was refused again: what was in its way is gone. */
void reconciler_retry(struct reconciler *rec, enum intent_type type, const char *name);

/* ---- what is wanted ---- */

/* Each object of that type that intents want or have in force, maybe more than once; each may not
 * call the reconciler. text: canonical JSON, borrowed. */
void reconciler_each(struct reconciler *rec, enum object_type type,
	void (*each)(const char *key, const char *text, void *arg), void *arg);
/* Another number than before when some object of that type has come, changed or gone. */
uint64_t reconciler_generation(const struct reconciler *rec, enum object_type type);
/* Called from the loop after each round that was applied, or found that nothing differs. Several
 * may listen. */
void reconciler_on_applied(struct reconciler *rec, void (*applied)(void *arg), void *arg);

/* done(true): every intent touched so far has been applied or refused; done(false): not within
 * timeout_ms. Called once, from the loop. The number cancels it. */
uint64_t reconciler_wait(struct reconciler *rec, uint32_t timeout_ms,
	void (*done)(bool settled, void *arg), void *arg);
void reconciler_wait_cancel(struct reconciler *rec, uint64_t number);

/* ---- what would be ---- */

/* Would the dataplane take a change? All that it would make differ is compiled and put to the
 * dataplane's own checks, without effect there or here; what would give way (as the kernel's, or
 * what nobody wants) is out of the way for it. */
struct reconcile_check;
struct reconcile_refusal {
	enum intent_type type;
	bool changed;		   /* by the change itself; false: it depends on one that is */
	const char *name, *reason; /* as its status would say it */
};
struct reconcile_checked {
	const char *why; /* it was not asked, or not about all; NULL: it was */
	const struct reconcile_refusal *refusal;
	size_t count;
};
typedef void (*reconciler_checked)(const struct reconcile_checked *checked, void *arg);

/* Before world_commit or world_rollback, after world_check: the changes are still known. Then steps
 * with the same changes until one is false; each comes back at the time until_us of the monotonic
 * clock, but does something (0: all). */
struct reconcile_check *reconciler_check_begin(struct reconciler *rec);
bool reconciler_check_step(struct reconcile_check *check, const struct world_change *changes,
	size_t count, uint64_t until_us);
/* done is called once, maybe from within; the check is freed after it. Large ones are asked about
 * in parts; the world may change meanwhile. */
void reconciler_check_run(struct reconcile_check *check, reconciler_checked done, void *arg);
/* done is not called any more. NULL is fine. */
void reconciler_check_free(struct reconcile_check *check);

/* An intent's state has changed (status of struct intent); for events. Not told: that it is applied
 * again after a restart of the dataplane. */
void reconciler_on_status(
	struct reconciler *rec, void (*changed)(const struct intent *intent, void *arg), void *arg);

struct reconcile_counters {
	bool synced; /* nothing is known to differ but for what was refused; and before the first
			intent, when the dataplane is let be */
	uint64_t transactions, transactions_refused, resyncs;
	uint64_t drift_total; /* objects that a resync found other than they had been left */
	uint32_t drift_last;
	uint32_t desired, actual, differing; /* objects */
	uint32_t refused;		     /* intents */
	uint32_t pending;		     /* intents neither applied nor refused */
	int64_t last_sync_us;		     /* since 1970; 0: never */
	uint64_t last_apply_us;		     /* how long the last transaction took */
};
void reconciler_counters(const struct reconciler *rec, struct reconcile_counters *out);
/* How many intents of a type show each state. Kept as they change: cheap. */
void reconciler_states(
	const struct reconciler *rec, enum intent_type type, size_t counts[INTENT_STATES]);

#endif
