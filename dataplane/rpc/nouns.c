/* SPDX-License-Identifier: BSD-3-Clause */
/* What the nouns share: checks of addresses, common refusals, counters as JSON. */
#include "nouns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "counters.h"

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

struct object *noun_member_of_any(const struct object *slice, const struct object *tunnel)
{
	char key[API_KEY_BYTES];

	snprintf(key, sizeof(key), "%s %s", slice->key, tunnel->key);
	return model_find_any(OBJECT_MEMBER, key);
}

struct object *noun_member_of(const struct object *slice, const struct object *tunnel)
{
	char key[API_KEY_BYTES];

	snprintf(key, sizeof(key), "%s %s", slice->key, tunnel->key);
	return model_find(OBJECT_MEMBER, key);
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
