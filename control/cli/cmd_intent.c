/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice TYPE list, show, history, create, set and delete: intents one by one. */
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "difference.h"
#include "fields.h"
#include "grid.h"
#include "intent.h"
#include "show.h"
#include "text.h"

/* ---- list, show and history ---- */

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

/* ---- create, set and delete ---- */

enum { CHANGE_DRY_RUN, CHANGE_WAIT, CHANGE_NO_WAIT, CHANGE_NO_CHECK, CHANGE_REVISION };

#define DRY_RUN_DEF                                                                                \
	{                                                                                          \
		"dry-run", 'n', OPTION_FLAG, NULL, "say what would change, and change nothing",    \
			WORD_NONE                                                                  \
	}
#define WAIT_DEFS                                                                                  \
	{"wait", 'w', OPTION_VALUE, "SECONDS",                                                     \
		"wait so long for the dataplane to take it (5), and fail when it did not",         \
		WORD_NONE},                                                                        \
		{"no-wait", 0, OPTION_FLAG, NULL, "do not wait for the dataplane", WORD_NONE},     \
	{                                                                                          \
		"no-check", 0, OPTION_FLAG, NULL, NO_CHECK_HELP, WORD_NONE                         \
	}

static const struct option_def create_options[] = {
	DRY_RUN_DEF,
	WAIT_DEFS,
	{.name = NULL},
};

static const struct option_def set_options[] = {
	DRY_RUN_DEF,
	WAIT_DEFS,
	{"revision", 'r', OPTION_VALUE, "N", "only when it still has this revision (show says it)",
		WORD_NONE},
	{.name = NULL},
};

static const struct api_type *type_of(const struct cli *cli)
{
	return &intent_types[cli->noun->type];
}

/* "/v1/slices/blue?…": new. */
static char *path_of(const struct cli *cli, const char *name, const char *query)
{
	char *escaped = http_escape(name);
	char *path = xprintf("/v1/%s%s%s%s%s", intent_path((enum intent_type)cli->noun->type),
		*name != '\0' ? "/" : "", escaped, *query != '\0' ? "?" : "", query);

	free(escaped);
	return path;
}

static int dry_run(struct cli *cli, json_t *answer)
{
	int status =
		json_array_size(json_object_get(answer, "refused")) > 0 ? STATUS_FAILED : STATUS_OK;

	if (cli->json) {
		print_json(answer);
		return status;
	}
	differences_print(json_object_get(answer, "changes"));
	fflush(stdout);
	status = tell_would_refuse(answer);
	tell_unasked(answer);
	json_decref(answer);
	return status;
}

/* "slice blue created, applied" and the like; the status to leave with. */
static int tell(const struct cli *cli, const json_t *intent, const char *name, const char *done,
	bool waited, bool must)
{
	const json_t *status = json_object_get(intent, "status");
	const char *state = json_text(status, "state");

	printf("%s %s %s", cli->noun->name, name, done);
	if (waited && strcmp(state, "applied") == 0)
		printf(", applied");
	else if (strcmp(state, "elsewhere") == 0 && strcmp(cli->noun->name, "tenant") != 0)
		printf("; nothing of it is at this box's site");
	putchar('\n');
	if (strcmp(state, "refused") == 0) {
		fail("the dataplane refused %s %s: %s", cli->noun->name, name,
			json_text(status, "reason"));
		fputs("  it is kept as asked for, and tried again when something it needs "
		      "changes\n",
			stderr);
		return STATUS_FAILED;
	}
	if (!waited || strcmp(state, "pending") != 0)
		return STATUS_OK;
	if (must)
		return fail("%s %s is not applied yet; sluice status says how the dataplane is",
			cli->noun->name, name);
	fprintf(stderr,
		"%s %s is not applied yet: it will be when the dataplane takes it (sluice "
		"status)\n",
		cli->noun->name, name);
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
	const char *method, *name, *done, *type;
	json_t *body; /* stolen */
};

/* Asks for it; the answer's JSON (owned by the caller) into *answer. */
static int ask_change(struct cli *cli, const struct args *args, const struct change *change,
	json_int_t wait, json_t **answer)
{
	const bool create = strcmp(change->method, "POST") == 0;
	struct http_request request = {.method = change->method,
		.body = change->body,
		.type = change->type,
		.timeout_s = 30 + (double)wait};
	char query[60], *path;
	int status;

	if (!create)
		request.if_match = args->value[CHANGE_REVISION];
	snprintf(query, sizeof(query), args->set[CHANGE_DRY_RUN] ? "dry_run=1" : "wait=%lld%s",
		(long long)wait, args->set[CHANGE_NO_CHECK] ? "&check=false" : "");
	path = path_of(cli, create ? "" : change->name, query);
	request.path = path;
	status = control_call(cli, &request, answer);
	free(path);
	return status;
}

static int tell_json(json_t *answer)
{
	const json_t *status = json_object_get(answer, "status");
	bool refused = strcmp(json_text(status, "state"), "refused") == 0;

	print_json(answer != NULL ? answer : json_object());
	return refused ? STATUS_FAILED : STATUS_OK;
}

static int send_change(struct cli *cli, const struct args *args, const struct change *change)
{
	json_int_t wait = 0;
	json_t *answer = NULL;
	int status = wait_seconds(args, CHANGE_WAIT, CHANGE_NO_WAIT, &wait);

	if (status == STATUS_OK)
		status = ask_change(cli, args, change, wait, &answer);
	if (status != STATUS_OK)
		goto out;
	if (args->set[CHANGE_DRY_RUN]) {
		status = dry_run(cli, answer);
	} else if (cli->json) {
		status = tell_json(answer);
	} else {
		status = tell(
			cli, answer, change->name, change->done, wait > 0, args->set[CHANGE_WAIT]);
		if (strcmp(change->method, "POST") == 0)
			tell_chosen(change->body, answer);
		json_decref(answer);
	}
out:
	json_decref(change->body);
	return status;
}

/* The name that the words begin with; NULL after saying why. */
static const char *name_of(const struct cli *cli, const struct args *args)
{
	if (args->count == 0)
		usage(args->command, "name the %s", cli->noun->name);
	else if (strchr(args->words[0], '=') != NULL)
		usage(args->command, "the name of the %s comes first, not \"%s\"", cli->noun->name,
			args->words[0]);
	else
		return args->words[0];
	return NULL;
}

static int create_run(struct cli *cli, const struct args *args)
{
	struct change change = {.method = "POST", .done = "created"};
	int status;

	change.name = name_of(cli, args);
	if (change.name == NULL)
		return STATUS_USAGE;
	change.body = json_pack("{s:s}", "name", change.name);
	if (change.body == NULL)
		return usage(args->command, "a name is UTF-8 text");
	status = intent_words(args, type_of(cli), 1, false, change.body);
	if (status == STATUS_OK)
		return send_change(cli, args, &change);
	json_decref(change.body);
	return status;
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
	struct change change = {
		.method = "PATCH", .done = "set", .type = "application/merge-patch+json"};
	int status;

	change.name = name_of(cli, args);
	if (change.name == NULL)
		return STATUS_USAGE;
	if (args->count == 1)
		return usage(args->command, "say what to set: field=value");
	change.body = json_object();
	status = intent_words(args, type_of(cli), 1, true, change.body);
	if (status == STATUS_OK)
		return send_change(cli, args, &change);
	json_decref(change.body);
	return status;
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
	struct change change = {.method = "DELETE", .done = "deleted"};
	int i, status = STATUS_OK;

	if (name_of(cli, args) == NULL)
		return STATUS_USAGE;
	if (args->set[CHANGE_REVISION] && args->count > 1)
		return usage(args->command, "--revision goes with one name");
	for (i = 0; i < args->count && status == STATUS_OK; i++) {
		change.name = args->words[i];
		change.body = NULL;
		status = *change.name != '\0' ? send_change(cli, args, &change)
					      : usage(args->command, "a name is empty");
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
