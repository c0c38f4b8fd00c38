/* SPDX-License-Identifier: BSD-3-Clause */
/* What rig.h says: stands in for reconcile, store and http; rig_world.c for the intents. */
#include "rig.h"

#include "by_key.h"
#include "making.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct control control;
const char *const collector_types[] = {"port", "slice", "attachment", "tunnel", "meter", "box",
	"worker", "stage", "session", NULL};
enum dataplane_state rig_state;
uint32_t rig_silent_ms;
struct reconcile_counters rig_reconciler;
struct mirror_counters rig_mirror;
const char *rig_mirror_why;
struct rig_answer rig_answer;
struct actor rig_actor;
bool rig_cut_off;
int rig_listed_soon;

static json_t *now, *before;
static dataplane_event event_told;
static void (*status_told)(const struct intent *intent, void *arg);
static void (*read_told)(const struct collector *c);
static dataplane_answer asked;
static void *asked_arg;

/* ---- XDP: one port, as of a verdict as many packets as its number and one ---- */

const char *mirror_link_why(const struct mirror_link *link)
{
	return rig_mirror_why;
}

bool rig_xdp;
const char *const xdp_state_names[] = {"none", "driver", "generic", "foreign", "failed", NULL};

size_t mirror_link_xdp_ports(const struct mirror_link *link)
{
	return rig_xdp;
}

void mirror_link_xdp_each(const struct mirror_link *link,
	void (*each)(const struct xdp_status *status, void *arg), void *arg)
{
	struct xdp_status status = {.port = "wan0",
		.interface = "eth1",
		.state = XDP_FOREIGN,
		.reason = "there is another program, passer"};

	for (int v = 0; v < XDP_VERDICT_COUNT; v++)
		status.count[v] = (struct xdp_count){.packets = v + 1, .bytes = 100 * v};
	each(&status, arg);
}

/* ---- the dataplane ---- */

uint32_t dataplane_silent_ms(const struct dataplane *dp)
{
	return rig_silent_ms;
}

enum dataplane_state dataplane_state(const struct dataplane *dp)
{
	return rig_state;
}

const char *rig_why;

const char *dataplane_why(const struct dataplane *dp)
{
	return rig_why && rig_state == DATAPLANE_DOWN ? rig_why : "";
}

void dataplane_on_trouble(
	struct dataplane *dp, void (*trouble)(const char *why, void *arg), void *arg)
{
}

const char *dataplane_path(const struct dataplane *dp)
{
	return "/run/sluice-dataplane/dataplane.sock";
}

const json_t *dataplane_hello(const struct dataplane *dp)
{
	static json_t *hello;

	if (!hello)
		hello = json_pack("{s:s}", "version", "0.1.0");
	return rig_state == DATAPLANE_UP ? hello : NULL;
}

void dataplane_on_event(struct dataplane *dp, dataplane_event event, void *arg)
{
	event_told = event;
}

void dataplane_on_change(struct dataplane *dp, dataplane_changed changed, void *arg)
{
}

int dataplane_call(struct dataplane *dp, const char *method, json_t *params,
	dataplane_answer answer, void *arg)
{
	json_decref(params);
	if (rig_state != DATAPLANE_UP)
		return -1;
	asked = answer;
	asked_arg = arg;
	return 0;
}

void rig_event(const char *json)
{
	json_t *event = json_loads(json, 0, NULL);

	ck_assert_ptr_nonnull(event);
	event_told(event, NULL);
	json_decref(event);
}

/* ---- the collector ---- */

const json_t *collector_stats(const struct collector *c, const char *type)
{
	return json_object_get(now, type);
}

const json_t *collector_before(const struct collector *c, const char *type)
{
	return json_object_get(before, type);
}

const json_t *collector_drops(const struct collector *c)
{
	return json_object_get(now, "drops");
}

const json_t *collector_objects(const struct collector *c, const char *type)
{
	return json_object_get(now, !strcmp(type, "port")     ? "ports"
				    : !strcmp(type, "tunnel") ? "tunnels"
							      : "peers");
}

double collector_rate(
	const struct collector *c, const char *type, const char *key, const char *counter)
{
	return 12.5;
}

int64_t collector_at_us(const struct collector *c)
{
	return 1000000;
}

uint64_t collector_took_us(const struct collector *c)
{
	return 2500;
}

void collector_on_read(struct collector *c, void (*read)(const struct collector *c))
{
	read_told = read;
}

void collector_list_soon(struct collector *c)
{
	rig_listed_soon++;
}

void rig_reading(const char *type, const char *json)
{
	json_object_del(before, type);
	if (json_object_get(now, type))
		json_object_set(before, type, json_object_get(now, type));
	json_object_del(now, type);
	if (json) {
		json_t *value = json_loads(json, 0, NULL);

		ck_assert_msg(value, "not JSON: %s", json);
		json_object_set_new(now, type, json_is_array(value) ? by_key(value) : value);
	}
}

void rig_read(void)
{
	read_told(NULL);
}

/* ---- reconciler, store ---- */

void rig_status(struct intent *intent, enum intent_state state, const char *reason)
{
	intent->status.state = state;
	strcpy(intent->status.reason, reason);
	status_told(intent, NULL);
}

void reconciler_counters(const struct reconciler *rec, struct reconcile_counters *out)
{
	*out = rig_reconciler;
}

void reconciler_states(
	const struct reconciler *rec, enum intent_type type, size_t counts[INTENT_STATES])
{
	memset(counts, 0, INTENT_STATES * sizeof(counts[0]));
	for (struct intent *i = rig_first(type); i; i = rig_next(i))
		counts[i->status.state]++;
}

void reconciler_on_status(
	struct reconciler *rec, void (*changed)(const struct intent *intent, void *arg), void *arg)
{
	status_told = changed;
}

void reconciler_on_applied(struct reconciler *rec, void (*applied)(void *arg), void *arg)
{
}

void mirror_link_gaps(const struct mirror_link *link, mirror_gap each, void *arg)
{
	(void)link;
	for (int i = 0; i < 30; i++)
		each("red", "network namespace red is not there", arg);
}

void mirror_link_counters(const struct mirror_link *link, struct mirror_counters *out)
{
	*out = rig_mirror;
}

void mirror_link_refused(const struct mirror_link *link,
	void (*each)(const char *type, const char *key, const char *reason, void *arg), void *arg)
{
	for (uint32_t i = 0; i < 20; i++)
		each("route", "red 198.18.7.0/24", "via[0].address: want a host's address", arg);
}

uint64_t store_revision(const struct store *store)
{
	return 7;
}

uint64_t rig_mono_us;

/* What stands still while a test does. */
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock == CLOCK_REALTIME) {
		*now = (struct timespec){.tv_sec = 5};
		return 0;
	}
	if (clock != CLOCK_MONOTONIC)
		return __real_clock_gettime(clock, now);
	*now = (struct timespec){rig_mono_us / 1000000, rig_mono_us % 1000000 * 1000};
	return 0;
}

/* ---- HTTP ---- */

void rig_be_tenant(const char *name)
{
	rig_actor.role = ROLE_TENANT;
	strcpy(rig_actor.tenant, name);
}

bool rig_sent(const char *text)
{
	return strstr(rig_answer.text, text);
}

struct request {
	const struct route *route;
	char query[256];
	const char *last_id;
	void (*gone)(void *arg);
	void *gone_arg;
};

static struct request request;

bool actor_sees(const struct actor *actor, const char *tenant)
{
	return !actor->tenant[0] || !strcmp(actor->tenant, tenant);
}

const struct actor *request_actor(const struct request *r)
{
	return &rig_actor;
}

const char *request_query(const struct request *r, const char *name)
{
	static char values[8][128];
	static int turn;
	char *out = values[turn++ % 8];
	size_t len = strlen(name);

	for (const char *at = r->query; *at; at += strcspn(at, "&"), at += *at == '&')
		if (!strncmp(at, name, len) && at[len] == '=') {
			snprintf(out, 128, "%.*s", (int)strcspn(at + len + 1, "&"), at + len + 1);
			return out;
		}
	return NULL;
}

int64_t request_number(const struct request *r, const char *name)
{
	const char *text = request_query(r, name);
	const struct route_query *query = r->route->query;

	while (strcmp(query->name, name))
		query++;
	return text ? atoll(text) : query->preset;
}

const char *request_header(const struct request *r, const char *name)
{
	return strcmp(name, "Last-Event-ID") ? NULL : r->last_id;
}

void http_on_refused(http_refused refused)
{
}

void http_counters(struct http_counters *out)
{
	memset(out, 0, sizeof(*out));
	out->requests[2] = 9;
}

static void more(const char *text, size_t len)
{
	rig_answer.text = realloc(rig_answer.text, rig_answer.len + len + 1);
	memcpy(rig_answer.text + rig_answer.len, text, len);
	rig_answer.len += len;
	rig_answer.text[rig_answer.len] = '\0';
}

void reply_text(struct request *r, int status, const char *type, const char *text, size_t len)
{
	ck_assert_msg(!rig_answer.status, "answered twice");
	rig_answer.status = status;
	more(text, len);
}

void reply_json(struct request *r, int status, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);

	ck_assert_ptr_nonnull(text);
	reply_text(r, status, "application/json", text, strlen(text));
	free(text);
	json_decref(body);
}

void reply_reference(struct request *r, int status, const char *type, const char *text, size_t len,
	void (*freed)(const void *text, size_t len, void *arg), void *arg)
{
	reply_text(r, status, type, text, len);
	freed(text, len, arg);
}

void reply_problem(struct request *r, int status, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	reply_text(r, status, "application/problem+json", text, strlen(text));
}

void request_on_gone(struct request *r, void (*gone)(void *arg), void *arg)
{
	r->gone = gone;
	r->gone_arg = arg;
}

void reply_stream(struct request *r, const char *type, void (*gone)(void *arg), void *arg)
{
	reply_text(r, 200, type, "", 0);
	rig_answer.stream = true;
	request_on_gone(r, gone, arg);
}

bool stream_send(struct request *r, const char *text, size_t len)
{
	ck_assert(rig_answer.stream && !rig_answer.ended);
	if (rig_cut_off) {
		rig_client_gone();
		return false;
	}
	more(text, len);
	return true;
}

void stream_end(struct request *r)
{
	rig_answer.ended = true;
}

void rig_client_gone(void)
{
	rig_answer.ended = true;
	request.gone(request.gone_arg);
}

static const struct route *route_of(const char *path, size_t len)
{
	static const struct route *const tables[] = {observe_metrics_routes, observe_status_routes,
		observe_health_routes, observe_kernel_routes, observe_topology_routes,
		observe_counter_routes, observe_event_routes, observe_probe_routes, NULL};

	for (int i = 0; tables[i]; i++)
		for (const struct route *route = tables[i]; route->method; route++)
			if (strlen(route->path) == len && !memcmp(route->path, path, len))
				return route;
	return NULL;
}

const char *rig_get(const char *target, const char *last_id)
{
	size_t len = strcspn(target, "?");

	free(rig_answer.text);
	memset(&rig_answer, 0, sizeof(rig_answer));
	memset(&request, 0, sizeof(request));
	request.route = route_of(target, len);
	request.last_id = last_id;
	ck_assert_msg(request.route, "no route %s", target);
	snprintf(request.query, sizeof(request.query), "%s", target[len] ? target + len + 1 : "");
	request.route->handler(&request);
	if (!rig_answer.status && asked) { /* the dataplane's turn */
		json_t *result = json_object_get(now, "session");

		asked(result, NULL, asked_arg);
		asked = NULL;
	}
	return rig_answer.text;
}

json_t *rig_json(void)
{
	json_t *json = json_loads(rig_answer.text, 0, NULL);

	ck_assert_msg(json, "not JSON: %s", rig_answer.text);
	return json;
}

void rig_once(void)
{
	event_base_loop(control.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

void rig_turn(void)
{
	struct timeval most = {0, 50000};

	for (int i = 0; i < 100 && !event_base_loop(control.base, EVLOOP_NONBLOCK); i++)
		;
	event_base_loopexit(control.base, &most);
	event_base_dispatch(control.base);
}

void rig_start(void)
{
	now = json_object();
	before = json_object();
	rig_state = DATAPLANE_UP;
	rig_silent_ms = 0;
	rig_mono_us = 1000000000;
	memset(&rig_reconciler, 0, sizeof(rig_reconciler));
	memset(&rig_actor, 0, sizeof(rig_actor));
	rig_actor.role = ROLE_OPERATOR;
	rig_cut_off = false;
	/* whole at once, but for the tests that want pieces */
	making_bit_us = health_bit_us = 1000000;
	control.base = event_base_new();
	making_start(control.base);
	control.site = "here";
	control.started_us = 1000000;
	control.metrics_slices = 3;
	log_open("/dev/null", LOG_ERROR_);
	observe_start();
}

void rig_stop(void)
{
	making_stop();
	observe_stop();
	bus_free();
	log_close();
	rig_forget_intents();
	json_decref(now);
	json_decref(before);
	free(rig_answer.text);
	memset(&rig_answer, 0, sizeof(rig_answer));
	event_base_free(control.base);
}
