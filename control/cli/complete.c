/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice __complete WORDS…: what the last word could become, one candidate a line. The words are
 * those behind `sluice` up to the cursor, the last one perhaps empty. ":files" means: a file name.
 * Answers from the descriptions of commands and types, and from live objects: quick and silent, and
 * no names without an answer in half a second. Owns the connections. */
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "client.h"
#include "fields.h"
#include "intent.h"
#include "text.h"
#include "words.h"

/* ---- what the running dataplane knows ---- */

#define PATIENCE_MS 500
#define ENOUGH	    1000

struct live {
	const char *socket;
	struct client *client;
	int failed; /* do not try again: a person waits for the tab key */
};

struct completion {
	struct live live;
	struct cli cli; /* how to reach sluice-control */
	const char *current;
	char **words; /* before the current one, without options; later without the command's */
	int count;
	const struct group *group;	   /* NULL: not yet known */
	const struct command *command;	   /* NULL: not yet known */
	const struct option_def *value_of; /* the option whose value the current word is */
	bool file_value;		   /* of an option of every command */
};

static void live_close(struct live *live)
{
	client_close(live->client);
	live->client = NULL;
}

/* What stands under `name` in the result, or NULL. params is stolen. */
static json_t *live_call(struct live *live, const char *method, json_t *params, const char *name)
{
	json_t *answer = NULL, *found = NULL;

	if (live->client == NULL && !live->failed)
		live->failed = client_open(live->socket, PATIENCE_MS, &live->client) < 0;
	if (!live->failed)
		live->failed = client_call(live->client, method, params, &answer) < 0;
	if (!live->failed)
		found = json_incref(json_object_get(json_object_get(answer, "result"), name));
	if (!live->failed)
		json_decref(answer);
	json_decref(params);
	return found;
}

/* Objects of a type, the first thousand; match may be NULL and is stolen. A new array, or NULL. */
static json_t *live_objects(struct live *live, const char *type, json_t *match)
{
	return live_call(live, "list",
		json_pack("{s:s, s:i, s:o*}", "type", type, "limit", ENOUGH, "match", match),
		"objects");
}

/* The keys stats has for a type: a new object {KEY: …}, or NULL. */
static json_t *live_stats(struct live *live, const char *type)
{
	return live_call(live, "stats", json_pack("{s:s}", "type", type), "objects");
}

/* The match tables: a new array of {name, …}, or NULL. */
static json_t *live_tables(struct live *live)
{
	return live_call(live, "table.list", NULL, "tables");
}

/* ---- words of dp ---- */

static void offer(const struct completion *c, const char *prefix, const char *text);

static void offer_types(const struct completion *c, bool stats)
{
	int i;

	for (i = 0; i < OBJECT_TYPES; i++)
		offer(c, "", api_types[i].name);
	for (i = 0; stats && stats_types[i] != NULL; i++)
		offer(c, "", stats_types[i]);
}

/* The different values one field has in the objects. objects is stolen and may be NULL. */
static void offer_values(
	const struct completion *c, const char *prefix, json_t *objects, const char *field)
{
	json_t *seen = json_object(), *object;
	const char *text;
	size_t i;

	json_array_foreach (objects, i, object) {
		text = json_string_value(json_object_get(object, field));
		if (text == NULL || json_object_get(seen, text) != NULL)
			continue;
		json_object_set_new(seen, text, json_true());
		offer(c, prefix, text);
	}
	json_decref(seen);
	json_decref(objects);
}

static void offer_names(struct completion *c, const char *prefix, const char *type)
{
	offer_values(c, prefix, live_objects(&c->live, type, NULL), "name");
}

/* "tunnel:" is followed by a tunnel, "attachment:" by an attachment. */
static void offer_via_place(struct completion *c, const char *prefix, const char *text)
{
	bool tunnel = strncmp(text, "tunnel:", 7) == 0;
	char *longer;

	if (!tunnel && strncmp(text, "attachment:", 11) != 0) {
		offer(c, prefix, "tunnel:");
		offer(c, prefix, "attachment:");
		return;
	}
	longer = xprintf("%s%s:", prefix, tunnel ? "tunnel" : "attachment");
	offer_names(c, longer, tunnel ? "tunnel" : "attachment");
	free(longer);
}

/* "via=…@" is followed by a port, or by one of those. */
static void offer_via(struct completion *c, const char *prefix, const char *value)
{
	const char *at = strchr(value, '@');
	char *longer;

	if (at == NULL || strncmp(value, "tunnel:", 7) == 0 ||
		strncmp(value, "attachment:", 11) == 0) {
		offer_via_place(c, prefix, value);
		return;
	}
	longer = xprintf("%s%.*s", prefix, (int)(at - value) + 1, value);
	offer_names(c, longer, "port");
	offer_via_place(c, longer, at + 1);
	free(longer);
}

/* The current word is "field=…". */
static void offer_field_value(struct completion *c, const struct api_type *type, bool match)
{
	size_t len = strcspn(c->current, "=");
	const struct api_field *f = field_find(type, c->current, len);
	char prefix[64];
	int i;

	if (f == NULL)
		return;
	snprintf(prefix, sizeof(prefix), "%s=", f->name);
	for (i = 0; f->kind == FIELD_ENUM && f->names[i] != NULL; i++)
		offer(c, prefix, f->names[i]);
	if (f->kind == FIELD_BOOL) {
		offer(c, prefix, "true");
		offer(c, prefix, "false");
	} else if (f->kind == FIELD_VIA) {
		offer_via(c, prefix, c->current + len + 1);
	} else if (f->ref >= 0) {
		offer_names(c, prefix, api_types[f->ref].name);
	} else if (type->type == OBJECT_ROUTE && strcmp(f->name, "table") == 0) {
		offer(c, prefix, "underlay");
		offer_names(c, prefix, "slice");
	} else if (f->kind != FIELD_ENUM && (match || (f->flags & FIELD_KEY))) {
		offer_values(c, prefix, live_objects(&c->live, type->name, NULL), f->name);
	}
}

static bool field_given(const struct completion *c, const struct api_field *f)
{
	size_t len = strlen(f->name);
	int i;

	for (i = 1; i < c->count; i++)
		if (strncmp(c->words[i], f->name, len) == 0 && c->words[i][len] == '=')
			return true;
	return false;
}

/* "ue.ipv4=" */
static void offer_inner(const struct completion *c, const struct api_field *outer)
{
	const struct api_field *f;
	char *name;

	for (f = outer->fields; f->name != NULL; f++) {
		name = xprintf("%s.%s", outer->name, f->name);
		offer(c, name, "=");
		free(name);
	}
}

static void offer_fields(struct completion *c, bool match)
{
	const struct api_type *type = api_type_find(c->words[0]);
	const struct api_field *f;

	if (type == NULL)
		return;
	if (strchr(c->current, '=') != NULL) {
		offer_field_value(c, type, match);
		return;
	}
	for (f = type->fields; f->name != NULL; f++) {
		if ((f->flags & FIELD_ANSWER) && !match)
			continue;
		if (field_given(c, f) && f->kind != FIELD_VIA)
			continue;
		offer(c, f->name, "=");
		if (f->kind == FIELD_OBJECT)
			offer_inner(c, f);
	}
}

/* The index-th word of an object's key; port and attachment of an address are one. */
static const char *key_word(const struct api_type *type, const json_t *object, int index,
	const struct api_field **field)
{
	const struct api_field *f;
	const char *text;
	int at = 0;

	for (f = type->fields; f->name != NULL; f++) {
		if (!(f->flags & FIELD_KEY))
			continue;
		text = json_string_value(json_object_get(object, f->name));
		if ((f->flags & FIELD_EITHER) && object != NULL && text == NULL)
			continue; /* the other one is the place */
		if (at++ == index) {
			if (field != NULL)
				*field = f;
			return text;
		}
	}
	return NULL;
}

/* Does the object's key start with the words given of it? */
static bool key_starts(const struct api_type *type, const json_t *object, char **words, int count)
{
	const char *text;
	int i;

	for (i = 0; i < count; i++) {
		text = key_word(type, object, i, NULL);
		if (text == NULL || strcmp(text, words[i]) != 0)
			return false;
	}
	return true;
}

/* The next word of a key whose words so far are given. */
static void offer_key(struct completion *c, const struct api_type *type, char **words, int count)
{
	json_t *seen = json_object(), *objects, *match = NULL, *object;
	const struct api_field *first = NULL;
	const char *text;
	size_t i;

	key_word(type, NULL, 0, &first);
	/* a box has far more MACs than a page, so the first word comes from the slices and narrows
	 * the rest */
	if (count == 0 && first->ref >= 0 && !(first->flags & FIELD_EITHER)) {
		json_decref(seen);
		offer_names(c, "", api_types[first->ref].name);
		return;
	}
	if (count > 0 && !(first->flags & FIELD_EITHER))
		match = json_pack("{s:s}", first->name, words[0]);
	objects = live_objects(&c->live, type->name, match);
	json_array_foreach (objects, i, object) {
		if (!key_starts(type, object, words, count))
			continue;
		text = key_word(type, object, count, NULL);
		if (text == NULL || json_object_get(seen, text) != NULL)
			continue;
		json_object_set_new(seen, text, json_true());
		offer(c, "", text);
	}
	json_decref(objects);
	json_decref(seen);
}

static void offer_keys(struct completion *c)
{
	const struct api_type *type = api_type_find(c->words[0]);
	int given = c->count - 1, per_key;
	json_t *stats, *value;
	const char *key;

	if (type != NULL) {
		per_key = key_words(type, NULL, 0);
		if (c->command == &command_get && given >= per_key)
			return;
		given %= per_key;
		offer_key(c, type, c->words + c->count - given, given);
		return;
	}
	stats = c->command == &command_stats ? live_stats(&c->live, c->words[0]) : NULL;
	json_object_foreach (stats, key, value)
		offer(c, "", key);
	json_decref(stats);
}

/* ---- words of sluice-control's commands ---- */

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

static bool offer_intent_arguments(struct completion *c)
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

/* ---- the line ---- */

static void offer(const struct completion *c, const char *prefix, const char *text)
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
