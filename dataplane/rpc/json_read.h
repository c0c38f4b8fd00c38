/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON text → jansson's values, of the plain kind that programs send by the megabyte: no escapes in
 * strings, nothing but ASCII, integers. Anything else is jansson's, errors above all. */
#ifndef RPC_JSON_READ_H
#define RPC_JSON_READ_H

#include <jansson.h>

/* What json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY) would return; NULL: it is
 * not plain, not JSON, or memory ran out: ask jansson. Any thread. */
json_t *json_read(const char *text, size_t len);

#endif
