/* SPDX-License-Identifier: BSD-3-Clause */
/* What the dataplane counts, read every second (less often when that takes more than a twentieth of
 * the time), with rates. Owns the last two readings. One thread. */
#ifndef OBSERVE_COLLECTOR_H
#define OBSERVE_COLLECTOR_H

#include "dataplane.h"

struct collector;

struct collector *collector_start(struct event_base *base, struct dataplane *dp);
/* Before dataplane_close or right after it; dp tells it nothing from then on but the answers that
 * it still waits for. */
void collector_stop(struct collector *c);

/* Called after each reading; one. */
void collector_on_read(struct collector *c, void (*read)(const struct collector *c));

enum { COLLECTOR_STATS = 8 };
/* COLLECTOR_STATS that are read, then "session", which is asked for when it is wanted, and NULL. */
extern const char *const collector_types[];

/* The counters of one type: {KEY: {counter: number}}; borrowed until the loop goes on; NULL: never
 * read from the dataplane that runs. While that is down they are its last. */
const json_t *collector_stats(const struct collector *c, const char *type);
const json_t *collector_before(const struct collector *c, const char *type); /* of the one before */
const json_t *collector_drops(const struct collector *c);		     /* {REASON: packets} */
/* What the dataplane lists of links and tunnels ("port", "tunnel"): {NAME: {link, …}}, and of GTP-U
 * peers ("peer"): {"GTPU ADDRESS": entry} of the first 10,000 of table tunnel_peers; read every two
 * seconds. */
const json_t *collector_objects(const struct collector *c, const char *type);
void collector_list_soon(struct collector *c); /* a link changed: with the next round */
/* Units a second between the last two readings, 0 without two, after a restart of the dataplane,
 * and for what counts less than before. */
double collector_rate(
	const struct collector *c, const char *type, const char *key, const char *counter);
int64_t collector_at_us(const struct collector *c);    /* when it was read, since 1970; 0: never */
uint64_t collector_took_us(const struct collector *c); /* how long the last round took */

#endif
