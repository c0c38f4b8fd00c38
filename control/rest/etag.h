/* SPDX-License-Identifier: BSD-3-Clause */
/* Entity tags and preconditions (RFC 9110, 8.8.3 and 13.1). An intent's is the revision that made
 * its specification, as a strong one: "17". Its status is not part of that. */
#ifndef REST_ETAG_H
#define REST_ETAG_H

#include <stdbool.h>
#include <stdint.h>

#define ETAG_BYTES 24

void etag_of(uint64_t revision, char text[ETAG_BYTES]);

/* Is etag in a header's list? weak: W/"17" is taken for "17" (If-None-Match); else it is not
 * (If-Match). "*" is not looked at here. */
bool etag_listed(const char *list, const char *etag, bool weak);

/* Do If-Match and If-None-Match (NULL: not given) let a change of an object with this etag (NULL:
 * there is none) go on? NULL: yes; else why not. */
const char *etag_refuses(const char *if_match, const char *if_none_match, const char *etag);

#endif
