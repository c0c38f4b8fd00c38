/* SPDX-License-Identifier: BSD-3-Clause */
/* A change between session_prepare() and session_commit(). Between session.c, session_keys.c and
 * session_commit.c; nobody else includes it. */
#ifndef UPF_SESSION_CHANGE_H
#define UPF_SESSION_CHANGE_H

#include "hold.h"
#include "session.h"
#include "session_plan.h"

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
/* Gives back indices that packets no longer bear, brings sessions home that may go; how many. */
uint32_t session_poll(void);

#endif
