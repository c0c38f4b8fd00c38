/* SPDX-License-Identifier: BSD-3-Clause */
/* The user plane's events as text for watchers. Main thread only. Thousands may come at once (a
 * batch of sessions deleted, all periods ending together), so they are written straight into a
 * buffer: names hold nothing that JSON would have to escape (api_name_valid). */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "client.h"
#include "event.h"
#include "events.h"
#include "model.h"

struct text {
	char bytes[1024]; /* the longest: a usage report, about 600 */
	size_t len;
};

static void add(struct text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *text, const char *fmt, ...)
{
	size_t room = sizeof(text->bytes) - text->len;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(text->bytes + text->len, room, fmt, args);
	va_end(args);
	text->len += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room - 1;
}

static void begin(struct text *text, const char *event)
{
	text->len = 0;
	add(text, "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"event\":\"%s\"", event);
}

static void add_session(struct text *text, const struct upf_event *event)
{
	if (event->session)
		add(text, ",\"session\":\"%s\"", event->session);
}

static void add_peer(struct text *text, const struct api_ip *peer)
{
	char address[64];

	api_ip_format(peer, false, address);
	add(text, ",\"peer\":\"%s\"", address);
}

static void add_why(struct text *text, uint32_t why)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} reasons[] = {
		{USAGE_VOLUME_THRESHOLD, "volume_threshold"},
		{USAGE_TIME_THRESHOLD, "time_threshold"},
		{USAGE_PERIODIC, "periodic"},
		{USAGE_START, "start"},
		{USAGE_STOP, "stop"},
		{USAGE_VOLUME_QUOTA, "volume_quota"},
		{USAGE_TIME_QUOTA, "time_quota"},
		{USAGE_TERMINATION, "termination"},
	};
	const char *comma = "";

	add(text, ",\"why\":[");
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (!(why & reasons[i].bit))
			continue;
		add(text, "%s\"%s\"", comma, reasons[i].name);
		comma = ",";
	}
	add(text, "]");
}

static unsigned write_usage(struct text *text, const struct upf_event *event)
{
	const struct upf_usage *u = &event->usage;

	begin(text, "usage");
	add_session(text, event);
	add(text, ",\"urr_id\":%" PRIu32 ",\"sequence\":%" PRIu32, u->urr_id, u->sequence);
	add_why(text, u->why);
	add(text,
		",\"ul_packets\":%" PRIu64 ",\"ul_bytes\":%" PRIu64 ",\"dl_packets\":%" PRIu64
		",\"dl_bytes\":%" PRIu64 ",\"total_packets\":%" PRIu64 ",\"total_bytes\":%" PRIu64
		",\"duration_s\":%" PRIu32 ",\"start_unix_s\":%" PRIu64 ",\"end_unix_s\":%" PRIu64,
		u->ul_packets, u->ul_bytes, u->dl_packets, u->dl_bytes,
		u->ul_packets + u->dl_packets, u->ul_bytes + u->dl_bytes, u->duration_s,
		u->start_unix_s, u->end_unix_s);
	return EVENT_USAGE;
}

static unsigned write_path(struct text *text, const struct upf_event *event)
{
	const struct object *gtpu = model_by_id(OBJECT_GTPU, event->path.gtpu);
	bool up = event->kind == UPF_PATH_UP;

	begin(text, up ? "path.up" : "path.down");
	if (gtpu)
		add(text, ",\"gtpu\":\"%s\"", gtpu->key);
	add_peer(text, &event->path.peer);
	return up ? EVENT_PATH_UP : EVENT_PATH_DOWN;
}

static unsigned write_event(struct text *text, const struct upf_event *event)
{
	switch (event->kind) {
	case UPF_USAGE:
		return write_usage(text, event);
	case UPF_DOWNLINK_DATA:
		begin(text, "downlink_data");
		add_session(text, event);
		add(text, ",\"pdr_id\":%" PRIu32 ",\"packets\":%" PRIu32,
			event->downlink_data.pdr_id, event->downlink_data.packets);
		return EVENT_DOWNLINK;
	case UPF_PATH_UP:
	case UPF_PATH_DOWN:
		return write_path(text, event);
	case UPF_ERROR_INDICATION:
		begin(text, "error_indication");
		add_session(text, event);
		add(text, ",\"teid\":%" PRIu32, event->error.teid);
		add_peer(text, &event->error.peer);
		return EVENT_ERROR;
	}
	return 0;
}

void events_upf(const struct upf_event *event)
{
	struct text text;
	unsigned mask;

	if (!(client_watched() & EVENT_REPORTS))
		return;
	mask = write_event(&text, event);
	add(&text, "}}");
	if (mask & client_watched())
		client_notify_watchers(mask, text.bytes, text.len);
}
