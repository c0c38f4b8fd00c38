/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers about sessions: definitions, counters, pages of indices. Main thread only. Owns the
 * definition that was answered last. */
#include <string.h>

#include "peer.h"
#include "session_change.h"
#include "session_filters.h"
#include "session_pack.h"
#include "session_store.h"
#include "urr.h"

static struct session_model answer;

bool session_get(uint32_t index, struct api_session *out)
{
	if (session_cold == NULL || index == 0 || session_cold[index].now.pack == 0)
		return false;
	session_unpack(pool_at(&pack_pool, 0, session_cold[index].now.pack), &answer);
	filters_texts_reset();
	for (uint32_t i = 0; i < answer.cfg.pdrs.count; i++) {
		struct api_pdr *pdr = &answer.pdr[i];

		if (!filters_texts(answer.made[i].filters, &answer.cfg.ue, pdr))
			return false;
		if (pdr->gtpu_id != 0)
			memcpy(pdr->gtpu, gtpu_config(pdr->gtpu_id)->name, sizeof(pdr->gtpu));
	}
	for (uint32_t i = 0; i < answer.cfg.fars.count; i++) {
		struct api_far *f = &answer.far[i];

		if (f->outer_header.gtpu_id != 0)
			memcpy(f->outer_header.gtpu, gtpu_config(f->outer_header.gtpu_id)->name,
				sizeof(api_name));
		if (f->duplicate_to.gtpu_id != 0)
			memcpy(f->duplicate_to.gtpu, gtpu_config(f->duplicate_to.gtpu_id)->name,
				sizeof(api_name));
	}
	*out = answer.cfg;
	return true;
}

bool session_chosen_of(uint32_t index, uint32_t n, uint32_t *pdr_id, uint32_t *teid)
{
	static struct session_model m;

	session_unpack(pool_at(&pack_pool, 0, session_cold[index].now.pack), &m);
	for (uint32_t i = 0; i < m.cfg.pdrs.count; i++) {
		bool chosen = m.pdr[i].gtpu_id != 0 && TEID_SESSION(m.pdr[i].teid) == index &&
			      TEID_GROUP(m.pdr[i].teid) == m.made[i].group;

		if (!chosen || n-- > 0)
			continue;
		*pdr_id = m.pdr[i].id;
		*teid = m.pdr[i].teid;
		return true;
	}
	return false;
}

/* ---- counters ---- */

static uint64_t load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void add_act(const struct session_block *b, const struct session_act *a, bool up,
	struct session_counters *out)
{
	for (uint32_t w = 0; w < cell_pool.copies; w++) {
		const struct session_cell *cell = cell_of(w, b->cells + a->cell);

		*(up ? &out->ul_packets : &out->dl_packets) += load(&cell->packets);
		*(up ? &out->ul_bytes : &out->dl_bytes) += load(&cell->bytes);
	}
}

void session_counters_read(uint32_t index, struct session_counters *out)
{
	const struct session_block *b = session_block[index];
	uint32_t past = session_cold[index].past;

	memset(out, 0, sizeof(*out));
	if (past != 0)
		*out = ((const struct session_past *)pool_at(&pack_pool, 0, past))->sum;
	for (uint32_t w = 0; b != NULL && w < cell_pool.copies; w++)
		out->dropped += load(&cell_of(w, b->cells)->packets);
	for (uint32_t i = 0; b != NULL && i < b->groups; i++) {
		const struct session_group *g = session_group_at(b, i);

		for (uint32_t k = 0; k < g->acts; k++)
			add_act(b, &session_acts(g)[k], g->flags & GROUP_UPLINK, out);
	}
}

/* ---- how much ---- */

uint64_t session_memory_bytes(void)
{
	if (session_cold == NULL)
		return 0;
	return session_store_bytes() + urr_memory_bytes() +
	       ((uint64_t)teid_table.count + ue4_table.count) * 37 + (uint64_t)ue6_table.count * 75;
}
