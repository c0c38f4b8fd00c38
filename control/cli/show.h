/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects of the socket as text for people: a table of many, a page of one. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "cli.h"

struct listing;

/* A table whose columns are the fields that are there; type may be NULL (then in the order they
 * come). */
struct listing *listing_new(const struct api_type *type);
void listing_free(struct listing *listing);
/* Prints one page. When a page brings a field that had no column, the table starts anew with it. */
void listing_page(struct listing *listing, const json_t *objects);

/* One object, a field a line. */
void show_object(const struct api_type *type, const json_t *object);

/* A field's value as text (a new string): vias as they are written in put, volumes and rates
 * grouped. */
char *value_text(const char *field, const json_t *value);

/* "100 M" or "100 M/200 M": committed and peak. New. */
json_t *bandwidth_brief(const json_t *bandwidth);

/* {"slice":"blue","vlan":10} → "slice=blue vlan=10" (a new string). */
char *pairs_text(const json_t *object);

#endif
