/* SPDX-License-Identifier: BSD-3-Clause */
/* See sets.h. */
#include "sets.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intent_private.h"

struct world *world;
struct rpc_error err;
static bool open_here;
static uint64_t revision;

static json_t *doc_of(const char *fmt, va_list args)
{
	json_error_t where;
	json_t *json;
	char *text;

	ck_assert(vasprintf(&text, fmt, args) >= 0);
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	json = json_loads(text, 0, &where);
	ck_assert_msg(json != NULL, "%s: %s", text, where.text);
	free(text);
	return json;
}

json_t *doc(const char *fmt, ...)
{
	va_list args;
	json_t *json;

	va_start(args, fmt);
	json = doc_of(fmt, args);
	va_end(args);
	return json;
}

void begin(void)
{
	ck_assert_int_eq(world_begin(world), 0);
	open_here = true;
}

int check(void)
{
	memset(&err, 0, sizeof(err));
	return world_check(world, &err) ? err.code : 0;
}

const struct world_change *world_changes(const struct world *of, size_t *count)
{
	static struct world_change *list;

	list = realloc(list, (world_touched(of) + 1) * sizeof(*list));
	*count = 0;
	for (size_t i = 0; i < world_touched(of); i++)
		*count += world_change_at(of, i, &list[*count]);
	return list;
}

void publish(void)
{
	revision++;
	world_publish(world, revision, 1000000 * (int64_t)revision, "tester");
	open_here = false;
}

void discard(void)
{
	world_discard(world);
	open_here = false;
}

void commit(void)
{
	publish();
	ck_assert(world_finish(world, 0));
}

int finish(void)
{
	int code = check();

	if (!code) {
		commit();
		return 0;
	}
	world_rollback(world);
	open_here = false;
	return code;
}

static int end_single(bool single, int rc)
{
	if (!single)
		return rc ? err.code : 0;
	if (!rc)
		return finish();
	world_rollback(world);
	open_here = false;
	return err.code;
}

int put(const char *kind, const char *fmt, ...)
{
	bool single = !open_here;
	va_list args;
	json_t *json;
	int rc;

	va_start(args, fmt);
	json = doc_of(fmt, args);
	va_end(args);
	if (single)
		begin();
	memset(&err, 0, sizeof(err));
	rc = world_put(world, intent_type_of_kind(kind), json, &err);
	json_decref(json);
	return end_single(single, rc);
}

int del(const char *kind, const char *name)
{
	bool single = !open_here;

	if (single)
		begin();
	memset(&err, 0, sizeof(err));
	return end_single(single, world_delete(world, intent_type_of_kind(kind), name, &err));
}

void empty_setup(void)
{
	intent_types_init();
	revision = 0;
	open_here = false;
	world = world_create();
}

void sites_setup(void)
{
	static const char *const sites[] = {"gj", "bs", "se"};

	empty_setup();
	begin();
	for (int i = 0; i < 3; i++) {
		ck_fine(put("site",
			"{'name':'%s','ports':[{'name':'p1','device':'net_null0'},"
			"{'name':'p2'},{'name':'p3'}]}",
			sites[i]));
		ck_fine(put("wan",
			"{'name':'%s-kt','site':'%s','addresses':['198.18.%d.1/24'],"
			"'capacity_bps':100000000,'preference':10}",
			sites[i], sites[i], i));
	}
	ck_fine(put("wan", "{'name':'gj-lg','site':'gj','addresses':['198.18.9.1/24'],"
			   "'capacity_bps':50000000}"));
	ck_fine(finish());
}

void teardown(void)
{
	world_free(world);
	world = NULL;
}

const char *field(const char *kind, const char *name, const char *path)
{
	static char text[512];
	struct intent *intent = world_find(world, intent_type_of_kind(kind), name);
	json_t *at = intent ? intent->spec : NULL;
	char *copy = strdup(path), *save, *part;

	for (part = strtok_r(copy, ".", &save); part && at; part = strtok_r(NULL, ".", &save))
		at = json_is_array(at) ? json_array_get(at, atoi(part)) : json_object_get(at, part);
	free(copy);
	if (json_is_string(at))
		return json_string_value(at);
	part = at ? json_dumps(at, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	snprintf(text, sizeof(text), "%s", part ? part : "");
	free(part);
	return text;
}

/* ---- dump ---- */

static void dump_intent(FILE *out, const struct world *of, const struct intent *intent)
{
	char *spec = json_dumps(intent->spec, JSON_COMPACT);
	const union intent_object *obj = intent->obj;
	struct intent *at = NULL;

	fprintf(out, "%s %s %s %s\n", intent_kind(intent->type), intent->name, intent->tenant,
		spec);
	free(spec);
	for (uint32_t i = 0; intent->type == INTENT_SLICE && i < obj->slice.endpoints.count; i++) {
		const struct intent_endpoint *e = &obj->slice.endpoints.item[i];

		at = world_at_place(of, e->site, e->port, e->vlan);
		fprintf(out, " holds %s/%s/%u: %s\n", e->site, e->port, e->vlan,
			at ? at->name : "-");
	}
	if (intent->type == INTENT_WAN)
		fprintf(out, " booked %llu\n",
			(unsigned long long)world_booked_bps(of, intent->name));
	if (intent->type == INTENT_SITE)
		while ((at = world_wans_of(of, intent->name, at)))
			fprintf(out, " wan %s\n", at->name);
	if (intent->type == INTENT_HOST) {
		while ((at = world_network_of(of, intent->name, at)))
			fprintf(out, " in %s\n", at->name);
		while ((at = world_hosts_at(
				of, obj->host.site, obj->host.port, obj->host.vlan, at)))
			fprintf(out, " beside %s\n", at->name);
		at = world_at_place(of, obj->host.site, obj->host.port, obj->host.vlan);
		fprintf(out, " at %s\n", at ? at->name : "-");
	}
}

/* What all who book a key book, and who holds it, in each role. */
static void dump_keys(FILE *out, const struct world *of)
{
	for (struct objstore_key *key = objstore_key_from(of->store, 0, ""); key;
		key = objstore_key_next(key)) {
		uint64_t total = objstore_total(of->store, key->kind, key->text);

		if (total)
			fprintf(out, "%u %s %llu\n", key->kind, key->text,
				(unsigned long long)total);
		for (int role = CONSTRAINT_HAS; role <= CONSTRAINT_BOOKS; role++) {
			struct objstore_node *node = NULL;

			while ((node = objstore_holder(
					of->store, role, key->kind, key->text, node)))
				fprintf(out, "%u %s %d %s\n", key->kind, key->text, role,
					node->name);
		}
	}
}

char *ranks(const struct world *of)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (struct objstore_key *key = objstore_key_from(of->store, 0, ""); key;
		key = objstore_key_next(key))
		if (objstore_holder(of->store, CONSTRAINT_HAS, key->kind, key->text, NULL))
			fprintf(out, "%u %s %u\n", key->kind, key->text,
				objstore_rank(of->store, key->kind, key->text));
	fclose(out);
	return text;
}

char *dump(const struct world *of)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (int type = 0; type < INTENT_TYPES; type++) {
		fprintf(out, "%s: %zu\n", intent_path(type), world_count(of, type));
		for (struct intent *i = world_first(of, type); i; i = world_next(i))
			dump_intent(out, of, i);
	}
	dump_keys(out, of);
	fclose(out);
	return text;
}
