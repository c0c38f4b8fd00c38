/* SPDX-License-Identifier: BSD-3-Clause */
/* GET of one intent and of many, the same for every type. */
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "etag.h"

#define PAGE	 100
#define PAGE_MAX 1000

static enum intent_type type_of(const struct request *r)
{
	return (enum intent_type)(intptr_t)request_arg(r);
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

static bool slice_is_at(const struct intent_slice *slice, const char *site)
{
	for (uint32_t i = 0; i < slice->endpoints.count; i++)
		if (!strcmp(slice->endpoints.item[i].site, site))
			return true;
	return false;
}

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
		return slice_is_at(&obj->slice, site);
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

	if (!out)
		return;
	evbuffer_add_printf(out, "</v1/%s?limit=%d", intent_path(type_of(r)), (int)limit);
	link_add(out, "after", next);
	link_add(out, "tenant", filter->tenant);
	link_add(out, "state", filter->state);
	link_add(out, "site", filter->site);
	evbuffer_add(out, ">; rel=\"next\"", sizeof(">; rel=\"next\""));
	reply_header(r, "Link", (const char *)evbuffer_pullup(out, -1));
	evbuffer_free(out);
}

void intent_list(struct request *r)
{
	struct filter filter = {request_actor(r), request_query(r, "tenant"),
		request_query(r, "state"), request_query(r, "site")};
	const char *after = request_query(r, "after"), *last = NULL;
	const struct intent *intent;
	json_t *items, *body;
	int64_t limit, count = 0;

	if (!request_number(r, "limit", 1, PAGE_MAX, PAGE, &limit))
		return;
	items = json_array();
	body = json_pack("{s:o*}", "items", items);
	intent = after ? world_after(control.world, type_of(r), after)
		       : world_first(control.world, type_of(r));
	for (; intent; intent = world_next(intent)) {
		if (!passes(&filter, intent))
			continue;
		if (count++ == limit) {
			json_object_set_new(body, "next", json_string(last));
			link_reply(r, &filter, limit, last);
			break;
		}
		json_array_append_new(items, show_intent(filter.actor, intent));
		last = intent->name;
	}
	reply_json(r, 200, body);
}
