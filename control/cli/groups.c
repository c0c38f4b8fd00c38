/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands there are and the words before them. Owns the tables. */
#include <string.h>

#include "cli.h"
#include "intent.h"

static const struct command *const dp_commands[] = {&command_put, &command_apply, &command_get,
	&command_list, &command_delete, &command_stats, &command_drops, &command_table,
	&command_trace, &command_watch, &command_schema, &command_hello, NULL};

static const struct command *const intent_commands[] = {&command_create, &command_set,
	&command_intents, &command_show, &command_intents_delete, &command_intent_history, NULL};

static const struct command *const token_commands[] = {
	&command_token_create, &command_token_list, &command_token_delete, NULL};

static const struct command *const top_commands[] = {&command_apply_intents, &command_diff,
	&command_export, &command_status, &command_topology, &command_top, &command_events,
	&command_history, &command_audit, NULL};

const struct noun nouns[] = {
	[INTENT_SITE] = {"site", INTENT_SITE},
	[INTENT_WAN] = {"wan", INTENT_WAN},
	[INTENT_SLICE] = {"slice", INTENT_SLICE},
	[INTENT_HOST] = {"host", INTENT_HOST},
	[INTENT_NETWORK] = {"network", INTENT_NETWORK},
	[INTENT_LOCAL_NETWORK] = {"local-network", INTENT_LOCAL_NETWORK},
	[INTENT_SESSION] = {"session", INTENT_SESSION},
	[INTENT_TENANT] = {"tenant", INTENT_TENANT},
};

#define NOUN(type, summary)                                                                        \
	{                                                                                          \
		NULL, summary, intent_commands, &nouns[type]                                       \
	}

const struct group groups[] = {
	NOUN(INTENT_SITE, "places with a box: ports, GTP-U addresses"),
	NOUN(INTENT_WAN, "a site's ways to the others, with capacity"),
	NOUN(INTENT_SLICE, "private, metered networks over sites"),
	NOUN(INTENT_HOST, "stations whose place, MAC and address are known"),
	NOUN(INTENT_NETWORK, "virtual dedicated networks: these hosts and nobody else"),
	NOUN(INTENT_LOCAL_NETWORK, "what sessions send there leaves at their own site"),
	NOUN(INTENT_SESSION, "PDU sessions of UEs"),
	NOUN(INTENT_TENANT, "what tenants may have: their grants"),
	{NULL, NULL, top_commands, NULL},
	{"token", "who may call from elsewhere", token_commands, NULL},
	{"dp", "the dataplane: objects, counters, drops, tables, traces", dp_commands, NULL},
	{.commands = NULL},
};

const struct noun *noun_find(const char *word)
{
	int type;

	for (type = 0; type < INTENT_TYPES; type++)
		if (strcmp(word, nouns[type].name) == 0)
			return &nouns[type];
	type = intent_type_of_kind(word);
	if (type < 0)
		type = intent_type_of_path(word);
	return type >= 0 ? &nouns[type] : NULL;
}

static const struct command *find_in(const struct group *group, const char *word)
{
	int i;

	for (i = 0; group->commands[i] != NULL; i++)
		if (strcmp(group->commands[i]->name, word) == 0)
			return group->commands[i];
	return NULL;
}

static bool is_group(const struct group *group, const char *word)
{
	return group->noun != NULL ? noun_find(word) == group->noun
				   : group->name != NULL && strcmp(group->name, word) == 0;
}

const struct command *groups_find(char **words, int count, const struct group **group, int *used)
{
	const struct command *command;
	const struct group *g;

	*group = NULL;
	*used = 0;
	for (g = groups; g->commands != NULL && count > 0; g++) {
		if (g->noun == NULL && g->name == NULL) {
			command = find_in(g, words[0]);
			if (command == NULL)
				continue;
			*group = g;
			*used = 1;
			return command;
		}
		if (!is_group(g, words[0]))
			continue;
		*group = g;
		*used = 1;
		command = count > 1 ? find_in(g, words[1]) : NULL;
		*used += command != NULL;
		return command;
	}
	return NULL;
}
