/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice dp get, list, put, apply and delete: objects of the switch; schema and hello: what there
 * is to say, and who answers. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

/* ---- get and list ---- */

static int get_run(struct cli *cli, const struct args *args)
{
	const struct api_type *type = type_word(args);
	json_t *keys = words_keys(args, type), *object;
	char shape[160];

	key_words(type, shape, sizeof(shape));
	if (json_array_size(keys) != 1)
		usage("give the key of one %s: %s", type->name, shape);
	object = cli_call(cli, "get",
		json_pack("{s:s, s:O}", "type", type->name, "key", json_array_get(keys, 0)));
	if (cli->json)
		print_json(json_incref(object));
	else
		show_object(type, object);
	json_decref(object);
	json_decref(keys);
	return STATUS_OK;
}

const struct command command_get = {
	.name = "get",
	.synopsis = "TYPE KEY",
	.summary = "show one object",
	.details = "A key of several words may be given as one argument or as several:\n"
		   "  sluice dp get member blue t1\n",
	.words = WORD_KEY,
	.run = get_run,
};

enum { LIST_LIMIT };

static const struct option_def list_options[] = {
	{"limit", 'n', OPTION_NUMBER, "N", .help = "stop after N objects", .min = 1,
		.max = ANY_NUMBER, .preset = -1},
	{.name = NULL},
};

static int list_run(struct cli *cli, const struct args *args)
{
	const struct api_type *type = type_word(args);
	struct pages pages = {
		.cli = cli, .name = "objects", .type = type, .limit = args->number[LIST_LIMIT]};
	json_t *match = json_object();

	words_object(args, 1, type, WORDS_MATCH, match);
	cli_pages(cli, "list",
		json_pack(
			"{s:s, s:O*}", "type", type->name, "match", args->count > 1 ? match : NULL),
		&pages);
	pages_end(&pages, "no %s%s\n", type->name, args->count > 1 ? " matches" : "");
	json_decref(match);
	return STATUS_OK;
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

/* ---- put, apply and delete ---- */

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
		if (json_array_size(value) == 0)
			continue;
		printf("\n%s:\n", name);
		listing_print(value);
	}
}

#define PATIENCE_MS 500

static bool same_file(const char *a, const char *b)
{
	struct stat at_a, at_b;

	return stat(a, &at_a) == 0 && stat(b, &at_b) == 0 && at_a.st_dev == at_b.st_dev &&
	       at_a.st_ino == at_b.st_ino;
}

/* Is there a sluice-control on its unix socket that keeps this dataplane? Says nothing of itself:
 * the change has been made, whatever control says. */
static void warn_of_control(const struct cli *cli)
{
	struct cli aside = *cli;
	json_t *status;

	if (strncmp(cli->control, "https:", 6) == 0)
		return;
	aside.patience_ms = PATIENCE_MS;
	status = control_peek(&aside, "/v1/status");
	if (same_file(json_text(json_object_get(status, "dataplane"), "socket"), cli->socket))
		fputs("note: sluice-control keeps this dataplane as its intents say, and takes "
		      "away what was put by hand at its next comparison, unless \"keep\" in its "
		      "file names it\n",
			stderr);
	json_decref(status);
	http_close(aside.http);
}

/* Calls, and tells what changed. params is stolen. */
static int change(struct cli *cli, const char *method, json_t *params, size_t count)
{
	double start = clock_now();
	json_t *result = cli_call(cli, method, params);

	if (cli->json) {
		print_json(result);
		return STATUS_OK;
	}
	print_changes(result, count, clock_now() - start);
	json_decref(result);
	if (strcmp(method, "delete"))
		warn_of_control(cli);
	return STATUS_OK;
}

/* The file's objects: an array, one object, or what `list --json` wrote. */
static json_t *file_objects(const char *path)
{
	json_t *json = file_json(path), *objects = json_object_get(json, "objects");

	if (json_is_array(json))
		return json;
	objects = json_is_array(objects) ? json_incref(objects) : json_pack("[O]", json);
	json_decref(json);
	return objects;
}

/* What the switch says of the ports that were put; the change has been made, whatever that is. */
static void warn_of_ports(const struct cli *cli, const json_t *ports)
{
	struct cli quiet = *cli;
	json_t *error, *all;
	const json_t *port, *one;
	size_t i, j;

	quiet.patience_ms = PATIENCE_MS;
	all = cli_try(&quiet, "list", json_pack("{s:s}", "type", "port"), &error);
	json_array_foreach (ports, i, port)
		json_array_foreach (json_object_get(all, "objects"), j, one)
			if (!strcmp(json_text(one, "name"), json_text(port, "name")) &&
				*json_text(one, "warning"))
				fprintf(stderr, "warning: port %s: %s\n", json_text(one, "name"),
					json_text(one, "warning"));
	json_decref(error);
	json_decref(all);
}

enum { PUT_FILE };

static const struct option_def put_options[] = {
	{"file", 'f', OPTION_VALUE, "FILE", "take the objects from a JSON array; -: standard input",
		.word = WORD_FILE},
	{.name = NULL},
};

static int put_run(struct cli *cli, const struct args *args)
{
	const struct api_type *type = type_word(args);
	json_t *objects, *object;
	size_t count;

	if (args->set[PUT_FILE] && args->count > 1)
		usage("give fields or --file, not both");
	if (!args->set[PUT_FILE] && args->count == 1)
		usage("give the fields of the %s, or --file", type->name);
	if (args->set[PUT_FILE]) {
		objects = file_objects(args->value[PUT_FILE]);
	} else {
		object = json_object();
		words_object(args, 1, type, WORDS_PUT, object);
		objects = json_pack("[o]", object);
	}
	count = json_array_size(objects);
	say_sending(cli, count, "objects");
	change(cli, "put", json_pack("{s:s, s:O}", "type", type->name, "objects", objects), count);
	if (type->type == OBJECT_PORT)
		warn_of_ports(cli, objects);
	json_decref(objects);
	return STATUS_OK;
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
	json_t *json = file_json(args->words[0]);
	size_t count;

	if (json_is_array(json))
		json = json_pack("{s:o}", "ops", json);
	if (!json_is_array(json_object_get(json, "ops")))
		die("%s: a transaction is {\"ops\": […]} or the array alone", args->words[0]);
	count = json_array_size(json_object_get(json, "ops"));
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
	.least = 1,
	.most = 1,
	.wrong = "give one FILE; - is standard input",
	.run = apply_run,
};

enum { DELETE_MISSING_OK };

static const struct option_def delete_options[] = {
	{"missing-ok", .kind = OPTION_FLAG, .help = "keys that are not there are no error"},
	{.name = NULL},
};

static int delete_run(struct cli *cli, const struct args *args)
{
	const struct api_type *type = type_word(args);
	json_t *keys = words_keys(args, type);
	char shape[160];

	key_words(type, shape, sizeof(shape));
	if (json_array_size(keys) == 0)
		usage("give the keys to delete: %s", shape);
	return change(cli, "delete",
		json_pack("{s:s, s:o, s:o*}", "type", type->name, "keys", keys, "missing_ok",
			args->set[DELETE_MISSING_OK] ? json_true() : NULL),
		json_array_size(keys));
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

/* ---- schema and hello ---- */

/* What a property of a JSON Schema takes, for people. */
static void takes_write(FILE *out, const json_t *property)
{
	const json_t *values = json_object_get(property, "enum"), *value;
	const json_t *min = json_object_get(property, "minimum"),
		     *max = json_object_get(property, "maximum");
	const char *ref = json_text(property, "x-ref");
	size_t i;

	json_array_foreach (values, i, value)
		fprintf(out, "%s%s", i ? " | " : "",
			json_is_string(value) ? json_string_value(value) : "?");
	if (json_array_size(values) > 0)
		return;
	if (json_is_integer(min) && json_is_integer(max))
		fprintf(out, "%lld to %lld", (long long)json_integer_value(min),
			(long long)json_integer_value(max));
	else if (*ref != '\0')
		fprintf(out, "name of a %s", ref);
	else
		fputs(json_text(property, "type"), out);
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
	bool answer = json_is(property, "readOnly");
	FILE *cell;

	grid_cell(grid, field);
	grid_cell(grid, listed(json_object_get(schema, "x-key"), field)	     ? "key"
			: answer					     ? "only in answers"
			: listed(json_object_get(schema, "required"), field) ? "required"
									     : "");
	cell = grid_cell_open(grid);
	takes_write(cell, property);
	if (preset != NULL && !answer) {
		fputs(" (default ", cell);
		value_write(cell, field, preset);
		fputs(")", cell);
	}
	grid_cell_end(grid);
	grid_cell(grid, json_text(property, "description"));
}

static void show_schema(const char *name, const json_t *schema)
{
	struct grid *grid = grid_new(4, 2, "");
	const char *field;
	json_t *property;

	printf("%s: %s\n", name, json_text(schema, "description"));
	json_object_foreach (json_object_get(schema, "properties"), field, property)
		schema_row(grid, schema, field, property);
	grid_end(grid);
}

static int schema_run(struct cli *cli, const struct args *args)
{
	const char *wanted = args->words[0], *name, *gap = "";
	json_t *result = cli_call(cli, "schema", NULL), *types = json_object_get(result, "$defs");
	json_t *schema = wanted != NULL ? json_object_get(types, wanted) : result;

	if (schema == NULL)
		die("the dataplane has no type \"%s\"", wanted);
	if (cli->json)
		print_json(json_incref(schema));
	else if (wanted != NULL)
		show_schema(wanted, schema);
	else
		json_object_foreach (types, name, schema) {
			fputs(gap, stdout);
			show_schema(name, schema);
			gap = "\n";
		}
	json_decref(result);
	return STATUS_OK;
}

const struct command command_schema = {
	.name = "schema",
	.synopsis = "[TYPE]",
	.summary = "show what the running dataplane takes; with --json its JSON Schema",
	.words = WORD_TYPE,
	.most = 1,
	.wrong = "give one type, or none for all",
	.run = schema_run,
};

static int hello_run(struct cli *cli, const struct args *args)
{
	json_t *result = cli_call(cli, "hello", NULL);

	if (cli->json)
		print_json(json_incref(result));
	else
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
