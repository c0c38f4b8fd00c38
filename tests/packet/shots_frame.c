/* SPDX-License-Identifier: BSD-3-Clause */
/* A tenant's frames, at random: to neighbours, gateways, routes and other slices' addresses,
 * with options, extension headers, fragments, lies in ARP and ND, ICMP errors. */
#include <string.h>

#include "shots.h"

#define PORTS 8 /* bytes of UDP's header, or ICMP's */

uint64_t frame_some_mac(void)
{
	if (CHANCE(6))
		return CHANCE(50) ? 0xffffffffffffull : 0x01005e000000ull + rnd(3);
	return 0x020000000001ull + rnd(8);
}

void frame_insert(struct pkt *p, uint32_t at, uint32_t n)
{
	memmove(p->b + at + n, p->b + at, p->len - at);
	memset(p->b + at, 0, n);
	p->len += n;
}

/* ---- addresses ---- */

static struct api_ip odd_address(bool v6)
{
	static const char *const odd4[] = {"0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255",
		"169.254.1.1", "240.0.0.1", "10.0.1.255", "10.0.0.0", "0.0.0.7"};
	static const char *const odd6[] = {"::", "::1", "ff02::1", "ff02::1:ff00:1", "fe80::1",
		"fe80::5c:ff:fe00:1", "::ffff:10.0.0.1", "ff0e::1", "fec0::1"};

	return rig_ip(v6 ? odd6[rnd(9)] : odd4[rnd(9)], false);
}

/* Of a gateway of this slice (NONE: of any). */
static bool gateway_address(int slice, bool v6, struct api_ip *ip)
{
	int g = rnd(GATEWAYS);

	for (int i = 0; i < GATEWAYS; i++, g = (g + 1) % GATEWAYS)
		if (world.gateway[g].slice != NONE && (world.gateway[g].prefix.family == 6) == v6 &&
			(slice == NONE || world.gateway[g].slice == slice)) {
			*ip = world.gateway[g].prefix;
			ip->len = v6 ? 128 : 32;
			return true;
		}
	return false;
}

static struct api_ip some_address(int slice, bool v6)
{
	uint32_t what = rnd(100);
	struct api_ip ip;
	int n = rnd(NEIGHBORS);

	if (what < 40)
		for (int i = 0; i < NEIGHBORS; i++, n = (n + 1) % NEIGHBORS)
			if (world.neighbor[n].slice == slice &&
				(world.neighbor[n].address.family == 6) == v6)
				return world.neighbor[n].address;
	if (what < 52)
		return upf_ue(v6, 1 + rnd(UES), rnd(3));
	if (what < 70)
		return l3_far(v6, rnd(3), 1 + rnd(L3_HOSTS));
	if (what < 88)
		return l3_host(v6, rnd(L3_NETS), 1 + rnd(L3_HOSTS + 1));
	if (what < 96 && gateway_address(what < 93 ? slice : NONE, v6, &ip))
		return ip;
	return odd_address(v6);
}

static bool is_odd(const struct api_ip *ip)
{
	return ip->family == 4 ? ip->bytes[0] != 10 : ip->bytes[0] != 0xfd;
}

static void set_addresses(uint8_t *ip, const struct api_ip *from, const struct api_ip *to)
{
	bool v6 = from->family == 6;

	memcpy(ip + (v6 ? 8 : 12), from->bytes, v6 ? 16 : 4);
	memcpy(ip + (v6 ? 24 : 16), to->bytes, v6 ? 16 : 4);
}

/* ---- IP ---- */

/* NOPs, a router alert, a source route, one with a length that lies. */
static void add_options(struct pkt *p, uint32_t *marks)
{
	static const uint8_t option[][4] = {
		{1, 1, 1, 1}, {0x94, 4, 0, 0}, {0x83, 4, 4, 0}, {7, 9, 4, 0}, {0x44, 0, 5, 0}, {0}};
	uint32_t n = 4 * (1 + rnd(4));
	uint8_t *ip = p->b + 14;

	frame_insert(p, 34, n);
	for (uint32_t i = 0; i < n; i += 4)
		memcpy(ip + 20 + i, option[rnd(6)], 4);
	ip[0] = 0x40 | (20 + n) / 4;
	put16(ip + 2, get16(ip + 2) + n);
	*marks += n;
}

/* Hop-by-hop, destination and routing headers, fragments, one that is not there. */
static void add_extensions(struct pkt *p, uint32_t *marks)
{
	static const uint8_t kind[] = {0, 43, 60, 44, 51, 59};
	uint8_t *ip = p->b + 14;

	for (uint32_t n = 1 + rnd(3); n > 0; n--) {
		frame_insert(p, 54, 8);
		ip[40] = ip[6];
		ip[6] = kind[rnd(6)];
		if (CHANCE(10))
			ip[41] = rnd(256);
		if (ip[6] == 44)
			put16(ip + 42, CHANCE(50) ? 1 : rnd(65536));
		put16(ip + 4, get16(ip + 4) + 8);
		*marks += 8;
	}
}

static uint8_t some_proto(bool v6)
{
	uint32_t what = rnd(100);

	return what < 70 ? 17 : what < 85 ? (v6 ? 58 : 1) : what < 95 ? 6 : rnd(256);
}

/* Eight bytes behind the IP header: ICMP of some type, or ports. */
static void add_l4(uint8_t *l4, uint8_t proto, bool v6)
{
	static const uint8_t type4[] = {8, 8, 8, 0, 3, 5, 11, 13},
			     type6[] = {128, 128, 128, 129, 1, 2, 3, 137};

	memset(l4, 0, PORTS);
	if (proto == 1 || proto == 58) {
		l4[0] = v6 ? type6[rnd(8)] : type4[rnd(8)];
		l4[1] = CHANCE(80) ? 0 : rnd(6);
		put16(l4 + 4, rnd(65536));
		return;
	}
	put16(l4, rnd(1000));
	put16(l4 + 2, CHANCE(90) ? rnd(1000) : 4789);
}

static void some_ip(struct pkt *p, int slice, uint32_t *marks, bool *polite)
{
	bool v6 = CHANCE(45), mild = CHANCE(60);
	uint32_t size = CHANCE(12) ? 500 + rnd(1000) : 16 + rnd(120);
	struct spec s = {
		.ip = v6 ? 6 : 4, .tos = rnd(256), .proto = 253, .payload = PORTS + (size & ~7u)};
	struct api_ip from =
		mild ? l3_host(v6, rnd(L3_NETS), 1 + rnd(L3_HOSTS)) : some_address(slice, v6);
	struct api_ip to = some_address(slice, v6);
	uint8_t *ip = p->b + 14, proto = some_proto(v6);

	build(p, &s);
	*marks = p->len - s.payload + PORTS;
	add_l4(p->b + *marks - PORTS, proto, v6);
	set_addresses(ip, &from, &to);
	ip[v6 ? 6 : 9] = proto;
	ip[v6 ? 7 : 8] = CHANCE(80) ? 2 + rnd(200) : rnd(3) == 2 ? 255 : rnd(3);
	if (!v6 && CHANCE(40))
		ip[6] = 0x40;
	else if (!v6 && CHANCE(8))
		put16(ip + 6, rnd(0x4000));
	*polite = mild && size < 200 && !is_odd(&to) && ip[v6 ? 7 : 8] >= 2;
	if (CHANCE(8)) {
		*polite = false;
		if (v6)
			add_extensions(p, marks);
		else
			add_options(p, marks);
	}
	if (!v6)
		ipv4_fix(ip);
}

/* ---- ARP and ND: who has whose, with lies ---- */

static void some_arp(struct pkt *p, int slice)
{
	struct api_ip from = some_address(slice, false), to = some_address(slice, false);
	uint8_t *a = p->b + 14;
	uint64_t mac = l3_station_mac();

	if (CHANCE(60) && gateway_address(slice, false, &to) && CHANCE(70))
		from = l3_host(false, to.bytes[2], 1 + rnd(L3_HOSTS));
	put48(p->b, CHANCE(50) ? 0xffffffffffffull : slice != NONE ? world.slice[slice].mac : 1);
	put48(p->b + 6, mac);
	put16(p->b + 12, 0x0806);
	memset(a, 0, 46);
	put16(a, 1);
	put16(a + 2, 0x0800);
	a[4] = 6;
	a[5] = 4;
	put16(a + 6, CHANCE(95) ? 1 + rnd(2) : rnd(5));
	put48(a + 8, CHANCE(90) ? mac : frame_some_mac());
	memcpy(a + 14, from.bytes, 4);
	memcpy(a + 24, to.bytes, 4);
	p->len = 60;
}

static void some_nd(struct pkt *p, int slice)
{
	struct spec s = {.src = l3_station_mac(), .ip = 6, .proto = 58, .payload = 32};
	struct api_ip from = some_address(slice, true), to = some_address(slice, true);
	bool ns = CHANCE(60);
	uint8_t *ip = p->b + 14, *msg = ip + 40;

	s.dst = CHANCE(50) || slice == NONE ? 0x3333ff000000ull + rnd(9) : world.slice[slice].mac;
	if (CHANCE(60) && gateway_address(slice, true, &to) && CHANCE(70))
		from = l3_host(true, to.bytes[7], 1 + rnd(L3_HOSTS));
	build(p, &s);
	set_addresses(ip, &from, &to);
	if (CHANCE(40))
		set_addresses(
			ip, &from, &(struct api_ip){.family = 6, .bytes = {0xff, 2, [15] = 1}});
	ip[7] = CHANCE(90) ? 255 : rnd(256);
	memset(msg, 0, 32);
	msg[0] = ns ? 135 : CHANCE(90) ? 136 : 133 + rnd(5);
	msg[4] = rnd(8) << 5;
	memcpy(msg + 8, ns || CHANCE(30) ? to.bytes : from.bytes, 16);
	msg[24] = CHANCE(90) ? (ns ? 1 : 2) : rnd(3);
	msg[25] = CHANCE(95) ? 1 : rnd(4);
	put48(msg + 26, CHANCE(90) ? s.src : frame_some_mac());
	/* the checksum, as of UDP whose length is 32 */
	uint32_t sum = csum_add(58 + 32, ip + 8, 32);

	put16(msg + 2, csum_fold(csum_add(sum, msg, 32)));
}

/* ---- any ---- */

static void some_bytes(struct pkt *p, uint32_t *marks)
{
	struct spec s = {.type = CHANCE(80) ? 0x88b5 : rnd(65536), .payload = 32 + 8 * rnd(20)};

	build(p, &s);
	*marks =
		14 + 16; /* a Geneve header that lies of its length brings no marks into the MACs */
}

void frame_make(struct pkt *p, int slice, int attachment, uint32_t *marks, bool *polite)
{
	uint32_t what = rnd(100);
	bool l3 = slice != NONE && world.slice[slice].l3;

	*marks = 0;
	*polite = false;
	if (what < 6) {
		some_arp(p, slice);
		return;
	}
	if (what < 12) {
		some_nd(p, slice);
		return;
	}
	if (what < 18)
		some_bytes(p, marks);
	else
		some_ip(p, slice, marks, polite);
	put48(p->b, frame_some_mac());
	put48(p->b + 6, CHANCE(50) ? 0x020000000001ull + rnd(8) : l3_station_mac());
	if (l3 && CHANCE(90))
		put48(p->b, world.slice[slice].mac);
	else
		*polite = false;
}
