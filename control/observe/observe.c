/* SPDX-License-Identifier: BSD-3-Clause */
/* The room's beginning and end. What happens in the other rooms becomes events: the dataplane's
 * notifications and state, the states of intents, drift. Owns nothing but what it saw last. */
#include "observe_private.h"

#include <errno.h>
#include <string.h>

#include "bus.h"

#define SILENT_MS 5000 /* as long as hello may take */

const char *view_dataplane(void)
{
	static const char *const names[] = {
		[DATAPLANE_DOWN] = "down", [DATAPLANE_UP] = "up", [DATAPLANE_HUNG] = "hung"};

	enum dataplane_state state = dataplane_state(control.dataplane);

	if (state == DATAPLANE_UP && dataplane_silent_ms(control.dataplane) > SILENT_MS)
		state = DATAPLANE_HUNG;
	return names[state];
}

bool view_whole(const struct actor *actor)
{
	return !actor->tenant[0] && actor->role != ROLE_TENANT;
}

/* ---- what happens in the other rooms becomes events ---- */

static uint64_t drift_seen;

/* Most events of the dataplane are many, and the log is not the place to count them. */
static enum log_level level_of(const char *event)
{
	if (!strcmp(event, "link.down") || !strcmp(event, "path.down") ||
		!strcmp(event, "port.fault") || !strcmp(event, "error_indication"))
		return LOG_WARN_;
	if (!strcmp(event, "link.up") || !strcmp(event, "path.up") || !strcmp(event, "port.mended"))
		return LOG_INFO_;
	return LOG_DEBUG_;
}

static const char *tenant_of(const json_t *event)
{
	const char *slice = json_string_value(json_object_get(event, "slice"));
	const char *session = json_string_value(json_object_get(event, "session"));
	const struct intent *intent = NULL;

	if (slice)
		intent = measure_owner("slice", slice);
	else if (session)
		intent = world_find(control.world, INTENT_SESSION, session);
	return measure_tenant(intent);
}

static void on_event(const json_t *event, void *arg)
{
	const char *name = json_string_value(json_object_get(event, "event"));
	json_t *fields;

	if (!name || !strcmp(name, "groups")) /* the reconciler's */
		return;
	if (!strncmp(name, "link.", 5) || !strncmp(name, "path.", 5) || !strncmp(name, "port.", 5))
		collector_list_soon(control.collector);
	if (!strcmp(name, "error_indication"))
		health_indicated(event);
	fields = json_copy((json_t *)event);
	json_object_del(fields, "event");
	bus_publish(level_of(name), name, tenant_of(event), fields);
}

static void on_dataplane(enum dataplane_state state, uint64_t instance, void *arg)
{
	static const struct {
		const char *event;
		enum log_level level;
	} states[] = {
		[DATAPLANE_DOWN] = {"dataplane.down", LOG_ERROR_},
		[DATAPLANE_UP] = {"dataplane.up", LOG_INFO_},
		[DATAPLANE_HUNG] = {"dataplane.hung", LOG_ERROR_},
	};

	bus_publish(states[state].level, states[state].event, "",
		json_pack("{s:s, s:I}", "socket", dataplane_path(control.dataplane), "instance",
			(json_int_t)instance));
	health_look();
}

static void on_trouble(const char *why, void *arg)
{
	log_text(LOG_ERROR_, "%s", why);
}

/* What was put is seen with the next round. */
static void on_applied(void *arg)
{
	collector_list_soon(control.collector);
}

static void on_status(const struct intent *intent, void *arg)
{
	bool refused = intent->status.state == INTENT_REFUSED;
	char told[sizeof(intent->status.reason)];
	json_t *fields;

	if (intent->status.state != INTENT_APPLIED && !refused)
		return;
	fields = json_pack("{s:s, s:s, s:I}", "kind", intent_kind(intent->type), "name",
		intent->name, "revision", (json_int_t)intent->revision);
	if (refused)
		json_object_set_new(fields, "reason",
			json_string(world_reason_told(control.world, intent, told, sizeof(told))));
	bus_publish(refused ? LOG_WARN_ : LOG_INFO_, refused ? "intent.refused" : "intent.applied",
		intent->tenant, fields);
}

static void on_refused(const struct actor *actor, const char *line, int status, const char *detail)
{
	bus_publish(LOG_WARN_, "auth.refused", "",
		json_pack("{s:s, s:s, s:s, s:i, s:s}", "source", actor->source, "actor",
			actor->name, "request", line, "status", status, "detail", detail));
}

static void on_read(const struct collector *c)
{
	struct reconcile_counters counters = {0};

	tenants_read(c);
	view_reconciler(&counters);
	if (counters.drift_total > drift_seen)
		bus_publish(LOG_WARN_, "drift", "",
			json_pack("{s:I}", "objects",
				(json_int_t)(counters.drift_total - drift_seen)));
	drift_seen = counters.drift_total;
	health_look();
}

void observe_start(void)
{
	dataplane_on_event(control.dataplane, on_event, NULL);
	dataplane_on_change(control.dataplane, on_dataplane, NULL);
	reconciler_on_applied(control.reconciler, on_applied, NULL);
	events_start();
	health_start();
	dataplane_on_trouble(control.dataplane, on_trouble, NULL);
	reconciler_on_status(control.reconciler, on_status, NULL);
	collector_on_read(control.collector, on_read);
	http_on_refused(on_refused);
}

void observe_stop(void)
{
	http_on_refused(NULL);
	events_stop();
	tenants_free();
	status_free();
	health_stop();
	topology_free();
}
