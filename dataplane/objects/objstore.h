/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects by type and name, with the keys that their types' constraints make of them
 * (constraint.h), and transactions over many turns of a loop. Of everything there are two: what
 * everybody sees, and what the open transaction has made of it. Until objstore_publish() others see
 * all as it was, from then on all as it has become; objstore_discard() leaves no trace. Which
 * constraints hold is the keeper's to check, when the transaction has all its parts.
 *
 * For processes that end where memory does (alloc.h): sluice-control, sluice-kernel. One thread. */
#ifndef API_OBJSTORE_H
#define API_OBJSTORE_H

#include <bsd/sys/tree.h>

#include "clock.h"
#include "constraint.h"

struct objstore;
struct objstore_hold;

enum objstore_view {
	OBJSTORE_SEEN, /* by everybody */
	OBJSTORE_MADE, /* by the transaction */
};

/* A name. A version is the keeper's structure of an object; NULL: there is none in that view. The
 * two views have the same one unless the transaction has put or deleted it. */
struct objstore_node {
	RB_ENTRY(objstore_node) link;
	struct objstore *store;
	void *version[2];
	uint32_t touch; /* 1 + its place in the transaction's list; 0: not touched */
	uint8_t type;
	api_name name;
};

RB_HEAD(objstore_holds, objstore_hold);

/* A key that objects have in common, and who they are. */
struct objstore_key {
	RB_ENTRY(objstore_key) link;
	struct objstore_holds holds;
	uint64_t total[2]; /* CONSTRAINT_BOOKS: of all who book it */
	uint32_t had;	   /* by so many in the transaction's view (CONSTRAINT_HAS) */
	uint32_t below;	   /* keys of its subtree that are had */
	uint8_t kind;
	char text[];
};

/* What the open transaction has put or deleted. */
struct objstore_touch {
	struct objstore_node *node;
	unsigned op; /* number of the last put or delete that touched it */
	bool asked;  /* put or deleted itself, not taken along by another */
	int effect;  /* the keeper's; 0 whenever it is touched */
};

struct objstore_ops {
	const void *(*object)(const void *version); /* of the type's structure */
	void (*free)(void *version);
};

struct objstore *objstore_new(
	const struct api_type *types, unsigned type_count, const struct objstore_ops *ops);
void objstore_free(struct objstore *store);

/* ---- reading: what the transaction has made while it is entered, else what everybody sees ---- */

void *objstore_version(const struct objstore_node *node);
/* NULL: none that the reader sees. _from: the first whose name is not less. */
struct objstore_node *objstore_find(const struct objstore *store, unsigned type, const char *name);
struct objstore_node *objstore_from(const struct objstore *store, unsigned type, const char *name);
/* The version that everybody sees, whoever asks. */
void *objstore_seen(const struct objstore *store, unsigned type, const char *name);
struct objstore_node *objstore_next(const struct objstore_node *node);
uint32_t objstore_count(const struct objstore *store, unsigned type);

/* Who has, needs or books a key, by type and name: the next one after `after`, NULL: the first. */
struct objstore_node *objstore_holder(const struct objstore *store, enum constraint_role role,
	unsigned kind, const char *text, const struct objstore_node *after);
/* What all who book it book. */
uint64_t objstore_total(const struct objstore *store, unsigned kind, const char *text);
/* How many keys of the kind that somebody has are less, plus what is the same for all of the kind:
 * as the transaction has them. */
uint32_t objstore_rank(const struct objstore *store, unsigned kind, const char *text);
/* The first key whose text is not less, and the next one, of any kind, whoever sees them. */
struct objstore_key *objstore_key_from(
	const struct objstore *store, unsigned kind, const char *text);
struct objstore_key *objstore_key_next(struct objstore_key *key);

/* ---- changing ---- */

bool objstore_begin(struct objstore *store); /* entered; false: one is open, or not put away */
bool objstore_is_open(const struct objstore *store);
void objstore_enter(struct objstore *store, bool inside);

/* A new version for the name, which is the store's from now on. NULL: there are as many of the type
 * as may be, and the version is still the caller's. */
struct objstore_touch *objstore_put(
	struct objstore *store, unsigned type, const char *name, void *version);
struct objstore_touch *objstore_delete(struct objstore_node *node);
/* The object of a touched node is about to change in place; has changed. */
void objstore_edit_begin(struct objstore_node *node);
void objstore_edit_end(struct objstore_node *node);

/* In order of first touch. */
uint32_t objstore_touched(const struct objstore *store);
struct objstore_touch *objstore_touch_at(const struct objstore *store, uint32_t at);

struct objstore_touch *objstore_touch_of(const struct objstore_node *node); /* NULL: not touched */

void objstore_publish(struct objstore *store);
void objstore_discard(struct objstore *store);
/* After either: what nobody sees any more is put away, until the time until_us (0: all). False:
 * there is more. */
bool objstore_finish(struct objstore *store, uint64_t until_us);

/* Past the time by which a call that is done in pieces is to come back? 0: never. */
static inline bool is_late(uint64_t until_us)
{
	return until_us && clock_mono_us() >= until_us;
}

#endif
