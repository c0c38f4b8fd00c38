/* SPDX-License-Identifier: BSD-3-Clause */
/* What sessions and URRs counted and reported, against what left (churn_upf.h). Main thread; owns
 * the reports that were made. */
#include <rte_common.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "churn.h"
#include "churn_upf_state.h"
#include "event.h"
#include "hold_count.h"
#include "rig_upf.h"

struct measured *churn_measured;
static uint32_t ended[1 << 16], n_ended; /* URRs, since the last look */

static struct {
	struct session_counters counters;
	uint64_t sent_ul, sent_dl, held;
	uint32_t life; /* 0: nothing known */
} before[SLOTS];

/* ---- reports ---- */

static void on_event(const struct upf_event *e)
{
	char name[16];

	if (e->kind != UPF_USAGE)
		return;
	struct measured *m = &churn_measured[e->usage.urr_id];

	snprintf(name, sizeof(name), "s%u", m->name);
	RIG_CHECK(strcmp(name, e->session) == 0, "URR %u of %s reported by %s", e->usage.urr_id,
		name, e->session);
	RIG_CHECK(!m->reported_end, "URR %u reports after its end", e->usage.urr_id);
	m->ul_packets += e->usage.ul_packets;
	m->ul_bytes += e->usage.ul_bytes;
	m->dl_packets += e->usage.dl_packets;
	m->dl_bytes += e->usage.dl_bytes;
	m->reported_end = e->usage.why & USAGE_TERMINATION;
	RIG_CHECK(!m->reported_end || m->ended, "URR %u ends too early", e->usage.urr_id);
}

void churn_urr_ends(uint32_t id)
{
	RIG_CHECK(n_ended < RTE_DIM(ended), "too many URRs between two looks");
	churn_measured[id].ended = true;
	ended[n_ended++] = id;
}

void churn_verify_init(void)
{
	churn_measured = calloc(SUMS, sizeof(*churn_measured));
	RIG_CHECK(churn_measured != NULL, "no memory");
	upf_on_event = on_event;
}

/* ---- sums ---- */

/* least: of a UE that talks to others more was counted than left. */
static void check_up(const char *what, uint32_t of, uint64_t packets, uint64_t bytes,
	const struct sum *s, bool least)
{
	RIG_CHECK(packets >= s->ul_packets && bytes >= s->ul_bytes &&
			  (least || (packets <= s->ul_packets + s->maybe_packets &&
					    bytes <= s->ul_bytes + s->maybe_bytes)),
		"%s %u: up %lu packets (%lu bytes) counted, %lu (%lu) left, and perhaps %lu (%lu)",
		what, of, packets, bytes, s->ul_packets, s->ul_bytes, s->maybe_packets,
		s->maybe_bytes);
}

static void check_down(
	const char *what, uint32_t of, uint64_t packets, uint64_t bytes, const struct sum *s)
{
	RIG_CHECK(packets == s->dl_packets && bytes == s->dl_bytes,
		"%s %u: down %lu packets (%lu bytes) counted, %lu (%lu) left", what, of, packets,
		bytes, s->dl_packets, s->dl_bytes);
}

static void verify_urrs(void)
{
	for (uint32_t i = 0; i < n_ended; i++) {
		const struct measured *m = &churn_measured[ended[i]];
		const struct sum *s = &churn_sum[ended[i]];

		RIG_CHECK(m->reported_end, "URR %u made no final report", ended[i]);
		check_down("URR", ended[i], m->dl_packets, m->dl_bytes, s);
		check_up("URR", ended[i], m->ul_packets, m->ul_bytes, s, m->talks);
	}
	n_ended = 0;
}

/* ---- since the last time, of a slot that did not change ---- */

static bool plain(const struct state *s)
{
	return s->up < WAY_DROP && s->down[0] == WAY_SLICE &&
	       (!s->classes || s->down[1] == WAY_SLICE) && s->limit == LIMIT_NONE && !s->quota;
}

static void verify_slot(uint32_t slot, const struct session_counters *c, uint64_t held)
{
	const struct session_counters *b = &before[slot].counters;
	uint64_t ul = c->ul_packets - b->ul_packets, dl = c->dl_packets - b->dl_packets;
	uint64_t dropped = c->dropped - b->dropped;
	uint64_t sent_ul = churn_slot[slot].sent_ul - before[slot].sent_ul;
	uint64_t sent_dl = churn_slot[slot].sent_dl - before[slot].sent_dl;

	RIG_CHECK(ul + dl + dropped + held == sent_ul + sent_dl + before[slot].held,
		"slot %u, as it was: %lu and %lu sent, %lu held before; %lu and %lu counted, %lu "
		"dropped, %lu held",
		slot, sent_ul, sent_dl, before[slot].held, ul, dl, dropped, held);
	if (plain(&churn_state[slot]))
		RIG_CHECK(dropped == 0 && ul == sent_ul && dl == sent_dl + before[slot].held - held,
			"slot %u forwards all: %lu and %lu sent; %lu and %lu counted, %lu dropped",
			slot, sent_ul, sent_dl, ul, dl, dropped);
}

void churn_upf_verify(bool exact, uint32_t cold)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		const struct state *s = &churn_state[slot];
		uint32_t index = s->there ? session_find(churn_name(s)) : 0;

		if (!s->there) {
			before[slot].life = 0;
			continue;
		}
		struct session_counters c;
		uint64_t held = hold_count(index);

		session_counters_read(index, &c);
		check_up("slot", slot, c.ul_packets, c.ul_bytes, &churn_sum[s->life],
			slot_talks(slot));
		check_down("slot", slot, c.dl_packets, c.dl_bytes, &churn_sum[s->life]);
		/* without an IPv6 prefix some of what was sent is nobody's */
		if (exact && s->v6 && slot % 4 == cold && before[slot].life == s->life)
			verify_slot(slot, &c, held);
		before[slot].counters = c;
		before[slot].held = held;
		before[slot].sent_ul = churn_slot[slot].sent_ul;
		before[slot].sent_dl = churn_slot[slot].sent_dl;
		before[slot].life = s->life;
	}
	verify_urrs();
}
