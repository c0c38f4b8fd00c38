/* SPDX-License-Identifier: BSD-3-Clause */
/* The user plane as a whole. Main thread only. */
#ifndef UPF_UPF_H
#define UPF_UPF_H

#include <stdint.h>

#include "session_index.h"

/* Registers sessions as doors, and how the user plane starts (upf_start()). Before workers start.
 */
void upf_init(void);
/* After the workers stopped and all sessions went; also when nothing was started. */
void upf_fini(void);

/* Drains the workers' reports, ages, reports usage; called from the main loop. Returns how much it
 * did. */
uint32_t upf_poll(void);

#endif
