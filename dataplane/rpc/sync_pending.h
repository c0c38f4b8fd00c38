/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups that are not in force as their source wants them, of a call of sync with `keep`: what they
 * name is not there, they were refused, or gave way to a stronger source. What they say is kept and
 * is tried again by itself: at once when the object that a group waits for comes, a few at a time
 * when something else has changed, and all of them now and then. Who watches the event "groups" is
 * told what becomes of them. Main thread only. */
#ifndef RPC_SYNC_PENDING_H
#define RPC_SYNC_PENDING_H

#include <jansson.h>
#include <stdbool.h>

#include "claims.h"

struct event_base;
struct tx;

void pending_start(struct event_base *base);
void pending_stop(void); /* forgets all of them */
/* The transaction is committed: what waits for its objects is to be tried. */
void pending_committed(const struct tx *tx);
/* Tries some of those that are to be; false: there was none. By itself called from the loop. */
bool pending_run(void);

/* ---- for sync.c ---- */

/* What the group says (NULL: it is to go) waits for the object `label`, or ("") for any change.
 * Without memory it is forgotten, which its source finds when it lists the groups. */
void pending_keep(
	struct source_group *group, const json_t *objects, const char *label, const char *reason);
/* "slice blue": an object that is not there. */
bool pending_is_missing(const char *label);
void pending_drop(struct source_group *group);
/* What it says, new; NULL: it is to go. */
json_t *pending_says(const struct source_group *group);
/* {owner, revision} and, of one that is not in force, {reason, waits?}. */
json_t *pending_show(const struct source_group *group);
/* What waits for one of the group's objects, and that is there, is tried. */
void pending_wake(const struct source_group *group);
/* Tells who watches of these: elements as of pending_show(); stolen. */
void pending_tell(json_t *groups);

#endif
