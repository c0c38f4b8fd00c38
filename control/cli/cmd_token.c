/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice token create, list and delete. */
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "grid.h"
#include "text.h"

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

static int token_word(const struct args *args, const char *word, json_t *body)
{
	if (strncmp(word, "role=", 5) == 0) {
		json_object_set_new(body, "role", json_string(word + 5));
	} else if (strncmp(word, "tenant=", 7) == 0) {
		json_object_set_new(body, "tenant", json_string(word + 7));
	} else if (strncmp(word, "expires=", 8) == 0) {
		if (duration(word + 8) == 0)
			return usage(args->command,
				"expires wants a time from now: 90d, 12h, 30m or seconds, not "
				"\"%s\"",
				word + 8);
		json_object_set_new(body, "expires_s", json_integer(duration(word + 8)));
	} else {
		return usage(args->command, "\"%s\" is none of role=, tenant= and expires=", word);
	}
	return STATUS_OK;
}

static int create_run(struct cli *cli, const struct args *args)
{
	struct http_request request = {.method = "POST", .path = "/v1/tokens"};
	json_t *body, *answer = NULL;
	int i, status = STATUS_OK;

	if (args->count == 0 || strchr(args->words[0], '=') != NULL)
		return usage(args->command, "the token's name comes first");
	body = json_pack("{s:s}", "name", args->words[0]);
	for (i = 1; i < args->count && status == STATUS_OK; i++)
		status = token_word(args, args->words[i], body);
	if (status == STATUS_OK && json_object_get(body, "role") == NULL)
		status = usage(
			args->command, "role=metrics|viewer|tenant|operator|admin is missing");
	request.body = body;
	if (status == STATUS_OK)
		status = control_call(cli, &request, &answer);
	json_decref(body);
	if (status != STATUS_OK)
		return status;
	if (cli->json)
		return print_json(answer);
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
	.run = create_run,
};

static int list_run(struct cli *cli, const struct args *args)
{
	struct grid *grid;
	json_t *answer, *token;
	char text[40];
	size_t i;

	if (args->count > 0)
		return usage(args->command, "list takes no words here");
	answer = control_get(cli, xstrdup("/v1/tokens"));
	if (answer == NULL)
		return STATUS_FAILED;
	if (cli->json)
		return print_json(answer);
	grid = grid_new(0, "-");
	grid_column(grid, "id", false);
	grid_column(grid, "name", false);
	grid_column(grid, "role", false);
	grid_column(grid, "tenant", false);
	grid_column(grid, "created", false);
	grid_column(grid, "expires", false);
	json_array_foreach (json_object_get(answer, "items"), i, token) {
		grid_cell(grid, json_text(token, "id"));
		grid_cell(grid, json_text(token, "name"));
		grid_cell(grid, json_text(token, "role"));
		grid_cell(grid, json_text(token, "tenant"));
		grid_cell(grid, time_text(json_object_get(token, "created_us"), text));
		grid_cell(grid, time_text(json_object_get(token, "expires_us"), text));
	}
	if (json_array_size(json_object_get(answer, "items")) == 0)
		fputs("no token\n", stderr);
	else
		grid_print(grid);
	grid_free(grid);
	json_decref(answer);
	return STATUS_OK;
}

const struct command command_token_list = {
	.name = "list",
	.synopsis = "",
	.summary = "list the tokens; what they are nobody knows any more",
	.run = list_run,
};

/* Several may have one name, as when the next is made before the last expires. */
static int delete_refused(const struct cli *cli, struct http_answer *answer)
{
	bool unknown = answer->status == 404;
	int status = control_refused(cli, answer, NULL);

	if (unknown)
		fprintf(stderr, "  tokens are deleted by id, not by name: sluice token list\n");
	return status;
}

static int delete_run(struct cli *cli, const struct args *args)
{
	struct http_request request = {.method = "DELETE"};
	struct http_answer got;
	char *id, *path;
	int i, status = STATUS_OK;

	if (args->count == 0)
		return usage(args->command, "give the ids of the tokens; token list says them");
	for (i = 0; i < args->count && status == STATUS_OK; i++) {
		id = http_escape(args->words[i]);
		path = xprintf("/v1/tokens/%s", id);
		request.path = path;
		status = control_try(cli, &request, &got);
		if (status == STATUS_OK && (got.status < 200 || got.status > 299))
			status = delete_refused(cli, &got);
		if (status == STATUS_OK)
			json_decref(got.json);
		free(path);
		free(id);
		if (status == STATUS_OK && !cli->json)
			printf("token %s deleted\n", args->words[i]);
	}
	return status;
}

const struct command command_token_delete = {
	.name = "delete",
	.synopsis = "ID …",
	.summary = "take tokens back: from then on they open nothing",
	.words = WORD_TOKEN,
	.run = delete_run,
};
