/* SPDX-License-Identifier: BSD-3-Clause */
/* The store under neighbor.c, on the main thread: hosts on attachments of l3 slices by (slice,
 * attachment, address), their timers, and the bounds that keep one slice's hosts from taking
 * another's room. */
#ifndef PIPELINES_NEIGHBOR_TABLE_H
#define PIPELINES_NEIGHBOR_TABLE_H

#include "neighbor.h"

#define ASKING_MAX   1024 /* hosts without a MAC that no route names, in the box */
#define ASKING_SLICE 256  /* of one slice */

enum node_class {
	NODE_ASKING,  /* wanted by traffic, no MAC: at most ASKING_MAX */
	NODE_DYNAMIC, /* has a MAC: at most the slice's max_macs */
	NODE_KEPT     /* static, or a route's gateway */
};

struct node {
	struct api_ip address;
	struct api_mac_addr mac; /* all zero: not known */
	uint16_t slice, attachment;
	uint8_t state; /* enum neighbor_state */
	uint8_t class; /* enum node_class */
	uint8_t tries; /* asked so often since the last answer */
	bool timed;
	uint32_t nexthop; /* one use of it is the node's; 0: none */
	uint32_t wants;	  /* by routes */
	uint32_t due;	  /* tick */
	uint32_t confirmed_s;
	uint32_t chain;		/* next of the same hash, or of the free ones */
	uint32_t later, sooner; /* in its slot of the wheel */
	uint32_t next, prev;	/* on its attachment */
	uint32_t asking;	/* its place among those */
};

extern struct node *nodes; /* [0] is none */
extern uint32_t node_top;  /* no index at or above was ever used */

/* tick: tenths of a second, now. */
int nodes_init(uint32_t tick);
void nodes_fini(void);

/* 0: none. */
uint32_t node_find(uint16_t slice, uint16_t attachment, const struct api_ip *address);
/* A new one of a class, within its bounds; 0: refused (counted). NODE_KEPT takes the room of a
 * dynamic one when there is none, by `evict`. */
uint32_t node_new(uint16_t slice, uint16_t attachment, const struct api_ip *address,
	enum node_class class, void (*evict)(uint32_t node));
/* Moves it to another class, within the bounds; false: refused (counted), nothing changed. */
bool node_reclass(uint32_t node, enum node_class class, void (*evict)(uint32_t node));
void node_free(uint32_t node);

/* Fires once, after so many tenths of a second (1 to 500); replaces what was set. */
void node_timer(uint32_t node, uint32_t tenths);
void node_timer_stop(uint32_t node);
/* Nodes that are due until `tick`, at most max, by fire (which may free them). */
void nodes_run(uint32_t tick, uint32_t max, void (*fire)(uint32_t node));
/* First of an attachment; node_next_on: the one after. 0 at the end. */
uint32_t node_first_on(uint16_t attachment);
uint32_t node_next_on(uint32_t node);

uint32_t nodes_count(void);
uint32_t nodes_in_slice(uint16_t slice);
uint32_t nodes_refused(void);
uint32_t nodes_kept_room(void);

#endif
