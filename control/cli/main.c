/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice: the command line to a Sluice box. Takes the options that every command has, finds the
 * command, runs it and closes what it opened. It talks to the dataplane's socket (contract.md); the
 * commands are in cmd_*.c. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "text.h"

const struct command *const dp_commands[] = {&command_put, &command_apply, &command_get,
	&command_list, &command_delete, &command_stats, &command_drops, &command_table,
	&command_trace, &command_watch, &command_schema, &command_hello, NULL};

const struct command *command_find(const char *name)
{
	int i;

	for (i = 0; dp_commands[i] != NULL; i++)
		if (strcmp(dp_commands[i]->name, name) == 0)
			return dp_commands[i];
	return NULL;
}

struct globals {
	bool help, version;
	char **words; /* the line without the options of every command */
	int count;
};

/* Takes --socket, --json, --help and --version out of the line, wherever they stand before "--". */
static int globals_parse(int argc, char **argv, struct cli *cli, struct globals *g)
{
	bool options = true;
	int i;

	for (i = 1; i < argc; i++) {
		options = options && strcmp(argv[i], "--") != 0;
		if (options && strcmp(argv[i], "--json") == 0) {
			cli->json = true;
		} else if (options &&
			   (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
			g->help = true;
		} else if (options && strcmp(argv[i], "--version") == 0) {
			g->version = true;
		} else if (options && strncmp(argv[i], "--socket=", 9) == 0) {
			cli->socket = argv[i] + 9;
		} else if (options && strcmp(argv[i], "--socket") == 0) {
			if (i + 1 == argc)
				return usage(
					NULL, "--socket needs the path of the dataplane's socket");
			cli->socket = argv[++i];
		} else {
			g->words[g->count++] = argv[i];
		}
	}
	return STATUS_OK;
}

static int run_help(const struct globals *g, const struct command *command)
{
	const struct api_type *type = NULL;
	int i;

	/* the type may stand behind options */
	for (i = 2; i < g->count && type == NULL; i++)
		type = api_type_find(g->words[i]);
	if (g->count == 0)
		help_top(stdout);
	else if (command == NULL)
		help_dp(stdout);
	else if (type != NULL && command->words >= WORD_TYPE && command->words <= WORD_KEYS)
		help_type(command, type);
	else
		help_command(command);
	return STATUS_OK;
}

static int usage_top(const char *word)
{
	if (word != NULL)
		usage(NULL, "there is no \"%s\" here", word);
	help_top(stderr);
	return STATUS_USAGE;
}

static int usage_dp(const char *word)
{
	if (word != NULL)
		usage(NULL, "dp has no command \"%s\"", word);
	help_dp(stderr);
	return STATUS_USAGE;
}

static int run_command(struct cli *cli, const struct command *command, const struct globals *g)
{
	struct args args;
	int status = args_parse(command, g->words + 2, g->count - 2, &args);

	if (status != STATUS_OK)
		return status;
	status = command->run(cli, &args);
	free(args.words);
	return status;
}

static int run(struct cli *cli, const struct globals *g)
{
	const struct command *command = NULL;

	if (g->version) {
		puts("sluice " SLUICE_VERSION);
		return STATUS_OK;
	}
	if (g->count > 0 && strcmp(g->words[0], "dp") != 0)
		return usage_top(g->words[0]);
	if (g->count > 1) {
		command = command_find(g->words[1]);
		if (command == NULL)
			return usage_dp(g->words[1]);
	}
	if (g->help)
		return run_help(g, command);
	if (g->count == 0)
		return usage_top(NULL);
	if (command == NULL)
		return usage_dp(NULL);
	return run_command(cli, command, g);
}

int main(int argc, char **argv)
{
	const char *env = getenv("SLUICE_SOCKET");
	struct cli cli = {.socket = env != NULL && *env != '\0' ? env : SOCKET_DEFAULT};
	struct globals g = {0};
	int status;

	if (argc > 1 && strcmp(argv[1], "__complete") == 0)
		return complete_run(argc - 2, argv + 2);
	g.words = xrealloc(NULL, (size_t)argc * sizeof(*g.words));
	status = globals_parse(argc, argv, &cli, &g);
	if (status == STATUS_OK)
		status = run(&cli, &g);
	client_close(cli.client);
	free(g.words);
	if (fflush(stdout) != 0 || ferror(stdout))
		status = fail("cannot write to standard output");
	return status;
}
