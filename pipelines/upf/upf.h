/* SPDX-License-Identifier: BSD-3-Clause */
/* The user plane as a whole: it starts with the first gtpu or session, so that a switch without it
 * pays nothing. Main thread only. */
#ifndef UPF_UPF_H
#define UPF_UPF_H

#include <stdbool.h>
#include <stdint.h>

/* Tables, pools and the workers' parts, when they are not there yet: 0 or -ENOMEM with nothing
 * left. What it takes empty is said in session_store.c. */
int upf_start(void);
bool upf_is_started(void);
/* After the workers stopped and all sessions went; also when nothing was started. */
void upf_fini(void);

#endif
