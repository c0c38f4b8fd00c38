/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice __complete WORDS…: what the last word could become, one candidate a line. The words are
 * those behind `sluice` up to the cursor, the last one perhaps empty. ":files" means: a file
 * name. Answers from the descriptions of commands and types, and from live objects. */
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "complete.h"
#include "text.h"
#include "words.h"

void offer(const struct completion *c, const char *prefix, const char *text)
{
	char *whole = xprintf("%s%s", prefix, text);

	if (strncmp(whole, c->current, strlen(c->current)) == 0)
		puts(whole);
	free(whole);
}

static void offer_events(const struct completion *c, const char *prefix)
{
	static const char *const events[] = {"link", "link.up", "link.down", "port", "port.fault",
		"port.mended", "mac", "mac.learned", "mac.moved", "mac.aged", "usage",
		"downlink_data", "path", "path.up", "path.down", "error_indication", "neighbor",
		"neighbor_wanted", "neighbor_unwanted", NULL};
	static const char *const control[] = {"intent", "intent.created", "intent.updated",
		"intent.deleted", "intent.applied", "intent.refused", "dataplane", "drift",
		"auth.refused", "kernel", NULL};
	int i;

	for (i = 0; events[i] != NULL; i++)
		offer(c, prefix, events[i]);
	for (i = 0; c->command == &command_events && control[i] != NULL; i++)
		offer(c, prefix, control[i]);
}

/* One word of a kind that stands alone. */
static void offer_word(struct completion *c, const char *prefix, enum word_kind kind)
{
	int i;

	if (kind == WORD_SLICE)
		offer_names(c, prefix, "slice");
	else if (kind == WORD_PORT)
		offer_names(c, prefix, "port");
	else if (kind == WORD_TABLE)
		offer_values(c, prefix, live_tables(&c->live), "name");
	else if (kind == WORD_EVENTS)
		offer_events(c, prefix);
	else if (kind == WORD_FILE)
		puts(":files");
	for (i = 0; kind == WORD_CHOICE && c->command->choices[i] != NULL; i++)
		offer(c, prefix, c->command->choices[i]);
}

static void offer_arguments(struct completion *c)
{
	enum word_kind kind = c->command->words;

	if (offer_intent_arguments(c))
		return;
	if (kind == WORD_EVENTS)
		offer_events(c, "");
	else if (c->count == 0 && kind >= WORD_TYPE && kind <= WORD_STATS)
		offer_types(c, kind == WORD_STATS);
	else if (kind == WORD_PUT || kind == WORD_MATCH)
		offer_fields(c, kind == WORD_MATCH);
	else if (kind == WORD_KEYS || kind == WORD_STATS)
		offer_keys(c);
	else if (c->count == 0 || kind == WORD_FILE)
		offer_word(c, "", kind);
}

static bool is_dp(const struct completion *c)
{
	return c->group != NULL && c->group->name != NULL && strcmp(c->group->name, "dp") == 0;
}

static void offer_options(struct completion *c)
{
	const struct option_def *o =
		c->command != NULL ? option_find(c->command, c->current) : NULL;
	static const char *const control[] = {
		"--control", "--token-file", "--cacert", "--cert", "--key"};
	const char *value = strchr(c->current, '=');
	char *prefix;
	size_t i;

	if (o != NULL && value != NULL) {
		prefix = xprintf("%.*s", (int)(value - c->current) + 1, c->current);
		offer_word(c, prefix, o->word);
		free(prefix);
		return;
	}
	for (o = c->command != NULL ? c->command->options : NULL; o != NULL && o->name != NULL; o++)
		offer(c, "--", o->name);
	offer(c, "", "--json");
	if (c->group == NULL || is_dp(c))
		offer(c, "", "--socket");
	for (i = 0; i < 5 && !is_dp(c); i++)
		offer(c, "", control[i]);
	offer(c, "", "--help");
}

/* "--socket PATH", "--socket=PATH" and the like at words[*i]. */
static bool parse_global(struct completion *c, int count, char **words, int *i)
{
	const struct {
		const char *name;
		const char **value;
	} options[] = {{"--socket", &c->live.socket}, {"--control", &c->cli.control},
		{"--token-file", &c->cli.token_file}, {"--cacert", &c->cli.cacert},
		{"--cert", &c->cli.cert}, {"--key", &c->cli.key}};
	size_t n, len;

	for (n = 0; n < sizeof(options) / sizeof(options[0]); n++) {
		len = strlen(options[n].name);
		if (strncmp(words[*i], options[n].name, len) != 0)
			continue;
		if (words[*i][len] == '=')
			*options[n].value = words[*i] + len + 1;
		else if (words[*i][len] != '\0')
			continue;
		else if (*i + 2 == count)
			c->file_value = true;
		else
			*options[n].value = words[++*i];
		return true;
	}
	return false;
}

/* Takes the words before the current one apart, as main.c and args.c would. */
static void parse(struct completion *c, int count, char **words)
{
	const struct option_def *o;
	int i, used = 0;

	for (i = 0; i + 1 < count; i++) {
		if (parse_global(c, count, words, &i))
			continue;
		if (words[i][0] == '-' && words[i][1] != '\0') {
			o = c->command != NULL ? option_find(c->command, words[i]) : NULL;
			if (o == NULL || (o->kind != OPTION_VALUE && o->kind != OPTION_MANY) ||
				strchr(words[i], '=') != NULL)
				continue;
			if (i + 2 == count)
				c->value_of = o;
			else
				i++;
		} else {
			c->words[c->count++] = words[i];
			if (c->command == NULL)
				c->command = groups_find(c->words, c->count, &c->group, &used);
		}
	}
	if (c->command != NULL) {
		c->words += used;
		c->count -= used;
	}
	c->current = count > 0 ? words[count - 1] : "";
}

/* The first word, or the one behind "dp", "token" or a noun. */
static void offer_commands(const struct completion *c)
{
	const struct group *group;
	int i;

	for (group = groups; group->commands != NULL; group++) {
		if (c->group != NULL ? c->group != group
				     : group->noun == NULL && group->name == NULL)
			continue;
		if (c->group == NULL) {
			offer(c, "", group->noun != NULL ? group->noun->name : group->name);
			continue;
		}
		for (i = 0; group->commands[i] != NULL; i++)
			offer(c, "", group->commands[i]->name);
	}
}

/* The commands that stand alone. */
static void offer_top_commands(const struct completion *c)
{
	const struct group *group;
	int i;

	for (group = groups; group->commands != NULL; group++)
		for (i = 0;
			group->noun == NULL && group->name == NULL && group->commands[i] != NULL;
			i++)
			offer(c, "", group->commands[i]->name);
}

int complete_run(const struct cli *cli, int count, char **words)
{
	struct completion c = {.live.socket = cli->socket, .cli = *cli};
	char **all = xrealloc(NULL, (size_t)(count + 1) * sizeof(*all));

	c.words = all;
	parse(&c, count, words);
	if (c.file_value) {
		puts(":files");
	} else if (c.value_of != NULL) {
		offer_word(&c, "", c.value_of->word);
	} else if (c.current[0] == '-') {
		offer_options(&c);
	} else if (c.command != NULL) {
		offer_arguments(&c);
	} else if (c.count == 0) {
		offer_commands(&c);
		offer_top_commands(&c);
	} else if (c.count == 1 && c.group != NULL) {
		offer_commands(&c);
	}
	live_close(&c.live);
	http_close(c.cli.http);
	free(all);
	return STATUS_OK;
}
