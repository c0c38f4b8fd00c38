/* SPDX-License-Identifier: BSD-3-Clause */
/* When a URR has something to report, and the report (TS 29.244 5.2.2). Main thread only.
 *
 * Any report begins a new measurement: thresholds count from it, quotas go on (5.2.2.3.1). Time is
 * measured from the first packet on; after inactivity_s without one it stops, that time included,
 * until the next; and it stops while a quota is used up, since nothing is served then. */
#include <rte_cycles.h>
#include <string.h>
#include <time.h>

#include "session_index.h"
#include "tsc.h"
#include "urr_hot.h"
#include "urr_live.h"

/* ---- traffic and time ---- */

/* When the last packet was. */
static uint32_t last_seen(const struct urr_live *l)
{
	uint32_t last = l->last_s;

	for (uint32_t w = 0; w < urr_workers && l->cell != 0; w++) {
		struct urr_cell *cell = (struct urr_cell *)(session_cells(w) + l->cell);
		/* sequentially consistent: pairs with urr_passed() */
		uint32_t seen = __atomic_load_n(&cell->seen_s, __ATOMIC_SEQ_CST);

		last = RTE_MAX(last, seen);
	}
	return last;
}

void urr_poke(struct urr_live *l)
{
	l->last_s = last_seen(l);
	/* a worker that writes its own time meanwhile asks within a second anyway */
	for (uint32_t w = 0; w < urr_workers && l->cell != 0; w++)
		__atomic_store_n(&((struct urr_cell *)(session_cells(w) + l->cell))->seen_s, 0,
			__ATOMIC_RELAXED);
}

static uint32_t measured(const struct urr_live *l, uint32_t now_s)
{
	return l->measured_s + (l->ticking && now_s > l->since_s ? now_s - l->since_s : 0);
}

/* A quota is used up: until main makes it a new one nothing passes. */
static bool is_used_up(const struct urr_live *l)
{
	return __atomic_load_n(&l->state, __ATOMIC_RELAXED) &
	       (URR_REPORTED | URR_USED_S | URR_REPORTED_S);
}

static void time_stops(struct urr_live *l, uint32_t now_s)
{
	l->measured_s = measured(l, now_s);
	l->ticking = false;
}

/* With the next packet. */
static void time_may_start(struct urr_live *l)
{
	if (!l->ticking)
		__atomic_fetch_or(&l->state, URR_WATCH, __ATOMIC_SEQ_CST);
}

/* 0: it never stops. */
static uint32_t idle_after(const struct urr_live *l)
{
	if (l->inactivity_s != 0)
		return l->inactivity_s;
	return l->report & REPORT_STOP ? URR_IDLE_S : 0;
}

static uint32_t traffic_begins(struct urr_live *l)
{
	uint32_t first_s = __atomic_load_n(&l->first_s, __ATOMIC_RELAXED);

	l->last_s = RTE_MAX(l->last_s, first_s);
	if (!l->ticking && !is_used_up(l)) {
		l->ticking = true;
		l->since_s = first_s;
	}
	if (l->traffic)
		return 0;
	l->traffic = true;
	return l->report & REPORT_START ? USAGE_START : 0;
}

static uint32_t traffic_ends(struct urr_live *l, uint32_t now_s)
{
	uint32_t last = last_seen(l), idle = idle_after(l);

	if (!l->traffic || idle == 0 || now_s < last + idle)
		return 0;
	/* sequentially consistent: pairs with urr_passed() */
	__atomic_fetch_or(&l->state, URR_WATCH, __ATOMIC_SEQ_CST);
	if (last_seen(l) != last) {
		__atomic_fetch_and(&l->state, ~URR_WATCH, __ATOMIC_RELAXED);
		return 0;
	}
	l->traffic = false;
	if (l->inactivity_s != 0 && l->ticking)
		time_stops(l, last + idle);
	return l->report & REPORT_STOP ? USAGE_STOP : 0;
}

/* ---- limits ---- */

static uint64_t limit(uint64_t from, uint64_t bytes)
{
	return bytes < URR_NO_LIMIT - from ? from + bytes : URR_NO_LIMIT;
}

/* The difference to before is added to what workers share. */
static void limit_threshold(struct urr_live *l)
{
	uint64_t to = URR_NO_LIMIT;

	if (l->threshold_bytes != 0)
		to = limit(urr_volume(&l->reported), l->threshold_bytes);
	__atomic_fetch_add(&l->soft, (int64_t)(to - l->threshold_limit), __ATOMIC_RELAXED);
	l->threshold_limit = to;
}

static void limit_quota(struct urr_live *l)
{
	uint64_t to = limit(urr_volume(&l->reported), l->quota_bytes);

	/* in this order: see use_up() */
	__atomic_fetch_add(&l->left, (int64_t)(to - l->quota_limit), __ATOMIC_SEQ_CST);
	__atomic_fetch_and(&l->state, ~(URR_USED | URR_REPORTED), __ATOMIC_SEQ_CST);
	l->quota_limit = to;
	time_may_start(l);
}

/* When it is used up already, that is reported in a moment. */
static void limit_quota_s(struct urr_live *l, uint32_t now_s)
{
	l->quota_end_s = UINT32_MAX;
	if (l->quota_s != NO_QUOTA_S)
		l->quota_end_s = RTE_MIN((uint64_t)l->reported_s + l->quota_s, UINT32_MAX - 1ull);
	__atomic_fetch_and(&l->state, ~(URR_USED_S | URR_REPORTED_S), __ATOMIC_RELAXED);
	if (l->quota_end_s <= measured(l, now_s)) {
		__atomic_fetch_or(&l->state, URR_USED_S, __ATOMIC_RELAXED);
		time_stops(l, now_s);
	}
	time_may_start(l);
}

/* ---- reports ---- */

static uint64_t unix_s(uint32_t box_s, uint32_t now_s)
{
	return time(NULL) - (now_s - box_s);
}

static uint64_t since(uint64_t *then, uint64_t now)
{
	/* what the slice's meter refused is taken out of the counters after it was counted */
	uint64_t more = now > *then ? now - *then : 0;

	*then += more;
	return more;
}

static void report(uint32_t session, struct urr *u, struct urr_counters *reported,
	const struct urr_counters *sum, struct upf_usage *usage)
{
	struct upf_event event = {.kind = UPF_USAGE, .session = session_name(session)};

	usage->urr_id = u->id;
	usage->sequence = u->sequence++;
	usage->ul_packets = since(&reported->ul_packets, sum->ul_packets);
	usage->ul_bytes = since(&reported->ul_bytes, sum->ul_bytes);
	usage->dl_packets = since(&reported->dl_packets, sum->dl_packets);
	usage->dl_bytes = since(&reported->dl_bytes, sum->dl_bytes);
	event.usage = *usage;
	upf_event(&event);
}

static void report_live(uint32_t session, struct urr *u, const struct urr_counters *sum,
	uint32_t why, uint32_t now_s)
{
	struct urr_live *l = &urr_live[u->live];
	struct upf_usage usage = {.why = why,
		.start_unix_s = unix_s(l->report_s, now_s),
		.end_unix_s = unix_s(now_s, now_s)};

	if (u->measure & MEASURE_DURATION)
		usage.duration_s = measured(l, now_s) - l->reported_s;
	l->report_s = now_s;
	l->reported_s = measured(l, now_s);
	report(session, u, &l->reported, sum, &usage);
	limit_threshold(l);
}

void urr_finish(uint32_t session, struct urr *u, const struct urr_counters *sum)
{
	uint32_t now_s = tsc_now_s();
	struct urr_counters none = {0};
	struct upf_usage usage = {.why = USAGE_TERMINATION,
		.start_unix_s = unix_s(u->made_s, now_s),
		.end_unix_s = unix_s(now_s, now_s)};

	if (u->live != 0) {
		traffic_ends(&urr_live[u->live], now_s);
		report_live(session, u, sum, USAGE_TERMINATION, now_s);
	} else {
		report(session, u, &none, sum, &usage);
	}
}

/* Why there is something to report of its time, moving its timers on. */
static uint32_t due_by_time(struct urr_live *l, uint32_t now_s)
{
	uint32_t why = traffic_ends(l, now_s);

	if (l->period_s != 0 && now_s >= l->period_due_s) {
		why |= USAGE_PERIODIC;
		l->period_due_s +=
			(now_s - l->period_due_s) / l->period_s * l->period_s + l->period_s;
	}
	if (l->threshold_s != 0 && measured(l, now_s) - l->reported_s >= l->threshold_s)
		why |= USAGE_TIME_THRESHOLD;
	if (l->quota_end_s <= measured(l, now_s) && !(l->state & URR_REPORTED_S)) {
		why |= USAGE_TIME_QUOTA;
		__atomic_fetch_or(&l->state, URR_USED_S | URR_REPORTED_S, __ATOMIC_RELAXED);
		time_stops(l, now_s);
		urr_poke(l);
	}
	return why;
}

static uint32_t sooner(uint32_t due_s, uint32_t than_s)
{
	return due_s == 0 || than_s < due_s ? than_s : due_s;
}

static void arm(struct urr_live *l, uint32_t now_s)
{
	uint32_t due = 0, time = measured(l, now_s);

	if (l->period_s != 0)
		due = l->period_due_s;
	if (l->traffic && idle_after(l) != 0)
		due = sooner(due, last_seen(l) + idle_after(l));
	if (l->ticking && l->threshold_s != 0)
		due = sooner(due, now_s + l->threshold_s - (time - l->reported_s));
	if (l->quota_end_s <= time && !(l->state & URR_REPORTED_S))
		due = sooner(due, now_s + 1);
	else if (l->ticking && l->quota_end_s != UINT32_MAX && time < l->quota_end_s)
		due = sooner(due, now_s + l->quota_end_s - time);
	/* a worker said that the threshold is reached before it counted the packet */
	if (__atomic_load_n(&l->soft, __ATOMIC_RELAXED) <= 0)
		due = sooner(due, now_s + 1);
	if (due != 0)
		urr_arm_at(l, due);
	else
		urr_disarm(l);
}

void urr_look(uint32_t session, uint32_t n)
{
	struct urr_record *r = urr_record_of(session);
	struct urr *u = &r->urr[n];
	struct urr_live *l = &urr_live[u->live];
	uint32_t now_s = tsc_now_s(), why = 0;
	struct urr_counters sum;
	/* acquire: pairs with tell(). First the bit, then the counters: what is counted later is
	 * told again. */
	uint32_t state = __atomic_fetch_and(&l->state, ~(URR_TOLD | URR_STARTED), __ATOMIC_ACQ_REL);

	if (state & URR_STARTED)
		why |= traffic_begins(l);
	why |= due_by_time(l, now_s);
	urr_sum(r, n, &sum);
	if (l->threshold_bytes != 0 &&
		urr_volume(&sum) >= urr_volume(&l->reported) + l->threshold_bytes)
		why |= USAGE_VOLUME_THRESHOLD;
	if ((state & URR_USED) && !(state & URR_REPORTED) && l->moving == 0) {
		why |= USAGE_VOLUME_QUOTA;
		__atomic_fetch_or(&l->state, URR_REPORTED, __ATOMIC_RELAXED);
		time_stops(l, now_s);
	}
	if (why != 0)
		report_live(session, u, &sum, why, now_s);
	arm(l, now_s);
}

void urr_settled(struct urr_live *l)
{
	if (!(__atomic_load_n(&l->state, __ATOMIC_RELAXED) & URR_USED))
		return;
	if (__atomic_load_n(&l->left, __ATOMIC_RELAXED) > 0)
		__atomic_fetch_and(&l->state, ~URR_USED, __ATOMIC_SEQ_CST);
	urr_arm_at(l, tsc_now_s());
}

/* ---- values ---- */

static void values(struct urr_live *l, const struct api_urr *cfg)
{
	l->threshold_bytes = cfg->threshold_bytes;
	l->quota_bytes = cfg->quota_bytes;
	l->threshold_s = cfg->threshold_s;
	l->quota_s = cfg->quota_s;
	l->period_s = cfg->period_s;
	l->inactivity_s = cfg->inactivity_s;
	l->report = cfg->report;
	l->grant = cfg->grant;
}

void urr_begin(struct urr_live *l, const struct api_urr *cfg, uint64_t used)
{
	uint32_t now_s = tsc_now_s();

	values(l, cfg);
	l->left = l->soft = -(int64_t)used;
	l->report_s = now_s;
	l->period_due_s = now_s + cfg->period_s;
	limit_threshold(l);
	limit_quota(l);
	limit_quota_s(l, now_s);
	l->state |= URR_WATCH;
	arm(l, now_s);
}

void urr_set(struct urr_live *l, const struct api_urr *cfg)
{
	struct urr_live was = *l;
	uint32_t now_s = tsc_now_s();
	bool anew = cfg->grant != was.grant;

	values(l, cfg);
	if (cfg->threshold_bytes != was.threshold_bytes)
		limit_threshold(l);
	if (cfg->quota_bytes != was.quota_bytes || anew)
		limit_quota(l);
	if (cfg->quota_s != was.quota_s || anew)
		limit_quota_s(l, now_s);
	if (cfg->period_s != was.period_s)
		l->period_due_s = now_s + cfg->period_s;
	urr_poke(l);
	arm(l, now_s);
}

void urr_told(uint32_t session, uint8_t n)
{
	/* the worker may have looked at a session that has changed since: whoever told, is found */
	struct urr_record *r = urr_record_of(session);

	for (uint32_t i = 0; r != NULL && i < r->urrs; i++)
		if (r->urr[i].live != 0 &&
			(__atomic_load_n(&urr_live[r->urr[i].live].state, __ATOMIC_RELAXED) &
				URR_TOLD))
			urr_look(session, i);
}

/* ==== timers ==== */

#define WHEEL	 4096 /* slots of a second; what is further off comes by once a turn */
#define POLL_MAX 256  /* a call's share */

static uint32_t wheel[WHEEL], wheel_s, work; /* work: the rest of wheel_s's slot */

void urr_disarm(struct urr_live *l)
{
	if (l->due_s == 0)
		return;
	if (l->next != 0)
		urr_live[l->next].prev = l->prev;
	if (l->prev != 0)
		urr_live[l->prev].next = l->next;
	else if (work != 0 && &urr_live[work] == l)
		work = l->next;
	else
		wheel[l->due_s % WHEEL] = l->next;
	l->due_s = l->next = l->prev = 0;
}

void urr_arm_at(struct urr_live *l, uint32_t due_s)
{
	uint32_t *head;

	urr_disarm(l);
	l->due_s = RTE_MAX(due_s, wheel_s + 1);
	head = &wheel[l->due_s % WHEEL];
	l->next = *head;
	if (l->next != 0)
		urr_live[l->next].prev = l - urr_live;
	*head = l - urr_live;
}

void urr_timers_init(void)
{
	memset(wheel, 0, sizeof(wheel));
	work = 0;
	wheel_s = tsc_now_s();
}

static void look_at(struct urr_live *l)
{
	const struct urr_record *r = urr_record_of(l->session);

	for (uint32_t n = 0; r != NULL && n < r->urrs; n++)
		if (&urr_live[r->urr[n].live] == l) {
			urr_look(l->session, n);
			return;
		}
}

uint32_t urr_poll(void)
{
	uint32_t now_s = tsc_now_s(), done = 0;

	while (done < POLL_MAX) {
		struct urr_live *l;

		if (work == 0) {
			if (wheel_s >= now_s)
				break;
			wheel_s++;
			work = wheel[wheel_s % WHEEL];
			wheel[wheel_s % WHEEL] = 0;
			continue;
		}
		l = &urr_live[work];
		uint32_t due_s = l->due_s;

		urr_disarm(l);
		done++;
		if (due_s > wheel_s)
			urr_arm_at(l, due_s);
		else
			look_at(l);
	}
	return done;
}
