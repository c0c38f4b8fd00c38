/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the pages of this room: a session's definition, its plan, its keys, its change. Main
 * thread only. */
#ifndef UPF_SESSION_PRIVATE_H
#define UPF_SESSION_PRIVATE_H

#include <rte_ether.h>
#include <stdbool.h>
#include <stdint.h>

#include "errors.h"
#include "filter.h"
#include "hold.h"
#include "hot.h"
#include "session.h"
#include "session_hot.h"
#include "session_store.h"
#include "types.h"
#include "urr.h"

/* ==== packed definitions: session_pack.c ==== */

/* A definition in as few bytes as is sensible: numbers as varints, filters by the id of their list,
 * slices and own addresses by their ids. */

#define PACK_MAX 16384u

/* What was made of a PDR, kept beside its definition. */
struct pdr_made {
	uint32_t filters; /* filters_take()'s id; 0: none */
	uint8_t group;	  /* of its way in */
};

/* An unpacked definition. cfg's lists point into it; it may not move. */
struct session_model {
	struct api_session cfg;
	struct pdr_made made[LIMIT_SESSION_PDRS];
	struct api_pdr pdr[LIMIT_SESSION_PDRS];
	struct api_far far[LIMIT_SESSION_FARS];
	struct api_qer qer[LIMIT_SESSION_QERS];
	struct api_urr urr[LIMIT_SESSION_URRS];
	struct api_ip framed[LIMIT_SESSION_FRAMED];
	uint32_t qer_ids[LIMIT_SESSION_PDRS][LIMIT_SESSION_QERS];
	uint32_t urr_ids[LIMIT_SESSION_PDRS][LIMIT_SESSION_URRS];
};

/* Writes cfg; made: of each PDR. Returns the length, a multiple of 16; at most PACK_MAX.
 * Equal definitions are equal bytes. */
uint32_t session_pack(const struct api_session *cfg, const struct pdr_made *made, uint8_t *out);
uint32_t session_pack_bytes(const uint8_t *pack);
/* Filters' texts stay out (counts 0); names of slices and gtpus are empty, ids stand for them. */
void session_unpack(const uint8_t *pack, struct session_model *out);

/* ==== filters of PDRs: session_filters.c ==== */

/* Each list is stored once however many sessions have it, as text (for answers) and parsed (for
 * rules.h). The UE's own address written out is a placeholder in the text and `assigned` when
 * parsed, so that sessions that differ in nothing else share. */

/* The list of this PDR: *id (0 for none at all) with one use taken; -ENOMEM; -EINVAL when filter
 * *at does not parse. */
int filters_take(const struct api_pdr *pdr, const struct api_ue *ue, uint32_t *id, uint32_t *at);
void filters_give(uint32_t id);

struct filter_list {
	uint32_t n, n_ethernet;
	const struct filter *filter;
	const struct api_ethernet_filter *ethernet;
};
struct filter_list filters_get(uint32_t id);

/* As they were put, for this UE: fills pdr->filters and pdr->ethernet, from the arena (emptied by
 * filters_texts_reset()). False: out of memory. */
bool filters_texts(uint32_t id, const struct api_ue *ue, struct api_pdr *pdr);
void filters_texts_reset(void);

uint32_t filters_lists(void);
void filters_fini(void);

/* ==== from a definition to its block: session_plan.c, session_build.c ==== */

/* A block of 16 groups and 32 acts, each with a struct session_more. */
#define BLOCK_BYTES_MAX 5248u

/* A way in: becomes a group. */
struct way {
	uint8_t source; /* enum upf_interface */
	uint8_t gtpu;	/* 0: by the UE's addresses */
	uint8_t number; /* of the group */
	uint8_t pdrs;
	uint16_t slice;
	uint16_t vlan; /* of an Ethernet session: session_doors.h */
	bool choose;   /* the TEID is to be chosen */
	uint32_t teid;
	uint8_t pdr[LIMIT_SESSION_PDRS]; /* by precedence */
};

/* What all PDRs of a way with the same FAR, QERs, URRs and QFI do. */
struct plan_act {
	uint8_t far; /* places in the lists */
	uint8_t qfi; /* QFI_NONE: no container */
	uint8_t n_qers;
	uint8_t qer[LIMIT_SESSION_QERS]; /* as listed */
	uint32_t urrs;			 /* bit a place */
};

/* The acts of PDRs, in order of first appearance. */
struct plan_acts {
	uint32_t n;
	struct plan_act act[LIMIT_SESSION_PDRS];
	uint8_t of[LIMIT_SESSION_PDRS]; /* of the k-th PDR */
};

struct plan {
	const struct api_session *put; /* as it was put */
	struct api_session cfg;	       /* with TEIDs filled in; lists are put's, but for the PDRs */
	struct api_pdr pdr[LIMIT_SESSION_PDRS];
	struct pdr_made made[LIMIT_SESSION_PDRS];
	uint32_t index;
	const struct session_model *old; /* NULL: a new session */
	const struct session_block *old_block;
	const struct session_state *old_state;
	uint32_t ways;
	struct way way[SESSION_GROUPS];
	uint8_t way_of[LIMIT_SESSION_PDRS];
	struct plan_acts acts_of[SESSION_GROUPS]; /* of a way */
	bool ethernet;

	/* the block, and what it needs */
	uint32_t bytes;
	uint32_t cells, buckets;		  /* how many */
	bool cells_stay;			  /* and buckets */
	bool home;				  /* they are the session's home */
	bool homeless;				  /* they would be, were it not taken yet */
	bool go_home;				  /* that is all that is to change */
	uint8_t bucket_of[LIMIT_SESSION_QERS][2]; /* uplink, downlink; 255: none */
	uint32_t acts;
	struct urr_act act[LIMIT_SESSION_PDRS]; /* cells from 0 on */
	uint8_t block[BLOCK_BYTES_MAX] __rte_aligned(128);
};

/* Groups the PDRs, gives TEIDs and numbers. 0, -1 with err. Takes nothing. */
int plan_ways(struct plan *p, struct rpc_error *err);
/* Is an Ethernet session one that can be? Finds the tags of its slices' frames. 0, -1 with err. */
int plan_frames(struct plan *p, struct rpc_error *err);
/* Compiles the block, taking rules, rates and peers; undone by block_give(). 0, -1 with err and
 * nothing taken. */
int plan_build(struct plan *p, struct rpc_error *err);
/* Gives back what a block holds: rules, rates, peers. No worker may find it any more. */
void block_give(const struct session_block *b);

/* Numbers of the buckets of a session's QERs; how many there are. home: as session_line.h has them.
 */
uint32_t bucket_numbers(const struct api_qers *qers, bool home, uint8_t (*number)[2]);

/* An error answer for what a pool, table or room said: -1. */
int fail_room(struct rpc_error *err, int rc, const char *what, long long limit);

#define NO_BUCKET 255

/* Where in the list it is; of FARs that do the same, the first: their PDRs may be one act. */
uint8_t place_of_far(const struct api_session *s, uint32_t id);

/* Places of the URRs that want a credit cell. */
uint32_t told_places(const struct api_urrs *urrs);

/* Cells for credit and acts: those of the old state for what stays the same, if all find room
 * there. Fills p->acts_of[], cells, cells_stay, home, acts, act[], buckets, bucket_of[].
 */
void plan_cells(struct plan *p);

/* Id of the PDR that is `rule`-th in order of precedence in the group, 0: none (any more). */
uint32_t session_pdr_id(uint32_t session, uint8_t group, uint8_t rule);

/* ==== a change between session_prepare() and session_commit() ==== */

/* What acts counted that are no more. */
struct session_past {
	struct session_counters sum;
};

struct chosen {
	uint32_t pdr, teid;
};

struct session_change {
	uint32_t index;
	struct session_state before, after; /* pack 0: there is none */
	uint32_t past; /* taken for what vanishes: becomes session_cold.past; 0: not needed */
	bool had_urrs;
	bool homeless; /* of after */
	struct urr_change *urr;
	struct hold_change hold;
	struct hold_marker *marker;
	uint8_t far_now[LIMIT_SESSION_FARS]; /* as hold.h says */
	uint32_t n_chosen;
	struct chosen chosen[];
};

#define PAST_UNITS ((sizeof(struct session_past) + PACK_UNIT - 1) / PACK_UNIT)

/* ---- session_keys.c ---- */

/* One F-TEID or one address of a UE in one slice. */
enum key_kind { KEY_TEID = 1, KEY_UE4, KEY_UE6, KEY_PREFIX };
struct session_key {
	uint8_t kind, group;
	uint8_t len;	 /* KEY_PREFIX */
	uint8_t family;	 /* KEY_PREFIX */
	uint16_t where;	 /* slice or gtpu */
	uint16_t pad[3]; /* 0: hashed, as all of it */
	uint32_t low;	 /* TEID, IPv4 address (host order) */
	uint8_t bytes[16];
} __rte_aligned(8);
_Static_assert(sizeof(struct session_key) == 32, "rte_hash_crc() takes words of 8 bytes");
/* 16 groups of at most an IPv4 and an IPv6 address and all framed prefixes. */
#define SESSION_KEYS_MAX (SESSION_GROUPS * (LIMIT_SESSION_FRAMED + 2))
struct session_keys {
	uint32_t n;
	struct session_key key[SESSION_KEYS_MAX];
};

/* A compiled session, or none (NULL); ue is looked at when the block is SESSION_FRAMED. */
struct keyed {
	const struct session_block *block;
	const struct api_ue *ue;
};
void keys_of(uint32_t index, const struct keyed *of, struct session_keys *out);
/* Those that `other` does not have, each once. */
void keys_beside(uint32_t index, const struct keyed *of, const struct keyed *other,
	struct session_keys *out);

/* The keys of `after` that `before` does not have are taken, those of before that after does not
 * have are left: 0, -1 with err and nothing changed. What is taken is nobody's for workers, or
 * still who had it, until commit. */
int claim_keys(uint32_t index, const struct keyed *before, const struct keyed *after,
	const struct api_session *put, struct rpc_error *err);
/* In reverse order. */
void unclaim_keys(uint32_t index, const struct keyed *before, const struct keyed *after);
/* Index of the session that has it as the running transaction sees it; 0: nobody. */
uint32_t key_owner(const struct session_key *key);
/* Is its entry nobody's when the transaction is over? That of a TEID is also when a session has it
 * that needs none. */
bool key_is_left(const struct session_key *key);
/* Makes it so for workers: cannot fail. key_settle(): for each that was taken, before all of it. */
void key_settle(const struct session_key *key);
void key_publish(const struct session_key *key, uint32_t index);
void key_unpublish(const struct session_key *key);
/* The transaction is over. */
void keys_settle(void);
int keys_init(void);
void keys_fini(void);

/* TEIDs that were put: another's, which cannot be taken in advance? 0, -1 with err. */
int check_teids(const struct plan *p, struct rpc_error *err);
/* Kinds of slices, and that the UE has an address where one is needed. Sets p->ethernet. */
int check_slices(struct plan *p, struct rpc_error *err);

/* Slices and own addresses that a state uses: by is 1 or -1. */
void count_uses(const struct api_session *s, const struct session_block *b, int by);
void uses_fini(void);

/* ---- session.c ---- */

/* So many changes are no more: with the last one the transaction is over. */
void session_change_closed(uint32_t n);
bool session_changes_open(void);
/* The session as it is, with its cells at home: 1 with a change, else there is none. */
int session_prepare_home(uint32_t index, struct session_change **change);

/* ---- session_commit.c: what hangs on a change beside its state ---- */

/* Markers, room for what vanishes, hold.c's and urr.c's part: 0, -1 with err and nothing taken. */
int prepare_rest(struct session_change *c, const struct plan *p, struct rpc_error *err);
int prepare_hold(struct session_change *c, uint16_t slice, struct rpc_error *err);
void cancel_rest(struct session_change *c);
/* What urr.c wants to know of a state that another follows. */
void urrs_before(
	const struct api_session *s, const struct session_block *b, struct urr_session *to);

/* ---- session_line.c ---- */

/* The number of a commit; fewer than SESSION_COMMITS of them may wait for their grace period. */
#define SESSION_COMMITS 128u
uint8_t session_lines_commit(void);
uint8_t session_lines_last(void);

/* Of the running commit, before another block of the session is published, or none: the lines serve
 * nobody. */
void session_line_off(uint32_t index);
/* The grace period of that commit is over: they serve again, unless a later one put them off. */
void session_line_settled(uint32_t index, uint8_t commit);
/* A new session's block is published. */
void session_line_new(uint32_t index);
/* No packets are held back for the session any more. */
void session_line_on(uint32_t index);

/* ---- session_commit.c ---- */

void session_commit_fini(void);

/* Memory of a state that no worker ever saw. */
void state_give(const struct session_state *s, const struct session_state *kept);
/* The uses of filter lists of a state's PDRs. */
void pack_give_filters(const struct session_state *s);
/* Waits until indices that were given up may be used again. */
void session_reclaim(void);

/* ==== Ethernet sessions as doors: session_doors.c ==== */

/* Room in the floods of the slices that `after` is a door of and `before` was not: 0; -ENOSPC
 * (LIMIT_SLICE_SESSIONS) or -ENOMEM and nothing taken. Blocks may be NULL. */
int session_doors_prepare(const struct session_block *before, const struct session_block *after);
void session_doors_cancel(const struct session_block *before, const struct session_block *after);
/* Once `after` is published. */
void session_doors_commit(
	uint32_t session, const struct session_block *before, const struct session_block *after);
/* Once all changes of a transaction are: forgets MACs behind doors that are none any more. */
void session_doors_done(void);
void session_doors_fini(void);

#endif
