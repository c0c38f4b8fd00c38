/* SPDX-License-Identifier: BSD-3-Clause */
/* Events for watchers: links, MACs, next hops that are wanted, and the user plane's (events_upf.c).
 * Main thread only. */
#ifndef RPC_EVENTS_H
#define RPC_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct client;
struct object;

#define EVENT_LINK_UP	  0x01u
#define EVENT_LINK_DOWN	  0x02u
#define EVENT_LINK	  (EVENT_LINK_UP | EVENT_LINK_DOWN)
#define EVENT_MAC_LEARNED 0x04u
#define EVENT_MAC_MOVED	  0x08u
#define EVENT_MAC_AGED	  0x10u
#define EVENT_USAGE	  0x20u
#define EVENT_DOWNLINK	  0x40u
#define EVENT_PATH_UP	  0x80u
#define EVENT_PATH_DOWN	  0x100u
#define EVENT_PATH	  (EVENT_PATH_UP | EVENT_PATH_DOWN)
#define EVENT_ERROR	  0x200u
#define EVENT_WANTED	  0x400u
#define EVENT_UNWANTED	  0x800u
#define EVENT_NEIGHBOR	  (EVENT_WANTED | EVENT_UNWANTED)
#define EVENT_PORT_FAULT  0x1000u
#define EVENT_PORT_MENDED 0x2000u
#define EVENT_GROUPS	  0x4000u
#define EVENT_PORT	  (EVENT_PORT_FAULT | EVENT_PORT_MENDED)
/* What the control plane accounts and acts by: dropped for a slow watcher only when far more waits
 * than of other events. */
#define EVENT_REPORTS                                                                              \
	(EVENT_USAGE | EVENT_DOWNLINK | EVENT_PATH | EVENT_ERROR | EVENT_NEIGHBOR | EVENT_GROUPS)
#define EVENT_MAC     (EVENT_MAC_LEARNED | EVENT_MAC_MOVED | EVENT_MAC_AGED)

void events_start(void); /* hooks the MAC table's events */
void events_stop(void);
/* The links of these ports (a bit each) changed: after what follows from it for packets. */
void events_links(uint64_t ports);
/* Nothing comes in by that port, and why; "": it does again. */
void events_port(const struct object *port, const char *fault);
/* What has become of groups that were kept (sync_pending.h): a list, stolen. */
void events_groups(json_t *groups);
/* Which next hops paths want, a bounded number at a time: true when there may be more. */
bool events_hops(void);

/* The value of upf_on_event (pipelines/upf/state/event.h). */
struct upf_event;
void events_upf(const struct upf_event *event);

/* {"jsonrpc":..., "method":"event", "params":params} as text (free with budget_free_text); takes
 * over params. */
char *event_text(json_t *params);
/* The same, to one client. */
void event_send(struct client *client, json_t *params);

#endif
