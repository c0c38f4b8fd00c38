/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice apply and diff: files of intents against what is there. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "difference.h"
#include "doc.h"
#include "intent.h"
#include "progress.h"
#include "text.h"

enum { APPLY_FILE, APPLY_PRUNE, APPLY_DRY_RUN, APPLY_WAIT, APPLY_NO_WAIT, APPLY_NO_CHECK };

static const struct option_def apply_options[] = {
	{"file", 'f', OPTION_MANY, "FILE", "a file, a directory, or - (standard input)", WORD_FILE},
	{"prune", 0, OPTION_MAYBE, "all",
		"delete what no document names: of the kinds among them; --prune=all: of all kinds",
		WORD_NONE},
	{"dry-run", 'n', OPTION_FLAG, NULL, "say what would change, and change nothing", WORD_NONE},
	{"wait", 'w', OPTION_VALUE, "SECONDS",
		"wait so long for the dataplane to take it (5), and fail when it did not",
		WORD_NONE},
	{"no-wait", 0, OPTION_FLAG, NULL, "do not wait for the dataplane", WORD_NONE},
	{"no-check", 0, OPTION_FLAG, NULL, NO_CHECK_HELP, WORD_NONE},
	{.name = NULL},
};

static const struct option_def diff_options[] = {
	{"file", 'f', OPTION_MANY, "FILE", "a file, a directory, or - (standard input)", WORD_FILE},
	{"prune", 0, OPTION_MAYBE, "all", "as apply --prune would", WORD_NONE},
	{.name = NULL},
};

/* The files of -f and those given as words. */
static int read_files(const struct cli *cli, const struct args *args, struct documents *all)
{
	int i, status = STATUS_OK;

	if (args->many_count + args->count == 0)
		return usage(args->command, "give a file, a directory, or -");
	if (!cli->json)
		all->progress = progress_documents;
	for (i = 0; i < args->many_count && status == STATUS_OK; i++)
		status = documents_read(all, args->many[i]);
	for (i = 0; i < args->count && status == STATUS_OK; i++)
		status = documents_read(all, args->words[i]);
	progress_end();
	if (status == STATUS_OK && all->count == 0)
		status = fail("there is no document in %s",
			args->many_count > 0 ? args->many[0] : args->words[0]);
	return status;
}

/* "documents[3].endpoints[0].port" → the document, *rest "endpoints[0].port". */
static const struct document *document_of(
	const struct documents *all, const char *field, const char **rest)
{
	int used = 0;
	size_t index;

	if (sscanf(field, "documents[%zu]%n", &index, &used) != 1 || used == 0 ||
		index >= all->count)
		return NULL;
	*rest = field + used + (field[used] == '.');
	return &all->item[index];
}

/* What the other documents have wrong by themselves: with it all is told at once. but: the one that
 * was told; NULL: none. */
static void tell_others(const struct documents *all, const struct document *but)
{
	union intent_object *obj;
	struct rpc_error err;
	json_t *spec;
	char *where;
	size_t i;
	int type;

	for (i = 0; i < all->count; i++) {
		const struct document *one = &all->item[i];
		const char *kind = json_string_value(json_object_get(one->json, "kind"));

		type = kind != NULL ? intent_type_of_kind(kind) : -1;
		memset(&err, 0, sizeof(err));
		if (one == but)
			continue;
		if (type >= 0 &&
			intent_parse((enum intent_type)type, one->json, &obj, &spec, &err) == 0) {
			free(obj);
			json_decref(spec);
			continue;
		}
		where = document_where(one, type < 0 ? "kind" : err.path);
		if (kind == NULL)
			fail("%s: its kind is missing: want %s", where, intent_kinds());
		else if (type < 0)
			fail("%s: there is no such kind: want %s", where, intent_kinds());
		else
			fail("%s: %s", where, err.message);
		free(where);
	}
}

/* What the dataplane did not take, or would not. */
static int tell_refused(const json_t *answer, const struct documents *all, const char *verb)
{
	const json_t *refused_ones = json_object_get(answer, "refused"), *one;
	int status = STATUS_OK;
	size_t i, d;

	json_array_foreach (refused_ones, i, one) {
		char *where = NULL;

		for (d = 0; d < all->count && where == NULL; d++)
			if (strcmp(json_text(all->item[d].json, "kind"), json_text(one, "kind")) ==
					0 &&
				strcmp(json_text(all->item[d].json, "name"),
					json_text(one, "name")) == 0)
				where = document_where(&all->item[d], "");
		status = fail("%s%sthe dataplane %s %s %s: %s", where != NULL ? where : "",
			where != NULL ? ": " : "", verb, json_text(one, "kind"),
			json_text(one, "name"), json_text(one, "reason"));
		free(where);
	}
	return status;
}

/* Nothing was changed, since the dataplane would refuse some of it. */
static int would_refuse(
	const struct cli *cli, const struct documents *all, struct http_answer *answer)
{
	tell_refused(answer->json, all, "would refuse");
	fprintf(stderr, "  %s\n", NO_CHECK_HINT);
	if (cli->json)
		print_json(json_incref(answer->json));
	json_decref(answer->json);
	answer->json = NULL;
	return STATUS_FAILED;
}

/* The refusal with the file's place instead of the number in the request. */
static int refused(const struct cli *cli, const struct documents *all, struct http_answer *answer)
{
	char *field = xstrdup(json_text(answer->json, "field")), *where;
	char *detail = xstrdup(json_text(answer->json, "detail"));
	const char *rest = "", *rest_of_detail = "";
	const struct document *one = document_of(all, field, &rest);
	int status;

	if (json_array_size(json_object_get(answer->json, "refused")) > 0) {
		free(field);
		free(detail);
		return would_refuse(cli, all, answer);
	}
	if (one == NULL) {
		free(field);
		free(detail);
		return control_refused(cli, answer, NULL);
	}
	where = document_where(one, rest);
	json_object_set_new(answer->json, "field", json_string(rest));
	if (*rest == '\0')
		json_object_del(answer->json, "field");
	if (document_of(all, detail, &rest_of_detail) == one) {
		if (strncmp(rest_of_detail, ": ", 2) == 0)
			rest_of_detail += 2;
		json_object_set_new(answer->json, "detail", json_string(rest_of_detail));
	}
	status = control_refused(cli, answer, where);
	if (!cli->json)
		tell_others(all, one);
	free(where);
	free(field);
	free(detail);
	return status;
}

/* Sends all documents; the answer's JSON (owned by the caller) into *out. */
static int send_documents(struct cli *cli, const struct args *args, const struct documents *all,
	const char *query, double wait_s, json_t **out)
{
	char *path = xprintf("/v1/apply?%s", query);
	struct http_request request = {
		.method = "POST", .path = path, .timeout_s = 60 + wait_s, .tick = progress_tick};
	const char *prune = args->value[APPLY_PRUNE];
	struct http_answer answer = {.json = NULL};
	json_t *body = json_pack("{s:O}", "documents", all->json);
	int status;

	if (args->set[APPLY_PRUNE])
		json_object_set_new(
			body, "prune", prune != NULL ? json_string(prune) : json_true());
	request.body = body;
	progress_begin(cli, all->count);
	status = control_try(cli, &request, &answer);
	progress_end();
	if (status == STATUS_OK && answer.status >= 400)
		status = refused(cli, all, &answer);
	else if (status == STATUS_OK && !json_is_object(answer.json))
		status = fail("what answers at %s is not sluice-control", cli->control);
	*out = answer.json;
	json_decref(body);
	free(path);
	return status;
}

#define SHOWN 50 /* changes listed one by one */

static void print_changes(const json_t *answer)
{
	static const char *const counts[] = {"created", "updated", "unchanged", "deleted"};
	const json_t *changes = json_object_get(answer, "changes"), *one;
	char number[NUMBER_BYTES];
	size_t i;

	json_array_foreach (changes, i, one) {
		if (i == SHOWN) {
			printf("… and %s more\n",
				number_grouped((json_int_t)(json_array_size(changes) - i), number));
			break;
		}
		printf("%s %s %s\n", json_text(one, "kind"), json_text(one, "name"),
			json_text(one, "effect"));
	}
	for (i = 0; i < 4; i++)
		printf("%s%s %s", i > 0 ? ", " : "",
			number_grouped(
				json_integer_value(json_object_get(answer, counts[i])), number),
			counts[i]);
	putchar('\n');
}

/* What the dataplane did not take, or not yet. */
static int tell_settled(const json_t *answer, const struct documents *all, bool waited, bool must)
{
	int status = tell_refused(answer, all, "refused");

	if (!waited || !json_is_false(json_object_get(answer, "settled")))
		return status;
	if (must)
		return fail(
			"not all of it is applied yet; sluice status says how the dataplane is");
	fputs("not all of it is applied yet: it will be when the dataplane takes it (sluice "
	      "status)\n",
		stderr);
	return status;
}

static int apply_all(struct cli *cli, const struct args *args, const struct documents *all)
{
	json_int_t wait = 0;
	char query[60];
	double start = clock_now();
	json_t *answer = NULL;
	int status = wait_seconds(args, APPLY_WAIT, APPLY_NO_WAIT, &wait);
	bool dry = args->set[APPLY_DRY_RUN];

	if (status != STATUS_OK)
		return status;
	snprintf(query, sizeof(query), dry ? "dry_run=1" : "wait=%lld%s", (long long)wait,
		args->set[APPLY_NO_CHECK] ? "&check=false" : "");
	status = send_documents(cli, args, all, query, (double)wait, &answer);
	if (status != STATUS_OK)
		return status;
	if (cli->json) {
		if (json_array_size(json_object_get(answer, "refused")) > 0 ||
			(args->set[APPLY_WAIT] &&
				json_is_false(json_object_get(answer, "settled"))))
			status = STATUS_FAILED;
		print_json(answer);
		return status;
	}
	if (dry) {
		differences_print(json_object_get(answer, "changes"));
		fflush(stdout);
		status = tell_refused(answer, all, "would refuse");
		tell_unasked(answer);
	} else {
		print_changes(answer);
		fflush(stdout);
		status = tell_settled(answer, all, wait > 0, args->set[APPLY_WAIT]);
		if (isatty(STDERR_FILENO) && all->count >= PROGRESS_LARGE)
			fprintf(stderr, "in %.2f s\n", clock_now() - start);
	}
	json_decref(answer);
	return status;
}

static int prune_check(const struct args *args)
{
	const char *prune = args->value[APPLY_PRUNE];

	if (prune != NULL && strcmp(prune, "all") != 0)
		return usage(args->command, "--prune takes nothing or =all, not \"%s\"", prune);
	return STATUS_OK;
}

static int apply_run(struct cli *cli, const struct args *args)
{
	struct documents all = {.count = 0};
	int status = prune_check(args);

	if (status == STATUS_OK)
		status = read_files(cli, args, &all);
	if (status == STATUS_OK)
		status = apply_all(cli, args, &all);
	documents_free(&all);
	return status;
}

const struct command command_apply_intents = {
	.name = "apply",
	.synopsis = "-f FILE … [--prune[=all]] [--dry-run]",
	.summary = "make it so: put the intents of files, all or nothing",
	.details =
		"A document is an intent with its kind, in YAML or JSON; a file holds one, "
		"several\n"
		"with --- between, or a list of them; a directory its .yaml, .yml and .json:\n"
		"  kind: slice\n"
		"  name: air\n"
		"  bandwidth: {committed_bps: 100M}\n"
		"  endpoints:\n"
		"    - {site: gj, port: lan0, vlan: 10}\n"
		"    - {site: bu, port: lan0, vlan: 10}\n"
		"Fields left out get their defaults; what was chosen before (vni, wan) is chosen\n"
		"the same way again. sluice get prints what is there in this form.\n",
	.options = apply_options,
	.words = WORD_FILE,
	.run = apply_run,
};

/* "now" against the file, where a document says it. */
static void print_differences(const json_t *changes, const struct documents *all)
{
	json_t *places = json_object(), *place;
	const json_t *one;
	char *key, *to;
	size_t i;

	for (i = 0; i < all->count; i++) {
		key = xprintf("%s %s", json_text(all->item[i].json, "kind"),
			json_text(all->item[i].json, "name"));
		json_object_set_new(places, key, json_integer((json_int_t)i));
		free(key);
	}
	json_array_foreach (changes, i, one) {
		key = xprintf("%s %s", json_text(one, "kind"), json_text(one, "name"));
		place = json_object_get(places, key);
		to = place != NULL ? xstrdup(all->item[json_integer_value(place)].file->name)
				   : xstrdup("wanted");
		difference_print(json_text(one, "kind"), json_text(one, "name"),
			json_object_get(one, "before"), json_object_get(one, "after"), "now", to);
		free(key);
		free(to);
	}
	json_decref(places);
}

static int diff_run(struct cli *cli, const struct args *args)
{
	struct documents all = {.count = 0};
	json_t *answer = NULL;
	const json_t *changes;
	int status = prune_check(args);

	if (status == STATUS_OK)
		status = read_files(cli, args, &all);
	if (status == STATUS_OK)
		status = send_documents(cli, args, &all, "dry_run=1", 0, &answer);
	if (status != STATUS_OK) {
		status = STATUS_USAGE;
	} else {
		changes = json_object_get(answer, "changes");
		if (cli->json)
			print_json(json_incref(answer));
		else
			print_differences(changes, &all);
		fflush(stdout);
		tell_refused(answer, &all, "would refuse");
		tell_unasked(answer);
		status = json_array_size(changes) > 0 ? STATUS_FAILED : STATUS_OK;
	}
	json_decref(answer);
	documents_free(&all);
	return status;
}

const struct command command_diff = {
	.name = "diff",
	.synopsis = "-f FILE … [--prune[=all]]",
	.summary = "what apply would change; leaves with 1 when there is something",
	.details = "Leaves with 0 when nothing would change, 1 when something would, 2 when it "
		   "cannot\n"
		   "be said.\n",
	.options = diff_options,
	.words = WORD_FILE,
	.run = diff_run,
};
