/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON Merge Patch, RFC 7396. */
#ifndef REST_MERGE_PATCH_H
#define REST_MERGE_PATCH_H

#include <jansson.h>

/* target with patch put into it, a new value; neither is changed, and the result shares nothing
 * with them. target may be NULL: there was none. NULL: no memory. */
json_t *merge_patch(const json_t *target, const json_t *patch);

#endif
