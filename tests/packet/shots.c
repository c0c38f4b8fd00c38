/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets as they come by a port: frames with tags, or around them what a tunnel puts there,
 * mostly right, sometimes another's. Owns shot[]. */
#include "shots.h"

#include <string.h>

struct shot *shot;
bool shots_chained;
static bool sum_right[SHOTS]; /* the tunnel's UDP checksum is to be kept right */
static struct pkt frame, nested;

uint16_t tenant_of(int slice)
{
	return slice == NONE ? NO_TENANT : world.slice[slice].tenant;
}

static void copy(struct pkt *to, const struct pkt *from)
{
	to->len = from->len;
	memcpy(to->b, from->b, from->len);
}

/* ---- tunnels ---- */

/* One thing of it is another's, or wrong. */
static void outer_lies(struct outer *o, int t)
{
	int other = rnd(world.tunnels);
	bool same = world.tunnel[other].v6 == world.tunnel[t].v6;

	switch (rnd(12)) {
	case 0:
		o->from = same ? world.tunnel[other].remote : o->from;
		break;
	case 1:
		o->to = same ? world.tunnel[other].local : o->to;
		break;
	case 2:
		o->dport = CHANCE(50) ? 6081 : CHANCE(50) ? 4789 : 8472;
		break;
	case 3:
		o->vni = rnd(0x1000000);
		break;
	case 4:
		o->vni = world.slice[rnd(world.slices)].vni;
		break;
	case 5:
		o->options = rnd(11);
		break;
	case 6:
		o->csum = CSUM_WRONG;
		break;
	case 7:
		o->geneve.on = !o->geneve.on;
		break;
	case 8:
		o->geneve = (struct geneve){.on = true,
			.critical = CHANCE(30),
			.control = CHANCE(30),
			.version = rnd(4),
			.lie = rnd(5) - 2};
		break;
	case 9:
		o->flags = rnd(256);
		o->reserved = rnd(256);
		break;
	case 10:
		o->tos = rnd(256);
		break;
	default:
		o->frag = rnd(65536);
		break;
	}
}

/* Round a frame of the slice, which is then at *at; true: nothing about it is a lie. */
static bool outer_make(struct pkt *p, const struct pkt *inner, int t, int slice, int port,
	enum csum *csum, uint32_t *at)
{
	bool v6 = world.tunnel[t].v6, lies = CHANCE(20);
	struct outer o = {.src = 0x020000000e02,
		.dst = rig_port_mac(world.port[port]),
		.from = world.tunnel[t].remote,
		.to = world.tunnel[t].local,
		.dport = world.tunnel[t].dst_port,
		.vni = slice != NONE ? world.slice[slice].vni : rnd(0x1000000),
		.csum = v6 || CHANCE(20) ? CSUM_GOOD : CSUM_ZERO,
		.geneve.on = world.tunnel[t].geneve};

	if (o.geneve.on && CHANCE(40))
		o.geneve.words = rnd(64);
	if (CHANCE(10))
		o.pad = rnd(30);
	if (lies)
		outer_lies(&o, t);
	*csum = o.csum;
	wrap(p, &o, inner);
	*at = p->len - o.pad - inner->len;
	return !lies;
}

static int some_member(int t)
{
	int s = rnd(world.slices);

	for (int i = 0; i < world.slices; i++, s = (s + 1) % world.slices)
		if (world.tunnel[t].member[s])
			return s;
	return NONE;
}

static void by_tunnel(struct shot *x, uint32_t number, int port)
{
	int t = rnd(world.tunnels);
	enum csum csum;
	uint32_t at;

	for (int i = 0; i < world.tunnels && world.tunnel[t].wan != port && CHANCE(98); i++)
		t = (t + 1) % world.tunnels;
	int slice = CHANCE(95) ? some_member(t) : (int)rnd(world.slices);

	frame_make(&frame, slice, NONE, &x->marks, &x->polite);
	if (CHANCE(3)) {
		frame_insert(&frame, 12, 4);
		put16(frame.b + 12, 0x8100);
		x->marks += x->marks != 0 ? 4 : 0;
		x->polite = false;
	}
	x->polite &= outer_make(&x->p, &frame, t, slice, port, &csum, &at);
	x->polite &= world.tunnel[t].wan == port;
	sum_right[number] = csum == CSUM_GOOD;
	x->marks += x->marks != 0 ? at : 0;
}

/* ---- attachments ---- */

/* An attachment on this port, mostly. */
static int some_door(int port)
{
	int a = rnd(ATTACHMENTS);

	for (int i = 0; i < ATTACHMENTS; i++, a = (a + 1) % ATTACHMENTS)
		if (world.attachment[a].slice != NONE && world.attachment[a].port == port)
			return a;
	return NONE;
}

/* Puts a tag in front of what p is. */
static void add_tag(struct shot *x, uint16_t tpid, uint16_t tci)
{
	frame_insert(&x->p, 12, 4);
	put16(x->p.b + 12, tpid);
	put16(x->p.b + 14, tci);
	x->marks += x->marks != 0 ? 4 : 0;
}

/* What a tunnel's packet looks like, as a tenant's payload. */
static void nest(struct shot *x)
{
	int t = rnd(world.tunnels);
	enum csum csum;
	uint32_t at;

	outer_make(&nested, &frame, t, rnd(world.slices), LANS + rnd(WANS), &csum, &at);
	x->marks += at;
	memcpy(nested.b, frame.b, 12);
	copy(&frame, &nested);
	x->polite = false;
}

static void by_attachment(struct shot *x, int port)
{
	static const uint16_t tpid[] = {0x8100, 0x8100, 0x8100, 0x88a8, 0x9100};
	int a = some_door(port);
	int vlan = a != NONE ? world.attachment[a].vlan : (int)rnd(7);

	frame_make(&frame, a != NONE ? world.attachment[a].slice : NONE, a, &x->marks, &x->polite);
	if (CHANCE(8) && world.tunnels > 0 && x->marks != 0)
		nest(x);
	copy(&x->p, &frame);
	if (CHANCE(5)) { /* another's */
		vlan = rnd(7);
		x->polite = false;
	}
	if (CHANCE(4)) {
		add_tag(x, tpid[rnd(5)], rnd(7));
		x->polite = false;
	}
	if (vlan != 0 || CHANCE(10)) {
		bool odd = CHANCE(4);

		add_tag(x, odd ? tpid[rnd(5)] : 0x8100, vlan | rnd(16) << 12);
		x->polite &= !odd;
	}
}

/* ---- marks ---- */

static void fix_icmp(struct pkt *p, uint32_t at)
{
	uint8_t *ip = p->b + at;
	bool v6 = ip[0] >> 4 == 6;
	uint32_t head = v6 ? 40 : (ip[0] & 15) * 4;
	uint32_t total = v6 ? 40u + get16(ip + 4) : get16(ip + 2);

	if (p->len < at + 40 || ip[v6 ? 6 : 9] != (v6 ? 58 : 1) || total < head + 8 ||
		at + total > p->len || (!v6 && (get16(ip + 6) & 0x3fff)))
		return;
	uint32_t sum = v6 ? csum_add(58 + total - head, ip + 8, 32) : 0;

	put16(ip + head + 2, 0);
	put16(ip + head + 2, csum_fold(csum_add(sum, ip + head, total - head)));
}

void shot_mark(uint32_t number, int port)
{
	struct shot *x = &shot[number];
	struct pkt *p = &x->p;
	uint8_t mark[MARK_LEN];

	x->in = world_enter(port, p, &x->frame);
	put32(mark, MARK);
	put16(mark + 4, tenant_of(x->in.slice));
	put16(mark + 6, number);
	for (uint32_t at = x->marks; at != 0 && at < p->len; at++)
		p->b[at] = mark[(at - x->marks) % MARK_LEN];
	if (x->in.slice == NONE)
		return;
	fix_icmp(p, x->frame + 14);
	if (sum_right[number] && x->in.door >= DOOR_T)
		udp_fix(p);
}

void shot_make(uint32_t number, int port)
{
	struct shot *x = &shot[number];

	sum_right[number] = false;
	bool done = port >= LANS && CHANCE(35) && gtpu_make(x, port, &frame, &sum_right[number]);

	if (!done && port >= LANS && world.tunnels > 0 && CHANCE(85))
		by_tunnel(x, number, port);
	else if (!done)
		by_attachment(x, port);
	shot_mark(number, port);
	x->polite &= x->in.slice != NONE;
}

static void spoil_headers(struct pkt *p, uint32_t headers)
{
	for (uint32_t flips = rnd(4); flips > 0; flips--)
		p->b[CHANCE(70) ? rnd(headers < 80 ? headers : 80) : rnd(headers)] ^= 1 << rnd(8);
	if (CHANCE(30))
		p->len = rnd(p->len + 1);
	if (CHANCE(10))
		put16(p->b + 14 + 2, rnd(65536));
	if (CHANCE(5))
		for (uint32_t i = 12; i < headers; i++)
			p->b[i] = rnd(256);
}

void shot_spoil(int port)
{
	struct shot *x = &shot[SHOT_ALONE];
	struct pkt *p = &x->p;

	spoil_headers(p, x->marks != 0 ? x->marks : p->len);
	if (port >= LANS && CHANCE(60) && p->len >= 34 && get16(p->b + 12) == 0x0800 &&
		(p->b[14] & 15) >= 5 && p->len >= 14 + (p->b[14] & 15) * 4u)
		ipv4_fix(p->b + 14);
	x->polite = false;
	sum_right[SHOT_ALONE] = false; /* its lengths may lie */
	shot_mark(SHOT_ALONE, port);
	uint32_t ip = x->frame + 14;

	if (x->in.slice != NONE && CHANCE(60) && p->len >= ip + 20 && p->b[ip] >> 4 == 4 &&
		(p->b[ip] & 15) >= 5 && p->len >= ip + (p->b[ip] & 15) * 4u)
		ipv4_fix(p->b + ip);
}

/* ---- what stations say ---- */

static void heard(const struct shot *x)
{
	const uint8_t *f = x->p.b + x->frame, *ip = f + 14;
	struct api_ip from = {.family = 4, .len = 32};
	uint32_t len = x->p.len - x->frame;

	if (get16(f + 12) == 0x0806 && len >= 42) {
		memcpy(from.bytes, ip + 14, 4);
		world_claim(x->in.door, &from, (uint64_t)get16(ip + 8) << 32 | get32(ip + 10));
	} else if (get16(f + 12) == 0x86dd && len >= 86 && ip[6] == 58 &&
		   ip[64] == (ip[40] == 135 ? 1 : 2)) { /* the option that says its address */
		from = (struct api_ip){.family = 6, .len = 128};
		memcpy(from.bytes, ip[40] == 135 ? ip + 8 : ip + 48, 16);
		world_claim(x->in.door, &from, (uint64_t)get16(ip + 66) << 32 | get32(ip + 68));
	}
}

void shots_heard(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (shot[i].in.slice != NONE && world.slice[shot[i].in.slice].l3 &&
			shot[i].in.door < DOOR_T && shot[i].p.len > shot[i].frame)
			heard(&shot[i]);
}
