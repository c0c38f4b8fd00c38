/* SPDX-License-Identifier: BSD-3-Clause */
/* The pipelines know ids, people know names: texts from below carry "{slice 3}", and get "blue"
 * here. Main thread. */
#ifndef RPC_NAMES_H
#define RPC_NAMES_H

#include <jansson.h>

/* A new JSON string with every {type id} replaced by the object's name, or left as it is where
 * there is none any more. A tunnel that is a GTP-U peer is called "gtpu NAME to ADDRESS". NULL when
 * memory ran out. */
json_t *names_text(const char *text);

#endif
