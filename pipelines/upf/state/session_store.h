/* SPDX-License-Identifier: BSD-3-Clause */
/* What is kept of a session for the main thread, and the pools that hold it.
 *
 * A session is a state: a packed definition (session_pack.c) and what it was compiled into (block,
 * cells, buckets). A change holds the state before and after it; the latest one, prepared or
 * committed, stands in session_cold[]. What workers see is session_block[], set by commit alone.
 * Everything else that a state holds can be read from these two: keys (TEIDs, addresses), peers,
 * rules and rates by its block, filters by its definition. So giving a state back needs no list. */
#ifndef UPF_SESSION_STORE_H
#define UPF_SESSION_STORE_H

#include "pool.h"
#include "session_hot.h"
#include "session_index.h"
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
	uint32_t homeless : 1; /* its home was taken yet when it moved: session_commit.c */
	uint32_t free : 1;     /* the index is nobody's, and may be taken */
	uint32_t past : 25;    /* in pack_pool: a struct session_past; 0: none */
	uint32_t commit : 7;   /* the latest such change's */
};
_Static_assert(sizeof(struct session_cold) == 20, "counts for a million");
_Static_assert(LIMIT_SESSIONS < 1u << 20, "next names one");

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

/* The name that a packed definition (session_pack.c) begins with. */
static inline const char *session_pack_name(const uint8_t *pack, uint32_t *len)
{
	*len = pack[2];
	return (const char *)pack + 3;
}
/* A deleted session still has its name, for events, while this is said of it; NULL: no more. */
void session_name_keep(uint32_t index, const struct session_state *s);

/* Bytes held for sessions here. */
uint64_t session_store_bytes(void);

#endif
