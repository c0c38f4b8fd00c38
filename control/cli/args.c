/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of a line: which command they mean, and its options taken out by its description; the
 * rest is left in order. The same for a line that is to run and for one that is being completed. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

const struct option_def global_options[] = {
	{"json", .kind = OPTION_FLAG},
	{"socket", 0, OPTION_VALUE, "the path of the dataplane's socket", .word = WORD_FILE,
		.place = offsetof(struct cli, socket)},
	{"control", 0, OPTION_VALUE, "the path of sluice-control's socket, or https://HOST:PORT",
		.word = WORD_FILE, .place = offsetof(struct cli, control)},
	{"token-file", 0, OPTION_VALUE, "a file that holds a token", .word = WORD_FILE,
		.place = offsetof(struct cli, token_file)},
	{"cacert", 0, OPTION_VALUE, "a PEM file with the authority of the server's certificate",
		.word = WORD_FILE, .place = offsetof(struct cli, cacert)},
	{"cert", 0, OPTION_VALUE, "a PEM file with the client's certificate", .word = WORD_FILE,
		.place = offsetof(struct cli, cert)},
	{"key", 0, OPTION_VALUE, "a PEM file with the key of --cert", .word = WORD_FILE,
		.place = offsetof(struct cli, key)},
	{"help", 'h', .kind = OPTION_FLAG},
	{"version", .kind = OPTION_FLAG},
	{.name = NULL},
};

struct parser {
	struct cli *cli;
	struct args *args;
	char **words;
	int count, at;
	enum line line;
	bool part;			 /* of a line that is not finished */
	const struct option_def *wanted; /* it ended where this one's value would be */
};

const struct option_def *option_find(const struct option_def *options, const char *word)
{
	const struct option_def *o;
	size_t len;

	for (o = options; o != NULL && o->name != NULL; o++) {
		len = strlen(o->name);
		if (word[0] == '-' && word[1] == '-' && strncmp(word + 2, o->name, len) == 0 &&
			(word[2 + len] == '\0' || word[2 + len] == '='))
			return o;
		if (o->letter != 0 && word[0] == '-' && word[1] == o->letter && word[2] == '\0')
			return o;
	}
	return NULL;
}

/* The value that an option has at p->at, which goes on to it when it is a word of its own;
 * *missing: it should have one and has none. */
static const char *option_value(struct parser *p, const struct option_def *o, bool *missing)
{
	const char *inside = strchr(p->words[p->at], '=');
	bool more = p->at + 1 < p->count;

	*missing = false;
	if (inside != NULL)
		return inside + 1;
	if (o->kind == OPTION_FLAG ||
		(o->kind == OPTION_MAYBE && !(more && is_number(p->words[p->at + 1], true))))
		return NULL;
	*missing = !more;
	return more ? p->words[++p->at] : NULL;
}

static void take_global(struct parser *p, const struct option_def *o, const char *value)
{
	if (o->kind == OPTION_VALUE)
		*(const char **)((char *)p->cli + o->place) = value;
	else if (strcmp(o->name, "json") == 0)
		p->cli->json = true;
	else if (strcmp(o->name, "version") == 0)
		p->line = LINE_VERSION;
	else if (p->line == LINE_RUN)
		p->line = LINE_HELP;
}

static json_int_t number_of(const struct option_def *o, const char *text)
{
	json_int_t value =
		is_number(text, false) && strlen(text) < 19 ? strtoll(text, NULL, 10) : -1;

	if (value < o->min || value > o->max)
		usage("--%s wants an integer %lld to %lld, not \"%s\"", o->name, (long long)o->min,
			(long long)o->max, text);
	return value;
}

/* An option of the command. */
static void take_option(struct args *args, const struct option_def *o, const char *value)
{
	long n = o - invocation.command->options;

	if (args->set[n] && o->kind != OPTION_MANY)
		usage("--%s is given twice", o->name);
	if (value != NULL && o->kind == OPTION_FLAG)
		usage("--%s takes no value", o->name);
	args->set[n] = true;
	args->value[n] = value;
	if (o->kind == OPTION_NUMBER)
		args->number[n] = number_of(o, value);
	if (o->kind == OPTION_MANY) {
		args->many = xreallocarray(
			args->many, (size_t)args->many_count + 1, sizeof(*args->many));
		args->many[args->many_count++] = value;
	}
}

static void unknown_option(const char *word)
{
	const struct option_def *o;
	char list[256] = "";
	size_t at = 0;

	for (o = invocation.command->options; o != NULL && o->name != NULL && at < sizeof(list);
		o++)
		at += (size_t)snprintf(list + at, sizeof(list) - at, "--%s, ", o->name);
	usage("there is no option %s here; there are %s--json, --%s and --help", word, list,
		is_dp() ? "socket" : "control");
}

/* A word that is no option: of the command's name, or one for the command. */
static void take_word(struct parser *p, char *word)
{
	struct args *args = p->args;
	const struct option_def *o;

	if (invocation.command == NULL && args->count == 0) {
		if (invocation.group == NULL && strcmp(word, "help") == 0) { /* as git has it */
			p->line = LINE_HELP;
			return;
		}
		if (invocation.group == NULL && (invocation.group = group_find(word)) != NULL &&
			invocation.group->name != NULL)
			return;
		invocation.command = command_find(invocation.group, word);
		for (o = invocation.command != NULL ? invocation.command->options : NULL;
			o != NULL && o->name != NULL; o++)
			args->number[o - invocation.command->options] = o->preset;
		if (invocation.command != NULL)
			return;
	}
	args->words[args->count++] = word;
}

/* Takes the option at p->at. A line that asks for help may have anything in it. */
static void parse_option(struct parser *p)
{
	const struct option_def *global = option_find(global_options, p->words[p->at]), *o = global;
	char *word = p->words[p->at];
	const char *value;
	bool missing;

	if (o == NULL && invocation.command != NULL)
		o = option_find(invocation.command->options, word);
	if (o == NULL) {
		if (invocation.command == NULL)
			take_word(p, word);
		else if (!p->part)
			unknown_option(word);
		return;
	}
	value = option_value(p, o, &missing);
	if (missing && !p->part)
		usage("--%s needs %s%s", o->name, global ? "" : "a value: ", o->value);
	if (missing)
		p->wanted = o;
	else if (global != NULL)
		take_global(p, o, value);
	else if (!p->part)
		take_option(p->args, o, value);
}

/* Is help asked for, or the version? Then nothing of the line is refused. */
static bool asks_for_help(char **words, int count)
{
	int i;

	for (i = 0; i < count && strcmp(words[i], "--") != 0; i++)
		if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0 ||
			strcmp(words[i], "--version") == 0)
			return true;
	return false;
}

static void parse(struct parser *p)
{
	bool options = true;

	p->args->words = xcalloc((size_t)p->count + 1, sizeof(*p->args->words));
	for (p->at = 0; p->at < p->count; p->at++) {
		char *word = p->words[p->at];

		if (options && strcmp(word, "--") == 0)
			options = false;
		else if (options && word[0] == '-' && word[1] != '\0')
			parse_option(p);
		else
			take_word(p, word);
	}
}

enum line args_parse(struct cli *cli, char **words, int count, struct args *args)
{
	struct parser p = {.cli = cli, .args = args, .words = words, .count = count};
	const struct command *command;
	int most;

	p.part = asks_for_help(words, count);
	parse(&p);
	command = invocation.command;
	if (command == NULL || p.line != LINE_RUN)
		return p.line;
	most = command->most == 0 && command->words != WORD_NONE ? ANY_NUMBER : command->most;
	if (args->count >= command->least && args->count <= most)
		return LINE_RUN;
	if (command->wrong != NULL)
		usage("%s", command->wrong);
	usage("%s takes no words", command->name);
}

const struct option_def *args_parse_part(
	struct cli *cli, char **words, int count, struct args *args)
{
	struct parser p = {.cli = cli, .args = args, .words = words, .count = count, .part = true};

	parse(&p);
	return p.wanted;
}

void args_free(struct args *args)
{
	free(args->words);
	free(args->many);
}
