/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this room share: the tables, the sockets and the dump that goes on. */
#ifndef KERNEL_PRIVATE_H
#define KERNEL_PRIVATE_H

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <sys/types.h>

#include "kernel.h"

#define KERNEL_WAYS_MAX 256 /* of one route; the kernel itself takes a few more */
#define KERNEL_SLICE_US 4000

/* ---- entries of all kinds but routes: one tree a kind (table.c) ---- */

/* Begins with the link's index, so that those of one link are together. */
struct kernel_key {
	uint8_t bytes[44];
};

struct entry {
	RB_ENTRY(entry) node;
	struct kernel_key key;
	uint32_t generation; /* of the dump that saw it last */
	uint32_t size;
	_Alignas(8) uint8_t body[]; /* struct kernel_link, … */
};
RB_HEAD(entry_tree, entry);

/* ---- routes (route.c) ---- */

struct path;
struct path_use {
	LIST_ENTRY(path_use) link;
	struct path *path;
	struct path_user *user;
};

/* A link or a next hop object, and what leads there. */
struct path_user { /* or an address as source */
	RB_ENTRY(path_user) node;
	uint64_t key; /* PATH_… */
	LIST_HEAD(, path_use) uses;
};
RB_HEAD(path_users, path_user);

/* The ways of a route: many routes have the same ones. */
struct path {
	LIST_ENTRY(path) chain;
	LIST_HEAD(, route) routes;
	uint32_t hash;
	uint32_t nexthop;
	uint32_t source; /* IPv4 RTA_PREFSRC: the route goes with that address */
	uint32_t via_count;
	uint32_t use_count;
	uint32_t held; /* in use, though no route has it */
	struct path_use *uses;
	struct kernel_via via[]; /* sorted */
};

struct route {
	struct kernel_route pub; /* pub.via points into the path */
	struct route *next; /* in the bucket; those of one key together, in the kernel's order */
	LIST_ENTRY(route) by_path;
	uint32_t generation;
};

struct route_table {
	RB_ENTRY(route_table) node;
	uint32_t id;
	uint32_t count;
	uint32_t mask;
	uint64_t hides; /* a bit of its hash for each prefix of which a dump left out a route */
	struct route **buckets;
};
RB_HEAD(route_tables, route_table);

struct routes {
	struct route_tables tables;
	struct route_table *last;
	LIST_HEAD(, path) * paths;
	uint32_t path_mask, path_count;
	struct path_users users;
	uint32_t count;
	uint32_t resizes; /* a sweep that goes on begins again */
};

/* ---- the dump (dump.c) ---- */

enum dump_step {
	DUMP_LINK,
	DUMP_ADDRESS4,
	DUMP_ADDRESS6,
	DUMP_NEXTHOP,
	DUMP_ROUTE4,
	DUMP_ROUTE6,
	DUMP_NEIGHBOR,
	DUMP_FDB,
	DUMP_STEPS
};

/* A part that is dumped because the kernel may have changed it without a word. */
struct verify {
	STAILQ_ENTRY(verify) link;
	enum dump_step step;
	uint32_t oif, table; /* of a route's step: one of them */
	uint32_t again;	     /* how often it was done already */
};

struct touched {
	uint64_t *slots;
	uint32_t mask, count;
};

struct dump {
	bool running;
	bool whole;   /* all steps, else one verify */
	bool trusted; /* tables are right but for what was missed: events go on (dump.c) */
	bool sweeping;
	bool interrupted;
	bool incomplete;
	enum dump_step step;
	uint32_t oif, table, again;
	uint32_t seq;
	uint32_t tries;
	uint32_t drift;
	bool want_whole, want_untrusted; /* once this one is over */
	STAILQ_HEAD(, verify) verifies;
	uint64_t started_us, answered_us, verify_after_us;
	uint32_t sweep_table, sweep_bucket, sweep_resizes;
	struct touched touched;
	uint8_t *held; /* messages that wait until an untrusted dump is over */
	size_t held_bytes, held_room;
};

struct kernel {
	TAILQ_ENTRY(kernel) link; /* of those that look for their namespace */
	struct event_base *base;
	struct kernel_listener listener;
	char *netns;
	uint32_t rescan_s;
	bool watched;
	bool complete;
	bool unsettled;
	bool overrun;		 /* told; the queue is emptied, then all is dumped */
	bool applying;		 /* an entry of a dump, not of an event */
	int events_fd, calls_fd; /* -1 */
	uint64_t ns_dev, ns_ino;
	struct event *on_events, *on_calls, *on_work, *on_rescan, *on_look;
	uint32_t look_ms;
	uint32_t seq;
	uint32_t generation;
	uint64_t settled_us;
	struct entry_tree entries[KERNEL_KINDS]; /* KERNEL_ROUTE's is empty */
	struct routes routes;
	struct dump dump;
	struct kernel_counters counters;
	struct kernel_test {
		int receive_buffer_bytes; /* for events; 0: as much as there is */
	} test;
};

/* ---- kernel.c ---- */

void kernel_changed(struct kernel *kernel, enum kernel_kind kind, const void *entry, bool gone);
void kernel_settle(struct kernel *kernel, bool drained);
void kernel_rescan_soon(struct kernel *kernel); /* a dump could not be had, or was not whole */
/* For tests: what all kernels opened from now on have. */
extern struct kernel_test kernel_test;

int netns_open(const char
		*name); /* NULL: our own. A descriptor or -errno; -ENOENT: not (yet) a namespace */
/* Two sockets in there (-1: in ours); this thread is back in its own when it returns. */
int netns_sockets(int netns_fd, int *events_fd, int *calls_fd);

/* ---- netlink.c ---- */

int link_open(struct kernel *kernel, int netns_fd);
void link_close(struct kernel *kernel);
int netlink_send(
	struct kernel *kernel, struct nlmsghdr *msg); /* gives it its number: its nlmsg_seq */
/* Takes in the events that are there, until there are none or the time is over: false. */
bool link_drain(struct kernel *kernel);

/* ---- dump.c ---- */

void dump_start(struct kernel *kernel, bool trusted);
void dump_verify(struct kernel *kernel, enum dump_step step, uint32_t oif, uint32_t table);
/* Is it an answer to the dump that goes on? */
bool dump_answer(struct kernel *kernel, const struct nlmsghdr *msg);
void dump_again(struct kernel *kernel); /* answers were lost */
void dump_work(struct kernel *kernel);	/* goes on with what was left for later */
/* An event that waits for the end of the dump; false: it need not. */
bool dump_hold(struct kernel *kernel, const void *data, size_t len);
void dump_reset(struct kernel *kernel);
/* An event says what this key is: what the dump says of it may be older, and is not heard. */
void dump_touch(struct kernel *kernel, uint64_t hash);
bool dump_touched(const struct kernel *kernel, uint64_t hash);

/* ---- parse.c ---- */

void parse_messages(struct kernel *kernel, const void *data, size_t len); /* of events */
void parse_message(struct kernel *kernel, const struct nlmsghdr *msg);

/* ---- table.c ---- */

/* body: all bytes defined, padding too. */
void table_put(struct kernel *kernel, enum kernel_kind kind, const struct kernel_key *key,
	const void *body, uint32_t size);
void table_remove(struct kernel *kernel, enum kernel_kind kind, const struct kernel_key *key);
struct entry *table_find(
	const struct kernel *kernel, enum kernel_kind kind, const struct kernel_key *key);
/* The first whose key is not below. */
struct entry *table_from(
	const struct kernel *kernel, enum kernel_kind kind, const struct kernel_key *key);
struct entry *table_next(struct entry *entry);
void table_sweep(struct kernel *kernel, enum kernel_kind kind, uint8_t family);
void table_clear(struct kernel *kernel); /* all gone, told */

struct kernel_key key_index(uint32_t index); /* of a link, or the id of a next hop object */
struct kernel_key key_address(uint32_t index, const struct api_ip *ip, const struct api_ip *peer);
struct kernel_key key_neighbor(uint32_t index, const struct api_ip *ip);
#define FDB_OF_BRIDGE 0
#define FDB_OF_DEVICE 1
/* Of a bridge: (master, 0, mac, vlan); a device's own: (index, 1, mac, vlan, vni_in, …). vni_in: of
 * an external VXLAN device, by which the entry is found; else 0. */
struct kernel_key key_fdb(const struct kernel_fdb *fdb, uint32_t vni_in);

/* ---- route.c ---- */

void path_check(struct routes *routes, struct path *path); /* freed if nobody has it */
/* The routes by a link, a next hop object or with a source (PATH_…), until each says false; it may
 * change none of them. */
void path_each_route(const struct routes *routes, uint64_t key,
	bool (*each)(struct route *route, void *arg), void *arg);
#define PATH_LINK(index)     ((uint64_t)(index))
#define PATH_NEXTHOP(id)     ((uint64_t)(id) | UINT64_C(1) << 32)
#define PATH_SOURCE(address) ((uint64_t)(address) | UINT64_C(2) << 32)
static inline struct path *route_path(const struct route *route)
{
	return (struct path *)((uintptr_t)route->pub.via - offsetof(struct path, via));
}

struct route_ways {
	uint32_t source;
	uint32_t count;
	struct kernel_via via[KERNEL_WAYS_MAX]; /* sorted */
};

/* route: without its ways */
void route_event(struct kernel *kernel, const struct kernel_route *route,
	const struct route_ways *ways, uint16_t flags);
void route_dumped(
	struct kernel *kernel, const struct kernel_route *route, const struct route_ways *ways);
void route_deleted(
	struct kernel *kernel, const struct kernel_route *route, const struct route_ways *ways);
void route_remove(struct kernel *kernel, struct route *route);
uint32_t route_prefix_hash(const struct api_ip *prefix);
struct route_table *route_table_of(const struct routes *routes, uint32_t id);
/* Those by a link or a next hop object, of a family (0: both); stale: only those that the last
 * dump did not see, a part of them if there are many: false, there are more. */
bool route_remove_by(struct kernel *kernel, uint64_t user, uint8_t family, bool stale);
void route_remove_ways6(struct kernel *kernel, uint32_t index);
bool route_sweep(struct kernel *kernel, uint8_t family, uint32_t table); /* false: goes on */
void route_clear(struct kernel *kernel);
/* Reads again all tables with routes that have this source. */
void route_verify_source(struct kernel *kernel, uint32_t source);
bool route_any_by(const struct kernel *kernel, uint64_t user, uint8_t family);

/* ---- write.c ---- */

void write_refused(struct kernel *kernel, const struct nlmsghdr *msg);

RB_PROTOTYPE(entry_tree, entry, node, )
RB_PROTOTYPE(route_tables, route_table, node, )
RB_PROTOTYPE(path_users, path_user, node, )

#endif
