/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice TYPE list, show, create, set and delete: intents one by one. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "intent.h"

#define PAGE 1000

/* The type that the invocation is about. */
static const struct api_type *own_type(void)
{
	return &intent_types[intent_type()];
}

/* ---- list ---- */

/* "gj:lan0.10" */
static json_t *place_brief(const json_t *item)
{
	const char *site = json_text(item, "site"), *port = json_text(item, "port");
	json_int_t vlan = json_number(item, "vlan");

	return vlan == 0 ? json_sprintf("%s:%s", site, port)
			 : json_sprintf("%s:%s.%lld", site, port, (long long)vlan);
}

/* A list in a table: places, names, or how many there are. */
static json_t *list_brief(const json_t *list)
{
	json_t *words = json_array();
	size_t count = json_array_size(list), i;

	for (i = 0; i < count && count <= 6; i++) {
		json_t *item = json_array_get(list, i), *name = json_object_get(item, "name");

		if (!json_is_object(item))
			json_array_append(words, item);
		else if (*json_text(item, "site") != '\0' && *json_text(item, "port") != '\0')
			json_array_append_new(words, place_brief(item));
		else if (name != NULL)
			json_array_append(words, name);
	}
	if (json_array_size(words) == count)
		return words;
	json_decref(words);
	return json_integer((json_int_t)count);
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

static bool matches(const json_t *intent, void *match)
{
	const char *name;
	json_t *want, *is;

	json_object_foreach (match, name, want) {
		is = json_object_get(intent, name);
		if (json_is_object(want) && json_is_object(is) ? !matches(is, want)
			: json_is_null(want)		       ? is != NULL
							       : !json_equal(is, want))
			return false;
	}
	return true;
}

/* Takes tenant=, site= and state= out of the words into the query; the others are matched here. */
static void list_filter(const struct args *args, FILE *query, json_t *match)
{
	static const char *const served[] = {"tenant=", "site=", "state="};
	struct args one = *args;
	char *value;
	size_t s;
	int i;

	for (i = 0; i < args->count; i++) {
		for (s = 0; s < 3; s++)
			if (strncmp(args->words[i], served[s], strlen(served[s])) == 0)
				break;
		if (s == 3) {
			one.count = i + 1;
			words_object(&one, i, own_type(), WORDS_PATCH, match);
			continue;
		}
		value = http_escape(args->words[i] + strlen(served[s]));
		fprintf(query, "&%s%s", served[s], value);
		free(value);
	}
}

enum { LIST_LIMIT };

static const struct option_def list_options[] = {
	{"limit", 'n', OPTION_NUMBER, "N", .help = "stop after N of them", .min = 1,
		.max = ANY_NUMBER, .preset = -1},
	{.name = NULL},
};

static void print_page(const json_t *items, void *arg)
{
	pages_print(arg, items);
}

static int list_run(struct cli *cli, const struct args *args)
{
	json_t *match = json_object(); /* fields that the server does not look at */
	struct pages pages = {.cli = cli,
		.name = "items",
		.type = own_type(),
		.limit = args->number[LIST_LIMIT],
		.wanted = matches,
		.arg = match,
		.row = row_of};
	char *path;
	size_t size;
	FILE *query = open_memstream(&path, &size);

	fprintf(query, "/v1/%s?limit=%d", intent_path((enum intent_type)intent_type()), PAGE);
	list_filter(args, query, match);
	fclose(query);
	control_pages(cli, path, print_page, &pages);
	pages_end(&pages, "no %s%s\n", invocation.group->name, args->count > 0 ? " matches" : "");
	json_decref(match);
	return STATUS_OK;
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
	char text[NUMBER_BYTES];
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
					json_string(time_text(json_integer_value(value), text)));
			else
				json_object_set(intent, name, value);
		}
		json_decref(object);
	}
	json_object_del(intent, "kind");
}

static int show_run(struct cli *cli, const struct args *args)
{
	json_t *intent = control_show(cli, intent_url(intent_type(), name_word(args)));

	if (intent == NULL)
		return STATUS_OK;
	flatten(intent);
	show_object(own_type(), intent);
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

/* ---- create, set and delete ---- */

enum { CHANGE_REVISION = CHANGE_OPTIONS };

static const struct option_def create_options[] = {
	CHANGE_OPTION_DEFS,
	{.name = NULL},
};

static const struct option_def set_options[] = {
	CHANGE_OPTION_DEFS,
	{"revision", 'r', OPTION_VALUE, "N",
		.help = "only when it still has this revision (show says it)"},
	{.name = NULL},
};

/* "slice blue created, applied" and the like; the status to leave with. */
static int tell(const json_t *intent, const char *name, const char *done, bool waited, bool must)
{
	const char *type = invocation.group->name;
	const json_t *status = json_object_get(intent, "status");
	const char *state = json_text(status, "state");

	printf("%s %s %s", type, name, done);
	if (waited && strcmp(state, "applied") == 0)
		printf(", applied");
	else if (strcmp(state, "elsewhere") == 0 && strcmp(type, "tenant") != 0)
		printf("; nothing of it is at this box's site");
	putchar('\n');
	if (strcmp(state, "refused") == 0) {
		fail("the dataplane refused %s %s: %s", type, name, json_text(status, "reason"));
		fputs("  it is kept as asked for, and tried again when something it needs "
		      "changes\n",
			stderr);
		return STATUS_FAILED;
	}
	if (!waited || strcmp(state, "pending") != 0)
		return STATUS_OK;
	if (must)
		return fail("%s %s is not applied yet; sluice status says how the dataplane is",
			type, name);
	fprintf(stderr,
		"%s %s is not applied yet: it will be when the dataplane takes it (sluice "
		"status)\n",
		type, name);
	return STATUS_OK;
}

/* What was chosen for it and not asked for. */
static void tell_chosen(const json_t *asked, const json_t *intent)
{
	const json_t *vni = json_object_get(intent, "vni"), *endpoint;
	size_t i;

	if (json_object_get(asked, "vni") == NULL && vni != NULL)
		printf("  vni %lld\n", (long long)json_integer_value(vni));
	json_array_foreach (json_object_get(intent, "endpoints"), i, endpoint)
		if (*json_text(endpoint, "wan") != '\0' &&
			json_object_get(json_array_get(json_object_get(asked, "endpoints"), i),
				"wan") == NULL)
			printf("  endpoint %s:%s uses %s\n", json_text(endpoint, "site"),
				json_text(endpoint, "port"), json_text(endpoint, "wan"));
}

struct change {
	const char *method, *name, *done;
	json_t *body; /* stolen */
};

/* Asks for it; the answer's JSON, which the caller owns. */
static json_t *ask_change(struct cli *cli, const struct args *args, const struct change *change)
{
	const bool create = strcmp(change->method, "POST") == 0;
	char *url = create ? xprintf("/v1/%s", intent_path((enum intent_type)intent_type()))
			   : intent_url(intent_type(), change->name);
	char *query = change_query(args, CHANGE_DRY_RUN), *path = xprintf("%s?%s", url, query);
	struct http_request request = {.method = change->method,
		.path = path,
		.body = change->body,
		.type = create ? NULL : "application/merge-patch+json",
		.if_match = create ? NULL : args->value[CHANGE_REVISION],
		.timeout_s = 30 + (double)args->number[CHANGE_WAIT]};
	json_t *answer = control_call(cli, &request);

	free(path);
	free(url);
	free(query);
	return answer;
}

static int tell_json(json_t *answer)
{
	const json_t *status = json_object_get(answer, "status");
	bool refused = strcmp(json_text(status, "state"), "refused") == 0;

	print_json(answer != NULL ? answer : json_object());
	return refused ? STATUS_FAILED : STATUS_OK;
}

/* change->body is stolen. */
static int send_change(struct cli *cli, const struct args *args, const struct change *change)
{
	json_t *answer = ask_change(cli, args, change);
	int status;

	if (args->set[CHANGE_DRY_RUN]) {
		status = tell_dry_run(cli, answer, NULL, false);
	} else if (cli->json) {
		status = tell_json(answer);
	} else {
		status = tell(answer, change->name, change->done,
			change_waits(args, CHANGE_DRY_RUN), args->set[CHANGE_WAIT]);
		if (strcmp(change->method, "POST") == 0)
			tell_chosen(change->body, answer);
		json_decref(answer);
	}
	json_decref(change->body);
	return status;
}

/* The name that the words begin with. */
static const char *first_name(const struct args *args)
{
	const char *type = invocation.group->name;

	if (args->count == 0)
		usage("name the %s", type);
	if (strchr(args->words[0], '=') != NULL)
		usage("the name of the %s comes first, not \"%s\"", type, args->words[0]);
	return args->words[0];
}

static int create_run(struct cli *cli, const struct args *args)
{
	struct change change = {.method = "POST", .done = "created", .name = first_name(args)};

	change.body = json_pack("{s:s}", "name", change.name);
	if (change.body == NULL)
		usage("a name is UTF-8 text");
	words_object(args, 1, own_type(), WORDS_PUT, change.body);
	return send_change(cli, args, &change);
}

const struct command command_create = {
	.name = "create",
	.synopsis = "NAME [field=value …]",
	.summary = "ask for a new one",
	.details =
		"Fields within others are written outer.inner=value. Items of lists are given one\n"
		"by one, a comma between their fields, or as JSON; rates take k, M, G and T:\n"
		"  sluice slice create air tenant=kr bandwidth.committed_bps=100M \\\n"
		"         endpoint=site=gj,port=lan0,vlan=10 endpoint=site=bu,port=lan0,vlan=10\n"
		"  sluice wan create gj-kt site=gj device=net_af_packet0,iface=wan0 \\\n"
		"         address=198.18.0.1/24 capacity_bps=1G\n"
		"Items whose required fields say it all may be short: route=10.9.0.0/16@10.1.0.9\n"
		"What exists already is left as it is, and that is an error: see set and apply.\n",
	.options = create_options,
	.words = WORD_INTENT_CREATE,
	.run = create_run,
};

static int set_run(struct cli *cli, const struct args *args)
{
	struct change change = {.method = "PATCH", .done = "set", .name = first_name(args)};

	if (args->count == 1)
		usage("say what to set: field=value");
	change.body = json_object();
	words_object(args, 1, own_type(), WORDS_PATCH, change.body);
	return send_change(cli, args, &change);
}

const struct command command_set = {
	.name = "set",
	.synopsis = "NAME field=value … [--revision N]",
	.summary = "change fields of one that is there",
	.details =
		"Other fields stay as they are; field= takes one away. A list is replaced whole.\n"
		"  sluice slice set air bandwidth.committed_bps=200M\n"
		"  sluice slice set air bandwidth= description=\"nobody measures it\"\n",
	.options = set_options,
	.words = WORD_INTENT_SET,
	.run = set_run,
};

static int delete_run(struct cli *cli, const struct args *args)
{
	struct change change = {.method = "DELETE", .done = "deleted", .name = first_name(args)};
	int i, status = STATUS_OK;

	if (args->set[CHANGE_REVISION] && args->count > 1)
		usage("--revision goes with one name");
	for (i = 0; i < args->count && status == STATUS_OK; i++) {
		change.name = args->words[i];
		if (*change.name == '\0')
			usage("a name is empty");
		status = send_change(cli, args, &change);
	}
	return status;
}

const struct command command_intents_delete = {
	.name = "delete",
	.synopsis = "NAME … [--revision N]",
	.summary = "take them away, one after the other",
	.details = "What others still use stays, and the answer says who that is.\n",
	.options = set_options,
	.words = WORD_INTENT_NAMES,
	.run = delete_run,
};
