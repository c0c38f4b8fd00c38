/* SPDX-License-Identifier: BSD-3-Clause */
/* What control wrote down: sluice TYPE history, sluice history, audit, and its tokens. */
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "difference.h"
#include "grid.h"
#include "intent.h"
#include "text.h"

enum { RECORD_LIMIT, RECORD_DIFF };

#define LIMIT_PRESET 20
#define LIMIT_MAX    1000

static const struct option_def history_options[] = {
	{"limit", 'n', OPTION_VALUE, "N", "the newest N (20)", WORD_NONE},
	{"diff", 'd', OPTION_FLAG, NULL, "and what changed in them", WORD_NONE},
	{.name = NULL},
};

static const struct option_def audit_options[] = {
	{"limit", 'n', OPTION_VALUE, "N", "the newest N (20)", WORD_NONE},
	{.name = NULL},
};

static const char *effect_of(const json_t *entry)
{
	if (!json_is_object(json_object_get(entry, "before")))
		return "created";
	return json_is_object(json_object_get(entry, "after")) ? "changed" : "deleted";
}

static void print_history(const json_t *items)
{
	struct grid *grid = grid_new(0, "-");
	const json_t *entry;
	char text[40];
	size_t i;

	grid_column(grid, "revision", true);
	grid_column(grid, "at", false);
	grid_column(grid, "by", false);
	grid_column(grid, "", false);
	grid_column(grid, "kind", false);
	grid_column(grid, "name", false);
	json_array_foreach (items, i, entry) {
		grid_cellf(grid, "%lld",
			(long long)json_integer_value(json_object_get(entry, "revision")));
		grid_cell(grid, time_text(json_object_get(entry, "at_us"), text));
		grid_cell(grid, json_text(entry, "actor"));
		grid_cell(grid, effect_of(entry));
		grid_cell(grid, json_text(entry, "kind"));
		grid_cell(grid, json_text(entry, "name"));
	}
	grid_print(grid);
	grid_free(grid);
}

static void print_history_diff(const json_t *items)
{
	char text[40], *to;
	const json_t *entry;
	size_t i;

	json_array_foreach (items, i, entry) {
		to = xprintf("revision %lld, %s, %s",
			(long long)json_integer_value(json_object_get(entry, "revision")),
			time_text(json_object_get(entry, "at_us"), text),
			json_text(entry, "actor"));
		printf("%s%s %s %s, %s\n", i > 0 ? "\n" : "", json_text(entry, "kind"),
			json_text(entry, "name"), effect_of(entry), to);
		free(to);
		difference_print(json_text(entry, "kind"), json_text(entry, "name"),
			json_object_get(entry, "before"), json_object_get(entry, "after"), "before",
			"after");
	}
}

/* path ends with a "?" or more; it is freed. */
static int history(struct cli *cli, const struct args *args, char *path)
{
	json_int_t limit = LIMIT_PRESET;
	json_t *answer, *items;
	char *whole;

	if (args_number(args, RECORD_LIMIT, 1, LIMIT_MAX, &limit) != STATUS_OK) {
		free(path);
		return STATUS_USAGE;
	}
	whole = xprintf("%slimit=%lld", path, (long long)limit);
	free(path);
	answer = control_get(cli, whole);
	if (answer == NULL)
		return STATUS_FAILED;
	if (cli->json)
		return print_json(answer);
	items = json_object_get(answer, "items");
	if (json_array_size(items) == 0)
		fputs("nothing is written down of it\n", stderr);
	else if (args->set[RECORD_DIFF])
		print_history_diff(items);
	else
		print_history(items);
	json_decref(answer);
	return STATUS_OK;
}

static int intent_history_run(struct cli *cli, const struct args *args)
{
	char *name, *path;

	if (args->count != 1 || args->words[0][0] == '\0')
		return usage(args->command, "give the name of one %s", cli->noun->name);
	name = http_escape(args->words[0]);
	path = xprintf("/v1/%s/%s/history?", intent_path((enum intent_type)cli->noun->type), name);
	free(name);
	return history(cli, args, path);
}

const struct command command_intent_history = {
	.name = "history",
	.synopsis = "NAME [--limit N] [--diff]",
	.summary = "who changed it, when, and what it was",
	.details = "Those that are deleted have theirs, too.\n",
	.options = history_options,
	.words = WORD_INTENT_NAME,
	.run = intent_history_run,
};

static int history_run(struct cli *cli, const struct args *args)
{
	const struct noun *noun = args->count > 0 ? noun_find(args->words[0]) : NULL;

	if (args->count > 1)
		return usage(args->command, "give one TYPE, or none; one intent's: sluice TYPE "
					    "history NAME");
	if (args->count > 0 && noun == NULL)
		return usage(args->command,
			"there is no type \"%s\"; there are site, wan, slice, host, network, "
			"local-network, session",
			args->words[0]);
	return history(cli, args,
		noun != NULL
			? xprintf("/v1/history?kind=%s&", intent_kind((enum intent_type)noun->type))
			: xstrdup("/v1/history?"));
}

const struct command command_history = {
	.name = "history",
	.synopsis = "[TYPE] [--limit N] [--diff]",
	.summary = "what changed, newest first",
	.options = history_options,
	.words = WORD_INTENT_KEY,
	.run = history_run,
};

static int audit_run(struct cli *cli, const struct args *args)
{
	json_int_t limit = LIMIT_PRESET;
	struct grid *grid;
	json_t *answer, *entry;
	char text[40];
	size_t i;

	if (args->count > 0)
		return usage(args->command, "audit takes no words");
	if (args_number(args, RECORD_LIMIT, 1, LIMIT_MAX, &limit) != STATUS_OK)
		return STATUS_USAGE;
	answer = control_get(cli, xprintf("/v1/audit?limit=%lld", (long long)limit));
	if (answer == NULL)
		return STATUS_FAILED;
	if (cli->json)
		return print_json(answer);
	grid = grid_new(0, "");
	grid_column(grid, "at", false);
	grid_column(grid, "status", true);
	grid_column(grid, "by", false);
	grid_column(grid, "from", false);
	grid_column(grid, "what", false);
	grid_column(grid, "", false);
	json_array_foreach (json_object_get(answer, "items"), i, entry) {
		grid_cell(grid, time_text(json_object_get(entry, "at_us"), text));
		grid_cellf(grid, "%lld",
			(long long)json_integer_value(json_object_get(entry, "status")));
		grid_cell(grid, json_text(entry, "actor"));
		grid_cell(grid, json_text(entry, "source"));
		grid_cell(grid, json_text(entry, "action"));
		grid_cell(grid, json_text(entry, "detail"));
	}
	grid_print(grid);
	grid_free(grid);
	json_decref(answer);
	return STATUS_OK;
}

const struct command command_audit = {
	.name = "audit",
	.synopsis = "[--limit N]",
	.summary = "every change that was asked for, refused ones too, newest first",
	.options = audit_options,
	.run = audit_run,
};
