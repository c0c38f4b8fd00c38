/* SPDX-License-Identifier: BSD-3-Clause */
/* The MAC table of all slices: (slice, MAC) → door. One writer, the main thread; workers look up in
 * bulk and report what they see through a ring. The table is itself the store of `mac`
 * objects: nothing else is kept per MAC. */
#ifndef PIPELINES_FDB_H
#define PIPELINES_FDB_H

#include <stdbool.h>
#include <stdint.h>

#include "door.h"
#include "types.h"

/* The table's value word: door and marks in the low half, second last seen in the high half. */
#define FDB_STATIC    0x80000000ull
#define FDB_MOVABLE   0x40000000ull /* a static one that gives way to what is learned locally */
#define FDB_OVERTAKEN 0x20000000ull /* a learned one that such a one has given way to */
#define FDB_MARKS     (FDB_STATIC | FDB_MOVABLE | FDB_OVERTAKEN)
#define FDB_DOOR      0x7fffffu
#define FDB_KEY_GROUP 0x10000ull /* the group bit of the MAC inside a key */

struct fdb_entry {
	uint16_t slice;
	struct api_mac_addr mac;
	door_t door;
	bool is_static;
	bool movable;	/* static: gives way to what is learned behind an attachment or session */
	bool overtaken; /* learned: a movable one was here */
	uint32_t age_s; /* since last seen; 0 for static */
};

int fdb_init(uint32_t workers);
void fdb_fini(void);

/* Static entries. The caller has checked fdb_room() and the slice's max_macs; put replaces a
 * learned entry. Main thread. */
enum fdb_result { FDB_CREATED, FDB_UPDATED, FDB_UNCHANGED };
enum fdb_result fdb_put_static(
	uint16_t slice, const struct api_mac_addr *mac, door_t door, bool movable);
/* Removes a static or learned entry: 0 or -ENOENT. */
int fdb_remove(uint16_t slice, const struct api_mac_addr *mac);
/* The movable entry that a learned one has overtaken is given up: the mark goes, the learned one
 * stays. */
void fdb_settle(uint16_t slice, const struct api_mac_addr *mac);
/* 0 or -ENOENT. */
int fdb_get(uint16_t slice, const struct api_mac_addr *mac, struct fdb_entry *out);

/* How many more static entries the box takes (learned ones can be displaced by them: they count as
 * room). */
uint32_t fdb_room(void);
uint32_t fdb_count(void);
/* Bytes of memory held for the table, and entries it is declared for. */
uint64_t fdb_memory_bytes(void);
/* Reports not taken because the slice or the box was at its limit. */
uint32_t fdb_learn_refused(void);

/* Up to max entries from a cursor on, as exact.h has them. Returns how many. An entry that
 * stays is never missed. */
uint32_t fdb_iterate(uint64_t *cursor, struct fdb_entry *out, uint32_t max);

/* Forgets learned entries that match (0 = any). */
void fdb_flush(uint16_t slice, door_t door);

/* A session is no door of a slice any more: fdb_sessions_flush() forgets what was learned behind it
 * there, of however many sessions in one go. */
void fdb_session_left(uint32_t session);
void fdb_sessions_flush(void);

/* Learning and ageing as events for the socket; set by the server, called on the main thread. */
enum fdb_event { FDB_LEARNED, FDB_MOVED, FDB_AGED };
extern void (*fdb_on_event)(enum fdb_event what, const struct fdb_entry *entry, door_t old_door);
/* A movable static entry at this door has become a learned one elsewhere: it is counted there no
 * more. Set as above. */
extern void (*fdb_on_overtaken)(uint16_t slice, door_t door);

/* Drains the workers' rings and ages a part of the table; called from the main loop. Returns how
 * many reports it took, so that the loop comes back sooner when there is more. */
uint32_t fdb_poll(void);
/* The rings alone; also within a transaction, so that no static entry is overtaken: the next frame
 * does it. */
uint32_t fdb_reports_take(void);

#endif
