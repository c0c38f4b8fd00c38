/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice top: who uses how much, now, from /v1/counters. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "call.h"
#include "grid.h"
#include "text.h"
#include "watch.h"

enum { TOP_LIMIT = WATCH_OPTIONS };

#define LIMIT_PRESET 40
#define PAGE	     10000 /* objects that are looked at */

static const struct option_def top_options[] = {
	WATCH_OPTION_DEFS,
	{"limit", 'n', OPTION_VALUE, "N", "the N busiest; else what the terminal holds", WORD_NONE},
	{.name = NULL},
};

static const char *const choices[] = {"slices", "ports", "tunnels", NULL};

/* What is shown of a type: counters and their titles; bytes are shown as bits. */
struct view {
	const char *word, *type;
	const char *counters[5], *titles[5];
};

static const struct view views[] = {
	{"slices", "slice", {"in_bytes", "in_packets", "out_bytes", "out_packets", "dropped"},
		{"in bit/s", "pkt/s", "out bit/s", "pkt/s", "drops/s"}},
	{"ports", "port", {"rx_bytes", "rx_packets", "tx_bytes", "tx_packets", "rx_missed"},
		{"rx bit/s", "pkt/s", "tx bit/s", "pkt/s", "missed/s"}},
	{"tunnels", "tunnel", {"in_bytes", "in_packets", "out_bytes", "out_packets", "dropped"},
		{"in bit/s", "pkt/s", "out bit/s", "pkt/s", "drops/s"}},
};

struct row {
	const char *key;
	double rate[5];
};

struct top {
	const struct view *view;
	json_int_t limit; /* 0: the terminal's height */
};

static double rate_of(const json_t *counters, const char *name)
{
	double rate = json_number_value(json_object_get(json_object_get(counters, name), "rate"));

	return ends_with(name, "bytes") ? rate * 8 : rate;
}

static int by_use(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	double xs = x->rate[0] + x->rate[2], ys = y->rate[0] + y->rate[2];

	return xs != ys ? (xs < ys ? 1 : -1) : strcmp(x->key, y->key);
}

static size_t rows_of(const json_t *objects, const struct view *view, struct row **rows)
{
	size_t count = 0, i;
	const char *key;
	json_t *counters;

	*rows = xrealloc(NULL, (json_object_size(objects) + 1) * sizeof(**rows));
	json_object_foreach ((json_t *)objects, key, counters) {
		(*rows)[count].key = key;
		for (i = 0; i < 5; i++)
			(*rows)[count].rate[i] = rate_of(counters, view->counters[i]);
		count++;
	}
	qsort(*rows, count, sizeof(**rows), by_use);
	return count;
}

static size_t rows_shown(const struct top *top)
{
	struct winsize size;

	if (top->limit > 0)
		return (size_t)top->limit;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 8)
		return size.ws_row - 5u;
	return LIMIT_PRESET;
}

static void print_rows(const struct top *top, const struct row *rows, size_t count)
{
	struct grid *grid = grid_new(0, "-");
	size_t shown = rows_shown(top), i, c;
	char number[NUMBER_BYTES];

	grid_column(grid, top->view->type, false);
	for (c = 0; c < 5; c++)
		grid_column(grid, top->view->titles[c], true);
	for (i = 0; i < count && i < shown; i++) {
		grid_cell(grid, rows[i].key);
		for (c = 0; c < 5; c++)
			grid_cell(grid, number_scaled(rows[i].rate[c], number));
	}
	grid_print(grid);
	grid_free(grid);
	if (count > shown)
		printf("… and %zu more\n", count - shown);
	if (count == 0)
		printf("no %s\n", top->view->type);
}

static int paint(struct cli *cli, void *arg, double since)
{
	const struct top *top = arg;
	json_t *answer =
		control_get(cli, xprintf("/v1/counters?type=%s&limit=%d", top->view->type, PAGE));
	struct row *rows;
	size_t count;

	(void)since; /* the rates are the collector's */
	if (answer == NULL)
		return STATUS_FAILED;
	if (cli->json) {
		print_json_line(answer);
		json_decref(answer);
		return STATUS_OK;
	}
	if (strcmp(json_text(answer, "dataplane"), "up") != 0)
		printf("the dataplane is %s: this is its last\n", json_text(answer, "dataplane"));
	count = rows_of(json_object_get(json_object_get(answer, "counters"), top->view->type),
		top->view, &rows);
	print_rows(top, rows, count);
	free(rows);
	json_decref(answer);
	return STATUS_OK;
}

static int top_run(struct cli *cli, const struct args *args)
{
	struct top top = {.view = &views[0], .limit = 0};
	struct args live = *args;
	size_t i;

	if (args->count > 1)
		return usage(args->command, "one of slices, ports, tunnels");
	for (i = 0; args->count > 0 && i < 3; i++)
		if (strcmp(args->words[0], views[i].word) == 0 ||
			strcmp(args->words[0], views[i].type) == 0)
			break;
	if (args->count > 0 && i == 3)
		return usage(
			args->command, "want slices, ports or tunnels, not \"%s\"", args->words[0]);
	if (args->count > 0)
		top.view = &views[i];
	if (args_number(args, TOP_LIMIT, 1, PAGE, &top.limit) != STATUS_OK)
		return STATUS_USAGE;
	/* people look on; a file or a pipe gets one picture unless it asks for more */
	if ((isatty(STDOUT_FILENO) && !cli->json) || args->set[WATCH_COUNT])
		live.set[WATCH_OPTION] = true;
	return watch_run(cli, &live, paint, &top);
}

const struct command command_top = {
	.name = "top",
	.synopsis = "[slices|ports|tunnels] [--watch [SECONDS]] [--count N] [--limit N]",
	.summary = "live rates, the busiest first",
	.details = "On a terminal again every second; into a file or pipe once, or --count times.\n"
		   "The rates are those that sluice-control measured last.\n",
	.options = top_options,
	.words = WORD_CHOICE,
	.choices = choices,
	.run = top_run,
};
