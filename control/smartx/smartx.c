/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of the SmartX playground's older services (smartx.h). Owns nothing.
 *
 * Paths, and the fields of answers, are those of KOREN-Platform's SmartX_Open_Platform. What was
 * shown: Visibility_OpenAPIs (multiviewRoutes.ts, multiviewModel.ts, the collections of
 * MultiView_Configuration_Database.js; latency: latency_DailyreportConsumer.java), which sent its
 * MongoDB documents as they were: arrays of flat objects of texts. Left out is its own _id, and the
 * user and password of controllers, which were shown there.
 *
 * Slices and hosts: Orchestration_OpenAPIs (api/slices/main.py, Slicing_list.sh, Slice_Create.sh).
 * Slicing_ID, Tenant_ID, Authority ("high" for every slice there) and VLAN_ID are texts, and a new
 * slice is {"Slice_ID"}. There a POST had no body and took the next number of a pool from 951 on,
 * which was VLAN and id at once: so it is here when there is no slice_id. For hosts {slice_id, mac,
 * location, ip} are asked, and rows of MAC, IP, Slicing_ID, Intent and direction answered. There,
 * Intent was ONOS' key of the rule; here it is the name of the host intent, and direction is "IoT"
 * always: the way back needs no rule of its own. port, vlan, the body of POST /slices, errors
 * (problem+json) and the names in the paths of DELETE are ours. */
#include "smartx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "observe.h"
#include "rest.h"

/* The VLAN of a slice's first endpoint; 0: it has none. */
static uint32_t vlan_of_slice(const struct intent *slice)
{
	const struct intent_endpoints *ends = &slice->obj->slice.endpoints;

	return ends->count ? ends->item[0].vlan : 0;
}

/* ---- what the playground's Multi-View showed ---- */

static bool here(const char *site)
{
	return !strcmp(site, control.site);
}

/* The address of the site's first WAN; "" when it has none. */
static void data_address(const char *site, char out[64])
{
	struct intent *wan = world_wans_of(control.world, site, NULL);

	out[0] = '\0';
	for (; wan; wan = world_wans_of(control.world, site, wan)) {
		const struct api_prefixes *addresses = &wan->obj->wan.port.addresses;

		if (!addresses->count)
			continue;
		api_ip_format(&addresses->item[0], false, out);
		return;
	}
}

/* "up", "down" of this box; of others "unknown": nobody asks them. */
static json_t *box_of(const struct intent *site, bool whole)
{
	const char *state = here(site->name) ? view_dataplane() : "unknown";
	char id[96], name[96], address[64] = "";

	snprintf(id, sizeof(id), "%s_S_1", site->name);
	snprintf(name, sizeof(name), "%s-WAN-Box", site->name);
	if (whole) /* as in /v1/wans: tenants see names, not the underlay's addresses */
		data_address(site->name, address);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "boxID",
		id, "boxName", name, "boxType", "S", "site", site->name, "management_ip", "",
		"data_ip", address, "control_ip", "", "management_ip_status",
		here(site->name) ? "up" : "unknown", "data_ip_status", state, "control_ip_status",
		here(site->name) ? "up" : "unknown", "playground", "Sluice", "boxcode", site->name);
}

static void get_boxes(struct request *r)
{
	struct intent *site = world_first(control.world, INTENT_SITE);
	json_t *all = json_array();

	for (; site; site = world_next(site))
		json_array_append_new(all, box_of(site, view_whole(request_actor(r))));
	reply_json(r, 200, all);
}

/* One row, from this box to each other one. Nobody measures latency here yet: null, where the older
 * service wrote milliseconds as text. A number that was not measured would be worse. */
static void get_latency(struct request *r)
{
	struct intent *site = world_first(control.world, INTENT_SITE);
	json_t *row = json_object();
	time_t now = clock_wall_us() / 1000000;
	char text[96];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y/%m/%d %H:%M:%S", &tm);
	json_object_set_new(row, "timestamp", json_string(text));
	json_object_set_new(row, "SmartX-Box-SOURCE", json_string(control.site));
	for (; site; site = world_next(site)) {
		if (here(site->name))
			continue;
		snprintf(text, sizeof(text), "SmartX-Box-%s", site->name);
		json_object_set_new(row, text, json_null());
	}
	reply_json(r, 200, json_pack("[o]", row));
}

/* GREEN: all is as wanted; ORANGE: it answers, but not all is; RED: what it controls is gone. */
static const char *controller_color(void)
{
	struct reconcile_counters counters = {0};

	view_reconciler(&counters);
	if (dataplane_state(control.dataplane) != DATAPLANE_UP)
		return "RED";
	return counters.synced && !counters.refused ? "GREEN" : "ORANGE";
}

static void get_controllers(struct request *r)
{
	char name[96];

	snprintf(name, sizeof(name), "sluice-control %s", control.site);
	reply_json(r, 200,
		json_pack("[{s:s, s:s, s:s, s:s, s:s}]", "controllerIP", "", "ControllerName", name,
			"controllerType", "SD-WAN", "controllerSoftware", "Sluice " SLUICE_VERSION,
			"controllerStatus", controller_color()));
}

/* ---- slices ---- */

#define POOL_FIRST 951
#define POOL_LAST  4094

static void get_slices(struct request *r)
{
	struct intent *slice = world_first(control.world, INTENT_SLICE);
	json_t *all = json_array();

	for (; slice; slice = world_next(slice)) {
		char vlan[16];

		if (!actor_sees(request_actor(r), slice->tenant))
			continue;
		snprintf(vlan, sizeof(vlan), "%u", vlan_of_slice(slice));
		json_array_append_new(all,
			json_pack("{s:s, s:s, s:s, s:s}", "Slicing_ID", slice->name, "Tenant_ID",
				slice->tenant, "Authority", "high", "VLAN_ID", vlan));
	}
	reply_json(r, 200, all);
}

/* The first number that no slice or network has as its name; false: all are taken. */
static bool next_id(char out[16])
{
	for (unsigned id = POOL_FIRST; id <= POOL_LAST; id++) {
		snprintf(out, 16, "%u", id);
		if (!world_find(control.world, INTENT_SLICE, out) &&
			!world_find(control.world, INTENT_NETWORK, out))
			return true;
	}
	return false;
}

/* A slice that is called by a number has it as its VLAN, as it was there. */
static json_int_t vlan_of(const json_t *body, const char *id)
{
	char *end;
	long number = strtol(id, &end, 10);

	if (json_object_get(body, "vlan"))
		return json_integer_value(json_object_get(body, "vlan"));
	return !*end && number >= 1 && number <= 4094 ? number : 0;
}

static json_t *spec_of(struct request *r, const char *id)
{
	const json_t *body = request_body(r), *rate = json_object_get(body, "bandwidth_bps");
	json_t *spec = json_pack("{s:s, s:[]}", "name", id, "endpoints"), *end;
	const char *tenant = request_actor(r)->tenant; /* "" of operators */
	json_int_t vlan = vlan_of(body, id);

	if (tenant[0])
		json_object_set_new(spec, "tenant", json_string(tenant));
	if (rate)
		json_object_set_new(spec, "bandwidth", json_pack("{s:O}", "committed_bps", rate));
	if (json_object_get(body, "location")) {
		end = json_pack("{s:O, s:O*}", "site", json_object_get(body, "location"), "port",
			json_object_get(body, "port"));
		if (vlan)
			json_object_set_new(end, "vlan", json_integer(vlan));
		json_array_append_new(json_object_get(spec, "endpoints"), end);
	}
	return spec;
}

static bool known_fields(struct request *r)
{
	static const char *const fields[] = {
		"slice_id", "vlan", "location", "port", "bandwidth_bps", NULL};
	const char *name;
	json_t *value;

	if (!json_is_object(request_body(r))) {
		reply_problem(r, 422, "the body: want an object");
		return false;
	}
	json_object_foreach ((json_t *)request_body(r), name, value) {
		size_t i = 0;

		while (fields[i] && strcmp(fields[i], name))
			i++;
		if (fields[i])
			continue;
		reply_problem(r, 422,
			"%.60s: there is no such field; want slice_id, vlan, location, port, "
			"bandwidth_bps",
			name);
		return false;
	}
	return true;
}

static void post_slice(struct request *r)
{
	const json_t *given = json_object_get(request_body(r), "slice_id");
	struct rest_op op = {.type = INTENT_SLICE, .must_be_new = true};
	char id[LIMIT_NAME + 1];
	json_t *spec;

	if (line_wait(r, post_slice) || !known_fields(r))
		return;
	if (given && !json_is_string(given)) {
		reply_problem(r, 422, "slice_id: want a text");
		return;
	}
	if (!given && !next_id(id)) {
		reply_problem(r, 409, "slice_id: all of %d to %d are taken; name another",
			POOL_FIRST, POOL_LAST);
		return;
	}
	if (given)
		snprintf(id, sizeof(id), "%s", json_string_value(given));
	spec = spec_of(r, given ? json_string_value(given) : id);
	op.spec = spec;
	if (!rest_change(r, &op, 1))
		reply_json(r, 201, json_pack("{s:s}", "Slice_ID", id));
	json_decref(spec);
}

static void delete_slice(struct request *r)
{
	const struct rest_op op = {.type = INTENT_SLICE, .name = request_param(r, "name")};

	if (line_wait(r, delete_slice))
		return;
	if (!rest_change(r, &op, 1))
		reply_json(r, 200, json_pack("{s:s}", "Slice_ID", op.name));
}

/* ---- hosts in slices ---- */

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

static void get_access(struct request *r)
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
		w->vlan = vlan_of_slice(slice);
	spec = json_deep_copy(slice->spec);
	ends = json_object_get(spec, "endpoints");
	if (!ends)
		json_object_set_new(spec, "endpoints", ends = json_array());
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

static void post_access(struct request *r)
{
	struct rest_op ops[2] = {
		{.type = INTENT_HOST, .must_be_new = true}, {.type = INTENT_SLICE}};
	const struct intent_endpoint *end;
	const struct intent *slice, *host;
	json_t *extended = NULL, *spec;
	struct wanted w;

	if (line_wait(r, post_access) || !read_wanted(r, &w))
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
	if (!rest_change(r, ops, extended ? 2 : 1)) {
		host = world_find(control.world, INTENT_HOST, w.name);
		slice = world_find(control.world, INTENT_SLICE, w.slice_id);
		reply_json(r, 201, host && slice ? json_pack("[o]", row_of(host, slice)) : NULL);
	}
	json_decref(spec);
	json_decref(extended);
}

/* The endpoint that a host's coming made stays: others may use it by now. */
static void delete_access(struct request *r)
{
	const char *name = request_param(r, "name");
	struct rest_op op = {.type = INTENT_HOST, .name = name};
	struct api_mac_addr mac;
	char host[32];

	if (line_wait(r, delete_access))
		return;
	if (!api_mac_parse(name, &mac)) {
		host_name(&mac, host);
		op.name = host;
	}
	if (!rest_change(r, &op, 1))
		reply_json(r, 200, json_pack("{s:s}", "Intent", op.name));
}

#define ID   "{\"type\":\"string\",\"description\":\"its name: a slice of /v1/slices\"}"
#define VLAN "{\"type\":\"integer\",\"minimum\":1,\"maximum\":4094}"

static const char slice_body[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"slice_id\":" ID
	",\"vlan\":" VLAN ",\"location\":{\"type\":\"string\"},\"port\":{\"type\":\"string\"},"
	"\"bandwidth_bps\":{\"type\":\"integer\",\"minimum\":0}}}";
static const char access_body[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"slice_id\",\"mac\","
	"\"location\"],\"properties\":{\"slice_id\":" ID ",\"mac\":{\"type\":\"string\"},\"ip\":{"
	"\"type\":\"string\"},\"location\":{\"type\":\"string\",\"description\":\"a "
	"site\"},\"port\":"
	"{\"type\":\"string\"},\"vlan\":" VLAN "}}";

static const char latency_result[] =
	"{\"type\":\"array\",\"minItems\":1,\"maxItems\":1,\"items\":{\"type\":\"object\","
	"\"properties\":{\"timestamp\":{\"type\":\"string\"},\"SmartX-Box-SOURCE\":{\"type\":"
	"\"string\",\"description\":\"this site\"}},\"additionalProperties\":{\"type\":[\"string\","
	"\"null\"],\"description\":\"of SmartX-Box-SITE: milliseconds; null: nobody measures it. "
	"Boxes "
	"do not probe each other: a tunnel is up when this box has a route and a neighbour for it, "
	"and "
	"GTP-U echoes tell that a gNB or UPF answers, not how fast\"}}}";

const struct route smartx_routes[] = {
	{"GET", "/getboxesstatus", get_boxes, ROLE_VIEWER, "smartxBoxes",
		"The boxes of all sites and how this one does", .tag = "smartx"},
	{"GET", "/getoverlaylatency", get_latency, ROLE_VIEWER, "smartxLatency",
		"Latency from this box to the others, in milliseconds", .tag = "smartx",
		.result = latency_result},
	{"GET", "/getcontrollersstatus", get_controllers, ROLE_VIEWER, "smartxControllers",
		"This controller and how it does", .tag = "smartx"},
	{"GET", "/slices", get_slices, ROLE_VIEWER, "smartxSlices", "The slices one may see",
		.tag = "smartx"},
	{"POST", "/slices", post_slice, ROLE_TENANT, "smartxSliceCreate", "Makes a slice",
		.tag = "smartx", .body = slice_body},
	{"DELETE", "/slices/{name}", delete_slice, ROLE_TENANT, "smartxSliceDelete",
		"Takes a slice away", .tag = "smartx"},
	{"GET", "/access_slices", get_access, ROLE_VIEWER, "smartxAccessSlices",
		"The hosts in slices", .tag = "smartx"},
	{"POST", "/access_slices", post_access, ROLE_TENANT, "smartxAccessCreate",
		"Connects a host to a slice", .tag = "smartx", .body = access_body},
	{"DELETE", "/access_slices/{name}", delete_access, ROLE_TENANT, "smartxAccessDelete",
		"Disconnects a host, by its MAC or its name", .tag = "smartx"},
	{NULL},
};
