/* SPDX-License-Identifier: BSD-3-Clause */
/* Every object type described once, as data: from this come the decoder with its error texts, the
 * encoder, JSON Schema, and the CLI's completion. Part of dataplane/objects: plain C and jansson,
 * no rte_*. */
#ifndef API_SCHEMA_H
#define API_SCHEMA_H

#include <jansson.h>
#include <stddef.h>

#include "errors.h"
#include "types.h"

enum field_kind {
	FIELD_NAME,   /* api_name; letters, digits, ". _ - : @ /"; when ref >= 0 names an object of
			 that type */
	FIELD_TEXT,   /* char[size] */
	FIELD_U32,    /* uint32_t within min..max */
	FIELD_U64,    /* uint64_t within min..max; rates, which pass 2^32 bits a second */
	FIELD_BOOL,   /* bool */
	FIELD_MAC,    /* struct api_mac_addr; "02:00:00:00:00:01"; written lower case */
	FIELD_IP,     /* struct api_ip, plain address */
	FIELD_PREFIX, /* struct api_ip, "198.18.0.0/24" */
	FIELD_ENUM,   /* uint32_t index into names[] */
	FIELD_VIA,    /* route.via: array of struct api_via, count beside it */
	FIELD_OBJECT, /* a structure with fields of its own (`fields`) */
	/* Lists: {uint32_t count; ITEM *item}, min_items to max_items of them. */
	FIELD_LIST,	/* structures of item_size bytes with `fields` */
	FIELD_IDS,	/* struct api_ids, each within min..max */
	FIELD_TEXTS,	/* struct api_texts, each of at most max characters */
	FIELD_PREFIXES, /* struct api_prefixes */
	FIELD_SET,	/* uint32_t, bit n: names[n] is in the list */
};

#define FIELD_REQUIRED 0x1
#define FIELD_KEY      0x2 /* part of the key, in order */
#define FIELD_ANSWER   0x4 /* never taken in, only given out */
#define FIELD_EITHER   0x8 /* exactly one of the type's EITHER fields must be given */
#define FIELD_HIDE_DEFAULT                                                                         \
	0x10		/* left out of answers while it has its default (vlan 0, mac all zero) */
#define FIELD_HOST 0x20 /* FIELD_PREFIX: an address stands for its /32 or /128 */
/* Another value is another object: deleted and put anew by a transaction that may, else refused,
 * always or only while something names the object. */
#define FIELD_FIXED	   0x40
#define FIELD_FIXED_IN_USE 0x80

struct api_field {
	const char *name;
	enum field_kind kind;
	unsigned flags;
	size_t offset;
	size_t size;
	uint64_t min, max; /* FIELD_U32, FIELD_U64; FIELD_NAME of intents: characters at most, and
			      ":" and "/" are not among them (intent_check.c) */
	uint64_t only;	   /* FIELD_U32: bit n: n may be given; 0: all within min..max */
	uint64_t preset;   /* the default of FIELD_U32, FIELD_U64, FIELD_BOOL, FIELD_ENUM */
	const char *const *names;
	int ref;	/* enum object_type or -1 */
	uint8_t family; /* FIELD_IP, FIELD_PREFIX: 4, 6; 0: either */
	const struct api_field *fields;
	size_t item_size;
	uint32_t min_items, max_items;
	size_t has; /* FIELD_OBJECT: offset of the bool that says it is there, 0: none; it is there
		       when a field of it is not as by default. FIELD_BOOL: the same of a value that
		       was given, where its default depends on other fields */
	const char *help;
	uint32_t since; /* of an intent: the format of stores that it came with (INTENT_FORMAT) */
};

struct api_constraint;

/* When an object that is deleted leaves the workers: before what the same transaction puts is
 * there, or after it. */
enum ending {
	END_FIRST,
	/* It carries others: when they have moved, so that no packet is lost that need not be, and
	 * nothing leads to what is not there. What another has taken over from it (a VNI, an
	 * address, a VLAN) is the other's by then, and it leaves that alone. */
	END_LAST,
	END_LAST_WITH_ROWS, /* where a row of a table named it */
	/* It has no id, and made anew it would take out what has just been put by the same key:
	 * last only where it is not, and where all that it names goes last. */
	END_LAST_IF_GONE,
};

struct api_type {
	const char *name;
	enum object_type type;
	size_t size;
	uint32_t limit; /* objects of it in one box */
	uint8_t rank;	/* in which objects enter: what is named goes before what names it */
	enum ending ends;
	const struct api_field *fields; /* ends with a NULL name */
	const struct api_constraint *constraints; /* constraint.h; ends with role 0; may be NULL */
	const char *help;
	bool lists; /* holds lists, whose items are the decoding thread's */
	void (*complete)(union api_object
			*obj); /* fills in what depends on other fields; NULL: nothing does */
};

extern const struct api_type api_types[OBJECT_TYPES];
extern const struct api_field api_via_fields[]; /* of struct api_via, one element of FIELD_VIA */

/* NULL when there is no such type. */
const struct api_type *api_type_find(const char *name);
/* "port, address, ...": for error texts. */
const char *api_type_names(void);

/* A value as error texts show it: JSON, ASCII, cut to size. Returns text. */
const char *api_show(const json_t *json, char *text, size_t size);

/* JSON object → structure. type->size bytes of out are zeroed and defaults filled in. Unknown
 * fields, wrong types and values out of range are refused: 0, or -1 with err filled (path = base +
 * "." + field, or the field alone when base is ""). The items of lists lie in memory of the thread
 * and live until it decodes the next object of a type with lists. Any thread. */
int api_decode(const struct api_type *type, const json_t *json, const char *base,
	union api_object *out, struct rpc_error *err);

/* Gives back what the thread holds for the items of lists; they are gone. */
void api_decode_free(void);

/* Structure → new JSON object (the caller owns it), NULL when memory ran out. Any thread. */
json_t *api_encode(const struct api_type *type, const union api_object *obj);

/* The canonical key of an object ("blue 02:00:00:00:00:01"); key has API_KEY_BYTES. */
void api_key(const struct api_type *type, const union api_object *obj, char *key);

/* A key as a person wrote it → the canonical one, and the key fields of out filled ("place" of
 * address and neighbor is put into `port`). 0, or -1 with err. */
int api_key_parse(const struct api_type *type, const char *text, const char *path, char *key,
	union api_object *out, struct rpc_error *err);

/* JSON Schema (draft 2020-12) of all types: {"$defs": {...}}; the caller owns it. */
json_t *api_schema(void);
/* Of one type, which need not be of api_types; the caller owns it. */
json_t *api_type_schema(const struct api_type *type);

/* The names of an object's key and of other objects: letters, digits and ". _ - : @ /". */
bool api_name_valid(const char *text, size_t len);

/* Text forms, also for people. text has at least 64 bytes. Parsers return 0 or -1. */
int api_ip_parse(const char *text, bool prefix, struct api_ip *out);
void api_ip_format(const struct api_ip *ip, bool prefix, char *text);
int api_mac_parse(const char *text, struct api_mac_addr *out);
void api_mac_format(const struct api_mac_addr *mac, char *text);

#endif
