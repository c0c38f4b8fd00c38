/* SPDX-License-Identifier: BSD-3-Clause */
/* How many packets are held for idle UEs (hold.h), for answers and for slices that go. Main thread.
 */
#ifndef UPF_HOLD_COUNT_H
#define UPF_HOLD_COUNT_H

#include <stdbool.h>
#include <stdint.h>

/* Of one session, by its index; of all. */
uint32_t hold_count(uint32_t session);
uint32_t hold_total(void);

/* Are packets of the slice on their way back, to be counted in it, whatever has become of their
 * sessions? slice_quiet() is called when they no longer are. */
bool hold_slice_busy(uint16_t slice);

#endif
