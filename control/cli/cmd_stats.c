/* SPDX-License-Identifier: BSD-3-Clause */
/* What is counted, once or with --watch again and again, with what happened in between as rates:
 * sluice dp drops (what was dropped and why), dp stats (counters of objects, of the box, its
 * workers and its stages), and top (who uses how much now, as sluice-control measured it). Keeps
 * the counts of the picture before, and owns the terminal while it runs. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

/* ---- pictures ---- */

/* The two options that all of these have, first in their lists. */
enum { WATCH_OPTION, WATCH_COUNT, WATCH_OPTIONS };
#define WATCH_OPTION_DEFS                                                                          \
	{"watch", 'w', OPTION_MAYBE, "SECONDS",                                                    \
		.help = "again every second, or every SECONDS, with rates"},                       \
	{                                                                                          \
		"count", 'c', OPTION_NUMBER, "N", .help = "with --watch: stop after N pictures",   \
						  .min = 1, .max = ANY_NUMBER, .preset = -1        \
	}

static void pause_s(double seconds)
{
	struct timespec ts = {.tv_sec = (time_t)seconds};

	ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * 1e9);
	nanosleep(&ts, NULL);
}

/* On a terminal the picture is redrawn in place; into a file or pipe pictures follow each other. */
static void begin_picture(const struct cli *cli, double every, bool first)
{
	char clock[NUMBER_BYTES];

	if (!cli->json && isatty(STDOUT_FILENO))
		printf("\033[H\033[J%s  every %g s, Ctrl-C ends\n\n", clock_text(time(NULL), clock),
			every);
	else if (!cli->json && !first)
		putchar('\n');
}

static double watch_seconds(const char *text)
{
	double every = text != NULL && is_number(text, true) ? strtod(text, NULL) : 0;

	if (text == NULL)
		return 1;
	if (every < 0.1 || every > 86400)
		usage("--watch wants seconds, 0.1 to 86400, not \"%s\"", text);
	return every;
}

/* Paints one picture. since: seconds since the picture before, 0 for the first. */
typedef void (*watch_paint)(struct cli *cli, void *arg, double since);

/* Paints once, or with --watch until interrupted. */
static int watch_run(struct cli *cli, const struct args *args, watch_paint paint, void *arg)
{
	json_int_t count = args->set[WATCH_OPTION] ? args->number[WATCH_COUNT] : 1, i;
	double every = watch_seconds(args->value[WATCH_OPTION]), last = 0, now;

	if (args->set[WATCH_COUNT] && !args->set[WATCH_OPTION])
		usage("--count goes with --watch");
	/* a picture goes out in one write, so that it does not flicker */
	if (args->set[WATCH_OPTION])
		setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (i = 0; i != count && !ferror(stdout); i++) {
		if (i > 0)
			pause_s(every);
		if (args->set[WATCH_OPTION])
			begin_picture(cli, every, i == 0);
		now = clock_now();
		paint(cli, arg, i > 0 ? now - last : 0);
		last = now;
		fflush(stdout);
	}
	return STATUS_OK;
}

/* Is this counter one that only grows, so that a rate says something? */
static bool is_rate(const char *counter)
{
	static const char *const ends[] = {"packets", "bytes", "dropped", "missed", "drops",
		"loops", "naps", "cycles", "lost", "refused", "replicated", "originated",
		"answered", "held", "merged", "punted", "from_kernel"};
	size_t i;

	if (ends_with(counter, "table_bytes")) /* memory in use */
		return false;
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ends_with(counter, ends[i]))
			return true;
	return false;
}

/* "/s" column's title: "pkt/s", "bit/s" or "/s". */
static const char *rate_unit(const char *counter)
{
	if (ends_with(counter, "bytes"))
		return "bit/s";
	return ends_with(counter, "packets") ? "pkt/s" : "/s";
}

/* now - before, a second: "1.23 M"; "-" when it went down or there is no picture before. */
static const char *rate_text(
	const char *counter, json_int_t now, json_int_t before, double since, char *out)
{
	/* a counter that went down belongs to a new object or a new daemon */
	if (since <= 0 || now < before)
		return strcpy(out, "-");
	return number_scaled(
		(double)(now - before) / since * (ends_with(counter, "bytes") ? 8 : 1), out);
}

/* The raw answer, a line when there are several. It is stolen. */
static void print_picture(json_t *answer, bool watching)
{
	if (watching)
		print_json_line(answer);
	else
		print_json(answer);
}

/* An object's members, those of the greatest weight first. */
struct ranked {
	const char *name;
	const json_t *value;
	double weight;
};

static int by_weight(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return x->weight != y->weight ? (x->weight < y->weight ? 1 : -1) : strcmp(x->name, y->name);
}

/* Into *out, which is to be freed; returns how many there are. Those of a negative weight are left
 * out. */
static size_t rank(const json_t *object, double (*weigh)(const json_t *value, const void *arg),
	const void *arg, struct ranked **out)
{
	size_t count = 0;
	const char *name;
	json_t *value;

	*out = xcalloc(json_object_size(object) + 1, sizeof(**out));
	json_object_foreach ((json_t *)object, name, value) {
		double weight = weigh(value, arg);

		if (weight >= 0)
			(*out)[count++] = (struct ranked){name, value, weight};
	}
	qsort(*out, count, sizeof(**out), by_weight);
	return count;
}

/* ---- sluice dp drops ---- */

struct drops {
	const char *slice; /* NULL: the box */
	bool all;	   /* reasons that never happened too */
	bool watching;
	json_t *help;	/* {REASON: text} */
	json_t *before; /* {REASON: packets} of the picture before */
};

static double packets_of(const json_t *value, const void *arg)
{
	const struct drops *d = arg;
	json_int_t packets = json_integer_value(value);

	return json_is_integer(value) && (d->all || packets > 0) ? (double)packets : -1;
}

static void paint_drops(const struct drops *d, const json_t *result, double since)
{
	struct ranked *reasons;
	size_t count = rank(result, packets_of, d, &reasons), i;
	struct grid *grid = grid_new(0, 0, "-");
	char number[NUMBER_BYTES];

	grid_column(grid, "reason", false);
	grid_column(grid, "packets", true);
	if (d->watching)
		grid_column(grid, "pkt/s", true);
	grid_column(grid, "why", false);
	for (i = 0; i < count; i++) {
		const char *name = reasons[i].name;

		grid_cell(grid, name);
		grid_cell(grid, number_json(reasons[i].value, number));
		/* what is in no earlier picture was zero there */
		if (d->watching)
			grid_cell(grid, rate_text("packets", json_integer_value(reasons[i].value),
						json_number(d->before, name), since, number));
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

static void drops_paint(struct cli *cli, void *arg, double since)
{
	struct drops *d = arg;
	json_t *result = cli_call(cli, "drops",
		json_pack("{s:s*, s:o*}", "slice", d->slice, "all", d->all ? json_true() : NULL));

	if (cli->json) {
		print_picture(result, d->watching);
		return;
	}
	paint_drops(d, result, since);
	json_decref(d->before);
	d->before = result;
}

enum { DROPS_ALL = WATCH_OPTIONS };

static const struct option_def drops_options[] = {
	WATCH_OPTION_DEFS,
	{"all", 'a', .help = "also the reasons that never happened"},
	{.name = NULL},
};

static int drops_run(struct cli *cli, const struct args *args)
{
	struct drops d = {.slice = args->words[0],
		.all = args->set[DROPS_ALL],
		.watching = args->set[WATCH_OPTION]};
	json_t *error = NULL;

	/* without the help texts the counts are still worth showing */
	if (!cli->json)
		d.help = cli_try(cli, "drops.help", NULL, &error);
	json_decref(error);
	watch_run(cli, args, drops_paint, &d);
	json_decref(d.help);
	json_decref(d.before);
	return STATUS_OK;
}

const struct command command_drops = {
	.name = "drops",
	.synopsis = "[SLICE] [--all] [--watch [SECONDS]]",
	.summary = "show what was dropped and why, in the box or in a slice",
	.options = drops_options,
	.words = WORD_SLICE,
	.most = 1,
	.wrong = "give one slice, or none for the whole box",
	.run = drops_run,
};

/* ---- sluice dp stats ---- */

/* What `stats` without a type shows, in this order; what the dataplane does not count is left out.
 */
static const char *const overview[] = {
	"box", "worker", "port", "slice", "attachment", "tunnel", "meter", "session", NULL};

struct stats {
	const char *type; /* NULL: the overview */
	json_t *keys;	  /* NULL: all */
	json_t *before;	  /* {TYPE: {KEY: {counter: n}}} of the picture before */
	bool watching;
};

/* {"a":1,"urr":{"1":{"b":2}}} → {"a":1,"urr.1.b":2} */
static void flatten(const json_t *object, const char *prefix, json_t *out)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)object, name, value) {
		char *full = xprintf("%s%s%s", prefix, *prefix ? "." : "", name);

		if (json_is_object(value))
			flatten(value, full, out);
		else
			json_object_set(out, full, value);
		free(full);
	}
}

/* The answer's objects, each flat. cycles and packets side by side get their quotient: it is what
 * they are for. */
static json_t *flat_objects(const json_t *result)
{
	json_t *flat = json_object(), *counters, *one;
	const char *key;

	json_object_foreach (json_object_get(result, "objects"), key, counters) {
		json_int_t packets, cycles;

		one = json_object();
		flatten(counters, "", one);
		packets = json_number(one, "packets");
		cycles = json_number(one, "cycles");
		if (packets > 0 && cycles > 0 && json_object_get(one, "cycles_per_packet") == NULL)
			json_object_set_new(one, "cycles_per_packet",
				json_real((double)cycles / (double)packets));
		json_object_set_new(flat, key, one);
	}
	return flat;
}

static json_t *counter_names(const json_t *objects)
{
	json_t *names = json_object(), *counters;
	const char *key;

	json_object_foreach ((json_t *)objects, key, counters)
		json_object_update_missing(names, counters);
	return names;
}

static void value_cell(struct grid *grid, const json_t *value)
{
	char number[NUMBER_BYTES];

	if (json_is_string(value))
		grid_cell(grid, json_string_value(value));
	else if (json_is_boolean(value))
		grid_cell(grid, json_is_true(value) ? "yes" : "no");
	else
		grid_cell(grid, number_json(value, number));
}

static void rate_cell(struct grid *grid, const char *name, const json_t *value,
	const json_t *before, double since, bool unit)
{
	char number[NUMBER_BYTES];

	if (!is_rate(name) || !json_is_integer(value)) {
		grid_cell(grid, "");
		return;
	}
	rate_text(name, json_integer_value(value), json_integer_value(before),
		before != NULL ? since : 0, number);
	if (unit && strcmp(number, "-") != 0)
		grid_cellf(grid, "%s%s%s", number, strchr(number, ' ') ? "" : " ", rate_unit(name));
	else
		grid_cell(grid, number);
}

/* Objects down and counters across; or, of few objects that count much, the other way round. */
static void paint_counters(
	const struct stats *s, const char *type, json_t *objects, json_t *names, double since)
{
	bool tall = json_object_size(names) > 6 && json_object_size(objects) <= 4;
	const json_t *all_before = json_object_get(s->before, type);
	json_t *rows = tall ? names : objects, *columns = tall ? objects : names, *unused;
	struct grid *grid = grid_new(0, 0, tall ? "" : "-");
	const char *row, *column;

	grid_column(grid, type, false);
	json_object_foreach (columns, column, unused) {
		grid_column(grid, column, true);
		if (s->watching && (tall || is_rate(column)))
			grid_column(grid, tall ? "rate" : rate_unit(column), true);
	}
	json_object_foreach (rows, row, unused) {
		grid_cell(grid, row);
		json_object_foreach (columns, column, unused) {
			const char *key = tall ? column : row, *name = tall ? row : column;
			const json_t *value = json_object_get(json_object_get(objects, key), name);
			const json_t *before = json_object_get(all_before, key);

			value_cell(grid, value);
			if (s->watching && (tall || is_rate(name)))
				rate_cell(grid, name, value, json_object_get(before, name), since,
					tall);
		}
	}
	grid_end(grid);
}

/* result is stolen. */
static void paint_type(struct stats *s, const char *type, json_t *result, double since, bool *first)
{
	json_t *objects = flat_objects(result), *names = counter_names(objects);

	json_decref(result);
	if (json_object_size(objects) == 0) {
		if (s->type != NULL)
			fprintf(stderr, "no %s to count\n", type);
	} else {
		if (!*first)
			putchar('\n');
		*first = false;
		paint_counters(s, type, objects, names, since);
	}
	json_object_set_new(s->before, type, objects);
	json_decref(names);
}

static json_t *stats_params(const struct stats *s, const char *type)
{
	return json_pack("{s:s, s:O*}", "type", type, "keys", s->keys);
}

/* {TYPE: {KEY: counters}} of all that is counted. */
static void paint_overview(struct cli *cli, struct stats *s, double since)
{
	json_t *all = json_object(), *result, *error;
	bool first = true;
	int i;

	for (i = 0; overview[i] != NULL; i++) {
		result = cli_try(cli, "stats", stats_params(s, overview[i]), &error);
		json_decref(error);
		if (cli->json)
			json_object_set(all, overview[i], json_object_get(result, "objects"));
		else if (result != NULL)
			paint_type(s, overview[i], result, since, &first);
		if (cli->json)
			json_decref(result);
	}
	if (cli->json)
		print_picture(all, s->watching);
	else
		json_decref(all);
}

static void paint_stats(struct cli *cli, void *arg, double since)
{
	struct stats *s = arg;
	bool first = true;
	json_t *result;

	if (s->type == NULL) {
		paint_overview(cli, s, since);
		return;
	}
	result = cli_call(cli, "stats", stats_params(s, s->type));
	if (cli->json)
		print_picture(result, s->watching);
	else
		paint_type(s, s->type, result, since, &first);
}

static int stats_run(struct cli *cli, const struct args *args)
{
	static const char *const counted[] = {"box", "worker", "stage", NULL};
	struct stats s = {.watching = args->set[WATCH_OPTION], .type = args->words[0]};
	const struct api_type *type = s.type != NULL ? api_type_find(s.type) : NULL;
	int i = 0;

	while (type == NULL && s.type != NULL && counted[i] != NULL &&
		strcmp(counted[i], s.type) != 0)
		i++;
	if (counted[i] == NULL)
		usage("there is no type \"%s\"; there are box, worker, stage, %s", s.type,
			api_type_names());
	if (args->count > 1)
		s.keys = words_keys(args, type);
	s.before = json_object();
	watch_run(cli, args, paint_stats, &s);
	json_decref(s.before);
	json_decref(s.keys);
	return STATUS_OK;
}

static const struct option_def stats_options[] = {
	WATCH_OPTION_DEFS,
	{.name = NULL},
};

const struct command command_stats = {
	.name = "stats",
	.synopsis = "[TYPE [KEY …]] [--watch [SECONDS]]",
	.summary = "show counters; with --watch also rates",
	.details = "TYPE is an object type, or box, worker, stage. Without TYPE: all that the box "
		   "counts.\n"
		   "  sluice dp stats slice blue --watch\n"
		   "  sluice dp stats stage\n",
	.options = stats_options,
	.words = WORD_STATS,
	.run = stats_run,
};

/* ---- sluice top ---- */

enum { TOP_LIMIT = WATCH_OPTIONS };

#define LIMIT_PRESET 40
#define PAGE	     10000 /* objects that are looked at */

static const struct option_def top_options[] = {
	WATCH_OPTION_DEFS,
	{"limit", 'n', OPTION_NUMBER, "N", .help = "the N busiest; else what the terminal holds",
		.min = 1, .max = PAGE},
	{.name = NULL},
};

static const char *const top_choices[] = {"slices", "ports", "tunnels", NULL};

/* What is shown of a type: counters and their titles; bytes are shown as bits. */
struct view {
	const char *word, *type;
	const char *counters[5], *titles[6];
};

static const struct view views[] = {
	{"slices", "slice", {"in_bytes", "in_packets", "out_bytes", "out_packets", "dropped"},
		{"in bit/s", "pkt/s", "out bit/s", "pkt/s", "drops/s"}},
	{"ports", "port", {"rx_bytes", "rx_packets", "tx_bytes", "tx_packets", "rx_missed"},
		{"rx bit/s", "pkt/s", "tx bit/s", "pkt/s", "missed/s"}},
	{"tunnels", "tunnel", {"in_bytes", "in_packets", "out_bytes", "out_packets", "dropped"},
		{"in bit/s", "pkt/s", "out bit/s", "pkt/s", "drops/s"}},
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

/* What goes in and out. */
static double use_of(const json_t *counters, const void *arg)
{
	const struct view *view = arg;

	return rate_of(counters, view->counters[0]) + rate_of(counters, view->counters[2]);
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

static void print_rows(const struct top *top, const struct ranked *rows, size_t count)
{
	struct grid *grid = grid_new(0, 0, "-");
	size_t shown = rows_shown(top), i, c;
	char number[NUMBER_BYTES];

	grid_column(grid, top->view->type, false);
	grid_columns(grid, top->view->titles, true);
	for (i = 0; i < count && i < shown; i++) {
		grid_cell(grid, rows[i].name);
		for (c = 0; c < 5; c++)
			grid_cell(
				grid, number_scaled(rate_of(rows[i].value, top->view->counters[c]),
					      number));
	}
	grid_end(grid);
	if (count > shown)
		printf("… and %zu more\n", count - shown);
	if (count == 0)
		printf("no %s\n", top->view->type);
}

static void paint_top(struct cli *cli, void *arg, double since)
{
	const struct top *top = arg;
	json_t *answer =
		control_get(cli, xprintf("/v1/counters?type=%s&limit=%d", top->view->type, PAGE));
	struct ranked *rows;
	size_t count;

	(void)since; /* the rates are the collector's */
	if (cli->json) {
		print_json_line(answer);
		return;
	}
	if (strcmp(json_text(answer, "dataplane"), "up") != 0)
		printf("the dataplane is %s: this is its last\n", json_text(answer, "dataplane"));
	count = rank(json_object_get(json_object_get(answer, "counters"), top->view->type), use_of,
		top->view, &rows);
	print_rows(top, rows, count);
	free(rows);
	json_decref(answer);
}

static int top_run(struct cli *cli, const struct args *args)
{
	const char *word = args->count > 0 ? args->words[0] : views[0].word;
	struct top top = {.limit = args->number[TOP_LIMIT]};
	struct args live = *args;
	size_t i;

	for (i = 0; i < 3; i++)
		if (strcmp(word, views[i].word) == 0 || strcmp(word, views[i].type) == 0)
			top.view = &views[i];
	if (top.view == NULL)
		usage("want slices, ports or tunnels, not \"%s\"", word);
	/* people look on; a file or a pipe gets one picture unless it asks for more */
	if ((isatty(STDOUT_FILENO) && !cli->json) || args->set[WATCH_COUNT])
		live.set[WATCH_OPTION] = true;
	return watch_run(cli, &live, paint_top, &top);
}

const struct command command_top = {
	.name = "top",
	.synopsis = "[slices|ports|tunnels] [--watch [SECONDS]] [--count N] [--limit N]",
	.summary = "live rates, the busiest first",
	.details = "On a terminal again every second; into a file or pipe once, or --count times.\n"
		   "The rates are those that sluice-control measured last.\n",
	.options = top_options,
	.words = WORD_CHOICE,
	.choices = top_choices,
	.most = 1,
	.wrong = "one of slices, ports, tunnels",
	.run = top_run,
};
