/* SPDX-License-Identifier: BSD-3-Clause */
/* What control knows of itself: intents, WANs, the reconciler, the dataplane's connection, HTTP. */
#include "bus.h"
#include "collector.h"
#include "metrics.h"
#include "observe.h"

#include <stdio.h>

static void one_u64(
	struct text *p, const char *name, enum prom_kind kind, uint64_t value, const char *help)
{
	prom_family(p, name, kind, help);
	prom_u64(p, name, value, NULL);
}

static void one_f64(
	struct text *p, const char *name, enum prom_kind kind, double value, const char *help)
{
	prom_family(p, name, kind, help);
	prom_f64(p, name, value, NULL);
}

static void write_loop(struct text *p)
{
	one_f64(p, "sluice_control_turn_longest_seconds", PROM_GAUGE, control.turn_longest_us / 1e6,
		"CPU time of the longest turn of control's loop: for so long everything else "
		"waited.");
	one_u64(p, "sluice_control_turns_long_total", PROM_COUNTER, control.turns_long,
		"Turns of control's loop that took more than 20 ms of CPU time.");
}

static void write_intents(struct text *p)
{
	size_t counts[INTENT_STATES];

	prom_family(p, "sluice_intents", PROM_GAUGE, "Intents by type and state.");
	for (int type = 0; type < INTENT_TYPES; type++) {
		reconciler_states(control.reconciler, type, counts);
		for (int state = 0; state < INTENT_STATES; state++)
			prom_u64(p, "sluice_intents", counts[state], "type", intent_path(type),
				"state", intent_state_names[state], NULL);
	}
}

static void write_wans(struct text *p)
{
	struct intent *wan = world_first(control.world, INTENT_WAN);

	if (!wan)
		return;
	prom_family(p, "sluice_wan_capacity_bytes_per_second", PROM_GAUGE,
		"What may be booked on a WAN; 0: not limited.");
	for (; wan; wan = world_next(wan))
		prom_f64(p, "sluice_wan_capacity_bytes_per_second",
			(double)wan->obj->wan.capacity_bps / 8, "wan", wan->name, "site",
			wan->obj->wan.site, NULL);
	prom_family(p, "sluice_wan_booked_bytes_per_second", PROM_GAUGE,
		"What slices and networks have booked on a WAN.");
	for (wan = world_first(control.world, INTENT_WAN); wan; wan = world_next(wan))
		prom_f64(p, "sluice_wan_booked_bytes_per_second",
			(double)world_booked_bps(control.world, wan->name) / 8, "wan", wan->name,
			"site", wan->obj->wan.site, NULL);
}

static void write_reconciler(struct text *p)
{
	struct reconcile_counters c = {0};

	reconciler_counters(control.reconciler, &c);
	one_u64(p, "sluice_reconciler_synced", PROM_GAUGE, c.synced,
		"The dataplane is as the intents want it, but for what was refused.");
	one_u64(p, "sluice_reconciler_transactions_total", PROM_COUNTER, c.transactions,
		"Transactions sent to the dataplane.");
	one_u64(p, "sluice_reconciler_transactions_refused_total", PROM_COUNTER,
		c.transactions_refused, "Transactions that the dataplane refused.");
	one_u64(p, "sluice_reconciler_resyncs_total", PROM_COUNTER, c.resyncs,
		"Comparisons with all that the dataplane lists.");
	one_u64(p, "sluice_reconciler_drift_objects_total", PROM_COUNTER, c.drift_total,
		"Objects found other than they had been left, and put right.");
	prom_family(p, "sluice_reconciler_objects", PROM_GAUGE,
		"Objects of the dataplane: wanted, there, and those that differ.");
	prom_u64(p, "sluice_reconciler_objects", c.desired, "state", "desired", NULL);
	prom_u64(p, "sluice_reconciler_objects", c.actual, "state", "actual", NULL);
	prom_u64(p, "sluice_reconciler_objects", c.differing, "state", "differing", NULL);
	one_u64(p, "sluice_reconciler_refused_intents", PROM_GAUGE, c.refused,
		"Intents that the dataplane refuses.");
	one_u64(p, "sluice_reconciler_pending_intents", PROM_GAUGE, c.pending,
		"Intents that are not in the dataplane yet.");
	one_f64(p, "sluice_reconciler_last_sync_timestamp_seconds", PROM_GAUGE,
		c.last_sync_us / 1e6, "When the dataplane was last found or made as wanted.");
	one_f64(p, "sluice_reconciler_last_apply_duration_seconds", PROM_GAUGE,
		c.last_apply_us / 1e6, "How long the last transaction took.");
}

static void write_dataplane(struct text *p)
{
	const json_t *hello = dataplane_hello(control.dataplane);

	one_u64(p, "sluice_dataplane_up", PROM_GAUGE,
		dataplane_state(control.dataplane) == DATAPLANE_UP,
		"The dataplane answers at its socket.");
	if (hello) {
		prom_family(p, "sluice_dataplane_info", PROM_GAUGE,
			"Always 1; the dataplane's version is a label.");
		prom_u64(p, "sluice_dataplane_info", 1, "version",
			json_string_value(json_object_get(hello, "version")), NULL);
	}
	one_f64(p, "sluice_collector_last_read_timestamp_seconds", PROM_GAUGE,
		collector_at_us(control.collector) / 1e6, "When the counters were last read.");
	one_f64(p, "sluice_collector_read_duration_seconds", PROM_GAUGE,
		collector_took_us(control.collector) / 1e6,
		"How long the last reading of all counters took.");
}

static void write_http(struct text *p)
{
	struct http_counters c = {0};

	http_counters(&c);
	prom_family(p, "sluice_http_requests_total", PROM_COUNTER,
		"Requests answered, by the hundreds of the status.");
	for (int i = 1; i < 6; i++)
		prom_u64(p, "sluice_http_requests_total", c.requests[i], "code",
			(const char *[]){"", "1xx", "2xx", "3xx", "4xx", "5xx"}[i], NULL);
	prom_family(p, "sluice_http_refused_total", PROM_COUNTER,
		"Requests over their rate and connections over their number.");
	prom_u64(p, "sluice_http_refused_total", c.refused_rate, "limit", "rate", NULL);
	prom_u64(p, "sluice_http_refused_total", c.refused_connections, "limit", "connections",
		NULL);
	one_u64(p, "sluice_http_timeouts_total", PROM_COUNTER, c.timeouts,
		"Connections closed as a request did not come whole in its time.");
	one_u64(p, "sluice_http_connections", PROM_GAUGE, c.connections, "Open connections.");
	one_u64(p, "sluice_http_streams", PROM_GAUGE, c.streams, "Open streams of events.");
}

void metrics_write_control(struct text *p)
{
	one_u64(p, "sluice_store_revision", PROM_GAUGE, store_revision(control.store),
		"Of the last change of an intent.");
	one_u64(p, "sluice_events_total", PROM_COUNTER, bus_last(), "Events published.");
	one_u64(p, "sluice_log_lost_lines_total", PROM_COUNTER, log_lost(),
		"Lines that the log did not take.");
	write_loop(p);
	write_dataplane(p);
	write_intents(p);
	write_wans(p);
	write_reconciler(p);
	metrics_write_mirror(p);
	write_http(p);
}
