/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice dp get and list. */
#include <stdlib.h>

#include "cli.h"
#include "show.h"
#include "text.h"
#include "words.h"

/* Pages of this many objects: large enough to be fast, small enough that a million MACs never stand
 * in memory. */
#define PAGE 1000

static int get_run(struct cli *cli, const struct args *args)
{
	const struct api_type *type = args_type(args);
	char shape[160];
	json_t *keys, *object;
	int per_key, status;

	if (type == NULL)
		return STATUS_USAGE;
	per_key = key_words(type, shape, sizeof(shape));
	status = words_keys(args, per_key, shape, &keys);
	if (status != STATUS_OK)
		return status;
	if (json_array_size(keys) != 1) {
		json_decref(keys);
		return usage(args->command, "give the key of one %s: %s", type->name, shape);
	}
	object = cli_call(cli, "get",
		json_pack("{s:s, s:O}", "type", type->name, "key", json_array_get(keys, 0)));
	json_decref(keys);
	if (object == NULL)
		return STATUS_FAILED;
	if (cli->json)
		return print_json(object);
	show_object(type, object);
	json_decref(object);
	return STATUS_OK;
}

const struct command command_get = {
	.name = "get",
	.synopsis = "TYPE KEY",
	.summary = "show one object",
	.details = "A key of several words may be given as one argument or as several:\n"
		   "  sluice dp get member blue t1\n",
	.words = WORD_KEYS,
	.run = get_run,
};

/* With --json the pages are written out as they come, as one {"objects":[…]}. */
static void list_json(const json_t *objects, size_t before)
{
	const json_t *object;
	size_t i;

	json_array_foreach (objects, i, object) {
		fputs(before + i == 0 ? "\n" : ",\n", stdout);
		json_dumpf(object, stdout, JSON_COMPACT);
	}
}

enum { LIST_LIMIT };

static const struct option_def list_options[] = {
	{"limit", 'n', OPTION_VALUE, "N", "stop after N objects", WORD_NONE},
	{.name = NULL},
};

/* The next page after *cursor, at most `left` objects (negative: no bound). NULL after saying why.
 */
static json_t *list_page(struct cli *cli, const struct api_type *type, json_t *match,
	json_int_t left, json_t *cursor)
{
	json_int_t limit = left >= 0 && left < PAGE ? left : PAGE;
	json_t *params =
		json_pack("{s:s, s:I, s:O*}", "type", type->name, "limit", limit, "cursor", cursor);

	if (json_object_size(match) > 0)
		json_object_set(params, "match", match);
	return cli_call(cli, "list", params);
}

static int list_pages(struct cli *cli, const struct api_type *type, json_t *match, json_int_t limit)
{
	struct listing *listing = listing_new(type);
	json_t *page, *cursor = NULL, *objects;
	int status = STATUS_OK;
	bool opened = false;
	size_t count = 0;

	do {
		page = list_page(
			cli, type, match, limit < 0 ? -1 : limit - (json_int_t)count, cursor);
		json_decref(cursor);
		cursor = NULL;
		if (page == NULL) {
			status = STATUS_FAILED;
			break;
		}
		objects = json_object_get(page, "objects");
		if (cli->json && !opened)
			fputs("{\"objects\": [", stdout);
		opened = true;
		if (cli->json)
			list_json(objects, count);
		else
			listing_page(listing, objects);
		count += json_array_size(objects);
		cursor = json_incref(json_object_get(page, "cursor"));
		json_decref(page);
	} while (cursor != NULL && !json_is_null(cursor) &&
		 (limit < 0 || (json_int_t)count < limit));
	json_decref(cursor);
	listing_free(listing);
	if (status == STATUS_OK && cli->json)
		puts("\n]}");
	else if (status == STATUS_OK && count == 0)
		fprintf(stderr, "no %s%s\n", type->name,
			json_object_size(match) > 0 ? " matches" : "");
	return status;
}

static int list_run(struct cli *cli, const struct args *args)
{
	const struct api_type *type = args_type(args);
	json_int_t limit = -1;
	json_t *match;
	int status;

	if (type == NULL || args_number(args, LIST_LIMIT, 1, 1 << 30, &limit) != STATUS_OK)
		return STATUS_USAGE;
	status = words_object(args, type, true, &match);
	if (status != STATUS_OK)
		return status;
	status = list_pages(cli, type, match, limit);
	json_decref(match);
	return status;
}

const struct command command_list = {
	.name = "list",
	.synopsis = "TYPE [field=value …] [--limit N]",
	.summary = "list the objects of a type, all or those whose fields match",
	.details = "  sluice dp list slice\n"
		   "  sluice dp list mac slice=blue learned=true\n"
		   "  sluice dp list attachment vlan=        those without a vlan\n",
	.options = list_options,
	.words = WORD_MATCH,
	.run = list_run,
};
