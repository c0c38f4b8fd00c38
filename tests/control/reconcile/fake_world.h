/* SPDX-License-Identifier: BSD-3-Clause */
/* Intents that say themselves which objects they are compiled to, and a compiler that takes them at
 * their word: in place of intent/ and compile/ in the reconciler's tests. spec:
 * {"TYPE": [objects…], "endpoints": [{"site": …, "wan": …}…], "needs": ["slice blue"…], "fail":
 * "why it cannot be compiled"} */
#ifndef FAKE_WORLD_H
#define FAKE_WORLD_H

#include "reconcile.h"

/* As rest/ does it: the change, touch. spec NULL: delete. */
void fake_intent(struct reconciler *rec, enum intent_type type, const char *name, const char *spec);
/* Several in one change; and whether the dataplane would take them, with the world as it was
 * afterwards. */
struct fake_change {
	enum intent_type type;
	const char *name, *spec; /* NULL: delete */
};
void fake_change(struct reconciler *rec, const struct fake_change *list, size_t count);
struct reconcile_check *fake_check(
	struct reconciler *rec, const struct fake_change *list, size_t count);
/* Without a touch: before the reconciler starts. */
void fake_intent_load(enum intent_type type, const char *name, const char *spec);
const struct intent *fake_intent_get(enum intent_type type, const char *name);
void fake_world_clear(void);
extern int fake_compiled; /* intents, since fake_world_clear */

/* A listed object's key and the text that compile_intent would give. */
void fake_canonical(const struct api_type *type, const json_t *listed, char *key, char **text);

#endif
