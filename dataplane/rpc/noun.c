/* SPDX-License-Identifier: BSD-3-Clause */
/* What the nouns share: checks of addresses, common refusals, counters as JSON. */
#include "noun.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "counters.h"

const struct noun *const nouns[OBJECT_TYPES] = {
	[OBJECT_PORT] = &noun_port,
	[OBJECT_ADDRESS] = &noun_address,
	[OBJECT_NEIGHBOR] = &noun_neighbor,
	[OBJECT_ROUTE] = &noun_route,
	[OBJECT_SLICE] = &noun_slice,
	[OBJECT_ATTACHMENT] = &noun_attachment,
	[OBJECT_TUNNEL] = &noun_tunnel,
	[OBJECT_MEMBER] = &noun_member,
	[OBJECT_METER] = &noun_meter,
	[OBJECT_GTPU] = &noun_gtpu,
};

const struct backend *const backends[OBJECT_TYPES] = {
	[OBJECT_MAC] = &mac_backend,
	[OBJECT_NEIGHBOR] = &neighbor_backend,
	[OBJECT_ROUTE] = &route_backend,
	[OBJECT_SESSION] = &session_backend,
};

json_t *noun_encode(const struct object *obj)
{
	const struct noun *noun = nouns[obj->type->type];
	union api_object copy;

	memcpy(&copy, obj->now->data, model_bytes(obj->type, obj->now->data));
	if (noun->answer)
		noun->answer(obj, &copy);
	return api_encode(obj->type, &copy);
}

int noun_load(const struct api_type *type, const char *key, union api_object *out)
{
	const struct object *obj = nouns[type->type] ? model_find(type->type, key) : NULL;
	char canonical[API_KEY_BYTES];
	struct rpc_error ignored = {0};
	union api_object wanted;

	if (obj) {
		memcpy(out, obj->now->data, model_bytes(type, obj->now->data));
		return 0;
	}
	if (!backends[type->type] || api_key_parse(type, key, "", canonical, &wanted, &ignored))
		return -1;
	return backends[type->type]->find(&wanted, out) == 0 ? 0 : -1;
}

json_t *noun_plain(const struct api_type *type, const char *key)
{
	union api_object data;
	json_t *json = noun_load(type, key, &data) ? NULL : api_encode(type, &data);

	for (const struct api_field *field = type->fields; json && field->name; field++)
		if (field->flags & FIELD_ANSWER)
			json_object_del(json, field->name);
	return json;
}

bool noun_ip_unicast(const struct api_ip *ip)
{
	static const uint8_t zero[16];
	size_t len = ip->family == 4 ? 4 : 16;

	if (!memcmp(ip->bytes, zero, len))
		return false;
	return ip->family == 4 ? ip->bytes[0] < 224 : ip->bytes[0] != 0xff;
}

bool noun_mac_unicast(const struct api_mac_addr *mac)
{
	static const struct api_mac_addr zero;

	return !(mac->bytes[0] & 1) && memcmp(mac, &zero, sizeof(zero));
}

int noun_fail_ip(struct rpc_error *err, const char *field, const char *want,
	const struct api_ip *ip, bool prefix)
{
	char text[64];

	api_ip_format(ip, prefix, text);
	return rpc_fail_value(err, field, want, text);
}

int noun_fail_mac(struct rpc_error *err, const char *field, const struct api_mac_addr *mac)
{
	char text[64];

	api_mac_format(mac, text);
	return rpc_fail_value(err, field, "a unicast MAC address", text);
}

int noun_not_yet(struct rpc_error *err, const char *field, const char *want, const char *got,
	const char *what)
{
	rpc_fail_value(err, field, want, got);
	snprintf(err->message, sizeof(err->message), "%s: %s not in this version", field, what);
	return -1;
}

int noun_fail_conflict(
	struct rpc_error *err, const char *field, const char *with, const char *fmt, ...)
{
	va_list args;

	err->code = RPC_ERR_CONFLICT;
	va_start(args, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, args);
	va_end(args);
	snprintf(err->path, sizeof(err->path), "%s", field);
	snprintf(err->with, sizeof(err->with), "%s", with);
	return -1;
}

int noun_fail_missing(
	struct rpc_error *err, const char *field, enum object_type type, const char *name)
{
	const char *what = api_types[type].name;
	char want[64];

	snprintf(want, sizeof(want), "the name of a%s %s", what[0] == 'a' ? "n" : "", what);
	rpc_fail_value(err, field, want, name);
	snprintf(err->message, sizeof(err->message), "there is no %s \"%s\"", what, name);
	snprintf(err->with, sizeof(err->with), "%s %.80s", what, name);
	return -1;
}

int noun_fail_no_member(struct rpc_error *err, const char *slice, const char *tunnel)
{
	rpc_fail_value(err, "tunnel",
		"a tunnel over which the slice is stretched (put a member first)", tunnel);
	snprintf(err->with, sizeof(err->with), "member %.70s %.70s", slice, tunnel);
	return -1;
}

int noun_fail_room(struct rpc_error *err, int rc, const char *fmt, uint32_t limit)
{
	if (rc != -ENOSPC)
		return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
	err->code = RPC_ERR_CAPACITY;
	snprintf(err->message, sizeof(err->message), fmt, limit);
	err->limit = limit;
	return -1;
}

int noun_fail_place(struct rpc_error *err, const struct object *obj)
{
	bool port = version_ref(obj->now, OBJECT_PORT) != NULL;
	char label[160];

	return noun_fail_conflict(err, port ? "attachment" : "port",
		model_label(obj, label, sizeof(label)), "%.120s is already on %s of that name",
		label, port ? "a port" : "an attachment");
}

int noun_fail_in_use(struct rpc_error *err, const struct object *obj, const char *by)
{
	rpc_fail(err, RPC_ERR_IN_USE, "%s %.100s is still used by %.100s", obj->type->name,
		obj->key, by);
	snprintf(err->by, sizeof(err->by), "%s", by);
	return -1;
}

int noun_check_rows(struct rpc_error *err, const struct object *obj)
{
	for (int type = 0; type < OBJECT_TYPES; type++)
		if (backends[type] && backends[type]->check_unused &&
			backends[type]->check_unused(err, obj))
			return -1;
	return 0;
}

int noun_check_unused(struct rpc_error *err, const struct object *obj)
{
	const struct ref *user = LIST_FIRST(&obj->used_by);
	char by[160];

	if (user)
		return noun_fail_in_use(err, obj, model_label(user->from->owner, by, sizeof(by)));
	return noun_check_rows(err, obj);
}

int noun_check_unused_change(struct rpc_error *err, const struct change *change)
{
	char by[160];

	if (change->user)
		return noun_fail_in_use(
			err, change->obj, model_label(change->user, by, sizeof(by)));
	return noun_check_unused(err, change->obj);
}

void noun_counters(const struct counters *counters, json_t *out)
{
	json_object_set_new(out, "in_packets", json_integer(counters->in_packets));
	json_object_set_new(out, "in_bytes", json_integer(counters->in_bytes));
	json_object_set_new(out, "out_packets", json_integer(counters->out_packets));
	json_object_set_new(out, "out_bytes", json_integer(counters->out_bytes));
	json_object_set_new(out, "dropped", json_integer(counters->dropped));
}

void noun_shaper(const struct shaper_counters *counters, json_t *out)
{
	json_object_set_new(out, "shaper_packets", json_integer(counters->sent_packets));
	json_object_set_new(out, "shaper_bytes", json_integer(counters->sent_bytes));
	json_object_set_new(out, "shaper_dropped", json_integer(counters->dropped));
	json_object_set_new(out, "shaper_queued_packets", json_integer(counters->queued_packets));
	json_object_set_new(out, "shaper_queued_bytes", json_integer(counters->queued_bytes));
}
