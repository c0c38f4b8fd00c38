/* SPDX-License-Identifier: BSD-3-Clause */
/* GET, POST /access_slices and DELETE /access_slices/{name}: hosts in slices.
 *
 * The fields are those of KOREN-Platform's SmartX_Open_Platform (Orchestration_OpenAPIs:
 * api/slices/main.py): {slice_id, mac, location, ip} asked, rows of MAC, IP, Slicing_ID, Intent and
 * direction answered. There, Intent was ONOS' key of the rule; here it is the name of the host
 * intent, and direction is "IoT" always: the way back needs no rule of its own. port, vlan, errors
 * (problem+json) and the name in DELETE's path are ours. */
#include "smartx.h"

#include <stdio.h>
#include <string.h>

static json_t *row_of(const struct intent *host, const struct intent *slice)
{
	const json_t *address = json_object_get(host->spec, "address");

	return json_pack("{s:O*, s:s, s:s, s:s, s:s}", "MAC", json_object_get(host->spec, "mac"),
		"IP", address ? json_string_value(address) : "", "Slicing_ID", slice->name,
		"Intent", host->name, "direction", "IoT");
}

static const struct intent *slice_of(const struct intent *host)
{
	const struct intent_host *obj = &host->obj->host;
	const struct intent *slice = world_at_place(control.world, obj->site, obj->port, obj->vlan);

	return slice && slice->type == INTENT_SLICE ? slice : NULL;
}

void smartx_access_get(struct request *r)
{
	struct intent *host = world_first(control.world, INTENT_HOST);
	json_t *all = json_array();

	for (; host; host = world_next(host)) {
		const struct intent *slice = slice_of(host);

		if (slice && actor_sees(request_actor(r), host->tenant) &&
			actor_sees(request_actor(r), slice->tenant))
			json_array_append_new(all, row_of(host, slice));
	}
	reply_json(r, 200, all);
}

/* ---- connecting ---- */

struct wanted {
	const char *slice_id, *mac, *site, *ip, *port;
	uint32_t vlan;
	char name[32]; /* of the host intent */
};

static void host_name(const struct api_mac_addr *mac, char out[32])
{
	const uint8_t *b = mac->bytes;

	snprintf(out, 32, "iot-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
}

static bool text_field(struct request *r, const char *name, bool needed, const char **out)
{
	const json_t *value = json_object_get(request_body(r), name);

	*out = json_string_value(value);
	if (*out || (!value && !needed))
		return true;
	reply_problem(r, 422, "%s: want a text", name);
	return false;
}

static bool read_wanted(struct request *r, struct wanted *out)
{
	const json_t *vlan = json_object_get(request_body(r), "vlan");
	struct api_mac_addr mac;

	memset(out, 0, sizeof(*out));
	if (!text_field(r, "slice_id", true, &out->slice_id) ||
		!text_field(r, "mac", true, &out->mac) ||
		!text_field(r, "location", true, &out->site) ||
		!text_field(r, "ip", false, &out->ip) || !text_field(r, "port", false, &out->port))
		return false;
	if (api_mac_parse(out->mac, &mac)) {
		reply_problem(r, 422, "mac: want a MAC address like 02:00:00:00:00:01");
		return false;
	}
	if (vlan && (!json_is_integer(vlan) || json_integer_value(vlan) < 1 ||
			    json_integer_value(vlan) > 4094)) {
		reply_problem(r, 422, "vlan: want an integer 1 to 4094");
		return false;
	}
	out->vlan = json_integer_value(vlan);
	host_name(&mac, out->name);
	return true;
}

static const struct intent_endpoint *end_at(const struct intent *slice, struct wanted *w)
{
	const struct intent_endpoints *ends = &slice->obj->slice.endpoints;

	for (uint32_t i = 0; i < ends->count; i++)
		if (!strcmp(ends->item[i].site, w->site) &&
			(!w->port || !strcmp(ends->item[i].port, w->port)) &&
			(!w->vlan || ends->item[i].vlan == w->vlan))
			return &ends->item[i];
	return NULL;
}

/* The site's only port for tenants (without addresses); NULL: there are none or several. */
static const char *only_port(const char *site_name)
{
	const struct intent *site = world_find(control.world, INTENT_SITE, site_name);
	const struct intent_ports *ports = site ? &site->obj->site.ports : NULL;
	const char *found = NULL;

	for (uint32_t i = 0; ports && i < ports->count; i++) {
		if (ports->item[i].addresses.count)
			continue;
		if (found)
			return NULL;
		found = ports->item[i].name;
	}
	return found;
}

/* The slice with one more endpoint; NULL after a refusal. */
static json_t *slice_with_end(struct request *r, const struct intent *slice, struct wanted *w)
{
	json_t *spec, *ends;

	if (!w->port)
		w->port = only_port(w->site);
	if (!w->port) {
		reply_problem(r, 422,
			"port: slice %s has no endpoint at %s, and the site has not just one port "
			"for "
			"tenants; name the port",
			slice->name, w->site);
		return NULL;
	}
	if (!w->vlan)
		w->vlan = smartx_vlan(slice);
	spec = json_deep_copy(slice->spec);
	ends = json_object_get(spec, "endpoints");
	if (!ends) {
		ends = json_array();
		json_object_set_new(spec, "endpoints", ends);
	}
	json_array_append_new(ends, json_pack("{s:s, s:s, s:o*}", "site", w->site, "port", w->port,
					    "vlan", w->vlan ? json_integer(w->vlan) : NULL));
	return spec;
}

/* The host is of whom the slice is. */
static json_t *host_spec(
	const struct intent *slice, const struct wanted *w, const char *port, uint32_t vlan)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o*, s:s*, s:s*}", "name", w->name, "site", w->site,
		"port", port, "mac", w->mac, "vlan", vlan ? json_integer(vlan) : NULL, "address",
		w->ip, "tenant", slice->tenant[0] ? slice->tenant : NULL);
}

void smartx_access_post(struct request *r)
{
	struct rest_op ops[2] = {
		{.type = INTENT_HOST, .must_be_new = true}, {.type = INTENT_SLICE}};
	const struct intent_endpoint *end;
	const struct intent *slice, *host;
	json_t *extended = NULL, *spec;
	struct wanted w;

	if (line_wait(r, smartx_access_post) || !read_wanted(r, &w))
		return;
	slice = world_find(control.world, INTENT_SLICE, w.slice_id);
	if (!slice || !actor_sees(request_actor(r), slice->tenant)) {
		reply_problem(r, 404, "slice_id: there is no slice %.60s", w.slice_id);
		return;
	}
	end = end_at(slice, &w);
	if (!end && !(extended = slice_with_end(r, slice, &w)))
		return;
	spec = host_spec(slice, &w, end ? end->port : w.port, end ? end->vlan : w.vlan);
	ops[0].spec = spec;
	ops[1].spec = extended;
	if (!smartx_change(r, ops, extended ? 2 : 1)) {
		host = world_find(control.world, INTENT_HOST, w.name);
		slice = world_find(control.world, INTENT_SLICE, w.slice_id);
		reply_json(r, 201, host && slice ? json_pack("[o]", row_of(host, slice)) : NULL);
	}
	json_decref(spec);
	json_decref(extended);
}

/* The endpoint that a host's coming made stays: others may use it by now. */
void smartx_access_delete(struct request *r)
{
	const char *name = request_param(r, "name");
	struct rest_op op = {.type = INTENT_HOST, .name = name};
	struct api_mac_addr mac;
	char host[32];

	if (line_wait(r, smartx_access_delete))
		return;
	if (!api_mac_parse(name, &mac)) {
		host_name(&mac, host);
		op.name = host;
	}
	if (!smartx_change(r, &op, 1))
		reply_json(r, 200, json_pack("{s:s}", "Intent", op.name));
}
