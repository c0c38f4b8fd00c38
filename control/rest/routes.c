/* SPDX-License-Identifier: BSD-3-Clause */
/* What calls there are for intents, one set a type; the handlers know the type by its arg. Also
 * OpenAPI, which is made of all tables. */
#include <string.h>

#include "change.h"
#include "making.h"

const struct route_query rest_change_query[] = {
	{"dry_run", "check it and say what would change, but change nothing", .kind = QUERY_FLAG},
	{"check",
		"false: make the change though the dataplane here would refuse it, without asking "
		"it first; what is refused is tried again when what is in the way has gone",
		.kind = QUERY_FLAG},
	{"wait", "seconds that the answer may wait until the dataplane has it; default 0",
		.kind = QUERY_NUMBER, .max = 60},
	{NULL}};

static const struct route_query list_query[] = {PAGE_LIMIT,
	{"after", "next of the page before", .kind = QUERY_TEXT},
	{"tenant", "of this tenant only", .kind = QUERY_TEXT},
	{"state", "in this state only", .kind = QUERY_WORD, .words = intent_state_names},
	{"site", "of this site only", .kind = QUERY_TEXT}, {NULL}};

/* What answers add to what was asked for; a schema that refuses other fields cannot be $ref'd. */
#define SHOWN(kind)                                                                                \
	"{\"type\":\"object\",\"description\":\"the fields of schema " kind                        \
	", and how it stands\",\"required\":[\"kind\",\"name\",\"meta\",\"status\"],"              \
	"\"properties\":{\"kind\":{\"const\":\"" kind "\"},\"name\":{\"type\":\"string\"},"        \
	"\"meta\":{\"type\":\"object\",\"properties\":{\"revision\":{\"type\":\"integer\"},"       \
	"\"created_us\":{\"type\":\"integer\"},\"updated_us\":{\"type\":\"integer\"},"             \
	"\"updated_by\":{\"type\":\"string\"}}},\"status\":{\"type\":\"object\",\"required\":["    \
	"\"state\"],\"properties\":{\"state\":{\"enum\":[\"pending\",\"applied\",\"refused\","     \
	"\"elsewhere\"]},\"reason\":{\"type\":\"string\"},\"since_us\":{\"type\":\"integer\"}}}}}"
#define LIST(item)                                                                                 \
	"{\"type\":\"object\",\"required\":[\"items\"],\"properties\":{\"items\":{\"type\":"       \
	"\"array\",\"items\":" item "},\"next\":{\"type\":\"string\"}}}"

#define ROUTES(type, path, kind, one, many, least, tag)                                            \
	{"GET", path, intent_list, ROLE_VIEWER, "list" many, "The " kind "s, in order of names",   \
		tag, NULL, LIST(SHOWN(kind)), NULL, list_query, (void *)type},                     \
		{"POST", path, intent_write, least, "create" one, "Makes a " kind, tag,            \
			"#/components/schemas/" kind, SHOWN(kind), NULL, rest_change_query,        \
			(void *)type},                                                             \
		{"GET", path "/{name}", intent_get, ROLE_VIEWER, "get" one, "One " kind, tag,      \
			NULL, SHOWN(kind), NULL, NULL, (void *)type},                              \
		{"PUT", path "/{name}", intent_write, least, "put" one,                            \
			"Makes a " kind ", or puts another in its place", tag,                     \
			"#/components/schemas/" kind, SHOWN(kind), NULL, rest_change_query,        \
			(void *)type},                                                             \
		{"PATCH", path "/{name}", intent_write, least, "patch" one,                        \
			"Changes some fields of a " kind " (JSON Merge Patch)", tag,               \
			"{\"type\":\"object\"}", SHOWN(kind), NULL, rest_change_query,             \
			(void *)type},                                                             \
		{"DELETE", path "/{name}", intent_write, least, "delete" one,                      \
			"Takes a " kind " away", tag, NULL, NULL, NULL, rest_change_query,         \
			(void *)type},                                                             \
	{                                                                                          \
		"GET", path "/{name}/history", intent_history, ROLE_VIEWER, "history" one,         \
			"What a " kind " was, newest first", tag, NULL, HISTORY_PAGE, NULL,        \
			rest_page_query, (void *)type                                              \
	}

const struct route rest_intent_routes[] = {
	ROUTES(INTENT_SITE, "/v1/sites", "site", "Site", "Sites", ROLE_OPERATOR, "sites"),
	ROUTES(INTENT_WAN, "/v1/wans", "wan", "Wan", "Wans", ROLE_OPERATOR, "wans"),
	ROUTES(INTENT_SLICE, "/v1/slices", "slice", "Slice", "Slices", ROLE_TENANT, "slices"),
	ROUTES(INTENT_HOST, "/v1/hosts", "host", "Host", "Hosts", ROLE_TENANT, "hosts"),
	ROUTES(INTENT_NETWORK, "/v1/virtual-dedicated-networks", "virtual-dedicated-network",
		"VirtualDedicatedNetwork", "VirtualDedicatedNetworks", ROLE_TENANT,
		"virtual-dedicated-networks"),
	ROUTES(INTENT_LOCAL_NETWORK, "/v1/local-data-networks", "local-data-network",
		"LocalDataNetwork", "LocalDataNetworks", ROLE_TENANT, "local-data-networks"),
	ROUTES(INTENT_SESSION, "/v1/sessions", "session", "Session", "Sessions", ROLE_TENANT,
		"sessions"),
	ROUTES(INTENT_TENANT, "/v1/tenants", "tenant", "Tenant", "Tenants", ROLE_OPERATOR,
		"tenants"),
	{NULL},
};

/* The tables do not change: it is made once. */
static void openapi_get(struct request *r)
{
	static struct shared_text *text;

	if (!text) {
		json_t *document = openapi_document(control.routes);
		char *bytes = json_dumps(document, JSON_COMPACT);

		text = shared_text_new(bytes, strlen(bytes));
		json_decref(document);
	}
	reply_shared(r, "application/json", text);
}

const struct route rest_openapi_routes[] = {
	{"GET", "/v1/openapi.json", openapi_get, ROLE_VIEWER, "getOpenapi",
		"This description of all calls", "about", NULL, "{\"type\":\"object\"}", NULL, NULL,
		NULL},
	{NULL},
};
