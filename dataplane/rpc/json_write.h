/* SPDX-License-Identifier: BSD-3-Clause */
/* jansson's values → text, as json_dumps(value, JSON_COMPACT) writes them. */
#ifndef RPC_JSON_WRITE_H
#define RPC_JSON_WRITE_H

#include <jansson.h>

/* The text, to be freed with budget_free_text(); NULL when memory ran out. The value holds no
 * loops. Main thread. */
char *json_write(const json_t *value);

#endif
