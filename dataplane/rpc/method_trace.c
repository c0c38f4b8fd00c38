/* SPDX-License-Identifier: BSD-3-Clause */
/* trace: the next packets that match, told to the client that asked. Owns who has it armed. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "events.h"
#include "methods.h"
#include "names.h"
#include "params.h"
#include "port.h"
#include "trace.h"
#include "trace_client.h"

static struct {
	struct client *client; /* NULL = not armed */
	uint32_t packets;
	int64_t deadline_ms;
} armed;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static json_t *steps_json(const struct trace_record *record)
{
	json_t *steps = json_array();

	for (uint32_t i = 0; i < record->steps && i < TRACE_STEPS; i++)
		json_array_append_new(steps, json_pack("{s:s, s:o}", "stage", record->step[i].stage,
						     "text", names_text(record->step[i].text)));
	return steps;
}

static void send_record(const struct trace_record *record, void *arg)
{
	static const char digits[] = "0123456789abcdef";
	struct object *port = model_by_id(OBJECT_PORT, record->port % LIMIT_PORTS);
	char hex[2 * TRACE_SNAP + 1];
	uint16_t len = record->snap_len < TRACE_SNAP ? record->snap_len : TRACE_SNAP;
	json_t *params;

	for (uint16_t i = 0; i < len; i++) {
		hex[2 * i] = digits[record->snap[i] >> 4];
		hex[2 * i + 1] = digits[record->snap[i] & 15];
	}
	hex[2 * len] = '\0';
	params = json_pack("{s:s, s:i, s:s, s:b, s:i, s:I, s:s, s:o}", "event", "trace.packet",
		"worker", record->worker, "port", port ? port->key : "", "from_kernel",
		record->port >= LIMIT_PORTS && record->port < PORT_MAX, "length", record->length,
		"time_ns", (json_int_t)record->time_ns, "bytes", hex, "steps", steps_json(record));
	armed.packets++;
	event_send(armed.client, params);
}

static void end(const char *reason)
{
	struct client *client = armed.client;

	trace_disarm();
	armed.client = NULL;
	event_send(client, json_pack("{s:s, s:I, s:s}", "event", "trace.end", "packets",
				   (json_int_t)armed.packets, "reason", reason));
}

void trace_client_poll(void)
{
	if (!armed.client)
		return;
	if (trace_drain(send_record, NULL) == 0)
		end("count");
	else if (now_ms() >= armed.deadline_ms)
		end("timeout");
}

void trace_client_gone(const struct client *client)
{
	if (!armed.client || armed.client != client)
		return;
	trace_disarm();
	armed.client = NULL;
}

void trace_client_stop(void)
{
	if (armed.client)
		end("cancelled");
}

static int get_filter(const json_t *params, struct trace_filter *filter, struct rpc_error *err)
{
	struct object *port, *slice;
	const char *mac, *ip;
	char got[80];

	if (param_object(params, "port", OBJECT_PORT, &port, err) ||
		param_object(params, "slice", OBJECT_SLICE, &slice, err) ||
		param_text(params, "mac", false, &mac, err) ||
		param_text(params, "ip", false, &ip, err) ||
		param_bool(params, "dropped", &filter->dropped_only, err))
		return -1;
	filter->port = port ? port->id : PORT_NONE;
	filter->slice = slice ? slice->id : 0;
	if (mac && api_mac_parse(mac, &filter->mac))
		return rpc_fail_value(
			err, "mac", "a MAC address", printable(mac, got, sizeof(got)));
	filter->has_mac = mac != NULL;
	if (ip && api_ip_parse(ip, false, &filter->ip))
		return rpc_fail_value(
			err, "ip", "an IPv4 or IPv6 address", printable(ip, got, sizeof(got)));
	return 0;
}

METHOD(method_trace)
{
	struct trace_filter filter = {.port = PORT_NONE};
	json_int_t count, timeout_s;
	int rc;

	if (param_int(params, "count", 1, 1000, 10, &count, err) ||
		param_int(params, "timeout_s", 1, 3600, 30, &timeout_s, err) ||
		get_filter(params, &filter, err))
		return -1;
	if (!client)
		return rpc_fail(err, RPC_ERR_INVALID_REQUEST, "trace needs a connection");
	rc = armed.client ? -EBUSY : trace_arm(&filter, count);
	if (rc == -EBUSY) {
		rpc_fail(err, RPC_ERR_CONFLICT, "another trace is running; one at a time");
		strcpy(err->with, "trace of another client");
		return -1;
	}
	if (rc)
		return rpc_fail(err, RPC_ERR_INTERNAL, "cannot trace: %s", strerror(-rc));
	armed.client = client;
	armed.packets = 0;
	armed.deadline_ms = now_ms() + timeout_s * 1000;
	*result = json_pack("{s:I}", "armed", count);
	return 0;
}
