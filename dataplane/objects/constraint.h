/* SPDX-License-Identifier: BSD-3-Clause */
/* What objects of a type have, need and book, declared beside its fields: who keeps objects checks
 * the final state of a transaction against it, whatever the order of its parts. A constraint says
 * how a key is made of an object, or one for each item of one of its lists; a key is a kind (whose
 * meaning is the keeper's) and a text. Part of dataplane/objects: plain C, no rte_*. Any thread.
 *
 * A VNI that only one object may have, a reference from a slice to a VRF, a VLAN of a port:
 *	{CONSTRAINT_HAS, VNI, {{KEY_OF(ID, api_slice, vni)}}, .path = "vni"},
 *	{CONSTRAINT_NEEDS, VRF, {{KEY_OF(NAME, api_slice, vrf)}}, .path = "vrf"},
 *	{CONSTRAINT_HAS, PLACE, {{KEY_OF(NAME, api_attachment, port)},
 *		{KEY_OF(NUMBER, api_attachment, vlan)}}, .path = "vlan"}, */
#ifndef API_CONSTRAINT_H
#define API_CONSTRAINT_H

#include "schema.h"

enum constraint_role {
	CONSTRAINT_HAS = 1, /* unique: no other object may have the same key */
	CONSTRAINT_NEEDS,   /* a reference: some object must have it */
	CONSTRAINT_AT,	    /* noted, to be found by; many may */
	CONSTRAINT_BOOKS,   /* a part, `value`, of what all who book it have together */
};

enum key_part_kind {
	KEY_PART_END,
	KEY_PART_NAME,	 /* char[] */
	KEY_PART_TEXT,	 /* struct api_text */
	KEY_PART_NUMBER, /* uint32_t */
	KEY_PART_ID,	 /* uint32_t, 0: left out */
	KEY_PART_IP,	 /* struct api_ip, without its length */
	KEY_PART_PREFIX, /* with it */
	KEY_PART_MAC,
	KEY_PART_WORD, /* always `word` */
};

struct key_part {
	uint8_t kind;
	bool of_item;	/* of the list's item, not of the object */
	uint8_t digits; /* numbers: at least so many, so that texts sort as numbers do */
	size_t offset;
	const char *word;
};

/* A part of the object, or of the list's item: its kind without KEY_PART_. */
#define KEY_OF(its_kind, structure, member)                                                        \
	.kind = KEY_PART_##its_kind, .offset = offsetof(struct structure, member)
#define KEY_OF_ITEM(its_kind, structure, member)                                                   \
	KEY_OF(its_kind, structure, member), .of_item = true

#define KEY_PARTS 3

struct api_constraint {
	uint8_t role; /* enum constraint_role; 0 ends the list */
	uint8_t kind;
	struct key_part part[KEY_PARTS]; /* joined by "/"; where one is left out there is no key */
	const char *path;		 /* of the field, for errors; with "%u" for the item */
	size_t list, item_size; /* the list it is made for each item of; 0: for the object */
	bool (*when)(const void *object); /* NULL: always */
	size_t value, value_else; /* CONSTRAINT_BOOKS: a uint64_t, if 0 another one; 0: books 1 */
};

struct constraint_key {
	uint8_t role, kind;
	const char *path; /* as the constraint's; index: of the item */
	unsigned index;
	uint64_t value; /* what it books */
	char text[API_KEY_BYTES];
};

/* Calls visit for each key of an object, in the order of the constraints (those of one list
 * that stand together item by item), until it answers other than 0, which is returned. */
typedef int constraint_visit(const struct constraint_key *key, void *arg);
int constraints_visit(
	const struct api_constraint *list, const void *object, constraint_visit *visit, void *arg);
/* Writes a part of the structure to text, which has room for a name or an address. Returns its end;
 * NULL: it is left out. */
char *key_part_text(const struct key_part *part, const void *structure, char *text);

/* The path of the field that the key is made of goes to err->path. */
void constraint_path(const struct constraint_key *key, struct rpc_error *err);

#endif
