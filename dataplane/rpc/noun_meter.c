/* SPDX-License-Identifier: BSD-3-Clause */
/* meter: rates and bursts; what it says holds for every slice and attachment that names it, each
 * with buckets of its own. Called through nouns[] and by noun_meter.h; its id is
 * pipelines/qos/police.h's. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nouns.h"

/* The meter's name at a place; "": none. */
static const char *meter_name(enum police_place place, const struct version *version)
{
	const union api_object *data = version->data;

	switch (place) {
	case POLICE_SLICE:
		return data->slice.meter;
	case POLICE_IN:
		return data->attachment.meter_in;
	default:
		return data->attachment.meter_out;
	}
}

/* Which of the version's references is that meter; NULL: none. References stand in the order of the
 * fields, and meter_in comes before meter_out. */
static const struct ref *meter_ref(enum police_place place, const struct version *version)
{
	uint32_t skip = place == POLICE_OUT && *meter_name(POLICE_IN, version) ? 1 : 0;

	if (!*meter_name(place, version))
		return NULL;
	for (uint32_t i = 0; i < version->n_refs; i++)
		if (version->refs[i].to->type->type == OBJECT_METER && skip-- == 0)
			return &version->refs[i];
	return NULL;
}

static uint16_t meter_id(enum police_place place, const struct version *version)
{
	const struct ref *ref = version ? meter_ref(place, version) : NULL;

	return ref ? ref->to->id : 0;
}

void noun_meter_commit(enum police_place place, const struct object *obj, const struct version *old,
	const struct version *next)
{
	uint16_t before = meter_id(place, old), now = meter_id(place, next);

	if (before != now)
		police_use(place, obj->id, now);
}

uint64_t noun_meter_cir(enum police_place place, const struct version *version)
{
	const struct ref *ref = meter_ref(place, version);

	return ref && ref->to->now ? ref->to->now->data->meter.cir_bps : 0;
}

static void add_counts(const struct meter_counts *counts, const char *prefix, json_t *out)
{
	static const char *const colors[] = {"green", "yellow", "red"};
	char name[64];

	for (int c = 0; c < METER_COLORS; c++) {
		snprintf(name, sizeof(name), "%s%s_packets", prefix, colors[c]);
		json_object_set_new(out, name, json_integer(counts->packets[c]));
		snprintf(name, sizeof(name), "%s%s_bytes", prefix, colors[c]);
		json_object_set_new(out, name, json_integer(counts->bytes[c]));
	}
}

void noun_meter_stats(
	enum police_place place, const struct object *obj, const char *prefix, json_t *out)
{
	struct meter_counts counts = {0};

	if (!meter_ref(place, obj->now))
		return;
	police_add(place, obj->id, &counts);
	add_counts(&counts, prefix, out);
}

/* ---- the type ---- */

static int meter_check(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	const struct api_meter *next = &change->data->meter;
	char want[80], got[32];

	if (next->algorithm != METER_TRTCM)
		return 0;
	if (next->pir_bps < next->cir_bps) {
		snprintf(want, sizeof(want), "at least cir_bps, %" PRIu64, next->cir_bps);
		snprintf(got, sizeof(got), "%" PRIu64, next->pir_bps);
		return rpc_fail_value(err, "pir_bps", want, got);
	}
	if (next->pbs_bytes < METER_BURST_MIN) {
		snprintf(
			want, sizeof(want), "integer %d to %llu", METER_BURST_MIN, METER_BURST_MAX);
		snprintf(got, sizeof(got), "%u", next->pbs_bytes);
		return rpc_fail_value(err, "pbs_bytes", want, got);
	}
	return 0;
}

static void meter_commit(struct object *obj, const struct version *old, const struct version *next)
{
	const struct ref *ref;

	if (next)
		police_set(obj->id, &next->data->meter);
	else
		police_unset(obj->id);
	LIST_FOREACH (ref, &obj->used_by, link) {
		const struct object *user = ref->from->owner;

		if (user->type->type == OBJECT_SLICE)
			noun_slice_meter_changed(user);
	}
}

/* Over all places that are under it now. */
static void meter_stats(const struct object *obj, json_t *out)
{
	struct meter_counts counts = {0};
	const struct ref *ref;

	LIST_FOREACH (ref, &obj->used_by, link) {
		const struct object *user = ref->from->owner;
		enum police_place place = POLICE_SLICE;

		if (user->type->type == OBJECT_ATTACHMENT)
			place = ref == meter_ref(POLICE_IN, ref->from) ? POLICE_IN : POLICE_OUT;
		police_add(place, user->id, &counts);
	}
	add_counts(&counts, "", out);
}

const struct noun noun_meter = {
	.check = meter_check,
	.id_reserve = police_reserve,
	.id_release = police_release,
	.commit = meter_commit,
	.stats = meter_stats,
};
