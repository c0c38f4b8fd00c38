/* SPDX-License-Identifier: BSD-3-Clause */
/* The nouns: what the store (noun.h) needs to know of each type, a file noun_*.c a type, and what
 * they share. Main thread only. */
#ifndef RPC_NOUNS_H
#define RPC_NOUNS_H

#include "ip.h"
#include "noun.h"

struct counters;
struct shaper_counters;

extern const struct noun noun_port, noun_address, noun_neighbor, noun_route, noun_slice,
	noun_attachment, noun_tunnel, noun_member, noun_meter, noun_gtpu;
extern const struct backend mac_backend, route_backend, neighbor_backend, session_backend;

/* Tells the store of them. */
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

#endif
