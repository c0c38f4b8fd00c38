/* SPDX-License-Identifier: BSD-3-Clause */
/* No packet of one slice ever leaves at a door of another: random topologies, random and hostile
 * packets, configuration that changes between them. Also: never back by the door it came in by,
 * never from tunnel to tunnel, and the ledger after every burst. A failure prints what replays it:
 * test_isolation --seed N --cases N. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "world.h"

#define MAGIC 0x5c1ce5c1
#define TAG   12  /* bytes at the end of a tenant's frame: magic, slice, door */
#define ROUND 400 /* cases a topology */
#define BURST 32

static uint64_t seed;
static uint32_t cases = 12000, at_case;
static uint64_t sent, left, entered;
static struct pkt *burst, *pieces, inner, nested;

void rig_failed(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "case %u: ", at_case);
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\nreplay: test_isolation --seed %lu --cases %u\n", seed, at_case + 1);
	va_end(args);
	exit(EXIT_FAILURE);
}

/* ---- packets ---- */

static uint64_t some_mac(void)
{
	if (CHANCE(6))
		return CHANCE(50) ? 0xffffffffffff : 0x01005e000000 + rnd(3);
	return 0x020000000001 + rnd(8);
}

static void some_frame(struct pkt *p)
{
	struct spec s = {.dst = some_mac(),
		.src = 0x020000000001 + rnd(8),
		.ip = CHANCE(60)   ? 4
		      : CHANCE(60) ? 6
				   : 0,
		.type = 0x88b5,
		.tos = rnd(256),
		.saddr = rnd(4),
		.daddr = rnd(4),
		.sport = rnd(100),
		.dport = rnd(100),
		.payload = TAG + rnd(CHANCE(10) ? 1460 : 100)};

	build(p, &s);
}

/* Mostly the packet of a tunnel that is there; sometimes one thing is another's. */
static void some_outer(struct pkt *p, const struct pkt *frame, int *port)
{
	int t = rnd(world.tunnels), other = rnd(world.tunnels);
	bool v6 = world.tunnel[t].v6;
	struct outer o = {.src = 0x020000000e02,
		.from = world.tunnel[t].remote,
		.to = world.tunnel[t].local,
		.dport = world.tunnel[t].dst_port,
		.vni = world.slice[rnd(world.slices)].vni,
		.tos = rnd(4),
		.csum = v6 || CHANCE(20) ? CSUM_GOOD : CSUM_ZERO};

	o.geneve.on = world.tunnel[t].geneve != CHANCE(4);
	if (o.geneve.on && CHANCE(40))
		o.geneve.words = rnd(64);
	if (CHANCE(4))
		o.geneve = (struct geneve){.on = true,
			.critical = CHANCE(30),
			.control = CHANCE(30),
			.version = rnd(4)};
	*port = world.tunnel[t].wan;
	if (CHANCE(8) && world.tunnel[other].v6 == v6)
		o.from = world.tunnel[other].remote;
	if (CHANCE(8) && world.tunnel[other].v6 == v6)
		o.to = world.tunnel[other].local;
	if (CHANCE(8))
		o.dport = CHANCE(50) ? 6081 : CHANCE(50) ? 4789 : 8472;
	if (CHANCE(8))
		o.vni = rnd(0x1000000);
	if (CHANCE(4))
		*port = LANS + rnd(WANS);
	if (CHANCE(4))
		o.options = rnd(11);
	if (CHANCE(10))
		o.pad = rnd(30);
	if (CHANCE(5))
		o.csum = CSUM_WRONG;
	o.dst = rig_port_mac(world.port[*port]);
	wrap(p, &o, frame);
}

/* Puts a tag, or two, in front of what p is. */
static void add_tag(struct pkt *p, uint16_t tpid, uint16_t vid)
{
	memmove(p->b + 16, p->b + 12, p->len - 12);
	put16(p->b + 12, tpid);
	put16(p->b + 14, vid);
	p->len += 4;
}

static void some_tags(struct pkt *p)
{
	static const uint16_t tpid[] = {0x8100, 0x8100, 0x8100, 0x88a8, 0x9100};

	if (CHANCE(70))
		add_tag(p, CHANCE(95) ? 0x8100 : tpid[rnd(5)], rnd(7) | rnd(16) << 12);
	if (CHANCE(10))
		add_tag(p, tpid[rnd(5)], rnd(7));
}

/* The frame carries where it came in, at its end. */
static void brand(struct pkt *p, uint32_t end, struct passage in)
{
	put32(p->b + end - 12, MAGIC);
	put32(p->b + end - 8, in.slice);
	put32(p->b + end - 4, in.door);
}

/* Some packet for some port: p is as on the wire, branded with what the model says. */
static struct passage some_packet(struct pkt *p, int *port)
{
	struct passage in;

	some_frame(&inner);
	if (CHANCE(10)) { /* what a tunnel's packet looks like, as a tenant's payload */
		int nowhere;

		if (CHANCE(50))
			some_tags(&inner);
		some_outer(&nested, &inner, &nowhere);
		put48(nested.b, some_mac());
		inner = nested;
	}
	if (CHANCE(50) && world.tunnels > 0) {
		if (CHANCE(5))
			some_tags(&inner);
		/* twice: the model reads the packet, and its checksum covers the brand */
		uint64_t before = random_state;

		some_outer(p, &inner, port);
		in = world_enter(*port, p);
		brand(&inner, inner.len, in);
		random_state = before;
		some_outer(p, &inner, port);
		return in;
	}
	*p = inner;
	*port = rnd(LANS + WANS);
	some_tags(p);
	in = world_enter(*port, p);
	brand(p, p->len, in);
	return in;
}

/* ---- what came out ---- */

static void check_out(const struct out *o, struct passage in)
{
	uint32_t frame;
	int port = world_port(o->port);
	struct passage out = world_leave(port, &o->pkt, &frame);

	RIG_CHECK(out.slice != NONE, "a packet left by port %d at no door", port);
	RIG_CHECK(in.slice == out.slice,
		"ISOLATION: from slice %d by door %d, left in slice %d at door %d", in.slice,
		in.door, out.slice, out.door);
	RIG_CHECK(in.door != out.door, "left where it came in, door %d", in.door);
	RIG_CHECK(in.door < DOOR_T || out.door < DOOR_T, "from tunnel %d to tunnel %d", in.door,
		out.door);
	left++;
}

/* Every packet that left says itself where it came in. */
static void check_branded(void)
{
	for (uint32_t i = 0; i < rig.outs; i++) {
		const struct pkt *p = &rig_out[i].pkt;
		const uint8_t *brand_at = p->b + p->len - TAG;

		RIG_CHECK(p->len >= 14 + TAG && get32(brand_at) == MAGIC,
			"a packet left without its brand");
		check_out(&rig_out[i], (struct passage){get32(brand_at + 4), get32(brand_at + 8)});
	}
}

static void send_branded(void)
{
	uint32_t n = 1 + rnd(BURST), k = 0;
	int port, want = rnd(LANS + WANS);

	/* a burst comes by one port */
	for (uint32_t tries = 0; tries < 10 * n && k < n; tries++) {
		struct passage in = some_packet(&burst[k], &port);

		if (port != want)
			continue;
		entered += in.slice != NONE;
		k++;
	}
	rig_begin();
	rig_send(world.port[want], burst, k);
	sent += k;
	check_branded();
}

/* One packet alone, damaged: the model says what it may be now. */
static void send_damaged(void)
{
	int port;

	some_packet(&burst[0], &port);
	struct pkt *p = &burst[0];

	for (uint32_t flips = rnd(4); flips > 0; flips--)
		p->b[CHANCE(70) ? rnd(p->len < 80 ? p->len : 80) : rnd(p->len)] ^= 1 << rnd(8);
	if (CHANCE(30))
		p->len = rnd(p->len + 1);
	if (CHANCE(10))
		put16(p->b + 14 + 2, rnd(65536));
	if (port >= LANS && CHANCE(60) && p->len >= 34 && get16(p->b + 12) == 0x0800 &&
		(p->b[14] & 15) >= 5 && p->len >= 14 + (p->b[14] & 15) * 4u)
		ipv4_fix(p->b + 14);
	if (CHANCE(5))
		for (uint32_t i = 12; i < p->len; i++)
			p->b[i] = rnd(256);
	struct passage in = world_enter(port, p);

	rig_begin();
	if (p->len > 20 && CHANCE(10))
		rig_send_cut(world.port[port], p, 1 + rnd(p->len - 1));
	else
		rig_send(world.port[port], p, 1);
	sent++;
	for (uint32_t i = 0; i < rig.outs; i++)
		check_out(&rig_out[i], in);
}

/* Fragments of several packets, shuffled. */
static void send_fragments(void)
{
	int port, want = LANS + rnd(WANS);
	uint32_t n = 0;

	for (int tries = 0; tries < 20 && n < 24; tries++) {
		struct pkt *p = &burst[0];

		some_packet(p, &port);
		uint16_t type = get16(p->b + 12);
		uint32_t head = 14 + (type == 0x86dd ? 40 : (p->b[14] & 15) * 4);

		if (port != want || (type != 0x0800 && type != 0x86dd) ||
			p->b[14] >> 4 != (type == 0x0800 ? 4 : 6) || p->len < head + 64 ||
			(get16(p->b + 20) & 0x3fff && type == 0x0800))
			continue;
		n += fragment(p, 64 + 8 * rnd(40), rnd(3), pieces + n, BURST - n);
	}
	for (uint32_t i = 0; i + 1 < n; i++) {
		uint32_t k = i + rnd(n - i);

		inner = pieces[i];
		pieces[i] = pieces[k];
		pieces[k] = inner;
	}
	rig_begin();
	rig_send(world.port[want], pieces, n);
	sent += n;
	/* packets with the same number may have been put together into one that was never sent: it
	 * has no right brand then, but it has entered by a door of its VNI, and may only leave
	 * there */
	for (uint32_t i = 0; i < rig.outs; i++) {
		uint32_t frame;

		RIG_CHECK(world_leave(world_port(rig_out[i].port), &rig_out[i].pkt, &frame).slice !=
				  NONE,
			"left at no door");
		left++;
	}
	if (CHANCE(10))
		rig_advance(2);
}

static void one_case(void)
{
	uint32_t what = rnd(100);

	if (what < 50)
		send_branded();
	else if (what < 85)
		send_damaged();
	else if (what < 93)
		send_fragments();
	else
		world_change();
	if (CHANCE(20))
		rig_poll();
}

static void parse(int argc, char **argv)
{
	seed = time(NULL);
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--cases") == 0)
			cases = strtoul(argv[i + 1], NULL, 0);
	}
	random_state = seed * 0x9e3779b97f4a7c15ull | 1;
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	printf("seed %lu, %u cases\n", seed, cases);
	fflush(stdout);
	rig_eal("0");
	burst = calloc(BURST, sizeof(*burst));
	pieces = calloc(BURST, sizeof(*pieces));
	RIG_CHECK(burst != NULL && pieces != NULL, "no memory");
	for (at_case = 0; at_case < cases; at_case++) {
		if (at_case % ROUND == 0) {
			if (at_case > 0)
				rig_stop();
			world_build();
		}
		one_case();
	}
	rig_stop();
	/* a test that lets nothing through shows nothing */
	RIG_CHECK(left > cases && entered > cases, "only %lu of %lu packets left", left, sent);
	printf("%lu packets in, %lu out, each at a door of its own slice\n", sent, left);
	free(burst);
	free(pieces);
	return EXIT_SUCCESS;
}
