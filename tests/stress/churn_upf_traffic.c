/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends packets of UEs and to UEs (churn_upf.h); what comes out is for churn_upf_judge.c. A thread
 * of its own; shares with the main thread what churn_upf.h declares. */
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build_host.h"
#include "churn_upf_stamp.h"
#include "rig_upf.h"

#define BURST	   16
#define IN_FLIGHT  256	/* of a ring in */
#define CLASS_PORT 6000 /* what the filter of PDR 4 takes: 6000 to 6999 */

static const struct churn_traffic *t;
static uint64_t rnd_state;
static uint32_t seq;
static uint64_t sent, turns;
/* What main asks for, in the low bits, and how often it has asked: an answer to an earlier question
 * is none. */
enum { GO, PAUSE, STOP, WHAT = 3 };
static uint32_t asked, answered;
/* headers up to the payload: of wan frames with GTP-U, of lan frames */
static struct pkt head_wan[2][2], head_lan[2], scratch;

static uint32_t rnd(uint32_t below)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return (uint32_t)((rnd_state * 0x2545f4914f6cdd1dull) >> 33) % below;
}

/* ---- sending ---- */

static void heads_make(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct ip_packet i = {.from = v6 ? "fd00::1" : "10.0.0.1",
			.to = v6 ? "fd00::1" : "10.0.0.1",
			.payload = 8 + sizeof(struct stamp)};

		build_ip(&scratch, &i);
		for (int n9 = 0; n9 < 2; n9++) {
			struct gtpu g = {.dst = t->wan.mac,
				.src = 0x020000000e02,
				.from = n9 ? "198.18.0.3" : "198.18.0.2",
				.to = n9 ? "198.18.0.9" : "198.18.0.1",
				.psc = !n9,
				.psc_ul = true,
				.qfi = 9};

			build_gtpu(&head_wan[n9][v6], &g, &scratch);
		}
		memcpy(head_lan[v6].b, scratch.b, 12);
		put16(head_lan[v6].b + 12, 0x8100);
		memcpy(head_lan[v6].b + 16, scratch.b + 12, scratch.len - 12);
		head_lan[v6].len = scratch.len + 4;
	}
}

void stamp_put_ue(uint8_t *at, bool v6, uint32_t address)
{
	if (!v6) {
		put32(at, 10u << 24 | 45u << 16 | (address + 1));
		return;
	}
	memset(at, 0, 16);
	put16(at, 0xfd45);
	put16(at + 6, address + 1);
	at[15] = 1;
}

/* The packet inside, at ip: addresses and all. */
static void inner_fix(uint8_t *ip, bool v6, const struct stamp *s, uint32_t len)
{
	bool down = s->in == IN_DOWN || s->in == IN_N9;
	uint8_t *udp = ip + INNER(v6), *from = ip + (v6 ? 8 : 12), *to = ip + (v6 ? 24 : 16);

	stamp_put_ue(down ? to : from, v6, slot_address(s->slot));
	if (s->in == IN_TALK)
		stamp_put_ue(to, v6, slot_address(s->to));
	if (v6) {
		put16(ip + 4, len - 40);
	} else {
		put16(ip + 2, len);
		ipv4_fix(ip);
	}
	put16(udp, down ? 80 : 7000);
	put16(udp + 2, down ? CLASS_PORT + (s->class ? 0 : 1000) + rnd(1000) : 80);
	put16(udp + 4, len - INNER(v6));
	put16(udp + 6, 0);
	memcpy(udp + 8, s, sizeof(*s));
}

static void outer_fix(uint8_t *frame, uint32_t at, uint32_t len, uint32_t teid)
{
	put16(frame + 16, at - 14 + len);
	ipv4_fix(frame + 14);
	put16(frame + 38, at - 34 + len);
	put16(frame + 44, at - 50 + len);
	put32(frame + 46, teid);
}

static struct rte_mbuf *make(const struct traffic_port *p, struct stamp *s)
{
	bool v6 = s->v6, lan = s->in == IN_DOWN;
	uint32_t more = rnd(200);
	const struct pkt *head = lan ? &head_lan[v6] : &head_wan[s->in == IN_N9][v6];
	uint32_t len = INNER(v6) + 8 + sizeof(*s) + more;
	uint32_t at = head->len - (len - more);
	struct rte_mbuf *m = rte_pktmbuf_alloc(p->pool);
	uint8_t *b = m != NULL ? (uint8_t *)rte_pktmbuf_append(m, at + len) : NULL;

	if (b == NULL) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	m->port = p->ethdev;
	memcpy(b, head->b, head->len);
	memset(b + head->len, 0xa5, more);
	inner_fix(b + at, v6, s, len);
	if (lan) {
		put48(b, t->slice_mac[s->slot / ADDRESSES]);
		put16(b + 14, s->slot / ADDRESSES ? 40 : 30);
	} else {
		outer_fix(b, at, len, s->teid);
	}
	return m;
}

/* Which way in, and by which TEID: of the slot as it is, or of what others have or it had. */
static bool pick(struct stamp *s)
{
	const struct slot *at = &churn_slot[s->slot], *by = at;
	uint32_t what = rnd(100);

	s->in = what < 45 ? IN_UP : what < 90 ? IN_DOWN : IN_N9;
	s->class = rnd(4) == 0;
	s->v6 = rnd(3) == 0;
	s->to = s->slot / ADDRESSES * ADDRESSES + rnd(ADDRESSES);
	s->teid = 0;
	if (churn_hostile && s->in != IN_DOWN && rnd(8) == 0)
		by = &churn_slot[rnd(SLOTS)];
	if (s->in == IN_UP) {
		bool old = churn_hostile && rnd(8) == 0;

		s->teid = stamp_load(old ? &by->old_teid : &by->teid);
		if (churn_hostile && slot_talks(s->slot) && rnd(4) == 0)
			s->in = IN_TALK;
	} else if (s->in == IN_N9) {
		s->teid = stamp_load(&by->n9_teid);
	}
	return s->in == IN_DOWN || s->teid != 0;
}

static bool send_one(uint32_t worker)
{
	struct stamp s = {.magic = STAMP_MAGIC, .slot = rnd(SLOTS / 2) * 2 + worker};
	bool picked = pick(&s), lan = s.in == IN_DOWN;
	const struct traffic_port *p = lan ? &t->lan : &t->wan;
	struct slot *slot = &churn_slot[s.slot];

	if (!picked || rte_ring_count(p->in[worker]) >= IN_FLIGHT)
		return false;
	s.seq = ++seq;
	/* acquire: pairs with the release after session_commit() */
	s.epoch = __atomic_load_n(&churn_epoch, __ATOMIC_ACQUIRE);
	struct rte_mbuf *m = make(p, &s);

	if (m == NULL)
		return false;
	RIG_CHECK(rte_ring_sp_enqueue(p->in[worker], m) == 0, "a ring is full that was not");
	sent++;
	*(s.in == IN_UP || s.in == IN_TALK ? &slot->sent_ul : &slot->sent_dl) += 1;
	return true;
}

/* ---- the thread ---- */

int traffic_run(void *arg)
{
	uint32_t request;

	t = arg;
	rnd_state = t->seed | 1;
	judge_init();
	heads_make();
	/* acquire: pairs with the release in ask() */
	while (((request = __atomic_load_n(&asked, __ATOMIC_ACQUIRE)) & WHAT) != STOP) {
		uint32_t n = judge_received(t);

		for (int i = 0; (request & WHAT) == GO && i < 2 * BURST; i++)
			n += send_one(i % 2);
		__atomic_store_n(&turns, turns + 1, __ATOMIC_RELAXED);
		/* release: pairs with the acquire in traffic_pause() */
		__atomic_store_n(&answered, request, __ATOMIC_RELEASE);
		if (n < BURST)
			sched_yield();
	}
	judge_fini();
	return 0;
}

static void ask(uint32_t what)
{
	__atomic_store_n(&asked, (asked & ~(uint32_t)WHAT) + WHAT + 1 + what, __ATOMIC_RELEASE);
}

void traffic_pause(void)
{
	ask(PAUSE);
	while (__atomic_load_n(&answered, __ATOMIC_ACQUIRE) != asked)
		sched_yield();
}

void traffic_go(void)
{
	ask(GO);
}

void traffic_stop(void)
{
	ask(STOP);
}

uint64_t traffic_sent(void)
{
	return __atomic_load_n(&sent, __ATOMIC_RELAXED);
}

uint64_t traffic_turns(void)
{
	return __atomic_load_n(&turns, __ATOMIC_RELAXED);
}
