/* SPDX-License-Identifier: BSD-3-Clause */
/* A store in a directory of its own, for the tests beside it. */
#ifndef STORE_RIG_H
#define STORE_RIG_H

#include "sqlite.h"

extern char rig_dir[64];
extern struct store *rig_store;

void rig_up(void);     /* makes the directory and opens */
void rig_down(void);   /* closes and removes */
void rig_reopen(void); /* closes, opens */
void rig_remove(void); /* the directory */

/* One change: after NULL deletes. 0 or -errno. */
int rig_put(const char *kind, const char *name, const char *before, const char *after);
/* "NAME=SPEC@REVISION;" of all intents, in order. A static buffer. */
const char *rig_intents(void);
double rig_ms(void);

#endif
