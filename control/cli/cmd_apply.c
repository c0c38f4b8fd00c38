/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice apply and diff: files of intents against what is there; sluice get: intents as documents
 * that apply takes again, with what was chosen for them (vni, wan). What people see on a terminal
 * while long work lasts: one line on stderr that is written over, nothing when stderr is no
 * terminal. Owns that line. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "intent.h"
#include "yaml_json.h"

/* ---- what people see while it lasts ---- */

#define PROGRESS_LARGE 100 /* documents from which on it is long work */

#define SILENT_S 0.5 /* what is over by then needs no line */

static struct {
	struct cli cli; /* with a connection of its own */
	size_t documents;
	double start;
	bool shown, off;
} line;

static void show(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void show(const char *fmt, ...)
{
	va_list ap;

	fputs("\r\033[K", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fflush(stderr);
	line.shown = true;
}

static void progress_documents(const struct documents *all)
{
	char number[NUMBER_BYTES];

	if (isatty(STDERR_FILENO) && all->count >= PROGRESS_LARGE)
		show("%s documents read from %u file%s…",
			number_grouped((json_int_t)all->count, number), all->file_count,
			all->file_count == 1 ? "" : "s");
}

static void progress_begin(const struct cli *cli, size_t documents)
{
	line.cli = *cli;
	line.cli.http = NULL;
	line.cli.patience_ms = 1000;
	line.documents = documents;
	line.start = clock_now();
	line.off = cli->json || !isatty(STDERR_FILENO);
}

/* The reconciler's intents that the dataplane does not have yet; -1: it did not say. */
static json_int_t pending(void)
{
	json_t *status = control_peek(&line.cli, "/v1/status");
	const json_t *value = json_object_get(json_object_get(status, "reconciler"), "pending");
	json_int_t count = json_is_integer(value) ? json_integer_value(value) : -1;

	json_decref(status);
	return count;
}

static void progress_tick(void)
{
	char applied[NUMBER_BYTES], whole[NUMBER_BYTES];
	json_int_t all = (json_int_t)line.documents, left;

	if (line.off || clock_now() - line.start < SILENT_S)
		return;
	left = pending();
	number_grouped(all, whole);
	if (left < 0)
		show("sent %s documents…", whole);
	else
		show("applied %s of %s…", number_grouped(left < all ? all - left : 0, applied),
			whole);
}

static void progress_end(void)
{
	if (line.shown)
		fputs("\r\033[K", stderr);
	line.shown = false;
	http_close(line.cli.http);
	line.cli.http = NULL;
}

/* ---- sluice apply and diff ---- */

enum { APPLY_FILE, APPLY_PRUNE, APPLY_CHANGE };

#define FILE_DEF                                                                                   \
	{                                                                                          \
		"file", 'f', OPTION_MANY, "FILE", "a file, a directory, or - (standard input)",    \
			.word = WORD_FILE                                                          \
	}

static const struct option_def apply_options[] = {
	FILE_DEF,
	{"prune", 0, OPTION_MAYBE, "all",
		.help = "delete what no document names: of the kinds among them; --prune=all: of "
			"all kinds"},
	CHANGE_OPTION_DEFS,
	{.name = NULL},
};

static const struct option_def diff_options[] = {
	FILE_DEF,
	{"prune", 0, OPTION_MAYBE, "all", .help = "as apply --prune would"},
	{.name = NULL},
};

/* The files of -f and those given as words. */
static void read_files(const struct cli *cli, const struct args *args, struct documents *all)
{
	const char *prune = args->value[APPLY_PRUNE];
	int i;

	if (prune != NULL && strcmp(prune, "all") != 0)
		usage("--prune takes nothing or =all, not \"%s\"", prune);
	if (args->many_count + args->count == 0)
		usage("give a file, a directory, or -");
	if (!cli->json)
		all->progress = progress_documents;
	for (i = 0; i < args->many_count; i++)
		documents_read(all, args->many[i]);
	for (i = 0; i < args->count; i++)
		documents_read(all, args->words[i]);
	progress_end();
	if (all->count == 0)
		die("there is no document in %s",
			args->many_count > 0 ? args->many[0] : args->words[0]);
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
			fail("%sits kind is missing: want %s", where, intent_kinds());
		else if (type < 0)
			fail("%sthere is no such kind: want %s", where, intent_kinds());
		else
			fail("%s%s", where, err.message);
		free(where);
	}
}

/* The refusal with the file's place instead of the number in the request. */
static void refused(const struct cli *cli, const struct documents *all, struct http_answer *answer)
	__attribute__((noreturn));

static void refused(const struct cli *cli, const struct documents *all, struct http_answer *answer)
{
	const char *field = json_text(answer->json, "field"), *rest = "";
	const char *detail = json_text(answer->json, "detail"), *rest_of_detail = "";
	const struct document *one = document_of(all, field, &rest);
	char *where = document_where(one, rest);

	if (one != NULL && document_of(all, detail, &rest_of_detail) == one) {
		if (strncmp(rest_of_detail, ": ", 2) == 0)
			rest_of_detail += 2;
		json_object_set_new(answer->json, "detail", json_string(rest_of_detail));
	}
	if (one != NULL && *rest != '\0')
		json_object_set_new(answer->json, "field", json_string(rest));
	else if (one != NULL)
		json_object_del(answer->json, "field");
	control_refused(cli, answer, where, all);
	if (one != NULL && !cli->json)
		tell_others(all, one);
	leave_failed();
}

/* Sends all documents; the answer's JSON, which the caller owns. */
static json_t *send_documents(
	struct cli *cli, const struct args *args, const struct documents *all, const char *query)
{
	char *path = xprintf("/v1/apply?%s", query);
	const char *prune = args->value[APPLY_PRUNE];
	json_t *body = json_pack("{s:O, s:o*}", "documents", all->json, "prune",
		prune != NULL		 ? json_string(prune)
		: args->set[APPLY_PRUNE] ? json_true()
					 : NULL);
	struct http_request request = {.method = "POST",
		.path = path,
		.body = body,
		.timeout_s = 60 + (double)args->number[APPLY_CHANGE + CHANGE_WAIT],
		.tick = progress_tick};
	struct http_answer answer;
	int status;

	progress_begin(cli, all->count);
	status = http_call(cli, &request, &answer);
	progress_end();
	if (status != STATUS_OK)
		control_lost(cli, &answer);
	if (answer.status >= 400)
		refused(cli, all, &answer);
	if (!json_is_object(answer.json))
		die("what answers at %s is not sluice-control", cli->control);
	json_decref(body);
	free(path);
	return answer.json;
}

#define SHOWN 50 /* changes listed one by one */

static void print_changes(const json_t *answer)
{
	static const char *const counts[] = {"created", "updated", "unchanged", "deleted"};
	const json_t *changes = json_object_get(answer, "changes"), *one;
	char number[NUMBER_BYTES];
	size_t i;

	for (i = 0; i < SHOWN && (one = json_array_get(changes, i)) != NULL; i++)
		printf("%s %s %s\n", json_text(one, "kind"), json_text(one, "name"),
			json_text(one, "effect"));
	if (json_array_size(changes) > SHOWN)
		printf("… and %s more\n",
			number_grouped((json_int_t)json_array_size(changes) - SHOWN, number));
	for (i = 0; i < 4; i++)
		printf("%s%s %s", i > 0 ? ", " : "",
			number_grouped(json_number(answer, counts[i]), number), counts[i]);
	putchar('\n');
}

/* What was changed, and what the dataplane did not take, or not yet. must: then it fails. */
static int tell_applied(const json_t *answer, const struct documents *all, bool waited, bool must)
{
	bool pending = waited && json_is_false(json_object_get(answer, "settled"));
	double start = line.start;
	int status;

	print_changes(answer);
	fflush(stdout);
	status = tell_refused(answer, all, "refused");
	if (pending && must)
		status = fail(
			"not all of it is applied yet; sluice status says how the dataplane is");
	else if (pending)
		fputs("not all of it is applied yet: it will be when the dataplane takes it "
		      "(sluice status)\n",
			stderr);
	if (isatty(STDERR_FILENO) && all->count >= PROGRESS_LARGE)
		fprintf(stderr, "in %.2f s\n", clock_now() - start);
	return status;
}

/* answer is stolen. */
static int tell_changed(
	const struct cli *cli, const struct args *args, json_t *answer, const struct documents *all)
{
	bool must = args->set[APPLY_CHANGE + CHANGE_WAIT];
	int status = STATUS_OK;

	if (args->set[APPLY_CHANGE + CHANGE_DRY_RUN])
		return tell_dry_run(cli, answer, all, false);
	if (!cli->json)
		status = tell_applied(answer, all, change_waits(args, APPLY_CHANGE), must);
	else if (json_array_size(json_object_get(answer, "refused")) > 0 ||
		 (must && json_is_false(json_object_get(answer, "settled"))))
		status = STATUS_FAILED;
	if (cli->json)
		print_json(json_incref(answer));
	json_decref(answer);
	return status;
}

static int apply_run(struct cli *cli, const struct args *args)
{
	char *query = change_query(args, APPLY_CHANGE);
	struct documents all = {.count = 0};
	int status;

	read_files(cli, args, &all);
	status = tell_changed(cli, args, send_documents(cli, args, &all, query), &all);
	documents_free(&all);
	free(query);
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

static int diff_run(struct cli *cli, const struct args *args)
{
	struct documents all = {.count = 0};
	int status;

	read_files(cli, args, &all);
	status = tell_dry_run(cli, send_documents(cli, args, &all, "dry_run=1"), &all, true);
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
	.failed = STATUS_USAGE,
	.words = WORD_FILE,
	.run = diff_run,
};

/* ---- sluice get ---- */

#define PAGE 1000

enum { EXPORT_OUTPUT };

static const char *const formats[] = {"yaml", "json", NULL};

static const struct option_def export_options[] = {
	{"output", 'o', OPTION_VALUE, "yaml|json", "the form (yaml)", .word = WORD_CHOICE},
	{.name = NULL},
};

struct export
{
	int type;
	bool json;
	size_t count; /* printed */
};

static void print_document(struct export *out, const json_t *intent)
{
	json_t *document;
	char *text;

	document = intent_document(out->type, intent);
	if (out->json) {
		fputs(out->count > 0 ? ",\n" : "[\n", stdout);
		json_dumpf(document, stdout, JSON_INDENT(2));
	} else {
		text = yaml_text(document);
		printf("%s%s", out->count > 0 ? "---\n" : "", text);
		free(text);
	}
	out->count++;
	json_decref(document);
}

static void print_page(const json_t *items, void *arg)
{
	const json_t *intent;
	size_t i;

	json_array_foreach (items, i, intent)
		print_document(arg, intent);
}

static int export_run(struct cli *cli, const struct args *args)
{
	const char *output = args->set[EXPORT_OUTPUT] ? args->value[EXPORT_OUTPUT] : formats[0];
	struct export out = {.json = cli->json || strcmp(output, formats[1]) == 0};
	int wanted = args->count > 0 ? intent_word(args) : -1;
	json_t *intent;

	if (!out.json && strcmp(output, formats[0]) != 0)
		usage("--output wants yaml or json, not \"%s\"", output);
	if (args->count == 2 && args->words[1][0] == '\0')
		usage("%s", invocation.command->wrong);
	for (out.type = 0; out.type < INTENT_TYPES; out.type++) {
		if (wanted >= 0 && wanted != out.type)
			continue;
		if (args->count == 2) {
			intent = control_get(cli, intent_url(wanted, args->words[1]));
			print_document(&out, intent);
			json_decref(intent);
			continue;
		}
		control_pages(cli,
			xprintf("/v1/%s?limit=%d", intent_path((enum intent_type)out.type), PAGE),
			print_page, &out);
	}
	if (out.json)
		puts(out.count > 0 ? "\n]" : "[]");
	else if (out.count == 0)
		fputs("there is nothing yet\n", stderr);
	return STATUS_OK;
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
	.most = 2,
	.wrong = "give a TYPE and one NAME at most",
	.run = export_run,
};
