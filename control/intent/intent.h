/* SPDX-License-Identifier: BSD-3-Clause */
/* One intent in memory: what was asked for, normalised. All calls of this room are for the one
 * thread of control. */
#ifndef INTENT_INTENT_H
#define INTENT_INTENT_H

#include <jansson.h>

#include "errors.h"
#include "hash.h"
#include "intent_types.h"

enum intent_state {
	INTENT_PENDING, /* not yet in the dataplane, or in part */
	INTENT_APPLIED,
	INTENT_REFUSED,	  /* by the dataplane, with a reason; what it had before stays */
	INTENT_ELSEWHERE, /* nothing of it is at this site */
};
#define INTENT_STATES (INTENT_ELSEWHERE + 1)
extern const char *const intent_state_names[];

struct objstore_node;

struct intent {
	struct objstore_node *node; /* the world's */
	enum intent_type type;
	api_name name;
	api_name tenant;	  /* "": nobody's: operators' */
	union intent_object *obj; /* with its lists in one piece of memory */
	json_t *spec;	   /* the same as JSON: defaults and allocations written out, keys sorted */
	bool stale;	   /* until a transaction is checked: obj has changed since spec was made */
	uint64_t revision; /* of the change that made it so: its ETag */
	int64_t created_us, updated_us; /* since 1970 */
	char updated_by[64];
	struct {
		enum intent_state state;
		int64_t since_us;
		char reason[256]; /* with INTENT_REFUSED */
	} status;		  /* the reconciler's */
};

/* What this version reads of a store. A new field or kind takes the next number in its `since`:
 * what has one in use is in the store with that number, and no older version takes it up. */
#define INTENT_FORMAT 3
/* The newest format that a spec needs. */
uint32_t intent_format(enum intent_type type, const json_t *spec);

/* "sites" … → type; -1 when there is none. Also the singular, for documents' "kind". */
int intent_type_of_path(const char *path);
int intent_type_of_kind(const char *kind);
const char *intent_path(enum intent_type type); /* "virtual-dedicated-networks" */
const char *intent_kind(enum intent_type type); /* "virtual-dedicated-network" */
const char *intent_kinds(void); /* all of them, for people: "site, wan, … or tenant" */

/* JSON as given → obj (free() it, it is one piece) and spec (json_decref). Fields "status", "meta"
 * and "kind" are passed over. Checks what can be seen without other intents. 0, or -1 with err
 * (path: the field). */
int intent_parse(enum intent_type type, const json_t *given, union intent_object **obj,
	json_t **spec, struct rpc_error *err);

const char *intent_obj_name(enum intent_type type, const union intent_object *obj);
const char *intent_obj_tenant(enum intent_type type, const union intent_object *obj); /* "" */

/* 64-bit FNV-1a of a text, for choices that boxes which are told the same make alike, and ETags.
 * Begins with NAME_HASH. */
#define NAME_HASH HASH_FNV64
uint64_t name_hash(uint64_t hash, const char *text);

/* The own address, of a site's, from which a session sends to a peer of this family on the side
 * `interface`, where its outer header names none. _own: of those that the session is reached at;
 * _any: where it has none there. NULL: none. */
const char *session_gtpu_own(const struct api_session *s, const struct intent_gtpus *gtpus,
	uint32_t interface, uint8_t family);
const char *session_gtpu_any(const struct intent_gtpus *gtpus, uint32_t interface, uint8_t family);

/* As the API shows it: spec with "status" and "meta". New. */
json_t *intent_show(const struct intent *intent);

#endif
