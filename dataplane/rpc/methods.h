/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods of the socket, one function each; dispatch.c holds the table. params is an object
 * whose names were checked. 0 and *result (a new reference), or -1 with err and nothing changed.
 * client is NULL for --config and tests. */
#ifndef RPC_METHODS_H
#define RPC_METHODS_H

#include <jansson.h>

#include "errors.h"

struct client;

#define METHOD(name)                                                                               \
	int name(struct client *client, const json_t *params, json_t **result,                     \
		struct rpc_error *err)

METHOD(method_put);
METHOD(method_delete);
METHOD(method_transaction);
METHOD(method_sync);
METHOD(method_groups);
METHOD(method_get);
METHOD(method_list);
METHOD(method_stats);
METHOD(method_drops);
METHOD(method_drops_help);
METHOD(method_table_list);
METHOD(method_table_read);
METHOD(method_watch);
METHOD(method_trace);

#endif
