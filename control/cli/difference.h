/* SPDX-License-Identifier: BSD-3-Clause */
/* What a change would do, as people read differences: lines of YAML with - and + before them. */
#ifndef CLI_DIFFERENCE_H
#define CLI_DIFFERENCE_H

#include <jansson.h>

/* One intent as it was and as it will be, either of them NULL or null; to: what stands behind "+++"
 * (NULL: "wanted"). Fields that only answers have are passed over. */
void difference_print(const char *kind, const char *name, const json_t *before, const json_t *after,
	const char *from, const char *to);

/* The changes of a dry run's answer. */
void differences_print(const json_t *changes);

#endif
