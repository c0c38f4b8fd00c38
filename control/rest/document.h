/* SPDX-License-Identifier: BSD-3-Clause */
/* What HTTP does with a document: entity tags, preconditions, merge patches.
 *
 * Entity tags (RFC 9110, 8.8.3 and 13.1): that of an intent's specification is
 * the revision that made it, "17"; that of what GET shows has the status in it, too: "17.9c1e03a4".
 * A change may name either: the specification is what it is about. A GET is 304 only where the
 * status is what it was. */
#ifndef REST_DOCUMENT_H
#define REST_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define ETAG_BYTES 40

void etag_of(uint64_t revision, char text[ETAG_BYTES]);
/* Of an intent as it is shown. */
void etag_of_shown(uint64_t revision, const json_t *shown, char text[ETAG_BYTES]);

/* Is etag in a header's list? weak: W/"17" is taken for "17" (If-None-Match); else it is not
 * (If-Match). part: "17.9c1e03a4" is taken for "17". "*" is not looked at here. */
bool etag_listed(const char *list, const char *etag, bool weak, bool part);

/* Do If-Match and If-None-Match (NULL: not given) let a change of an object with this etag (NULL:
 * there is none) go on? NULL: yes; else why not. */
const char *etag_refuses(const char *if_match, const char *if_none_match, const char *etag);

/* JSON Merge Patch (RFC 7396): target with patch put into it, a new value; neither is changed, and
 * the result shares nothing with them. target may be NULL: there was none. */
json_t *merge_patch(const json_t *target, const json_t *patch);

#endif
