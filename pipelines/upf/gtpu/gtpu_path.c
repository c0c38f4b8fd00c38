/* SPDX-License-Identifier: BSD-3-Clause */
/* Path supervision (TS 29.281 clauses 7.2.1, 12; TS 23.527 5.3), and whose FAR sends to the (peer,
 * TEID) that an error indication names (TS 29.281 7.3.1, TS 23.527 5.3.3). Main thread only. Owns
 * what is known of each peer and which indications wait. Requests are sent by worker 0, by the
 * paths of the peer's tunnel.
 *
 * Error indications are rare and sessions are many: rather than an index of all TEIDs sent to,
 * which every session would pay for, all sessions are gone through once for as many indications as
 * wait, some of them a poll. */
#include "gtpu_path.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_malloc.h>

#include "event.h"
#include "gtpu.h"
#include "peer.h"
#include "session_hot.h"
#include "session_index.h"
#include "tsc.h"
#include "upf_worker.h"

/* ==== error indications ==== */

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

static void gtpu_error_reset(void)
{
	waitings = wanteds = tolds = 0;
	at = 0;
}

static bool is_same(const struct wanted *a, const struct wanted *b)
{
	return a->teid_be == b->teid_be && memcmp(&a->peer, &b->peer, sizeof(a->peer)) == 0;
}

/* A peer does not know a TEID. */
static void gtpu_error_report(const struct upf_report *report, uint64_t now_tsc)
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

static void error_tell(uint32_t session, const struct wanted *w)
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

static void error_look_at(uint32_t session)
{
	const struct session_block *s = session_block[session];

	for (uint32_t i = 0; s != NULL && i < wanteds; i++)
		if (session_sends_to(s, &wanted[i]))
			error_tell(session, &wanted[i]);
}

static uint32_t look_page(void)
{
	uint32_t index[PAGE], n = session_iterate(&at, index, PAGE);

	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(session_block[index[i]]);
	for (uint32_t i = 0; i < n; i++)
		error_look_at(index[i]);
	if (at == 0)
		wanteds = 0;
	return n;
}

/* Looks on; how many sessions it has looked at. */
static uint32_t gtpu_error_poll(void)
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

/* ==== paths ==== */

#define LOOK_MS 50 /* how often it is asked who is due */

struct path {
	uint64_t due_tsc;   /* the next request, or the next try of the same */
	uint64_t asked_tsc; /* the first try */
	uint16_t place;	    /* in list[] */
	uint16_t sequence;
	uint8_t tries; /* of the request that waits for its answer; 0: none does */
	uint8_t state; /* enum gtpu_path_state */
};

static struct path *path; /* [LIMIT_TUNNELS + 1] */
static uint16_t *list;	  /* peers in use */
static uint32_t listed;
static uint16_t *asked; /* [65536] by sequence number: the peer that was asked last with it */
uint64_t gtpu_path_waits[65536 / 64]; /* a bit a sequence number whose answer is waited for */
static uint16_t next_sequence;
static uint64_t look_tsc;

static uint64_t of_ms(uint64_t ms)
{
	return rte_get_tsc_hz() / 1000 * ms;
}

int gtpu_path_init(void)
{
	path = rte_zmalloc("gtpu_path", (LIMIT_TUNNELS + 1) * sizeof(*path), 0);
	list = rte_zmalloc("gtpu_path_list", (LIMIT_TUNNELS + 1) * sizeof(*list), 0);
	asked = rte_zmalloc("gtpu_path_asked", 65536 * sizeof(*asked), 0);
	listed = 0;
	look_tsc = 0;
	memset(gtpu_path_waits, 0, sizeof(gtpu_path_waits));
	gtpu_error_reset();
	if (path != NULL && list != NULL && asked != NULL)
		return 0;
	gtpu_path_fini();
	return -ENOMEM;
}

void gtpu_path_fini(void)
{
	rte_free(path);
	rte_free(list);
	rte_free(asked);
	path = NULL;
	list = asked = NULL;
	listed = 0;
}

/* ---- peers ---- */

void gtpu_path_add(uint16_t peer)
{
	if (path == NULL)
		return;
	path[peer] = (struct path){.place = (uint16_t)listed};
	list[listed++] = peer;
}

static void wait_for(uint16_t sequence, bool waits)
{
	uint64_t *word = &gtpu_path_waits[sequence / 64], bit = 1ull << sequence % 64;

	/* relaxed: a hint for workers; answered() knows who was asked */
	__atomic_store_n(word, waits ? *word | bit : *word & ~bit, __ATOMIC_RELAXED);
}

void gtpu_path_remove(uint16_t peer)
{
	if (path == NULL)
		return;
	uint16_t last = list[--listed];

	if (path[peer].tries != 0)
		wait_for(path[peer].sequence, false);
	list[path[peer].place] = last;
	path[last].place = path[peer].place;
	path[peer] = (struct path){0};
}

enum gtpu_path_state gtpu_path_state(uint16_t peer)
{
	return path != NULL ? path[peer].state : PATH_UNWATCHED;
}

const char *gtpu_path_text(enum gtpu_path_state state)
{
	static const char *const text[] = {[PATH_UNWATCHED] = "not watched",
		[PATH_UNKNOWN] = "asked",
		[PATH_UP] = "up",
		[PATH_DOWN] = "down"};

	return text[state];
}

static void tell(uint16_t peer, enum upf_event_kind kind)
{
	struct upf_event event = {.kind = kind};

	if (peer_describe(peer, &event.path.gtpu, &event.path.peer))
		upf_event(&event);
}

/* ---- asking ---- */

/* Any port's buffers do: the ones of the port it leaves by are not known here. */
static struct rte_mbuf *buffer(void)
{
	for (uint32_t i = 0; i < PORT_MAX; i++) {
		struct rte_mbuf *m = port_hot[i].live && !port_hot[i].is_twin
					     ? rte_pktmbuf_alloc(port_hot[i].pool)
					     : NULL;

		if (m != NULL)
			return m;
	}
	return NULL;
}

/* False: not now; it is tried again. */
static bool ask(uint16_t peer)
{
	struct upf_worker *upf = workers[0] != NULL ? switch_of(workers[0])->upf : NULL;
	struct upf_order order = {.kind = ORDER_MESSAGE, .peer = peer};
	uint8_t text[GTPU_HEADER + GTPU_OPTIONS];

	if (upf == NULL || (order.m = buffer()) == NULL)
		return false;
	gtpu_write_echo_request(text, sizeof(text), path[peer].sequence);
	memcpy(rte_pktmbuf_append(order.m, sizeof(text)), text, sizeof(text));
	if (rte_ring_sp_enqueue_elem(upf->orders, &order, sizeof(order)) == 0)
		return true;
	rte_pktmbuf_free(order.m);
	return false;
}

/* A new request; the first try of it. */
static bool ask_anew(uint16_t peer, uint64_t now)
{
	struct path *p = &path[peer];

	if (++next_sequence == 0)
		next_sequence = 1; /* see answerer() */
	p->sequence = next_sequence;
	asked[p->sequence] = peer;
	wait_for(p->sequence, true);
	p->asked_tsc = now;
	return ask(peer);
}

static void give_up(uint16_t peer, uint64_t now, uint32_t echo_s)
{
	struct path *p = &path[peer];

	wait_for(p->sequence, false);
	p->tries = 0;
	p->due_tsc = p->asked_tsc + of_ms(1000ull * echo_s);
	if (p->due_tsc < now)
		p->due_tsc = now;
	if (p->state != PATH_DOWN) {
		p->state = PATH_DOWN;
		tell(peer, UPF_PATH_DOWN);
	}
}

static uint32_t echo_interval(uint16_t peer)
{
	const struct api_gtpu *cfg = NULL;
	struct api_ip address;
	uint16_t gtpu;

	if (peer_describe(peer, &gtpu, &address))
		cfg = gtpu_config(gtpu);
	return cfg != NULL ? cfg->echo_s : 0;
}

/* Not all at once: many come into use together. */
static uint64_t first_after(uint16_t peer, uint32_t echo_s)
{
	uint64_t within_ms = RTE_MIN(echo_s * 250ull, 5000ull);

	return of_ms(peer * 2654435761ull % within_ms);
}

/* Did something happen? */
static bool look_at(uint16_t peer, uint64_t now)
{
	struct path *p = &path[peer];
	uint32_t echo_s = echo_interval(peer);

	if (echo_s == 0) {
		p->state = PATH_UNWATCHED;
		p->tries = 0;
		return false;
	}
	if (p->state == PATH_UNWATCHED) {
		p->state = PATH_UNKNOWN;
		p->due_tsc = now + first_after(peer, echo_s);
	}
	if (now < p->due_tsc)
		return false;
	if (p->tries == PATH_TRIES) {
		give_up(peer, now, echo_s);
		return true;
	}
	if (p->tries == 0 ? ask_anew(peer, now) : ask(peer)) {
		p->tries++;
		p->due_tsc = now + of_ms(1000ull * RTE_MIN(echo_s, (uint32_t)PATH_RETRY_S));
	}
	return true;
}

uint32_t gtpu_path_poll(void)
{
	if (path == NULL)
		return 0;
	uint64_t now_tsc = tsc_now();
	uint32_t n = gtpu_error_poll();

	if (now_tsc < look_tsc)
		return n;
	look_tsc = now_tsc + of_ms(LOOK_MS);
	for (uint32_t i = 0; i < listed; i++)
		n += look_at(list[i], now_tsc);
	return n;
}

/* ---- hearing ---- */

static bool is_from(const struct upf_report *report, uint16_t peer)
{
	struct api_ip address;
	uint16_t gtpu;

	return path[peer].tries != 0 && peer_describe(peer, &gtpu, &address) &&
	       gtpu == report->gtpu && address.family == report->family &&
	       memcmp(address.bytes, report->address, address.family == 4 ? 4 : 16) == 0;
}

/* Only who was asked, with what it was asked: anybody can send an echo response. Linux' gtp.ko does
 * not copy the request's number (TS 29.281 clause 7.2.2) but answers each with 0, which is taken
 * from any peer that is being asked. 0: nobody. */
static uint16_t answerer(const struct upf_report *report)
{
	uint16_t peer = asked[report->sequence];

	if (report->sequence != 0)
		return peer != 0 && path[peer].sequence == report->sequence && is_from(report, peer)
			       ? peer
			       : 0;
	for (uint32_t i = 0; i < listed; i++)
		if (is_from(report, list[i]))
			return list[i];
	return 0;
}

static void answered(const struct upf_report *report)
{
	uint16_t peer = answerer(report);
	struct path *p = &path[peer];

	if (peer == 0)
		return;
	wait_for(p->sequence, false);
	p->tries = 0;
	p->due_tsc = p->asked_tsc + of_ms(1000ull * echo_interval(peer));
	if (p->state == PATH_UP)
		return;
	p->state = PATH_UP;
	tell(peer, UPF_PATH_UP);
}

void gtpu_path_report(const struct upf_report *report)
{
	if (path == NULL)
		return;
	if (report->kind == REPORT_ECHO)
		answered(report);
	else if (report->kind == REPORT_ERROR_INDICATION)
		gtpu_error_report(report, tsc_now());
}
