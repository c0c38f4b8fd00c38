/* SPDX-License-Identifier: BSD-3-Clause */
/* From intents to the objects of one box's dataplane (contract.md): a pure function of the world,
 * the site's name and the intent. Deterministic: the same world gives the same objects in the same
 * order. What several intents need (a tunnel between two WANs, a meter profile) each of them
 * gives, with the same key and the same text.
 *
 *   site          → port, address, neighbor, route (underlay), gtpu
 *   wan           → port "WAN", address, neighbor, route (underlay; with the ways of all ports)
 *   slice         → slice, meter "rate-CIR-PIR", attachment "SLICE:PORT.VLAN" or "SLICE:PORT",
 *                   tunnel "WAN:REMOTEWAN" or "WAN:REMOTEWAN:g" (Geneve), member; l3: address,
 *                   route
 *   host          → mac (l2) or neighbor (l3) in the slice that holds its place
 *   network       → as an l2 slice, with a mac for each host and max_macs
 *   session       → session, with a PDR and FARs for each local network that is for it
 *   local network → nothing of its own */
#ifndef COMPILE_COMPILE_H
#define COMPILE_COMPILE_H

#include "world.h"

struct compiled {
	enum object_type type;
	char key[API_KEY_BYTES]; /* as api_key writes it */
	char *text; /* canonical JSON: api_encode's fields, keys sorted, compact: equal objects are
		       equal texts */
};

struct compiled_list {
	struct compiled *items;
	uint32_t count, room;
};

/* The n-th place where a slice or network comes out; NULL: there is none. *wan "": not chosen. */
static inline const char *compile_place(const struct intent *intent, uint32_t n, const char **wan)
{
	const struct intent_endpoints *ends = &intent->obj->slice.endpoints;
	const struct intent_placements *places = &intent->obj->network.placements;
	bool slice = intent->type == INTENT_SLICE;

	if (n >= (slice ? ends->count : places->count))
		return NULL;
	*wan = slice ? ends->item[n].wan : places->item[n].wan;
	return slice ? ends->item[n].site : places->item[n].site;
}

/* The objects of one intent at this site, appended. Nothing of it here: count stays. 0, or -EINVAL
 * with err: it cannot be done at this site as it is (a port or WAN here has no device). */
int compile_intent(const struct world *world, const char *site, const struct intent *intent,
	struct compiled_list *out, struct rpc_error *err);

/* Calls found for each other intent whose objects depend on this one, in the world as it is at the
 * call; some may be found twice, or come out as they were. spec: intent->spec, or what it was
 * (world_change's before). For a change call it with both: a slice that leaves a port concerns the
 * hosts there as one that comes does. */
void compile_dependents(const struct world *world, enum intent_type type, const char *name,
	const json_t *spec, void (*found)(struct intent *dependent, void *arg), void *arg);

/* The name of the tunnel from an own address to another one where intents would make the same
 * between two WANs; false: they would not. */
bool compile_tunnel_name(const struct world *world, const char *site, const struct api_ip *local,
	const struct api_ip *remote, api_name name);

/* The name of the tunnel between two WANs: "WAN:REMOTEWAN", ":g" behind it for Geneve (members of
 * both kinds may share two WANs). encap: enum tunnel_encap. */
void compile_way_name(api_name name, const char *own, const char *remote, uint32_t encap);

/* Of a slice's gateways at a site; zero: the MAC that the dataplane makes of its VNI. */
struct api_mac_addr compile_slice_mac(const struct intent_slice *slice, const char *site);

/* The key (API_KEY_BYTES) of an object of the dataplane's list, as compile_intent would give it;
 * false: it has none. */
bool compile_listed_key(const struct api_type *type, const json_t *listed, char *key);

void compiled_list_clear(struct compiled_list *list); /* the items; the list can be used again */
void compiled_list_free(struct compiled_list *list);

/* ---- objects, for who makes some itself ---- */

/* Zeroes an object and fills in its defaults, as the decoder does; those within lists are the
 * caller's. */
void object_init(enum object_type type, union api_object *obj);

/* Its key (API_KEY_BYTES) and canonical text, which is the caller's to free. */
void object_text(enum object_type type, union api_object *obj, char *key, char **text);
/* The place of a slice on a port: "SLICE:PORT.VLAN", "SLICE:PORT" untagged. */
void attachment_name(api_name name, const char *slice, const char *port, uint32_t vlan);

#endif
