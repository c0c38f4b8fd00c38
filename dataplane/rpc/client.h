/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection: its lines in, its answers and events out, both bounded. Main thread only. */
#ifndef RPC_CLIENT_H
#define RPC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct client;
struct event_base;

/* What a line is answered with: text without newline (freed with budget_free_text), NULL: nothing.
 */
typedef char *client_answer(struct client *client, const char *line, size_t len);

/* Takes over fd (also on failure): 0 or -errno. uid: the peer's. */
int client_open(struct event_base *base, int fd, uid_t uid, client_answer *answer);
/* Makes room for one more: of the user with the most connections (so that nobody shuts out
 * another), the one that has been silent for longest is told so and closed, one that watches events
 * last. */
void client_evict(void);
void client_close_all(void);
uint32_t client_count(void);

/* An event for one client, a whole line without newline: dropped and counted when the client does
 * not read. */
void client_notify(struct client *client, const char *text, size_t len);
/* For every client that watches any of these (EVENT_...). */
void client_notify_watchers(unsigned events, const char *text, size_t len);

unsigned *client_watch(struct client *client); /* its mask of EVENT_... */
unsigned client_watched(void);		       /* of all clients together */
uint64_t client_events_lost(void);	       /* since the start */

#endif
