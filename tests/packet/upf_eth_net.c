/* SPDX-License-Identifier: BSD-3-Clause */
/* UEs that send frames (upf_eth_net.h). */
#include "upf_eth_net.h"

#include <stdio.h>
#include <string.h>

static const struct spec eth_udp = {.ip = 4, .saddr = 1, .daddr = 2, .payload = 60};

const char *eth_action_up, *eth_action_down;

void eth_setup(void)
{
	upf_setup();
	rig_upf_slice("red", net.red);
	rig_upf_slice("blue", net.blue);
	eth_action_up = eth_action_down = "forward";
	rig_begin();
}

const char *eth_session_json(
	const char *name, const char *slice, uint32_t teid, const char *up, const char *down)
{
	static char text[2048];

	snprintf(text, sizeof(text),
		"{'name':'%s','slice':'%s',"
		"'pdrs':[{'id':1,'precedence':10,'source':'access','gtpu':'n3',"
		"'outer_header_removal':0,'far':1%s},"
		"{'id':2,'precedence':10,'source':'core','far':2%s}],"
		"'fars':[{'id':1,'action':'%s','destination':'core'},"
		"{'id':2,'action':'%s','destination':'access',"
		"'outer_header':{'teid':%u,'peer':'198.18.0.2'}}]}",
		name, slice, up, down, eth_action_up, eth_action_down, teid);
	return text;
}

void eth_session(const char *name, const char *slice, uint32_t teid)
{
	rig_sessions(eth_session_json(name, slice, teid, "", ""));
}

/* A eth_frame that does: dst and src by MAC, of 14 + 20 + 8 + 60 bytes. */
void eth_frame(struct pkt *p, uint64_t dst, uint64_t src)
{
	struct spec s = eth_udp;

	s.dst = dst;
	s.src = src;
	build(p, &s);
}

void eth_ue_sends(const char *name, const struct pkt *p)
{
	struct gtpu g = from_gnb(rig_teid(name, 1));

	build_gtpu_raw(&c_pkt, &g, p->b, p->len);
	rig_begin();
	rig_send(net.wan, &c_pkt, 1);
}

/* How often what left is this eth_frame for this TEID of the gNB. */
uint32_t eth_count_ue(uint32_t teid, const struct pkt *want)
{
	static struct gtpu_seen s;
	uint32_t n = 0;

	for (uint32_t i = 0; i < rig.outs && i < OUTS_MAX; i++)
		n += rig_out[i].port == net.wan && gtpu_parse(&rig_out[i].pkt, &s) &&
		     s.teid == teid && s.inner.len == want->len + 14 &&
		     memcmp(s.inner.b + 14, want->b, want->len) == 0;
	return n;
}

void expect_eth_ue(const char *what, uint32_t teid, const struct pkt *want)
{
	ck_assert_msg(rig.outs == 1 && rig.drops == 0, "%s: %u left, %lu drops", what, rig.outs,
		rig.drops);
	ck_assert_msg(
		eth_count_ue(teid, want) == 1, "%s: another eth_frame, or to another TEID", what);
}

void eth_tag(struct pkt *out, const struct pkt *p, uint16_t tpid, uint16_t tci)
{
	memcpy(out->b, p->b, 12);
	put16(out->b + 12, tpid);
	put16(out->b + 14, tci);
	memcpy(out->b + 16, p->b + 12, p->len - 12);
	out->len = p->len + 4;
}

void eth_two_in_red(void)
{
	eth_session("a", "red", 0x11);
	eth_session("b", "red", 0x12);
	eth_frame(&a_pkt, HOST_A, UE_A);
	eth_ue_sends("a", &a_pkt);
	eth_frame(&a_pkt, HOST_A, UE_B);
	eth_ue_sends("b", &a_pkt);
	rig_poll();
}

door_t eth_door_of(uint16_t slice, uint64_t mac)
{
	struct api_mac_addr address = rig_mac_addr(mac);
	struct fdb_entry e;

	return fdb_get(slice, &address, &e) == 0 ? e.door : 0;
}
