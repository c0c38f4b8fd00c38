/* SPDX-License-Identifier: BSD-3-Clause */
#include "turn.h"

#include "clock.h"

#define TURN_US	 8000
#define LEAST_US 1000

static uint64_t begun_us;

void turn_begin(void)
{
	begun_us = clock_mono_us();
}

uint64_t turn_until_us(uint64_t most_us)
{
	uint64_t now_us = clock_mono_us(), until_us = now_us + most_us;

	if (begun_us && until_us > begun_us + TURN_US)
		until_us = begun_us + TURN_US;
	return until_us > now_us + LEAST_US ? until_us : now_us + LEAST_US;
}
