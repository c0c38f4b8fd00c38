/* SPDX-License-Identifier: BSD-3-Clause */
/* What sluice-control wrote down: sluice TYPE history, sluice history, audit; and its tokens:
 * sluice token create, list and delete. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "intent.h"

/* ---- history and audit ---- */

enum { RECORD_LIMIT, RECORD_DIFF };

#define LIMIT_DEF                                                                                  \
	{                                                                                          \
		"limit", 'n', OPTION_NUMBER, "N", .help = "the newest N (20)", .min = 1,           \
						  .max = 1000, .preset = 20                        \
	}

static const struct option_def history_options[] = {
	LIMIT_DEF,
	{"diff", 'd', .help = "and what changed in them"},
	{.name = NULL},
};

static const struct option_def audit_options[] = {
	LIMIT_DEF,
	{.name = NULL},
};

static const char *effect_of(const json_t *entry)
{
	if (!json_is_object(json_object_get(entry, "before")))
		return "created";
	return json_is_object(json_object_get(entry, "after")) ? "changed" : "deleted";
}

static void effect_write(FILE *out, const json_t *entry)
{
	fputs(effect_of(entry), out);
}

static const struct column history_columns[] = {
	{"revision", "revision", .kind = COLUMN_NUMBER},
	{"at", "at_us", .kind = COLUMN_TIME},
	{"by", .field = "actor"},
	{"", .write = effect_write},
	{"kind", .field = "kind"},
	{"name", .field = "name"},
	{.title = NULL},
};

static void print_history_diff(const json_t *items)
{
	char text[NUMBER_BYTES];
	const json_t *entry;
	size_t i;

	json_array_foreach (items, i, entry) {
		printf("%s%s %s %s, revision %lld, %s, %s\n", i > 0 ? "\n" : "",
			json_text(entry, "kind"), json_text(entry, "name"), effect_of(entry),
			(long long)json_number(entry, "revision"),
			time_text(json_number(entry, "at_us"), text), json_text(entry, "actor"));
		difference_print(entry, "before", "after");
	}
}

/* path ends with a "?" or more; it is freed. */
static int history(struct cli *cli, const struct args *args, char *path)
{
	json_t *answer = control_show(
		cli, xprintf("%slimit=%lld", path, (long long)args->number[RECORD_LIMIT]));
	const json_t *items = json_object_get(answer, "items");

	free(path);
	if (answer == NULL)
		return STATUS_OK;
	if (json_array_size(items) == 0)
		fputs("nothing is written down of it\n", stderr);
	else if (args->set[RECORD_DIFF])
		print_history_diff(items);
	else
		table_print(history_columns, items, "-");
	json_decref(answer);
	return STATUS_OK;
}

static int intent_history_run(struct cli *cli, const struct args *args)
{
	char *url = intent_url(intent_type(), name_word(args)), *path = xprintf("%s/history?", url);

	free(url);
	return history(cli, args, path);
}

const struct command command_intent_history = {
	.name = "history",
	.synopsis = "NAME [--limit N] [--diff]",
	.summary = "who changed it, when, and what it was",
	.details = "Those that are deleted have theirs, too.\n",
	.options = history_options,
	.words = WORD_INTENT_NAME,
	.run = intent_history_run,
};

static int history_run(struct cli *cli, const struct args *args)
{
	if (args->count == 0)
		return history(cli, args, xstrdup("/v1/history?"));
	return history(cli, args,
		xprintf("/v1/history?kind=%s&", intent_kind((enum intent_type)intent_word(args))));
}

const struct command command_history = {
	.name = "history",
	.synopsis = "[TYPE] [--limit N] [--diff]",
	.summary = "what changed, newest first",
	.options = history_options,
	.words = WORD_INTENT_TYPE,
	.most = 1,
	.wrong = "give one TYPE, or none; one intent's: sluice TYPE history NAME",
	.run = history_run,
};

static const struct column audit_columns[] = {
	{"at", "at_us", .kind = COLUMN_TIME},
	{"status", "status", .kind = COLUMN_NUMBER},
	{"by", .field = "actor"},
	{"from", .field = "source"},
	{"what", .field = "action"},
	{"", .field = "detail"},
	{.title = NULL},
};

static int audit_run(struct cli *cli, const struct args *args)
{
	json_t *answer = control_show(
		cli, xprintf("/v1/audit?limit=%lld", (long long)args->number[RECORD_LIMIT]));

	if (answer != NULL)
		table_print(audit_columns, json_object_get(answer, "items"), "");
	json_decref(answer);
	return STATUS_OK;
}

const struct command command_audit = {
	.name = "audit",
	.synopsis = "[--limit N]",
	.summary = "every change that was asked for, refused ones too, newest first",
	.options = audit_options,
	.run = audit_run,
};

/* ---- tokens ---- */

/* "90d", "12h", "30m", "3600": seconds; 0 when it is none of these. */
static json_int_t duration(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	const char *unit = text + digits;
	json_int_t value = digits > 0 && digits < 10 ? strtoll(text, NULL, 10) : 0;

	if (strcmp(unit, "") == 0 || strcmp(unit, "s") == 0)
		return value;
	if (strcmp(unit, "m") == 0)
		return value * 60;
	if (strcmp(unit, "h") == 0)
		return value * 3600;
	return strcmp(unit, "d") == 0 ? value * 86400 : 0;
}

static void token_word(const char *word, json_t *body)
{
	if (strncmp(word, "role=", 5) == 0)
		json_object_set_new(body, "role", json_string(word + 5));
	else if (strncmp(word, "tenant=", 7) == 0)
		json_object_set_new(body, "tenant", json_string(word + 7));
	else if (strncmp(word, "expires=", 8) != 0)
		usage("\"%s\" is none of role=, tenant= and expires=", word);
	else if (duration(word + 8) == 0)
		usage("expires wants a time from now: 90d, 12h, 30m or seconds, not \"%s\"",
			word + 8);
	else
		json_object_set_new(body, "expires_s", json_integer(duration(word + 8)));
}

static int create_run(struct cli *cli, const struct args *args)
{
	json_t *body = json_pack("{s:s}", "name", args->words[0]), *answer;
	struct http_request request = {.method = "POST", .path = "/v1/tokens", .body = body};
	int i;

	if (strchr(args->words[0], '=') != NULL)
		usage("the token's name comes first");
	for (i = 1; i < args->count; i++)
		token_word(args->words[i], body);
	if (json_object_get(body, "role") == NULL)
		usage("role=metrics|viewer|tenant|operator|admin is missing");
	answer = control_call(cli, &request);
	json_decref(body);
	if (cli->json) {
		print_json(answer);
		return STATUS_OK;
	}
	/* only the token on stdout: sluice token create … >FILE */
	puts(json_text(answer, "token"));
	fprintf(stderr,
		"token %s of %s: this is the only time it is shown; keep it in a file of mode "
		"0600, for --token-file\n",
		json_text(answer, "id"), json_text(answer, "name"));
	json_decref(answer);
	return STATUS_OK;
}

const struct command command_token_create = {
	.name = "create",
	.synopsis = "NAME role=ROLE [tenant=NAME] [expires=90d]",
	.summary = "make a token, and print it once",
	.details =
		"Roles: metrics reads /metrics, viewer looks, tenant changes what is its tenant's, "
		"operator changes\n"
		"everything, admin makes tokens, too.\n"
		"  umask 077; sluice token create kr role=tenant tenant=kr expires=90d >kr.token\n",
	.words = WORD_TOKEN_NEW,
	.least = 1,
	.wrong = "the token's name comes first",
	.run = create_run,
};

static const struct column token_columns[] = {
	{"id", .field = "id"},
	{"name", .field = "name"},
	{"role", .field = "role"},
	{"tenant", .field = "tenant"},
	{"created", "created_us", .kind = COLUMN_TIME},
	{"expires", "expires_us", .kind = COLUMN_TIME},
	{.title = NULL},
};

static int list_run(struct cli *cli, const struct args *args)
{
	json_t *answer = control_show(cli, xstrdup("/v1/tokens"));
	const json_t *items = json_object_get(answer, "items");

	if (answer != NULL && json_array_size(items) == 0)
		fputs("no token\n", stderr);
	else if (answer != NULL)
		table_print(token_columns, items, "-");
	json_decref(answer);
	return STATUS_OK;
}

const struct command command_token_list = {
	.name = "list",
	.synopsis = "",
	.summary = "list the tokens; what they are nobody knows any more",
	.wrong = "list takes no words here",
	.run = list_run,
};

static void delete_one(struct cli *cli, const char *id)
{
	char *escaped = http_escape(id), *path = xprintf("/v1/tokens/%s", escaped);
	struct http_request request = {.method = "DELETE", .path = path};
	struct http_answer got;

	if (http_call(cli, &request, &got) != STATUS_OK)
		control_lost(cli, &got);
	if (got.status < 200 || got.status > 299) {
		control_refused(cli, &got, "", NULL);
		/* several may have one name, as when the next is made before the last expires */
		if (got.status == 404)
			fprintf(stderr,
				"  tokens are deleted by id, not by name: sluice token list\n");
		leave_failed();
	}
	if (!cli->json)
		printf("token %s deleted\n", id);
	json_decref(got.json);
	free(path);
	free(escaped);
}

static int delete_run(struct cli *cli, const struct args *args)
{
	int i;

	for (i = 0; i < args->count; i++)
		delete_one(cli, args->words[i]);
	return STATUS_OK;
}

const struct command command_token_delete = {
	.name = "delete",
	.synopsis = "ID …",
	.summary = "take tokens back: from then on they open nothing",
	.words = WORD_TOKEN,
	.least = 1,
	.wrong = "give the ids of the tokens; token list says them",
	.run = delete_run,
};
