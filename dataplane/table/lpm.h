/* SPDX-License-Identifier: BSD-3-Clause */
/* Longest-prefix-match table: the IPv4 or the IPv6 routes of every slice. Bulk lookup for
 * workers, one writer (the main thread). Owns the routes: no other record of them is needed,
 * since they are found, counted and listed here exactly.
 *
 * A slice's routes are a trie of 64-way nodes. A node holds the routes whose last bit lies in its
 * six bits (a bitmap and an array of values) and its children (a bitmap and an array of 32-byte
 * slots); a slot skips bits in which nothing differs, and a subtree of one route is a single slot
 * that holds the whole prefix. A slice with many routes has an array over the first bits in front,
 * whose entries also hold what the routes shorter than that say.
 *
 * Nodes never change once they are published. A new or deleted route copies the nodes from its own
 * up to the root of its slice (or to its array entry), and one store of 8 bytes publishes all of
 * it: a lookup sees the table before or after a change and nothing between. What was replaced is
 * reused after a grace period, in batches.
 *
 * Measured, all three without SIMD, beside hashed (slice, length, prefix) entries with all lengths
 * tried from the longest on, or a binary search over them by markers (cycles a lookup, trie /
 * linear / binary): 100,000 IPv4 routes of mixed length 53 / 177 / 243, IPv6 135 / 589 / 572; a
 * million 78 / 429 / 488 and 169 / 1536 / 907; 4,000 slices of 25 83 / 166 / 182 and 105 / 307 /
 * 198. Markers took 114 bytes an IPv6 route. Hashing wins only where all routes are IPv6 hosts
 * (95 / 78 / 67). With AVX-512 the trie takes about 25 and 70 for 100,000. bench/micro_lpm.c */
#ifndef TABLE_LPM_H
#define TABLE_LPM_H

#include <rte_common.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LPM_BULK       64    /* the most addresses of one bulk lookup */
#define LPM_SLICES     16384 /* slice ids; 0 is the underlay, which a scan of all leaves out */
#define LPM_PAGE_UNITS 256   /* units of 32 bytes in a page of the pool */
#define LPM_CLASSES    31    /* sizes of blocks */

struct lpm_slot;
struct lpm_page;
struct lpm_batch;

/* Memory of the nodes: an address range, of which pages of 8 KiB are taken as they are needed. */
struct lpm_pool {
	struct lpm_page *page; /* [max_pages] */
	uint32_t max_pages;
	uint32_t usable_pages;	       /* the kernel has given */
	uint32_t next_page;	       /* never used from here on */
	uint32_t free_page;	       /* list of empty ones; 0: none */
	uint32_t free_pages;	       /* its length */
	uint32_t partial[LPM_CLASSES]; /* lists of those with room */
	struct lpm_batch *batch;       /* replaced blocks, to wait for a grace period */
	uint32_t waiting;	       /* units in batches that wait */
};

struct lpm_table {
	/* line 0: read per burst */
	uint64_t *root;	       /* [LPM_SLICES] address of a slot, or of an array and its kind in the
				  low bits; 0: no routes. Release store in lpm.c, acquire load in
				  lpm_lookup.c */
	struct lpm_slot *slot; /* the pool; slot 0 is none */
	/* line 1: the writer's */
	uint32_t *routes __rte_cache_aligned; /* [LPM_SLICES] */
	uint32_t count;
	uint32_t max_routes;
	uint32_t address_bits;
	uint64_t array_bytes;
	struct lpm_pool pool;
	const char *name;
} __rte_cache_aligned;

/* Where a scan stands: zeroed before the first call; done after the last. */
struct lpm_cursor {
	bool done;
	bool started;
	uint8_t length;
	uint16_t slice;
	uint8_t prefix[16];
};

/* address_bits 32 or 128. Takes memory as routes come, not from DPDK's heap. 0, -EINVAL or -ENOMEM.
 * Main thread. */
int lpm_init(struct lpm_table *t, const char *name, uint32_t address_bits, uint32_t max_routes);
/* No reader may be left; waits for what is deferred. */
void lpm_fini(struct lpm_table *t);

/* After it the next n puts of new routes succeed: 0, -ENOSPC (more than max_routes), -ENOMEM (the
 * kernel refuses the address space). Deletions in between only make room. Main thread. */
int lpm_reserve(struct lpm_table *t, uint32_t n);

/* prefix: address_bits / 8 bytes as they lie in a packet; bits beyond length are ignored. Main
 * thread, all of these.
 *
 * Adds a route or replaces its value (never 0): 1 created, 0 updated, -EINVAL (slice, length or
 * value out of range), -ENOSPC, -ENOMEM. */
int lpm_put(
	struct lpm_table *t, uint16_t slice, const uint8_t *prefix, uint8_t length, uint32_t value);
/* 0, -ENOENT, -EINVAL. Needs memory to copy nodes into, which puts leave to it: -ENOMEM would mean
 * that it was not enough, and nothing has changed. */
int lpm_delete(struct lpm_table *t, uint16_t slice, const uint8_t *prefix, uint8_t length);
/* Deletes all routes of a slice at once; how many there were. */
uint32_t lpm_clear(struct lpm_table *t, uint16_t slice);
/* The value of exactly this route, or 0. */
uint32_t lpm_get(const struct lpm_table *t, uint16_t slice, const uint8_t *prefix, uint8_t length);
/* The value of the longest route of at most max_length bits that covers the address, and its
 * length; 0 when there is none. */
uint32_t lpm_find_covering(const struct lpm_table *t, uint16_t slice, const uint8_t *address,
	uint8_t max_length, uint8_t *length);

/* Calls visit for at most max_routes routes after the cursor, of one slice or (slice 0) of all but 0, in
 * the order of slice, prefix, length. Between calls the table may change: a route that stays is
 * seen once. visit must not change the table. cursor->done after the last. */
typedef void (*lpm_visit)(
	uint16_t slice, const uint8_t *prefix, uint8_t length, uint32_t value, void *arg);
void lpm_scan(const struct lpm_table *t, uint16_t slice, struct lpm_cursor *cursor,
	uint32_t max_routes, lpm_visit visit, void *arg);

uint32_t lpm_count(const struct lpm_table *t);
uint32_t lpm_count_slice(const struct lpm_table *t, uint16_t slice);
/* Memory of all kinds, touched at some time and not given back. */
uint64_t lpm_bytes(const struct lpm_table *t);

/* ---- readers: any registered RCU reader, online ---- */

/* The values of the longest matches of n <= LPM_BULK addresses, each in its slice (< LPM_SLICES); 0
 * where no route covers it. Addresses in host order; IPv6 as its upper and lower 64 bits. */
void lpm_lookup4_bulk(const struct lpm_table *t, const uint16_t *slice, const uint32_t *address,
	uint32_t n, uint32_t *value);
void lpm_lookup6_bulk(const struct lpm_table *t, const uint16_t *slice,
	const uint64_t (*address)[2], uint32_t n, uint32_t *value);

#endif
