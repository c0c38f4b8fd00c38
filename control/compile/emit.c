/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of compiled objects, the one text that equal objects have, and the objects that several
 * types of intent give. Owns nothing but what is in the caller's list. */
#include "compile_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

/* ---- texts ---- */

/* The key's fields are listed as api_key writes them: their texts, a blank between. */
bool compile_listed_key(const struct api_type *type, const json_t *listed, char *key)
{
	size_t used = 0;

	key[0] = '\0';
	for (const struct api_field *field = type->fields; field->name; field++) {
		const json_t *value = json_object_get(listed, field->name);
		const char *text = json_string_value(value);
		size_t len = json_string_length(value);

		if (!(field->flags & FIELD_KEY) || (!value && field->flags & FIELD_EITHER))
			continue;
		if (!text || used + len + 2 > API_KEY_BYTES)
			return false;
		if (used)
			key[used++] = ' ';
		memcpy(key + used, text, len + 1);
		used += len;
	}
	return used > 0;
}

/* ---- the list ---- */

void compiled_list_clear(struct compiled_list *list)
{
	while (list->count)
		free(list->items[--list->count].text);
}

void compiled_list_free(struct compiled_list *list)
{
	compiled_list_clear(list);
	free(list->items);
	*list = (struct compiled_list){0};
}

/* ---- objects ---- */

void object_init(enum object_type type, union api_object *obj)
{
	memset(obj, 0, api_types[type].size);
	for (const struct api_field *field = api_types[type].fields; field->name; field++) {
		void *place = (char *)obj + field->offset;

		if (field->kind == FIELD_BOOL)
			*(bool *)place = field->preset;
		else if (field->kind == FIELD_U64)
			*(uint64_t *)place = field->preset;
		else if (field->kind == FIELD_U32 || field->kind == FIELD_ENUM)
			*(uint32_t *)place = field->preset;
	}
}

void object_text(enum object_type type, union api_object *obj, char *key, char **text)
{
	const struct api_type *of = &api_types[type];
	json_t *json;

	if (of->complete)
		of->complete(obj);
	json = api_encode(of, obj);
	for (const struct api_field *field = of->fields; field->name; field++)
		if (field->flags & FIELD_ANSWER)
			json_object_del(json, field->name);
	*text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(json);
	api_key(of, obj, key);
}

void emit(struct compile *c, enum object_type type, union api_object *obj)
{
	struct compiled_list *list = c->out;
	struct compiled *one =
		xarray_add(&list->items, &list->room, &list->count, sizeof(*list->items));

	one->type = type;
	object_text(type, obj, one->key, &one->text);
}

void compile_refuse(struct compile *c, const char *path, const char *fmt, ...)
{
	va_list args;

	if (c->is_refused)
		return;
	c->is_refused = true;
	c->err->code = RPC_ERR_PARAMS;
	va_start(args, fmt);
	vsnprintf(c->err->message, sizeof(c->err->message), fmt, args);
	va_end(args);
	snprintf(c->err->path, sizeof(c->err->path), "%s", path);
}

/* ---- what several intents give ---- */

void attachment_name(api_name name, const char *slice, const char *port, uint32_t vlan)
{
	if (vlan)
		snprintf(name, sizeof(api_name), "%.30s:%.24s.%u", slice, port, vlan % 10000);
	else
		snprintf(name, sizeof(api_name), "%.30s:%.24s", slice, port);
}

void emit_attachment(
	struct compile *c, const char *slice, const char *port, uint32_t vlan, const char *tap)
{
	union api_object obj;

	object_init(OBJECT_ATTACHMENT, &obj);
	attachment_name(obj.attachment.name, slice, port, vlan);
	strcpy(obj.attachment.slice, slice);
	strcpy(obj.attachment.port, port);
	obj.attachment.vlan = vlan;
	strcpy(obj.attachment.tap, tap);
	emit(c, OBJECT_ATTACHMENT, &obj);
}

void emit_address(
	struct compile *c, const char *port, const char *attachment, const struct api_ip *address)
{
	union api_object obj;

	if (!address->family)
		return;
	object_init(OBJECT_ADDRESS, &obj);
	strcpy(obj.address.port, port);
	strcpy(obj.address.attachment, attachment);
	obj.address.prefix = *address;
	emit(c, OBJECT_ADDRESS, &obj);
}

void emit_neighbor(struct compile *c, const char *port, const char *attachment,
	const struct api_ip *address, const struct api_mac_addr *mac)
{
	union api_object obj;

	if (!address->family)
		return;
	object_init(OBJECT_NEIGHBOR, &obj);
	strcpy(obj.neighbor.port, port);
	strcpy(obj.neighbor.attachment, attachment);
	obj.neighbor.address = *address;
	obj.neighbor.mac = *mac;
	emit(c, OBJECT_NEIGHBOR, &obj);
}

void emit_mac(struct compile *c, const char *slice, const struct api_mac_addr *mac,
	const char *attachment, const char *tunnel)
{
	union api_object obj;

	object_init(OBJECT_MAC, &obj);
	strcpy(obj.mac.slice, slice);
	obj.mac.mac = *mac;
	strcpy(obj.mac.attachment, attachment);
	strcpy(obj.mac.tunnel, tunnel);
	emit(c, OBJECT_MAC, &obj);
}

/* What the bucket holds is what a TCP that was cut back to less than the rate may catch up on. One
 * flow of cubic gets 0.96, 0.95 and 0.91 of the rate in payload at 0.5, 20 and 100 ms of RTT, but
 * 0.30, 0.91 and 0.85 with 50 ms (tests/netns/test_tcp_rate.py). */
#define METER_MS 400

/* A few frames of the largest MTU at least: a frame longer than the burst would never pass. */
#define METER_BURST_LOW (4 * (MTU_MAX + 22))

static uint32_t burst_bytes(uint64_t rate_bps, uint32_t ms)
{
	uint64_t bytes = rate_bps / 8 * ms / 1000;

	if (bytes < METER_BURST_LOW)
		bytes = METER_BURST_LOW;
	return bytes < METER_BURST_MAX ? bytes : METER_BURST_MAX;
}

void emit_meter(struct compile *c, const struct intent_bandwidth *bandwidth, api_name name)
{
	uint64_t cir = bandwidth->committed_bps, pir = bandwidth->peak_bps;
	uint32_t ms = bandwidth->burst_ms ? bandwidth->burst_ms : METER_MS;
	union api_object obj;

	name[0] = '\0';
	if (!cir && !pir)
		return;
	cir = cir < METER_RATE_MIN ? METER_RATE_MIN : cir;
	pir = pir < cir ? cir : pir;
	snprintf(name, sizeof(api_name), "rate-%" PRIu64 "-%" PRIu64, cir, pir);
	if (bandwidth->burst_ms)
		snprintf(name + strlen(name), sizeof(api_name) - strlen(name), "-%u", ms);
	object_init(OBJECT_METER, &obj);
	strcpy(obj.meter.name, name);
	obj.meter.cir_bps = cir;
	obj.meter.cbs_bytes = burst_bytes(cir, ms);
	obj.meter.pir_bps = pir;
	obj.meter.pbs_bytes = burst_bytes(pir, ms);
	emit(c, OBJECT_METER, &obj);
}
