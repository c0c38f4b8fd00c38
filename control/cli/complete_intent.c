/* SPDX-License-Identifier: BSD-3-Clause */
/* Completion for sluice-control's commands: fields from control/intent's tables, names from what
 * is there. Quick and silent: without an answer in half a second there are no names. */
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "complete.h"
#include "fields.h"
#include "intent.h"
#include "text.h"

#define PATIENCE_MS 500
#define ENOUGH	    1000

/* What a path answers, or NULL. path is freed. */
static json_t *ask(struct completion *c, char *path)
{
	struct http_target target = control_target(&c->cli);
	struct http_request request = {.method = "GET", .path = path};
	struct http_answer answer;
	char why[HTTP_WHY];
	json_t *json = NULL;

	target.patience_ms = PATIENCE_MS;
	if (c->cli.http == NULL && http_open(&target, &c->cli.http, why) != 0)
		c->cli.http = NULL;
	if (c->cli.http != NULL && http_call(c->cli.http, &request, &answer) == 0) {
		if (answer.status == 200)
			json = answer.json;
		else
			json_decref(answer.json);
	}
	free(path);
	return json;
}

static void offer_intents(struct completion *c, const char *prefix, enum intent_type type)
{
	json_t *answer = ask(c, xprintf("/v1/%s?limit=%d", intent_path(type), ENOUGH)), *item;
	size_t i;

	json_array_foreach (json_object_get(answer, "items"), i, item)
		offer(c, prefix, json_text(item, "name"));
	json_decref(answer);
}

/* A field whose value is the name of an intent. */
static int reference_of(const char *field)
{
	static const struct {
		const char *field;
		int type;
	} references[] = {{"site", INTENT_SITE}, {"wan", INTENT_WAN}, {"slice", INTENT_SLICE},
		{"from", INTENT_SLICE}, {"hosts", INTENT_HOST}};
	size_t i;

	for (i = 0; i < sizeof(references) / sizeof(references[0]); i++)
		if (strcmp(references[i].field, field) == 0)
			return references[i].type;
	return -1;
}

static void offer_value(struct completion *c, const struct api_field *f, const char *prefix)
{
	int i, type = reference_of(f->name);

	for (i = 0; f->kind == FIELD_ENUM && f->names[i] != NULL; i++)
		offer(c, prefix, f->names[i]);
	if (f->kind == FIELD_BOOL) {
		offer(c, prefix, "true");
		offer(c, prefix, "false");
	} else if (type >= 0 && f->kind != FIELD_LIST) {
		offer_intents(c, prefix, (enum intent_type)type);
	}
}

static bool is_given(const struct completion *c, const char *name)
{
	size_t len = strlen(name);
	int i;

	for (i = 0; i < c->count; i++)
		if (strncmp(c->words[i], name, len) == 0 && c->words[i][len] == '=')
			return true;
	return false;
}

/* Names of fields, "prefix" before them and "=" behind. */
static void offer_field_names(
	const struct completion *c, const struct api_field *fields, const char *prefix, bool lists)
{
	const struct api_field *f;
	size_t len;
	char *name;

	for (f = fields; f->name != NULL; f++) {
		len = strlen(f->name);
		if ((f->flags & FIELD_KEY && *prefix == '\0') || f->flags & FIELD_ANSWER)
			continue;
		/* lists of structures are given item by item: endpoint= */
		if (f->kind == FIELD_LIST && lists && ends_with(f->name, "s"))
			len--;
		name = xprintf("%s%.*s", prefix, (int)len, f->name);
		if (f->kind == FIELD_LIST || !is_given(c, name))
			offer(c, name, f->kind == FIELD_OBJECT ? "." : "=");
		free(name);
	}
}

/* "endpoint=site=gj,port=": the field that the last comma begins. */
static void offer_item(struct completion *c, const struct api_field *list, size_t value_at)
{
	const char *value = c->current + value_at, *comma = strrchr(value, ',');
	const char *last = comma != NULL ? comma + 1 : value;
	size_t len = strcspn(last, "=");
	const struct api_field *f = intent_field(list->fields, last, len);
	char *prefix;

	if (last[len] == '=' && f != NULL) {
		prefix = xprintf("%.*s", (int)(last + len + 1 - c->current), c->current);
		offer_value(c, f, prefix);
	} else {
		prefix = xprintf("%.*s", (int)(last - c->current), c->current);
		offer_field_names(c, list->fields, prefix, false);
	}
	free(prefix);
}

static void offer_intent_fields(struct completion *c, const struct api_field *fields)
{
	size_t at = 0, part = strcspn(c->current, ".=");
	const struct api_field *f;
	char *prefix;

	f = intent_field(fields, c->current, part);
	if (c->current[part] == '\0') {
		offer_field_names(c, fields, "", true);
		return;
	}
	if (f != NULL && f->kind == FIELD_OBJECT && c->current[part] == '.') {
		at = part + 1;
		part = strcspn(c->current + at, "=");
		prefix = xprintf("%.*s", (int)at, c->current);
		if (c->current[at + part] == '\0')
			offer_field_names(c, f->fields, prefix, true);
		free(prefix);
		f = intent_field(f->fields, c->current + at, part);
	}
	if (f == NULL || c->current[at + part] != '=')
		return;
	if (f->kind == FIELD_LIST) {
		offer_item(c, f, at + part + 1);
		return;
	}
	prefix = xprintf("%.*s", (int)(at + part + 1), c->current);
	offer_value(c, f, prefix);
	free(prefix);
}

static void offer_filters(struct completion *c, const struct api_field *fields)
{
	static const char *const states[] = {
		"state=pending", "state=applied", "state=refused", "state=elsewhere", NULL};
	int i;

	for (i = 0; states[i] != NULL; i++)
		offer(c, "", states[i]);
	if (strncmp(c->current, "site=", 5) == 0 && intent_field(fields, "site", 4) == NULL)
		offer_intents(c, "site=", INTENT_SITE);
	else
		offer_intent_fields(c, fields);
}

static void offer_intent_key(struct completion *c)
{
	const struct noun *noun = c->count > 0 ? noun_find(c->words[0]) : NULL;
	int type;

	for (type = 0; c->count == 0 && type < INTENT_TYPES; type++)
		offer(c, "", nouns[type].name);
	if (c->count == 1 && noun != NULL && c->command == &command_export)
		offer_intents(c, "", (enum intent_type)noun->type);
}

static void offer_tokens(struct completion *c)
{
	json_t *answer = ask(c, xstrdup("/v1/tokens")), *item;
	size_t i;

	json_array_foreach (json_object_get(answer, "items"), i, item)
		offer(c, "", json_text(item, "id"));
	json_decref(answer);
}

static void offer_new_token(const struct completion *c)
{
	static const char *const words[] = {"role=metrics", "role=viewer", "role=tenant",
		"role=operator", "role=admin", "tenant=", "expires=", NULL};
	int i;

	for (i = 0; words[i] != NULL && c->count > 0; i++)
		offer(c, "", words[i]);
}

bool offer_intent_arguments(struct completion *c)
{
	const struct noun *noun = c->group->noun;
	const struct api_field *fields = noun != NULL ? intent_types[noun->type].fields : NULL;
	int i;

	switch (c->command->words) {
	case WORD_INTENT_CREATE:
	case WORD_INTENT_SET:
		if (c->count > 0)
			offer_intent_fields(c, fields);
		else if (c->command->words == WORD_INTENT_SET)
			offer_intents(c, "", (enum intent_type)noun->type);
		return true;
	case WORD_INTENT_MATCH:
		offer_filters(c, fields);
		return true;
	case WORD_INTENT_NAME:
	case WORD_INTENT_NAMES:
		if (c->count == 0 || c->command->words == WORD_INTENT_NAMES)
			offer_intents(c, "", (enum intent_type)noun->type);
		return true;
	case WORD_INTENT_KEY:
		offer_intent_key(c);
		return true;
	case WORD_CHOICE:
		for (i = 0; c->count == 0 && c->command->choices[i] != NULL; i++)
			offer(c, "", c->command->choices[i]);
		return true;
	case WORD_TOKEN:
		offer_tokens(c);
		return true;
	case WORD_TOKEN_NEW:
		offer_new_token(c);
		return true;
	default:
		return false;
	}
}
