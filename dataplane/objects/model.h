/* SPDX-License-Identifier: BSD-3-Clause */
/* The main thread's model: every object but MACs, sessions and the routes of slices, by type and
 * canonical key, with who refers to whom. The one truth about configuration; what the workers see
 * is derived from it by the nouns. Changed by tx.c only. Main thread only.
 *
 * While a transaction is made, an object whose state it changes leaves first (model_leave()) and
 * enters with its new state afterwards (model_enter()): what is found in between is what the
 * transaction has left as it was, and what it has put so far. */
#ifndef API_MODEL_H
#define API_MODEL_H

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema.h"

struct object;
struct version;

/* One field that names another object. */
struct ref {
	struct version *from;
	struct object *to;
	LIST_ENTRY(ref) link; /* in to->used_by while the version is linked */
};

/* One state of an object. A put makes a new one and the old one is kept until the transaction ends.
 * refs and data lie in the same allocation. */
struct version {
	struct object *owner;
	char *unique; /* what no other object of the type may have ("vni 100"), NULL = nothing */
	bool is_linked;
	RB_ENTRY(version) unique_node;
	union api_object *data; /* model_bytes() */
	uint32_t n_refs;
	struct ref refs[]; /* in the order of the fields that are given */
};

/* What the nouns keep with one life of an object: one that is deleted and put anew has another. */
struct object_life {
	uint16_t id;	     /* of port, slice, attachment, tunnel, as the workers know it */
	uint16_t slice;	     /* address, neighbor on an attachment: id of its slice */
	uint8_t network_len; /* neighbor in an l3 slice: of the network it is on */
	bool on_tap;	     /* address of a port: its tap has it from here, and from nobody else */
	uint32_t nexthop;    /* route of the underlay: one use of it, from prepare to commit */
};

struct object {
	RB_ENTRY(object) node;
	const struct api_type *type;
	struct version *now;   /* the last one that entered; NULL: none has */
	struct change *change; /* of the transaction in work (tx.h); NULL: none */
	LIST_HEAD(object_users, ref) used_by;
	uint32_t macs;	 /* static MACs that name it (slice, attachment, tunnel, member) */
	uint32_t routes; /* of slices, that name it (attachment, member) */
	union {
		struct object_life life;
		struct {
			uint16_t id, slice;
			uint8_t network_len;
			bool on_tap;
			uint32_t nexthop;
		};
	};
	char key[];
};

/* NULL when there is none. */
struct object *model_find(enum object_type type, const char *key);
/* Also one that has left and not entered again. */
struct object *model_find_any(enum object_type type, const char *key);
struct object *model_by_id(enum object_type type, uint16_t id);
uint32_t model_count(enum object_type type);

/* In order of keys: the first whose key is greater than `key` ("" = the first); NULL at the end. */
struct object *model_after(enum object_type type, const char *key);
struct object *model_next(struct object *obj);

/* "slice blue" into text of size bytes; returns text. */
const char *model_label(const struct object *obj, char *text, size_t size);

/* The object of that key, made where there is none: such a one is in nobody's way and found by
 * model_find_any() alone until it enters. NULL when memory ran out. */
struct object *model_make(const struct api_type *type, const char *key);
/* Takes one that has left out for good, or one that never entered. */
void model_drop(struct object *obj);

/* A version of data with its references looked up: 0, or -1 with err (path is the field). unique
 * may be "". */
int version_new(const struct api_type *type, const union api_object *data, const char *unique,
	struct version **out, struct rpc_error *err);
void version_free(struct version *version);

/* How much of data is kept: of a route the ways it has, since there may be many routes. */
size_t model_bytes(const struct api_type *type, const union api_object *data);

/* The first object of that type which the version refers to. */
struct object *version_ref(const struct version *version, enum object_type type);

/* Who holds that unique text; NULL when free. */
struct object *model_unique_holder(enum object_type type, const char *unique);

/* obj is (again) as version says, which has left or never entered: found by its key, unique text
 * and id. The unique text must be free. Cannot fail. */
void model_enter(struct object *obj, struct version *version);
/* obj's present version is not found any more and names nobody; those that name it still do, and
 * its id leads to it until model_forget_id(). */
void model_leave(struct object *obj);
/* The id of a life that is over. */
void model_forget_id(const struct object *obj, uint16_t id);

/* Frees everything; what the workers know is undone elsewhere (slice_fini and the like). */
void model_free(void);

#endif
