/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this room share.
 *
 *   space     a network namespace that is looked at, with its tables (kernel.h)
 *   place     a port or attachment of ours, and the kernel's interface that stands for it
 *   source    a routing table of the kernel that feeds a table of the dataplane
 *   subject   an entry of the kernel that is, or may become, an object of the dataplane
 *
 * The kernel's changes only mark subjects; what becomes of each is worked out anew from the
 * tables as they are then, by the loop, a slice of time at once. So order does not matter, and
 * whatever may have an influence on a subject (its place, its table, a next hop) marks it. */
#ifndef MIRROR_PRIVATE_H
#define MIRROR_PRIVATE_H

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>

#include "evpn.h"
#include "mirror.h"

#define TABLE_MAIN 254

struct space {
	TAILQ_ENTRY(space) link;
	struct mirror *mirror;
	struct kernel *kernel;
	bool used;     /* by a place or source of the world as it is */
	bool complete; /* kernel_complete, when it settled last */
	char netns[LIMIT_NAME + 1];
};
TAILQ_HEAD(space_list, space);

/* What a subject belongs to: a place or a source. */
struct home {
	uint32_t subjects;
	bool used; /* the world has it; else it goes when its subjects have gone */
};

struct source {
	struct home home;
	TAILQ_ENTRY(source) link;
	RB_ENTRY(source) by_number;
	api_name table;	     /* the dataplane's: "underlay" or a slice */
	struct space *space; /* NULL: not used any more */
	uint32_t number;     /* of the kernel's table; 0: of a VRF that is not there */
	api_name vrf;
};
TAILQ_HEAD(source_list, source);
RB_HEAD(source_tree, source);

struct place {
	struct home home;
	TAILQ_ENTRY(place) link;
	RB_ENTRY(place) by_index;
	bool attachment;       /* else a port */
	api_name name;	       /* the dataplane's */
	api_name slice;	       /* of an attachment */
	struct source *source; /* whose routes lead by it; NULL: of an l2 slice */
	struct space *space;   /* NULL: not used any more */
	char interface[IFNAMSIZ];
	bool nic;	 /* below an AF_XDP port: nobody else gives it the intents' addresses */
	uint32_t index;	 /* of the interface; 0: it is not there */
	bool carrier;	 /* up, and has one */
	bool waits;	 /* down until its VRF is there */
	bool taken;	 /* somebody else's interface has the name that its tap is to have */
	bool parked;	 /* down in our own namespace until its own is there */
	uint32_t master; /* tap_master_now() as it was: stations were told to that one */
};
TAILQ_HEAD(place_list, place);
RB_HEAD(place_tree, place);

struct subject {
	RB_ENTRY(subject) entry;
	TAILQ_ENTRY(subject) dirty_link;
	struct home *home; /* address, neighbor: of a place; route: of a source */
	struct api_ip ip;
	uint8_t type; /* enum object_type */
	bool dirty;
	bool there;    /* address: the kernel has it, and not from us */
	bool unusable; /* route: counted as one */
	bool wanted;   /* the sink has been told so */
};
RB_HEAD(subject_tree, subject);
TAILQ_HEAD(subject_list, subject);

/* A next hop that the dataplane wants. */
struct ask {
	RB_ENTRY(ask) entry;
	api_name port;
	struct api_ip address;
	uint32_t index; /* of the interface it was asked for by; 0: not asked for */
	bool listed;	/* by the list that is looked at */
};
RB_HEAD(ask_tree, ask);

/* A station that the kernel was told of: station.c. */
struct local;
RB_HEAD(local_tree, local);

struct mirror {
	struct event_base *base;
	struct world *world;
	struct dataplane *dp;
	struct mirror_sink sink;
	api_name site;
	uint32_t rescan_s;
	struct event *work; /* what is dirty; the world */
	struct event *sweep;
	bool touched;			 /* the world has changed */
	bool ready;			 /* the sink was told that the picture is whole */
	uint64_t started_us, changed_us; /* when the first of the dirty ones became so; 0: none */

	struct space_list spaces;
	struct place_list places;
	struct source_list sources;
	struct place_tree places_by_index; /* those that have one */
	struct source_tree sources_by_number;
	struct subject_tree subjects;
	struct subject_list dirty;

	struct ask_tree asks;
	uint32_t lists; /* of wanted neighbours that are out */
	bool stopped;	/* freed when their answers have come */

	struct evpn *evpn;
	struct local_tree locals;
	struct event *station_timer;
	uint64_t station_list;		 /* number of the last list of stations */
	json_t *gaps, *gaps_told;	 /* {slice: text}: at the last look, and as events */
	struct mirror_counters counters; /* those that are kept up to date */
};

RB_PROTOTYPE(subject_tree, subject, entry, subject_cmp)
RB_PROTOTYPE(ask_tree, ask, entry, ask_cmp)

/* ---- place.c: what the world names ---- */

/* Places and sources as the world has them now. */
void places_rebuild(struct mirror *mirror);
void places_trim(struct mirror *mirror); /* those that are not used and have no subjects left */
void places_free(struct mirror *mirror);
/* The link may be another one than before, or of another name, or gone. */
void places_link(struct space *space, const struct kernel_link *link);
/* All links of the namespace are known now: what a tap's master is, too. */
void places_complete(struct space *space);
/* The tap's master may be another one, or be known by its name only now. */
void place_master(struct place *place);
struct place *place_named(struct mirror *mirror, const char *port);
/* Of a slice's places the one whose link-local network is the slice's: it can have but one. */
bool place_is_first(const struct mirror *mirror, const struct place *place);

struct place *place_of(struct mirror *mirror, const struct space *space, uint32_t index);
/* The next source that the table feeds after `after` (NULL: the first), as two may share one. */
struct source *source_of(
	struct mirror *mirror, const struct space *space, uint32_t table, struct source *after);

/* ---- space.c: the namespaces, and their changes ---- */

struct space *space_get(struct mirror *mirror, const char *netns, bool make);
void spaces_trim(struct mirror *mirror); /* closes those that are not used */
void spaces_routes_by(struct kernel *kernel, uint32_t link, void *mirror); /* evpn.h's */
bool spaces_complete(const struct mirror *mirror);
bool space_is_missing(const struct space *space);
/* All subjects of the place, of the source are marked: those that are known and those there are. */
void space_mark_place(struct place *place, uint32_t old_index);
void space_mark_source(struct source *source);

/* ---- subject.c ---- */

/* Marks what it is about; makes it if need be. */
struct subject *subject_mark(
	struct mirror *mirror, enum object_type type, struct home *home, const struct api_ip *ip);
/* What is known of it is so no more, until it is told again. */
void subjects_forget(struct mirror *mirror, enum object_type type, struct home *home);
bool subjects_work(struct mirror *mirror, uint64_t until_us); /* true: there is more */
void subjects_free(struct mirror *mirror);

/* ---- one a type of object: what the subject is to be; false: nothing ---- */

bool address_make(struct mirror *mirror, struct subject *subject, union api_object *obj);
bool neighbor_make(struct mirror *mirror, struct subject *subject, union api_object *obj);
bool route_make(struct mirror *mirror, struct subject *subject, union api_object *obj);

void address_changed(struct place *place, const struct kernel_address *address, bool gone);
/* The intents' addresses on the NIC below an AF_XDP port, as twins have them from the dataplane. */
void address_place(struct mirror *mirror, const struct place *place);
void address_space(struct space *space); /* of all places there: now all its addresses are known */
bool ip_is_link_local(const struct api_ip *ip);

/* ---- neighbor.c ---- */

void asks_list(struct mirror *mirror); /* asks the dataplane for all: at a connection */
void ask_event(struct mirror *mirror, const json_t *event); /* of the dataplane */
void asks_free(struct mirror *mirror);
void ask_place(struct mirror *mirror, const struct place *place); /* its interface has changed */
void ask_neighbor(struct mirror *mirror, const struct place *place,
	const struct kernel_neighbor *neighbor, bool gone);
void ask_sweep(struct mirror *mirror); /* those that the kernel has given up */

/* ---- tap.c ---- */

void name_look(struct place *place); /* is its tap's name free? */
/* A link of this space is there, was renamed, or is gone. */
void names_link(struct space *space, const struct kernel_link *link, bool gone);
void tap_link(struct space *space, const struct kernel_link *link); /* one that has come */
void tap_space(struct space *space);				    /* has come, or is complete */
/* Its interface has come (fresh), or something of it or its slice has changed. */
void tap_place(struct place *place, bool fresh);
void tap_master(struct space *space, const struct kernel_link *link);
bool tap_is(const struct kernel_link *link);
void tap_moved(struct place *place);		/* has another master */
bool tap_is_outside(const struct place *place); /* of the VRF that the slice names */
void tap_leave(const struct place *place);	/* its namespace is not the slice's any more */
uint32_t tap_master_now(
	const struct place *place); /* the slice's, whose port it is; 0: it is not */

/* ---- station.c ---- */

void stations_start(struct mirror *mirror);
void stations_stop(struct mirror *mirror);
void station_place(const struct place *place); /* is its bridge's port now */
void station_fdb(struct space *space, const struct kernel_fdb *entry, bool gone);
void stations_list(struct mirror *mirror); /* asks the dataplane for all: at a connection */
void station_event(struct mirror *mirror, const json_t *event); /* of the dataplane */

/* ---- mirror.c ---- */

/* First thing in the answer to a list; false: the mirror has been stopped. */
bool mirror_answered(struct mirror *mirror);

#endif
