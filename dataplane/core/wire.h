/* SPDX-License-Identifier: BSD-3-Clause */
/* Fields of packets as they lie: at any address, over whatever the bytes are otherwise seen as. */
#ifndef CORE_WIRE_H
#define CORE_WIRE_H

#include <stdint.h>

typedef uint16_t __attribute__((aligned(1), may_alias)) wire16_t;
typedef uint32_t __attribute__((aligned(1), may_alias)) wire32_t;
typedef uint64_t __attribute__((aligned(1), may_alias)) wire64_t;

static inline uint16_t load16(const uint8_t *p)
{
	return *(const wire16_t *)p;
}

#endif
