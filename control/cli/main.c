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

static void usage_unknown(const struct args *args)
{
	const char *word = args->words[0], *best = NULL;
	int type = args->count > 1 ? intent_find(args->words[1]) : -1;
	const struct group *group;

	/* "list slices" for "slice list" */
	if (command_find(&groups[0], word) != NULL)
		usage("\"%s\" stands behind what it is about: sluice %s %s; sluice --help lists "
		      "what there is",
			word, type >= 0 ? groups[type].name : "slice", word);
	for (group = groups; group->commands != NULL; group++) {
		if (group->name != NULL)
			word_nearest(word, group->name, &best);
		else
			nearest_of(group, word, &best);
	}
	if (best != NULL)
		usage("there is no \"%s\" here; did you mean \"%s\"? sluice --help lists what "
		      "there is",
			word, best);
	usage("there is no \"%s\" here: sluice --help lists what there is", word);
}

/* No command stands behind the group's name, or none that it has. */
static void usage_group(const struct args *args)
{
	const char *group = invocation.group->name, *word = args->words[0], *best = NULL;

	if (word == NULL) {
		help_group(stderr);
		leave(STATUS_USAGE);
	}
	nearest_of(invocation.group, word, &best);
	if (best != NULL)
		usage("%s has no command \"%s\"; did you mean \"%s\"? sluice %s --help lists what "
		      "it has",
			group, word, best, group);
	usage("%s has no command \"%s\": sluice %s --help lists what it has", group, word, group);
}

static int run(struct cli *cli, const struct args *args, enum line line)
{
	if (line == LINE_VERSION) {
		puts("sluice " SLUICE_VERSION);
		return STATUS_OK;
	}
	if (invocation.group == NULL && args->count > 0)
		usage_unknown(args);
	if (invocation.group != NULL && invocation.command == NULL &&
		(args->count > 0 || line == LINE_RUN))
		usage_group(args);
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
	int status = STATUS_OK;

	json_set_alloc_funcs(xmalloc, free);
	intent_types_init();
	if (argc > 1 && strcmp(argv[1], "__complete") == 0) {
		complete_run(&cli, argv + 2, argc - 2);
	} else {
		line = args_parse(&cli, argv + 1, argc - 1, &args);
		status = run(&cli, &args, line);
		args_free(&args);
	}
	client_close(cli.client);
	http_close(cli.http);
	if (fflush(stdout) != 0 || ferror(stdout))
		status = fail("cannot write to standard output");
	return status;
}
