/* SPDX-License-Identifier: BSD-3-Clause */
/* Between neighbor.c and neighbor_state.c, on the main thread: what one host of an l3 slice can be
 * made to do. */
#ifndef PIPELINES_NEIGHBOR_STATE_H
#define PIPELINES_NEIGHBOR_STATE_H

#include "neighbor_table.h"

/* Seconds and tenths of a second, never 0. */
uint32_t neighbor_clock_s(void);
uint32_t neighbor_clock_tick(void);

bool node_has_mac(const struct node *n);

/* Its MAC, or (NULL) that it has none, and whether that is because it does not answer: its next hop
 * and its host route follow. */
void neighbor_publish(struct node *n, const struct api_mac_addr *mac, bool dead);
/* Its host route alone: entered where the address is on its attachment's network and no route is in
 * its place. */
void neighbor_fib_enter(const struct node *n);
void neighbor_fib_leave(const struct node *n);

/* Into this state (INCOMPLETE, STALE), with the first question. */
void neighbor_begin_asking(uint32_t node, enum neighbor_state state);
void node_forget(uint32_t node);

#endif
