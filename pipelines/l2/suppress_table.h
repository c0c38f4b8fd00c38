/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys and values of the suppression tables, between suppress.c (main) and suppress_run.c
 * (workers). */
#ifndef PIPELINES_SUPPRESS_TABLE_H
#define PIPELINES_SUPPRESS_TABLE_H

#include <string.h>

#include "exact.h"
#include "fdb.h"

/* IPv4: {slice << 32 | address}; IPv6: {slice << 32, address, 0, 0}. A slice is never 0. */
#define SUPPRESS_SLICE_SHIFT 32
#define SUPPRESS4_WORDS	     1
#define SUPPRESS6_WORDS	     5
#define SUPPRESS4_MOST	     131072
#define SUPPRESS6_MOST	     32768

/* The value: the MAC as in a frame in the low six bytes, whose group bit says that an IPv6 host
 * routes; above it the door: 14 bits of id, its kind; and whether it is static. Sessions have
 * longer ids: the value says "behind one", id 0, and the MAC table knows which. */
#define SUPPRESS_ROUTER 0x01ull
#define SUPPRESS_TUNNEL (1ull << 62)
#define SUPPRESS_STATIC (1ull << 63)
_Static_assert(LIMIT_ATTACHMENTS < 1 << 14 && LIMIT_TUNNELS < 1 << 14, "14 bits of id");

/* Flags of a HOST_SNOOP report. */
#define SNOOP_ASKED  0x10 /* heard in a solicitation, which does not say whether it routes */
#define SNOOP_ROUTER 0x20

extern struct exact_table suppress4, suppress6;

static inline void suppress_key(
	uint64_t *key, uint16_t slice, uint8_t family, const uint8_t *address)
{
	uint32_t v4 = 0;

	key[0] = (uint64_t)slice << SUPPRESS_SLICE_SHIFT;
	if (family == 4) {
		memcpy(&v4, address, sizeof(v4));
		key[0] |= v4;
		return;
	}
	memcpy(&key[1], address, 16);
	key[3] = key[4] = 0;
}

static inline void suppress_address(const uint64_t *key, uint8_t family, struct api_ip *out)
{
	*out = (struct api_ip){.family = family, .len = family == 4 ? 32 : 128};
	memcpy(out->bytes, family == 4 ? key : &key[1], family == 4 ? 4 : 16);
}

static inline uint64_t suppress_value(const uint8_t *mac, door_t door)
{
	uint64_t value = 0;

	memcpy(&value, mac, 6);
	if (DOOR_KIND(door) == DOOR_SESSION)
		return value;
	return value | (uint64_t)DOOR_ID(door) << 48 |
	       (DOOR_KIND(door) == DOOR_TUNNEL ? SUPPRESS_TUNNEL : 0);
}

static inline void suppress_mac(uint64_t value, uint8_t *mac)
{
	value &= ~SUPPRESS_ROUTER;
	memcpy(mac, &value, 6);
}

/* Of a session: DOOR_SESSION alone. */
static inline door_t suppress_door(uint64_t value)
{
	if ((value & ~SUPPRESS_STATIC) >> 48 == 0)
		return DOOR_SESSION;
	return (value & SUPPRESS_TUNNEL ? DOOR_TUNNEL : DOOR_ATTACHMENT) |
	       (uint16_t)(value >> 48 & 0x3fff);
}

/* Does what the value says agree with the MAC being behind this door? */
static inline bool suppress_is_door(uint64_t value, door_t door)
{
	door_t known = suppress_door(value);

	return known == (known == DOOR_SESSION ? DOOR_KIND(door) : door);
}

#endif
