/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosts that are asked for, and answer: for the tests of neighbours, on host_net.h. */
#ifndef TESTS_NEIGHBOR_NET_H
#define TESTS_NEIGHBOR_NET_H

#include "host_net.h"
#include "neighbor.h"

extern const char *const host_names[2]; /* one of each family */

void hosts_send_to(const char *to);
/* The packet to an address of lan2 leaves to this MAC. */
void expect_host_delivered(const char *what, const char *to, uint64_t mac);
void expect_host_asked(const char *what, const char *to);
/* The question for an address of lan2 as it should be on the wire; mac 0: to everybody. */
void host_question(struct pkt *p, const char *target, uint64_t mac);
void host_answers(const char *address, uint64_t mac);
int host_state(const char *address);

#endif
