/* SPDX-License-Identifier: BSD-3-Clause */
/* What the running dataplane knows, for completion: quick, silent, and nothing when it does not
 * answer. Owns the connection. */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include <jansson.h>

struct live {
	const char *socket;
	struct client *client;
	int failed; /* do not try again: a person waits for the tab key */
};

void live_close(struct live *live);

/* Objects of a type, the first thousand; match may be NULL and is stolen. A new array, or NULL. */
json_t *live_objects(struct live *live, const char *type, json_t *match);
/* The keys stats has for a type: a new object {KEY: …}, or NULL. */
json_t *live_stats(struct live *live, const char *type);
/* The match tables: a new array of {name, …}, or NULL. */
json_t *live_tables(struct live *live);

#endif
