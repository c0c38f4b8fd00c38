/* SPDX-License-Identifier: BSD-3-Clause */
/* The user plane without packets: sessions are kept as they were put, names and all; TEIDs are
 * counted out. What they hold is told in `fakes`, so that what rpc makes of refusals can be seen.
 * Beside fakes.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "fakes.h"
#include "hold_count.h"
#include "peer.h"
#include "schema.h"
#include "session.h"
#include "urr.h"

void (*upf_on_event)(const struct upf_event *event);
const struct session_slices *session_slices;

#define MAX 200001 /* sessions, index 1 on */

struct block {
	struct block *next;
};
struct state {
	struct api_session cfg; /* its lists are in blocks */
	struct block *blocks;
	uint32_t chosen[LIMIT_SESSION_PDRS][2], n_chosen;
};
struct session_change {
	uint32_t index;
	struct state *before, *after;
};

static struct state *sessions[MAX];
static uint32_t hashed[1 << 19]; /* by name: open addressing, never emptied but by reset */
static uint32_t top = 1, count, next_teid;
static struct api_gtpu own[LIMIT_GTPU + 1];
static bool own_held[LIMIT_GTPU + 1];

int gtpu_reserve(uint16_t *id)
{
	for (*id = 1; *id <= LIMIT_GTPU; ++*id) {
		if (own_held[*id])
			continue;
		own_held[*id] = true;
		fakes.gtpus_held++;
		return 0;
	}
	return -ENOSPC;
}

void gtpu_release(uint16_t id)
{
	own_held[id] = false;
	fakes.gtpus_held--;
}

void gtpu_prepare(uint16_t id, const struct api_gtpu *cfg)
{
	own[id] = cfg ? *cfg : (struct api_gtpu){.name = ""};
}

void gtpu_set(uint16_t id, const struct api_gtpu *cfg)
{
	own[id] = *cfg;
	fakes.gtpus_set++;
}

void gtpu_unset(uint16_t id)
{
	own[id] = (struct api_gtpu){.name = ""};
	gtpu_release(id);
}

uint16_t gtpu_find(uint32_t interface, uint8_t family)
{
	for (uint16_t id = 1; id <= LIMIT_GTPU; id++)
		if (own_held[id] && own[id].interface == interface &&
			own[id].address.family == family)
			return id;
	return 0;
}

static uint32_t *place(const char *name)
{
	uint32_t hash = 2166136261u;

	for (const char *c = name; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	for (hash &= (1 << 19) - 1; hashed[hash]; hash = (hash + 1) & ((1 << 19) - 1))
		if (sessions[hashed[hash]] && !strcmp(sessions[hashed[hash]]->cfg.name, name))
			break;
	return &hashed[hash];
}

uint32_t session_find(const char *name)
{
	return *place(name);
}

uint32_t session_count(void)
{
	return count;
}

static int taken(struct rpc_error *err, const char *path, const struct state *by)
{
	rpc_fail(err, RPC_ERR_CONFLICT, "%s is taken by session %s", path, by->cfg.name);
	strcpy(err->path, path);
	snprintf(err->with, sizeof(err->with), "session %s", by->cfg.name);
	return -1;
}

static bool same_bytes(const void *a, const void *b, size_t size)
{
	return !memcmp(a, b, size);
}

static int check_taken(const struct api_session *s, uint32_t index, struct rpc_error *err)
{
	for (uint32_t i = 1; fakes.check_taken && i < top; i++) {
		const struct state *other = i == index ? NULL : sessions[i];

		if (other && s->ue.ipv4.family && other->cfg.slice_id == s->slice_id &&
			same_bytes(&other->cfg.ue.ipv4, &s->ue.ipv4, sizeof(s->ue.ipv4)))
			return taken(err, "ue.ipv4", other);
		for (uint32_t p = 0; other && p < s->pdrs.count; p++)
			for (uint32_t q = 0; q < other->cfg.pdrs.count; q++)
				if (s->pdrs.item[p].teid &&
					s->pdrs.item[p].teid == other->cfg.pdrs.item[q].teid)
					return taken(err, "pdrs[0].teid", other);
	}
	return 0;
}

static void *copy_bytes(struct state *state, const void *bytes, size_t size)
{
	struct block *block = malloc(sizeof(*block) + size);

	block->next = state->blocks;
	state->blocks = block;
	return memcpy(block + 1, bytes, size);
}

struct list {
	uint32_t count;
	char *item;
};

/* Lists of a structure that was copied bytewise get items of their own. */
static void copy_lists(struct state *state, const struct api_field *fields, void *structure)
{
	for (const struct api_field *f = fields; f->name; f++) {
		struct list *list = (struct list *)((char *)structure + f->offset);
		size_t bytes = f->kind == FIELD_LIST	   ? f->item_size
			       : f->kind == FIELD_IDS	   ? sizeof(uint32_t)
			       : f->kind == FIELD_TEXTS	   ? sizeof(struct api_text)
			       : f->kind == FIELD_PREFIXES ? sizeof(struct api_ip)
							   : 0;

		if (f->kind == FIELD_OBJECT)
			copy_lists(state, f->fields, list);
		if (!bytes || !list->count)
			continue;
		list->item = copy_bytes(state, list->item, bytes * list->count);
		for (uint32_t i = 0; i < list->count; i++) {
			struct api_text *text = (struct api_text *)list->item + i;

			if (f->kind == FIELD_LIST)
				copy_lists(state, f->fields, list->item + i * bytes);
			else if (f->kind == FIELD_TEXTS)
				text->text = copy_bytes(state, text->text, text->len + 1);
		}
	}
}

static void free_state(struct state *state)
{
	while (state && state->blocks) {
		struct block *block = state->blocks;

		state->blocks = block->next;
		free(block);
	}
	if (state)
		fakes.sessions_held--;
	free(state);
}

static struct state *make(const struct api_session *cfg, const struct state *before)
{
	struct state *state = calloc(1, sizeof(*state));

	fakes.sessions_held++;
	state->cfg = *cfg;
	copy_lists(state, api_types[OBJECT_SESSION].fields, &state->cfg);
	for (uint32_t i = 0; i < state->cfg.pdrs.count; i++) {
		struct api_pdr *pdr = &state->cfg.pdrs.item[i];
		uint32_t n = state->n_chosen;

		if (!pdr->gtpu_id || pdr->teid)
			continue;
		pdr->teid = before && before->n_chosen > n ? before->chosen[n][1] : ++next_teid;
		state->chosen[n][0] = pdr->id;
		state->chosen[n][1] = pdr->teid;
		state->n_chosen++;
	}
	return state;
}

static bool same(const struct state *a, const struct state *b)
{
	json_t *x = api_encode(&api_types[OBJECT_SESSION], (const union api_object *)&a->cfg);
	json_t *y = api_encode(&api_types[OBJECT_SESSION], (const union api_object *)&b->cfg);
	bool equal = json_equal(x, y);

	json_decref(x);
	json_decref(y);
	return equal;
}

static void apply(uint32_t index, struct state *state)
{
	const struct state *name = state ? state : sessions[index];
	uint32_t *at = place(name->cfg.name);

	count += (state != NULL) - (sessions[index] != NULL);
	if (!*at && state)
		*at = index;
	sessions[index] = state;
}

int session_prepare(
	const struct api_session *cfg, struct session_change **change, struct rpc_error *err)
{
	uint32_t index = session_find(cfg->name);
	struct state *before = index ? sessions[index] : NULL, *after;

	if (check_taken(cfg, index, err))
		return -1;
	if (!index && count >= fakes.session_limit) {
		rpc_fail(err, RPC_ERR_CAPACITY, "full");
		err->limit = fakes.session_limit;
		return -1;
	}
	after = make(cfg, before);
	if (before && same(before, after)) {
		free_state(after);
		return 0;
	}
	index = index ? index : top++;
	*change = malloc(sizeof(**change));
	**change = (struct session_change){index, before, after};
	apply(index, after);
	return 1;
}

int session_prepare_delete(uint32_t index, struct session_change **change, struct rpc_error *err)
{
	*change = malloc(sizeof(**change));
	**change = (struct session_change){index, sessions[index], NULL};
	apply(index, NULL);
	return 0;
}

void session_cancel(struct session_change *change)
{
	apply(change->index, change->before);
	free_state(change->after);
	free(change);
}

void session_commit(struct session_change *const *change, uint32_t n)
{
	fakes.session_commits++;
	fakes.resolves_before_sessions = fakes.resolves;
	for (uint32_t i = 0; i < n; i++) {
		free_state(change[i]->before);
		free(change[i]);
	}
}

bool session_chosen(
	const struct session_change *change, uint32_t n, uint32_t *pdr_id, uint32_t *teid)
{
	if (!change->after || n >= change->after->n_chosen)
		return false;
	*pdr_id = change->after->chosen[n][0];
	*teid = change->after->chosen[n][1];
	return true;
}

bool session_chosen_of(uint32_t index, uint32_t n, uint32_t *pdr_id, uint32_t *teid)
{
	struct session_change change = {.after = sessions[index]};

	return session_chosen(&change, n, pdr_id, teid);
}

bool session_get(uint32_t index, struct api_session *out)
{
	if (!sessions[index])
		return false;
	*out = sessions[index]->cfg;
	return true;
}

const char *session_name(uint32_t index)
{
	return sessions[index]->cfg.name;
}

uint32_t session_iterate(uint64_t *cursor, uint32_t *index, uint32_t max)
{
	uint32_t n = 0;

	for (++*cursor; *cursor < top; ++*cursor) {
		if (!sessions[*cursor])
			continue;
		if (n == max) {
			--*cursor;
			return n;
		}
		index[n++] = *cursor;
	}
	*cursor = 0;
	return n;
}

uint32_t hold_total(void)
{
	return 0;
}

uint32_t hold_count(uint32_t session)
{
	return 0;
}

void session_counters_read(uint32_t index, struct session_counters *out)
{
	*out = (struct session_counters){index, 100 * index, 2, 200, 3};
}

bool urr_read(uint32_t session, uint32_t n, struct urr_counters *out)
{
	*out = (struct urr_counters){1, 10 + n, 2, 20};
	return true;
}

uint32_t session_using_slice(uint16_t slice)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < top; i++)
		n += sessions[i] && sessions[i]->cfg.slice_id == slice;
	return n;
}

static const struct state *using_gtpu(uint16_t gtpu, uint32_t *n)
{
	const struct state *found = NULL;

	*n = 0;
	for (uint32_t i = 1; i < top; i++) {
		const struct api_session *s = sessions[i] ? &sessions[i]->cfg : NULL;
		bool uses = false;

		for (uint32_t p = 0; s && p < s->pdrs.count; p++)
			uses |= s->pdrs.item[p].gtpu_id == gtpu;
		for (uint32_t f = 0; s && f < s->fars.count; f++)
			uses |= s->fars.item[f].outer_header.gtpu_id == gtpu;
		found = uses ? sessions[i] : found;
		*n += uses;
	}
	return found;
}

uint32_t session_using_gtpu(uint16_t gtpu)
{
	uint32_t n;

	using_gtpu(gtpu, &n);
	return n;
}

const char *session_name_using_gtpu(uint16_t gtpu)
{
	uint32_t n;

	return using_gtpu(gtpu, &n)->cfg.name;
}

bool peer_describe(uint16_t id, uint16_t *gtpu, struct api_ip *address)
{
	*gtpu = 1;
	return id == LIMIT_TUNNELS && !api_ip_parse("198.18.0.2", false, address);
}

int session_settled(uint32_t *cursor, uint32_t *index, struct rpc_error *err)
{
	return 0;
}

bool peer_is_at(const struct api_ip *address)
{
	return false;
}

uint32_t session_owning(uint16_t slice, const struct api_ip *prefix, bool address)
{
	for (uint32_t i = 1; i < top; i++)
		if (address && sessions[i] && sessions[i]->cfg.slice_id == slice &&
			same_bytes(&sessions[i]->cfg.ue.ipv4, prefix, sizeof(*prefix)))
			return i;
	return 0;
}

uint64_t session_memory_bytes(void)
{
	return 0;
}

void fakes_upf_reset(void)
{
	for (uint32_t i = 1; i < top; i++)
		free_state(sessions[i]);
	memset(sessions, 0, top * sizeof(sessions[0]));
	if (top > 1) /* two megabytes, before every run of a fuzzer */
		memset(hashed, 0, sizeof(hashed));
	memset(own, 0, sizeof(own));
	memset(own_held, 0, sizeof(own_held));
	top = 1;
	count = next_teid = 0;
	fakes.session_limit = MAX - 1;
	fakes.check_taken = true;
}
