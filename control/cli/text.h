/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers as people read and write them. */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "alloc.h"

#define NUMBER_BYTES 40

/* 1234567 → "1,234,567"; out has NUMBER_BYTES. Both return out. */
char *number_grouped(json_int_t value, char *out);
/* 1234567 → "1.23 M", 999 → "999", 0.25 → "0.25" */
char *number_scaled(double value, char *out);
/* A counter: grouped when whole, else with one decimal. Not a number: "-". */
char *number_json(const json_t *value, char *out);

/* The text of an object's field; "" when it has none. */
const char *json_text(const json_t *object, const char *name);

bool ends_with(const char *text, const char *end);
/* The whole of text is digits, with a fraction where allowed. */
bool is_number(const char *text, bool fraction);

/* Keeps in *best the name nearest to word of those it is called with, if it is near at all; *best
 * is NULL at first. */
void word_nearest(const char *word, const char *name, const char **best);

/* Seconds on a clock that does not jump. */
double clock_now(void);

/* ---- rates as people write them: 100M, 1.5G ---- */

/* "100M" → 100000000; k, M, G and T are powers of 1000. NULL: it is no whole number. New. */
json_t *units_number(const char *text);

/* Texts like "100M" in fields whose names end with _bps become numbers, at any depth. */
void units_apply(json_t *json);

#endif
