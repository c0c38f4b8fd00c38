/* SPDX-License-Identifier: BSD-3-Clause */
/* The clocks of meters, for meter.c and meter_bank.c alone. */
#ifndef CORE_METER_CLOCK_H
#define CORE_METER_CLOCK_H

#include "meter.h"

#define UNIT_BITS  16 /* credit is counted in 1/65,536 byte */
#define MARK_SHIFT 38 /* a mark is 2^38 cycles */
#define MARK_BACK  4  /* so many marks back is another worker's clock, more are long ago */

static inline uint64_t line_clock(const struct meter_line *line, uint64_t epoch_tsc, uint64_t tsc)
{
	/* a worker's timestamp may be a moment older than the profile */
	uint64_t cycles = tsc > epoch_tsc ? tsc - epoch_tsc : 0;

	return line->start + (uint64_t)((unsigned __int128)cycles * line->factor >> line->shift);
}

static inline uint16_t mark_of(uint64_t tsc)
{
	return tsc >> MARK_SHIFT;
}

static inline uint32_t marks_between(uint16_t then, uint16_t now)
{
	uint16_t marks = now - then;

	return marks < (uint16_t)-MARK_BACK ? marks : 0;
}

#endif
