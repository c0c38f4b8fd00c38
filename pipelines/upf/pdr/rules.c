/* SPDX-License-Identifier: BSD-3-Clause */
/* The rule lists of the box (rules.h): equal ones are one, found by a hash of what they compile
 * to, and counted. Main thread only. Owns the lists, which workers read through RCU until a
 * grace period after the last use was given back. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "rcu.h"
#include "rules_scan.h"
#include "rules_wide.h"

/* One for each way in of sessions that share nothing, and as many that wait for their end. */
#define LIMIT_RULES (4u << 20)
#define HEADS_FIRST 4096u

struct rules **rules_hot;

/* What only the main thread wants to know of a list; before it in memory. */
struct list {
	struct list *next; /* of the same head of the hash; or of those that wait for their end */
	uint64_t hash;
	size_t bytes;
	uint32_t index;
	uint32_t uses;
	uint32_t n_ports;
	struct rules rules __rte_cache_aligned;
	struct rules_entry entry[];
};

static struct list **head; /* a power of two of them */
static uint32_t heads;
static uint32_t *free_index; /* given back, as a stack */
static uint32_t frees, frees_max, indices;
static struct list *ending; /* since those whose grace period runs */
static bool ending_runs;
static uint32_t lists, filters;
static uint64_t bytes_held;

int rules_init(void)
{
	void *at = mmap(NULL, (LIMIT_RULES + 1) * sizeof(*rules_hot), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return -ENOMEM;
	head = calloc(HEADS_FIRST, sizeof(*head));
	if (head == NULL) {
		munmap(at, (LIMIT_RULES + 1) * sizeof(*rules_hot));
		return -ENOMEM;
	}
	rules_hot = at;
	heads = HEADS_FIRST;
	return 0;
}

/* ---- indices ---- */

/* 0: none, or no memory to take it back. */
static uint32_t index_take(void)
{
	if (frees > 0)
		return free_index[--frees];
	if (indices == LIMIT_RULES)
		return 0;
	if (indices >= frees_max) { /* room for all of them, so that giving back cannot fail */
		uint32_t max = RTE_MAX(frees_max * 2, 1024u);
		uint32_t *more = realloc(free_index, max * sizeof(*more));

		if (more == NULL)
			return 0;
		free_index = more;
		frees_max = max;
	}
	return ++indices;
}

uint32_t rules_after(uint32_t index)
{
	while (++index <= indices) {
		struct rules *r = rules_hot[index];

		/* one that waits for its end is nobody's */
		if (r != NULL && container_of(r, struct list, rules)->uses > 0)
			return index;
	}
	return 0;
}

uint64_t rules_hash(uint32_t index)
{
	return container_of(rules_hot[index], struct list, rules)->hash;
}

/* ---- the end of lists ---- */

static void list_free(struct list *l)
{
	rules_hot[l->index] = NULL;
	free_index[frees++] = l->index;
	bytes_held -= l->bytes;
	wide_free(l->rules.wide);
	free(l);
}

static void lists_free(struct list *l)
{
	struct list *next;

	for (; l != NULL; l = next) {
		next = l->next;
		list_free(l);
	}
}

static void endings_defer(void);

static void endings_done(void *arg)
{
	lists_free(arg);
	ending_runs = false;
	endings_defer();
}

/* One piece of deferred work at a time, however many lists go at once. */
static void endings_defer(void)
{
	struct list *l = ending;

	if (l == NULL || ending_runs)
		return;
	ending = NULL;
	ending_runs = true;
	rcu_defer(endings_done, l);
}

void rules_fini(void)
{
	rcu_reclaim(true);
	for (uint32_t h = 0; h < heads; h++)
		lists_free(head[h]);
	free(head);
	free(free_index);
	if (rules_hot != NULL)
		munmap(rules_hot, (LIMIT_RULES + 1) * sizeof(*rules_hot));
	rules_compile_fini();
	rules_hot = NULL;
	head = NULL;
	free_index = NULL;
	heads = frees = frees_max = indices = lists = filters = 0;
	bytes_held = 0;
}

/* ---- finding ---- */

static uint64_t mix(uint64_t h, const void *data, size_t bytes)
{
	const wire64_t *word = data;

	for (size_t i = 0; i < bytes / 8; i++) {
		h = (h ^ word[i]) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	if (bytes & 4)
		h = (h ^ *(const wire32_t *)&word[bytes / 8]) * 0xd6e8feb86659fd93ull;
	return h ^ h >> 32;
}

static bool list_is(const struct list *l, uint64_t hash, const struct rules_entry *entry,
	uint32_t entries, const struct filter_ports *ports, uint32_t n_ports)
{
	return l->hash == hash && l->rules.entries == entries && l->n_ports == n_ports &&
	       memcmp(l->entry, entry, entries * sizeof(*entry)) == 0 &&
	       memcmp(l->rules.ports, ports, n_ports * sizeof(*ports)) == 0;
}

static void heads_grow(void)
{
	struct list **more = calloc(heads * 2, sizeof(*more)), *l, *next;

	if (more == NULL)
		return;
	for (uint32_t h = 0; h < heads; h++)
		for (l = head[h]; l != NULL; l = next) {
			struct list **to = &more[l->hash & (heads * 2 - 1)];

			next = l->next;
			l->next = *to;
			*to = l;
		}
	free(head);
	head = more;
	heads *= 2;
}

/* ---- making ---- */

/* The parts of a list in its memory, from the list itself on. */
struct layout {
	size_t entry, ports, block, block6, end;
};

static struct layout layout_of(const struct rules_entry *entry, uint32_t entries, uint32_t n_ports)
{
	uint32_t blocks = RTE_ALIGN(entries, SCAN_LANES) / SCAN_LANES;
	struct layout at = {.entry = offsetof(struct list, entry)};

	at.ports = at.entry + entries * sizeof(struct rules_entry);
	at.block = RTE_ALIGN(at.ports + n_ports * sizeof(struct filter_ports), 64);
	at.block6 = at.block + blocks * sizeof(struct scan_block);
	at.end = at.block6;
	if (scan_is_wide6(entry, entries))
		at.end += blocks * sizeof(struct scan_block6);
	return at;
}

static void rules_fill(struct list *l, const struct layout *at)
{
	struct rules *r = &l->rules;
	char *base = (char *)l;

	r->form = RULES_SCAN;
	r->result = rules_nothing();
	if (r->entries == 0 || rules_entry_is_any(l->entry)) {
		r->form = RULES_TRIVIAL;
		r->result = r->entries > 0 ? entry_result(l->entry) : rules_nothing();
	} else if (rules_entry_is_ue(l->entry)) {
		r->of_ue = true;
		r->result = entry_result(l->entry);
	}
	r->entry = l->entry;
	r->ports = (const struct filter_ports *)(base + at->ports);
	r->blocks = (at->block6 - at->block) / sizeof(struct scan_block);
	r->block = (const struct scan_block *)(base + at->block);
	if (at->end > at->block6)
		r->block6 = (const struct scan_block6 *)(base + at->block6);
	scan_build(l->entry, r->entries, (struct scan_block *)(base + at->block),
		(struct scan_block6 *)(uintptr_t)r->block6);
	if (r->entries >= RULES_WIDE_FROM)
		r->wide = wide_build(r);
	if (r->wide != NULL) {
		r->form = RULES_WIDE;
		l->bytes += r->wide->bytes;
	}
}

static struct list *list_make(const struct rules_entry *entry, uint32_t entries,
	const struct filter_ports *ports, uint32_t n_ports)
{
	struct layout at = layout_of(entry, entries, n_ports);
	struct list *l = aligned_alloc(64, RTE_ALIGN(at.end, 64));

	if (l == NULL)
		return NULL;
	memset(l, 0, sizeof(*l));
	memcpy(l->entry, entry, entries * sizeof(*entry));
	memcpy((char *)l + at.ports, ports, n_ports * sizeof(*ports));
	l->bytes = at.end;
	l->n_ports = n_ports;
	l->rules.entries = entries;
	rules_fill(l, &at);
	return l;
}

static int list_add(struct list *l, uint64_t hash)
{
	l->index = index_take();
	if (l->index == 0) {
		wide_free(l->rules.wide);
		free(l);
		return -ENOSPC;
	}
	if (lists >= heads)
		heads_grow();
	l->hash = hash;
	l->next = head[hash & (heads - 1)];
	head[hash & (heads - 1)] = l;
	lists++;
	filters += l->rules.entries;
	bytes_held += l->bytes;
	/* workers load it after the block that names it, which is published later */
	__atomic_store_n(&rules_hot[l->index], &l->rules, __ATOMIC_RELEASE);
	return 0;
}

int rules_take(const struct rule *rule, uint32_t n, uint32_t *index)
{
	const struct filter_ports *ports;
	const struct rules_entry *entry;
	uint32_t entries, n_ports;
	int rc = rules_compile(rule, n, &entry, &entries, &ports, &n_ports);

	if (rc != 0)
		return rc;
	uint64_t hash =
		mix(mix(entries, entry, entries * sizeof(*entry)), ports, n_ports * sizeof(*ports));
	struct list *l = head[hash & (heads - 1)];

	while (l != NULL && !list_is(l, hash, entry, entries, ports, n_ports))
		l = l->next;
	if (l == NULL) {
		l = list_make(entry, entries, ports, n_ports);
		rc = l == NULL ? -ENOMEM : list_add(l, hash);
		if (rc != 0)
			return rc;
	}
	l->uses++;
	*index = l->index;
	return 0;
}

void rules_give(uint32_t index)
{
	if (index == 0)
		return;
	struct list *l = container_of(rules_hot[index], struct list, rules);

	if (--l->uses > 0)
		return;
	struct list **at = &head[l->hash & (heads - 1)];

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	lists--;
	filters -= l->rules.entries;
	l->next = ending;
	ending = l;
	endings_defer();
}

void rules_count(uint32_t *n_lists, uint32_t *n_filters, uint64_t *bytes)
{
	*n_lists = lists;
	*n_filters = filters;
	*bytes = bytes_held;
}
