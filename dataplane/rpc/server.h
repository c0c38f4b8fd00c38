/* SPDX-License-Identifier: BSD-3-Clause */
/* The socket of the switch (contract.md, "The socket"). Everything runs on the main thread, from
 * its event loop. */
#ifndef RPC_SERVER_H
#define RPC_SERVER_H

#include "errors.h"

struct event_base;

/* Listens at path (mode 0660): 0 or -errno (-EADDRINUSE: somebody answers there already). Hooks
 * fdb_on_event. */
int rpc_start(struct event_base *base, const char *path);

/* Closes all connections, removes the socket and forgets the model; the workers' state is not
 * touched. */
void rpc_stop(void);

/* --config: a JSON file with the params of one `transaction`. 0 or -1 with err. Works before
 * rpc_start. */
int rpc_apply_config(const char *file, struct rpc_error *err);

/* Traces, and what waits; called by the main loop about every 100 ms. */
void rpc_poll(void);

#endif
