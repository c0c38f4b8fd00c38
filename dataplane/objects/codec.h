/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of dataplane/objects share among themselves; nobody outside includes it. */
#ifndef API_CODEC_H
#define API_CODEC_H

#include "schema.h"

/* What every list of types.h begins with. */
struct api_list {
	uint32_t count;
	void *item;
};

/* What a field takes, in words ("integer 1 to 4094"). Returns text. */
const char *api_field_want(const struct api_field *field, char *text, size_t size);

/* The field's refusal of json: path is its name. Returns -1. */
int api_field_refuse(const struct api_field *field, const json_t *json, struct rpc_error *err);

/* Some key of json is not a field to take in: says which one, and what there is. -1, or 0 when
 * there is none. */
int api_refuse_unknown(const struct api_field *fields, json_t *json, struct rpc_error *err);

/* Not exactly one of the EITHER fields was given. Returns -1. */
int api_refuse_either(const struct api_field *fields, unsigned given, struct rpc_error *err);

/* A value written as a string → the field's place. 0 or -1. Kinds NAME, TEXT, MAC, IP and PREFIX.
 */
int api_field_from_text(const struct api_field *field, const char *text, size_t len, void *place);

/* An object → structure, which was zeroed. 0, or -1 with err. */
int api_decode_fields(
	const struct api_field *fields, const json_t *json, void *out, struct rpc_error *err);

/* Of an item of a list. */
size_t api_item_bytes(const struct api_field *field);

/* One more integer of the set that `only` allows, after it: false: there is none. *value begins
 * with -1. */
bool api_only_next(const struct api_field *field, int *value);

/* The string form of the same kinds, for answers and keys; text has LIMIT_DEVICE + 1 bytes. */
const char *api_field_to_text(const struct api_field *field, const void *place, char *text);

/* ---- arena.c: memory of the decoding thread for the items of an object's lists, taken piece by
 * piece, given back at once when the next object begins ---- */

/* size bytes of zeros, aligned for anything; NULL: no memory. They stay until arena_reset(). */
void *arena_take(size_t size);
void arena_reset(void);
/* Gives the memory itself back. */
void arena_free(void);

static inline const void *api_field_at(const struct api_field *field, const void *structure)
{
	return (const char *)structure + field->offset;
}

#endif
