/* SPDX-License-Identifier: BSD-3-Clause */
/* Everything that happens, in one order: to the JSON log and to those who listen at /v1/events.
 * Names: "intent.created|updated|deleted|applied|refused", "dataplane.up|down|hung", "drift",
 * "auth.refused", "health.changed", "kernel.incomplete|complete", and the dataplane's own
 * ("link.up", "mac.learned", "path.down", "usage", …). One thread. */
#ifndef EVENT_BUS_H
#define EVENT_BUS_H

#include <stdbool.h>

#include "log.h"

#define BUS_KEPT 4096 /* events that bus_replay knows */

/* Publishes and logs. tenant: whose it is ("" or NULL: operators'), for who may hear it. fields is
 * stolen, may be NULL. */
void bus_publish(enum log_level level, const char *event, const char *tenant, json_t *fields);

struct bus_entry {
	uint64_t id; /* 1, 2, … */
	const char *event, *tenant;
	const char *json; /* one line: {"id":…, "at":…, "level":…, "event":…, …} */
	uint32_t length;
};
/* Called when there are more; one. It reads them by bus_replay(). */
void bus_on_news(void (*news)(void));
/* Of those with greater ids the first `limit` (0: all), in order. false: some between are gone, or
 * `after` has not been yet (it is of an earlier life): it begins with the oldest that there is.
 * each may not publish. */
bool bus_replay(uint64_t after, uint32_t limit,
	void (*each)(const struct bus_entry *entry, void *arg), void *arg);
bool bus_whole(uint64_t after); /* would bus_replay be whole? */
uint64_t bus_last(void);	/* id of the newest; 0: none yet */
/* Forgets all; ids begin at 1 again. */
void bus_free(void);

#endif
