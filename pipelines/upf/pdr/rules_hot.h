/* SPDX-License-Identifier: BSD-3-Clause */
/* A compiled rule list. Its filters are entries in order of precedence, a line each; that is the
 * whole of it, and what equality, the scalar scan and doubtful cases go by. The fast forms beside
 * it find candidates: blocks of sixteen entries, field by field (rules_scan.h), and for long lists
 * bitmaps (rules_wide.h). Made by rules.c, rules_classify.c on the main
 * thread; read by rules_classify.c. */
#ifndef UPF_RULES_HOT_H
#define UPF_RULES_HOT_H

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <string.h>

#include "rules.h"
#include "wire.h"

/* What a packet is besides addresses and ports, in one word; filters have a value and a mask. */
#define WORD_PROTO(x) ((uint32_t)(x))
#define WORD_TOS(x)   ((uint32_t)(x) << 8)
#define WORD_QFI(x)   ((uint32_t)(x) << 16)
#define WORD_KEY(x)   ((uint32_t)(x) << 24)

struct rules_entry {
	union {
		struct {
			uint32_t remote[4], local[4];
		};
		struct {
			uint8_t source[6], destination[6]; /* with ENTRY_ETHERNET; zero: any */
			uint16_t vlan, ethertype;	   /* zero: any */
		};
	};
	uint32_t word, word_mask;
	union {
		uint32_t spi;
		uint32_t ranges; /* first of its port ranges, the remote's first */
	};
	uint32_t flow_label;
	uint16_t remote_low, remote_high; /* around all ranges; 0 and 65535 without */
	uint16_t local_low, local_high;
	uint8_t remote_len, local_len;	     /* of the prefixes; 0: any */
	uint8_t remote_ranges, local_ranges; /* in ports[]; 0: the one here */
	uint8_t rule, act;
	uint8_t flags; /* ENTRY_* */
	uint8_t pad;
};
_Static_assert(sizeof(struct rules_entry) == 64, "a line");

#define ENTRY_DENY	 0x01 /* its rule matches by none of its later filters */
#define ENTRY_REMOTE_NOT 0x02
#define ENTRY_LOCAL_NOT	 0x04
#define ENTRY_SPI	 0x08
#define ENTRY_FLOW_LABEL 0x10
#define ENTRY_ETHERNET	 0x20
#define ENTRY_SCAN_DOUBT                                                                           \
	0x40 /* the block says more than the entry: rules_entry_matches() decides */
#define ENTRY_WIDE_DOUBT 0x80 /* likewise the bitmap */

static __rte_always_inline uint32_t key_word(const struct flow_key *key)
{
	return *(const wire32_t *)&key->proto;
}

static __rte_always_inline uint32_t key_ports(const struct flow_key *key)
{
	return *(const wire32_t *)&key->remote_port;
}

/* The bits of word i of an address that a prefix of this length fixes. */
static inline uint32_t prefix_mask(uint32_t len, uint32_t i)
{
	uint32_t bits = len <= 32 * i ? 0 : RTE_MIN(len - 32 * i, 32u);

	return bits == 0 ? 0 : UINT32_MAX << (32 - bits);
}

static inline bool prefix_covers(const uint32_t *prefix, uint32_t len, const uint32_t *address)
{
	for (uint32_t i = 0; 32 * i < len; i++)
		if ((address[i] ^ prefix[i]) & prefix_mask(len, i))
			return false;
	return true;
}

static inline bool ports_in(const struct filter_ports *range, uint32_t n, uint16_t port)
{
	for (uint32_t i = 0; i < n; i++)
		if (port >= range[i].low && port <= range[i].high)
			return true;
	return n == 0;
}

static inline bool entry_matches_frame(const struct rules_entry *e, const struct flow_key *key)
{
	static const uint8_t any[6];

	return (memcmp(e->source, any, 6) == 0 || memcmp(e->source, key->frame + 6, 6) == 0) &&
	       (memcmp(e->destination, any, 6) == 0 ||
		       memcmp(e->destination, key->frame, 6) == 0) &&
	       (e->vlan == 0 || e->vlan == key->vlan) &&
	       (e->ethertype == 0 || e->ethertype == key->ethertype);
}

/* Does the filter match? The definition that the fast forms are held to. */
static inline bool rules_entry_matches(
	const struct rules *r, const struct rules_entry *e, const struct flow_key *key)
{
	if ((key_word(key) ^ e->word) & e->word_mask)
		return false;
	if (e->flags & ENTRY_ETHERNET)
		return entry_matches_frame(e, key);
	if (prefix_covers(e->remote, e->remote_len, key->remote) == !!(e->flags & ENTRY_REMOTE_NOT))
		return false;
	if (prefix_covers(e->local, e->local_len, key->local) == !!(e->flags & ENTRY_LOCAL_NOT))
		return false;
	if (key->remote_port < e->remote_low || key->remote_port > e->remote_high ||
		key->local_port < e->local_low || key->local_port > e->local_high)
		return false;
	if (e->remote_ranges + e->local_ranges > 0 &&
		!(ports_in(&r->ports[e->ranges], e->remote_ranges, key->remote_port) &&
			ports_in(&r->ports[e->ranges + e->remote_ranges], e->local_ranges,
				key->local_port)))
		return false;
	if (e->flags & ENTRY_SPI && (key->spi != e->spi || key->spi == 0))
		return false;
	return !(e->flags & ENTRY_FLOW_LABEL) || key->flow_label == e->flow_label;
}

/* Does it match whatever comes? */
static inline bool rules_entry_is_any(const struct rules_entry *e)
{
	const uint8_t looks =
		ENTRY_REMOTE_NOT | ENTRY_LOCAL_NOT | ENTRY_SPI | ENTRY_FLOW_LABEL | ENTRY_ETHERNET;

	return e->word_mask == 0 && e->remote_len == 0 && e->local_len == 0 && !(e->flags & looks);
}

/* Does it match all packets of the UE's own address? */
static inline bool rules_entry_is_ue(const struct rules_entry *e)
{
	struct rules_entry any = *e;

	any.word_mask ^= WORD_KEY(KEY_ASSIGNED);
	return rules_entry_is_any(&any) && e->word == WORD_KEY(KEY_ASSIGNED) &&
	       !(e->flags & ENTRY_DENY);
}

/* The first entry of the next rule. */
static inline uint32_t rules_next(const struct rules *r, uint32_t entry)
{
	uint8_t rule = r->entry[entry].rule;

	while (entry < r->entries && r->entry[entry].rule == rule)
		entry++;
	return entry;
}

static inline struct rules_result entry_result(const struct rules_entry *e)
{
	return (struct rules_result){.act = e->act, .rule = e->rule};
}

static inline struct rules_result rules_nothing(void)
{
	return (struct rules_result){.act = RULES_NONE, .rule = RULES_NONE};
}

/* Filter by filter. */
static inline struct rules_result rules_scan_scalar(
	const struct rules *r, const struct flow_key *key)
{
	for (uint32_t i = 0; i < r->entries;) {
		if (!rules_entry_matches(r, &r->entry[i], key))
			i++;
		else if (r->entry[i].flags & ENTRY_DENY)
			i = rules_next(r, i);
		else
			return entry_result(&r->entry[i]);
	}
	return rules_nothing();
}

/* ---- main thread ---- */

/* Lists from so many filters on have bitmaps; micro_rules says what pays. */
#ifdef __AVX512BW__
#define RULES_WIDE_FROM 65
#else
#define RULES_WIDE_FROM 33
#endif

#endif
