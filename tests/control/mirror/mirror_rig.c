/* SPDX-License-Identifier: BSD-3-Clause */
/* See mirror_rig.h. */
#include "mirror_rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"
#include "dataplane.h"

#define ROOM 8192

struct mirror *mirror;
static struct event_base *base;

/* ---- the sink ---- */

static struct {
	enum object_type type;
	char *key, *text;
} wanted[ROOM];
static uint32_t wanted_count, told;
static bool ready;

static uint32_t place_in_wanted(enum object_type type, const char *key)
{
	uint32_t i = 0;

	while (i < wanted_count && (wanted[i].type != type || strcmp(wanted[i].key, key)))
		i++;
	return i;
}

static void take_object(enum object_type type, const char *key, const char *text, void *arg)
{
	uint32_t i = place_in_wanted(type, key);

	if (text && i < wanted_count && !strcmp(wanted[i].text, text))
		return;
	told++;
	if (!text) {
		ck_assert_msg(i < wanted_count, "%s was not wanted", key);
		free(wanted[i].key);
		free(wanted[i].text);
		wanted[i] = wanted[--wanted_count];
		return;
	}
	ck_assert_uint_lt(i, ROOM);
	if (i == wanted_count) {
		wanted[wanted_count++].key = strdup(key);
		wanted[i].type = type;
	} else {
		free(wanted[i].text);
	}
	wanted[i].text = strdup(text);
}

static void take_ready(void *arg)
{
	ready = true;
}

static char retried[512];

/* of taps' names among real kernels: tests/netns/test_tap_name.py */
static void take_retry(enum intent_type type, const char *name, void *arg)
{
	size_t used = strlen(retried);

	snprintf(retried + used, sizeof(retried) - used, "%s %s\n", intent_kind(type), name);
}

const char *rig_retried(void)
{
	static char out[sizeof(retried)];

	strcpy(out, retried);
	retried[0] = '\0';
	return out;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

const char *rig_wanted(enum object_type type, bool text)
{
	static char out[1 << 20];
	char *line[ROOM];
	uint32_t count = 0;
	size_t used = 0;

	for (uint32_t i = 0; i < wanted_count; i++)
		if (wanted[i].type == type &&
			asprintf(&line[count], "%s%s%s\n", wanted[i].key, text ? " " : "",
				text ? wanted[i].text : "") > 0)
			count++;
	qsort(line, count, sizeof(*line), compare_lines);
	out[0] = '\0';
	for (uint32_t i = 0; i < count; i++) {
		used += (size_t)snprintf(out + used, sizeof(out) - used, "%s", line[i]);
		free(line[i]);
	}
	return out;
}

const char *rig_text(enum object_type type, const char *key)
{
	uint32_t i = place_in_wanted(type, key);

	return i < wanted_count ? wanted[i].text : "";
}

struct mirror_counters rig_counters(void)
{
	struct mirror_counters c;
	uint32_t *const objects[OBJECT_TYPES] = {[OBJECT_ADDRESS] = &c.addresses,
		[OBJECT_NEIGHBOR] = &c.neighbors,
		[OBJECT_ROUTE] = &c.routes,
		[OBJECT_TUNNEL] = &c.tunnels,
		[OBJECT_MEMBER] = &c.members,
		[OBJECT_MAC] = &c.macs};

	mirror_counters(mirror, &c);
	for (uint32_t i = 0; i < wanted_count; i++)
		++*objects[wanted[i].type];
	return c;
}

uint32_t rig_told(void)
{
	uint32_t was = told;

	told = 0;
	return was;
}

bool rig_ready(void)
{
	return ready;
}

/* ---- what operators are told ---- */

static char published[4096];

static void take_event(enum log_level level, const char *event, json_t *fields, void *arg)
{
	const char *reason = json_string_value(json_object_get(fields, "reason"));
	size_t used = strlen(published);

	snprintf(published + used, sizeof(published) - used, "%s %s%s%s\n", event,
		json_string_value(json_object_get(fields, "slice")), reason ? " " : "",
		reason ? reason : "");
	json_decref(fields);
}

const char *rig_published(void)
{
	static char out[sizeof(published)];

	strcpy(out, published);
	published[0] = '\0';
	return out;
}

struct gap {
	const char *slice;
	char said[MIRROR_GAP_BYTES];
};

static void take_gap(const char *slice, const char *said, void *arg)
{
	struct gap *gap = arg;

	if (strcmp(slice, gap->slice))
		return;
	ck_assert_str_eq(gap->said, "");			/* one line a slice */
	ck_assert_uint_lt(strlen(said), sizeof(gap->said) - 1); /* nothing is cut off */
	strcpy(gap->said, said);
}

const char *rig_gap(const char *slice)
{
	static struct gap gap;

	gap = (struct gap){.slice = slice};
	mirror_gaps(mirror, take_gap, &gap);
	return gap.said;
}

/* ---- the dataplane ---- */

static dataplane_changed on_change;
static dataplane_event on_event;
static dataplane_answer on_list, on_macs;
static void *listener, *list_arg, *macs_arg;
static enum dataplane_state state;

void dataplane_on_change(struct dataplane *dp, dataplane_changed changed, void *arg)
{
	on_change = changed;
	listener = arg;
}

void dataplane_on_event(struct dataplane *dp, dataplane_event event, void *arg)
{
	on_event = event;
}

void dataplane_forget(struct dataplane *dp, void *arg)
{
	on_change = NULL;
	on_event = NULL;
}

enum dataplane_state dataplane_state(const struct dataplane *dp)
{
	return state;
}

int dataplane_list_match(
	struct dataplane *dp, const char *type, json_t *match, dataplane_answer answer, void *arg)
{
	bool macs = !strcmp(type, "mac");

	ck_assert(json_is_true(json_object_get(match, macs ? "learned" : "wanted")));
	json_decref(match);
	*(macs ? &on_macs : &on_list) = answer;
	*(macs ? &macs_arg : &list_arg) = arg;
	return 0;
}

static json_t *json_of(const char *fmt, va_list args)
{
	char text[8192];
	json_t *json;

	vsnprintf(text, sizeof(text), fmt, args);
	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	json = json_loads(text, 0, NULL);
	ck_assert_msg(json != NULL, "%s", text);
	return json;
}

void rig_dataplane_up(void)
{
	state = DATAPLANE_UP;
	on_change(state, 1, listener);
}

void rig_event(const char *fmt, ...)
{
	va_list args;
	json_t *json;

	va_start(args, fmt);
	json = json_of(fmt, args);
	va_end(args);
	on_event(json, listener);
	json_decref(json);
}

void rig_listed(const char *fmt, ...)
{
	dataplane_answer answer = on_list;
	va_list args;
	json_t *json = NULL;

	ck_assert_msg(on_list != NULL, "nobody has asked for a list");
	if (fmt) {
		va_start(args, fmt);
		json = json_of(fmt, args);
		va_end(args);
	}
	on_list = NULL;
	answer(json, NULL, list_arg);
	json_decref(json);
}

void rig_listed_macs(const char *fmt, ...)
{
	dataplane_answer answer = on_macs;
	va_list args;
	json_t *json;

	ck_assert_msg(on_macs != NULL, "nobody has asked for the stations");
	va_start(args, fmt);
	json = json_of(fmt, args);
	va_end(args);
	on_macs = NULL;
	answer(json, NULL, macs_arg);
	json_decref(json);
}

/* ---- the loop ---- */

void log_text(enum log_level level, const char *fmt, ...)
{
}

void rig_run(void)
{
	fake_settle();
	rig_loop();
}

void rig_loop(void)
{
	/* the sweep's timer stays, so the loop does not end by itself */
	for (int i = 0; i < 200; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void stop(evutil_socket_t fd, short what, void *arg)
{
	event_base_loopbreak(base);
}

void rig_wait(int ms)
{
	struct timeval wait = {ms / 1000, ms % 1000 * 1000};

	event_base_once(base, -1, EV_TIMEOUT, stop, NULL, &wait);
	event_base_dispatch(base);
}

void rig_mirror_start(void)
{
	const struct mirror_config config = {.site = "gj"};

	const struct mirror_sink sink = {take_object, take_ready, take_retry, take_event, NULL};

	ck_assert_int_eq(mirror_start(base, world, NULL, &sink, &config, &mirror), 0);
}

void rig_mirror_stop(void)
{
	mirror_stop(mirror);
	mirror = NULL;
	while (wanted_count) {
		free(wanted[--wanted_count].key);
		free(wanted[wanted_count].text);
	}
	told = 0;
	ready = false;
}

void rig_setup(void)
{
	empty_setup();
	fake_reset();
	state = DATAPLANE_DOWN;
	on_list = NULL;
	published[0] = '\0';
	base = event_base_new();
	begin();
	ck_fine(put("site",
		"{'name': 'gj', 'ports': [{'name': 'lan0', 'device': 'net_null0'}, "
		"{'name': 'lan1', 'device': 'net_af_packet1,iface=eth5,blocksz=4096'}]}"));
	ck_fine(put("site", "{'name': 'bs', 'ports': [{'name': 'lan0'}]}"));
	ck_fine(put("wan", "{'name': 'wan0', 'site': 'gj', 'device': 'net_null1', 'mtu': 1600, "
			   "'addresses': ['198.18.0.1/24']}"));
	ck_fine(put("wan", "{'name': 'nic0', 'site': 'gj', 'device': 'net_af_xdp0,iface=ens2', "
			   "'mtu': 1600, 'preference': 200, 'addresses': ['198.18.1.1/24']}"));
	ck_fine(put("wan", "{'name': 'wanb', 'site': 'bs', 'mtu': 1600, 'addresses': "
			   "['198.18.0.2/24']}"));
	ck_fine(put("slice", "{'name': 'red', 'service': 'l3', 'vni': 200, 'kernel': {'netns': "
			     "'red'}, 'endpoints': [{'site': 'gj', 'port': 'lan0', 'vlan': 10, "
			     "'tap': 'red0'}, {'site': 'gj', 'port': 'lan0', 'vlan': 11, 'tap': "
			     "'red1'}]}"));
	ck_fine(finish());
	rig_mirror_start();
}

void rig_teardown(void)
{
	rig_mirror_stop();
	event_base_free(base);
	teardown();
}
