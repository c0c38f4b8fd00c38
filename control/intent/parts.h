/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of control/intent share among themselves; nobody outside includes it. */
#ifndef INTENT_PARTS_H
#define INTENT_PARTS_H

#include "ip.h"
#include "world.h"

/* intent_types.c: it has endpoints at more than one site. Of a struct intent_slice. */
bool intent_slice_is_stretched(const void *object);

/* ---- intent_copy.c ---- */

/* The object with all its lists in one new piece of memory; NULL: no memory. */
union intent_object *intent_copy(enum intent_type type, const union intent_object *obj);

/* api_encode with keys in order, nested ones too. New; NULL: no memory. */
json_t *intent_encode(enum intent_type type, const union intent_object *obj);

/* ---- intent_check.c ---- */

/* What can be seen without other intents. 0, or -1 with err. */
int intent_check(enum intent_type type, const union intent_object *obj, struct rpc_error *err);

/* By type, in check_port.c, check_tenant.c and check_grant.c. */
int check_site(const struct intent_site *site, struct rpc_error *err);
int check_wan(const struct intent_wan *wan, struct rpc_error *err);
int check_slice(const struct intent_slice *slice, struct rpc_error *err);
int check_host(const struct intent_host *host, struct rpc_error *err);
int check_network(const struct intent_network *network, struct rpc_error *err);
int check_grant(const struct intent_tenant *tenant, struct rpc_error *err);
int check_local_network(const struct intent_local_network *local, struct rpc_error *err);

/* Routes of a place whose networks are given. */
int check_routes(const struct intent_routes *routes, const struct api_ip *networks, uint32_t count,
	struct rpc_error *err);
/* The names in each item of one of the type's lists. */
int check_list_names(enum intent_type type, const char *list, const void *item, uint32_t count,
	struct rpc_error *err);
/* The same of an object within it. */
int check_part_names(
	enum intent_type type, const char *part, const void *structure, struct rpc_error *err);
/* rpc_fail_value with an address, prefix or MAC as what was got. */
int refuse_ip(struct rpc_error *err, const char *path, const char *want, const struct api_ip *ip,
	bool prefix);
int refuse_mac(
	struct rpc_error *err, const char *path, const char *want, const struct api_mac_addr *mac);
/* Two items of base are equal: true; again: the first that was there before, as item first. */
typedef int twin_compare(const void *base, uint32_t a, uint32_t b);
bool find_twin(
	const void *base, uint32_t count, twin_compare *compare, uint32_t *again, uint32_t *first);

/* ---- ip.c ---- */

bool ip_equal(const struct api_ip *a, const struct api_ip *b); /* address and length */
bool ip_same_address(const struct api_ip *a, const struct api_ip *b);
int ip_compare(const struct api_ip *a, const struct api_ip *b); /* family, address, length */
/* Of one station: not zero, loopback, multicast or broadcast. */
bool ip_is_unicast(const struct api_ip *ip);
/* The first or last address of its own IPv4 network, or the first of an IPv6 one. */
bool ip_is_network_or_broadcast(const struct api_ip *ip);
bool mac_is_zero(const struct api_mac_addr *mac);
bool mac_is_multicast(const struct api_mac_addr *mac);

#endif
