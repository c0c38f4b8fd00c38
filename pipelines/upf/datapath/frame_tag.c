/* SPDX-License-Identifier: BSD-3-Clause */
/* The VLAN tag of an Ethernet session's frames at the UE (session_doors.h). Runs on workers; owns
 * nothing. */
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "datapath.h"
#include "hot.h"

bool session_frame_untag(const struct session_block *s, uint16_t slice, struct rte_mbuf *m)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	int group = session_frame_group(s, slice);

	if (likely(!is_vlan_tag(*(const wire16_t *)(data + 12))))
		return true;
	if (*(const wire16_t *)(data + 12) != RTE_BE16(RTE_ETHER_TYPE_VLAN) ||
		m->data_len < sizeof(struct rte_ether_hdr) + RTE_VLAN_HLEN)
		return false;
	uint16_t vid = rte_be_to_cpu_16(*(const wire16_t *)(data + 14)) & 0xfff;

	if (vid != 0 && (group < 0 || session_group_at(s, group)->vlan != vid))
		return false;
	memmove(data + RTE_VLAN_HLEN, data, 2 * RTE_ETHER_ADDR_LEN);
	rte_pktmbuf_adj(m, RTE_VLAN_HLEN);
	return !is_vlan_tag(*(const wire16_t *)(data + RTE_VLAN_HLEN + 12));
}

bool session_frame_tag(struct rte_mbuf *m, uint16_t vlan)
{
	uint8_t *data = (uint8_t *)rte_pktmbuf_prepend(m, RTE_VLAN_HLEN);

	if (data == NULL)
		return false;
	memmove(data, data + RTE_VLAN_HLEN, 2 * RTE_ETHER_ADDR_LEN);
	*(wire16_t *)(data + 12) = RTE_BE16(RTE_ETHER_TYPE_VLAN);
	*(wire16_t *)(data + 14) = rte_cpu_to_be_16(vlan);
	return true;
}
