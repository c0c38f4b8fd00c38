/* SPDX-License-Identifier: BSD-3-Clause */
/* Intents as an actor may see them. */
#include "change.h"
#include "health.h"

static json_t *only(const json_t *from, const char *const *fields)
{
	json_t *out = json_object();

	for (; *fields; fields++)
		if (json_object_get(from, *fields))
			json_object_set(out, *fields, json_object_get(from, *fields));
	return out;
}

/* Of sites and WANs a tenant needs the names that it writes into slices, not how they are built. */
static json_t *names_only(enum intent_type type, json_t *shown)
{
	static const char *const port[] = {"name", "mtu", NULL};
	static const char *const fields[] = {"name", "description", "site", "provider", "mtu",
		"capacity_bps", "preference", "kind", "meta", "status", NULL};
	json_t *out = only(shown, fields), *ports = json_array(), *one;
	size_t i;

	if (type == INTENT_SITE) {
		json_array_foreach (json_object_get(shown, "ports"), i, one)
			json_array_append_new(ports, only(one, port));
		json_object_set(out, "ports", ports);
	}
	json_object_del(json_object_get(out, "status"), "reason"); /* it tells of devices */
	json_object_del(json_object_get(out, "status"), "health_text");
	json_object_del(json_object_get(out, "status"), "booked_bps"); /* and these of others */
	json_object_del(json_object_get(out, "status"), "left_bps");
	json_decref(ports);
	json_decref(shown);
	return out;
}

static void add_booked(const struct intent *intent, json_t *shown)
{
	uint64_t booked = world_booked_bps(control.world, intent->name);
	uint64_t capacity = intent->obj->wan.capacity_bps;
	json_t *status = json_object_get(shown, "status");

	json_object_set_new(status, "booked_bps", json_integer((json_int_t)booked));
	if (capacity)
		json_object_set_new(status, "left_bps",
			json_integer(capacity > booked ? (json_int_t)(capacity - booked) : 0));
}

/* How much of its grant a tenant has. */
static void add_used(const struct intent *intent, json_t *shown)
{
	static const char *const counted[] = {
		"slices", "hosts", "local_data_networks", "sessions", NULL};
	const struct world *world = control.world;
	json_t *used = json_object();

	for (const char *const *what = counted; *what; what++)
		json_object_set_new(used, *what,
			json_integer((json_int_t)world_tenant_count(world, intent->name, *what)));
	json_object_set_new(used, "committed_bps",
		json_integer((json_int_t)world_tenant_committed_bps(world, intent->name, "")));
	json_object_set_new(used, "peak_bps",
		json_integer((json_int_t)world_tenant_peak_bps(world, intent->name, "")));
	json_object_set_new(json_object_get(shown, "status"), "used", used);
}

json_t *show_intent(const struct actor *actor, const struct intent *intent)
{
	json_t *shown = intent_show(intent);
	char told[sizeof(intent->status.reason)];
	struct health health;

	if (shown) {
		bool is_well = health_intent(health_facts_now(), intent, &health);

		health_show(json_object_get(shown, "status"), is_well, &health);
	}
	if (shown && intent->status.state == INTENT_REFUSED && actor_limited(actor))
		json_object_set_new(json_object_get(shown, "status"), "reason",
			json_string(world_reason_told(control.world, intent, told, sizeof(told))));
	if (shown && intent->type == INTENT_WAN)
		add_booked(intent, shown);
	if (shown && intent->type == INTENT_TENANT)
		add_used(intent, shown);
	if (shown && (intent->type == INTENT_SITE || intent->type == INTENT_WAN) &&
		actor_limited(actor))
		shown = names_only(intent->type, shown);
	return shown;
}

/* As it will be when the change is committed. */
json_t *show_change(const struct change *c, const struct world_change *one)
{
	json_t *shown = show_intent(c->actor, one->intent), *meta = json_object_get(shown, "meta");

	if (one->effect == WORLD_UNCHANGED)
		return shown;
	if (one->effect == WORLD_CREATED)
		json_object_set_new(meta, "created_us", json_integer(c->now_us));
	json_object_set_new(meta, "revision", json_integer((json_int_t)c->revision));
	json_object_set_new(meta, "updated_us", json_integer(c->now_us));
	json_object_set_new(meta, "updated_by", json_string(c->actor->name));
	json_object_set_new(shown, "status",
		json_pack("{s:s, s:I}", "state", intent_state_names[INTENT_PENDING], "since_us",
			(json_int_t)c->now_us));
	if (one->type == INTENT_WAN)
		add_booked(one->intent, shown);
	return shown;
}
