/* SPDX-License-Identifier: BSD-3-Clause */
/* Classification: which PDR of a group a packet meets. A rule list is the group's PDRs in order of
 * precedence with their filters; equal lists are stored and compiled once and counted (rules_take).
 * Short ones are scanned, sixteen filters at a time; long ones go through rte_acl. The main thread
 * makes them; workers read. */
#ifndef UPF_RULES_H
#define UPF_RULES_H

#include <stdbool.h>
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

/* What is looked at of a packet. Addresses and ports in host order; remote is the network's end. */
struct flow_key {
	uint32_t remote[4];		  /* IPv4 in [0] */
	uint32_t local[4];		  /* the UE's end */
	uint16_t remote_port, local_port; /* 0 without ports */
	uint8_t proto;			  /* IPv6: of the upper header */
	uint8_t tos;
	uint8_t family; /* 4, 6; 0: not IP (Ethernet sessions) */
	uint8_t flags;	/* KEY_* */
	uint8_t qfi;	/* QFI_NONE: came without */
	uint32_t flow_label;
	uint32_t spi;	      /* of ESP or AH; 0: neither */
	const uint8_t *frame; /* Ethernet sessions: the frame */
};
#define KEY_PORTS    0x01 /* ports are there: not so in later fragments */
#define KEY_ASSIGNED 0x02 /* the local end is the UE's own address (checked by session_owns) */

/* The list with these rules: its index (> 0) with one use taken; -ENOMEM, -ENOSPC. Main thread. */
int rules_take(const struct rule *rule, uint32_t n, uint32_t *index);
/* Gives a use back; the memory goes after a grace period. Main thread. */
void rules_give(uint32_t index);
int rules_init(void);
void rules_fini(void);
/* Lists, filters in them, bytes held. */
void rules_count(uint32_t *lists, uint32_t *filters, uint64_t *bytes);

struct rules;			 /* rules_hot.h */
extern struct rules **rules_hot; /* by index; main: release store before any block names it */

/* Does the list need to look at the packet at all? Not when its first rule takes everything. */
bool rules_is_trivial(const struct rules *r);

/* n <= BURST_MAX packets, each with its own list. Workers. */
void rules_classify(const struct rules *const *rules, const struct flow_key *key, uint32_t n,
	struct rules_result *result);

#endif
