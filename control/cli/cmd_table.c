/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice dp table: the match tables that objects compile into, as a P4 person knows them. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* The names (with more, when a second field is given, behind a colon) of a list of named things. */
static void names_write(FILE *out, const json_t *list, const char *more)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		fprintf(out, "%s%s%s%s", i ? " " : "", json_text(item, "name"),
			more != NULL ? ":" : "", more != NULL ? json_text(item, more) : "");
}

static void match_write(FILE *out, const json_t *table)
{
	names_write(out, json_object_get(table, "match_fields"), "match_type");
}

static void actions_write(FILE *out, const json_t *table)
{
	names_write(out, json_object_get(table, "actions"), NULL);
}

static const struct column tables_columns[] = {
	{"table", .field = "name"},
	{"entries", "entries", .kind = COLUMN_GROUPED},
	{"size", "size", .kind = COLUMN_GROUPED},
	{"match", .write = match_write},
	{"actions", .write = actions_write},
	{"", .field = "help"},
	{.title = NULL},
};

/* --describe: one table's match fields and actions, whole. */
static void show_table(const json_t *table)
{
	struct grid *grid = grid_new(2, 2, "");
	char entries[NUMBER_BYTES], size[NUMBER_BYTES];
	const json_t *item;
	size_t i;

	number_json(json_object_get(table, "entries"), entries);
	number_json(json_object_get(table, "size"), size);
	printf("%s: %s\n%s of %s entries, %s counters\n\nmatch\n", json_text(table, "name"),
		json_text(table, "help"), entries, size,
		json_is(table, "direct_counters") ? "direct" : "no direct");
	json_array_foreach (json_object_get(table, "match_fields"), i, item) {
		grid_cell(grid, json_text(item, "name"));
		grid_cellf(grid, "%lld bits, %s", (long long)json_number(item, "bitwidth"),
			json_text(item, "match_type"));
	}
	grid_print(grid);
	puts("\nactions");
	json_array_foreach (json_object_get(table, "actions"), i, item) {
		grid_cell(grid, json_text(item, "name"));
		names_write(grid_cell_open(grid), json_object_get(item, "params"), NULL);
		grid_cell_end(grid);
	}
	grid_end(grid);
}

static void unknown_table(const json_t *tables, const char *name)
{
	char *names;
	size_t size;
	FILE *out = open_memstream(&names, &size);

	names_write(out, tables, NULL);
	fclose(out);
	die("there is no table \"%s\"; there are %s", name, names);
}

static int describe(struct cli *cli, const char *name)
{
	json_t *result = cli_call(cli, "table.list", NULL), *tables, *table, *found = NULL;
	size_t i;

	tables = json_object_get(result, "tables");
	json_array_foreach (tables, i, table)
		if (name != NULL && strcmp(json_text(table, "name"), name) == 0)
			found = table;
	if (name != NULL && found == NULL)
		unknown_table(tables, name);
	if (cli->json)
		print_json(json_incref(found != NULL ? found : result));
	else if (found != NULL)
		show_table(found);
	else
		table_print(tables_columns, tables, "-");
	json_decref(result);
	return STATUS_OK;
}

/* An entry as a flat object for a listing: match fields, action, params, counters. */
static json_t *flat_entry(const json_t *entry)
{
	json_t *flat = json_object();
	char *params;
	size_t size;
	FILE *out = open_memstream(&params, &size);

	pairs_write(out, json_object_get(entry, "params"));
	fclose(out);
	json_object_update(flat, json_object_get(entry, "match"));
	json_object_set(flat, "action", json_object_get(entry, "action"));
	if (*params != '\0')
		json_object_set_new(flat, "params", json_string(params));
	free(params);
	json_object_update(flat, json_object_get(entry, "counters"));
	return flat;
}

enum { TABLE_DESCRIBE, TABLE_LIMIT };

static const struct option_def table_options[] = {
	{"describe", 'd', .help = "the table's match fields and actions, not its entries"},
	{"limit", 'n', OPTION_NUMBER, "N", .help = "stop after N entries", .min = 1,
		.max = ANY_NUMBER, .preset = -1},
	{.name = NULL},
};

static int table_run(struct cli *cli, const struct args *args)
{
	int read = args->count > 1 &&
		   strcmp(args->words[0], "read") == 0; /* as the method is called */
	const char *name = args->words[read];
	struct pages pages = {.cli = cli,
		.name = "entries",
		.limit = args->number[TABLE_LIMIT],
		.row = flat_entry};

	if (args->count - read > 1)
		usage("give one table, or none to list them");
	if (name == NULL || args->set[TABLE_DESCRIBE])
		return describe(cli, name);
	cli_pages(cli, "table.read", json_pack("{s:s}", "table", name), &pages);
	pages_end(&pages, "%s has no entries\n", name);
	return STATUS_OK;
}

const struct command command_table = {
	.name = "table",
	.synopsis = "[[read] NAME] [--describe] [--limit N]",
	.summary = "list the match tables, or read the entries of one",
	.details = "Objects compile into entries of these tables: here one sees why a packet goes "
		   "where it goes.\n",
	.options = table_options,
	.words = WORD_TABLE,
	.run = table_run,
};
