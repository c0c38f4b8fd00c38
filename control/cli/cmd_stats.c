/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice dp stats: counters of objects, of the box, its workers and its stages; sluice dp drops:
 * what was dropped and why. Keep the counts of the picture before, for rates. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "grid.h"
#include "text.h"
#include "watch.h"
#include "words.h"

/* ---- sluice dp drops ---- */

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

static int drops_paint(struct cli *cli, void *arg, double since)
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
	status = watch_run(cli, args, drops_paint, &d);
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
		packets = json_integer_value(json_object_get(one, "packets"));
		cycles = json_integer_value(json_object_get(one, "cycles"));
		if (packets > 0 && cycles > 0 && json_object_get(one, "cycles_per_packet") == NULL)
			json_object_set_new(one, "cycles_per_packet",
				json_real((double)cycles / (double)packets));
		json_object_set_new(flat, key, one);
	}
	return flat;
}

static json_t *counter_names(const json_t *objects)
{
	json_t *names = json_object(), *counters, *value;
	const char *key, *name;

	json_object_foreach ((json_t *)objects, key, counters)
		json_object_foreach (counters, name, value)
			json_object_set_new(names, name, json_true());
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
	rate_text(name, value, before, since, number);
	if (unit && strcmp(number, "-") != 0)
		grid_cellf(grid, "%s%s%s", number, strchr(number, ' ') ? "" : " ", rate_unit(name));
	else
		grid_cell(grid, number);
}

/* Objects down, counters across. */
static void paint_wide(const struct stats *s, const char *type, const json_t *objects,
	const json_t *names, double since)
{
	const json_t *before = json_object_get(s->before, type);
	struct grid *grid = grid_new(0, "-");
	json_t *counters, *yes;
	const char *key, *name;

	grid_column(grid, type, false);
	json_object_foreach ((json_t *)names, name, yes) {
		grid_column(grid, name, true);
		if (s->watching && is_rate(name))
			grid_column(grid, rate_unit(name), true);
	}
	json_object_foreach ((json_t *)objects, key, counters) {
		const json_t *old = json_object_get(before, key);

		grid_cell(grid, key);
		json_object_foreach ((json_t *)names, name, yes) {
			const json_t *value = json_object_get(counters, name);

			value_cell(grid, value);
			if (s->watching && is_rate(name))
				rate_cell(grid, name, value, json_object_get(old, name), since,
					false);
		}
	}
	grid_print(grid);
	grid_free(grid);
}

/* Counters down, objects across: for few objects that count much. */
static void paint_tall(const struct stats *s, const char *type, const json_t *objects,
	const json_t *names, double since)
{
	const json_t *before = json_object_get(s->before, type);
	struct grid *grid = grid_new(0, "");
	json_t *counters, *yes;
	const char *key, *name;

	grid_column(grid, type, false);
	json_object_foreach ((json_t *)objects, key, counters) {
		grid_column(grid, key, true);
		if (s->watching)
			grid_column(grid, "rate", true);
	}
	json_object_foreach ((json_t *)names, name, yes) {
		grid_cell(grid, name);
		json_object_foreach ((json_t *)objects, key, counters) {
			const json_t *value = json_object_get(counters, name);
			const json_t *old = json_object_get(json_object_get(before, key), name);

			value_cell(grid, value);
			if (s->watching)
				rate_cell(grid, name, value, old, since, true);
		}
	}
	grid_print(grid);
	grid_free(grid);
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
		if (json_object_size(names) > 6 && json_object_size(objects) <= 4)
			paint_tall(s, type, objects, names, since);
		else
			paint_wide(s, type, objects, names, since);
	}
	json_object_set_new(s->before, type, objects);
	json_decref(names);
}

static json_t *stats_params(const struct stats *s, const char *type)
{
	return json_pack("{s:s, s:O*}", "type", type, "keys", s->keys);
}

/* {TYPE: {KEY: counters}} of all that is counted. */
static int paint_overview(struct cli *cli, struct stats *s, double since)
{
	json_t *all = json_object(), *result, *error;
	bool first = true;
	int i;

	for (i = 0; overview[i] != NULL; i++) {
		result = cli_try(cli, "stats", stats_params(s, overview[i]), &error);
		if (result == NULL && error == NULL) {
			json_decref(all);
			return STATUS_FAILED;
		}
		json_decref(error);
		if (result == NULL)
			continue;
		if (cli->json) {
			json_object_set(all, overview[i], json_object_get(result, "objects"));
			json_decref(result);
		} else {
			paint_type(s, overview[i], result, since, &first);
		}
	}
	if (cli->json && s->watching)
		print_json_line(all);
	else if (cli->json)
		return print_json(all);
	json_decref(all);
	return STATUS_OK;
}

static int paint(struct cli *cli, void *arg, double since)
{
	struct stats *s = arg;
	bool first = true;
	json_t *result;

	if (s->type == NULL)
		return paint_overview(cli, s, since);
	result = cli_call(cli, "stats", stats_params(s, s->type));
	if (result == NULL)
		return STATUS_FAILED;
	if (cli->json && !s->watching)
		return print_json(result);
	if (cli->json) {
		print_json_line(result);
		json_decref(result);
		return STATUS_OK;
	}
	paint_type(s, s->type, result, since, &first);
	return STATUS_OK;
}

/* The words after the type as keys; the types of stats_types have keys of one word. */
static int stats_keys(const struct args *args, struct stats *s)
{
	const struct api_type *type;
	char shape[160] = "name", names[512];
	int i, per_key = 1;

	if (args->count == 0)
		return STATUS_OK;
	s->type = args->words[0];
	type = api_type_find(s->type);
	for (i = 0; stats_types[i] != NULL && type == NULL; i++)
		if (strcmp(stats_types[i], s->type) == 0)
			break;
	if (type == NULL && stats_types[i] == NULL) {
		type_names(names, sizeof(names));
		return usage(args->command,
			"there is no type \"%s\"; there are box, worker, stage, %s", s->type,
			names);
	}
	if (args->count == 1)
		return STATUS_OK;
	if (type != NULL)
		per_key = key_words(type, shape, sizeof(shape));
	return words_keys(args, per_key, shape, &s->keys);
}

static int stats_run(struct cli *cli, const struct args *args)
{
	struct stats s = {.watching = args->set[WATCH_OPTION]};
	int status = stats_keys(args, &s);

	if (status != STATUS_OK)
		return status;
	s.before = json_object();
	status = watch_run(cli, args, paint, &s);
	json_decref(s.before);
	json_decref(s.keys);
	return status;
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
