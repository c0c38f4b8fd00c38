/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice: the command line to a Sluice box. Takes the options that every command has, finds the
 * command, runs it and closes what it opened. It talks to sluice-control, and for `dp` to the
 * dataplane's socket (contract.md); the commands are in cmd_*.c. */
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "intent.h"
#include "text.h"

struct globals {
	bool help, version;
	char **words; /* the line without the options of every command */
	int count;
};

/* "--NAME VALUE" or "--NAME=VALUE" at argv[*i]: 1 when it is, 0 when it is another word, or
 * STATUS_USAGE. */
static int take_value(
	int argc, char **argv, int *i, const char *name, const char *help, const char **value)
{
	size_t len = strlen(name);

	if (strncmp(argv[*i], name, len) != 0 || (argv[*i][len] != '\0' && argv[*i][len] != '='))
		return 0;
	if (argv[*i][len] == '=') {
		*value = argv[*i] + len + 1;
		return 1;
	}
	if (*i + 1 == argc)
		return usage(NULL, "%s needs %s", name, help);
	*value = argv[++*i];
	return 1;
}

/* An option with a value that every command has, as take_value. */
static int take_global(int argc, char **argv, int *i, struct cli *cli)
{
	const struct {
		const char *name, *help;
		const char **value;
	} options[] = {
		{"--socket", "the path of the dataplane's socket", &cli->socket},
		{"--control", "the path of sluice-control's socket, or https://HOST:PORT",
			&cli->control},
		{"--token-file", "a file that holds a token", &cli->token_file},
		{"--cacert", "a PEM file with the authority of the server's certificate",
			&cli->cacert},
		{"--cert", "a PEM file with the client's certificate", &cli->cert},
		{"--key", "a PEM file with the key of --cert", &cli->key},
	};
	size_t n;
	int took = 0;

	for (n = 0; n < sizeof(options) / sizeof(options[0]) && took == 0; n++)
		took = take_value(
			argc, argv, i, options[n].name, options[n].help, options[n].value);
	return took;
}

/* Takes the options of every command out of the line, wherever they stand before "--". */
static int globals_parse(int argc, char **argv, struct cli *cli, struct globals *g)
{
	bool options = true;
	int i, took;

	for (i = 1; i < argc; i++) {
		options = options && strcmp(argv[i], "--") != 0;
		took = options ? take_global(argc, argv, &i, cli) : 0;
		if (took == STATUS_USAGE)
			return STATUS_USAGE;
		if (took != 0)
			continue;
		if (options && strcmp(argv[i], "--json") == 0)
			cli->json = true;
		else if (options && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0))
			g->help = true;
		else if (options && strcmp(argv[i], "--version") == 0)
			g->version = true;
		else
			g->words[g->count++] = argv[i];
	}
	return STATUS_OK;
}

static void help_of_command(
	const struct globals *g, const struct group *group, const struct command *command)
{
	const struct api_type *type = NULL;
	int i;

	/* the type may stand behind options */
	for (i = 2; i < g->count && type == NULL; i++)
		type = api_type_find(g->words[i]);
	if (group->noun != NULL)
		help_intent_command(group->noun, command);
	else if (type != NULL && command->words >= WORD_TYPE && command->words <= WORD_KEYS)
		help_type(command, type);
	else
		help_command(command);
}

static int run_help(
	const struct globals *g, const struct group *group, const struct command *command)
{
	if (group == NULL)
		help_top(stdout);
	else if (command != NULL)
		help_of_command(g, group, command);
	else if (group->noun != NULL)
		help_noun(group);
	else
		help_group(stdout, group);
	return STATUS_OK;
}

static void nearest_of(const struct group *group, const char *word, const char **best)
{
	int i;

	for (i = 0; group->commands[i] != NULL; i++)
		word_nearest(word, group->commands[i]->name, best);
}

/* Does a group of intents have it: "list slices" for "slice list"? */
static bool is_verb(const char *word)
{
	int i;

	for (i = 0; groups[0].commands[i] != NULL; i++)
		if (strcmp(groups[0].commands[i]->name, word) == 0)
			return true;
	return false;
}

static int usage_unknown(const struct globals *g)
{
	const char *word = g->words[0], *best = NULL, *name;
	const struct noun *noun = g->count > 1 ? noun_find(g->words[1]) : NULL;
	const struct group *group;

	if (is_verb(word))
		return usage(NULL,
			"\"%s\" stands behind what it is about: sluice %s %s; sluice --help lists "
			"what there is",
			word, noun != NULL ? noun->name : "slice", word);
	for (group = groups; group->commands != NULL; group++) {
		name = group->noun != NULL ? group->noun->name : group->name;
		if (name != NULL)
			word_nearest(word, name, &best);
		else
			nearest_of(group, word, &best);
	}
	return usage(NULL, "there is no \"%s\" here%s%s%s sluice --help lists what there is", word,
		best != NULL ? "; did you mean \"" : "", best != NULL ? best : "",
		best != NULL ? "\"?" : ":");
}

static int usage_group(const struct group *group, const char *word)
{
	const char *name = group->noun != NULL ? group->noun->name : group->name, *best = NULL;

	if (word == NULL) {
		help_group(stderr, group);
		return STATUS_USAGE;
	}
	nearest_of(group, word, &best);
	return usage(NULL, "%s has no command \"%s\"%s%s%s sluice %s --help lists what it has",
		name, word, best != NULL ? "; did you mean \"" : "", best != NULL ? best : "",
		best != NULL ? "\"?" : ":", name);
}

static int run_command(
	struct cli *cli, const struct command *command, const struct globals *g, int used)
{
	struct args args;
	int status = args_parse(command, g->words + used, g->count - used, &args);

	if (status != STATUS_OK)
		return status;
	status = command->run(cli, &args);
	args_free(&args);
	return status;
}

static int run(struct cli *cli, struct globals *g)
{
	const struct command *command;
	const struct group *group;
	char under[64] = "";
	int used;

	if (g->version) {
		puts("sluice " SLUICE_VERSION);
		return STATUS_OK;
	}
	if (g->count > 0 && strcmp(g->words[0], "help") == 0) { /* as git has it */
		g->words++;
		g->count--;
		g->help = true;
	}
	command = groups_find(g->words, g->count, &group, &used);
	if (group == NULL && g->count > 0)
		return usage_unknown(g);
	if (command == NULL && g->count > used)
		return usage_group(group, g->words[used]);
	if (group != NULL && (group->noun != NULL || group->name != NULL))
		snprintf(under, sizeof(under), "%s ",
			group->noun != NULL ? group->noun->name : group->name);
	invocation_under = under;
	if (g->help)
		return run_help(g, group, command);
	if (group == NULL) {
		help_top(stderr);
		return STATUS_USAGE;
	}
	if (command == NULL)
		return usage_group(group, NULL);
	cli->noun = group->noun;
	return run_command(cli, command, g, used);
}

int main(int argc, char **argv)
{
	const char *env = getenv("SLUICE_SOCKET");
	struct cli cli = {.socket = env != NULL && *env != '\0' ? env : SOCKET_DEFAULT};
	struct globals g = {0};
	char **words;
	int status;

	json_set_alloc_funcs(xmalloc, free);
	intent_types_init();
	control_defaults(&cli);
	if (argc > 1 && strcmp(argv[1], "__complete") == 0)
		return complete_run(&cli, argc - 2, argv + 2);
	g.words = words = xrealloc(NULL, (size_t)argc * sizeof(*g.words));
	status = globals_parse(argc, argv, &cli, &g);
	if (status == STATUS_OK)
		status = run(&cli, &g);
	client_close(cli.client);
	http_close(cli.http);
	free(words);
	if (fflush(stdout) != 0 || ferror(stdout))
		status = fail("cannot write to standard output");
	return status;
}
