/* SPDX-License-Identifier: BSD-3-Clause */
/* Next hops of the underlay, (port, address): their MACs, as neighbours are put, and how many
 * paths lead over them. Main thread only. */
#ifndef PIPELINES_UNDERLAY_HOP_H
#define PIPELINES_UNDERLAY_HOP_H

#include "underlay.h"

int hop_init(void); /* 0 or -ENOMEM */
void hop_fini(void);

/* The index of a hop (> 0) with one more path over it; 0: no memory. Given back with hop_give(). */
uint32_t hop_take(uint16_t port, const struct api_ip *address);
void hop_give(uint32_t index);

/* Its MAC; false while there is none. */
bool hop_mac(uint32_t index, struct api_mac_addr *mac);
uint16_t hop_port(uint32_t index);

/* mac NULL: not known any more. Notes the hop as changed if paths lead over it. */
void hop_set_mac(uint16_t port, const struct api_ip *address, const struct api_mac_addr *mac);

/* Did its MAC change since hop_settle()? Until then more than a few changes are told by
 * hop_changes(): 0 none, 1 some, 2 too many to be told apart. */
bool hop_changed(uint32_t index);
int hop_changes(void);
void hop_settle(void);

#endif
