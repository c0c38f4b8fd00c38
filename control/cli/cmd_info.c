/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice dp watch, schema and hello: what happens, what there is to say, and who answers. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "grid.h"
#include "show.h"
#include "text.h"

enum { EVENTS_COUNT, EVENTS_TIMEOUT };

static const struct option_def events_options[] = {
	{"count", 'n', OPTION_VALUE, "N", "stop after N events", WORD_NONE},
	{"timeout", 't', OPTION_VALUE, "SECONDS", "stop after so long", WORD_NONE},
	{.name = NULL},
};

static void print_event(json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event"));
	char *title = xstrdup(name != NULL ? name : "?"), *pairs, clock[32];
	time_t now = time(NULL);
	struct tm tm;

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
	json_object_del(event, "event");
	pairs = pairs_text(event);
	printf("%s  %-12s  %s\n", clock, title, pairs);
	fflush(stdout);
	free(pairs);
	free(title);
}

static int follow_events(struct cli *cli, json_int_t count, json_int_t timeout)
{
	double until = clock_now() + (double)timeout;
	json_int_t seen = 0;
	json_t *event;
	int got;

	while (seen != count) {
		double left = until - clock_now();

		if (timeout > 0 && left <= 0)
			return STATUS_OK;
		got = cli_event(cli, timeout > 0 ? left : -1, &event);
		if (got < 0)
			return STATUS_FAILED;
		if (got == 0)
			return STATUS_OK;
		if (cli->json)
			print_json_line(event);
		else
			print_event(event);
		json_decref(event);
		seen++;
		if (ferror(stdout))
			return STATUS_FAILED; /* main.c says why */
	}
	return STATUS_OK;
}

static int watch_command_run(struct cli *cli, const struct args *args)
{
	json_int_t count = -1, timeout = 0;
	json_t *events, *result;
	int i;

	if (args_number(args, EVENTS_COUNT, 1, 1 << 30, &count) != STATUS_OK ||
		args_number(args, EVENTS_TIMEOUT, 1, 1 << 30, &timeout) != STATUS_OK)
		return STATUS_USAGE;
	events = args->count > 0 ? json_array() : json_pack("[s, s]", "link", "mac");
	for (i = 0; i < args->count; i++)
		json_array_append_new(events, json_string(args->words[i]));
	result = cli_call(cli, "watch", json_pack("{s:o}", "events", events));
	if (result == NULL)
		return STATUS_FAILED;
	json_decref(result);
	return follow_events(cli, count, timeout);
}

const struct command command_watch = {
	.name = "watch",
	.synopsis = "[EVENT …] [--count N] [--timeout SECONDS]",
	.summary = "print events as they happen",
	.details = "EVENT is link, mac or a full name such as mac.learned; without one: all of "
		   "them.\n",
	.options = events_options,
	.words = WORD_EVENTS,
	.run = watch_command_run,
};

/* What a property of a JSON Schema takes, for people; a new string. */
static char *schema_takes(const json_t *property)
{
	const json_t *values = json_object_get(property, "enum"), *value;
	const json_t *min = json_object_get(property, "minimum"),
		     *max = json_object_get(property, "maximum");
	const char *type = json_string_value(json_object_get(property, "type"));
	const char *ref = json_string_value(json_object_get(property, "x-ref"));
	char *text = xstrdup(""), *longer;
	size_t i;

	json_array_foreach (values, i, value) {
		longer = xprintf("%s%s%s", text, i ? " | " : "",
			json_is_string(value) ? json_string_value(value) : "?");
		free(text);
		text = longer;
	}
	if (*text != '\0')
		return text;
	free(text);
	if (json_is_integer(min) && json_is_integer(max))
		return xprintf("%lld to %lld", (long long)json_integer_value(min),
			(long long)json_integer_value(max));
	if (ref != NULL)
		return xprintf("name of a %s", ref);
	return xstrdup(type != NULL ? type : "");
}

static bool listed(const json_t *list, const char *name)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (json_is_string(item) && strcmp(json_string_value(item), name) == 0)
			return true;
	return false;
}

static void schema_row(
	struct grid *grid, const json_t *schema, const char *field, const json_t *property)
{
	const json_t *preset = json_object_get(property, "default");
	char *takes = schema_takes(property), *value;

	grid_cell(grid, field);
	if (listed(json_object_get(schema, "x-key"), field))
		grid_cell(grid, "key");
	else if (json_is_true(json_object_get(property, "readOnly")))
		grid_cell(grid, "only in answers");
	else
		grid_cell(
			grid, listed(json_object_get(schema, "required"), field) ? "required" : "");
	if (preset != NULL && !json_is_true(json_object_get(property, "readOnly"))) {
		value = value_text(field, preset);
		grid_cellf(grid, "%s (default %s)", takes, value);
		free(value);
	} else {
		grid_cell(grid, takes);
	}
	grid_cell(grid, json_string_value(json_object_get(property, "description")));
	free(takes);
}

static void show_schema(const char *name, const json_t *schema)
{
	const char *help = json_string_value(json_object_get(schema, "description")), *field;
	struct grid *grid = grid_new(2, "");
	json_t *property;
	int i;

	printf("%s: %s\n", name, help != NULL ? help : "");
	for (i = 0; i < 4; i++)
		grid_column(grid, "", false);
	json_object_foreach (json_object_get(schema, "properties"), field, property)
		schema_row(grid, schema, field, property);
	grid_print(grid);
	grid_free(grid);
}

static int schema_one(struct cli *cli, const json_t *types, const char *name)
{
	json_t *schema = json_object_get(types, name);

	if (schema == NULL)
		return fail("the dataplane has no type \"%s\"", name);
	if (cli->json)
		return print_json(json_incref(schema));
	show_schema(name, schema);
	return STATUS_OK;
}

static int schema_run(struct cli *cli, const struct args *args)
{
	json_t *result, *types, *schema;
	int status = STATUS_OK;
	const char *name, *gap = "";

	if (args->count > 1)
		return usage(args->command, "give one type, or none for all");
	result = cli_call(cli, "schema", NULL);
	if (result == NULL)
		return STATUS_FAILED;
	types = json_object_get(result, "$defs");
	if (args->count == 1) {
		status = schema_one(cli, types, args->words[0]);
	} else if (cli->json) {
		return print_json(result);
	} else {
		json_object_foreach (types, name, schema) {
			fputs(gap, stdout);
			show_schema(name, schema);
			gap = "\n";
		}
	}
	json_decref(result);
	return status;
}

const struct command command_schema = {
	.name = "schema",
	.synopsis = "[TYPE]",
	.summary = "show what the running dataplane takes; with --json its JSON Schema",
	.words = WORD_TYPE,
	.run = schema_run,
};

static int hello_run(struct cli *cli, const struct args *args)
{
	json_t *result;

	if (args->count > 0)
		return usage(args->command, "hello takes no words");
	result = cli_call(cli, "hello", NULL);
	if (result == NULL)
		return STATUS_FAILED;
	if (cli->json)
		return print_json(result);
	show_object(NULL, result);
	json_decref(result);
	return STATUS_OK;
}

const struct command command_hello = {
	.name = "hello",
	.synopsis = "",
	.summary = "show who answers on the socket, and its version",
	.words = WORD_NONE,
	.run = hello_run,
};
