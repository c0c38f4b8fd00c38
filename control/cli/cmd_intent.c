/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice TYPE create, set and delete: what changes one intent. */
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "difference.h"
#include "fields.h"
#include "intent.h"
#include "show.h"
#include "text.h"

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
