/* SPDX-License-Identifier: BSD-3-Clause */
/* What the handlers of requests work with (control.h). Owns the one there is. */
#include "control.h"

#include "clock.h"

struct control control;

int64_t control_now_us(void)
{
	return clock_wall_us();
}
