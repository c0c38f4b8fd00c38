/* SPDX-License-Identifier: BSD-3-Clause */
/* What the playground's Multi-View showed.
 *
 * The paths, and the fields of boxes and controllers, are those of KOREN-Platform's
 * SmartX_Open_Platform (Visibility_OpenAPIs: multiviewRoutes.ts, multiviewModel.ts, the collections
 * of MultiView_Configuration_Database.js; latency: latency_DailyreportConsumer.java), which sent
 * its MongoDB documents as they were: arrays of flat objects of texts. Left out is its own _id, and
 * the user and password of controllers, which were shown there. */
#include "smartx.h"

#include "observe.h"
#include "view.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

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
	time_t now = control_now_us() / 1000000;
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

	reconciler_counters(control.reconciler, &counters);
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

/* ---- for the files beside this one ---- */

uint32_t smartx_vlan(const struct intent *slice)
{
	const struct intent_endpoints *ends = &slice->obj->slice.endpoints;

	return ends->count ? ends->item[0].vlan : 0;
}

const char *smartx_tenant(const struct actor *actor)
{
	return actor->tenant;
}

int smartx_change(struct request *r, const struct rest_op *ops, size_t count)
{
	struct rest_refusal why = {0};

	if (!rest_change(request_actor(r), request_line(r), ops, count, &why))
		return 0;
	if (why.err.code)
		reply_error(r, &why.err);
	else
		reply_problem(r, why.status, "%s", why.err.message);
	return -1;
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

const struct route observe_smartx_routes[] = {
	{"GET", "/getboxesstatus", get_boxes, ROLE_VIEWER, "smartxBoxes",
		"The boxes of all sites and how this one does", .tag = "smartx"},
	{"GET", "/getoverlaylatency", get_latency, ROLE_VIEWER, "smartxLatency",
		"Latency from this box to the others, in milliseconds", .tag = "smartx",
		.result = latency_result},
	{"GET", "/getcontrollersstatus", get_controllers, ROLE_VIEWER, "smartxControllers",
		"This controller and how it does", .tag = "smartx"},
	{"GET", "/slices", smartx_slices_get, ROLE_VIEWER, "smartxSlices", "The slices one may see",
		.tag = "smartx"},
	{"POST", "/slices", smartx_slices_post, ROLE_TENANT, "smartxSliceCreate", "Makes a slice",
		.tag = "smartx", .body = slice_body},
	{"DELETE", "/slices/{name}", smartx_slices_delete, ROLE_TENANT, "smartxSliceDelete",
		"Takes a slice away", .tag = "smartx"},
	{"GET", "/access_slices", smartx_access_get, ROLE_VIEWER, "smartxAccessSlices",
		"The hosts in slices", .tag = "smartx"},
	{"POST", "/access_slices", smartx_access_post, ROLE_TENANT, "smartxAccessCreate",
		"Connects a host to a slice", .tag = "smartx", .body = access_body},
	{"DELETE", "/access_slices/{name}", smartx_access_delete, ROLE_TENANT, "smartxAccessDelete",
		"Disconnects a host, by its MAC or its name", .tag = "smartx"},
	{NULL},
};
