/* SPDX-License-Identifier: BSD-3-Clause */
/* See live.h. */
#include "client.h"
#include "live.h"

#define PATIENCE_MS 500
#define ENOUGH	    1000

void live_close(struct live *live)
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

json_t *live_objects(struct live *live, const char *type, json_t *match)
{
	return live_call(live, "list",
		json_pack("{s:s, s:i, s:o*}", "type", type, "limit", ENOUGH, "match", match),
		"objects");
}

json_t *live_stats(struct live *live, const char *type)
{
	return live_call(live, "stats", json_pack("{s:s}", "type", type), "objects");
}

json_t *live_tables(struct live *live)
{
	return live_call(live, "table.list", NULL, "tables");
}
