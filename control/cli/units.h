/* SPDX-License-Identifier: BSD-3-Clause */
/* Rates as people write them: 100M, 1.5G. */
#ifndef CLI_UNITS_H
#define CLI_UNITS_H

#include <jansson.h>

/* "100M" → 100000000; k, M, G and T are powers of 1000. NULL: it is no whole number. New. */
json_t *units_number(const char *text);

/* Texts like "100M" in fields whose names end with _bps become numbers, at any depth. */
void units_apply(json_t *json);

#endif
