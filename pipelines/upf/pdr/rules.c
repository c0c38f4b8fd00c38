/* SPDX-License-Identifier: BSD-3-Clause */
/* The rule lists of the box (rules.h): equal ones are one, found by a hash of what they compile
 * to, and counted. Main thread only. Owns the lists, which workers read through RCU until a
 * grace period after the last use was given back. */
#include <errno.h>
#include <netinet/in.h>
#include <rte_byteorder.h>
#include <stdlib.h>

#include "array.h"
#include "rcu.h"
#include "reserve.h"
#include "rules_hot.h"
#include "rules_scan.h"
#include "rules_wide.h"

/* ==== compilation ==== */

#define MAX_RANGES (RULES_MAX_FILTERS * 2 * FILTER_PORTS)

static struct rules_entry *buffer;
static struct filter_ports *ranges;
static uint32_t buffered, ranges_used;

static int buffers_make(void)
{
	if (buffer == NULL)
		buffer = malloc(RULES_MAX_FILTERS * sizeof(*buffer));
	if (ranges == NULL)
		ranges = malloc(MAX_RANGES * sizeof(*ranges));
	return buffer != NULL && ranges != NULL ? 0 : -ENOMEM;
}

static void require(struct rules_entry *e, uint32_t mask, uint32_t value)
{
	e->word |= value;
	e->word_mask |= mask;
}

static void require_family(struct rules_entry *e, uint8_t family)
{
	require(e, WORD_KEY(KEY_V4 | KEY_V6), WORD_KEY(family == 4 ? KEY_V4 : KEY_V6));
}

static void end_address(const struct filter_end *end, uint32_t *word, uint8_t *len)
{
	*len = end->family == 0 ? 0 : end->len;
	for (uint32_t i = 0; i < 4 && 32u * i < *len; i++) {
		uint32_t be;

		memcpy(&be, &end->bytes[4 * i], 4);
		word[i] = rte_be_to_cpu_32(be) & prefix_mask(*len, i);
	}
}

/* The ranges' hull; several are kept aside. */
static void end_ports(const struct filter_end *end, struct rules_entry *e, bool remote)
{
	uint16_t low = UINT16_MAX, high = 0;

	for (uint32_t i = 0; i < end->n_ports; i++) {
		low = RTE_MIN(low, end->ports[i].low);
		high = RTE_MAX(high, end->ports[i].high);
	}
	if (end->n_ports == 0)
		low = 0, high = UINT16_MAX;
	else
		require(e, WORD_KEY(KEY_PORTS), WORD_KEY(KEY_PORTS));
	*(remote ? &e->remote_low : &e->local_low) = low;
	*(remote ? &e->remote_high : &e->local_high) = high;
	if (end->n_ports < 2)
		return;
	if (e->remote_ranges == 0)
		e->ranges = ranges_used;
	*(remote ? &e->remote_ranges : &e->local_ranges) = end->n_ports;
	memcpy(&ranges[ranges_used], end->ports, end->n_ports * sizeof(*ranges));
	ranges_used += end->n_ports;
	e->flags |= ENTRY_SCAN_DOUBT;
}

/* Can it match at all? */
static bool filter_possible(const struct filter *f)
{
	uint8_t family = f->remote.family ? f->remote.family : f->local.family;
	bool ports = f->remote.n_ports + f->local.n_ports > 0;

	if (f->remote.family && f->local.family && f->remote.family != f->local.family)
		return false;
	if (f->remote.assigned) /* the UE's own address at the other end */
		return false;
	if ((f->remote.negated && f->remote.family == 0) ||
		(f->local.negated && f->local.family == 0 && !f->local.assigned))
		return false; /* all but any */
	if (f->proto == IPPROTO_ICMPV6 && family == 4)
		return false;
	if (f->proto == IPPROTO_ICMP && family == 6)
		return false;
	if (f->has_flow_label && family == 4)
		return false;
	return !(ports && f->has_spi);
}

static void filter_word(struct rules_entry *e, const struct filter *f)
{
	if (f->proto != FILTER_PROTO_ANY)
		require(e, WORD_PROTO(0xff), WORD_PROTO(f->proto));
	if (f->proto == IPPROTO_ICMPV6 || f->has_flow_label)
		require_family(e, 6);
	if (f->proto == IPPROTO_ICMP)
		require_family(e, 4);
	if (f->has_tos)
		require(e, WORD_TOS(f->tos_mask), WORD_TOS(f->tos & f->tos_mask));
	if (f->remote.family)
		require_family(e, f->remote.family);
	if (f->local.family)
		require_family(e, f->local.family);
	if (f->local.assigned)
		require(e, WORD_KEY(KEY_ASSIGNED), WORD_KEY(f->local.negated ? 0 : KEY_ASSIGNED));
}

/* All but a prefix: for bitmaps, only as far as one word says all of it. */
static uint8_t end_not(const struct filter_end *end, uint8_t flag)
{
	return flag | ENTRY_SCAN_DOUBT | (end->len > 32 ? ENTRY_WIDE_DOUBT : 0);
}

static void filter_entry(struct rules_entry *e, const struct filter *f)
{
	filter_word(e, f);
	end_address(&f->remote, e->remote, &e->remote_len);
	end_address(&f->local, e->local, &e->local_len);
	end_ports(&f->remote, e, true);
	end_ports(&f->local, e, false);
	if (f->deny)
		e->flags |= ENTRY_DENY;
	if (f->remote.negated)
		e->flags |= end_not(&f->remote, ENTRY_REMOTE_NOT);
	if (f->local.negated && f->local.family)
		e->flags |= end_not(&f->local, ENTRY_LOCAL_NOT);
	if (f->has_spi) {
		e->spi = f->spi;
		e->flags |= ENTRY_SPI | ENTRY_SCAN_DOUBT | ENTRY_WIDE_DOUBT;
	}
	if (f->has_flow_label) {
		e->flow_label = f->flow_label;
		e->flags |= ENTRY_FLOW_LABEL | ENTRY_SCAN_DOUBT | ENTRY_WIDE_DOUBT;
	}
}

static void ethernet_entry(struct rules_entry *e, const struct api_ethernet_filter *f)
{
	memcpy(e->source, f->source.bytes, 6);
	memcpy(e->destination, f->destination.bytes, 6);
	e->vlan = f->vlan;
	e->ethertype = f->ethertype;
	require(e, WORD_KEY(KEY_FRAME), WORD_KEY(KEY_FRAME));
	e->flags |= ENTRY_ETHERNET | ENTRY_SCAN_DOUBT | ENTRY_WIDE_DOUBT;
}

/* An entry of this rule that matches any packet, or NULL. */
static struct rules_entry *entry_add(const struct rule *rule, uint8_t ordinal)
{
	struct rules_entry *e = &buffer[buffered];

	if (buffered >= RULES_MAX_FILTERS)
		return NULL;
	buffered++;
	memset(e, 0, sizeof(*e));
	e->rule = ordinal;
	e->act = rule->act;
	e->remote_high = e->local_high = UINT16_MAX;
	if (rule->qfi != QFI_NONE)
		require(e, WORD_QFI(0xff), WORD_QFI(rule->qfi));
	return e;
}

/* 1: the rest of the list is never reached. */
static int rule_compile(const struct rule *rule, uint8_t ordinal)
{
	struct rules_entry *e;
	bool denied = false;

	if (rule->n_filters + rule->n_ethernet == 0) {
		e = entry_add(rule, ordinal);
		return e == NULL ? -ENOSPC : rules_entry_is_any(e);
	}
	for (uint32_t i = 0; i < rule->n_filters; i++) {
		if (!filter_possible(&rule->filter[i]))
			continue;
		e = entry_add(rule, ordinal);
		if (e == NULL)
			return -ENOSPC;
		filter_entry(e, &rule->filter[i]);
		denied |= e->flags & ENTRY_DENY;
		if (rules_entry_is_any(e))
			return !denied;
	}
	for (uint32_t i = 0; i < rule->n_ethernet; i++) {
		e = entry_add(rule, ordinal);
		if (e == NULL)
			return -ENOSPC;
		ethernet_entry(e, &rule->ethernet[i]);
	}
	return 0;
}

/* A refusal that nothing of its rule follows refuses nothing. */
static void denies_cut(uint8_t ordinal)
{
	while (buffered > 0 && buffer[buffered - 1].rule == ordinal &&
		(buffer[buffered - 1].flags & ENTRY_DENY))
		buffered--;
}

/* What the rules say as entries and port ranges, in buffers that the next call uses again. 0,
 * -ENOSPC (more than RULES_MAX_FILTERS), -ENOMEM. */
static int rules_compile(const struct rule *rule, uint32_t n, const struct rules_entry **entry,
	uint32_t *entries, const struct filter_ports **ports, uint32_t *n_ports)
{
	int rc = buffers_make();

	buffered = ranges_used = 0;
	if (rc == 0 && n >= RULES_NONE)
		rc = -ENOSPC;
	for (uint32_t i = 0; i < n && rc == 0; i++) {
		rc = rule_compile(&rule[i], i);
		denies_cut(i);
	}
	*entry = buffer;
	*entries = buffered;
	*ports = ranges;
	*n_ports = ranges_used;
	return RTE_MIN(rc, 0);
}

/* ==== lists ==== */

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

#define HOT_BYTES ((LIMIT_RULES + 1) * sizeof(*rules_hot))

int rules_init(void)
{
	rules_hot = reserve_map(HOT_BYTES);
	head = calloc(HEADS_FIRST, sizeof(*head));
	if (rules_hot == NULL || head == NULL) {
		reserve_unmap(rules_hot, HOT_BYTES);
		free(head);
		rules_hot = NULL;
		head = NULL;
		return -ENOMEM;
	}
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
	/* room for all of them, so that giving back cannot fail */
	if (!array_grow(&free_index, &frees_max, indices, sizeof(*free_index)))
		return 0;
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
	reserve_unmap(rules_hot, HOT_BYTES);
	free(buffer);
	free(ranges);
	buffer = NULL;
	ranges = NULL;
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
