/* SPDX-License-Identifier: BSD-3-Clause */
/* A command's words: options taken out by its description, the rest left in order. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "text.h"

const char *const stats_types[] = {"box", "worker", "stage", NULL};

/* The option that word ("-n", "--port", "--port=wan0") names, or NULL. */
const struct option_def *option_find(const struct command *command, const char *word)
{
	const struct option_def *o;
	size_t len;

	for (o = command->options; o != NULL && o->name != NULL; o++) {
		len = strlen(o->name);
		if (word[0] == '-' && word[1] == '-' && strncmp(word + 2, o->name, len) == 0 &&
			(word[2 + len] == '\0' || word[2 + len] == '='))
			return o;
		if (o->letter != 0 && word[0] == '-' && word[1] == o->letter && word[2] == '\0')
			return o;
	}
	return NULL;
}

static int unknown_option(const struct command *command, const char *word)
{
	const struct option_def *o;
	char list[256] = "";
	size_t at = 0;

	for (o = command->options; o != NULL && o->name != NULL && at < sizeof(list); o++)
		at += (size_t)snprintf(list + at, sizeof(list) - at, "--%s, ", o->name);
	return usage(command, "there is no option %s here; there are %s--json, --%s and --help",
		word, list, strcmp(invocation_under, "dp ") == 0 ? "socket" : "control");
}

static void set_value(struct args *args, const struct option_def *o, long n, const char *value)
{
	args->value[n] = value;
	if (o->kind != OPTION_MANY)
		return;
	args->many = xrealloc(args->many, (size_t)(args->many_count + 1) * sizeof(*args->many));
	args->many[args->many_count++] = value;
}

/* Takes the option at words[*i], and its value from there or from the next word. */
static int take_option(
	const struct command *command, char **words, int count, int *i, struct args *args)
{
	const struct option_def *o = option_find(command, words[*i]);
	const char *value = strchr(words[*i], '=');
	long n;

	if (o == NULL)
		return unknown_option(command, words[*i]);
	n = o - command->options;
	if (args->set[n] && o->kind != OPTION_MANY)
		return usage(command, "--%s is given twice", o->name);
	args->set[n] = true;
	if (value != NULL && o->kind == OPTION_FLAG)
		return usage(command, "--%s takes no value", o->name);
	if (value != NULL) {
		set_value(args, o, n, value + 1);
		return STATUS_OK;
	}
	if ((o->kind == OPTION_VALUE || o->kind == OPTION_MANY) && *i + 1 >= count)
		return usage(command, "--%s needs a value: %s", o->name, o->value);
	if (o->kind == OPTION_VALUE || o->kind == OPTION_MANY ||
		(o->kind == OPTION_MAYBE && *i + 1 < count && is_number(words[*i + 1], true)))
		set_value(args, o, n, words[++*i]);
	return STATUS_OK;
}

void args_free(struct args *args)
{
	free(args->words);
	free(args->many);
}

int args_parse(const struct command *command, char **words, int count, struct args *args)
{
	bool options = true;
	int i, status;

	memset(args, 0, sizeof(*args));
	args->command = command;
	args->words = xrealloc(NULL, (size_t)(count + 1) * sizeof(*args->words));
	for (i = 0; i < count; i++) {
		if (options && strcmp(words[i], "--") == 0) {
			options = false;
		} else if (options && words[i][0] == '-' && words[i][1] != '\0') {
			status = take_option(command, words, count, &i, args);
			if (status != STATUS_OK) {
				args_free(args);
				return status;
			}
		} else {
			args->words[args->count++] = words[i];
		}
	}
	args->words[args->count] = NULL;
	return STATUS_OK;
}

int args_number(
	const struct args *args, int option, json_int_t min, json_int_t max, json_int_t *out)
{
	const struct option_def *o = &args->command->options[option];
	const char *text = args->value[option];
	json_int_t value;

	if (text == NULL)
		return STATUS_OK;
	value = is_number(text, false) && strlen(text) < 19 ? strtoll(text, NULL, 10) : -1;
	if (value < min || value > max)
		return usage(args->command, "--%s wants an integer %lld to %lld, not \"%s\"",
			o->name, (long long)min, (long long)max, text);
	*out = value;
	return STATUS_OK;
}

void type_names(char *text, size_t size)
{
	size_t at = 0;
	int i;

	text[0] = '\0';
	for (i = 0; i < OBJECT_TYPES && at < size; i++)
		at += (size_t)snprintf(
			text + at, size - at, "%s%s", i ? ", " : "", api_types[i].name);
}

const struct api_type *args_type(const struct args *args)
{
	const struct api_type *type;
	char names[512];

	type_names(names, sizeof(names));
	if (args->count == 0) {
		usage(args->command, "TYPE is missing; there are %s", names);
		return NULL;
	}
	type = api_type_find(args->words[0]);
	if (type == NULL)
		usage(args->command, "there is no type \"%s\"; there are %s", args->words[0],
			names);
	return type;
}
