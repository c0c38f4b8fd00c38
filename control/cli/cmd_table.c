/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice dp table: the match tables that objects compile into, as a P4 person knows them. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "grid.h"
#include "show.h"
#include "text.h"

#define PAGE 1000

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

/* The names (with more, when a second field is given, behind a colon) of a list of named things. */
static char *names_text(const json_t *list, const char *more)
{
	char *text = xstrdup(""), *longer;
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		const char *detail = more != NULL ? text_of(item, more) : "";

		longer = xprintf("%s%s%s%s%s", text, i ? " " : "", text_of(item, "name"),
			*detail ? ":" : "", detail);
		free(text);
		text = longer;
	}
	return text;
}

static void show_tables(const json_t *tables)
{
	struct grid *grid = grid_new(0, "-");
	char number[NUMBER_BYTES];
	const json_t *table;
	size_t i;

	grid_column(grid, "table", false);
	grid_column(grid, "entries", true);
	grid_column(grid, "size", true);
	grid_column(grid, "match", false);
	grid_column(grid, "actions", false);
	grid_column(grid, "", false);
	json_array_foreach (tables, i, table) {
		char *match = names_text(json_object_get(table, "match_fields"), "match_type");
		char *actions = names_text(json_object_get(table, "actions"), NULL);

		grid_cell(grid, text_of(table, "name"));
		grid_cell(grid, number_json(json_object_get(table, "entries"), number));
		grid_cell(grid, number_json(json_object_get(table, "size"), number));
		grid_cell(grid, match);
		grid_cell(grid, actions);
		grid_cell(grid, text_of(table, "help"));
		free(match);
		free(actions);
	}
	grid_print(grid);
	grid_free(grid);
}

/* --describe: one table's match fields and actions, whole. */
static void show_table(const json_t *table)
{
	struct grid *grid = grid_new(2, "");
	char entries[NUMBER_BYTES], size[NUMBER_BYTES];
	const json_t *item;
	size_t i;

	number_json(json_object_get(table, "entries"), entries);
	number_json(json_object_get(table, "size"), size);
	printf("%s: %s\n%s of %s entries, %s counters\n\nmatch\n", text_of(table, "name"),
		text_of(table, "help"), entries, size,
		json_is_true(json_object_get(table, "direct_counters")) ? "direct" : "no direct");
	grid_column(grid, "", false);
	grid_column(grid, "", false);
	json_array_foreach (json_object_get(table, "match_fields"), i, item) {
		grid_cell(grid, text_of(item, "name"));
		grid_cellf(grid, "%lld bits, %s",
			json_integer_value(json_object_get(item, "bitwidth")),
			text_of(item, "match_type"));
	}
	grid_print(grid);
	puts("\nactions");
	json_array_foreach (json_object_get(table, "actions"), i, item) {
		char *params = names_text(json_object_get(item, "params"), NULL);

		grid_cell(grid, text_of(item, "name"));
		grid_cell(grid, params);
		free(params);
	}
	grid_print(grid);
	grid_free(grid);
}

static int describe(struct cli *cli, const char *name)
{
	json_t *result = cli_call(cli, "table.list", NULL), *tables, *table, *found = NULL;
	char *names;
	size_t i;

	if (result == NULL)
		return STATUS_FAILED;
	tables = json_object_get(result, "tables");
	json_array_foreach (tables, i, table)
		if (name != NULL && strcmp(text_of(table, "name"), name) == 0)
			found = table;
	if (name != NULL && found == NULL) {
		names = names_text(tables, NULL);
		fail("there is no table \"%s\"; there are %s", name, names);
		free(names);
		json_decref(result);
		return STATUS_FAILED;
	}
	if (cli->json && found == NULL)
		return print_json(result);
	if (cli->json)
		print_json(json_incref(found));
	else if (found != NULL)
		show_table(found);
	else
		show_tables(tables);
	json_decref(result);
	return STATUS_OK;
}

/* An entry as a flat object for a listing: match fields, action, params, counters. */
static json_t *flat_entry(const json_t *entry)
{
	json_t *flat = json_object(), *value;
	char *params = pairs_text(json_object_get(entry, "params"));
	const char *name;

	json_object_foreach (json_object_get(entry, "match"), name, value)
		json_object_set(flat, name, value);
	json_object_set(flat, "action", json_object_get(entry, "action"));
	if (*params != '\0')
		json_object_set_new(flat, "params", json_string(params));
	free(params);
	json_object_foreach (json_object_get(entry, "counters"), name, value)
		json_object_set(flat, name, value);
	return flat;
}

static void show_entries(struct listing *listing, const json_t *entries)
{
	json_t *flat = json_array(), *entry;
	size_t i;

	json_array_foreach (entries, i, entry)
		json_array_append_new(flat, flat_entry(entry));
	listing_page(listing, flat);
	json_decref(flat);
}

/* One page: prints it, or adds it to `all` where that is given. The cursor after it into *cursor;
 * how many entries it had, or -1 after saying why. */
static json_int_t read_page(struct cli *cli, const char *table, json_int_t limit, json_t **cursor,
	struct listing *listing, json_t *all)
{
	json_t *page = cli_call(cli, "table.read",
		json_pack("{s:s, s:I, s:O*}", "table", table, "limit", limit, "cursor", *cursor));
	json_t *entries = json_object_get(page, "entries");
	json_int_t count = (json_int_t)json_array_size(entries);

	json_decref(*cursor);
	*cursor = NULL;
	if (page == NULL)
		return -1;
	if (all != NULL)
		json_array_extend(all, entries);
	else
		show_entries(listing, entries);
	if (!json_is_null(json_object_get(page, "cursor")))
		*cursor = json_incref(json_object_get(page, "cursor"));
	json_decref(page);
	return count;
}

static int read_table(struct cli *cli, const char *table, json_int_t limit)
{
	struct listing *listing = listing_new(NULL);
	json_t *all = cli->json ? json_array() : NULL, *cursor = NULL;
	json_int_t left = limit, got, total = 0;

	do {
		got = read_page(cli, table, left < PAGE ? left : PAGE, &cursor, listing, all);
		left -= got;
		total += got;
	} while (got >= 0 && cursor != NULL && left > 0);
	json_decref(cursor);
	listing_free(listing);
	if (got < 0) {
		json_decref(all);
		return STATUS_FAILED;
	}
	if (cli->json)
		return print_json(json_pack("{s:o}", "entries", all));
	if (total == 0)
		fprintf(stderr, "%s has no entries\n", table);
	return STATUS_OK;
}

enum { TABLE_DESCRIBE, TABLE_LIMIT };

static const struct option_def table_options[] = {
	{"describe", 'd', OPTION_FLAG, NULL,
		"the table's match fields and actions, not its entries", WORD_NONE},
	{"limit", 'n', OPTION_VALUE, "N", "stop after N entries", WORD_NONE},
	{.name = NULL},
};

static int table_run(struct cli *cli, const struct args *args)
{
	json_int_t limit = INT64_MAX;
	int read = args->count > 1 &&
		   strcmp(args->words[0], "read") == 0; /* as the method is called */

	if (args->count - read > 1)
		return usage(args->command, "give one table, or none to list them");
	if (args_number(args, TABLE_LIMIT, 1, 1 << 30, &limit) != STATUS_OK)
		return STATUS_USAGE;
	if (args->count == 0 || args->set[TABLE_DESCRIBE])
		return describe(cli, args->count > 0 ? args->words[read] : NULL);
	return read_table(cli, args->words[read], limit);
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
