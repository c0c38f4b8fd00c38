/* SPDX-License-Identifier: BSD-3-Clause */
/* The nouns: what the store (noun.h) needs to know of each type, a file noun_*.c a type, and what
 * they share. Main thread only. */
#ifndef RPC_NOUNS_H
#define RPC_NOUNS_H

#include "fdb.h"
#include "ip.h"
#include "noun.h"
#include "police.h"

struct counters;
struct shaper_counters;

extern const struct noun noun_port, noun_address, noun_neighbor, noun_route, noun_slice,
	noun_attachment, noun_tunnel, noun_member, noun_meter, noun_gtpu;
extern const struct backend mac_backend, route_backend, neighbor_backend, session_backend;

/* server.c: tells the store of them. rpc_start() and rpc_apply_config() do. */
void nouns_start(void);

bool noun_ip_unicast(const struct api_ip *ip);
bool noun_mac_unicast(const struct api_mac_addr *mac);
int noun_fail_ip(struct rpc_error *err, const char *field, const char *want,
	const struct api_ip *ip, bool prefix);
int noun_fail_mac(struct rpc_error *err, const char *field, const struct api_mac_addr *mac);
int noun_fail_no_member(struct rpc_error *err, const char *slice, const char *tunnel);
/* What a room below answered: -ENOSPC with the limit in words (fmt takes it), else no memory. */
int noun_fail_room(struct rpc_error *err, int rc, const char *fmt, uint32_t limit);
/* A key like that of obj, which is on a port while this one is on an attachment, or the reverse. */
int noun_fail_place(struct rpc_error *err, const struct object *obj);
/* NULL: the slice is not stretched over the tunnel. any: also one that has left. */
struct object *noun_member_of(const struct object *slice, const struct object *tunnel);
struct object *noun_member_of_any(const struct object *slice, const struct object *tunnel);
/* A tunnel with this dst_port; NULL: none. */
struct object *noun_tunnel_at(uint32_t port);
void noun_counters(const struct counters *counters, json_t *out);
void noun_shaper(const struct shaper_counters *counters, json_t *out);

/* ---- meters, as slices and attachments use them ---- */

/* From the state `old` to the state `new` of a slice or attachment (either may be NULL): what is
 * metered at this place follows. A meter that stays the same keeps its buckets. Before the
 * object is published or goes, so that no frame slips by. Cannot fail. */
void noun_meter_commit(enum police_place place, const struct object *obj, const struct version *old,
	const struct version *next);

/* cir_bps of the meter that is named at a place, as it is by now; 0 without one. */
uint64_t noun_meter_cir(enum police_place place, const struct version *version);

/* A meter that this slice names has changed (noun_slice.c). */
void noun_slice_meter_changed(const struct object *slice);

/* Adds green, yellow and red of this place to out, behind a prefix ("meter_in_"); nothing when it
 * is not metered. */
void noun_meter_stats(
	enum police_place place, const struct object *obj, const char *prefix, json_t *out);

/* ---- addresses, neighbors and routes of slices ---- */

/* The address object of the slice with this address, NULL when there is none. */
struct object *gateway_holder(const struct object *slice, const struct api_ip *address);

/* Puts all of a port's addresses on its twin, which was made anew. What the kernel refuses is in
 * the log. */
void noun_address_again(const struct object *port);

/* The static neighbor of the slice with this address, NULL when there is none. */
struct object *neighbor_holder(const struct object *slice, const struct api_ip *address);

/* The next hop of this very prefix as the transaction leaves it; 0: no route. */
uint32_t fib_route_staged(const struct tx *tx, uint16_t slice, const struct api_ip *prefix);

/* ---- MACs ---- */

/* fdb_on_overtaken: a static MAC of the slice was at this door, and has become a learned one. */
void mac_overtaken(uint16_t slice, door_t door);

/* The name of what is behind a door, NULL: just gone. *kind: "attachment", "tunnel", "session". */
const char *door_name(door_t door, const char **kind);
/* As an answer shows it. false when its slice or door is just gone. */
bool mac_describe(const struct fdb_entry *entry, struct api_mac *out);

/* ---- sessions ---- */

/* After each transaction: only so many sessions are looked through in one for what to name. */
void noun_session_rest(void);

/* A UE's prefix (or address, if asked) in the slice is nobody else's: 0, or -1 with err (path
 * "prefix"). */
int noun_session_check_free(
	struct rpc_error *err, uint16_t slice, const struct api_ip *prefix, bool address);

/* ---- the kernel's interfaces of attachments, by name: opened while a transaction is prepared, so
 * that it can still fail, and shared by the states of objects that name them: one attachment may
 * take over from another in one transaction ---- */

/* Is the name good, and free? 0, or -1 with err. */
int noun_tap_check(const union api_object *data, struct rpc_error *err);

/* The steps of struct noun, for an attachment whose tap stays, comes, changes or goes. */
void noun_tap_release(const struct change *change);
void noun_tap_restore(const struct change *change);
int noun_tap_prepare(const struct tx *tx, const struct change *change, struct rpc_error *err);
void noun_tap_undo(const struct change *change);
/* After the attachment itself. */
void noun_tap_commit(struct object *obj, const struct version *old, const struct version *next);

/* Index of the attachment's interface; 0: it has none, or somebody deleted it a moment ago. */
uint32_t noun_tap_index(const struct object *obj);

/* The slice's gateways may have another MAC now. */
void noun_tap_slice(const struct object *slice);

void noun_tap_start(void);
/* Makes anew what somebody deleted. */
void noun_tap_poll(void);
/* Closes all. */
void noun_tap_stop(void);

#endif
