/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of routes that this folder answers.
 *
 *   GET /metrics, /metrics/slices?page=&pages=   Prometheus text format 0.0.4
 *   GET /v1/status      {version, site, uptime_s, dataplane, reconciler, kernel, intents by type
 * and state, store}; no tenant's secrets GET /v1/kernel      {mirrored, what of the kernel,
 * entries, refused_first} GET /v1/topology    {nodes:[{id, kind, name, state, …}], edges:[{from,
 * to, kind, state, …}]} GET /v1/counters    ?type=&key=&limit=&after= {at_us,
 * counters:{TYPE:{KEY:{counter:{total, rate} or {value}}}}, next?} GET /v1/events
 * text/event-stream; ?event=NAME,NAME  Last-Event-ID SmartX playground's: GET /getboxesstatus,
 * /getoverlaylatency, /getcontrollersstatus; GET, POST /slices, DELETE /slices/{name}, GET, POST
 * /access_slices, DELETE /access_slices/{name} */
#ifndef OBSERVE_OBSERVE_H
#define OBSERVE_OBSERVE_H

#include "control.h"

extern const struct route observe_metrics_routes[], observe_status_routes[], observe_probe_routes[],
	observe_topology_routes[], observe_counter_routes[], observe_event_routes[],
	observe_smartx_routes[], observe_kernel_routes[], observe_health_routes[];

/* Dataplane's events to the bus; /v1/events' listeners. Once, after control is filled in. */
int observe_start(void); /* 0 or -ENOMEM */
/* Ends the streams; before http_stop or after it. Then control's parts may go. */
void observe_stop(void);

#endif
