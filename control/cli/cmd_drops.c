/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice dp drops: what was dropped and why. Keeps the counts of the picture before, for rates. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "grid.h"
#include "text.h"
#include "watch.h"

struct drops {
	const char *slice; /* NULL: the box */
	bool all;	   /* reasons that never happened too */
	bool watching;
	json_t *help;	/* {REASON: text} */
	json_t *before; /* {REASON: packets} of the picture before */
};

struct reason {
	const char *name;
	json_t *packets;
};

static int by_packets(const void *a, const void *b)
{
	const struct reason *x = a, *y = b;
	json_int_t m = json_integer_value(x->packets), n = json_integer_value(y->packets);

	return m != n ? (m < n ? 1 : -1) : strcmp(x->name, y->name);
}

/* The reasons to show, most packets first; *out is to be freed. */
static size_t sorted(const struct drops *d, const json_t *result, struct reason **out)
{
	size_t count = 0;
	const char *name;
	json_t *value;

	*out = xrealloc(NULL, (json_object_size(result) + 1) * sizeof(**out));
	json_object_foreach ((json_t *)result, name, value)
		if (json_is_integer(value) && (d->all || json_integer_value(value) != 0))
			(*out)[count++] = (struct reason){name, value};
	qsort(*out, count, sizeof(**out), by_packets);
	return count;
}

static void paint_drops(const struct drops *d, const json_t *result, double since)
{
	struct reason *reasons;
	size_t count = sorted(d, result, &reasons), i;
	struct grid *grid = grid_new(0, "-");
	char number[NUMBER_BYTES];

	grid_column(grid, "reason", false);
	grid_column(grid, "packets", true);
	if (d->watching)
		grid_column(grid, "pkt/s", true);
	grid_column(grid, "why", false);
	for (i = 0; i < count; i++) {
		const char *name = reasons[i].name;

		grid_cell(grid, name);
		grid_cell(grid, number_json(reasons[i].packets, number));
		if (d->watching) {
			/* what is in no earlier picture was zero there */
			json_t *old = json_object_get(d->before, name), *zero = json_integer(0);

			grid_cell(grid, rate_text("packets", reasons[i].packets,
						old != NULL ? old : zero, since, number));
			json_decref(zero);
		}
		grid_cell(grid, json_string_value(json_object_get(d->help, name)));
	}
	if (count > 0)
		grid_print(grid);
	else if (d->slice != NULL)
		printf("no drops in slice %s\n", d->slice);
	else
		puts("no drops");
	grid_free(grid);
	free(reasons);
}

static int paint(struct cli *cli, void *arg, double since)
{
	struct drops *d = arg;
	json_t *params = json_object(), *result;

	if (d->slice != NULL)
		json_object_set_new(params, "slice", json_string(d->slice));
	if (d->all)
		json_object_set_new(params, "all", json_true());
	result = cli_call(cli, "drops", params);
	if (result == NULL)
		return STATUS_FAILED;
	if (cli->json && !d->watching)
		return print_json(result);
	if (cli->json)
		print_json_line(result);
	else
		paint_drops(d, result, since);
	json_decref(d->before);
	d->before = result;
	return STATUS_OK;
}

enum { DROPS_ALL = WATCH_OPTIONS };

static const struct option_def drops_options[] = {
	WATCH_OPTION_DEFS,
	{"all", 'a', OPTION_FLAG, NULL, "also the reasons that never happened", WORD_NONE},
	{.name = NULL},
};

static int drops_run(struct cli *cli, const struct args *args)
{
	struct drops d = {.all = args->set[DROPS_ALL], .watching = args->set[WATCH_OPTION]};
	json_t *error = NULL;
	int status;

	if (args->count > 1)
		return usage(args->command, "give one slice, or none for the whole box");
	if (args->count == 1)
		d.slice = args->words[0];
	if (!cli->json) {
		d.help = cli_try(cli, "drops.help", NULL, &error);
		/* without the help texts the counts are still worth showing */
		if (d.help == NULL && error == NULL)
			return STATUS_FAILED;
		json_decref(error);
	}
	status = watch_run(cli, args, paint, &d);
	json_decref(d.help);
	json_decref(d.before);
	return status;
}

const struct command command_drops = {
	.name = "drops",
	.synopsis = "[SLICE] [--all] [--watch [SECONDS]]",
	.summary = "show what was dropped and why, in the box or in a slice",
	.options = drops_options,
	.words = WORD_SLICE,
	.run = drops_run,
};
