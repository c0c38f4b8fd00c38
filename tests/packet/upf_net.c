/* SPDX-License-Identifier: BSD-3-Clause */
/* The user plane's topology (upf_net.h), and main(). */
#include "upf_net.h"

#include <stdio.h>
#include <string.h>

#include "amid.h"

struct upf_net un;
struct pkt in_pkt, want_pkt;
struct gtpu_seen seen;
static struct pkt tmp;

static void l3_door(uint16_t slice, uint16_t attachment, const char *const *gateway,
	const char *const *host, uint64_t mac)
{
	for (int i = 0; i < 2; i++) {
		rig_gateway(slice, attachment, gateway[i]);
		rig_l3_neighbor(slice, attachment, host[i], mac);
	}
}

static void slices(void)
{
	static const char *const gateway[2][2] = {
		{"10.0.0.254/24", "fd00::fe/64"}, {"10.1.0.254/24", "fd01::fe/64"}};
	static const char *const host[2][2] = {{"10.0.0.1", "fd00::1"}, {"10.1.0.1", "fd01::1"}};
	struct l3_via via = rig_via_tunnel(net.t2, 0x02000000a002, 1);

	un.internet = rig_l3_slice(300);
	un.edge = rig_l3_slice(310);
	un.other = rig_l3_slice(400);
	un.internet_lan = rig_attachment(un.internet, net.lan, 30);
	un.other_lan = rig_attachment(un.other, net.lan, 40);
	un.edge_lan2 = rig_attachment(un.edge, net.lan2, 31);
	l3_door(un.internet, un.internet_lan, gateway[0], host[0], HOST_A);
	l3_door(un.other, un.other_lan, gateway[0], host[0], HOST_A);
	l3_door(un.edge, un.edge_lan2, gateway[1], host[1], HOST_B);
	member_set(un.internet, net.t2);
	rig_l3_route(un.internet, "10.2.0.0/16", &via, 1);
	rig_upf_forget();
	rig_upf_slice("internet", un.internet);
	rig_upf_slice("edge", un.edge);
	rig_upf_slice("other", un.other);
}

void upf_setup(void)
{
	net_setup();
	slices();
	rig_neighbor(net.wan, "198.18.0.3", UPF2);
	rig_neighbor(net.wan, "2001:db8::3", UPF26);
	rig_gtpu("n3", "198.18.0.1", INTERFACE_ACCESS);
	rig_gtpu("n3v6", "2001:db8::1", INTERFACE_ACCESS);
	rig_gtpu("n9", "198.18.0.9", INTERFACE_CORE);
	rig_gtpu("n9v6", "2001:db8::9", INTERFACE_CORE);
	rig_begin();
}

void upf_teardown(void)
{
	amid_over();
	net_teardown();
}

void upf_turns(void)
{
	for (int i = 0; i < 4; i++) {
		upf_poll();
		rig_advance(0.002);
		rig_poll();
	}
}

void upf_session(const char *name, const char *slice, const char *ue, const char *extra)
{
	bool v6 = strchr(ue, ':') != NULL;
	char text[2048];

	snprintf(text, sizeof(text),
		"{'name':'%s','slice':'%s','ue':{'%s':'%s%s'},"
		"'pdrs':[{'id':1,'precedence':100,'source':'access','gtpu':'n3',"
		"'outer_header_removal':0,'far':1,'qers':[1],'urrs':[1]},"
		"{'id':2,'precedence':100,'source':'core','far':2,'qers':[1],'urrs':[1]}],"
		"'fars':[{'id':1,'action':'forward','destination':'core'},"
		"{'id':2,'action':'forward','destination':'access',"
		"'outer_header':{'teid':4097,'peer':'198.18.0.2'}}],"
		"'qers':[{'id':1,'qfi':9}],"
		"'urrs':[{'id':1,'measure':['volume']}]%s}",
		name, slice, v6 ? "ipv6" : "ipv4", ue, v6 ? "/64" : "", extra);
	rig_sessions(text);
}

struct gtpu from_gnb(uint32_t teid)
{
	return (struct gtpu){.dst = rig_port_mac(net.wan),
		.src = GNB,
		.from = "198.18.0.2",
		.to = "198.18.0.1",
		.teid = teid,
		.psc = true,
		.psc_ul = true,
		.qfi = 9};
}

void send_up(uint32_t teid, const char *from, const char *to)
{
	struct ip_packet i = {.from = from, .to = to, .payload = 60};
	struct gtpu g = from_gnb(teid);

	build_ip(&in_pkt, &i);
	build_gtpu(&tmp, &g, &in_pkt);
	rig_begin();
	rig_send(net.wan, &tmp, 1);
}

/* Puts an 802.1Q tag in. */
static void tag(struct pkt *out, const struct pkt *p, uint16_t vlan)
{
	memcpy(out->b, p->b, 12);
	put16(out->b + 12, 0x8100);
	put16(out->b + 14, vlan);
	memcpy(out->b + 16, p->b + 12, p->len - 12);
	out->len = p->len + 4;
}

void send_down(const char *from, const char *to, uint32_t payload)
{
	struct ip_packet i = {.dst = rig_l3_mac(un.internet),
		.src = HOST_A,
		.from = from,
		.to = to,
		.payload = payload};

	build_ip(&in_pkt, &i);
	tag(&tmp, &in_pkt, 30);
	rig_begin();
	rig_send(net.lan, &tmp, 1);
}

void expect_access(const char *what, uint16_t port, uint16_t vlan, uint64_t mac, uint16_t slice)
{
	tmp = in_pkt;
	put48(tmp.b, mac);
	put48(tmp.b + 6, rig_l3_mac(slice));
	ip_hop(&tmp);
	tag(&want_pkt, &tmp, vlan);
	expect_out(what, port, &want_pkt);
}

void expect_gtpu(const char *what, const char *to, uint32_t teid, int qfi, int hops)
{
	ck_assert_msg(rig.outs == 1 && rig.drops == 0 && rig_out[0].port == net.wan,
		"%s: %u left, %lu drops", what, rig.outs, rig.drops);
	ck_assert_msg(gtpu_parse(&rig_out[0].pkt, &seen), "%s: no sound GTP-U", what);
	ck_assert_msg(strcmp(seen.to, to) == 0, "%s: to %s, want %s", what, seen.to, to);
	ck_assert_msg(seen.type == 255 && seen.teid == teid, "%s: TEID %x, want %x", what,
		seen.teid, teid);
	ck_assert_msg(seen.psc == (qfi >= 0) && (qfi < 0 || seen.qfi == qfi), "%s: QFI", what);
	tmp = in_pkt;
	memset(tmp.b, 0, 12);
	for (int i = 0; i < hops; i++)
		ip_hop(&tmp);
	ck_assert_msg(seen.inner.len == tmp.len, "%s: %u bytes inside, want %u", what,
		seen.inner.len, tmp.len);
	ck_assert_msg(memcmp(seen.inner.b, tmp.b, tmp.len) == 0, "%s: changed inside", what);
}
