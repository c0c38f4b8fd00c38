/* SPDX-License-Identifier: BSD-3-Clause */
/* What this box is seen by from outside: the tables of routes that this room answers, what the
 * dataplane counts (collector.h), how everything does (health.h). Changes nothing.
 *
 *   GET /metrics, /metrics/slices?page=&pages=   Prometheus text format 0.0.4
 *   GET /healthz, /readyz   without a token
 *   GET /v1/status     {version, site, uptime_s, dataplane, reconciler, kernel, intents by type and
 *                      state, store}; no tenant's secrets
 *   GET /v1/health     what is not well, and because of what
 *   GET /v1/kernel     {mirrored, what of the kernel, entries, refused_first}
 *   GET /v1/topology   {nodes:[{id, kind, name, state, …}], edges:[{from, to, kind, state, …}]}
 *   GET /v1/counters   ?type=&key=&limit=&after= {at_us,
 *                      counters:{TYPE:{KEY:{counter:{total, rate} or {value}}}}, next?}
 *   GET /v1/events     text/event-stream; ?event=NAME,NAME  Last-Event-ID */
#ifndef OBSERVE_OBSERVE_H
#define OBSERVE_OBSERVE_H

#include "collector.h"
#include "control.h"
#include "health.h"

extern const struct route observe_metrics_routes[], observe_status_routes[], observe_probe_routes[],
	observe_topology_routes[], observe_counter_routes[], observe_event_routes[],
	observe_kernel_routes[], observe_health_routes[];

/* "up", "down", "hung" (also when it has owed an answer for 5 s; its connection lives on for 30).
 */
const char *view_dataplane(void);
/* The reconciler's counters, together with what is published of the kernel. */
struct reconcile_counters;
void view_reconciler(struct reconcile_counters *out);

/* Is it somebody who sees the box as a whole: not bound to a tenant? */
bool view_whole(const struct actor *actor);

/* Dataplane's events to the bus; /v1/events' listeners. Once, after control is filled in. */
void observe_start(void);
/* Ends the streams; before http_stop or after it. Then control's parts may go. */
void observe_stop(void);

#endif
