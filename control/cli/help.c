/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands there are, the words before them, and the help pages: of the program, of `dp`, of
 * each command, and of each type in a command, all from the commands' and the types' descriptions.
 * Owns the tables. */
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "cli.h"
#include "fields.h"
#include "grid.h"
#include "intent.h"
#include "text.h"
#include "words.h"

/* ---- commands, and the words before them ---- */

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

/* ---- types of intents ---- */

static void help_fields_all(const struct api_field *fields, bool items);

void help_noun(const struct group *group)
{
	const struct noun *noun = group->noun;
	const struct api_type *type = &intent_types[noun->type];

	printf("%s: %s\n", noun->name, type->help);
	if (strcmp(type->name, noun->name) != 0)
		printf("in documents: kind: %s\n", type->name);
	putchar('\n');
	help_group(stdout, group);
	putchar('\n');
	help_fields_all(type->fields, true);
}

void help_intent_command(const struct noun *noun, const struct command *command)
{
	help_command(command);
	if (command->words != WORD_INTENT_CREATE && command->words != WORD_INTENT_SET &&
		command->words != WORD_INTENT_MATCH)
		return;
	printf("\nFields of a %s:\n", noun->name);
	help_fields_all(intent_types[noun->type].fields, true);
}

/* ---- pages ---- */

void help_top(FILE *out)
{
	const struct group *group;
	int i;

	fputs("sluice: says what the Sluice switch is to do, and looks into it\n"
	      "\n"
	      "usage: sluice [--control PATH|URL] [--json] COMMAND …\n"
	      "       sluice [--control PATH|URL] [--json] TYPE "
	      "create|set|list|show|delete|history …\n"
	      "       sluice [--socket PATH] [--json] dp COMMAND …\n"
	      "\n",
		out);
	for (group = groups; group->commands != NULL; group++) {
		if (group->noun != NULL || group->name != NULL)
			fprintf(out, "  %-14s %s\n",
				group->noun != NULL ? group->noun->name : group->name,
				group->summary);
		for (i = 0;
			group->noun == NULL && group->name == NULL && group->commands[i] != NULL;
			i++)
			fprintf(out, "  %-14s %s\n", group->commands[i]->name,
				group->commands[i]->summary);
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

static void help_dp(FILE *out)
{
	fputs("\nMore on one of them: sluice dp COMMAND --help\n"
	      "For example:\n"
	      "  sluice dp put slice name=blue vni=100\n"
	      "  sluice dp list mac slice=blue\n"
	      "  sluice dp stats slice --watch\n"
	      "  sluice dp trace -n 3 --slice blue --dropped\n",
		out);
}

void help_group(FILE *out, const struct group *group)
{
	const char *name = group->noun != NULL ? group->noun->name : group->name;
	bool dp = strcmp(name, "dp") == 0;
	int i;

	fprintf(out, "usage: sluice [--%s] [--json] %s COMMAND …\n\n",
		dp ? "socket PATH" : "control PATH|URL", name);
	for (i = 0; group->commands[i] != NULL; i++)
		fprintf(out, "  %-8s  %s\n", group->commands[i]->name, group->commands[i]->summary);
	if (dp)
		help_dp(out);
	else
		fprintf(out, "\nMore on one of them: sluice %s COMMAND --help\n", name);
}

static void help_options(const struct command *command)
{
	const struct option_def *o;
	struct grid *grid = grid_new(2, "");
	char *name;

	grid_column(grid, "", false);
	grid_column(grid, "", false);
	for (o = command->options; o != NULL && o->name != NULL; o++) {
		name = o->letter ? xprintf("-%c, --%s", o->letter, o->name)
				 : xprintf("    --%s", o->name);
		if (o->kind == OPTION_VALUE || o->kind == OPTION_MANY)
			grid_cellf(grid, "%s %s", name, o->value);
		else if (o->kind == OPTION_MAYBE)
			grid_cellf(grid, "%s [%s]", name, o->value);
		else
			grid_cell(grid, name);
		free(name);
		grid_cell(grid, o->help);
	}
	puts("\nOptions:");
	grid_print(grid);
	grid_free(grid);
}

static void help_types(const struct command *command)
{
	struct grid *grid = grid_new(2, "");
	char shape[160];
	int i;

	grid_column(grid, "TYPE", false);
	grid_column(grid, "KEY", false);
	grid_column(grid, "", false);
	for (i = 0; i < OBJECT_TYPES; i++) {
		key_words(&api_types[i], shape, sizeof(shape));
		grid_cell(grid, api_types[i].name);
		grid_cell(grid, shape);
		grid_cell(grid, api_types[i].help);
	}
	putchar('\n');
	grid_print(grid);
	grid_free(grid);
	printf("\nThe fields of a type: sluice dp %s TYPE --help\n", command->name);
}

void help_command(const struct command *command)
{
	printf("%s\n\nusage: sluice %s%s %s\n", command->summary, invocation_under, command->name,
		command->synopsis);
	if (command->details != NULL)
		printf("\n%s", command->details);
	if (command->options != NULL)
		help_options(command);
	if (command->words == WORD_TYPE || command->words == WORD_PUT ||
		command->words == WORD_MATCH || command->words == WORD_KEYS)
		help_types(command);
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

/* A table of fields, then those of the structures in them. */
static void help_fields(const struct api_field *fields, bool items)
{
	struct grid *grid = grid_new(2, "");
	const struct api_field *f;
	char text[192];

	grid_column(grid, "FIELD", false);
	grid_column(grid, "", false);
	grid_column(grid, "TAKES", false);
	grid_column(grid, "DEFAULT", false);
	grid_column(grid, "", false);
	for (f = fields; f->name != NULL; f++) {
		bool inner = f->kind == FIELD_OBJECT || f->kind == FIELD_LIST;

		grid_cell(grid, f->name);
		grid_cell(grid, field_rule(f));
		if (items && !inner)
			intent_field_want(f, text, sizeof(text));
		else
			field_want(f, text, sizeof(text));
		grid_cell(grid,
			f->kind == FIELD_VIA
				? "ADDRESS@PORT, ADDRESS@attachment:NAME, tunnel:NAME,mac=MAC …"
			: inner ? (f->kind == FIELD_OBJECT ? "see below"
					  : items	   ? "items, see below"
							   : "JSON list, see below")
				: text);
		field_default(f, text, sizeof(text));
		grid_cell(grid, text);
		grid_cell(grid, f->help);
	}
	grid_print(grid);
	grid_free(grid);
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

/* A table of fields, then those of the structures in them. items: lists are given item by item. */
static void help_fields_all(const struct api_field *fields, bool items)
{
	const struct api_field *f, *g;

	help_fields(fields, items);
	for (f = fields; f->name != NULL; f++) {
		if (f->kind != FIELD_OBJECT && f->kind != FIELD_LIST)
			continue;
		printf("\n%s%s\n", f->kind == FIELD_LIST ? "each of " : "", f->name);
		if (f->kind == FIELD_OBJECT)
			printf("  one by one as %s.%s=…, or as JSON\n", f->name, f->fields->name);
		else if (items)
			help_item(f);
		help_fields(f->fields, items);
		for (g = f->fields; g->name != NULL; g++) {
			if (g->kind != FIELD_OBJECT && g->kind != FIELD_LIST)
				continue;
			printf("\n%s of %s\n", g->name, f->name);
			help_fields(g->fields, items);
		}
	}
}

void help_type(const struct command *command, const struct api_type *type)
{
	char text[192];

	key_words(type, text, sizeof(text));
	printf("%s: %s\n\nusage: sluice dp %s %s\nkey:   %s\n\n", type->name, type->help,
		command->name, command->synopsis, text);
	help_fields_all(type->fields, false);
}
