/* SPDX-License-Identifier: BSD-3-Clause */
/* Between fake.c and fake_state.c. */
#ifndef FAKE_STATE_H
#define FAKE_STATE_H

#include "fake.h"

/* {"result": …} or {"error": …}, new. */
json_t *fake_answer(struct fake *fake, const char *method, const json_t *params);
/* As another process. */
void fake_lose_all(struct fake *fake);

#endif
