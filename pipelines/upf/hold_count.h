/* SPDX-License-Identifier: BSD-3-Clause */
/* How many packets are held for idle UEs (hold.h), for answers. Main thread. */
#ifndef UPF_HOLD_COUNT_H
#define UPF_HOLD_COUNT_H

#include <stdint.h>

/* Of one session, by its index; of all. */
uint32_t hold_count(uint32_t session);
uint32_t hold_total(void);

#endif
