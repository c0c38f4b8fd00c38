/* SPDX-License-Identifier: BSD-3-Clause */
/* Where sessions lie: indices, names, and the memory of blocks, cells, buckets and definitions.
 * Main thread only. Owns all of it.
 *
 * A session of two PDRs (uplink by F-TEID, downlink by IPv4 address), two FARs, a QER and a URR
 * takes, in bytes, with one worker:
 *
 *   128  block                        8  session_block[]
 *   128  home: cells, buckets (each   20  session_cold[]
 *        worker more: 128 more)        96  definition (name of 16 characters)
 *  4..8  its place among the names     40  URR, 8 its place (one with a limit: 304)
 *    37  ue4_table; an IPv6 prefix: 75 more in ue6_table; a TEID that was put: 37 in teid_table
 *
 * What is reserved costs nothing until it is touched; then the kernel gives 2 MiB at a time, so
 * that a user plane without sessions takes what tests/unit/test_session.c says. */
#include "session_store.h"

#include <errno.h>
#include <rte_random.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "reserve.h"
#include "worker.h"

/* Four times what sessions of one QER and one URR take: the box's largest sessions are 32 PDRs. */
#define BLOCK_UNITS  (4u * LIMIT_SESSIONS)
#define CELL_UNITS   (4u * LIMIT_SESSIONS)
#define HOMES_UNITS  ((LIMIT_SESSIONS + 1) * (HOME_CELLS >> CELL_UNIT_LOG2))
#define NAMES	     (1u << 20)
#define INDICES_REST 4096

struct session_block **session_block;
struct session_cold *session_cold;
struct pool block_pool, cell_pool, pack_pool;

static uint32_t *name_head; /* [NAMES] */
static uint64_t seed[2];
static uint32_t next_index, free_index, free_last, count, homes;

#define ARRAY_BYTES(a) ((LIMIT_SESSIONS + 1) * sizeof(*(a)))

int session_store_init(void)
{
	session_block = reserve_map_huge(ARRAY_BYTES(session_block), PROT_READ | PROT_WRITE);
	session_cold = reserve_map_huge(ARRAY_BYTES(session_cold), PROT_READ | PROT_WRITE);
	name_head = reserve_map_huge(NAMES * sizeof(*name_head), PROT_READ | PROT_WRITE);
	seed[0] = rte_rand();
	seed[1] = rte_rand() | 1;
	next_index = 1;
	free_index = free_last = count = homes = 0;
	if (session_block != NULL && session_cold != NULL && name_head != NULL &&
		pool_init(&block_pool, BLOCK_UNIT, 1, BLOCK_UNITS, 1) == 0 &&
		pool_init(&cell_pool, sizeof(struct session_cell) << CELL_UNIT_LOG2, HOMES_UNITS,
			HOMES_UNITS + CELL_UNITS, worker_count) == 0 &&
		pool_init(&pack_pool, PACK_UNIT, 1, PACK_UNITS_MAX, 1) == 0)
		return 0;
	session_store_fini();
	return -ENOMEM;
}

void session_store_fini(void)
{
	pool_fini(&pack_pool);
	pool_fini(&cell_pool);
	pool_fini(&block_pool);
	reserve_unmap(name_head, NAMES * sizeof(*name_head));
	reserve_unmap(session_cold, ARRAY_BYTES(session_cold));
	reserve_unmap(session_block, ARRAY_BYTES(session_block));
	name_head = NULL;
	session_cold = NULL;
	session_block = NULL;
	count = 0;
}

struct session_cell *session_cells(uint32_t worker)
{
	return cell_of(worker, 0);
}

uint64_t *session_buckets(void)
{
	return pool_at(&cell_pool, 0, 0);
}

/* ---- indices ---- */

static void free_add(uint32_t index)
{
	struct session_cold *cold = &session_cold[index];

	cold->free = 1;
	cold->next = 0;
	cold->now.block = free_last;
	if (free_last != 0)
		session_cold[free_last].next = index;
	else
		free_index = index;
	free_last = index;
}

static void free_remove(uint32_t index)
{
	struct session_cold *cold = &session_cold[index];
	uint32_t before = cold->now.block;

	if (before != 0)
		session_cold[before].next = cold->next;
	else
		free_index = cold->next;
	if (cold->next != 0)
		session_cold[cold->next].now.block = before;
	else
		free_last = before;
	cold->free = 0;
	cold->now.block = 0;
}

/* The one that was free for longest, once some are; before that, those that were never used: what
 * was sent to an old session meets no new one for a while. */
int index_take(uint32_t *index)
{
	bool fresh = next_index <= LIMIT_SESSIONS;

	if (free_index != 0 && (!fresh || next_index - 1 - count > INDICES_REST)) {
		*index = free_index;
		free_remove(free_index);
	} else if (fresh) {
		*index = next_index++;
	} else {
		return -ENOSPC;
	}
	count++;
	return 0;
}

int index_take_named(uint32_t index)
{
	if (index == 0 || index > LIMIT_SESSIONS)
		return -EINVAL;
	for (; next_index <= index; next_index++)
		free_add(next_index);
	if (!session_cold[index].free)
		return session_cold[index].now.pack != 0 ? -EEXIST : -EBUSY;
	free_remove(index);
	count++;
	return 0;
}

void index_give(uint32_t index)
{
	free_add(index);
	count--;
}

uint32_t index_count(void)
{
	return count;
}

uint32_t index_after(uint32_t index)
{
	while (session_cold != NULL && ++index < next_index)
		if (session_cold[index].now.pack != 0)
			return index;
	return 0;
}

uint8_t session_salt(uint32_t index)
{
	return exact_mix(index ^ seed[1], seed[0] | 1);
}

void home_take(uint32_t index)
{
	for (uint32_t w = 0; w < cell_pool.copies; w++)
		memset(cell_of(w, SESSION_HOME(index)), 0,
			HOME_CELLS * sizeof(struct session_cell));
	session_cold[index].home = 1;
	homes++;
}

void home_give(uint32_t index)
{
	session_cold[index].home = 0;
	homes--;
}

/* ---- names ---- */

/* Keyed, so that nobody outside can make names meet. */
static uint32_t *chain_of(const char *name, uint32_t len)
{
	uint64_t word[(LIMIT_NAME + 8) / 8] = {0}, hash = len;

	memcpy(word, name, len);
	for (uint32_t i = 0; 8 * i < len; i++)
		hash = exact_mix(hash ^ word[i] ^ seed[0], seed[1]);
	return &name_head[hash % NAMES];
}

static const char *name_at(uint32_t index, uint32_t *len)
{
	return session_pack_name(pool_at(&pack_pool, 0, session_cold[index].now.pack), len);
}

void name_link(uint32_t index)
{
	uint32_t len, *chain;
	const char *name = name_at(index, &len);

	chain = chain_of(name, len);
	session_cold[index].next = *chain;
	*chain = index;
}

void name_unlink(uint32_t index)
{
	uint32_t len, at;
	const char *name = name_at(index, &len);
	uint32_t *chain = chain_of(name, len);

	if (*chain == index) {
		*chain = session_cold[index].next;
		return;
	}
	for (at = *chain; session_cold[at].next != index;)
		at = session_cold[at].next;
	session_cold[at].next = session_cold[index].next;
}

static const struct session_state *kept; /* a deleted session that still has a name */
static uint32_t kept_index;

void session_name_keep(uint32_t index, const struct session_state *s)
{
	kept_index = index;
	kept = s;
}

const char *session_name(uint32_t index)
{
	static char name[LIMIT_NAME + 1];
	const struct session_state *s = &session_cold[index].now;
	uint32_t len;

	if (kept != NULL && index == kept_index)
		s = kept;
	if (s->pack == 0)
		return NULL;
	const char *at = session_pack_name(pool_at(&pack_pool, 0, s->pack), &len);

	memcpy(name, at, len);
	name[len] = '\0';
	return name;
}

uint32_t session_iterate(uint64_t *cursor, uint32_t *index, uint32_t max)
{
	uint32_t n = 0, at = *cursor;

	while (n < max && (at = index_after(at)) != 0)
		index[n++] = at;
	*cursor = n == max && index_after(at) != 0 ? at : 0;
	return n;
}

uint32_t session_find(const char *name)
{
	uint32_t len = strlen(name), other;

	if (name_head == NULL)
		return 0;
	for (uint32_t i = *chain_of(name, len); i != 0; i = session_cold[i].next) {
		const char *there = name_at(i, &other);

		if (other == len && memcmp(name, there, len) == 0)
			return i;
	}
	return 0;
}

/* ---- how much ---- */

uint64_t session_store_bytes(void)
{
	uint64_t names = (uint64_t)index_count() * sizeof(*name_head);
	uint64_t arrays = (uint64_t)(next_index - 1) *
			  (sizeof(*session_cold) + sizeof(*session_block) + sizeof(uintptr_t));

	return names + arrays + (uint64_t)block_pool.used * BLOCK_UNIT +
	       (uint64_t)cell_pool.used * cell_pool.unit * cell_pool.copies +
	       (uint64_t)homes * sizeof(struct session_line) * 2 * cell_pool.copies +
	       (uint64_t)pack_pool.used * PACK_UNIT;
}
