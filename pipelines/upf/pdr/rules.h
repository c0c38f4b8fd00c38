/* SPDX-License-Identifier: BSD-3-Clause */
/* Classification: which PDR of a group a packet meets. A rule list is the group's PDRs in order of
 * precedence with their filters; equal lists are stored and compiled once and counted (rules_take).
 * Short ones are scanned, sixteen filters at a time; long ones have bitmaps by field. The main
 * thread makes them; workers read.
 *
 * Measured by bench/micro_rules (cycles a packet in bursts of 32, its key of 6 and 14 cycles
 * included; random packets of which seven in eight match a filter of the list; an otherwise idle
 * CPU of an EPYC with AVX-512), and what building takes the main thread once for all equal lists:
 *
 *   filters            1    16    64   128   256  1000  4096
 *   IPv4, scanned     22    22    64    88   123   318  1809
 *   IPv4, bitmaps     36    39    45    50    56    80   181
 *   IPv6, scanned     42    44    75   125   228  1079  4422
 *   IPv6, bitmaps     64    74    83    92   104   169   331
 *   building, ms    0.01  0.01   0.1   0.2   0.4   1.6    11
 *   KiB                1     2    43    58    88   339  4063
 *
 * rte_acl on the IPv4 filters: 33 to 38 cycles up to 1,000 filters, 67 for 4,096, but without
 * `assigned`, QFI, TOS, `!` and a second range of ports, which multiply its rules; and building
 * takes it 21 ms for 1,000 filters and 129 ms for 4,096, in which the main thread would answer
 * nobody. */
#ifndef UPF_RULES_H
#define UPF_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter.h"
#include "types.h"

/* One PDR as compilation wants it. Filters that name the UE's own address as their local end have
 * been made `assigned` by the caller, so that sessions share. */
struct rule {
	uint8_t act;	    /* number of its act in the group, in order of first appearance */
	uint8_t qfi;	    /* QFI_NONE: any */
	uint16_t n_filters; /* 0: any packet */
	uint16_t n_ethernet;
	const struct filter *filter;
	const struct api_ethernet_filter *ethernet;
};

struct rules_result {
	uint8_t act;  /* RULES_NONE: no PDR matched */
	uint8_t rule; /* which one matched: its place in the order of precedence */
};
#define RULES_NONE 255

/* What is looked at of a packet: one line, made by flow_key.h. Addresses and ports in host order;
 * remote is the network's end. The caller adds qfi and KEY_ASSIGNED. */
struct flow_key {
	uint32_t remote[4]; /* IPv4 in [0]; what the family does not use may be anything */
	uint32_t local[4];  /* the UE's end */
	uint16_t remote_port, local_port; /* 0 without ports */
	uint8_t proto;			  /* IPv6: of the upper header */
	uint8_t tos;
	uint8_t qfi;   /* QFI_NONE: came without */
	uint8_t flags; /* KEY_* */
	uint32_t flow_label;
	uint32_t spi;	      /* of ESP or AH; 0: neither */
	uint16_t vlan;	      /* Ethernet sessions: VID of the outermost tag; 0: none */
	uint16_t ethertype;   /* after the tags, host order */
	const uint8_t *frame; /* with KEY_FRAME: its MAC addresses */
};
_Static_assert(sizeof(struct flow_key) == 64, "a line");
_Static_assert(
	offsetof(struct flow_key, flags) == offsetof(struct flow_key, proto) + 3 &&
		offsetof(struct flow_key, local_port) == offsetof(struct flow_key, remote_port) + 2,
	"compared by the word");

#define KEY_PORTS    0x01 /* ports are there: not so in later fragments */
#define KEY_ASSIGNED 0x02 /* the local end is the UE's own address (checked by session_owns) */
#define KEY_V4	     0x04
#define KEY_V6	     0x08
#define KEY_FRAME    0x10 /* Ethernet sessions: a frame */

/* Filters of one list, those after one that takes everything not counted. */
#define RULES_MAX_FILTERS 8192

/* The list with these rules (at most 255): its index (> 0) with one use taken; -ENOMEM, -ENOSPC (a
 * list too long, too many lists). n may be 0. What rule points to is not kept. Main thread. */
int rules_take(const struct rule *rule, uint32_t n, uint32_t *index);
/* Gives a use back, after no block that workers can find names it; memory and index are used again
 * after a grace period. 0: nothing. Main thread. */
void rules_give(uint32_t index);
int rules_init(void);
void rules_fini(void);
/* Lists, filters in them, bytes held. Main thread. */
void rules_count(uint32_t *lists, uint32_t *filters, uint64_t *bytes);

/* The next list in use with a larger index; 0: none. Main thread. */
uint32_t rules_after(uint32_t index);
/* Another one for another list, whatever its index. Main thread. */
uint64_t rules_hash(uint32_t index);

/* Read per packet: the rest is in rules_hot.h. */
struct rules {
	uint8_t form;		    /* enum rules_form */
	struct rules_result result; /* RULES_TRIVIAL: of every packet; with of_ue, see there */
	bool of_ue; /* the first rule takes every packet whose local end is the UE's own */
	uint16_t entries;
	uint16_t blocks;
	const struct rules_entry *entry;  /* in order */
	const struct filter_ports *ports; /* of ends with several ranges */
	const struct scan_block *block;	  /* of 16 entries each */
	const struct scan_block6 *block6; /* NULL: no filter looks at more than 32 bits */
	struct rules_wide *wide;	  /* of a long list, else NULL */
};

enum rules_form {
	RULES_TRIVIAL, /* the first rule takes everything (or there is none) */
	RULES_SCAN,    /* sixteen filters at a time */
	RULES_WIDE     /* a long list: bitmaps by field */
};

extern struct rules **rules_hot; /* by index; main: release store before any block names it */

/* Need the packet not be looked at? When the first rule takes everything: r->result is it, and the
 * key may be left unmade. */
static inline bool rules_is_trivial(const struct rules *r)
{
	return r->form == RULES_TRIVIAL;
}

/* Likewise when it is known that the packet is the UE's: KEY_ASSIGNED would be set. What most SMFs
 * send is `permit out ip from any to assigned`. */
static inline bool rules_is_trivial_for_ue(const struct rules *r)
{
	return r->form == RULES_TRIVIAL || r->of_ue;
}

/* n <= BURST_MAX packets, each with its own list. Runs of packets with the same one cost less.
 * Workers, online in RCU. */
void rules_classify(const struct rules *const *rules, const struct flow_key *key, uint32_t n,
	struct rules_result *result);

#endif
