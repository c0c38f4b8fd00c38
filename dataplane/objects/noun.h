/* SPDX-License-Identifier: BSD-3-Clause */
/* The store: objects of all types (model.h), changed by transactions (tx.h). What it needs to know
 * of a type that its fields do not say is a struct noun, of rows a struct backend; who keeps the
 * objects fills them in. Of a change (struct change of tx.h) the nouns see what leaves and what
 * enters by themselves; where both are of one life, the id stays (change_ends(), change_begins()).
 * Main thread only. */
#ifndef API_NOUN_H
#define API_NOUN_H

#include <jansson.h>

#include "tx.h"

struct noun {
	/* The field named when `unique` clashes. */
	const char *unique_field;
	/* What no other object of the type may have; text has NOUN_UNIQUE bytes. */
	void (*unique)(const union api_object *data, char *text);
	/* change->old has left the model: what it holds there is free for others. Cannot fail. */
	void (*release)(const struct change *change);
	/* Undoes release. */
	void (*restore)(const struct change *change);
	/* Is change->data acceptable in itself, beside what is in the model, and as a change of
	 * change->old? 0, or -1 with err (path is the field). */
	int (*check)(const struct tx *tx, const struct change *change, struct rpc_error *err);
	/* The id of a new object, 0 or -errno, and back. NULL: it has none. */
	int (*id_reserve)(uint16_t *id);
	void (*id_release)(uint16_t id);
	/* Work for change->next that may fail, done before anything is committed; fills obj->life
	 * where one begins, but for the id. 0, or -1 with err and nothing left behind. If
	 * change->dry only what nobody but the main thread sees: no device, interface or address of
	 * the kernel is touched. */
	int (*prepare)(const struct tx *tx, const struct change *change, struct rpc_error *err);
	/* Undoes prepare. */
	void (*undo)(const struct change *change);
	/* What can be judged only when all has left and entered that does. */
	int (*settle)(const struct change *change, struct rpc_error *err);
	/* Where only the kernel can refuse it, and is asked when nothing else is refused: first it
	 * forgets change->old, of all, then it is told of change->next. 0, or -1 with err. restore
	 * and undo take that back. */
	void (*forget)(struct change *change);
	int (*tell)(const struct change *change, struct rpc_error *err);
	/* Makes it so for the workers: old NULL begins, next NULL ends. Cannot fail. */
	void (*commit)(struct object *obj, const struct version *old, const struct version *next);
	/* Fills the fields that only answers have. */
	void (*answer)(const struct object *obj, union api_object *copy);
	/* Adds counters to out; NULL when the type has none. */
	void (*stats)(const struct object *obj, json_t *out);
};

#define NOUN_UNIQUE (LIMIT_DEVICE + 32)

struct row_list;

/* Objects of which there may be a million are in no model: they are rows of a table of the
 * pipelines. Rows name objects of the model, and no other rows. */
struct backend {
	/* tx_rows.staged: what the ops have said so far about rows, laid over the table. */
	uint32_t key_bytes, staged_bytes;
	uint32_t step_bytes; /* of tx_rows.steps */
	bool together;	     /* deletions are committed with puts, in one call */
	/* Of a type that is in the model as well: is what is put a row? */
	bool (*is_row)(const json_t *json);
	/* As answers show it: 0: somebody has put it; 1: it was learned; -1: there is none. */
	int (*find)(const union api_object *key, union api_object *out);
	/* Stages one more put: 0, or -1 with err (path is the field). NULL: rows are only learned.
	 */
	int (*put)(struct tx *tx, union api_object *data, uint32_t index, struct rpc_error *err);
	/* The same of a deletion, or 1 when there is no such row. */
	int (*remove)(struct tx *tx, const union api_object *key, struct rpc_error *err);
	/* What can be judged only now that all is staged: tx_refuse(). */
	void (*settle)(struct tx *tx);
	/* Makes some steps so for the workers. Cannot fail. */
	void (*commit)(const void *steps, size_t count);
	/* Undoes a step; the last goes first. */
	void (*rollback)(const void *step);
	/* Does a row name obj: what is in the way of deleting it, or of taking it somewhere else.
	 * 0, or -1 with err. */
	int (*check_unused)(struct rpc_error *err, const struct object *obj);
	/* For list, ends with an empty one. */
	const struct row_list *lists;
	/* keys NULL: all, while they are not too many for an answer. NULL: as the model's. */
	int (*stats)(const json_t *keys, json_t *out, struct rpc_error *err);
};

/* What is done at the end of transactions. */
struct store_ends {
	void (*committed)(const struct tx *tx); /* something has changed */
	void (*over)(void);			/* committed or undone */
};

/* Of a type one or both; NULL for the other. Before any transaction; again is harmless. */
extern const struct noun *nouns[OBJECT_TYPES];
extern const struct backend *backends[OBJECT_TYPES];
extern struct store_ends store_ends;

/* The object as get and list show it; NULL when memory ran out. */
json_t *noun_encode(const struct object *obj);
/* The object as it is in force, in the model or in a table, but for what was learned. 0, or -1:
 * there is none. Lists as api_decode()'s. */
int noun_load(const struct api_type *type, const char *key, union api_object *out);
/* The same as it could be put; NULL: there is none, or no memory. */
json_t *noun_plain(const struct api_type *type, const char *key);

/* Conflict with something named: path and data.with. */
int noun_fail_conflict(struct rpc_error *err, const char *field, const char *with, const char *fmt,
	...) __attribute__((format(printf, 4, 5)));
/* No object of the type has that name: data.with has it, so that one can wait for it. */
int noun_fail_missing(
	struct rpc_error *err, const char *field, enum object_type type, const char *name);
int noun_fail_in_use(struct rpc_error *err, const struct object *obj, const char *by);
/* The rows that name obj. 0, or -1 with err. */
int noun_check_rows(struct rpc_error *err, const struct object *obj);
/* Something names obj as others name it, a MAC or a route: what is in the way of deleting it, or of
 * taking it somewhere else. 0, or -1 with err. */
int noun_check_unused(struct rpc_error *err, const struct object *obj);
/* The same while the transaction changes it, and others that name it with it. */
int noun_check_unused_change(struct rpc_error *err, const struct change *change);

/* ---- for the method list: rows of tables, some at a time ---- */

#define STORE_STEP	   64 /* entries taken from a table at a time */
#define STORE_ENTRY	   64 /* bytes of the largest kind of entry */
#define STORE_CURSOR_WORDS 3

/* One page in the making. */
struct page {
	const struct api_type *type;
	const json_t *match; /* NULL = everything */
	bool unclaimed;	     /* only what no source has (claims.h) */
	size_t limit;
	json_t *objects;
};

struct row_list {
	char tag; /* its cursors begin with it; 0: with nothing */
	/* Up to max entries (1 at least) from a cursor on: three words, 0 at first, the first one 0
	 * again at the end, also where nothing can match. They say what came last, not how much: a
	 * page follows the one before whatever has gone since. */
	uint32_t (*iterate)(const struct page *page, const struct row_list *store, uint64_t *cursor,
		void *entries, uint32_t max);
	size_t entry_bytes;
	/* An entry as an object; false: not to be shown, or cannot match (most of a million are not
	 * what is looked for, and need not be encoded to see that). */
	bool (*describe)(const struct page *page, const void *entry, union api_object *out);
};

/* The text that a field is to have; NULL: any. */
static inline const char *match_text(const struct page *page, const char *field)
{
	return json_string_value(json_object_get(page->match, field));
}

#endif
