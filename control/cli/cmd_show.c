/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice TYPE list, show and history. */
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "difference.h"
#include "fields.h"
#include "grid.h"
#include "intent.h"
#include "show.h"
#include "text.h"

#define PAGE 1000

/* ---- list ---- */

struct filtering {
	struct cli *cli;
	const struct api_type *type;
	json_t *match; /* fields that the server does not look at */
	struct listing *listing;
	json_t *all; /* with --json */
	size_t count;
	json_int_t limit; /* negative: none */
};

/* "gj:lan0.10" */
static char *place_text(const json_t *item)
{
	json_int_t vlan = json_integer_value(json_object_get(item, "vlan"));
	char *text = xprintf("%s:%s", json_text(item, "site"), json_text(item, "port")), *longer;

	if (vlan == 0)
		return text;
	longer = xprintf("%s.%lld", text, (long long)vlan);
	free(text);
	return longer;
}

/* A list in a table: places, names, or how many there are. */
static json_t *list_brief(const json_t *list)
{
	json_t *words = json_array(), *item;
	char *text;
	size_t i;

	if (json_array_size(list) > 6) {
		json_decref(words);
		return json_integer((json_int_t)json_array_size(list));
	}
	json_array_foreach ((json_t *)list, i, item) {
		if (!json_is_object(item)) {
			json_array_append(words, item);
		} else if (*json_text(item, "site") != '\0' && *json_text(item, "port") != '\0') {
			text = place_text(item);
			json_array_append_new(words, json_string(text));
			free(text);
		} else if (*json_text(item, "name") != '\0') {
			json_array_append(words, json_object_get(item, "name"));
		} else {
			json_decref(words);
			return json_integer((json_int_t)json_array_size(list));
		}
	}
	return words;
}

json_t *bandwidth_brief(const json_t *bandwidth)
{
	json_int_t committed = json_integer_value(json_object_get(bandwidth, "committed_bps"));
	json_int_t peak = json_integer_value(json_object_get(bandwidth, "peak_bps"));
	char a[NUMBER_BYTES], b[NUMBER_BYTES];

	number_scaled((double)committed, a);
	number_scaled((double)peak, b);
	return json_sprintf(peak != 0 && peak != committed ? "%s/%s" : "%s", a, b);
}

/* What stands in the table of one intent. New. */
static json_t *row_of(const json_t *intent)
{
	json_t *row = json_object(), *value;
	const char *name;

	json_object_foreach ((json_t *)intent, name, value) {
		if (strcmp(name, "meta") == 0 || strcmp(name, "kind") == 0)
			continue;
		if (strcmp(name, "status") == 0)
			json_object_set(row, "state", json_object_get(value, "state"));
		else if (strcmp(name, "bandwidth") == 0)
			json_object_set_new(row, name, bandwidth_brief(value));
		else if (json_is_array(value))
			json_object_set_new(row, name, list_brief(value));
		else
			json_object_set(row, name, value);
	}
	return row;
}

static bool matches(const json_t *intent, const json_t *match)
{
	const char *name;
	json_t *want, *is;

	json_object_foreach ((json_t *)match, name, want) {
		is = json_object_get(intent, name);
		if (json_is_object(want) && json_is_object(is) ? !matches(is, want)
			: json_is_null(want)		       ? is != NULL
							       : !json_equal(is, want))
			return false;
	}
	return true;
}

static int list_page(const json_t *items, void *arg)
{
	struct filtering *f = arg;
	json_t *rows = json_array(), *item;
	size_t i;

	json_array_foreach ((json_t *)items, i, item) {
		if (!matches(item, f->match) || (f->limit >= 0 && (json_int_t)f->count >= f->limit))
			continue;
		f->count++;
		if (f->cli->json)
			json_array_append(f->all, item);
		else
			json_array_append_new(rows, row_of(item));
	}
	if (!f->cli->json)
		listing_page(f->listing, rows);
	json_decref(rows);
	return STATUS_OK;
}

/* Takes tenant=, site= and state= out of the words into the query; the others are matched here. */
static int list_filter(
	const struct args *args, const struct api_type *type, char **query, json_t *match)
{
	static const char *const served[] = {"tenant=", "site=", "state="};
	struct args one = *args;
	char *longer, *value;
	int i, status;
	size_t s;

	for (i = 0; i < args->count; i++) {
		for (s = 0; s < 3; s++)
			if (strncmp(args->words[i], served[s], strlen(served[s])) == 0)
				break;
		if (s == 3) {
			one.words = args->words + i;
			one.count = 1;
			status = intent_words(&one, type, 0, true, match);
			if (status != STATUS_OK)
				return status;
			continue;
		}
		value = http_escape(args->words[i] + strlen(served[s]));
		longer = xprintf("%s&%s%s", *query, served[s], value);
		free(value);
		free(*query);
		*query = longer;
	}
	return STATUS_OK;
}

enum { LIST_LIMIT };

static const struct option_def list_options[] = {
	{"limit", 'n', OPTION_VALUE, "N", "stop after N of them", WORD_NONE},
	{.name = NULL},
};

static int list_run(struct cli *cli, const struct args *args)
{
	const enum intent_type type = (enum intent_type)cli->noun->type;
	struct filtering f = {.cli = cli, .type = &intent_types[type], .limit = -1};
	char *query;
	int status;

	if (args_number(args, LIST_LIMIT, 1, 1 << 30, &f.limit) != STATUS_OK)
		return STATUS_USAGE;
	query = xprintf("/v1/%s?limit=%d", intent_path(type), PAGE);
	f.match = json_object();
	f.all = json_array();
	f.listing = listing_new(f.type);
	status = list_filter(args, f.type, &query, f.match);
	if (status == STATUS_OK)
		status = control_pages(cli, query, list_page, &f);
	else
		free(query);
	listing_free(f.listing);
	json_decref(f.match);
	if (status == STATUS_OK && cli->json)
		return print_json(json_pack("{s:o}", "items", f.all));
	json_decref(f.all);
	if (status == STATUS_OK && f.count == 0)
		fprintf(stderr, "no %s%s\n", cli->noun->name, args->count > 0 ? " matches" : "");
	return status;
}

const struct command command_intents = {
	.name = "list",
	.synopsis = "[field=value …] [--limit N]",
	.summary = "list them, all or those whose fields match",
	.details =
		"  sluice slice list tenant=kr state=refused\n"
		"  sluice host list site=gj vlan=10\n"
		"state is pending, applied, refused or elsewhere; field= finds those without it.\n",
	.options = list_options,
	.words = WORD_INTENT_MATCH,
	.run = list_run,
};

/* ---- show ---- */

/* status and meta as lines of their own. */
static void flatten(json_t *intent)
{
	static const char *const inner[] = {"status", "meta"};
	char text[40];
	json_t *object, *value;
	const char *name;
	size_t i;

	for (i = 0; i < 2; i++) {
		object = json_incref(json_object_get(intent, inner[i]));
		json_object_del(intent, inner[i]);
		json_object_foreach (object, name, value) {
			size_t len = strlen(name);

			if (len > 3 && ends_with(name, "_us"))
				json_object_set_new(intent,
					strncmp(name, "since", 5) == 0	   ? "since"
					: strncmp(name, "created", 7) == 0 ? "created"
									   : "updated",
					json_string(time_text(value, text)));
			else
				json_object_set(intent, name, value);
		}
		json_decref(object);
	}
	json_object_del(intent, "kind");
}

static int show_run(struct cli *cli, const struct args *args)
{
	const enum intent_type type = (enum intent_type)cli->noun->type;
	json_t *intent, *ordered;
	char *name;

	if (args->count != 1 || args->words[0][0] == '\0')
		return usage(args->command, "give the name of one %s", cli->noun->name);
	name = http_escape(args->words[0]);
	intent = control_get(cli, xprintf("/v1/%s/%s", intent_path(type), name));
	free(name);
	if (intent == NULL)
		return STATUS_FAILED;
	if (cli->json)
		return print_json(intent);
	flatten(intent);
	ordered = intent_ordered(intent_types[type].fields, intent);
	show_object(&intent_types[type], ordered);
	json_decref(ordered);
	json_decref(intent);
	return STATUS_OK;
}

const struct command command_show = {
	.name = "show",
	.synopsis = "NAME",
	.summary = "show one: what was asked for, what became of it, its revision",
	.details = "As a document for apply: sluice get TYPE NAME\n",
	.words = WORD_INTENT_NAME,
	.run = show_run,
};
