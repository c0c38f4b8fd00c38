/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice __complete WORDS…: what the last word could become, one candidate a line. The words are
 * those behind `sluice` up to the cursor, the last one perhaps empty. ":files" means: a file name.
 * Answers from the descriptions of commands and types, and from live objects: quick and silent, and
 * no names without an answer in half a second. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "intent.h"

#define PATIENCE_MS 500
#define ENOUGH	    1000

struct completion {
	struct cli *cli;
	struct args args; /* the words before the current one */
	const char *current;
	bool failed; /* do not try again: a person waits for the tab key */
};

static void offer(const struct completion *c, const char *prefix, const char *text)
{
	char *whole = xprintf("%s%s", prefix, text);

	if (strncmp(whole, c->current, strlen(c->current)) == 0)
		puts(whole);
	free(whole);
}

/* A list of words that ends with NULL. */
static void offer_list(const struct completion *c, const char *prefix, const char *const *words)
{
	for (; *words != NULL; words++)
		offer(c, prefix, *words);
}

/* ---- what the running box knows ---- */

/* What stands under `name` in the dataplane's answer, or NULL. params is stolen. */
static json_t *live_call(struct completion *c, const char *method, json_t *params, const char *name)
{
	json_t *error = NULL, *result, *found;

	if (c->failed) {
		json_decref(params);
		return NULL;
	}
	result = cli_try(c->cli, method, params, &error);
	c->failed = result == NULL && error == NULL;
	found = json_incref(json_object_get(result, name));
	json_decref(result);
	json_decref(error);
	return found;
}

/* Objects of a type, the first thousand; match may be NULL and is stolen. A new array, or NULL. */
static json_t *live_objects(struct completion *c, const char *type, json_t *match)
{
	return live_call(c, "list",
		json_pack("{s:s, s:i, s:o*}", "type", type, "limit", ENOUGH, "match", match),
		"objects");
}

/* A text that has not been offered yet, and is one. */
static void offer_once(
	const struct completion *c, json_t *seen, const char *prefix, const char *text)
{
	if (*text == '\0' || json_object_get(seen, text) != NULL)
		return;
	json_object_set_new(seen, text, json_true());
	offer(c, prefix, text);
}

/* The different values one field has in the objects. objects is stolen and may be NULL. */
static void offer_values(
	const struct completion *c, const char *prefix, json_t *objects, const char *field)
{
	json_t *seen = json_object(), *object;
	size_t i;

	json_array_foreach (objects, i, object)
		offer_once(c, seen, prefix, json_text(object, field));
	json_decref(seen);
	json_decref(objects);
}

static void offer_names(struct completion *c, const char *prefix, const char *type)
{
	offer_values(c, prefix, live_objects(c, type, NULL), "name");
}

/* One field of the items that sluice-control answers for a path, which is freed. */
static void offer_items(struct completion *c, const char *prefix, char *path, const char *field)
{
	json_t *answer = control_peek(c->cli, path);

	offer_values(c, prefix, json_incref(json_object_get(answer, "items")), field);
	json_decref(answer);
	free(path);
}

static void offer_intents(struct completion *c, const char *prefix, int type)
{
	offer_items(c, prefix,
		xprintf("/v1/%s?limit=%d", intent_path((enum intent_type)type), ENOUGH), "name");
}

/* ---- field=value ---- */

/* "tunnel:" is followed by a tunnel, "attachment:" by an attachment, "ADDRESS@" by a port or by one
 * of those. */
static void offer_via(struct completion *c, const char *prefix, const char *value)
{
	static const char *const kinds[] = {"tunnel", "attachment"};
	const char *at = strchr(value, '@');
	char *longer;
	int i;

	for (i = 0; i < 2; i++) {
		longer = xprintf("%s%s:", prefix, kinds[i]);
		if (strncmp(c->current, longer, strlen(longer)) == 0) {
			offer_names(c, longer, kinds[i]);
			at = NULL;
		} else {
			offer(c, longer, "");
		}
		free(longer);
	}
	if (at == NULL)
		return;
	longer = xprintf("%s%.*s", prefix, (int)(at - value) + 1, value);
	offer_names(c, longer, "port");
	offer_via(c, longer, at + 1);
	free(longer);
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

/* type: whose field it is; value: what of it is there. */
static void offer_value(struct completion *c, const struct api_type *type,
	const struct api_field *f, const char *prefix, const char *value)
{
	static const char *const booleans[] = {"true", "false", NULL};
	int intent = is_intent() ? reference_of(f->name) : -1;

	if (f->kind == FIELD_ENUM)
		offer_list(c, prefix, f->names);
	else if (f->kind == FIELD_BOOL)
		offer_list(c, prefix, booleans);
	else if (f->kind == FIELD_VIA)
		offer_via(c, prefix, value);
	else if (intent >= 0)
		offer_intents(c, prefix, intent);
	else if (is_intent())
		return;
	else if (f->ref >= 0)
		offer_names(c, prefix, api_types[f->ref].name);
	else if (type->type == OBJECT_ROUTE && strcmp(f->name, "table") == 0) {
		offer(c, prefix, "underlay");
		offer_names(c, prefix, "slice");
	} else if (invocation.command->words == WORD_MATCH || (f->flags & FIELD_KEY)) {
		offer_values(c, prefix, live_objects(c, type->name, NULL), f->name);
	}
}

static bool is_given(const struct completion *c, const char *name)
{
	size_t len = strlen(name);
	int i;

	for (i = 0; i < c->args.count; i++)
		if (strncmp(c->args.words[i], name, len) == 0 && c->args.words[i][len] == '=')
			return true;
	return false;
}

/* Names of fields, "prefix" before them and "=" behind. The name of an intent is a word of its own;
 * lists of structures are given item by item: endpoint= */
static void offer_field_names(
	const struct completion *c, const struct api_field *fields, const char *prefix)
{
	bool match = invocation.command->words == WORD_MATCH;
	const struct api_field *f;
	char *name, *inner;

	for (f = fields; f->name != NULL; f++) {
		bool list = f->kind == FIELD_LIST, object = f->kind == FIELD_OBJECT;

		if ((f->flags & FIELD_ANSWER && !match) ||
			(f->flags & FIELD_KEY && is_intent() && *prefix == '\0'))
			continue;
		name = xprintf("%s%.*s", prefix,
			(int)strlen(f->name) - (list && ends_with(f->name, "s")), f->name);
		if (list || f->kind == FIELD_VIA || !is_given(c, name))
			offer(c, name, object && is_intent() ? "." : "=");
		if (object && !is_intent()) {
			inner = xprintf("%s.", name);
			offer_field_names(c, f->fields, inner);
			free(inner);
		}
		free(name);
	}
}

/* What may stand at c->current + at: a field's name, "outer.", or the value of a field; of a list
 * the item's field that the last comma begins: "endpoint=site=gj,port=". */
static void offer_fields(struct completion *c, const struct api_type *type,
	const struct api_field *fields, size_t at)
{
	const char *here = c->current + at, *comma;
	size_t part = strcspn(here, ".=");
	const struct api_field *f = field_find(fields, here, part);
	char *prefix = xprintf("%.*s", (int)(at + part + (here[part] == '=')), c->current);

	if (here[part] == '\0') {
		prefix[at] = '\0';
		offer_field_names(c, fields, prefix);
	} else if (f != NULL && f->kind == FIELD_OBJECT && here[part] == '.') {
		offer_fields(c, type, f->fields, at + part + 1);
	} else if (f != NULL && f->kind == FIELD_LIST && here[part] == '=') {
		comma = strrchr(here + part, ',');
		offer_fields(c, type, f->fields,
			comma != NULL ? (size_t)(comma + 1 - c->current) : at + part + 1);
	} else if (f != NULL && here[part] == '=') {
		offer_value(c, type, f, prefix, here + part + 1);
	}
	free(prefix);
}

static void offer_filters(struct completion *c, const struct api_type *type)
{
	static const char *const states[] = {
		"state=pending", "state=applied", "state=refused", "state=elsewhere", NULL};

	offer_list(c, "", states);
	if (strncmp(c->current, "site=", 5) == 0 && field_find(type->fields, "site", 4) == NULL)
		offer_intents(c, "site=", INTENT_SITE);
	else
		offer_fields(c, type, type->fields, 0);
}

/* ---- keys ---- */

/* The index-th word of an object's key, "" when it has no such; port and attachment of an address
 * are one. */
static const char *key_word(const struct api_type *type, const json_t *object, int index)
{
	const struct api_field *f;
	const char *text = "";

	for (f = type->fields; f->name != NULL && index >= 0; f++) {
		text = f->flags & FIELD_KEY ? json_text(object, f->name) : "";
		/* when it is not this one of them, the other one is the place */
		index -= f->flags & FIELD_KEY && (*text != '\0' || !(f->flags & FIELD_EITHER));
	}
	return index < 0 ? text : "";
}

/* The next word of a key whose words so far are given. */
static void offer_key(struct completion *c, const struct api_type *type, char **words, int count)
{
	const struct api_field *first = type->fields;
	json_t *seen, *objects, *match = NULL, *object;
	size_t i;
	int word;

	while (!(first->flags & FIELD_KEY))
		first++;
	/* a box has far more MACs than a page, so the first word comes from the slices and narrows
	 * the rest */
	if (count == 0 && first->ref >= 0 && !(first->flags & FIELD_EITHER)) {
		offer_names(c, "", api_types[first->ref].name);
		return;
	}
	if (count > 0 && !(first->flags & FIELD_EITHER))
		match = json_pack("{s:s}", first->name, words[0]);
	objects = live_objects(c, type->name, match);
	seen = json_object();
	json_array_foreach (objects, i, object) {
		for (word = 0; word < count; word++)
			if (strcmp(key_word(type, object, word), words[word]) != 0)
				break;
		if (word == count)
			offer_once(c, seen, "", key_word(type, object, count));
	}
	json_decref(objects);
	json_decref(seen);
}

static void offer_keys(struct completion *c, enum word_kind kind)
{
	const struct api_type *type = api_type_find(c->args.words[0]);
	int given = c->args.count - 1, per_key;
	char shape[160];
	json_t *stats, *value;
	const char *key;

	if (type != NULL) {
		per_key = key_words(type, shape, sizeof(shape));
		if (kind == WORD_KEY && given >= per_key)
			return;
		given %= per_key;
		offer_key(c, type, c->args.words + c->args.count - given, given);
	} else if (kind == WORD_STATS) {
		stats = live_call(
			c, "stats", json_pack("{s:s}", "type", c->args.words[0]), "objects");
		json_object_foreach (stats, key, value)
			offer(c, "", key);
		json_decref(stats);
	}
}

/* ---- the line ---- */

static void offer_events(const struct completion *c, const char *prefix, bool control)
{
	static const char *const dataplane[] = {"link", "link.up", "link.down", "port",
		"port.fault", "port.mended", "mac", "mac.learned", "mac.moved", "mac.aged", "usage",
		"downlink_data", "path", "path.up", "path.down", "error_indication", "neighbor",
		"neighbor_wanted", "neighbor_unwanted", NULL};
	static const char *const own[] = {"intent", "intent.created", "intent.updated",
		"intent.deleted", "intent.applied", "intent.refused", "dataplane", "drift",
		"auth.refused", "kernel", NULL};

	offer_list(c, prefix, dataplane);
	if (control)
		offer_list(c, prefix, own);
}

/* The words of a command that are about a type of objects. */
static void offer_objects(struct completion *c, enum word_kind kind)
{
	static const char *const counted[] = {"box", "worker", "stage", NULL};
	const struct api_type *type = c->args.count > 0 ? api_type_find(c->args.words[0]) : NULL;
	int i;

	for (i = 0; c->args.count == 0 && i < OBJECT_TYPES; i++)
		offer(c, "", api_types[i].name);
	if (c->args.count == 0 && kind == WORD_STATS)
		offer_list(c, "", counted);
	else if (c->args.count > 0 && kind >= WORD_KEY)
		offer_keys(c, kind);
	else if (type != NULL && kind != WORD_TYPE)
		offer_fields(c, type, type->fields, 0);
}

/* [TYPE [NAME]] of intents. */
static void offer_intent_key(struct completion *c, enum word_kind kind)
{
	int type;

	for (type = 0; c->args.count == 0 && type < INTENT_TYPES; type++)
		offer(c, "", groups[type].name);
	type = c->args.count == 1 ? intent_find(c->args.words[0]) : -1;
	if (type >= 0 && kind == WORD_INTENT_KEY)
		offer_intents(c, "", type);
}

/* The words of a command that is about a type of intents. */
static void offer_intent_words(struct completion *c, enum word_kind kind)
{
	int type = invocation.group->intent;

	if (kind == WORD_INTENT_MATCH)
		offer_filters(c, &intent_types[type]);
	else if (c->args.count > 0 && kind <= WORD_INTENT_SET)
		offer_fields(c, &intent_types[type], intent_types[type].fields, 0);
	else if (kind == WORD_INTENT_NAMES || (c->args.count == 0 && kind != WORD_INTENT_CREATE))
		offer_intents(c, "", type);
}

/* A word of a kind: of the command, or an option's value, which stands behind prefix. */
static void offer_word(struct completion *c, const char *prefix, enum word_kind kind, bool first)
{
	static const char *const token[] = {"role=metrics", "role=viewer", "role=tenant",
		"role=operator", "role=admin", "tenant=", "expires=", NULL};

	if (kind == WORD_FILE)
		puts(":files");
	else if (kind == WORD_EVENTS || kind == WORD_CONTROL_EVENTS)
		offer_events(c, prefix, kind == WORD_CONTROL_EVENTS);
	else if (kind == WORD_TOKEN)
		offer_items(c, prefix, xstrdup("/v1/tokens"), "id");
	else if (kind == WORD_TOKEN_NEW && !first)
		offer_list(c, prefix, token);
	else if (kind == WORD_SLICE && first)
		offer_names(c, prefix, "slice");
	else if (kind == WORD_PORT && first)
		offer_names(c, prefix, "port");
	else if (kind == WORD_TABLE && first)
		offer_values(c, prefix, live_call(c, "table.list", NULL, "tables"), "name");
	else if (kind == WORD_CHOICE && first)
		offer_list(c, prefix, invocation.command->choices);
}

static void offer_words(struct completion *c)
{
	enum word_kind kind = invocation.command->words;

	if (kind >= WORD_TYPE && kind <= WORD_STATS)
		offer_objects(c, kind);
	else if (kind >= WORD_INTENT_CREATE && kind <= WORD_INTENT_NAMES)
		offer_intent_words(c, kind);
	else if (kind == WORD_INTENT_TYPE || kind == WORD_INTENT_KEY)
		offer_intent_key(c, kind);
	else
		offer_word(c, "", kind, c->args.count == 0);
}

static void offer_options(struct completion *c)
{
	const struct option_def *options =
		invocation.command != NULL ? invocation.command->options : NULL;
	const struct option_def *o = option_find(options, c->current);
	const char *value = strchr(c->current, '=');
	char *prefix;

	if (o != NULL && value != NULL) {
		prefix = xprintf("%.*s", (int)(value - c->current) + 1, c->current);
		offer_word(c, prefix, o->word, true);
		free(prefix);
		return;
	}
	for (o = options; o != NULL && o->name != NULL; o++)
		offer(c, "--", o->name);
	/* the dataplane's socket, or how sluice-control is reached */
	for (o = global_options; strcmp(o->name, "version") != 0; o++)
		if (o->kind == OPTION_FLAG || invocation.group == NULL ||
			is_dp() == (strcmp(o->name, "socket") == 0))
			offer(c, "--", o->name);
}

/* The first word, or the one behind "dp", "token" or a type. */
static void offer_commands(const struct completion *c)
{
	const struct group *g;
	int i;

	for (g = groups; g->commands != NULL; g++)
		if (invocation.group == NULL && g->name != NULL)
			offer(c, "", g->name);
	for (g = groups; g->commands != NULL; g++)
		for (i = 0; g->commands[i] != NULL; i++)
			if (invocation.group != NULL ? g == invocation.group : g->name == NULL)
				offer(c, "", g->commands[i]->name);
}

void complete_run(struct cli *cli, char **words, int count)
{
	struct completion c = {.cli = cli, .current = count > 0 ? words[count - 1] : ""};
	const struct option_def *value_of;

	cli->patience_ms = PATIENCE_MS;
	value_of = args_parse_part(cli, words, count > 0 ? count - 1 : 0, &c.args);
	if (value_of != NULL)
		offer_word(&c, "", value_of->word, true);
	else if (c.current[0] == '-')
		offer_options(&c);
	else if (invocation.command != NULL)
		offer_words(&c);
	else if (c.args.count == 0)
		offer_commands(&c);
	args_free(&c.args);
}
