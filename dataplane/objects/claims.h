/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose objects the dataplane holds. A source (the kernel, intents, session control) has groups: an
 * intent, a route of the kernel, a PFCP session. A group claims objects by type and key. Of several
 * claims to one object that of the strongest source is in force; claims of one source to one object
 * say the same and share it. What nobody claims was put by hand.
 *
 * A change is staged: groups get the claims that they are to have beside those that they have, and
 * then it is made so (claims_commit()) or not (claims_cancel()). In between claim_next() tells what
 * would be left. Part of dataplane/objects: plain C, no rte_*. Main thread only. */
#ifndef API_CLAIMS_H
#define API_CLAIMS_H

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"
#include "types.h"

/* The weakest first. */
enum source { SOURCE_STATIC, SOURCE_KERNEL, SOURCE_INTENT, SOURCE_PFCP, SOURCES };
extern const char *const source_names[]; /* ends with NULL */

#define LIMIT_OWNER 255 /* characters of a group's name */

struct stage;	/* of a group, while a change is made (rpc/sync.c) */
struct pending; /* what a group says that is not in force (rpc/sync_pending.c) */

struct claim {
	struct claim *bucket_next, **bucket_at; /* what points to it */
	struct claim *group_next;
	struct source_group *group;
	union {
		char *shadow; /* what it says, as JSON, while another one is in force; NULL: it is
			       */
		const json_t *says; /* the same while it is staged; borrowed */
	};
	uint64_t digest; /* of what it says: equal objects have equal ones */
	uint8_t type;	 /* enum object_type */
	bool staged;	 /* of a change that is not made yet */
	bool lost;	 /* hidden so far, and cannot come back (rpc/sync.h) */
	bool renews;	 /* what it names is made anew, and so is its object (rpc/sync.h) */
	uint32_t visit;	 /* of the last pass that has planned its object... */
	uint32_t entry;	 /* ...as this one */
	char key[];
};

struct source_group {
	RB_ENTRY(source_group) entry;
	struct claim *claims; /* it has */
	struct claim *next;   /* it is to have; only while it is staged */
	struct stage *stage;
	struct pending *pending; /* NULL: it is in force as its source wants it */
	uint64_t revision; /* the source's own number of what it says */
	uint8_t source;
	uint64_t stays; /* the number of the call in which it could not give way */
	bool is_kept;	/* its source wants what is refused to be kept */
	bool is_stale;	/* during a call: its source will say something else of it soon */
	char owner[];
};

/* NULL: there is none. */
struct source_group *source_group_find(enum source source, const char *owner);
/* Made where there is none; NULL: no memory. */
struct source_group *source_group_make(enum source source, const char *owner);
/* The first whose owner comes after that ("": the first of all); NULL at the end. */
struct source_group *source_group_after(enum source source, const char *owner);
struct source_group *source_group_next(struct source_group *group);
/* It has no claims. */
void source_group_drop(struct source_group *group);
uint32_t source_group_count(enum source source);

/* One more claim of the group, staged; says is borrowed as long as it is. 0, -ENOMEM. */
int claim_stage(
	struct source_group *group, enum object_type type, const char *key, const json_t *says);
/* Whether the group has staged a claim to the object. Only of the group that was staged last: its
 * claims are the first of their bucket, and no others are looked at. */
bool claim_is_staged(const struct source_group *group, enum object_type type, const char *key);
/* A claim that it has at once, for what is in the way of another source: its shadow is text, which
 * is taken over. 0, -ENOMEM. */
int claim_add_shadow(struct source_group *group, enum object_type type, const char *key, char *text,
	uint64_t digest);

/* Calls found for each claim in force of a stronger source than static, until it returns false. */
void claims_each(bool (*found)(struct claim *claim, void *arg), void *arg);
/* The first claim to the object, of whatever group, staged or not; NULL: nobody claims it. */
struct claim *claims_of(enum object_type type, const char *key);
/* The next one to the same object. */
struct claim *claim_other(const struct claim *claim);
/* One in force; NULL: the object is nobody's. */
const struct claim *claim_in_force(enum object_type type, const char *key);
/* How many objects of the type are in force for some source. */
uint32_t claims_in_force(enum object_type type);

/* The staged claims of the group, none of which says anything any more but what is in force
 * (claim_settle()), take the place of those that it has, which are freed. */
void claims_commit(struct source_group *group);
/* The staged claims of the group are freed. */
void claims_cancel(struct source_group *group);
/* It is in force from now on (NULL), or says that (copied); not staged any more. */
void claim_settle(struct claim *claim, const char *shadow);
/* A claim that its group has is given up. */
void claim_drop(struct claim *claim);
/* Counts an object that comes in force for some source, or does not stay so. */
void claims_count(enum object_type type, int by);

/* A value's digest: that of an object does not depend on the order of its members. */
uint64_t claim_digest(const json_t *json);

void claims_free(void);

#endif
