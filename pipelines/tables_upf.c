/* SPDX-License-Identifier: BSD-3-Clause */
/* The user plane's tables as data, and their rows for people: by which way in a packet meets which
 * session, which rules it is looked at by, what is done with it. Called by rpc/ on the main thread
 * through tables.c's list; owns nothing. What is shown of sessions is what workers read; a million
 * of them are never walked for a page. */
#include "tables.h"

#include <arpa/inet.h>
#include <rte_common.h>
#include <stdio.h>
#include <string.h>

#include "schema.h"
#include "session.h"
#include "session_hot.h"
#include "tables_upf.h"
#include "upf.h"
#include "worker.h"

#define ROW_TEXT(field, ...) snprintf(field, sizeof(field), __VA_ARGS__)
#define FIELDS(...)	     ((const struct table_field[]){__VA_ARGS__})

/* What an act counted, over all workers. */
static void session_cell_read(
	const struct session_block *s, uint32_t cell, struct session_cell *out)
{
	*out = (struct session_cell){0};
	for (uint32_t w = 0; w < worker_count; w++) {
		const struct session_cell *one = session_cells(w) + s->cells + cell;

		out->packets += one->packets;
		out->bytes += one->bytes;
	}
}

/* ---- rows of sessions ---- */

/* Rows of one session, of which the first `skip` were on the page before. */
struct session_page {
	struct table_row *rows;
	uint32_t n, max, skip;
	bool full;
	uint32_t index;
	const struct session_block *block;
};

/* The next row to be filled in; NULL: it was on the page before, or is on the next. */
static struct table_row *next_row(struct session_page *page)
{
	struct table_row *row;

	if (page->skip > 0) {
		page->skip--;
		return NULL;
	}
	if (page->n == page->max) {
		page->full = true;
		return NULL;
	}
	row = &page->rows[page->n++];
	memset(row, 0, sizeof(*row));
	return row;
}

typedef void (*session_rows)(struct session_page *page);

/* cursor[0]: 1 + where session_iterate() finds the session, [1]: rows of it already given, [2]: it,
 * since it may be gone by the next page. */
static uint32_t read_sessions(
	uint64_t *cursor, struct table_row *rows, uint32_t max, session_rows fill)
{
	struct session_page page = {.rows = rows, .max = max};
	uint64_t at = cursor[0] ? cursor[0] - 1 : 0, next = at;

	while (upf_is_started() && session_iterate(&next, &page.index, 1) == 1) {
		uint32_t before = page.n, skipped = page.index == cursor[2] ? cursor[1] : 0;

		page.skip = skipped;
		page.block = session_block[page.index];
		if (page.block)
			fill(&page);
		if (page.full) {
			cursor[0] = at + 1;
			cursor[1] = skipped + page.n - before;
			cursor[2] = page.index;
			return page.n;
		}
		cursor[1] = 0;
		at = next;
		if (next == 0)
			break;
	}
	cursor[0] = cursor[1] = cursor[2] = 0;
	return page.n;
}

#define COUNTED 4096u

/* How many rows there are; of many sessions, as many as if all were like the first ones. */
static uint32_t count_sessions(session_rows fill)
{
	struct table_row row;
	uint64_t next = 0, rows = 0;
	uint32_t sessions = 0, all = upf_is_started() ? session_count() : 0;

	while (sessions < COUNTED && sessions < all) {
		/* every row is "on the page before" */
		struct session_page page = {.rows = &row, .skip = UINT32_MAX};

		if (session_iterate(&next, &page.index, 1) != 1)
			break;
		sessions++;
		page.block = session_block[page.index];
		if (page.block)
			fill(&page);
		rows += UINT32_MAX - page.skip;
		if (next == 0)
			break;
	}
	return sessions == COUNTED ? rows * all / sessions : rows;
}

/* ---- sessions_uplink: (own address, TEID) → session ---- */

static void found_session(
	struct table_row *row, const struct session_page *page, uint32_t group, uint16_t slice)
{
	const struct session_group *g = session_group_at(page->block, group);

	ROW_TEXT(row->param_text[0], "{session %u}", page->index);
	ROW_TEXT(row->param_text[1], "%u", group);
	ROW_TEXT(row->param_text[2], "{slice %u}", slice);
	ROW_TEXT(row->param_text[3], "%u", g->rules);
	for (uint32_t i = 0; i < g->acts; i++) {
		struct session_cell sum;

		session_cell_read(page->block, session_acts(g)[i].cell, &sum);
		row->counters.in_packets += sum.packets;
		row->counters.in_bytes += sum.bytes;
	}
}

static void uplink_rows(struct session_page *page)
{
	for (uint32_t i = 0; i < page->block->groups; i++) {
		const struct session_group *g = session_group_at(page->block, i);
		struct table_row *row;

		if (g->acts == 0 || g->teid_be == 0 || !(row = next_row(page)))
			continue;
		ROW_TEXT(row->key_text[0], "{gtpu %u}", g->gtpu);
		ROW_TEXT(row->key_text[1], "%u", rte_be_to_cpu_32(g->teid_be));
		found_session(row, page, i, page->block->slice);
	}
}

static uint32_t uplink_read(uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	return read_sessions(cursor, rows, max, uplink_rows);
}

static uint32_t uplink_count(void)
{
	return count_sessions(uplink_rows);
}

/* ---- sessions_downlink: (slice, UE's address) → session ---- */

static void downlink_row(
	struct session_page *page, uint32_t group, uint16_t slice, const struct api_ip *prefix)
{
	struct table_row *row = next_row(page);
	char text[64];

	if (!row)
		return;
	api_ip_format(prefix, true, text);
	ROW_TEXT(row->key_text[0], "{slice %u}", slice);
	ROW_TEXT(row->key_text[1], "%.47s", text);
	found_session(row, page, group, slice);
}

static void downlink_group(struct session_page *page, uint32_t group, const struct api_ue *ue)
{
	const struct session_group *g = session_group_at(page->block, group);
	uint16_t slice = g->slice ? g->slice : page->block->slice;

	if (ue->ipv4.family)
		downlink_row(page, group, slice, &ue->ipv4);
	if (ue->ipv6.family)
		downlink_row(page, group, slice, &ue->ipv6);
	for (uint32_t i = 0; i < ue->framed.count; i++)
		downlink_row(page, group, slice, &ue->framed.item[i]);
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

static uint32_t downlink_read(uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	return read_sessions(cursor, rows, max, downlink_rows);
}

static uint32_t downlink_count(void)
{
	return count_sessions(downlink_rows);
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
		ROW_TEXT(row->param_text[0], "{slice %u}", a->slice);
		break;
	case ACT_GTPU:
		ROW_TEXT(row->param_text[0], "{tunnel %u}", a->peer);
		ROW_TEXT(row->param_text[1], "%u", rte_be_to_cpu_32(a->teid_be));
		ROW_TEXT(row->param_text[2], "%s", qfi);
		break;
	case ACT_HOLD:
		ROW_TEXT(row->param_text[0], "%s", a->flags & ACT_NOTIFY ? "yes" : "no");
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
			struct table_row *row = next_row(page);
			struct session_cell sum;

			if (!row)
				continue;
			ROW_TEXT(row->key_text[0], "{session %u}", page->index);
			ROW_TEXT(row->key_text[1], "%u", i);
			ROW_TEXT(row->key_text[2], "%u", n);
			act_params(row, a);
			session_cell_read(page->block, a->cell, &sum);
			row->counters.in_packets = sum.packets;
			row->counters.in_bytes = sum.bytes;
		}
	}
}

static uint32_t forwarding_read(uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	return read_sessions(cursor, rows, max, forwarding_rows);
}

static uint32_t forwarding_count(void)
{
	return count_sessions(forwarding_rows);
}

/* ---- meters: (session, QER) → rates ---- */

static void rate_text(char *text, size_t size, uint64_t bps)
{
	if (bps)
		snprintf(text, size, "%llu", (unsigned long long)bps);
	else
		snprintf(text, size, "none");
}

static void meter_rows(struct session_page *page)
{
	static const char *const gates[] = {[GATE_OPEN] = "open", [GATE_CLOSED] = "closed"};
	struct api_session s;

	if (!session_get(page->index, &s))
		return;
	for (uint32_t i = 0; i < s.qers.count; i++) {
		const struct api_qer *q = &s.qers.item[i];
		struct table_row *row = next_row(page);

		if (!row)
			continue;
		ROW_TEXT(row->key_text[0], "{session %u}", page->index);
		ROW_TEXT(row->key_text[1], "%u", q->id);
		rate_text(row->param_text[0], sizeof(row->param_text[0]), q->mbr_ul_bps);
		rate_text(row->param_text[1], sizeof(row->param_text[1]), q->mbr_dl_bps);
		rate_text(row->param_text[2], sizeof(row->param_text[2]), q->gbr_ul_bps);
		rate_text(row->param_text[3], sizeof(row->param_text[3]), q->gbr_dl_bps);
		ROW_TEXT(row->param_text[4], "%u", q->burst_ms);
		ROW_TEXT(row->param_text[5], "%s", gates[q->gate_ul]);
		ROW_TEXT(row->param_text[6], "%s", gates[q->gate_dl]);
	}
}

static uint32_t meters_read(uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	return read_sessions(cursor, rows, max, meter_rows);
}

static uint32_t meters_count(void)
{
	return count_sessions(meter_rows);
}

/* ---- declarations ---- */

static const struct table_action session_actions[] = {
	{"set_session",
		FIELDS({"session", 20, NULL}, {"group", 4, NULL}, {"slice", 16, NULL},
			{"rules", 32, NULL}),
		4},
};
/* as enum act_what */
static const struct table_action forwarding_actions[] = {
	[ACT_SLICE] = {"to_slice", FIELDS({"slice", 16, NULL}), 1},
	[ACT_GTPU] = {"to_gtpu", FIELDS({"peer", 16, NULL}, {"teid", 32, NULL}, {"qfi", 6, NULL}),
		3},
	[ACT_HOLD] = {"buffer", FIELDS({"notify", 1, NULL}), 1},
	[ACT_DROP] = {"drop", NULL, 0},
	[ACT_NO_WAY] = {"drop_no_outer_header", NULL, 0},
	[ACT_GATE] = {"drop_gate_closed", NULL, 0},
};
static const struct table_action meter_actions[] = {
	{"police",
		FIELDS({"mbr_ul_bps", 64, NULL}, {"mbr_dl_bps", 64, NULL}, {"gbr_ul_bps", 64, NULL},
			{"gbr_dl_bps", 64, NULL}, {"burst_ms", 32, NULL}, {"gate_ul", 1, NULL},
			{"gate_dl", 1, NULL}),
		7},
};
const struct table_decl sessions_uplink_decl = {
	.name = "sessions_uplink",
	.help = "which session a GTP-U packet is of, by its F-TEID; also what comes over N9",
	.key = FIELDS({"gtpu", 8, "exact"}, {"teid", 32, "exact"}),
	.n_key = 2,
	.actions = session_actions,
	.n_actions = RTE_DIM(session_actions),
	.size = LIMIT_SESSIONS * LIMIT_SESSION_TEIDS,
	.counters = true,
	.any_max = true,
	.count = uplink_count,
	.read = uplink_read,
};
const struct table_decl sessions_downlink_decl = {
	.name = "sessions_downlink",
	.help = "which session a packet in a slice is for, by the UE's address; framed routes too",
	.key = FIELDS({"slice", 16, "exact"}, {"ue", 128, "lpm"}),
	.n_key = 2,
	.actions = session_actions,
	.n_actions = RTE_DIM(session_actions),
	.size = LIMIT_SESSIONS * 2,
	.counters = true,
	.any_max = true,
	.count = downlink_count,
	.read = downlink_read,
};
const struct table_decl forwarding_decl = {
	.name = "forwarding",
	.help = "what is done with packets of a session's group that meet an act (FAR, QERs, URRs)",
	.key = FIELDS({"session", 20, "exact"}, {"group", 4, "exact"}, {"act", 8, "exact"}),
	.n_key = 3,
	.actions = forwarding_actions,
	.n_actions = RTE_DIM(forwarding_actions),
	.size = LIMIT_SESSIONS * 2,
	.counters = true,
	.any_max = true,
	.count = forwarding_count,
	.read = forwarding_read,
};
const struct table_decl session_meters_decl = {
	.name = "meters",
	.help = "the rates that a session's QERs hold it to",
	.key = FIELDS({"session", 20, "exact"}, {"qer", 32, "exact"}),
	.n_key = 2,
	.actions = meter_actions,
	.n_actions = RTE_DIM(meter_actions),
	.size = LIMIT_SESSIONS,
	.any_max = true,
	.count = meters_count,
	.read = meters_read,
};
