/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice dp get, list, put, apply and delete: objects of the switch. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call.h"
#include "cli.h"
#include "show.h"
#include "text.h"
#include "words.h"

/* ---- sluice dp get and list ---- */

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

/* ---- sluice dp put, apply and delete ---- */

#define LARGE 1000 /* from so many objects on the wait deserves a word, and the time is told */

static void say_sending(const struct cli *cli, size_t count, const char *what)
{
	char number[NUMBER_BYTES];

	if (!cli->json && count >= LARGE)
		fprintf(stderr, "sending %s %s…\n", number_grouped((json_int_t)count, number),
			what);
}

/* "3 created, 1 updated" from whatever numbers the answer has, then its lists ("chosen") as tables.
 */
static void print_changes(const json_t *result, size_t count, double seconds)
{
	char number[NUMBER_BYTES];
	const char *name, *comma = "";
	struct listing *listing;
	json_t *value;

	json_object_foreach ((json_t *)result, name, value) {
		if (!json_is_integer(value))
			continue;
		printf("%s%s %s", comma, number_grouped(json_integer_value(value), number), name);
		comma = ", ";
	}
	fputs(*comma != '\0' ? "" : "done", stdout);
	if (count >= LARGE)
		printf(" in %.2f s (%s a second)", seconds,
			number_scaled((double)count / (seconds > 0 ? seconds : 1e-9), number));
	putchar('\n');
	json_object_foreach ((json_t *)result, name, value) {
		if (!json_is_array(value) || json_array_size(value) == 0)
			continue;
		printf("\n%s:\n", name);
		listing = listing_new(NULL);
		listing_page(listing, value);
		listing_free(listing);
	}
}

#define PATIENCE_MS 500

static bool same_file(const char *a, const char *b)
{
	struct stat at_a, at_b;

	return a != NULL && stat(a, &at_a) == 0 && stat(b, &at_b) == 0 &&
	       at_a.st_dev == at_b.st_dev && at_a.st_ino == at_b.st_ino;
}

/* Is there a sluice-control on its unix socket that keeps this dataplane? Says nothing of itself:
 * the change has been made, whatever control says. */
static bool control_keeps(const struct cli *cli)
{
	struct http_target target = control_target(cli);
	struct http_answer answer = {0};
	char why[HTTP_WHY];
	struct http *http;
	bool keeps = false;

	if (strncmp(target.control, "https:", 6) == 0)
		return false;
	target.patience_ms = PATIENCE_MS;
	if (http_open(&target, &http, why) != 0)
		return false;
	if (http_call(http, &(struct http_request){.method = "GET", .path = "/v1/status"},
		    &answer) == 0)
		keeps = same_file(json_string_value(json_object_get(
					  json_object_get(answer.json, "dataplane"), "socket")),
			cli->socket);
	json_decref(answer.json);
	http_close(http);
	return keeps;
}

static void warn_of_control(const struct cli *cli)
{
	if (control_keeps(cli))
		fputs("note: sluice-control keeps this dataplane as its intents say, and takes "
		      "away what was put by hand at its next comparison, unless \"keep\" in its "
		      "file names it\n",
			stderr);
}

/* Calls, and tells what changed. params is stolen. */
static int change(struct cli *cli, const char *method, json_t *params, size_t count)
{
	double start = clock_now();
	json_t *result = cli_call(cli, method, params);

	if (result == NULL)
		return STATUS_FAILED;
	if (cli->json)
		return print_json(result);
	print_changes(result, count, clock_now() - start);
	json_decref(result);
	if (strcmp(method, "delete"))
		warn_of_control(cli);
	return STATUS_OK;
}

/* The file's objects: an array, one object, or what `list --json` wrote. NULL after saying why. */
static json_t *file_objects(const char *path)
{
	json_t *json = file_json(path), *objects = json_object_get(json, "objects");

	if (json == NULL || json_is_array(json))
		return json;
	if (json_is_array(objects))
		json_incref(objects);
	else
		objects = json_pack("[O]", json);
	json_decref(json);
	return objects;
}

/* What the switch says of the ports that were put; the change has been made, whatever that is. */
static void warn_of_ports(struct cli *cli, const json_t *ports)
{
	const json_t *port, *found, *one;
	size_t i, j;
	json_t *all = cli_call(cli, "list", json_pack("{s:s}", "type", "port"));

	found = json_object_get(all, "objects");
	json_array_foreach (ports, i, port)
		json_array_foreach (found, j, one)
			if (!strcmp(json_text(one, "name"), json_text(port, "name")) &&
				*json_text(one, "warning"))
				fprintf(stderr, "warning: port %s: %s\n", json_text(one, "name"),
					json_text(one, "warning"));
	json_decref(all);
}

enum { PUT_FILE };

static const struct option_def put_options[] = {
	{"file", 'f', OPTION_VALUE, "FILE", "take the objects from a JSON array; -: standard input",
		WORD_FILE},
	{.name = NULL},
};

static int put_run(struct cli *cli, const struct args *args)
{
	const struct api_type *type = args_type(args);
	json_t *object, *objects;
	int status;

	if (type == NULL)
		return STATUS_USAGE;
	if (args->set[PUT_FILE] && args->count > 1)
		return usage(args->command, "give fields or --file, not both");
	if (!args->set[PUT_FILE] && args->count == 1)
		return usage(args->command, "give the fields of the %s, or --file", type->name);
	if (args->set[PUT_FILE]) {
		objects = file_objects(args->value[PUT_FILE]);
		if (objects == NULL)
			return STATUS_FAILED;
	} else {
		status = words_object(args, type, false, &object);
		if (status != STATUS_OK)
			return status;
		objects = json_pack("[o]", object);
	}
	say_sending(cli, json_array_size(objects), "objects");
	status = change(cli, "put", json_pack("{s:s, s:O}", "type", type->name, "objects", objects),
		json_array_size(objects));
	if (status == STATUS_OK && type->type == OBJECT_PORT)
		warn_of_ports(cli, objects);
	json_decref(objects);
	return status;
}

const struct command command_put = {
	.name = "put",
	.synopsis = "TYPE field=value … | TYPE --file FILE",
	.summary = "create an object, or replace the one with its key",
	.details = "Fields left out get their defaults, also when the object was there before.\n"
		   "  sluice dp put slice name=blue vni=100\n"
		   "  sluice dp put route table=underlay prefix=203.0.113.0/24 via=198.18.0.1@wan0 "
		   "\\\n"
		   "                      via=198.18.1.1@wan1,weight=2\n"
		   "  sluice dp put route table=blue prefix=10.2.0.0/16 "
		   "via=10.1.0.9@attachment:blue-lan0 via=tunnel:to-b\n"
		   "  sluice dp put mac --file macs.json\n"
		   "  sluice dp put session name=s1 slice=internet ue.ipv4=10.60.0.1 \\\n"
		   "    "
		   "pdrs='[{\"id\":1,\"precedence\":1,\"source\":\"access\",\"gtpu\":\"n3\","
		   "\"far\":1}]' \\\n"
		   "    fars='[{\"id\":1,\"action\":\"forward\"}]'\n"
		   "A file is put whole or not at all.\n",
	.options = put_options,
	.words = WORD_PUT,
	.run = put_run,
};

static int apply_run(struct cli *cli, const struct args *args)
{
	json_t *json, *ops;
	size_t count;

	if (args->count != 1)
		return usage(args->command, "give one FILE; - is standard input");
	json = file_json(args->words[0]);
	if (json == NULL)
		return STATUS_FAILED;
	if (json_is_array(json))
		json = json_pack("{s:o}", "ops", json);
	ops = json_object_get(json, "ops");
	if (!json_is_array(ops)) {
		json_decref(json);
		return fail(
			"%s: a transaction is {\"ops\": […]} or the array alone", args->words[0]);
	}
	count = json_array_size(ops);
	say_sending(cli, count, "operations");
	return change(cli, "transaction", json, count);
}

const struct command command_apply = {
	.name = "apply",
	.synopsis = "FILE",
	.summary = "commit the operations of a file as one transaction",
	.details =
		"The file holds {\"ops\":[{\"op\":\"put\",\"type\":TYPE,\"objects\":[…]},\n"
		"                       {\"op\":\"delete\",\"type\":TYPE,\"keys\":[…]}]}\n"
		"or that array alone. All of it happens or nothing; the order does not matter.\n",
	.words = WORD_FILE,
	.run = apply_run,
};

enum { DELETE_MISSING_OK };

static const struct option_def delete_options[] = {
	{"missing-ok", 0, OPTION_FLAG, NULL, "keys that are not there are no error", WORD_NONE},
	{.name = NULL},
};

static int delete_run(struct cli *cli, const struct args *args)
{
	const struct api_type *type = args_type(args);
	json_t *keys, *params;
	char shape[160];
	int per_key, status;

	if (type == NULL)
		return STATUS_USAGE;
	per_key = key_words(type, shape, sizeof(shape));
	status = words_keys(args, per_key, shape, &keys);
	if (status != STATUS_OK)
		return status;
	if (json_array_size(keys) == 0) {
		json_decref(keys);
		return usage(args->command, "give the keys to delete: %s", shape);
	}
	params = json_pack("{s:s, s:o}", "type", type->name, "keys", keys);
	if (args->set[DELETE_MISSING_OK])
		json_object_set_new(params, "missing_ok", json_true());
	return change(cli, "delete", params, json_array_size(keys));
}

const struct command command_delete = {
	.name = "delete",
	.synopsis = "TYPE KEY … [--missing-ok]",
	.summary = "delete objects: all of them or, when one cannot go, none",
	.details = "A key of several words may be given as one argument or as several:\n"
		   "  sluice dp delete member blue t1\n"
		   "  sluice dp delete member \"blue t1\" \"blue t2\"\n",
	.options = delete_options,
	.words = WORD_KEYS,
	.run = delete_run,
};
