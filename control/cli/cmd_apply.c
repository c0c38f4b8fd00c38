/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice apply and diff: files of intents against what is there; sluice get: intents as documents
 * that apply takes again, with what was chosen for them (vni, wan). What people see on a terminal
 * while long work lasts: one line on stderr that is written over, nothing when stderr is no
 * terminal. Owns that line. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "difference.h"
#include "doc.h"
#include "fields.h"
#include "intent.h"
#include "text.h"
#include "yaml_json.h"

/* ---- what people see while it lasts ---- */

#define PROGRESS_LARGE 100 /* documents from which on it is long work */

#define SILENT_S 0.5 /* what is over by then needs no line */

static struct {
	struct http *http;
	size_t documents;
	double start;
	bool shown, off;
} line;

static void show(const char *text)
{
	fprintf(stderr, "\r\033[K%s", text);
	fflush(stderr);
	line.shown = true;
}

static void progress_documents(const struct documents *all)
{
	char number[NUMBER_BYTES], *text;

	if (!isatty(STDERR_FILENO) || all->count < PROGRESS_LARGE)
		return;
	text = xprintf("%s documents read from %zu file%s…",
		number_grouped((json_int_t)all->count, number), all->file_count,
		all->file_count == 1 ? "" : "s");
	show(text);
	free(text);
}

static void progress_begin(struct cli *cli, size_t documents)
{
	struct http_target target = control_target(cli);
	char why[HTTP_WHY];

	target.patience_ms = 1000;
	line.documents = documents;
	line.start = clock_now();
	line.off = cli->json || !isatty(STDERR_FILENO) || http_open(&target, &line.http, why) != 0;
}

/* The reconciler's intents that the dataplane does not have yet; -1: it did not say. */
static json_int_t pending(void)
{
	struct http_request request = {.method = "GET", .path = "/v1/status"};
	struct http_answer answer;
	const json_t *value;
	json_int_t count = -1;

	if (http_call(line.http, &request, &answer) != 0)
		return -1;
	value = json_object_get(json_object_get(answer.json, "reconciler"), "pending");
	if (json_is_integer(value))
		count = json_integer_value(value);
	json_decref(answer.json);
	return count;
}

static void progress_tick(void *unused)
{
	char applied[NUMBER_BYTES], whole[NUMBER_BYTES], *text;
	json_int_t all = (json_int_t)line.documents, left;

	(void)unused;
	if (line.off || clock_now() - line.start < SILENT_S)
		return;
	left = pending();
	if (left < 0)
		text = xprintf("sent %s documents…", number_grouped(all, whole));
	else
		text = xprintf("applied %s of %s…",
			number_grouped(left < all ? all - left : 0, applied),
			number_grouped(all, whole));
	show(text);
	free(text);
}

static void progress_end(void)
{
	if (line.shown)
		fputs("\r\033[K", stderr);
	line.shown = false;
	http_close(line.http);
	line.http = NULL;
}

/* ---- sluice apply and diff ---- */

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

/* ---- sluice get ---- */

#define PAGE 1000

enum { EXPORT_OUTPUT };

static const char *const formats[] = {"yaml", "json", NULL};

static const struct option_def export_options[] = {
	{"output", 'o', OPTION_VALUE, "yaml|json", "the form (yaml)", WORD_CHOICE},
	{.name = NULL},
};

struct export
{
	enum intent_type type;
	bool json;
	size_t count; /* printed */
};

static void print_document(struct export *out, const json_t *intent)
{
	json_t *copy = json_copy((json_t *)intent), *ordered;
	char *text;

	json_object_del(copy, "status");
	json_object_del(copy, "meta");
	json_object_set_new(copy, "kind", json_string(intent_kind(out->type)));
	ordered = intent_ordered(intent_types[out->type].fields, copy);
	if (out->json) {
		fputs(out->count > 0 ? ",\n" : "[\n", stdout);
		json_dumpf(ordered, stdout, JSON_INDENT(2));
	} else {
		text = yaml_text(ordered);
		printf("%s%s", out->count > 0 ? "---\n" : "", text);
		free(text);
	}
	out->count++;
	json_decref(ordered);
	json_decref(copy);
}

static int print_page(const json_t *items, void *arg)
{
	const json_t *intent;
	size_t i;

	json_array_foreach (items, i, intent)
		print_document(arg, intent);
	return STATUS_OK;
}

static int export_type(struct cli *cli, struct export *out, int type)
{
	out->type = (enum intent_type)type;
	return control_pages(
		cli, xprintf("/v1/%s?limit=%d", intent_path(out->type), PAGE), print_page, out);
}

static int export_one(struct cli *cli, struct export *out, int type, const char *name)
{
	char *escaped = http_escape(name);
	json_t *intent;

	out->type = (enum intent_type)type;
	intent = control_get(cli, xprintf("/v1/%s/%s", intent_path(out->type), escaped));
	free(escaped);
	if (intent == NULL)
		return STATUS_FAILED;
	print_document(out, intent);
	json_decref(intent);
	return STATUS_OK;
}

static int export_run(struct cli *cli, const struct args *args)
{
	const struct noun *noun = args->count > 0 ? noun_find(args->words[0]) : NULL;
	const char *output = args->value[EXPORT_OUTPUT];
	struct export out = {.json = cli->json};
	int type, status = STATUS_OK;

	if (output != NULL && strcmp(output, "yaml") != 0 && strcmp(output, "json") != 0)
		return usage(args->command, "--output wants yaml or json, not \"%s\"", output);
	if (args->count > 2 || (args->count == 2 && args->words[1][0] == '\0'))
		return usage(args->command, "give a TYPE and one NAME at most");
	if (args->count > 0 && noun == NULL)
		return usage(args->command,
			"there is no type \"%s\"; there are site, wan, slice, host, network, "
			"local-network, session",
			args->words[0]);
	out.json = out.json || (output != NULL && strcmp(output, "json") == 0);
	if (args->count == 2)
		status = export_one(cli, &out, noun->type, args->words[1]);
	for (type = 0; type < INTENT_TYPES && args->count < 2 && status == STATUS_OK; type++)
		if (noun == NULL || noun->type == type)
			status = export_type(cli, &out, type);
	if (status == STATUS_OK && out.json)
		puts(out.count > 0 ? "\n]" : "[]");
	else if (status == STATUS_OK && out.count == 0)
		fputs("there is nothing yet\n", stderr);
	return status;
}

const struct command command_export = {
	.name = "get",
	.synopsis = "[TYPE [NAME]] [-o yaml|json]",
	.summary = "print intents as documents that apply takes again",
	.details = "  sluice get >all.yaml\n"
		   "  sluice get slice air -o json\n",
	.options = export_options,
	.words = WORD_INTENT_KEY,
	.choices = formats,
	.run = export_run,
};
