/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice: the command line to a Sluice box. Finds the command that a line means, runs it and closes
 * what it opened. It talks to sluice-control, and for `dp` to the dataplane's socket (contract.md);
 * the commands are in cmd_*.c. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "intent.h"

static const char *from_environment(const char *name, const char *preset)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : preset;
}

static void nearest_of(const struct group *group, const char *word, const char **best)
{
	int i;

	for (i = 0; group->commands[i] != NULL; i++)
		word_nearest(word, group->commands[i]->name, best);
}

/* "said; did you mean \"best\"? where" */
static int usage_nearest(const char *said, const char *best, const char *where)
{
	return best != NULL ? usage("%s; did you mean \"%s\"? %s", said, best, where)
			    : usage("%s: %s", said, where);
}

static int usage_unknown(const struct args *args)
{
	const char *word = args->words[0], *best = NULL;
	int type = args->count > 1 ? intent_find(args->words[1]) : -1, status;
	const struct group *group;
	char *said;

	/* "list slices" for "slice list" */
	if (command_find(&groups[0], word) != NULL)
		return usage(
			"\"%s\" stands behind what it is about: sluice %s %s; sluice --help lists "
			"what there is",
			word, type >= 0 ? groups[type].name : "slice", word);
	for (group = groups; group->commands != NULL; group++) {
		if (group->name != NULL)
			word_nearest(word, group->name, &best);
		else
			nearest_of(group, word, &best);
	}
	said = xprintf("there is no \"%s\" here", word);
	status = usage_nearest(said, best, "sluice --help lists what there is");
	free(said);
	return status;
}

/* No command stands behind the group's name, or none that it has. */
static int usage_group(const struct args *args)
{
	const struct group *group = invocation.group;
	const char *best = NULL;
	char *said, *where;
	int status;

	if (args->count == 0) {
		help_group(stderr);
		return STATUS_USAGE;
	}
	nearest_of(group, args->words[0], &best);
	said = xprintf("%s has no command \"%s\"", group->name, args->words[0]);
	where = xprintf("sluice %s --help lists what it has", group->name);
	status = usage_nearest(said, best, where);
	free(said);
	free(where);
	return status;
}

static int run(struct cli *cli, const struct args *args, enum line line)
{
	if (line == LINE_VERSION) {
		puts("sluice " SLUICE_VERSION);
		return STATUS_OK;
	}
	if (invocation.group == NULL && args->count > 0)
		return usage_unknown(args);
	if (invocation.command == NULL && (args->count > 0 || line == LINE_RUN) &&
		invocation.group != NULL)
		return usage_group(args);
	if (line == LINE_HELP) {
		help_invocation(args);
		return STATUS_OK;
	}
	if (invocation.group != NULL)
		return invocation.command->run(cli, args);
	help_top(stderr);
	return STATUS_USAGE;
}

int main(int argc, char **argv)
{
	struct cli cli = {
		.socket = from_environment("SLUICE_SOCKET", SOCKET_DEFAULT),
		.control = from_environment("SLUICE_CONTROL", CONTROL_DEFAULT),
		.token_file = from_environment("SLUICE_TOKEN_FILE", NULL),
		.cacert = from_environment("SLUICE_CACERT", NULL),
		.cert = from_environment("SLUICE_CERT", NULL),
		.key = from_environment("SLUICE_KEY", NULL),
	};
	struct args args = {.count = 0};
	enum line line;
	int status;

	json_set_alloc_funcs(xmalloc, free);
	intent_types_init();
	if (argc > 1 && strcmp(argv[1], "__complete") == 0) {
		status = complete_run(&cli, argv + 2, argc - 2);
	} else {
		status = args_parse(&cli, argv + 1, argc - 1, &args, &line);
		if (status == STATUS_OK)
			status = run(&cli, &args, line);
		args_free(&args);
	}
	client_close(cli.client);
	http_close(cli.http);
	if (fflush(stdout) != 0 || ferror(stdout))
		status = fail("cannot write to standard output");
	return status;
}
