/* SPDX-License-Identifier: BSD-3-Clause */
/* In place of control/store: a few tokens, and the audit log in memory. */
#ifndef STORE_FAKE_H
#define STORE_FAKE_H

#include "store.h"

extern json_t *fake_audit; /* ["name source action status detail", …] */

void fake_store_init(void);
void fake_store_free(void);

#endif
