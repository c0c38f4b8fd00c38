/* SPDX-License-Identifier: BSD-3-Clause */
/* The frame around a GTP-U message of the switch's own that is no peer's tunnel's: back to who sent
 * something. Used by gtpu_control.c alone. */
#ifndef UPF_GTPU_CONTROL_FRAME_H
#define UPF_GTPU_CONTROL_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "hot.h"

#define GTPU_CONTROL_MAX 64u /* bytes of any message sent so */

struct gtpu_sender {
	uint8_t our_mac[6], their_mac[6];
	uint8_t family;
	uint8_t tos;
	uint16_t port_be;	  /* theirs */
	uint8_t us[16], them[16]; /* IPv4 in the first four */
};

/* Who sent m, a UDP packet with its payload at `at`. False: nobody that can be answered (a source
 * address no host has). */
bool gtpu_sender_read(const struct rte_mbuf *m, uint32_t at, struct gtpu_sender *out);

/* Writes the whole frame into m, which is empty. False: no room. */
bool gtpu_frame_write(struct switch_worker *sw, struct rte_mbuf *m, const struct gtpu_sender *to,
	uint16_t port_be, const uint8_t *message, uint32_t len);

#endif
