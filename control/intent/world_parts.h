/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the world share among themselves; nobody outside includes it. */
#ifndef INTENT_WORLD_PARTS_H
#define INTENT_WORLD_PARTS_H

#include "clock.h"
#include "constraint.h"
#include "parts.h"
#include "world.h"

/* ---- the index: who has what, and who needs what ---- */

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
#define ROLE_TOTAL 5 /* after enum constraint_role: of all who book; nobody's */

/* Texts of keys whose numbers are looked for in order. */
#define KEY_VNI_DIGITS	 8
#define KEY_TEID_DIGITS	 10
#define KEY_ORDER_DIGITS 7

void key_place(char *text, const char *site, const char *port, uint32_t vlan);
/* "port p1 of site gj": for people. text has KEY_SHOWN bytes. */
#define KEY_SHOWN 256
const char *key_show(const struct constraint_key *key, char *text);

/* While a transaction is open there are two views of the world: `value` and `refs` are what the
 * transaction has made of an entry, `was_value` and `was_refs` what everybody else sees of one that
 * it has changed. An entry without refs in a view is not there in that view. */
struct node;
struct entry {
	RB_ENTRY(entry) link;
	struct entry *next;  /* that the transaction has changed */
	struct node *holder; /* of the tree; NULL: a total */
	uint64_t value, was_value;
	uint32_t refs, was_refs; /* how often the holder has this key */
	uint32_t texts; /* of CONSTRAINT_HAS in its subtree, as the transaction has them; a text of
			   two holders is one */
	bool counts;	/* as one of these: it is the first with its text */
	bool changed;	/* by the transaction */
	uint8_t role, kind;
	char text[];
};
RB_HEAD(index_tree, entry);
RB_HEAD(intent_tree, intent);

/* ---- the world ---- */

/* A node of the tree is what everybody sees. What the transaction makes of one that was there is a
 * second node beside it, its draft, until world_publish() gives the node what the draft has. */
struct node {
	struct intent intent; /* first: a node is an intent */
	struct world *world;
	struct node *twin; /* of a node in the tree: its draft, or NULL; of a draft: its node */
	uint32_t touch;	   /* 1 + its place in the transaction's list; 0: not touched */
	bool is_draft;
	bool fresh; /* made by the transaction: nobody else sees it yet */
	bool gone;  /* deleted by the transaction */
};

/* A node that the transaction has put or deleted, and how it was. */
struct touch {
	struct node *node; /* as the transaction has it: the draft, or the node of the tree */
	struct node *home; /* of the tree */
	const struct intent *was; /* NULL: was not there */
	unsigned op;		  /* number of the last put or delete that touched it */
	bool stale;		  /* obj has changed since spec was made of it */
	bool asked;		  /* put or deleted itself, not taken along by another */
	bool judged;		  /* effect is known */
	enum world_effect effect;
};

struct world {
	struct intent_tree tree[INTENT_TYPES];
	size_t count[INTENT_TYPES], were[INTENT_TYPES]; /* for the transaction, for others */
	struct index_tree index;
	struct entry *changed; /* by the transaction */
	bool open;
	bool inside;  /* who reads is the transaction, and sees what it has made */
	bool hiding;  /* what it has made is hidden from others */
	bool ending;  /* it is published or given up, and not all is put away */
	bool limited; /* the open transaction is a tenant's: it keeps to its grant */
	unsigned ops;
	struct touch *touch;
	uint32_t touches, touch_room;
	uint32_t ended;	      /* so many touches are put away */
	unsigned check_phase; /* how far world_check_step() is: phase, and place in it */
	uint32_t check_at;
	struct world_change *change;
	struct intent_ranges ungranted; /* VNIs (vni.c) */
	unsigned numberless; /* searches of the open transaction that found no number (fteid.c) */
};

RB_PROTOTYPE(intent_tree, intent, entry, intent_compare)

static inline struct node *node_of(struct intent *intent)
{
	return (struct node *)intent;
}

static inline struct touch *touch_of(const struct world *world, const struct node *node)
{
	return node->touch ? &world->touch[node->touch - 1] : NULL;
}

/* The reader is the transaction, or nothing is hidden. */
static inline bool sees_changes(const struct world *world)
{
	return world->inside || !world->hiding;
}

/* A node of the tree. */
static inline bool node_is_seen(const struct world *world, const struct node *home)
{
	return sees_changes(world) ? !home->gone : !home->fresh;
}

/* A node of the tree, as the reader sees it. */
static inline struct node *node_seen(const struct world *world, struct node *home)
{
	return world->inside && home->twin ? home->twin : home;
}

static inline struct node *node_home(struct node *node)
{
	return node->is_draft ? node->twin : node;
}

/* Past the time by which a call that is done in pieces is to come back? 0: never. */
static inline bool is_late(uint64_t until_us)
{
	return until_us && clock_mono_us() >= until_us;
}

/* world.c: the node of the tree becomes part of the transaction (op: of the current one), with a
 * draft that is as it was until now. NULL: no memory. */
struct node *world_touch(struct world *world, struct node *home);
void node_free(struct node *node); /* with what it has; NULL is fine */
/* world_end.c: finds out its effect. */
void world_judge(struct touch *touch);
/* The object of a touched node is about to change, has changed. */
void world_edit_begin(struct world *world, struct node *node);
int world_edit_end(struct world *world, struct node *node); /* 0 or -ENOMEM */

/* Of a slice or network; NULL for others. */
uint32_t *intent_vni(enum intent_type type, union intent_object *obj);

/* vni.c: chooses for an intent that has none; *vni 0: none is left. 0 or -ENOMEM. */
int vni_choose(struct world *world, const struct intent *intent, uint32_t *vni);
/* Before a check: grants may have changed. */
void vni_forget(struct world *world);

/* fteid.c: the TEIDs of a session. True: obj has got what before had, for the PDRs that name none.
 * before may be NULL. */
bool fteid_keep(const union intent_object *before, union intent_object *obj);
/* Chooses a TEID for each PDR of the touched node that has a GTP-U address and none. 0, or -1 with
 * err: RPC_ERR_CAPACITY where the tenant's grant has none left. */
int fteid_choose(struct world *world, struct node *node, struct rpc_error *err);
/* The text of KEY_TEID, KEY_VNI. */
void key_teid(char *text, const char *site, const char *gtpu, uint64_t teid);

void key_vni(char *text, uint64_t vni);

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
 * before the transaction is not looked at again. */
int grant_check_asked(const struct world *world, const struct node *node, struct rpc_error *err);
int grant_check_chosen(const struct world *world, const struct node *node, struct rpc_error *err);
/* Of a grant: does it give what no tenant gets? */
int grant_check_untagged(const struct world *world, const struct node *node, struct rpc_error *err);
/* Of the tenant of an intent; NULL: it has none. */
const struct intent_tenant *grant_of(const struct world *world, const struct intent *intent);
/* The part of a grant for a GTP-U address; NULL: none. */
const struct intent_grant_gtpu *grant_gtpu(
	const struct intent_tenant *grant, const char *site, const char *gtpu);
/* May go over this WAN. True for operators' changes. */
bool grant_has_wan(
	const struct world *world, const struct intent *intent, const char *site, const char *wan);

/* world_index.c. Adding twice is counted; taking away what is not there does nothing. */
int index_add(struct world *world, struct node *node, const union intent_object *obj); /* -ENOMEM */
void index_remove(struct world *world, struct node *node, const union intent_object *obj);
/* The entries that the transaction has changed are as it has made them from now on, or (undo) as
 * they were. False: not all until then. */
bool index_settle(struct world *world, bool undo, uint64_t until_us);
void index_free(struct world *world);
/* The total of what is booked. */
uint64_t index_total(const struct world *world, enum key_kind kind, const char *text);
/* The holder that comes next after `after` (NULL: the first). */
struct node *index_holder(const struct world *world, enum constraint_role role, enum key_kind kind,
	const char *text, const struct intent *after);
struct entry *index_next(const struct world *world, const struct entry *entry);
/* How many texts of CONSTRAINT_HAS and this kind are less, plus what is the same for all of the
 * kind: as the transaction has them. */
uint32_t index_rank(const struct world *world, enum key_kind kind, const char *text);
uint32_t index_refs(const struct world *world, const struct entry *entry);
uint64_t index_value(const struct world *world, const struct entry *entry);
/* The first whose text is not less. */
struct entry *index_from(
	const struct world *world, enum constraint_role role, enum key_kind kind, const char *text);

/* "slice blue": for people and for err->with. Returns text. */
const char *intent_title(const struct intent *intent, char *text, size_t size);
/* Puts the place of the node's last put or delete before err->path: "[2]". Returns -1. */
int world_fail_at(const struct world *world, const struct node *node, struct rpc_error *err);

/* Rules for a touched node that is still there: 0, or -1 with err (world_fail_at is the caller's).
 * world_place.c: who may be at a place. */
int place_check(const struct world *world, const struct node *node, struct rpc_error *err);
/* admission.c: chooses the WANs that were left out. */
int admission_choose(struct world *world, struct node *node, struct rpc_error *err);
/* wan_check.c: the WANs that a slice or network uses have the room and carry it; a WAN that has
 * changed still does for those who use it. */
int wan_check(const struct world *world, const struct node *node, struct rpc_error *err);
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
