/* SPDX-License-Identifier: BSD-3-Clause */
/* 100,000 random puts, changes and deletions, in transactions that are committed or cancelled,
 * beside a simple model: a table of what each session should be. After each transaction what
 * workers would find is compared, at the end all is deleted and nothing is left. argv[1]: the seed.
 */
#include <rte_byteorder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rcu.h"
#include "session_rig.h"
#include "session_store.h"

#define NAMES	300
#define UES	200 /* fewer than names: they clash */
#define TEIDS	150
#define OPS	(getenv("SLUICE_QUICK") ? 25000u : 100000u)
#define OPS_MAX 12 /* of a transaction; half are there to give back what was taken */

/* What a session is made from; all of it follows from these. */
struct recipe {
	bool there;
	uint32_t ue, slice; /* 0, 1: l3, l3b */
	uint32_t teid;	    /* 0: chosen */
	uint32_t peer;
	uint32_t shape; /* bits: rich, more PDRs, filters, second UE way */
};

static struct recipe now[NAMES], before[NAMES];
static struct session_change *change[OPS_MAX];
static uint64_t seed;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % n;
}

#define CHECK(cond, ...)                                                                           \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			printf("%s:%d: %s: ", __FILE__, __LINE__, #cond);                          \
			printf(__VA_ARGS__);                                                       \
			printf("\n");                                                              \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static struct made *make(uint32_t name, const struct recipe *r)
{
	char text[32];

	snprintf(text, sizeof(text), "s%u", name);
	struct made *m = r->shape & 1 ? rich(text, 1 + r->ue) : simple(text, 1 + r->ue);

	m->cfg.slice_id = r->slice ? rig_l3b : rig_l3;
	m->far[1].outer_header.peer.bytes[3] = r->peer;
	if (r->teid != 0)
		for (uint32_t i = 0; i < m->cfg.pdrs.count; i++)
			if (m->pdr[i].gtpu_id != 0)
				m->pdr[i].teid = r->teid;
	if (r->shape & 2)
		more_pdrs(m, m->cfg.pdrs.count + 1);
	if (r->shape & 4)
		filter(m, 0, "permit out ip from 203.0.113.0/24 to assigned");
	if (r->shape & 8) { /* the UE is known in the other slice, too */
		uint32_t i = m->cfg.pdrs.count++;

		m->pdr[i] = m->pdr[1];
		m->pdr[i].id = 200;
		snprintf(m->pdr[i].slice, sizeof(m->pdr[i].slice), "other");
		m->pdr[i].slice_id = r->slice ? rig_l3 : rig_l3b;
	}
	for (uint32_t i = 0; r->shape & 1 && r->shape & 2 && i < m->cfg.pdrs.count; i++)
		if (m->pdr[i].id >= 100 && m->pdr[i].id < 200)
			m->pdr[i].teid = r->teid; /* on the same F-TEID as the others */
	return m;
}

static bool in_slice(const struct recipe *r, uint32_t slice)
{
	return r->slice == slice || r->shape & 8;
}

/* Transactions in which an address, a TEID was taken before it was left. */
static uint32_t commits, swaps[2];
static bool lent[2];
static uint32_t lender = NAMES;
static struct recipe in_return; /* what it becomes for that */

/* Who else has the UE's address. NAMES: nobody. */
static uint32_t address_clash(uint32_t name, const struct recipe *r)
{
	for (uint32_t i = 0; i < NAMES; i++)
		for (uint32_t s = 0; i != name && now[i].there && s < 2; s++)
			if (in_slice(r, s) && in_slice(&now[i], s) && now[i].ue == r->ue)
				return i;
	return NAMES;
}

static uint32_t teid_clash(uint32_t name, const struct recipe *r)
{
	for (uint32_t i = 0; i < NAMES; i++)
		if (i != name && now[i].there && r->teid != 0 && now[i].teid == r->teid)
			return i;
	return NAMES;
}

/* A TEID that was put and reads as if it had been chosen stays when the next one is to be chosen.
 */
static bool is_chosen(uint32_t wanted)
{
	uint32_t pdr, teid;
	uint64_t cursor = 0;

	do {
		uint32_t index;

		if (session_iterate(&cursor, &index, 1) == 1 &&
			session_chosen_of(index, 0, &pdr, &teid) && teid == wanted)
			return true;
	} while (cursor != 0);
	return false;
}

/* Does a session have what another has? Only within a transaction. */
static bool all_settled(void)
{
	for (uint32_t i = 0; i < NAMES; i++)
		if (now[i].there &&
			(address_clash(i, &now[i]) != NAMES || teid_clash(i, &now[i]) != NAMES))
			return false;
	return true;
}

static bool is_left_again(void)
{
	return rig_err.code == RPC_ERR_CONFLICT && strstr(rig_err.message, "left again") != NULL;
}

/* What this session took belongs to others yet: the next operations may be theirs. */
static void owe(uint32_t name, const struct recipe *r)
{
	uint32_t of[2] = {address_clash(name, r), teid_clash(name, r)};

	lender = of[0] != NAMES ? of[0] : of[1];
	for (uint32_t i = 0; i < 2; i++)
		lent[i] |= of[i] != NAMES;
	if (lender == NAMES)
		return;
	in_return = now[lender];
	if (lender == of[0])
		in_return.ue = now[name].there ? now[name].ue : rnd(UES);
	if (lender == of[1])
		in_return.teid = now[name].there ? now[name].teid : 0;
}

/* One random operation of a transaction: true when a change was prepared. */
static bool operate(struct session_change **c)
{
	bool swap = lender != NAMES && rnd(8) != 0;
	uint32_t name = swap ? lender : rnd(NAMES);
	struct recipe r = {.there = true,
		.ue = rnd(UES),
		.slice = rnd(2),
		.teid = rnd(3) == 0 ? 50000 + rnd(TEIDS) : 0,
		.peer = 2 + rnd(20),
		.shape = rnd(16)};
	char text[32];
	uint32_t index;

	snprintf(text, sizeof(text), "s%u", name);
	index = session_find(text);
	CHECK((index != 0) == now[name].there, "%s", text);
	lender = NAMES;
	if (now[name].there && rnd(swap ? 8 : 3) == 0) {
		int rc = session_prepare_delete(index, c, &rig_err);

		CHECK(rc == 1 || is_left_again(), "%s", rig_err.message);
		now[name].there = rc != 1;
		return rc == 1;
	}
	if (now[name].there && (swap || rnd(2))) { /* a small change */
		uint32_t peer = r.peer;

		r = swap ? in_return : now[name];
		r.peer = peer;
	}
	memset(&rig_err, 0, sizeof(rig_err));
	int rc = session_prepare(&make(name, &r)->cfg, c, &rig_err);

	if (rc < 0 && is_left_again())
		return false;
	if (rc < 0) { /* an address may change hands once in a transaction */
		CHECK(rig_err.code == RPC_ERR_CONFLICT &&
				(address_clash(name, &r) != NAMES ||
					teid_clash(name, &r) != NAMES || is_chosen(r.teid)),
			"%s", rig_err.message);
		return false;
	}
	owe(name, &r);
	now[name] = r;
	return rc == 1;
}

/* ---- what workers find ---- */

static void check_word(const struct exact_table *t, uint64_t key, uint32_t index, uint32_t teid)
{
	const uint64_t *value = exact_find(t, &key);

	CHECK(value != NULL && SESSION_OF(*value) == index, "key %lx: session %u, found %ld", key,
		index, value != NULL ? (long)SESSION_OF(*value) : -1);
	const struct session_group *g =
		session_group_at(session_block[index], SESSION_GROUP_OF(*value));

	CHECK(g->acts > 0 && g->teid_be == rte_cpu_to_be_32(teid), "session %u", index);
}

static uint32_t check_one(uint32_t name, uint32_t *teids)
{
	const struct recipe *r = &now[name];
	uint32_t index, pdr, teid, ways = 0;
	char text[32];

	snprintf(text, sizeof(text), "s%u", name);
	index = session_find(text);
	CHECK((index != 0) == r->there, "%s", text);
	if (!r->there)
		return 0;
	CHECK(strcmp(session_name(index), text) == 0, "%s", text);
	const struct session_block *b = session_block[index];

	CHECK(b != NULL && b->ue4 == 0x0a000001 + r->ue, "%s", text);
	for (uint32_t s = 0; s < 2; s++)
		if (in_slice(r, s)) {
			ways++;
			check_word(&ue4_table, UE4_KEY(s ? rig_l3b : rig_l3, b->ue4), index, 0);
		}
	if (r->teid != 0 && TEID_SESSION(r->teid) != index) {
		(*teids)++;
		check_word(&teid_table, TEID_KEY(rig_n3, r->teid), index, r->teid);
	} else {
		CHECK(session_chosen_of(index, 0, &pdr, &teid), "%s", text);
		CHECK(session_group_at(b, TEID_GROUP(teid))->teid_be == rte_cpu_to_be_32(teid) &&
				(r->teid == 0 || r->teid == teid),
			"%s", text);
	}
	CHECK(session_acts(session_group_at(b, b->groups - 1))->cell > 0, "%s", text);
	return ways;
}

static void check_all(void)
{
	uint32_t sessions = 0, ways = 0, teids = 0;

	for (uint32_t i = 0; i < NAMES; i++) {
		ways += check_one(i, &teids);
		sessions += now[i].there;
	}
	CHECK(session_count() == sessions, "%u %u", session_count(), sessions);
	CHECK(ue4_table.count == ways, "%u %u", ue4_table.count, ways);
	CHECK(teid_table.count == teids, "%u %u", teid_table.count, teids);
}

/* ---- transactions ---- */

static void transact(void)
{
	uint32_t wanted = 1 + rnd(OPS_MAX / 2), n = 0;
	bool cancel = rnd(4) == 0;
	struct usage was;

	memcpy(before, now, sizeof(now));
	was = usage();
	lent[0] = lent[1] = false;
	lender = NAMES;
	for (uint32_t i = 0; i < wanted || (lender != NAMES && i < OPS_MAX); i++)
		n += operate(&change[n]);
	uint32_t index;
	bool settled = session_settled(&(uint32_t){0}, &index, &rig_err) == 0;

	CHECK(settled == all_settled(), "settled: %d", settled);
	if (settled && !cancel) {
		swaps[0] += lent[0];
		swaps[1] += lent[1];
		commits++;
		if (n > 0)
			session_commit(change, n);
		return;
	}
	while (n > 0)
		session_cancel(change[--n]);
	memcpy(now, before, sizeof(now));

	struct usage is = usage();

	CHECK(memcmp(&was, &is, sizeof(is)) == 0, "%s", usage_text(&was, &is));
}

int main(int argc, char **argv)
{
	struct usage empty, left;

	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	session_rig_eal();
	session_rig_start();
	empty = usage();
	for (uint32_t i = 0; i < OPS / ((1 + OPS_MAX / 2) / 2); i++) {
		transact();
		if (i % 50 == 0)
			check_all();
	}
	check_all();
	for (uint32_t i = 0; i < NAMES; i++) {
		char text[32];

		snprintf(text, sizeof(text), "s%u", i);
		if (now[i].there)
			drop(session_find(text));
	}
	left = usage();
	CHECK(memcmp(&empty, &left, sizeof(left)) == 0, "%s", usage_text(&empty, &left));
	session_rig_stop();
	CHECK(swaps[0] > OPS / 1000 && swaps[1] > OPS / 1000, "%u, %u swaps", swaps[0], swaps[1]);
	printf("seed %lu: %u operations, %u commits, %u with addresses that changed hands, %u with "
	       "TEIDs\n",
		argc > 1 ? strtoul(argv[1], NULL, 0) : 1, OPS, commits, swaps[0], swaps[1]);
	return EXIT_SUCCESS;
}
