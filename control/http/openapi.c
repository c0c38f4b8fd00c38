/* SPDX-License-Identifier: BSD-3-Clause */
/* OpenAPI 3.1 of the tables of routes and of the intents' types: what is served is what is
 * described. The caller owns what it gets. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "http.h"
#include "schema.h"
#include "intent_types.h"

#define PROBLEM_REF "#/components/responses/problem"
#define DRY_RUN	    "#/components/schemas/dry-run"

/* "#/components/schemas/slice" or JSON text → schema; NULL text: anything. */
static json_t *schema_of(const char *text)
{
	if (!text)
		return json_true();
	if (*text == '#')
		return json_pack("{s:s}", "$ref", text);
	return json_loads(text, JSON_DECODE_ANY, NULL);
}

static json_t *content(const char *type, json_t *schema)
{
	return json_pack("{s:{s:o}}", type, "schema", schema);
}

/* ---- parameters ---- */

static void add_path_parameters(const struct route *route, json_t *out)
{
	for (const char *at = route->path; (at = strchr(at, '{')); at++)
		json_array_append_new(
			out, json_pack("{s:s%, s:s, s:b, s:{s:s, s:i}}", "name", at + 1,
				     strcspn(at + 1, "}"), "in", "path", "required", 1, "schema",
				     "type", "string", "minLength", 1));
}

static bool has_query(const struct route *route, const char *name)
{
	for (const struct route_query *query = route->query; query && query->name; query++)
		if (!strcmp(query->name, name))
			return true;
	return false;
}

static void add_header(json_t *out, const char *name, const char *help)
{
	json_array_append_new(
		out, json_pack("{s:s, s:s, s:s, s:{s:s}}", "name", name, "in", "header",
			     "description", help, "schema", "type", "string"));
}

static bool path_ends(const struct route *route, const char *end)
{
	size_t length = strlen(route->path), tail = strlen(end);

	return length >= tail && !strcmp(route->path + length - tail, end);
}

/* What rest.h promises for intents: changes of them take a dry run, and one of them has an ETag. */
static void add_headers(const struct route *route, json_t *out)
{
	bool changes = has_query(route, "dry_run"), one = strchr(route->path, '{') != NULL;

	if (changes)
		add_header(out, "Idempotency-Key",
			"the same request with the same key has the same answer, for a day");
	if (changes && one)
		add_header(out, "If-Match", "only if it still has this ETag; else 412");
	if (one && !strcmp(route->method, "PUT"))
		add_header(out, "If-None-Match", "*: only if it is not there");
	if (!strcmp(route->method, "GET") && path_ends(route, "/{name}"))
		add_header(out, "If-None-Match",
			"304 if it still has this ETag, which is of the status, too");
}

static json_t *query_schema(const struct route_query *query)
{
	static const char *const types[] = {
		[QUERY_TEXT] = "string", [QUERY_FLAG] = "boolean", [QUERY_NUMBER] = "integer"};
	json_t *words = json_array(), *out;

	for (const char *const *word = query->words; word && *word; word++)
		json_array_append_new(words, json_string(*word));
	if (query->kind == QUERY_WORD)
		return json_pack("{s:o}", "enum", words);
	json_decref(words);
	out = json_pack("{s:s}", "type", types[query->kind]);
	if (query->kind == QUERY_NUMBER)
		json_object_set_new(out, "minimum", json_integer(query->min));
	if (query->kind == QUERY_NUMBER && query->max < INT64_MAX)
		json_object_set_new(out, "maximum", json_integer(query->max));
	if (query->preset)
		json_object_set_new(out, "default", json_integer(query->preset));
	return out;
}

static json_t *parameters(const struct route *route)
{
	json_t *out = json_array();

	add_path_parameters(route, out);
	for (const struct route_query *query = route->query; query && query->name; query++)
		json_array_append_new(
			out, json_pack("{s:s, s:s, s:s, s:o}", "name", query->name, "in", "query",
				     "description", query->help ? query->help : "", "schema",
				     query_schema(query)));
	add_headers(route, out);
	return out;
}

/* ---- bodies and answers ---- */

static json_t *request_content(const struct route *route)
{
	json_t *out = content("application/json", schema_of(route->body));

	if (!strcmp(route->method, "PATCH"))
		json_object_set_new(out, "application/merge-patch+json",
			json_pack("{s:o}", "schema", schema_of(route->body)));
	return json_pack("{s:b, s:o}", "required", 1, "content", out);
}

/* A text has no structure to describe. */
static json_t *result_schema(const struct route *route)
{
	return route->produces && strcmp(route->produces, "application/json")
		       ? json_pack("{s:s}", "type", "string")
		       : schema_of(route->result);
}

/* schema NULL: it has no body. Returns the answer. */
static json_t *put_answer(
	json_t *out, const char *status, const char *text, const char *type, json_t *schema)
{
	json_t *answer = json_pack("{s:s}", "description", text);

	if (schema)
		json_object_set_new(
			answer, "content", content(type ? type : "application/json", schema));
	json_object_set_new(out, status, answer);
	return answer;
}

static void answer_header(json_t *answer, const char *name, const char *help)
{
	json_t *headers = json_object_get(answer, "headers");

	if (!headers) {
		headers = json_object();
		json_object_set_new(answer, "headers", headers);
	}
	json_object_set_new(headers, name,
		json_pack("{s:s, s:{s:s}}", "description", help, "schema", "type", "string"));
}

/* What is answered when it was done, as rest.h promises for each method. */
static void put_done(const struct route *route, json_t *out)
{
	bool post = !strcmp(route->method, "POST"), put = !strcmp(route->method, "PUT");
	bool takes_away = !strcmp(route->method, "DELETE"), dry = has_query(route, "dry_run");
	json_t *schema = result_schema(route), *done, *made;

	if (takes_away && dry) {
		put_answer(out, "200", "what dry_run would have done", NULL, schema_of(DRY_RUN));
		json_decref(schema);
	} else {
		if (dry)
			schema = json_pack("{s:[o,o]}", "anyOf", schema, schema_of(DRY_RUN));
		done = put_answer(out, "200",
			dry ? "done, or what dry_run would have done" : "done", route->produces,
			schema);
		if (dry && !post && path_ends(route, "/{name}"))
			answer_header(done, "ETag", "its revision: for If-Match");
		if (!strcmp(route->method, "GET") && path_ends(route, "/{name}")) {
			answer_header(done, "ETag",
				"of specification and status: for If-None-Match, "
				"and If-Match of a change");
			put_answer(out, "304", "as it was", NULL, NULL);
		}
	}
	if (post || put) {
		made = put_answer(out, "201", "made", route->produces, result_schema(route));
		if (route->body && *route->body == '#') { /* one intent, as rest.h has them */
			answer_header(made, "ETag", "its revision: for If-Match");
			answer_header(made, "Location", "where it is");
		}
	}
	if (takes_away)
		put_answer(out, "204", "taken away", NULL, NULL);
}

/* Which refusals a call may meet. */
static void put_refusals(const struct route *route, json_t *out)
{
	bool changes = has_query(route, "dry_run"), body = route->body != NULL;
	const struct {
		const char *status;
		bool is_met;
	} all[] = {{"400", true}, {"401", route->least != ROLE_NONE},
		{"403", route->least != ROLE_NONE},
		{"404", strchr(route->path, '{') || changes || has_query(route, "key")},
		{"409", changes || body}, {"412", changes}, {"413", body}, {"415", body},
		{"422", changes || body}, {"429", true}, {"503", true}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].is_met && !json_object_get(out, all[i].status))
			json_object_set_new(
				out, all[i].status, json_pack("{s:s}", "$ref", PROBLEM_REF));
	json_object_set_new(out, "default", json_pack("{s:s}", "$ref", PROBLEM_REF));
}

static json_t *responses(const struct route *route)
{
	json_t *out = json_object();

	put_done(route, out);
	put_refusals(route, out);
	return out;
}

static json_t *operation(const struct route *route)
{
	json_t *out = json_pack("{s:s, s:s, s:o, s:o, s:s}", "operationId", route->id, "summary",
		route->summary ? route->summary : route->id, "parameters", parameters(route),
		"responses", responses(route), "x-least-role", role_names[route->least]);

	if (route->tag)
		json_object_set_new(out, "tags", json_pack("[s]", route->tag));
	if (route->body)
		json_object_set_new(out, "requestBody", request_content(route));
	if (route->least == ROLE_NONE)
		json_object_set_new(out, "security", json_array());
	return out;
}

/* ---- the document ---- */

static json_t *paths(const struct route *const *tables)
{
	json_t *out = json_object();

	for (; *tables; tables++)
		for (const struct route *route = *tables; route->method; route++) {
			json_t *item = json_object_get(out, route->path);
			char method[16] = "";

			if (!item) {
				item = json_object();
				json_object_set_new(out, route->path, item);
			}
			for (size_t i = 0; route->method[i] && i < sizeof(method) - 1; i++)
				method[i] = tolower(route->method[i]);
			json_object_set_new(item, method, operation(route));
		}
	return out;
}

static json_t *tags(const struct route *const *tables)
{
	json_t *seen = json_object(), *out = json_array();

	for (; *tables; tables++)
		for (const struct route *route = *tables; route->method; route++) {
			if (!route->tag || json_object_get(seen, route->tag))
				continue;
			json_object_set_new(seen, route->tag, json_true());
			json_array_append_new(out, json_pack("{s:s}", "name", route->tag));
		}
	json_decref(seen);
	return out;
}

#define REFUSED                                                                                    \
	"{\"description\":\"what the dataplane of this site would refuse\",\"type\":\"array\","    \
	"\"items\":{\"type\":\"object\",\"required\":[\"kind\",\"name\",\"reason\"],"              \
	"\"properties\":{\"kind\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},"           \
	"\"reason\":{\"type\":\"string\"}}}}"

static json_t *problem_schema(void)
{
	static const char *const texts[] = {
		"type", "title", "detail", "field", "want", "got", "with", "by", NULL};
	json_t *properties = json_object();

	for (int i = 0; texts[i]; i++)
		json_object_set_new(properties, texts[i], json_pack("{s:s}", "type", "string"));
	json_object_set_new(properties, "status", json_pack("{s:s}", "type", "integer"));
	json_object_set_new(properties, "limit", json_pack("{s:s}", "type", "integer"));
	json_object_set_new(properties, "refused", schema_of(REFUSED));
	return json_pack("{s:s, s:s, s:o, s:[sss]}", "description",
		"RFC 9457: why not, and what to do", "type", "object", "properties", properties,
		"required", "type", "title", "status");
}

static json_t *dry_run_schema(void)
{
	return schema_of("{\"type\":\"object\",\"required\":[\"dry_run\",\"changes\",\"refused\","
			 "\"dataplane\"],"
			 "\"properties\":{\"dry_run\":{\"const\":true},\"changes\":{\"type\":"
			 "\"array\",\"items\":{\"type\":\"object\",\"required\":[\"kind\",\"name\","
			 "\"effect\"],\"properties\":{\"kind\":{\"type\":\"string\"},\"name\":{"
			 "\"type\":\"string\"},\"effect\":{\"enum\":[\"created\",\"updated\","
			 "\"deleted\"]},\"before\":{\"type\":[\"object\",\"null\"]},\"after\":{"
			 "\"type\":[\"object\",\"null\"]}}}},\"refused\":" REFUSED
			 ",\"dataplane\":{\"description\":\"was the one of this site asked what it "
			 "would refuse, and if not, why\",\"type\":\"object\",\"required\":["
			 "\"site\",\"asked\"],\"properties\":{\"site\":{\"type\":\"string\"},"
			 "\"asked\":{\"type\":\"boolean\"},\"why\":{\"type\":\"string\"}}}}}");
}

static json_t *schemas(void)
{
	json_t *out = json_object();

	for (int i = 0; i < INTENT_TYPES; i++)
		json_object_set_new(out, intent_types[i].name, api_type_schema(&intent_types[i]));
	json_object_set_new(out, "problem", problem_schema());
	json_object_set_new(out, "dry-run", dry_run_schema());
	return out;
}

static json_t *components(void)
{
	json_t *problem =
		content("application/problem+json", schema_of("#/components/schemas/problem"));

	return json_pack("{s:o, s:{s:{s:s, s:o}}, s:{s:{s:s, s:s, s:s}}}", "schemas", schemas(),
		"responses", "problem", "description", "refused", "content", problem,
		"securitySchemes", "bearer", "type", "http", "scheme", "bearer", "description",
		"over TCP; on the unix socket the peer's user counts, and a token goes before it");
}

json_t *openapi_document(const struct route *const *tables)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s, s:s}, s:[{s:[]}, {}], s:o, s:o, s:o}", "openapi",
		"3.1.0", "jsonSchemaDialect", "https://json-schema.org/draft/2020-12/schema",
		"info", "title", "Sluice", "version", SLUICE_VERSION, "description",
		"Intents of slices, and what the box makes of them", "security", "bearer", "tags",
		tags(tables), "paths", paths(tables), "components", components());
}
