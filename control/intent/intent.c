/* SPDX-License-Identifier: BSD-3-Clause */
/* Kinds and paths, JSON → intent and back. */
#include "intent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "intent_private.h"

const char *const intent_state_names[] = {"pending", "applied", "refused", "elsewhere", NULL};

static const char *const paths[INTENT_TYPES] = {
	[INTENT_SITE] = "sites",
	[INTENT_WAN] = "wans",
	[INTENT_SLICE] = "slices",
	[INTENT_HOST] = "hosts",
	[INTENT_NETWORK] = "virtual-dedicated-networks",
	[INTENT_LOCAL_NETWORK] = "local-data-networks",
	[INTENT_SESSION] = "sessions",
	[INTENT_TENANT] = "tenants",
};

int intent_type_of_path(const char *path)
{
	for (int type = 0; type < INTENT_TYPES; type++)
		if (!strcmp(paths[type], path))
			return type;
	return -1;
}

int intent_type_of_kind(const char *kind)
{
	for (int type = 0; type < INTENT_TYPES; type++)
		if (!strcmp(intent_types[type].name, kind))
			return type;
	return -1;
}

static uint32_t format_of(const struct api_field *fields, const json_t *spec)
{
	uint32_t format = 0, inner;
	const json_t *value, *item;
	size_t i;

	for (; fields && fields->name; fields++) {
		value = json_object_get(spec, fields->name);
		if (!value)
			continue;
		format = fields->since > format ? fields->since : format;
		inner = json_is_object(value) ? format_of(fields->fields, value) : 0;
		json_array_foreach (value, i, item) {
			uint32_t of_item = format_of(fields->fields, item);

			inner = of_item > inner ? of_item : inner;
		}
		format = inner > format ? inner : format;
	}
	return format;
}

uint32_t intent_format(enum intent_type type, const json_t *spec)
{
	return format_of(intent_types[type].fields, spec);
}

const char *intent_path(enum intent_type type)
{
	return paths[type];
}

const char *intent_kind(enum intent_type type)
{
	return intent_types[type].name;
}

const char *intent_kinds(void)
{
	static char text[160];
	size_t used = 0;

	for (int type = 0; type < INTENT_TYPES; type++) {
		const char *between = !type ? "" : type + 1 == INTENT_TYPES ? " or " : ", ";

		used += snprintf(
			text + used, sizeof(text) - used, "%s%s", between, intent_types[type].name);
	}
	return text;
}

const char *intent_obj_name(enum intent_type type, const union intent_object *obj)
{
	return (const char *)obj; /* every structure begins with its name */
}

_Static_assert(offsetof(struct intent_site, name) == 0, "name first");
_Static_assert(offsetof(struct intent_port, name) == 0, "name first, of the WAN's port");
_Static_assert(offsetof(struct intent_slice, name) == 0, "name first");
_Static_assert(offsetof(struct intent_host, name) == 0, "name first");
_Static_assert(offsetof(struct intent_network, name) == 0, "name first");
_Static_assert(offsetof(struct intent_local_network, name) == 0, "name first");
_Static_assert(offsetof(struct intent_tenant, name) == 0, "name first");
_Static_assert(offsetof(struct api_session, name) == 0, "name first, of the session's");

const char *intent_obj_tenant(enum intent_type type, const union intent_object *obj)
{
	switch (type) {
	case INTENT_SLICE:
		return obj->slice.tenant;
	case INTENT_HOST:
		return obj->host.tenant;
	case INTENT_NETWORK:
		return obj->network.tenant;
	case INTENT_LOCAL_NETWORK:
		return obj->local_network.tenant;
	case INTENT_SESSION:
		return obj->session.tenant;
	default:
		return "";
	}
}

/* A twin in the kernel, where nobody says: for ports whose addresses the kernel must hold. Under an
 * AF_XDP port it has its own interface. */
static void default_tap(struct intent_port *port, const json_t *given)
{
	if (!json_object_get(given, "tap"))
		port->tap = port->device[0] && port->addresses.count &&
			    strncmp(port->device, "net_af_xdp", 10) != 0;
}

static void default_taps(enum intent_type type, const json_t *given, union intent_object *obj)
{
	if (type == INTENT_WAN)
		default_tap(&obj->wan.port, given);
	for (uint32_t i = 0; type == INTENT_SITE && i < obj->site.ports.count; i++)
		default_tap(&obj->site.ports.item[i],
			json_array_get(json_object_get(given, "ports"), i));
}

/* given without what only answers have; one more reference when there is none. */
static json_t *without_answers(const json_t *given)
{
	static const char *const answers[] = {"kind", "meta", "status"};
	json_t *out = NULL;

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		if (!json_object_get(given, answers[i]))
			continue;
		out = out ? out : json_copy((json_t *)given);
		json_object_del(out, answers[i]);
	}
	return out ? out : json_incref((json_t *)given);
}

int intent_parse(enum intent_type type, const json_t *given, union intent_object **obj,
	json_t **spec, struct rpc_error *err)
{
	json_t *json = without_answers(given);
	union intent_object decoded;
	int rc;

	rc = api_decode(&intent_types[type], json, "", (union api_object *)&decoded, err);
	if (!rc) {
		default_taps(type, json, &decoded);
		rc = intent_check(type, &decoded, err);
	}
	json_decref(json);
	if (rc)
		return -1;
	*obj = intent_copy(type, &decoded);
	*spec = intent_encode(type, *obj);
	return 0;
}

uint64_t name_hash(uint64_t hash, const char *text)
{
	return hash_fnv64(hash, text, strlen(text));
}

static json_t *status_show(const struct intent *intent)
{
	json_t *out = json_object();

	json_object_set_new(out, "state", json_string(intent_state_names[intent->status.state]));
	if (intent->status.state == INTENT_REFUSED)
		json_object_set_new(out, "reason", json_string(intent->status.reason));
	json_object_set_new(out, "since_us", json_integer(intent->status.since_us));
	return out;
}

static json_t *meta_show(const struct intent *intent)
{
	json_t *out = json_object();

	json_object_set_new(out, "created_us", json_integer(intent->created_us));
	json_object_set_new(out, "revision", json_integer((json_int_t)intent->revision));
	json_object_set_new(out, "updated_by", json_string(intent->updated_by));
	json_object_set_new(out, "updated_us", json_integer(intent->updated_us));
	return out;
}

json_t *intent_show(const struct intent *intent)
{
	json_t *out = json_copy(intent->spec);

	json_object_set_new(out, "kind", json_string(intent_kind(intent->type)));
	json_object_set_new(out, "meta", meta_show(intent));
	json_object_set_new(out, "status", status_show(intent));
	return out;
}
