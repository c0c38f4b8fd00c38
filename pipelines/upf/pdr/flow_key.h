/* SPDX-License-Identifier: BSD-3-Clause */
/* A packet's flow key (rules.h): what filters look at, taken from the packet once. Workers.
 *
 * Protocol and ports are those of RFC 791 and RFC 8200's chain: at most FLOW_KEY_HEADERS extension
 * headers are passed by; ESP and AH end the chain with their SPI. Ports only of whole packets and
 * first fragments. What is cut off is not there; nothing past len, or past what the IP header says
 * is the packet's, is looked at. */
#ifndef UPF_FLOW_KEY_H
#define UPF_FLOW_KEY_H

#include <netinet/in.h>
#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>

#include "rules.h"
#include "wire.h"

#define FLOW_KEY_HEADERS 8

/* As flow_key_of(), for any packet: called by it for those that are not plain. */
void flow_key_any(const uint8_t *ip, uint32_t len, bool uplink, struct flow_key *key);
/* An Ethernet frame, first byte its destination MAC: tags (802.1Q, 802.1ad; at most two are passed
 * by) and ethertype. Less than 14 bytes: no flag is set. */
void flow_key_of_frame(const uint8_t *frame, uint32_t len, struct flow_key *key);

/* Whole TCP and UDP over IPv4 without options. */
static __rte_always_inline bool flow_key_is_plain(const uint8_t *ip, uint32_t len)
{
	const uint64_t plain = 1u << IPPROTO_TCP | 1u << IPPROTO_UDP;

	return len >= 24 && ip[0] == 0x45 && ip[9] < 64 && (plain >> ip[9] & 1) &&
	       (*(const wire16_t *)(ip + 6) & RTE_BE16(0x3fff)) == 0 &&
	       rte_be_to_cpu_16(*(const wire16_t *)(ip + 2)) >= 24;
}

/* ip: the first byte of the IP header; len: bytes there. uplink: the source is the UE's end. qfi is
 * QFI_NONE and KEY_ASSIGNED not set. No flag is set when the fixed header is not there. */
static __rte_always_inline void flow_key_of(
	const uint8_t *ip, uint32_t len, bool uplink, struct flow_key *key)
{
	if (unlikely(!flow_key_is_plain(ip, len))) {
		flow_key_any(ip, len, uplink, key);
		return;
	}
	uint32_t source = rte_be_to_cpu_32(*(const wire32_t *)(ip + 12));
	uint32_t destination = rte_be_to_cpu_32(*(const wire32_t *)(ip + 16));
	uint32_t ports = rte_be_to_cpu_32(*(const wire32_t *)(ip + 20)); /* source << 16 | dest. */

	key->remote[0] = uplink ? destination : source;
	key->local[0] = uplink ? source : destination;
	key->remote_port = uplink ? ports : ports >> 16;
	key->local_port = uplink ? ports >> 16 : ports;
	key->proto = ip[9];
	key->tos = ip[1];
	key->qfi = QFI_NONE;
	key->flags = KEY_V4 | KEY_PORTS;
	key->flow_label = 0;
	key->spi = 0;
	key->frame = NULL;
}

#endif
