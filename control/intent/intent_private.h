/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of control/intent share among themselves; nobody outside includes it. */
#ifndef INTENT_INTENT_PRIVATE_H
#define INTENT_INTENT_PRIVATE_H

#include "alloc.h"
#include "ip.h"
#include "objstore.h"
#include "world.h"

/* ---- keys of intents (constraint.h; declared in intent_types.c) ---- */

/* What of an intent others can refer to, or be in the way of. */
enum key_kind {
	KEY_SITE,   /* NAME */
	KEY_PORT,   /* SITE/NAME: ports and WANs */
	KEY_WAN,    /* SITE/NAME */
	KEY_GTPU,   /* SITE/NAME */
	KEY_SLICE,  /* NAME */
	KEY_ROUTER, /* NAME: a slice that is l3 */
	KEY_HOST,   /* NAME */
	KEY_NAME,   /* NAME of a slice or network: the dataplane knows both as slices */
	KEY_VNI,    /* number, with zeros before it */
	KEY_TAP, /* SITE/NAME of an interface: taps of slices, and ports, whose twins are called so
		  */
	KEY_KERNEL, /* netns/NAME and the like: what feeds a slice */
	KEY_PLACE,  /* SITE/PORT/VLAN */
	KEY_TEID,   /* SITE/GTPU/TEID: an F-TEID (TS 29.244, 8.2.3) of a session */
	KEY_MAC,    /* of a host */
	KEY_IP,
	KEY_ORDER,  /* SITE/PREFERENCE/NAME of a WAN */
	KEY_BOOKED, /* NAME of a WAN */
	KEY_COUNT,  /* TENANT/what of its grant: how many it has */
	KEY_COMMITTED,
	KEY_PEAK, /* TENANT/WAN: their rates over it; TENANT/: in all */
};
/* Texts of keys whose numbers are looked for in order. */
#define KEY_VNI_DIGITS	 8
#define KEY_TEID_DIGITS	 10
#define KEY_ORDER_DIGITS 7

/* world_check.c: the texts of KEY_PLACE, KEY_TEID and KEY_VNI, of API_KEY_BYTES. */
void key_place(char *text, const char *site, const char *port, uint32_t vlan);
void key_teid(char *text, const char *site, const char *gtpu, uint64_t teid);
void key_vni(char *text, uint64_t vni);

/* ---- intents by themselves ---- */

/* intent_types.c: it has endpoints at more than one site. Of a struct intent_slice. */
bool intent_slice_is_stretched(const void *object);
/* intent_copy.c: the object with all its lists in one new piece of memory. */
union intent_object *intent_copy(enum intent_type type, const union intent_object *obj);
/* api_encode with keys in order, nested ones too. New. */
json_t *intent_encode(enum intent_type type, const union intent_object *obj);

/* intent_check.c: what can be seen without other intents. 0, or -1 with err. */
int intent_check(enum intent_type type, const union intent_object *obj, struct rpc_error *err);
/* The first or last address of its own IPv4 network, or the first of an IPv6 one. */
bool ip_is_network_or_broadcast(const struct api_ip *ip);

/* ---- the world ---- */

struct world {
	struct objstore *store; /* of struct intent */
	bool limited;		/* the open transaction is a tenant's: it keeps to its grant */
	unsigned ops;
	unsigned check_phase; /* how far world_check_step() is: phase, and place in it */
	uint32_t check_at;
	struct intent_ranges ungranted; /* VNIs (vni.c) */
	unsigned numberless; /* searches of the open transaction that found no number (fteid.c) */
};

/* The intent with this key that comes next after `after` (NULL: the first). */
struct intent *world_holder(const struct world *world, enum constraint_role role,
	enum key_kind kind, const char *text, const struct intent *after);
enum world_effect world_judge(struct objstore_touch *touch);
/* The object of an intent of the transaction is about to change, has changed. */
void world_edit_begin(struct intent *intent);
void world_edit_end(struct intent *intent);
/* It becomes part of the transaction, by that put or delete of another. */
void world_take_along(struct world *world, const struct intent *intent, unsigned op);

/* As it was before the transaction, which has touched it; NULL: was not there. */
static inline const struct intent *intent_was(const struct intent *intent)
{
	return intent->node->version[OBJSTORE_SEEN];
}

/* Of a slice or network; NULL for others. */
uint32_t *intent_vni(enum intent_type type, union intent_object *obj);
/* "slice blue": for people and for err->with. Returns text. */
const char *intent_title(const struct intent *intent, char *text, size_t size);

/* ---- rules for what the transaction has put: 0, or -1 with err ---- */

typedef int intent_rule(struct world *world, struct intent *intent, struct rpc_error *err);

/* vni.c: chooses one for a slice or network that has none. */
intent_rule vni_choose;
/* Before a check: grants may have changed. */
void vni_forget(struct world *world);

/* fteid.c: chooses a TEID for each PDR of a session that has a GTP-U address and none. */
intent_rule fteid_choose;
/* The TEIDs of a session. True: obj has got what before had, for the PDRs that name none. */
bool fteid_keep(const union intent_object *before, union intent_object *obj);

/* numbers.c: numbers that somebody has: VNIs, or the TEIDs of an own address. */
struct numbers {
	const struct world *world;
	enum key_kind kind;	 /* KEY_VNI, KEY_TEID */
	const char *site, *gtpu; /* of TEIDs */
};
/* The first free one of first..last. False: all are taken. Its steps are few however many are taken
 * (some logarithm of them), since tenants choose what is. */
bool number_free(const struct numbers *n, uint32_t first, uint32_t last, uint32_t *number);

/* grant.c: what of a tenant's change is beyond its grant, with RPC_ERR_FORBIDDEN. _asked: what it
 * says itself; _chosen: what came of it, when VNIs and WANs have been chosen. What an intent had
 * before the transaction is not looked at again. _untagged: a grant gives what no tenant gets. */
intent_rule grant_check_asked, grant_check_chosen, grant_check_untagged;
/* Of the tenant of an intent; NULL: it has none. */
const struct intent_tenant *grant_of(const struct world *world, const struct intent *intent);
/* The part of a grant for a GTP-U address; NULL: none. */
const struct intent_grant_gtpu *grant_gtpu(
	const struct intent_tenant *grant, const char *site, const char *gtpu);
/* May go over this WAN. True for operators' changes. */
bool grant_has_wan(
	const struct world *world, const struct intent *intent, const char *site, const char *wan);

/* world_place.c: who may be at a place. */
intent_rule place_check;
/* admission.c: chooses the WANs that were left out. */
intent_rule admission_choose;
/* wan_check.c: the WANs that a slice or network uses have the room and carry it; a WAN that has
 * changed still does for those who use it. */
intent_rule wan_check_user, wan_check_own;
/* Says how much is missing: booked by others, and what intent needs. Returns -1. */
int wan_refuse_room(const struct intent_wan *wan, uint64_t booked, uint64_t need,
	const struct intent *intent, struct rpc_error *err);
/* One place at which a slice or network uses a WAN (slice: endpoint, network: placement). */
struct use {
	const char *site, *wan;
	uint32_t mtu;	   /* 0: not asked for */
	const char *field; /* format of its path, with the index */
};
uint32_t use_count(const struct intent *intent); /* 0: at one site only */
struct use use_get(const struct intent *intent, uint32_t index);
uint64_t use_committed_bps(const struct intent *intent);
uint32_t wan_overhead(const struct intent_wan *wan); /* of a tunnel over it; 0: no address */

#endif
