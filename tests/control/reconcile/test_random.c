/* SPDX-License-Identifier: BSD-3-Clause */
/* Random sequences of intents, and of what the kernel says beside them, with crashes of both sides,
 * cuts, drift, hanging and refusals: when it is quiet, the dataplane holds what the intents are
 * compiled to, what the kernel says where no intent does and what it names is there, and nothing
 * else. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "compile.h"
#include "rig.h"

#define SLICES 12
#define STEPS  12
/* in each of eight processes; SLUICE_LONG: as many as there were seeds before they rotated */
#define SEQUENCES (getenv("SLUICE_LONG") ? 250 : 50)

static unsigned seed;
static bool kernel_says; /* in half of them */

static int pick(int n)
{
	return (int)((unsigned)rand_r(&seed) / 7 % (unsigned)n);
}

/* VNIs collide on purpose, of slices that change and of slices that stay. */
static void change(void)
{
	char name[16];

	snprintf(name, sizeof(name), "s%d", pick(SLICES));
	if (pick(4) == 0 && fake_intent_get(INTENT_SLICE, name))
		fake_intent(rec, INTENT_SLICE, name, NULL);
	else
		rig_slice_in(name, 1 + pick(SLICES * 2), pick(2) ? "gold" : NULL);
}

/* ---- what the kernel says ---- */

static json_t *said; /* {"TYPE KEY": {type, object}} */

static void say(const char *label, bool there)
{
	const json_t *one = json_object_get(said, label);
	char *text = json_dumps(json_object_get(one, "object"), JSON_COMPACT);

	rig_kernel(json_string_value(json_object_get(one, "type")), text, there);
	free(text);
	if (!there)
		json_object_del(said, label);
}

/* What it says is known there, be it new or not. */
static void say_new(const char *type, json_t *object)
{
	const struct api_type *t = api_type_find(type);
	char key[API_KEY_BYTES], label[API_KEY_BYTES + 16], *text;

	fake_canonical(t, object, key, &text);
	free(text);
	snprintf(label, sizeof(label), "%s %s", type, key);
	json_object_set_new(said, label, json_pack("{s:s, s:o}", "type", type, "object", object));
	say(label, true);
}

/* evpn0 leads where the intents' tunnel does. */
static void say_something(void)
{
	char slice[8], name[16], remote[24], mac[24], prefix[24];
	const char *tunnel = pick(2) ? "wan0:b" : name;
	int n = pick(4);

	snprintf(slice, sizeof(slice), "s%d", pick(SLICES / 2));
	snprintf(name, sizeof(name), "evpn%d", pick(3));
	snprintf(remote, sizeof(remote), "198.18.0.%d", 2 + name[4] - '0');
	snprintf(mac, sizeof(mac), "02:00:00:00:00:%02x", 1 + n);
	snprintf(prefix, sizeof(prefix), "10.%d.0.0/16", n);
	switch (pick(5)) {
	case 0:
		say_new("tunnel", json_pack("{s:s, s:s, s:s, s:s}", "name", name, "encap", "vxlan",
					  "local", "198.18.0.1", "remote", remote));
		break;
	case 1:
		say_new("member", json_pack("{s:s, s:s}", "slice", slice, "tunnel", tunnel));
		break;
	case 2:
		say_new("mac",
			json_pack("{s:s, s:s, s:s}", "slice", slice, "mac", mac, "tunnel", tunnel));
		break;
	case 3:
		say_new("route", json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "table", slice, "prefix",
					 prefix, "via", "address", "198.18.7.7", "tunnel", tunnel));
		break;
	default:
		say_new("neighbor", json_pack("{s:s, s:s, s:s}", "port", "lan0", "address",
					    "198.18.0.7", "mac", mac));
	}
}

static void say_gone(void)
{
	int skip = json_object_size(said) ? pick((int)json_object_size(said)) : 0;
	void *at = json_object_iter(said);

	while (at && skip--)
		at = json_object_iter_next(said, at);
	if (!at)
		return;
	say(json_object_iter_key(at), false);
}

/* What names others behind them: so often that the longest chain is there. */
static void say_all(void)
{
	const char *label;
	json_t *one;
	void *safe;

	for (int i = 0; i < 3; i++)
		json_object_foreach_safe (said, safe, label, one)
			say(label, true);
}

static void kernel_step(void)
{
	if (pick(3))
		say_something();
	else
		say_gone();
}

/* A host's MAC, as the kernel may say it, too. */
static void change_host(void)
{
	char spec[200];

	snprintf(spec, sizeof(spec),
		"{\"neighbor\":[{\"port\":\"lan0\",\"address\":\"198.18.0.%d\",\"mac\":"
		"\"02:00:00:00:00:77\"}]}",
		7 + pick(2));
	if (pick(2) || fake_intent_get(INTENT_HOST, "h"))
		fake_intent(rec, INTENT_HOST, "h",
			fake_intent_get(INTENT_HOST, "h") && pick(2) ? NULL : spec);
}

/* The first group of a source is gone, or something is put by hand. */
static void meddle(void)
{
	const char *source = kernel_says && pick(2) ? "kernel" : "intent";
	void *first = json_object_iter(json_object_get(fake.groups, source));

	if (pick(3) == 0)
		fake_put(&fake, "slice", "{\"name\":\"hand\",\"vni\":3}");
	else if (first)
		fake_lose(&fake, source, json_object_iter_key(first));
}

static void restart(void)
{
	rig_restart();
}

static void refuse_something(void)
{
	static const char *const labels[] = {"slice s3", "route s2 10.1.0.0/16", "member s1 wan0:b",
		"tunnel evpn1", "mac s2 02:00:00:00:00:02"};

	if (kernel_says && pick(2)) /* room for so many, where the kernel has to give way */
		json_object_set_new(
			fake.limits, pick(2) ? "neighbor" : "route", json_integer(1 + pick(3)));
	else
		json_object_set_new(fake.refuse, labels[pick(kernel_says ? 5 : 1)], json_true());
}

static void step(void)
{
	if (kernel_says && pick(2)) {
		kernel_step();
		return;
	}
	switch (pick(14)) {
	case 0:
		restart();
		break;
	case 1:
		fake_stop(&fake);
		run_for(base, pick(4));
		fake_again(&fake, pick(2));
		break;
	case 2:
		fake.cut_at = fake.bytes + 1 + pick(6000);
		break;
	case 3:
		meddle();
		break;
	case 4:
		refuse_something();
		break;
	case 5:
		reconciler_resync(rec);
		break;
	case 6:
		run_for(base, pick(10));
		break;
	case 7:
		if (kernel_says)
			change_host();
		break;
	default:
		change();
	}
}

/* {TYPE: {KEY: text}} of all intents that are not refused. */
static json_t *wanted(void)
{
	json_t *all = json_object();

	for (int type = 0; type < INTENT_TYPES; type++) {
		const struct intent *intent = world_first(NULL, type);

		for (; intent; intent = world_next(intent)) {
			struct compiled_list list = {0};
			struct rpc_error err;

			ck_assert_int_eq(compile_intent(NULL, "gj", intent, &list, &err), 0);
			for (size_t i = 0; i < list.count; i++) {
				char label[300];

				snprintf(label, sizeof(label), "%s %s",
					api_types[list.items[i].type].name, list.items[i].key);
				json_object_set_new(all, label, json_string(list.items[i].text));
			}
			compiled_list_free(&list);
		}
	}
	return all;
}

static bool has(const json_t *all, const char *type, const char *name)
{
	char label[300];

	snprintf(label, sizeof(label), "%s %s", type, name);
	return json_object_get(all, label) != NULL;
}

/* What an object that the kernel speaks of names is among all, and its place is free. */
static bool can_be(const json_t *all, const char *type, const json_t *object)
{
	const json_t *via = json_array_get(json_object_get(object, "via"), 0) ?: object;
	const char *slice = json_string_value(json_object_get(object, "slice"))
				    ?: json_string_value(json_object_get(object, "table"));
	const char *tunnel = json_string_value(json_object_get(via, "tunnel"));
	char member[160];

	if (!strcmp(type, "neighbor"))
		return true;
	if (!strcmp(type, "tunnel"))
		return strcmp(json_string_value(json_object_get(object, "remote")), "198.18.0.2") ||
		       !has(all, "tunnel", "wan0:b");
	snprintf(member, sizeof(member), "%s %s", slice, tunnel);
	if (!strcmp(type, "member"))
		return has(all, "slice", slice) && has(all, "tunnel", tunnel);
	return has(all, "member", member);
}

/* What the kernel says goes in where it can. */
static void add_said(json_t *all)
{
	const char *label;
	json_t *one;

	for (int turn = 0; turn < 3; turn++) {
		json_object_foreach (said, label, one) {
			const char *type = json_string_value(json_object_get(one, "type"));
			const json_t *object = json_object_get(one, "object");
			char key[API_KEY_BYTES], *text;

			if (json_object_get(all, label) || !can_be(all, type, object))
				continue;
			fake_canonical(api_type_find(type), object, key, &text);
			json_object_set_new(all, label, json_string(text));
			free(text);
		}
	}
}

static json_t *there(void)
{
	json_t *all = json_object(), *objects, *object;
	const char *type, *key;

	json_object_foreach (fake.state, type, objects) {
		json_object_foreach (objects, key, object) {
			char label[300], canonical[API_KEY_BYTES], *text;

			fake_canonical(api_type_find(type), object, canonical, &text);
			snprintf(label, sizeof(label), "%s %s", type, canonical);
			json_object_set_new(all, label, json_string(text));
			free(text);
		}
	}
	return all;
}

/* The counts that are kept are those of the states that the intents show. */
static void check_states(void)
{
	for (int type = 0; type < INTENT_TYPES; type++) {
		size_t kept[INTENT_STATES], shown[INTENT_STATES] = {0};

		for (const struct intent *i = world_first(NULL, type); i; i = world_next(i))
			shown[i->status.state]++;
		reconciler_states(rec, type, kept);
		for (int state = 0; state < INTENT_STATES; state++)
			ck_assert_uint_eq(kept[state], shown[state]);
	}
}

/* Refusals end, and each slice has a VNI of its own, some by way of a neighbour's. */
static void make_peace(void)
{
	char name[16];

	json_object_clear(fake.refuse);
	json_object_clear(fake.limits);
	for (int i = 0; i < SLICES; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		if (fake_intent_get(INTENT_SLICE, name) && pick(2))
			rig_slice(name, 200 + (i + 1) % SLICES);
	}
	for (int i = 0; i < SLICES; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		if (fake_intent_get(INTENT_SLICE, name))
			rig_slice(name, 200 + i);
	}
}

START_TEST(what_is_there_is_what_is_wanted_in_the_end)
{
	/* others with every commit (meson.build), the same ones again for the same commit */
	const unsigned rotation = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : 0;
	const int sequences = SEQUENCES;
	json_t *is, *should;
	uint32_t intents;

	kernel_says = _i >= 4;
	for (int n = 0; n < sequences; n++) {
		unsigned first = seed = rotation * 10000 + (unsigned)(_i * sequences + n + 1);

		said = json_object();
		rig_start();
		rig_site();
		for (int i = 0; i < (kernel_says ? 3 : 1) * STEPS; i++) {
			step();
			check_states();
		}
		make_peace();
		fake.cut_at = 0;
		rig_settle();
		check_states();
		rig_resync(); /* perhaps one that had begun */
		rig_resync();
		say_all(); /* what gave way, or was lost, meanwhile */
		rig_resync();
		is = there();
		should = wanted();
		intents = (uint32_t)json_object_size(should);
		add_said(should);
		if (!json_equal(is, should)) {
			json_dumpf(is, stderr, JSON_INDENT(1) | JSON_SORT_KEYS);
			json_dumpf(should, stderr, JSON_INDENT(1) | JSON_SORT_KEYS);
			ck_abort_msg("sequence %u (SEED=%u)", first, rotation);
		}
		ck_assert_uint_eq(rig_counters().refused, 0);
		ck_assert_uint_eq(rig_counters().actual, intents);
		ck_assert_uint_eq(rig_counters().desired, intents);
		ck_assert_uint_eq(rig_counters().drift_last, 0);
		json_decref(said);
		json_decref(is);
		json_decref(should);
		rig_stop();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control_reconcile_random");
	TCase *tcase = tcase_create("random");

	tcase_set_timeout(tcase, 200);
	tcase_add_loop_test(tcase, what_is_there_is_what_is_wanted_in_the_end, 0, 8);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
