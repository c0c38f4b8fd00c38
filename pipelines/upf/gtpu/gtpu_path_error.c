/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose FAR sends to the (peer, TEID) that an error indication names (TS 29.281 7.3.1, TS 23.527
 * 5.3.3)? Error indications are rare and sessions are many: rather than an index of all TEIDs
 * sent to, which every session would pay for, all sessions are gone through once for as many
 * indications as wait, some of them a poll. Owns what waits. Main thread. */
#include "gtpu_path_error.h"

#include <rte_cycles.h>

#include "event.h"
#include "peer.h"
#include "session_hot.h"
#include "session_index.h"

#define WANTED_MAX   32
#define STRANGERS    16 /* of those that wait, told by who is no peer: a peer's always has room */
#define PAGE	     256
#define PAGES_A_POLL 16
#define QUIET_S	     1 /* the same indication again: every packet on its way causes one */

struct wanted {
	uint32_t teid_be;
	struct api_ip peer;
	uint64_t seen_tsc;
};

/* waiting: for the next time through; wanted: this time; told: a moment ago. */
static struct wanted waiting[WANTED_MAX], wanted[WANTED_MAX], told[WANTED_MAX];
static uint32_t waitings, wanteds, tolds;
static uint64_t at; /* session_iterate()'s */

void gtpu_error_reset(void)
{
	waitings = wanteds = tolds = 0;
	at = 0;
}

static bool is_same(const struct wanted *a, const struct wanted *b)
{
	return a->teid_be == b->teid_be && memcmp(&a->peer, &b->peer, sizeof(a->peer)) == 0;
}

void gtpu_error_report(const struct upf_report *report, uint64_t now_tsc)
{
	struct wanted w = {.teid_be = report->teid_be, .seen_tsc = now_tsc};

	w.peer.family = report->family;
	w.peer.len = report->family == 4 ? 32 : 128;
	memcpy(w.peer.bytes, report->address, report->family == 4 ? 4 : 16);
	for (uint32_t i = 0; i < RTE_MIN(tolds, (uint32_t)WANTED_MAX); i++)
		if (is_same(&told[i], &w) &&
			now_tsc - told[i].seen_tsc < QUIET_S * rte_get_tsc_hz())
			return;
	if (waitings >= (uint32_t)(report->stranger ? STRANGERS : WANTED_MAX))
		return; /* it will be indicated again */
	waiting[waitings++] = w;
	told[tolds++ % WANTED_MAX] = w;
	if (tolds ==
		2 * WANTED_MAX) /* keeps its place modulo WANTED_MAX, and says that all are set */
		tolds = WANTED_MAX;
}

static void tell(uint32_t session, const struct wanted *w)
{
	struct upf_event event = {.kind = UPF_ERROR_INDICATION,
		.session = session_name(session),
		.error = {.teid = rte_be_to_cpu_32(w->teid_be), .peer = w->peer}};

	upf_event(&event);
}

static bool is_peer(uint16_t id, const struct api_ip *address)
{
	struct api_ip peer;
	uint16_t gtpu;

	return peer_describe(id, &gtpu, &peer) && memcmp(&peer, address, sizeof(peer)) == 0;
}

/* Does the act send there? */
static bool sends_to(
	const struct session_block *s, const struct session_act *a, const struct wanted *w)
{
	if (a->what == ACT_GTPU && a->teid_be == w->teid_be && is_peer(a->peer, &w->peer))
		return true;
	if (!(a->flags & ACT_DUPLICATE) || a->more == 0)
		return false;
	const struct session_more *more =
		(const struct session_more *)((const uint8_t *)s + 16u * a->more);

	return more->copy_teid_be == w->teid_be && is_peer(more->copy_peer, &w->peer);
}

static bool session_sends_to(const struct session_block *s, const struct wanted *w)
{
	for (uint32_t g = 0; g < s->groups; g++) {
		const struct session_group *group = session_group_at(s, g);

		for (uint32_t i = 0; i < group->acts; i++)
			if (sends_to(s, &session_acts(group)[i], w))
				return true;
	}
	return false;
}

static void look_at(uint32_t session)
{
	const struct session_block *s = session_block[session];

	for (uint32_t i = 0; s != NULL && i < wanteds; i++)
		if (session_sends_to(s, &wanted[i]))
			tell(session, &wanted[i]);
}

static uint32_t look_page(void)
{
	uint32_t index[PAGE], n = session_iterate(&at, index, PAGE);

	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(session_block[index[i]]);
	for (uint32_t i = 0; i < n; i++)
		look_at(index[i]);
	if (at == 0)
		wanteds = 0;
	return n;
}

uint32_t gtpu_error_poll(void)
{
	uint32_t n = 0;

	if (wanteds == 0 && waitings > 0) {
		memcpy(wanted, waiting, waitings * sizeof(wanted[0]));
		wanteds = waitings;
		waitings = 0;
		at = 0;
	}
	for (uint32_t i = 0; i < PAGES_A_POLL && wanteds > 0; i++)
		n += look_page();
	return n;
}
