/* SPDX-License-Identifier: BSD-3-Clause */
/* The one client that has the trace armed. Main thread only. */
#ifndef RPC_TRACE_CLIENT_H
#define RPC_TRACE_CLIENT_H

struct client;

void trace_client_poll(void); /* sends finished records, ends on time */
void trace_client_gone(const struct client *client);
void trace_client_stop(void);

#endif
