/* SPDX-License-Identifier: BSD-3-Clause */
/* GET, POST /slices and DELETE /slices/{name}.
 *
 * The answers are those of KOREN-Platform's SmartX_Open_Platform (Orchestration_OpenAPIs:
 * api/slices/main.py, Slicing_list.sh, Slice_Create.sh): Slicing_ID, Tenant_ID, Authority ("high"
 * for every slice there) and VLAN_ID as texts, and {"Slice_ID"} for a new one. There a POST had no
 * body and took the next number of a pool from 951 on, which was VLAN and id at once: so it is here
 * when there is no slice_id. The body of POST, errors (problem+json), and the name in DELETE's path
 * (it was {"slice_id"} in its body) are ours. */
#include "smartx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL_FIRST 951
#define POOL_LAST  4094

void smartx_slices_get(struct request *r)
{
	struct intent *slice = world_first(control.world, INTENT_SLICE);
	json_t *all = json_array();

	for (; slice; slice = world_next(slice)) {
		char vlan[16];

		if (!actor_sees(request_actor(r), slice->tenant))
			continue;
		snprintf(vlan, sizeof(vlan), "%u", smartx_vlan(slice));
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
	const char *tenant = smartx_tenant(request_actor(r));
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
		"slice_id", "vlan", "location", "port", "bandwidth_bps"};
	const char *name;
	json_t *value;

	if (!json_is_object(request_body(r))) {
		reply_problem(r, 422, "the body: want an object");
		return false;
	}
	json_object_foreach ((json_t *)request_body(r), name, value) {
		size_t i = 0;

		while (i < sizeof(fields) / sizeof(fields[0]) && strcmp(fields[i], name))
			i++;
		if (i == sizeof(fields) / sizeof(fields[0])) {
			reply_problem(r, 422,
				"%.60s: there is no such field; want slice_id, vlan, "
				"location, port, bandwidth_bps",
				name);
			return false;
		}
	}
	return true;
}

void smartx_slices_post(struct request *r)
{
	const json_t *given = json_object_get(request_body(r), "slice_id");
	struct rest_op op = {.type = INTENT_SLICE, .must_be_new = true};
	char id[LIMIT_NAME + 1];
	json_t *spec;

	if (line_wait(r, smartx_slices_post) || !known_fields(r))
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
	if (!smartx_change(r, &op, 1))
		reply_json(r, 201, json_pack("{s:s}", "Slice_ID", id));
	json_decref(spec);
}

void smartx_slices_delete(struct request *r)
{
	const struct rest_op op = {.type = INTENT_SLICE, .name = request_param(r, "name")};

	if (line_wait(r, smartx_slices_delete))
		return;
	if (!smartx_change(r, &op, 1))
		reply_json(r, 200, json_pack("{s:s}", "Slice_ID", op.name));
}
