/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands there are, the words before them, and the help pages: of the program, of `dp` and
 * the like, of each command, and of each type in a command, all from the commands' and the types'
 * descriptions. Owns the tables. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "intent.h"

/* ---- commands, and the words before them ---- */

const struct command *const dp_commands[] = {&command_put, &command_apply, &command_get,
	&command_list, &command_delete, &command_stats, &command_drops, &command_table,
	&command_trace, &command_watch, &command_schema, &command_hello, NULL};

static const struct command *const intent_commands[] = {&command_create, &command_set,
	&command_intents, &command_show, &command_intents_delete, &command_intent_history, NULL};

static const struct command *const token_commands[] = {
	&command_token_create, &command_token_list, &command_token_delete, NULL};

static const struct command *const top_commands[] = {&command_apply_intents, &command_diff,
	&command_export, &command_status, &command_topology, &command_top, &command_events,
	&command_history, &command_audit, NULL};

#define INTENTS(type, name, summary) [type] = {name, summary, intent_commands, type}

const struct group groups[] = {
	INTENTS(INTENT_SITE, "site", "places with a box: ports, GTP-U addresses"),
	INTENTS(INTENT_WAN, "wan", "a site's ways to the others, with capacity"),
	INTENTS(INTENT_SLICE, "slice", "private, metered networks over sites"),
	INTENTS(INTENT_HOST, "host", "stations whose place, MAC and address are known"),
	INTENTS(INTENT_NETWORK, "network",
		"virtual dedicated networks: these hosts and nobody else"),
	INTENTS(INTENT_LOCAL_NETWORK, "local-network",
		"what sessions send there leaves at their own site"),
	INTENTS(INTENT_SESSION, "session", "PDU sessions of UEs"),
	INTENTS(INTENT_TENANT, "tenant", "what tenants may have: their grants"),
	{NULL, NULL, top_commands, -1},
	{"token", "who may call from elsewhere", token_commands, -1},
	{"dp", "the dataplane: objects, counters, drops, tables, traces", dp_commands, -1},
	{.commands = NULL},
};

int intent_find(const char *word)
{
	int type;

	for (type = 0; type < INTENT_TYPES; type++)
		if (strcmp(word, groups[type].name) == 0)
			return type;
	type = intent_type_of_kind(word);
	return type >= 0 ? type : intent_type_of_path(word);
}

int intent_word(const struct args *args)
{
	int type = intent_find(args->words[0]);

	if (type < 0)
		usage("there is no type \"%s\"; there are site, wan, slice, host, network, "
		      "local-network, session",
			args->words[0]);
	return type;
}

const char *name_word(const struct args *args)
{
	if (args->count != 1 || args->words[0][0] == '\0')
		usage("give the name of one %s", invocation.group->name);
	return args->words[0];
}

const struct command *command_find(const struct group *group, const char *word)
{
	int i;

	for (i = 0; group != NULL && group->commands[i] != NULL; i++)
		if (strcmp(group->commands[i]->name, word) == 0)
			return group->commands[i];
	return NULL;
}

const struct group *group_find(const char *word)
{
	int type = intent_find(word);
	const struct group *g;

	if (type >= 0)
		return &groups[type];
	for (g = groups; g->commands != NULL; g++)
		if (g->name != NULL ? strcmp(g->name, word) == 0 : command_find(g, word) != NULL)
			return g;
	return NULL;
}

const struct api_type *type_word(const struct args *args)
{
	const struct api_type *type = args->count > 0 ? api_type_find(args->words[0]) : NULL;

	if (args->count == 0)
		usage("TYPE is missing; there are %s", api_type_names());
	if (type == NULL)
		usage("there is no type \"%s\"; there are %s", args->words[0], api_type_names());
	return type;
}

/* ---- pages ---- */

void help_top(FILE *out)
{
	const struct group *g;
	int i;

	fputs("sluice: says what the Sluice switch is to do, and looks into it\n"
	      "\n"
	      "usage: sluice [--control PATH|URL] [--json] COMMAND …\n"
	      "       sluice [--control PATH|URL] [--json] TYPE "
	      "create|set|list|show|delete|history …\n"
	      "       sluice [--socket PATH] [--json] dp COMMAND …\n"
	      "\n",
		out);
	for (g = groups; g->commands != NULL; g++) {
		if (g->name != NULL)
			fprintf(out, "  %-14s %s\n", g->name, g->summary);
		for (i = 0; g->name == NULL && g->commands[i] != NULL; i++)
			fprintf(out, "  %-14s %s\n", g->commands[i]->name, g->commands[i]->summary);
	}
	fprintf(out,
		"\nMore on one of them: sluice COMMAND --help, sluice TYPE create --help\n"
		"\n"
		"Options, anywhere on the line:\n"
		"  --control PATH|URL  sluice-control's socket or https://HOST:PORT; else\n"
		"                      $SLUICE_CONTROL, else %s\n"
		"  --token-file FILE   who you are, over https; else $SLUICE_TOKEN_FILE\n"
		"  --cacert FILE       the authority of its certificate; else $SLUICE_CACERT\n"
		"  --cert, --key FILE  your certificate and its key, where it wants one; else\n"
		"                      $SLUICE_CERT, $SLUICE_KEY\n"
		"  --socket PATH       the dataplane's socket, for dp; else $SLUICE_SOCKET, else\n"
		"                      %s\n"
		"  --json              the raw answer, for programs\n"
		"  --help              help on whatever stands before it\n"
		"  --version           the version of this program\n"
		"\n"
		"Leaves with 0 when it worked, 1 when it did not, 2 when the command line is not "
		"understood; status --check with 3 and 4 as well.\n",
		CONTROL_DEFAULT, SOCKET_DEFAULT);
}

void help_group(FILE *out)
{
	const struct group *group = invocation.group;
	int i;

	fprintf(out, "usage: sluice [--%s] [--json] %s COMMAND …\n\n",
		is_dp() ? "socket PATH" : "control PATH|URL", group->name);
	for (i = 0; group->commands[i] != NULL; i++)
		fprintf(out, "  %-8s  %s\n", group->commands[i]->name, group->commands[i]->summary);
	fprintf(out, "\nMore on one of them: sluice %s COMMAND --help\n", group->name);
	if (is_dp())
		fputs("For example:\n"
		      "  sluice dp put slice name=blue vni=100\n"
		      "  sluice dp list mac slice=blue\n"
		      "  sluice dp stats slice --watch\n"
		      "  sluice dp trace -n 3 --slice blue --dropped\n",
			out);
}

static void help_options(const struct option_def *options)
{
	struct grid *grid = grid_new(2, 2, "");
	const struct option_def *o;
	FILE *cell;

	for (o = options; o->name != NULL; o++) {
		cell = grid_cell_open(grid);
		if (o->letter != 0)
			fprintf(cell, "-%c, --%s", o->letter, o->name);
		else
			fprintf(cell, "    --%s", o->name);
		if (o->kind != OPTION_FLAG)
			fprintf(cell, o->kind == OPTION_MAYBE ? " [%s]" : " %s", o->value);
		grid_cell_end(grid);
		grid_cell(grid, o->help);
	}
	puts("\nOptions:");
	grid_end(grid);
}

static void help_types(const struct command *command)
{
	static const char *const titles[] = {"TYPE", "KEY", "", NULL};
	struct grid *grid = grid_new(0, 2, "");
	char shape[160];
	int i;

	grid_columns(grid, titles, false);
	for (i = 0; i < OBJECT_TYPES; i++) {
		key_words(&api_types[i], shape, sizeof(shape));
		grid_cell(grid, api_types[i].name);
		grid_cell(grid, shape);
		grid_cell(grid, api_types[i].help);
	}
	putchar('\n');
	grid_end(grid);
	printf("\nThe fields of a type: sluice dp %s TYPE --help\n", command->name);
}

static const char *field_rule(const struct api_field *field)
{
	if (field->flags & FIELD_ANSWER)
		return "only in answers";
	if ((field->flags & FIELD_EITHER) && (field->flags & FIELD_KEY))
		return "key, one of these";
	if (field->flags & FIELD_EITHER)
		return "one of these";
	if (field->flags & FIELD_KEY)
		return "key";
	return field->flags & FIELD_REQUIRED ? "required" : "";
}

static void field_default(const struct api_field *field, char *text, size_t size)
{
	text[0] = '\0';
	if (field->flags & (FIELD_REQUIRED | FIELD_KEY | FIELD_ANSWER))
		return;
	if (field->kind == FIELD_ENUM)
		snprintf(text, size, "%s", field->names[field->preset]);
	else if (field->kind == FIELD_BOOL)
		snprintf(text, size, "%s", field->preset ? "true" : "false");
	else if ((field->kind == FIELD_U32 || field->kind == FIELD_U64) &&
		 field->preset >= field->min && field->preset <= field->max)
		snprintf(text, size, "%llu", (unsigned long long)field->preset);
}

/* A table of fields. */
static void help_fields(const struct api_field *fields)
{
	static const char *const titles[] = {"FIELD", "", "TAKES", "DEFAULT", "", NULL};
	struct grid *grid = grid_new(0, 2, "");
	const struct api_field *f;
	char preset[32], *want;

	grid_columns(grid, titles, false);
	for (f = fields; f->name != NULL; f++) {
		want = field_want(f);
		field_default(f, preset, sizeof(preset));
		grid_cell(grid, f->name);
		grid_cell(grid, field_rule(f));
		grid_cell(grid,
			f->kind == FIELD_VIA
				? "ADDRESS@PORT, ADDRESS@attachment:NAME, tunnel:NAME,mac=MAC …"
			: f->kind == FIELD_OBJECT ? "see below"
			: f->kind == FIELD_LIST	  ? "items, see below"
						  : want);
		grid_cell(grid, preset);
		grid_cell(grid, f->help);
		free(want);
	}
	grid_end(grid);
}

/* "one by one: endpoint=site=…,port=…" */
static void help_item(const struct api_field *list)
{
	const struct api_field *f;
	const char *comma = "";

	printf("  one by one: %.*s=", (int)strlen(list->name) - ends_with(list->name, "s"),
		list->name);
	for (f = list->fields; f->name != NULL; f++) {
		if (f->flags & FIELD_REQUIRED) {
			printf("%s%s=…", comma, f->name);
			comma = ",";
		}
	}
	puts(", or all as JSON");
}

/* A table of fields, then those of the structures in them. */
static void help_fields_all(const struct api_field *fields)
{
	const struct api_field *f, *g;

	help_fields(fields);
	for (f = fields; f->name != NULL; f++) {
		if (f->kind != FIELD_OBJECT && f->kind != FIELD_LIST)
			continue;
		printf("\n%s%s\n", f->kind == FIELD_LIST ? "each of " : "", f->name);
		if (f->kind == FIELD_OBJECT)
			printf("  one by one as %s.%s=…, or as JSON\n", f->name, f->fields->name);
		else
			help_item(f);
		help_fields(f->fields);
		for (g = f->fields; g->name != NULL; g++) {
			if (g->kind != FIELD_OBJECT && g->kind != FIELD_LIST)
				continue;
			printf("\n%s of %s\n", g->name, f->name);
			help_fields(g->fields);
		}
	}
}

/* On a type of objects in a command. */
static void help_type(const struct command *command, const struct api_type *type)
{
	char key[160];

	key_words(type, key, sizeof(key));
	printf("%s: %s\n\nusage: sluice dp %s %s\nkey:   %s\n\n", type->name, type->help,
		command->name, command->synopsis, key);
	help_fields_all(type->fields);
}

static void help_command(const struct command *command)
{
	const char *group = invocation.group->name;

	printf("%s\n\nusage: sluice %s%s%s %s\n", command->summary, group != NULL ? group : "",
		group != NULL ? " " : "", command->name, command->synopsis);
	if (command->details != NULL)
		printf("\n%s", command->details);
	if (command->options != NULL)
		help_options(command->options);
	if (command->words >= WORD_TYPE && command->words <= WORD_KEYS)
		help_types(command);
	if (command->words >= WORD_INTENT_CREATE && command->words <= WORD_INTENT_MATCH) {
		printf("\nFields of a %s:\n", group);
		help_fields_all(intent_types[invocation.group->intent].fields);
	}
}

/* On a type of intents. */
static void help_intents(const struct group *group)
{
	const struct api_type *type = &intent_types[group->intent];

	printf("%s: %s\n", group->name, type->help);
	if (strcmp(type->name, group->name) != 0)
		printf("in documents: kind: %s\n", type->name);
	putchar('\n');
	help_group(stdout);
	putchar('\n');
	help_fields_all(type->fields);
}

void help_invocation(const struct args *args)
{
	const struct command *command = invocation.command;
	const struct api_type *type = args->count > 0 ? api_type_find(args->words[0]) : NULL;

	if (invocation.group == NULL)
		help_top(stdout);
	else if (command == NULL && is_intent())
		help_intents(invocation.group);
	else if (command == NULL)
		help_group(stdout);
	else if (type != NULL && command->words >= WORD_TYPE && command->words <= WORD_KEYS)
		help_type(command, type);
	else
		help_command(command);
}
