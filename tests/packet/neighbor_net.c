/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions and answers of hosts (neighbor_net.h). */
#include "neighbor_net.h"

#include <stdio.h>
#include <string.h>

static struct pkt sent;

void hosts_send_to(const char *to)
{
	bool v6 = strchr(to, ':') != NULL;
	struct ip_packet p = {.dst = GATEWAY,
		.src = H1,
		.from = v6 ? "fd00::1" : "10.0.0.1",
		.to = to,
		.payload = 60};

	build_ip(&sent, &p);
	host_send(net.lan, &sent);
}

void expect_host_delivered(const char *what, const char *to, uint64_t mac)
{
	static struct pkt got;

	hosts_send_to(to);
	ck_assert_msg(rig.outs == 1 && rig.drops == 0 && frame_of(0, net.lan2, &got),
		"%s: %u left, %lu dropped", what, rig.outs, rig.drops);
	ck_assert_msg(get32(got.b) == mac >> 16 && get16(got.b + 4) == (mac & 0xffff),
		"%s: to another MAC", what);
}

void expect_host_asked(const char *what, const char *to)
{
	hosts_send_to(to);
	expect_drop(what, DROP_NEIGHBOR_UNKNOWN);
}

/* The host_question for an address of lan2 as it should be on the wire; mac 0: to everybody. */
void host_question(struct pkt *p, const char *target, uint64_t mac)
{
	struct api_ip ip = rig_ip(target, false);
	char group[40];
	struct arp a = {
		.dst = mac ? mac : BCAST, .src = GATEWAY, .spa = "10.0.1.254", .tpa = target};
	struct nd n = {.src = GATEWAY,
		.type = 135,
		.from = "fd01::fe",
		.to = group,
		.target = target,
		.mac = GATEWAY};

	if (ip.family == 4) {
		build_arp(p, &a);
		return;
	}
	snprintf(group, sizeof(group), "ff02::1:ff%02x:%02x%02x", ip.bytes[13], ip.bytes[14],
		ip.bytes[15]);
	n.dst = mac ? mac : group_mac(group);
	if (mac)
		n.to = target;
	build_nd(p, &n);
}

void host_answers(const char *address, uint64_t mac)
{
	struct arp a = {.dst = GATEWAY,
		.src = mac,
		.op = 2,
		.spa = address,
		.tha = GATEWAY,
		.tpa = "10.0.1.254"};
	struct nd n = {.dst = GATEWAY,
		.src = mac,
		.type = 136,
		.flags = 0x60,
		.from = address,
		.to = "fd01::fe",
		.target = address,
		.mac = mac};
	static struct pkt p;

	if (strchr(address, ':') != NULL)
		build_nd(&p, &n);
	else
		build_arp(&p, &a);
	host_send(net.lan2, &p);
	expect_drop("taken note of", DROP_ARP_NOTED);
}

int host_state(const char *address)
{
	struct api_ip ip = rig_ip(address, false);
	struct neighbor_entry e;

	return neighbor_get(hn.lan2, &ip, &e) == 0 ? (int)e.state : -1;
}

const char *const host_names[2] = {"10.0.1.1", "fd01::1"};
