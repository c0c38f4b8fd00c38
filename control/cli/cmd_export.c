/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice get: intents as documents that apply takes again, with what was chosen for them (vni,
 * wan). */
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "fields.h"
#include "intent.h"
#include "text.h"
#include "yaml_json.h"

#define PAGE 1000

enum { EXPORT_OUTPUT };

static const char *const formats[] = {"yaml", "json", NULL};

static const struct option_def export_options[] = {
	{"output", 'o', OPTION_VALUE, "yaml|json", "the form (yaml)", WORD_CHOICE},
	{.name = NULL},
};

struct export
{
	enum intent_type type;
	bool json;
	size_t count; /* printed */
};

static void print_document(struct export *out, const json_t *intent)
{
	json_t *copy = json_copy((json_t *)intent), *ordered;
	char *text;

	json_object_del(copy, "status");
	json_object_del(copy, "meta");
	json_object_set_new(copy, "kind", json_string(intent_kind(out->type)));
	ordered = intent_ordered(intent_types[out->type].fields, copy);
	if (out->json) {
		fputs(out->count > 0 ? ",\n" : "[\n", stdout);
		json_dumpf(ordered, stdout, JSON_INDENT(2));
	} else {
		text = yaml_text(ordered);
		printf("%s%s", out->count > 0 ? "---\n" : "", text);
		free(text);
	}
	out->count++;
	json_decref(ordered);
	json_decref(copy);
}

static int print_page(const json_t *items, void *arg)
{
	const json_t *intent;
	size_t i;

	json_array_foreach (items, i, intent)
		print_document(arg, intent);
	return STATUS_OK;
}

static int export_type(struct cli *cli, struct export *out, int type)
{
	out->type = (enum intent_type)type;
	return control_pages(
		cli, xprintf("/v1/%s?limit=%d", intent_path(out->type), PAGE), print_page, out);
}

static int export_one(struct cli *cli, struct export *out, int type, const char *name)
{
	char *escaped = http_escape(name);
	json_t *intent;

	out->type = (enum intent_type)type;
	intent = control_get(cli, xprintf("/v1/%s/%s", intent_path(out->type), escaped));
	free(escaped);
	if (intent == NULL)
		return STATUS_FAILED;
	print_document(out, intent);
	json_decref(intent);
	return STATUS_OK;
}

static int export_run(struct cli *cli, const struct args *args)
{
	const struct noun *noun = args->count > 0 ? noun_find(args->words[0]) : NULL;
	const char *output = args->value[EXPORT_OUTPUT];
	struct export out = {.json = cli->json};
	int type, status = STATUS_OK;

	if (output != NULL && strcmp(output, "yaml") != 0 && strcmp(output, "json") != 0)
		return usage(args->command, "--output wants yaml or json, not \"%s\"", output);
	if (args->count > 2 || (args->count == 2 && args->words[1][0] == '\0'))
		return usage(args->command, "give a TYPE and one NAME at most");
	if (args->count > 0 && noun == NULL)
		return usage(args->command,
			"there is no type \"%s\"; there are site, wan, slice, host, network, "
			"local-network, session",
			args->words[0]);
	out.json = out.json || (output != NULL && strcmp(output, "json") == 0);
	if (args->count == 2)
		status = export_one(cli, &out, noun->type, args->words[1]);
	for (type = 0; type < INTENT_TYPES && args->count < 2 && status == STATUS_OK; type++)
		if (noun == NULL || noun->type == type)
			status = export_type(cli, &out, type);
	if (status == STATUS_OK && out.json)
		puts(out.count > 0 ? "\n]" : "[]");
	else if (status == STATUS_OK && out.count == 0)
		fputs("there is nothing yet\n", stderr);
	return status;
}

const struct command command_export = {
	.name = "get",
	.synopsis = "[TYPE [NAME]] [-o yaml|json]",
	.summary = "print intents as documents that apply takes again",
	.details = "  sluice get >all.yaml\n"
		   "  sluice get slice air -o json\n",
	.options = export_options,
	.words = WORD_INTENT_KEY,
	.choices = formats,
	.run = export_run,
};
