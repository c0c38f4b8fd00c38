/* SPDX-License-Identifier: BSD-3-Clause */
/* A world from JSON, and all that it compiles to, as text. */
#ifndef TESTS_COMPILE_RIG_H
#define TESTS_COMPILE_RIG_H

#include <stdio.h>

#include "compile.h"

/* {"site": NAME, "intents": [{"kind": …}, …]} → a world that holds them, put in this order or, with
 * backwards, the other way round. Ends the process with a message when something is refused. */
struct world *rig_world(const json_t *document, bool backwards);

/* The same, from JSON whose single quotes stand for double ones: intents alone. */
struct world *rig_world_of(const char *intents);

/* Each intent ("# slice blue") and under it its objects ("slice blue {…}"), or why it cannot be
 * done. Free it. */
char *rig_compile(const struct world *world, const char *site);

/* The objects of one intent; its refusal fails the test that calls. */
struct compiled_list rig_compile_one(
	const struct world *world, const char *site, enum intent_type type, const char *name);

/* The text of one of them; NULL: it is not there. */
const char *rig_text(const struct compiled_list *list, enum object_type type, const char *key);

json_t *rig_file(const char *path);

#endif
