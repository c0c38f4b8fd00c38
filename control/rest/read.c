/* SPDX-License-Identifier: BSD-3-Clause */
/* Intents as an actor may see them; GET of one and of many, the same for every type. */
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "change.h"
#include "health.h"
#include "making.h"

/* ---- as an actor may see them ---- */

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

	bool is_well = health_intent(health_facts_now(), intent, &health);

	health_show(json_object_get(shown, "status"), is_well, &health);
	if (intent->status.state == INTENT_REFUSED && actor_limited(actor))
		json_object_set_new(json_object_get(shown, "status"), "reason",
			json_string(world_reason_told(control.world, intent, told, sizeof(told))));
	if (intent->type == INTENT_WAN)
		add_booked(intent, shown);
	if (intent->type == INTENT_TENANT)
		add_used(intent, shown);
	if ((intent->type == INTENT_SITE || intent->type == INTENT_WAN) && actor_limited(actor))
		shown = names_only(intent->type, shown);
	return shown;
}

/* As it will be when the change is committed. */
json_t *show_change(const struct change *c, const struct world_change *one)
{
	json_t *shown = show_intent(&c->actor, one->intent), *meta = json_object_get(shown, "meta");

	if (one->effect == WORLD_UNCHANGED)
		return shown;
	if (one->effect == WORLD_CREATED)
		json_object_set_new(meta, "created_us", json_integer(c->now_us));
	json_object_set_new(meta, "revision", json_integer((json_int_t)c->revision));
	json_object_set_new(meta, "updated_us", json_integer(c->now_us));
	json_object_set_new(meta, "updated_by", json_string(c->actor.name));
	json_object_set_new(shown, "status",
		json_pack("{s:s, s:I}", "state", intent_state_names[INTENT_PENDING], "since_us",
			(json_int_t)c->now_us));
	if (one->type == INTENT_WAN)
		add_booked(one->intent, shown);
	return shown;
}

/* ---- one, and many ---- */

static enum intent_type type_of(const struct request *r)
{
	return (enum intent_type)(intptr_t)request_route(r)->arg;
}

void intent_get(struct request *r)
{
	const char *name = request_param(r, "name");
	const char *known = request_header(r, "If-None-Match");
	const struct intent *intent = world_find(control.world, type_of(r), name);
	char etag[ETAG_BYTES];
	json_t *shown;

	if (!intent || !actor_sees_intent(request_actor(r), intent)) {
		reply_problem(r, 404, "there is no %s %s", intent_kind(type_of(r)), name);
		return;
	}
	shown = show_intent(request_actor(r), intent);
	etag_of_shown(intent->revision, shown, etag);
	reply_header(r, "ETag", etag);
	if (known && (!strcmp(known, "*") || etag_listed(known, etag, true, false))) {
		json_decref(shown);
		reply_nothing(r, 304);
	} else {
		reply_json(r, 200, shown);
	}
}

/* ---- lists ---- */

struct filter {
	const struct actor *actor;
	const char *tenant, *state, *site; /* NULL: any */
};

static bool network_is_at(const struct intent_network *network, const char *site)
{
	for (uint32_t i = 0; i < network->hosts.count; i++) {
		const struct intent *host =
			world_find(control.world, INTENT_HOST, network->hosts.item[i].text);

		if (host && !strcmp(host->obj->host.site, site))
			return true;
	}
	return false;
}

static bool is_at(const struct intent *intent, const char *site)
{
	const union intent_object *obj = intent->obj;

	switch (intent->type) {
	case INTENT_SITE:
		return !strcmp(intent->name, site);
	case INTENT_WAN:
		return !strcmp(obj->wan.site, site);
	case INTENT_SLICE:
		return intent_slice_is_at(&obj->slice, site);
	case INTENT_HOST:
		return !strcmp(obj->host.site, site);
	case INTENT_NETWORK:
		return network_is_at(&obj->network, site);
	case INTENT_LOCAL_NETWORK: /* without one it is at every site */
		return !obj->local_network.site[0] || !strcmp(obj->local_network.site, site);
	case INTENT_SESSION:
		return !strcmp(obj->session.site, site);
	case INTENT_TENANT: /* of the whole network */
	case INTENT_TYPES:
		break;
	}
	return false;
}

static bool passes(const struct filter *filter, const struct intent *intent)
{
	return actor_sees_intent(filter->actor, intent) &&
	       (!filter->tenant || !strcmp(filter->tenant, intent->tenant)) &&
	       (!filter->state ||
		       !strcmp(filter->state, intent_state_names[intent->status.state])) &&
	       (!filter->site || is_at(intent, filter->site));
}

static void link_add(struct evbuffer *out, const char *name, const char *value)
{
	char *encoded = value ? evhttp_uriencode(value, -1, 0) : NULL;

	if (encoded)
		evbuffer_add_printf(out, "&%s=%s", name, encoded);
	free(encoded);
}

/* Link: the same question, from `next` on (RFC 8288). */
static void link_reply(
	struct request *r, const struct filter *filter, int64_t limit, const char *next)
{
	struct evbuffer *out = evbuffer_new();

	evbuffer_add_printf(out, "</v1/%s?limit=%d", intent_path(type_of(r)), (int)limit);
	link_add(out, "after", next);
	link_add(out, "tenant", filter->tenant);
	link_add(out, "state", filter->state);
	link_add(out, "site", filter->site);
	evbuffer_add(out, ">; rel=\"next\"", sizeof(">; rel=\"next\""));
	reply_header(r, "Link", (const char *)evbuffer_pullup(out, -1));
	evbuffer_free(out);
}

/* A page in the making. Its items are of one world: when that has changed between two turns it is
 * begun anew, so many times; then it goes on where it is, and may hold some of before and some of
 * after, as two pages may. */
#define ANEW_MOST 16
#define LOOK_MOST 64 /* intents that do not pass, at once */

struct listing {
	struct request *r;
	struct filter filter;
	int64_t limit, count;
	uint64_t revision;
	uint32_t anew;
	bool more;
	api_name from; /* the last that was looked at; "": none */
	api_name last; /* the last of the page */
	struct text text;
};

static void listing_begin(struct listing *list)
{
	const char *after = request_query(list->r, "after");

	list->revision = store_revision(control.store);
	list->count = 0;
	list->text.len = 0;
	snprintf(list->from, sizeof(list->from), "%s", after ? after : "");
	text_say(&list->text, "{\"items\":[");
}

static void listing_add(struct listing *list, const struct intent *intent)
{
	json_t *shown = show_intent(list->filter.actor, intent);

	if (list->count++)
		text_add(&list->text, ",", 1);
	text_add_json(&list->text, shown);
	json_decref(shown);
	memcpy(list->last, intent->name, sizeof(list->last));
}

static bool listing_step(void *state, struct text *unused)
{
	struct listing *list = state;
	const struct intent *intent;

	if (list->revision != store_revision(control.store) && list->anew++ < ANEW_MOST)
		listing_begin(list);
	intent = world_after(control.world, type_of(list->r), list->from);
	for (int looks = 0; intent; intent = world_next(intent)) {
		bool passed = passes(&list->filter, intent);

		list->more = passed && list->count == list->limit;
		if (list->more)
			return false;
		if (passed)
			listing_add(list, intent);
		memcpy(list->from, intent->name, sizeof(list->from));
		if (passed || ++looks == LOOK_MOST)
			return true;
	}
	return false;
}

static void listing_free(void *state)
{
	struct listing *list = state;

	free(list->text.text);
	free(list);
}

static void listing_end(void *state, struct request *r)
{
	struct listing *list = state;

	text_add(&list->text, "]", 1);
	if (list->more) { /* names hold no character that JSON would have to escape */
		text_say(&list->text, ",\"next\":\"");
		text_say(&list->text, list->last);
		text_add(&list->text, "\"", 1);
		link_reply(r, &list->filter, list->limit, list->last);
	}
	text_add(&list->text, "}", 1);
	reply_json_text(r, &list->text);
	listing_free(list);
}

void intent_list(struct request *r)
{
	static const struct making_kind kind = {
		.step = listing_step, .end = listing_end, .free = listing_free};
	struct listing *list = xcalloc(1, sizeof(*list));

	list->r = r;
	list->limit = request_number(r, "limit");
	list->filter = (struct filter){request_actor(r), request_query(r, "tenant"),
		request_query(r, "state"), request_query(r, "site")};
	listing_begin(list);
	making_begin(r, &kind, list, NULL);
}
