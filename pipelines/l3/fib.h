/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes: (slice, prefix) → next hop, in compact longest-prefix tables. For l3 slices these are
 * themselves the store of `route` objects: nothing else is kept per route. What else is in these
 * tables is the switch's own: connected networks, gateway addresses, neighbours (as host routes).
 * Slice 0 is VRF 0, the underlay, in which the paths of tunnels are resolved (underlay.h).
 * Main thread only; workers look up slices in fib4 and fib6 (l3.h). RFC 1812, RFC 8200. */
#ifndef PIPELINES_FIB_H
#define PIPELINES_FIB_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lpm.h"
#include "nexthop.h"
#include "types.h"

/* Who put an entry. Of the same prefix a gateway goes before a route, a route before a neighbour.
 */
enum fib_owner { FIB_NONE, FIB_GATEWAY, FIB_CONNECTED, FIB_ROUTE, FIB_NEIGHBOR, FIB_SESSION };

struct fib_entry {
	uint16_t slice;
	struct api_ip prefix;
	uint32_t nexthop;
	enum fib_owner owner;
};

int fib_init(void);
void fib_fini(void);

#define VRF_UNDERLAY 0

/* Room for `count` more entries of this family, on top of what is reserved already: 0, -ENOSPC or
 * -ENOMEM. The underlay has room of its own (LIMIT_ROUTES), all slices share theirs. A transaction
 * reserves one for each route it puts while it is checked; fib_route_set() uses one up (also when
 * it only replaces), fib_release() gives back what is not used. */
int fib_reserve(uint16_t slice, uint8_t family, uint32_t count);
void fib_release(uint16_t slice, uint8_t family, uint32_t count);

/* Routes. set takes over one use of `nexthop` (nexthop_take) and gives back that of the entry it
 * replaces; unset gives it back. set cannot fail after fib_reserve. unset: 0 or -ENOENT. A
 * neighbour with that very address comes back by itself when a host route goes. */
void fib_route_set(uint16_t slice, const struct api_ip *prefix, uint32_t nexthop);
int fib_route_unset(uint16_t slice, const struct api_ip *prefix);
/* The route with exactly this prefix: its next hop, 0 when there is none. */
uint32_t fib_route_get(uint16_t slice, const struct api_ip *prefix);

/* What stands at exactly this prefix: FIB_NONE when nothing does. */
enum fib_owner fib_owner_of(uint16_t slice, const struct api_ip *prefix);

/* Entries of the switch's own, same rules of ownership of `nexthop`; used by gateway.c and
 * neighbor.c. A neighbour's is not entered (and given back) where a route stands: false. */
bool fib_own_set(
	uint16_t slice, const struct api_ip *prefix, uint32_t nexthop, enum fib_owner owner);
void fib_own_unset(uint16_t slice, const struct api_ip *prefix, enum fib_owner owner);

/* What sessions put (FIB_SESSION): a UE's prefix → SESSION_PREFIX(index, group), see upf/. set of a
 * new prefix needs a room of fib_reserve(), which stays the caller's to release. get: 0, no
 * session's. A neighbour of that address gives way and does not come back by itself. */
void fib_session_set(uint16_t slice, const struct api_ip *prefix, uint32_t value);
void fib_session_unset(uint16_t slice, const struct api_ip *prefix);
uint32_t fib_session_get(uint16_t slice, const struct api_ip *prefix);

/* What a packet to `address` would find: index of the next hop, 0: none. *len: bits of the prefix.
 */
uint32_t fib_lookup(uint16_t slice, const struct api_ip *address, uint8_t *len);

/* Routes (FIB_ROUTE) of a slice, and of all l3 slices; entries of all kinds of these. */
uint32_t fib_slice_routes(uint16_t slice);
uint32_t fib_routes(void);
uint32_t fib_count(uint8_t family);
/* Bytes held for both tables and all that belongs to them. */
uint64_t fib_memory_bytes(void);

/* Up to max entries of the slice (0: of all slices) and of a family after *cursor (zeroed at first;
 * its `done` is set after the last), in the order of slice, prefix, length; returns how many. An
 * entry that stays is seen once. */
uint32_t fib_iterate(uint8_t family, uint16_t slice, struct lpm_cursor *cursor,
	struct fib_entry *out, uint32_t max);

/* ---- where a page ends, as words that a client can carry: the entry that came last ---- */

#define FIB_CURSOR_WORDS 3 /* all 0: at the start, and again at the end */

#define FIB_CURSOR_STARTED (1ull << 24)
#define FIB_CURSOR_SET	   (1ull << 25)

/* fib_iterate() from such words on; words that are no place of a table are the end. */
static inline uint32_t fib_page(
	uint8_t family, uint16_t slice, uint64_t *words, struct fib_entry *out, uint32_t max)
{
	struct lpm_cursor cursor = {.started = words[0] & FIB_CURSOR_STARTED,
		.slice = words[0] >> 8,
		.length = words[0] & 0xff};
	uint8_t bits = family == 4 ? 32 : 128;
	uint32_t n = 0;

	memcpy(cursor.prefix, words + 1, sizeof(cursor.prefix));
	for (uint32_t bit = cursor.length; bit < 128; bit++) /* a client may say anything */
		cursor.prefix[bit / 8] &= ~(0x80 >> bit % 8);
	cursor.done = words[0] >> 26 != 0 || cursor.slice > LIMIT_SLICES || cursor.length > bits;
	if (!cursor.done)
		n = fib_iterate(family, slice, &cursor, out, max);
	memset(words, 0, FIB_CURSOR_WORDS * sizeof(*words));
	if (cursor.done)
		return n;
	words[0] = FIB_CURSOR_SET | (cursor.started ? FIB_CURSOR_STARTED : 0) |
		   (uint32_t)cursor.slice << 8 | cursor.length;
	memcpy(words + 1, cursor.prefix, sizeof(cursor.prefix));
	return n;
}

#endif
