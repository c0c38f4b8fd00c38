/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of dataplane/api share among themselves; nobody outside includes it. */
#ifndef API_CODEC_H
#define API_CODEC_H

#include "schema.h"

/* What a field takes, in words ("integer 1 to 4094"). Returns text. */
const char *api_field_want(const struct api_field *field, char *text, size_t size);

/* A value written as a string → the field's place. 0 or -1. Kinds NAME, TEXT, MAC, IP and PREFIX.
 */
int api_field_from_text(const struct api_field *field, const char *text, size_t len, void *place);

/* The string form of the same kinds, for answers and keys; text has LIMIT_DEVICE + 1 bytes. */
const char *api_field_to_text(const struct api_field *field, const void *place, char *text);

static inline const void *api_field_at(const struct api_field *field, const void *structure)
{
	return (const char *)structure + field->offset;
}

#endif
