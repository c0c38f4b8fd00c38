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

void report_now(struct side *side)
{
	struct mirror_counters now;

	if (!side->mirror)
		return;
	memset(&now, 0, sizeof(now)); /* its padding is compared, too */
	mirror_counters(side->mirror, &now);
	if (!memcmp(&now, &side->counters, sizeof(now)))
		return;
	memcpy(&side->counters, &now, sizeof(now));
	lines_say(side->lines, json_pack("{s:o}", "counters", wire_counters(&now)));
}

/* Says {word: value} when it is another one than before. value is stolen. */
static void say_changed(struct side *side, const char *word, json_t *value, char **before)
{
	char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

	if (text && *before && !strcmp(text, *before)) {
		free(text);
		json_decref(value);
		return;
	}
	free(*before);
	*before = text;
	lines_say(side->lines, json_pack("{s:o}", word, value));
}

/* ---- gaps ---- */

static void add_gap(const char *slice, const char *said, void *arg)
{
	json_object_set_new(arg, slice, json_string(said));
}

/* Each second, or less often where there are so many slices that it takes long. */
static void report_gaps(struct side *side)
{
	uint64_t started_us = clock_mono_us();
	json_t *gaps;

	if (!side->mirror || side->gap_wait-- > 0)
		return;
	gaps = json_object();
	mirror_gaps(side->mirror, add_gap, gaps);
	say_changed(side, "gaps", gaps, &side->gaps);
	side->gap_cost_us = clock_mono_us() - started_us;
	side->gap_wait = (uint32_t)(side->gap_cost_us * GAP_COST_PART / 1000000);
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

static void report_xdp(struct side *side)
{
	json_t *list;

	if (!xdp_ports() && !side->xdp)
		return;
	list = json_array();
	xdp_each(add_xdp, list);
	say_changed(side, "xdp", list, &side->xdp);
}

/* ---- the clock ---- */

static void on_report(evutil_socket_t fd, short what, void *arg)
{
	struct side *side = arg;

	report_now(side);
	if (++side->reports % REPORTS_S)
		return;
	lines_say(side->lines, json_pack("{s:b}", "alive", 1));
	report_gaps(side);
	report_xdp(side);
}

int report_start(struct side *side)
{
	const struct timeval every = {.tv_usec = EVERY_MS * 1000};

	side->report = event_new(side->base, -1, EV_PERSIST, on_report, side);
	return side->report && !event_add(side->report, &every) ? 0 : -ENOMEM;
}

void report_stop(struct side *side)
{
	if (side->report)
		event_free(side->report);
	side->report = NULL;
	free(side->gaps);
	free(side->xdp);
	side->gaps = side->xdp = NULL;
}
