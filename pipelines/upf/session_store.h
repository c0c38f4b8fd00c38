/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the parts of session.c (session_*.c): what is kept of a session for the main thread, and
 * the pools that hold it. Nobody else includes it.
 *
 * A session is a state: a packed definition (session_pack.h) and what it was compiled into (block,
 * cells, buckets). A change holds the state before and after it; the latest one, prepared or
 * committed, stands in session_cold[]. What workers see is session_block[], set by commit alone.
 * Everything else that a state holds can be read from these two: keys (TEIDs, addresses), peers,
 * rules and rates by its block, filters by its definition. So giving a state back needs no list. */
#ifndef UPF_SESSION_STORE_H
#define UPF_SESSION_STORE_H

#include "pool.h"
#include "session.h"
#include "session_hot.h"
#include "session_line.h"

struct session_state {
	uint32_t pack;	     /* in pack_pool; 0: no session */
	uint32_t block;	     /* in block_pool; of a free index: the one freed before it */
	uint8_t block_units; /* of 128 bytes */
	uint8_t cell_units;  /* of 64 bytes, four cells; buckets at the end, or at home */
	uint8_t bucket_count;
	uint8_t pad;
};

struct session_cold {
	struct session_state now;
	uint32_t next : 20; /* of the same hash of the name; of a free index: the next free one */
	uint32_t salt : 8;  /* of the TEID chosen last */
	uint32_t home : 1;  /* its home is taken, or workers may still count there */
	uint32_t off : 1;   /* session_line.c: a change's grace period is not over */
	uint32_t homeless : 1; /* its home was taken yet when it moved: session_home.c */
	uint32_t free : 1;     /* the index is nobody's, and may be taken */
	uint32_t past : 25;    /* in pack_pool: a struct session_past; 0: none */
	uint32_t commit : 7;   /* the latest such change's */
};
_Static_assert(sizeof(struct session_cold) == 20, "counts for a million");
_Static_assert(LIMIT_SESSIONS < 1u << 20, "next names one");

/* What acts counted that are no more. */
struct session_past {
	struct session_counters sum;
};

#define BLOCK_UNIT     128u
#define CELL_UNIT_LOG2 2 /* cells of a unit */
#define PACK_UNIT      16u
#define PACK_UNITS_MAX (32u * LIMIT_SESSIONS)
_Static_assert(PACK_UNITS_MAX < 1u << 25, "past names one");

/* Cells come from the pool, or are the session's home (session_line.h). Buckets lie at the end of
 * worker 0's cells: of a session of one QER and one URR that one worker has, all that a packet
 * changes is one line. */
static inline uint32_t cell_units(uint32_t cells, uint32_t buckets)
{
	return (cells + (buckets + 1) / 2 + 3) >> CELL_UNIT_LOG2;
}

extern struct session_cold *session_cold; /* [LIMIT_SESSIONS + 1] */
extern struct pool block_pool, cell_pool, pack_pool;

static inline struct session_block *block_of(const struct session_state *s)
{
	return pool_at(&block_pool, 0, s->block);
}

static inline struct session_cell *cell_of(uint32_t worker, uint32_t cell)
{
	return (struct session_cell *)pool_at(&cell_pool, worker, 0) + cell;
}

/* ---- session_store.c ---- */

/* Tables and pools: 0 or -ENOMEM with nothing left. */
int session_store_init(void);
void session_store_fini(void);

int index_take(uint32_t *index); /* 0, -ENOSPC */
/* This one. 0; -EINVAL: no session may have it; -EEXIST: a session has it; -EBUSY: one had, and its
 * grace period is not over. */
int index_take_named(uint32_t index);
void index_give(uint32_t index);
uint32_t index_count(void);
uint32_t index_after(uint32_t index); /* in use: the next above, 0 at the end */
/* What the salts of this index' TEIDs are mixed with: another one in every process, not to be
 * guessed. */
uint8_t session_salt(uint32_t index);

/* The cells of an index' home: zero then, for all workers. */
void home_take(uint32_t index);
void home_give(uint32_t index);

/* By name. The name is read from the packed definition. */
void name_link(uint32_t index);
void name_unlink(uint32_t index);

/* An error answer for what a pool, table or room said: -1. */
int fail_room(struct rpc_error *err, int rc, const char *what, long long limit);

/* ---- session_keys.c: who has a TEID, an address ---- */

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

/* All keys of a compiled session; ue is looked at when the block is SESSION_FRAMED. How many. */
uint32_t keys_of_block(uint32_t index, const struct session_block *block, const struct api_ue *ue,
	struct session_key *key);
bool key_is_among(const struct session_key *key, const struct session_key *list, uint32_t n);

/* Index of the session that has it as the running transaction sees it; 0: nobody. */
uint32_t key_owner(const struct session_key *key);
/* Is its entry nobody's when the transaction is over? That of a TEID is also when a session has it
 * that needs none. */
bool key_is_left(const struct session_key *key);
/* May one that another session has be taken in advance? Once a transaction, and no TEID that was
 * chosen. */
bool key_may_lend(const struct session_key *key);
/* One that was taken so and is not left by who had it: false when there is none behind *cursor (0
 * at first). */
bool key_owed(uint32_t *cursor, struct session_key *key, uint32_t *owner, uint32_t *lender);
/* Takes one that nobody has, or that may be lent / leaves it to whoever wants it: 0, -ENOSPC,
 * -ENOMEM; -EBUSY when it was taken in advance itself. Nobody's for workers, or still who had it,
 * until commit. And the ways back, in reverse order. */
int key_take(const struct session_key *key, uint32_t index);
void key_untake(const struct session_key *key);
int key_release(const struct session_key *key, uint32_t index);
void key_unrelease(const struct session_key *key, uint32_t owner);
/* Makes it so for workers: cannot fail. key_settle(): for each that was taken, before all of it. */
void key_settle(const struct session_key *key);
void key_publish(const struct session_key *key, uint32_t index);
void key_unpublish(const struct session_key *key);
/* The transaction is over. */
void keys_settle(void);
int keys_init(void);
void keys_fini(void);

#endif
