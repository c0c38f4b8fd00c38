/* SPDX-License-Identifier: BSD-3-Clause */
/* See rig.h. */
#include "rig.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compile.h"
#include "fake_state.h"

#define WAIT_MS	 60000 /* for what comes within milliseconds where nobody else works */
#define NEVER_MS 3600000

struct event_base *base;
struct fake fake;
struct dataplane *dp;
struct reconciler *rec;
int rig_statuses;
const char *const *rig_keep;
uint32_t rig_second_look_ms;

static void on_status(const struct intent *intent, void *arg)
{
	ck_assert_int_ne(intent->status.state, INTENT_PENDING);
	ck_assert_int_gt(intent->status.since_us, 0);
	rig_statuses++;
}

static void open_all(void)
{
	const struct reconcile_config config = {.site = "gj",
		.resync_s = 3600,
		.second_look_ms = rig_second_look_ms ? rig_second_look_ms : NEVER_MS,
		.silent_ms = 5000, /* under sanitizers the fake takes seconds for a large one */
		.keep = rig_keep};

	dp = dataplane_open(base, fake.path);
	dataplane_set_patience(dp, WAIT_MS, WAIT_MS, 2); /* the machine may be busy */
	rec = reconciler_start(base, NULL, dp, &config);
	reconciler_on_status(rec, on_status, NULL);
}

void rig_start(void)
{
	base = event_base_new();
	fake_start(&fake, base);
	fake.references = true;
	open_all();
	rig_statuses = 0;
}

void rig_stop(void)
{
	reconciler_stop(rec);
	dataplane_close(dp);
	fake_free(&fake);
	event_base_free(base);
	fake_world_clear();
	rig_keep = NULL;
	rig_second_look_ms = 0;
}

void rig_restart(void)
{
	reconciler_stop(rec);
	dataplane_close(dp);
	open_all();
	reconciler_touch_all(rec);
}

static bool settled, waited;
static void on_settled(bool is, void *arg)
{
	settled = is;
	waited = true;
}

void rig_settle(void)
{
	waited = false;
	ck_assert_uint_ne(reconciler_wait(rec, WAIT_MS, on_settled, NULL), 0);
	ck_assert(run_until(base, &waited, WAIT_MS + 5000));
	ck_assert(settled);
}

struct reconcile_counters rig_counters(void)
{
	struct reconcile_counters counters;

	reconciler_counters(rec, &counters);
	return counters;
}

bool rig_until(bool (*is)(void))
{
	time_t end = time(NULL) + WAIT_MS / 1000;

	while (!is() && time(NULL) < end)
		run_for(base, 2);
	return is();
}

static bool is_synced(void)
{
	return rig_counters().synced;
}

void rig_synced(void)
{
	ck_assert(rig_until(is_synced));
	ck_assert_uint_eq(rig_counters().pending, 0);
	ck_assert_uint_eq(rig_counters().pending, 0);
}

static bool is_lost(void)
{
	return dataplane_state(dp) != DATAPLANE_UP;
}

void rig_lose(void)
{
	fake_stop(&fake);
	ck_assert(rig_until(is_lost));
}

static uint64_t resyncs_before;
static bool is_resynced(void)
{
	return rig_counters().resyncs > resyncs_before;
}

void rig_resync(void)
{
	resyncs_before = rig_counters().resyncs;
	reconciler_resync(rec);
	ck_assert(rig_until(is_resynced));
	rig_synced();
}

void rig_slice(const char *name, int vni)
{
	rig_slice_in(name, vni, NULL);
}

void rig_slice_in(const char *name, int vni, const char *meter)
{
	char spec[1200], with[100] = "", profile[300] = "";

	if (meter) {
		snprintf(with, sizeof(with), ",\"meter\":\"%s\"", meter);
		snprintf(profile, sizeof(profile),
			"\"meter\":[{\"name\":\"%s\",\"cir_bps\":1000000,\"cbs_bytes\":100000,"
			"\"pir_bps\":1000000,\"pbs_bytes\":100000}],",
			meter);
	}
	snprintf(spec, sizeof(spec),
		"{%s\"slice\":[{\"name\":\"%s\",\"vni\":%d%s}],\"attachment\":[{\"name\":\"%s:lan0."
		"%d\","
		"\"slice\":\"%s\",\"port\":\"lan0\",\"vlan\":%d}],\"member\":[{\"slice\":\"%s\","
		"\"tunnel\":\"wan0:b\"}],\"tunnel\":[{\"name\":\"wan0:b\",\"encap\":\"vxlan\","
		"\"local\":"
		"\"198.18.0.1\",\"remote\":\"198.18.0.2\"}],\"needs\":[\"site gj\"]}",
		profile, name, vni, with, name, vni % 4094 + 1, name, vni % 4094 + 1, name);
	fake_intent(rec, INTENT_SLICE, name, spec);
}

void rig_site(void)
{
	fake_intent(rec, INTENT_SITE, "gj",
		"{\"port\":[{\"name\":\"lan0\",\"device\":\"net_null0\"}],"
		"\"address\":[{\"port\":\"lan0\",\"prefix\":\"198.18.0.1/24\"}]}");
}

/* true: it is as it was said. */
static bool say_group(const char *label, const char *type, json_t *object)
{
	json_t *group = json_pack("{s:s, s:i}", "owner", label, "revision", 1), *call, *answer;
	bool applied;

	if (object)
		json_object_set_new(group, "objects", json_pack("{s:[O]}", type, object));
	call = json_pack("{s:s, s:s, s:[o]}", "source", "kernel", "mode", "merge", "groups", group);
	answer = fake_answer(&fake, "sync", call);
	group = json_array_get(json_object_get(json_object_get(answer, "result"), "groups"), 0);
	applied = !json_object_get(group, "error");
	json_decref(answer);
	json_decref(call);
	return applied;
}

void rig_kernel(const char *type, const char *object, bool there)
{
	json_t *json = json_loads(object, 0, NULL);
	char key[API_KEY_BYTES], label[API_KEY_BYTES + 32], *text;

	ck_assert_ptr_nonnull(json);
	fake_canonical(api_type_find(type), json, key, &text);
	free(text);
	snprintf(label, sizeof(label), "%s %s", type, key);
	/* what it said before is not so, be it refused or not */
	if (!say_group(label, type, there ? json : NULL))
		say_group(label, type, NULL);
	json_decref(json);
}

void rig_route(int number, bool there)
{
	char object[200];

	snprintf(object, sizeof(object),
		"{\"table\":\"blue\",\"prefix\":\"10.%d.%d.0/24\",\"via\":[{\"address\":"
		"\"198.18.1.2\",\"attachment\":\"blue:lan0.101\"}]}",
		number / 256, number % 256);
	rig_kernel("route", object, there);
}

void rig_state(enum intent_type type, const char *name, enum intent_state state)
{
	const struct intent *intent = fake_intent_get(type, name);

	ck_assert_ptr_nonnull(intent);
	if (intent->status.state != state)
		ck_abort_msg("%s is in state %d, not %d: %s", name, intent->status.state, state,
			intent->status.reason);
}

const char *rig_reason(enum intent_type type, const char *name)
{
	return fake_intent_get(type, name)->status.reason;
}
