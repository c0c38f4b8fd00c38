/* SPDX-License-Identifier: BSD-3-Clause */
/* Random transactions over the sessions of SLOTS UEs (churn_upf.h). Main thread; owns what is
 * configured. */
#include <stdlib.h>
#include <string.h>

#include "churn.h"
#include "churn_upf_state.h"
#include "rig_upf.h"
#include "underlay.h"

#define BATCH_MAX 16

struct inlet *churn_inlet;
struct sum *churn_sum;
struct slot churn_slot[SLOTS];
uint64_t churn_epoch = 1;
bool churn_hostile;

struct state churn_state[SLOTS];
static struct state want[SLOTS];
static bool used[SLOTS]; /* in this batch */
static uint32_t inlets = 1;
static uint64_t commits, changes;
/* ---- transactions ---- */

static struct session_change *change[2 * BATCH_MAX];
static uint32_t n_changes, members[BATCH_MAX], n_members;

static void prepare_gone(const struct state *s)
{
	struct rpc_error err = {0};
	uint32_t index = session_find(churn_name(s));

	RIG_CHECK(index != 0, "no session %s", churn_name(s));
	RIG_CHECK(session_prepare_delete(index, &change[n_changes], &err) >= 0, "%s stays: %s",
		churn_name(s), err.message);
	n_changes++;
}

/* The TEIDs that it has now. One that was chosen stays while its PDR does. */
static void inlets_make(uint32_t slot, struct state *is)
{
	const struct state *was = &churn_state[slot];

	for (int n9 = 0; n9 < 2; n9++) {
		uint32_t teid = !n9 || is->n9 ? rig_teid(churn_name(is), n9 ? 3 : 1) : 0;
		const struct inlet *old = &churn_inlet[was->inlet[n9]];
		bool same = was->inlet[n9] != 0 && was->life == is->life;

		is->inlet[n9] = 0;
		if (teid == 0)
			continue;
		if (same && (n9 || was->put == is->put))
			RIG_CHECK(old->teid == teid, "slot %u had TEID %x, and now %x", slot,
				old->teid, teid);
		if (same && old->teid == teid) {
			is->inlet[n9] = was->inlet[n9];
			continue;
		}
		RIG_CHECK(inlets < OUTLETS, "too many TEIDs");
		churn_inlet[inlets] = (struct inlet){.life = is->life, .teid = teid, .n9 = n9};
		is->inlet[n9] = inlets++;
	}
}

static void prepare_put(uint32_t slot, struct state *s)
{
	struct rpc_error err = {0};
	const char *json = churn_say(slot, s);
	int rc = rig_session_prepare(json, &change[n_changes], &err);

	if (rc < 0 && s->put != 0) { /* one that was chosen for another is the same */
		churn_put_drop(slot, s);
		json = churn_say(slot, s);
		rc = rig_session_prepare(json, &change[n_changes], &err);
	}
	RIG_CHECK(rc >= 0, "%s: %s: %s", err.path, err.message, json);
	n_changes += rc;
	inlets_make(slot, s);
}

static void member(uint32_t slot)
{
	struct state *s = &want[slot];
	uint32_t what = churn_rnd(10);

	*s = churn_state[slot];
	if (s->there && what < 2) {
		prepare_gone(s);
		churn_go(slot, s);
	}
	if (!s->there && what != 0)
		churn_come(slot, s);
	else if (s->there) {
		churn_change(slot, s);
	}
	if (s->there) {
		churn_outlets_make(slot, &churn_state[slot], s);
		prepare_put(slot, s);
	}
	members[n_members++] = slot;
	used[slot] = true;
}

static void give_up(void)
{
	while (n_changes > 0)
		session_cancel(change[--n_changes]);
	for (uint32_t i = 0; i < n_members; i++) {
		struct state *s = &want[members[i]];

		if (s->there)
			churn_go(members[i], s);
	}
	for (uint32_t i = 0; i < n_members; i++) {
		struct state *s = &churn_state[members[i]];

		if (s->there)
			churn_take_back(members[i], s);
	}
}

static void turn(uint32_t was, uint32_t is, uint64_t *ended_was, uint64_t *ended_is)
{
	if (is != 0 && is != was)
		__atomic_store_n(ended_is, FOREVER, __ATOMIC_RELEASE);
	if (was != 0 && is != was)
		__atomic_store_n(ended_was, churn_epoch + 1, __ATOMIC_RELEASE);
}

static void link_latest(uint32_t *latest, uint32_t *before, uint32_t was, uint32_t is)
{
	if (is == 0 || is == was)
		return;
	*before = *latest;
	__atomic_store_n(latest, is, __ATOMIC_RELEASE);
}

/* The slot's old inlets and outlets end with this commit, its new ones begin. */
static void slot_ends(uint32_t slot)
{
	const struct state *was = &churn_state[slot], *is = &want[slot];
	uint32_t old[3] = {was->up_outlet, was->down_outlet[0], was->down_outlet[1]};
	uint32_t next[3] = {is->up_outlet, is->down_outlet[0], is->down_outlet[1]};
	struct slot *to = &churn_slot[slot];

	for (int k = 0; k < 3; k++)
		turn(old[k], next[k], &churn_outlet[old[k]].ended, &churn_outlet[next[k]].ended);
	for (int k = 0; k < 2; k++) {
		uint32_t o = was->inlet[k], n = is->inlet[k];

		turn(o, n, &churn_inlet[o].ended, &churn_inlet[n].ended);
		link_latest(&to->inlet, &churn_inlet[n].before, o, n);
	}
	link_latest(&to->up_outlet, &churn_outlet[next[0]].before, old[0], next[0]);
	/* what it sent while it had one may have been held */
	if (is->v6 != was->v6)
		__atomic_store_n(
			&to->v6_ended, is->v6 ? FOREVER : churn_epoch + 1, __ATOMIC_RELEASE);
}

static void urrs_turn(uint32_t slot)
{
	const struct state *was = &churn_state[slot], *is = &want[slot];

	for (int k = 0; k < 2; k++) {
		if (was->urr[k] == is->urr[k])
			continue;
		if (was->urr[k] != 0)
			churn_urr_ends(was->urr[k]);
		if (is->urr[k] != 0)
			churn_measured[is->urr[k]] =
				(struct measured){.name = is->name, .talks = slot_talks(slot)};
	}
}

/* What is sent by from now on. */
static void slot_turn(uint32_t slot)
{
	const struct state *s = &want[slot];
	uint32_t teid = churn_inlet[s->inlet[0]].teid, n9 = churn_inlet[s->inlet[1]].teid;
	struct slot *to = &churn_slot[slot];

	if (to->teid != teid && to->teid != 0)
		__atomic_store_n(&to->old_teid, to->teid, __ATOMIC_RELAXED);
	__atomic_store_n(&to->teid, teid, __ATOMIC_RELAXED);
	__atomic_store_n(&to->n9_teid, n9, __ATOMIC_RELAXED);
	churn_state[slot] = *s;
}

static void commit(void)
{
	for (uint32_t i = 0; i < n_members; i++) {
		slot_ends(members[i]);
		urrs_turn(members[i]);
	}
	session_commit(change, n_changes);
	underlay_resolve();
	/* release: pairs with the acquire in send_one() */
	__atomic_store_n(&churn_epoch, churn_epoch + 1, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < n_members; i++)
		slot_turn(members[i]);
	changes += n_changes;
	commits++;
}

static void done(void)
{
	for (uint32_t i = 0; i < n_members; i++)
		used[members[i]] = false;
	n_members = n_changes = 0;
}

void churn_upf_batch(uint32_t cold)
{
	uint32_t n = 1 + churn_rnd(BATCH_MAX);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t slot = churn_rnd(SLOTS);

		if (slot % 4 != cold && !used[slot])
			member(slot);
	}
	if (churn_rnd(8) == 0)
		give_up();
	else
		commit();
	done();
}

void churn_upf_end(void)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		if (!churn_state[slot].there)
			continue;
		want[slot] = churn_state[slot];
		prepare_gone(&want[slot]);
		churn_go(slot, &want[slot]);
		members[n_members++] = slot;
		if (n_members == BATCH_MAX) {
			commit();
			done();
		}
	}
	commit();
	done();
}

void churn_upf_init(void)
{
	churn_want_init();
	churn_sum = calloc(SUMS, sizeof(*churn_sum));
	churn_inlet = calloc(OUTLETS, sizeof(*churn_inlet));
	RIG_CHECK(churn_inlet != NULL && churn_sum != NULL, "no memory");
	churn_verify_init();
}

uint64_t churn_upf_commits(void)
{
	return commits;
}

uint64_t churn_upf_changes(void)
{
	return changes;
}
