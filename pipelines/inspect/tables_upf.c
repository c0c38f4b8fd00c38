/* SPDX-License-Identifier: BSD-3-Clause */
/* The user plane's tables as data, and their rows for people: by which way in a packet meets
 * which session, which rules it is looked at by, what is done with it. Main thread only. What is
 * shown of sessions is what workers read; a million of them are never walked for a page. */
#include "tables.h"

#include <arpa/inet.h>
#include <rte_common.h>
#include <stdio.h>
#include <string.h>

#include "schema.h"
#include "session.h"
#include "session_hot.h"
#include "session_index.h"
#include "worker.h"

/* What an act counted, over all workers. */
static void add_cell(struct table_row *row, const struct session_block *s, uint32_t cell)
{
	for (uint32_t w = 0; w < worker_count; w++) {
		const struct session_cell *one = session_cells(w) + s->cells + cell;

		row->counters.in_packets += one->packets;
		row->counters.in_bytes += one->bytes;
	}
}

/* ---- rows of sessions ---- */

/* Where a row stands among its session's: rows come in ascending order of it. */
struct row_key {
	uint64_t word[TABLE_CURSOR_WORDS]; /* the first one below 1 << 32 */
};

/* Rows of one session. */
struct session_page {
	struct table_row *rows;
	uint32_t n, max;
	bool full;
	bool begun; /* rows up to `last` were on the page before */
	struct row_key last;
	uint32_t seen;
	uint32_t index;
	const struct session_block *block;
};

#define ROW_KEY(...) ((struct row_key){{__VA_ARGS__}})

static bool is_after(const struct row_key *a, const struct row_key *b)
{
	uint32_t i = 0;

	while (i + 1 < TABLE_CURSOR_WORDS && a->word[i] == b->word[i])
		i++;
	return a->word[i] > b->word[i];
}

/* The row with this key, to be filled in; NULL: it was on the page before, or is on the next. */
static struct table_row *next_row(struct session_page *page, const struct row_key *key)
{
	struct table_row *row;

	page->seen++;
	if (page->begun && !is_after(key, &page->last))
		return NULL;
	if (page->n == page->max) {
		page->full = true;
		return NULL;
	}
	page->begun = true;
	page->last = *key;
	row = &page->rows[page->n++];
	memset(row, 0, sizeof(*row));
	return row;
}

#define LOOKED 256u /* sessions at most that one call looks at, whether they have rows or not */

/* The cursor is the row that came last: its session's index above its key's first word. Behind all
 * rows of a session: one that no row comes after. */
uint32_t sessions_read(void (*fill)(struct session_page *page), uint64_t *cursor,
	struct table_row *rows, uint32_t max)
{
	struct session_page page = {.rows = rows, .max = max};
	uint32_t from = cursor[0] >> 32, last = from;
	uint64_t next = from != 0 ? from - 1 : 0;
	uint32_t looked = 0;

	page.last = (struct row_key){{(uint32_t)cursor[0], cursor[1], cursor[2]}};
	while (upf_is_started() && session_iterate(&next, &page.index, 1) == 1) {
		page.begun = page.index == from;
		page.block = session_block[page.index];
		if (page.block)
			fill(&page);
		if (page.begun)
			last = page.index;
		if (page.full) {
			memcpy(cursor, page.last.word, sizeof(page.last.word));
			cursor[0] |= (uint64_t)last << 32;
			return page.n;
		}
		if (next == 0)
			break;
		if (++looked == LOOKED) {
			cursor[0] = (uint64_t)page.index << 32 | UINT32_MAX;
			cursor[1] = cursor[2] = UINT64_MAX;
			return page.n;
		}
	}
	cursor[0] = cursor[1] = cursor[2] = 0;
	return page.n;
}

#define COUNTED 4096u

/* How many rows there are; of many sessions, as many as if all were like the first ones. */
uint32_t sessions_count(void (*fill)(struct session_page *page))
{
	uint64_t next = 0, rows = 0;
	uint32_t sessions = 0, all = upf_is_started() ? session_count() : 0;

	while (sessions < COUNTED && sessions < all) {
		struct session_page page = {.max = 0};

		if (session_iterate(&next, &page.index, 1) != 1)
			break;
		sessions++;
		page.block = session_block[page.index];
		if (page.block)
			fill(&page);
		rows += page.seen;
		if (next == 0)
			break;
	}
	return sessions == COUNTED ? rows * all / sessions : rows;
}

/* ---- sessions_uplink: (own address, TEID) → session ---- */

static void session_params(
	struct table_row *row, const struct session_page *page, uint32_t group, uint16_t slice)
{
	const struct session_group *g = session_group_at(page->block, group);

	row_param(row, "{session %u}", page->index);
	row_param(row, "%u", group);
	row_param(row, "{slice %u}", slice);
	row_param(row, "%u", g->rules);
	for (uint32_t i = 0; i < g->acts; i++)
		add_cell(row, page->block, session_acts(g)[i].cell);
}

static void uplink_rows(struct session_page *page)
{
	for (uint32_t i = 0; i < page->block->groups; i++) {
		const struct session_group *g = session_group_at(page->block, i);
		struct table_row *row;

		if (g->acts == 0 || g->teid_be == 0 || !(row = next_row(page, &ROW_KEY(i))))
			continue;
		row_key(row, "{gtpu %u}", g->gtpu);
		row_key(row, "%u", rte_be_to_cpu_32(g->teid_be));
		session_params(row, page, i, page->block->slice);
	}
}

/* ---- sessions_downlink: (slice, UE's address) → session ---- */

static void downlink_row(struct session_page *page, uint32_t group, const struct row_key *key,
	const struct api_ip *prefix)
{
	const struct session_group *g = session_group_at(page->block, group);
	uint16_t slice = g->slice ? g->slice : page->block->slice;
	struct table_row *row = next_row(page, key);

	if (!row)
		return;
	row_key(row, "{slice %u}", slice);
	row_key_ip(row, prefix, true);
	session_params(row, page, group, slice);
}

static struct row_key prefix_key(uint32_t group, const struct api_ip *prefix)
{
	struct row_key key = ROW_KEY(group << 16 | prefix->family << 8 | prefix->len);

	memcpy(&key.word[1], prefix->bytes, sizeof(prefix->bytes));
	return key;
}

/* The prefix of the UE's that comes next behind a key; NULL: none. */
static const struct api_ip *prefix_after(
	const struct api_ue *ue, uint32_t group, const struct row_key *after)
{
	const struct api_ip *next = NULL;
	struct row_key least;

	for (uint32_t i = 0; i < ue->framed.count + 2; i++) {
		const struct api_ip *one = i == 0   ? &ue->ipv4
					   : i == 1 ? &ue->ipv6
						    : &ue->framed.item[i - 2];
		struct row_key key = prefix_key(group, one);

		if (one->family == 0 || !is_after(&key, after) ||
			(next != NULL && !is_after(&least, &key)))
			continue;
		next = one;
		least = key;
	}
	return next;
}

static void downlink_group(struct session_page *page, uint32_t group, const struct api_ue *ue)
{
	struct row_key key = ROW_KEY(group << 16);
	const struct api_ip *prefix;

	while ((prefix = prefix_after(ue, group, &key)) != NULL) {
		key = prefix_key(group, prefix);
		downlink_row(page, group, &key, prefix);
	}
}

static void downlink_rows(struct session_page *page)
{
	struct api_session s;

	if (page->block->flags & SESSION_ETHERNET || !session_get(page->index, &s))
		return;
	for (uint32_t i = 0; i < page->block->groups; i++) {
		const struct session_group *g = session_group_at(page->block, i);

		if (g->acts > 0 && g->teid_be == 0)
			downlink_group(page, i, &s.ue);
	}
}

/* ---- forwarding: (session, way in, act) → what is done ---- */

static void act_params(struct table_row *row, const struct session_act *a)
{
	char qfi[16] = "none";

	row->action = a->what;
	if (a->flags & ACT_PSC)
		snprintf(qfi, sizeof(qfi), "%u", a->qfi);
	switch (a->what) {
	case ACT_SLICE:
		row_param(row, "{slice %u}", a->slice);
		break;
	case ACT_GTPU:
		row_param(row, "{tunnel %u}", a->peer);
		row_param(row, "%u", rte_be_to_cpu_32(a->teid_be));
		row_param(row, "%s", qfi);
		break;
	case ACT_HOLD:
		row_param(row, "%s", a->flags & ACT_NOTIFY ? "yes" : "no");
		break;
	default:
		break;
	}
}

static void forwarding_rows(struct session_page *page)
{
	for (uint32_t i = 0; i < page->block->groups; i++) {
		const struct session_group *g = session_group_at(page->block, i);

		for (uint32_t n = 0; n < g->acts; n++) {
			const struct session_act *a = &session_acts(g)[n];
			struct table_row *row = next_row(page, &ROW_KEY(i << 16 | n));

			if (!row)
				continue;
			row_key(row, "{session %u}", page->index);
			row_key(row, "%u", i);
			row_key(row, "%u", n);
			act_params(row, a);
			add_cell(row, page->block, a->cell);
		}
	}
}

/* ---- meters: (session, QER) → rates ---- */

static void rate_param(struct table_row *row, uint64_t bps)
{
	if (bps)
		row_param(row, "%llu", (unsigned long long)bps);
	else
		row_param(row, "none");
}

/* The QER with the smallest id above this one; NULL: none. */
static const struct api_qer *qer_after(const struct api_qers *qers, int64_t id)
{
	const struct api_qer *next = NULL;

	for (uint32_t i = 0; i < qers->count; i++)
		if (qers->item[i].id > id && (next == NULL || qers->item[i].id < next->id))
			next = &qers->item[i];
	return next;
}

static void meter_row(struct table_row *row, uint32_t session, const struct api_qer *q)
{
	static const char *const gates[] = {[GATE_OPEN] = "open", [GATE_CLOSED] = "closed"};

	row_key(row, "{session %u}", session);
	row_key(row, "%u", q->id);
	rate_param(row, q->mbr_ul_bps);
	rate_param(row, q->mbr_dl_bps);
	rate_param(row, q->gbr_ul_bps);
	rate_param(row, q->gbr_dl_bps);
	row_param(row, "%u", q->burst_ms);
	row_param(row, "%s", gates[q->gate_ul]);
	row_param(row, "%s", gates[q->gate_dl]);
}

static void meter_rows(struct session_page *page)
{
	const struct api_qer *q = NULL;
	struct table_row *row;
	struct api_session s;

	if (!session_get(page->index, &s))
		return;
	while ((q = qer_after(&s.qers, q != NULL ? (int64_t)q->id : -1)) != NULL)
		if ((row = next_row(page, &ROW_KEY(q->id))) != NULL)
			meter_row(row, page->index, q);
}

/* ---- declarations ---- */

/* of both tables that find a session */
#define SESSION_ACTIONS                                                                            \
	{                                                                                          \
		{"set_session", {{"session", 20, NULL}, {"group", 4, NULL}, {"slice", 16, NULL},   \
					{"rules", 32, NULL}}},                                     \
	}

const struct table_decl sessions_uplink_decl = {
	.name = "sessions_uplink",
	.help = "which session a GTP-U packet is of, by its F-TEID; also what comes over N9",
	.key = {{"gtpu", 8, "exact"}, {"teid", 32, "exact"}},
	.actions = SESSION_ACTIONS,
	.size = LIMIT_SESSIONS * LIMIT_SESSION_TEIDS,
	.counters = true,
	.by_session = uplink_rows,
};
const struct table_decl sessions_downlink_decl = {
	.name = "sessions_downlink",
	.help = "which session a packet in a slice is for, by the UE's address; framed routes too",
	.key = {{"slice", 16, "exact"}, {"ue", 128, "lpm"}},
	.actions = SESSION_ACTIONS,
	.size = LIMIT_SESSIONS * 2,
	.counters = true,
	.by_session = downlink_rows,
};
const struct table_decl forwarding_decl = {
	.name = "forwarding",
	.help = "what is done with packets of a session's group that meet an act (FAR, QERs, URRs)",
	.key = {{"session", 20, "exact"}, {"group", 4, "exact"}, {"act", 8, "exact"}},
	.actions = {[ACT_SLICE] = {"to_slice", {{"slice", 16, NULL}}},
		[ACT_GTPU] = {"to_gtpu",
			{{"peer", 16, NULL}, {"teid", 32, NULL}, {"qfi", 6, NULL}}},
		[ACT_HOLD] = {"buffer", {{"notify", 1, NULL}}},
		[ACT_DROP] = {.name = "drop"},
		[ACT_NO_WAY] = {.name = "drop_no_outer_header"},
		[ACT_GATE] = {.name = "drop_gate_closed"}},
	.size = LIMIT_SESSIONS * 2,
	.counters = true,
	.by_session = forwarding_rows,
};
const struct table_decl session_meters_decl = {
	.name = "meters",
	.help = "the rates that a session's QERs hold it to",
	.key = {{"session", 20, "exact"}, {"qer", 32, "exact"}},
	.actions = {{"police",
		{{"mbr_ul_bps", 64, NULL}, {"mbr_dl_bps", 64, NULL}, {"gbr_ul_bps", 64, NULL},
			{"gbr_dl_bps", 64, NULL}, {"burst_ms", 32, NULL}, {"gate_ul", 1, NULL},
			{"gate_dl", 1, NULL}}}},
	.size = LIMIT_SESSIONS,
	.by_session = meter_rows,
};
