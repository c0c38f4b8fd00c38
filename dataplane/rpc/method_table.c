/* SPDX-License-Identifier: BSD-3-Clause */
/* table.list and table.read: the match tables as the pipelines declare them, shaped after
 * P4Info. */
#include <stdio.h>
#include <string.h>

#include "methods.h"
#include "names.h"
#include "nouns.h"
#include "params.h"
#include "tables.h"

#define READ_ROWS   64
#define READS_SHORT 5 /* more than that: between parts of a table, and for the rest */

static json_t *fields_json(const struct table_field *fields, bool match)
{
	json_t *out = json_array();

	for (unsigned i = 0; fields[i].name; i++) {
		json_t *field = json_pack("{s:i, s:s, s:i}", "id", i + 1, "name", fields[i].name,
			"bitwidth", fields[i].bits);

		if (match)
			json_object_set_new(field, "match_type", json_string(fields[i].match));
		json_array_append_new(out, field);
	}
	return out;
}

static json_t *actions_json(const struct table_decl *table)
{
	json_t *out = json_array();

	for (unsigned i = 0; table->actions[i].name; i++) {
		const struct table_action *action = &table->actions[i];

		json_array_append_new(
			out, json_pack("{s:i, s:s, s:o}", "id", i + 1, "name", action->name,
				     "params", fields_json(action->params, false)));
	}
	return out;
}

METHOD(method_table_list)
{
	json_t *tables = json_array();

	for (int i = 0; pipeline_tables[i]; i++) {
		const struct table_decl *table = pipeline_tables[i];

		json_array_append_new(
			tables, json_pack("{s:i, s:s, s:s, s:o, s:o, s:I, s:I, s:b}", "id", i + 1,
					"name", table->name, "help", table->help, "match_fields",
					fields_json(table->key, true), "actions",
					actions_json(table), "size", (json_int_t)table->size,
					"entries", (json_int_t)table_count(table),
					"direct_counters", table->counters));
	}
	*result = json_pack("{s:o}", "tables", tables);
	return 0;
}

static json_t *row_json(const struct table_decl *table, const struct table_row *row)
{
	json_t *match = json_object(), *params = json_object(), *out;
	const struct table_action *action = &table->actions[row->action];

	for (unsigned i = 0; table->key[i].name; i++)
		json_object_set_new(match, table->key[i].name, names_text(row->keys[i]));
	for (unsigned i = 0; action->params[i].name; i++)
		json_object_set_new(params, action->params[i].name, names_text(row->params[i]));
	out = json_pack(
		"{s:o, s:s, s:o}", "match", match, "action", action->name, "params", params);
	if (table->counters) {
		json_t *counters = json_object();

		noun_counters(&row->counters, counters);
		if (table->out_only) {
			json_object_del(counters, "in_packets");
			json_object_del(counters, "in_bytes");
		}
		json_object_set_new(out, "counters", counters);
	}
	return out;
}

static int find_table(const json_t *params, const struct table_decl **out, struct rpc_error *err)
{
	char want[sizeof(err->want)] = "", got[80];
	const char *name;
	size_t used = 0;

	if (param_text(params, "table", true, &name, err))
		return -1;
	for (int i = 0; pipeline_tables[i]; i++) {
		*out = pipeline_tables[i];
		if (!strcmp((*out)->name, name))
			return 0;
		if (used < sizeof(want))
			used += snprintf(want + used, sizeof(want) - used, "%s%s", i ? ", " : "",
				(*out)->name);
	}
	rpc_fail_value(err, "table", want, printable(name, got, sizeof(got)));
	err->code = RPC_ERR_NOT_FOUND;
	return -1;
}

static int get_place(const json_t *params, uint64_t *place, struct rpc_error *err)
{
	unsigned long long word[TABLE_CURSOR_WORDS];
	const char *text;
	char got[80], rest;

	memset(place, 0, TABLE_CURSOR_WORDS * sizeof(*place));
	if (param_text(params, "cursor", false, &text, err))
		return -1;
	if (!text)
		return 0;
	if (*text < '0' || *text > '9' ||
		sscanf(text, "%llu.%llu.%llu%c", &word[0], &word[1], &word[2], &rest) != 3)
		return rpc_fail_value(err, "cursor", "the cursor of the page before",
			printable(text, got, sizeof(got)));
	for (int i = 0; i < TABLE_CURSOR_WORDS; i++)
		place[i] = word[i];
	return 0;
}

/* Up to limit rows from place on; place is then where the next page begins. true when there is a
 * next page. What a page costs is bounded by limit, however far apart the rows are: of a table with
 * few rows it may be short, or empty. */
static bool read_page(const struct table_decl *table, uint64_t *place, size_t limit, json_t *out)
{
	static struct table_row rows[READ_ROWS]; /* 60 KiB: too much for a stack, and one thread */
	size_t left, reads = limit / READ_ROWS + READS_SHORT;

	while ((left = limit - json_array_size(out)) > 0 && reads-- > 0) {
		uint32_t got = table_read(table, place, rows, left < READ_ROWS ? left : READ_ROWS);

		for (uint32_t i = 0; i < got; i++)
			json_array_append_new(out, row_json(table, &rows[i]));
		if (place[0] == 0)
			return false;
	}
	return true;
}

METHOD(method_table_read)
{
	const struct table_decl *table;
	uint64_t place[TABLE_CURSOR_WORDS];
	json_int_t limit;
	json_t *entries;
	bool more;

	if (find_table(params, &table, err) || get_place(params, place, err) ||
		param_int(params, "limit", 1, 10000, 1000, &limit, err))
		return -1;
	entries = json_array();
	more = read_page(table, place, limit, entries);
	*result = json_pack("{s:o}", "entries", entries);
	if (more)
		json_object_set_new(*result, "cursor",
			json_sprintf("%llu.%llu.%llu", (unsigned long long)place[0],
				(unsigned long long)place[1], (unsigned long long)place[2]));
	return 0;
}
