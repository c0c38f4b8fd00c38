/* SPDX-License-Identifier: BSD-3-Clause */
/* What sluice-control shows of the kernel, told when it has changed: the mirror's counters five
 * times a second, what slices lack and the XDP programs' counters each second. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "kernel_private.h"
#include "wire.h"
#include "xdp.h"

#define EVERY_MS      200
#define REPORTS_S     (1000 / EVERY_MS)
#define GAP_COST_PART 20 /* at most that part of the time goes into looking for gaps */

/* Says {word: value} when it is another one than before. value is stolen. */
static void say_changed(struct mirroring *m, const char *word, json_t *value, char **before)
{
	char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

	if (text && *before && !strcmp(text, *before)) {
		free(text);
		json_decref(value);
		return;
	}
	free(*before);
	*before = text;
	lines_say(m->lines, json_pack("{s:o}", word, value));
}

/* ---- what the dataplane does not take ---- */

#define SHOWN 20

static void add_refused(enum object_type type, const char *key, const char *reason, void *arg)
{
	json_array_append_new(arg, json_pack("[s, s, s]", api_types[type].name, key, reason));
}

static void report_refused(struct mirroring *m)
{
	json_t *list = json_array();

	publisher_refused(m->publisher, SHOWN, add_refused, list);
	say_changed(m, "refused", list, &m->refused);
}

/* ---- counters ---- */

void report_now(struct mirroring *m)
{
	struct mirror_counters now;

	if (!m->mirror || !m->lines)
		return;
	memset(&now, 0, sizeof(now)); /* its padding is compared, too */
	mirror_counters(m->mirror, &now);
	publisher_counters(m->publisher, &now);
	if (!memcmp(&now, &m->counters, sizeof(now)))
		return;
	memcpy(&m->counters, &now, sizeof(now));
	report_refused(m); /* before they are counted */
	lines_say(m->lines, json_pack("{s:o}", "counters", wire_counters(&now)));
}

/* ---- gaps ---- */

/* Each second, or less often where there are so many slices that it takes long. */
static void report_gaps(struct mirroring *m)
{
	uint64_t started_us = clock_mono_us();

	if (!m->mirror || m->gap_wait) {
		m->gap_wait -= m->gap_wait > 0;
		return;
	}
	say_changed(m, "gaps", json_incref(mirror_look_for_gaps(m->mirror)), &m->gaps);
	m->gap_wait = (uint32_t)((clock_mono_us() - started_us) * GAP_COST_PART / 1000000);
}

/* ---- XDP ---- */

static void add_xdp(const struct xdp_status *status, void *arg)
{
	json_t *counts = json_array();

	for (size_t i = 0; i < XDP_VERDICT_COUNT; i++) {
		json_array_append_new(counts, json_integer((json_int_t)status->count[i].packets));
		json_array_append_new(counts, json_integer((json_int_t)status->count[i].bytes));
	}
	json_array_append_new(
		arg, json_pack("{s:s, s:s, s:i, s:s, s:o}", "port", status->port, "interface",
			     status->interface, "state", (int)status->state, "reason",
			     status->reason, "counts", counts));
}

static void report_xdp(struct mirroring *m)
{
	json_t *list;

	if (!xdp_ports() && !m->xdp)
		return;
	list = json_array();
	xdp_each(add_xdp, list);
	say_changed(m, "xdp", list, &m->xdp);
}

/* ---- the clock ---- */

static void on_report(evutil_socket_t fd, short what, void *arg)
{
	struct mirroring *m = arg;

	if (!m->lines)
		return;
	report_now(m);
	if (++m->reports % REPORTS_S)
		return;
	lines_say(m->lines, json_pack("{s:b}", "alive", 1));
	report_gaps(m);
	report_refused(m);
	report_xdp(m);
}

void report_start(struct mirroring *m)
{
	const struct timeval every = {.tv_usec = EVERY_MS * 1000};

	m->report = event_new(m->base, -1, EV_PERSIST, on_report, m);
	event_add(m->report, &every);
}

void report_anew(struct mirroring *m)
{
	memset(&m->counters, 0, sizeof(m->counters));
	free(m->gaps);
	free(m->refused);
	free(m->xdp);
	m->gaps = m->refused = m->xdp = NULL;
	m->gap_wait = 0;
}

void report_stop(struct mirroring *m)
{
	if (m->report)
		event_free(m->report);
	m->report = NULL;
	report_anew(m);
}
