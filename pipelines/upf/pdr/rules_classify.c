/* SPDX-License-Identifier: BSD-3-Clause */
/* Looking packets up in rule lists: short ones are scanned, long ones are ternary lookups. Workers,
 * but for the making of wide tables. */
#include <stdlib.h>

#include "array.h"
#include "rules_scan.h"
#include "rules_wide.h"

/* ==== short lists ==== */

bool scan_is_wide6(const struct rules_entry *entry, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (entry[i].remote_len > 32 || entry[i].local_len > 32)
			return true;
	return false;
}

static void lane_fill(const struct rules_entry *e, struct scan_block *b, uint32_t lane)
{
	b->word[lane] = e->word;
	b->word_mask[lane] = e->word_mask;
	if (!(e->flags & ENTRY_REMOTE_NOT) && e->remote_len > 0) {
		b->remote[lane] = e->remote[0];
		b->remote_mask[lane] = prefix_mask(e->remote_len, 0);
	}
	if (!(e->flags & ENTRY_LOCAL_NOT) && e->local_len > 0) {
		b->local[lane] = e->local[0];
		b->local_mask[lane] = prefix_mask(e->local_len, 0);
	}
	b->ports_low[2 * lane] = e->remote_low;
	b->ports_span[2 * lane] = e->remote_high - e->remote_low;
	b->ports_low[2 * lane + 1] = e->local_low;
	b->ports_span[2 * lane + 1] = e->local_high - e->local_low;
}

static void lane_fill6(const struct rules_entry *e, struct scan_block6 *b, uint32_t lane)
{
	for (uint32_t i = 0; i < 3; i++) {
		if (!(e->flags & ENTRY_REMOTE_NOT) && e->remote_len > 32 * (i + 1)) {
			b->remote[i][lane] = e->remote[i + 1];
			b->remote_mask[i][lane] = prefix_mask(e->remote_len, i + 1);
		}
		if (!(e->flags & ENTRY_LOCAL_NOT) && e->local_len > 32 * (i + 1)) {
			b->local[i][lane] = e->local[i + 1];
			b->local_mask[i][lane] = prefix_mask(e->local_len, i + 1);
		}
	}
}

/* No packet has this flag: lanes past the end match nothing. */
static void lane_close(struct scan_block *b, uint32_t lane)
{
	b->word[lane] = b->word_mask[lane] = WORD_KEY(0x80);
}

void scan_build(const struct rules_entry *entry, uint32_t n, struct scan_block *block,
	struct scan_block6 *block6)
{
	uint32_t blocks = RTE_ALIGN(n, SCAN_LANES) / SCAN_LANES;

	memset(block, 0, blocks * sizeof(*block));
	if (block6 != NULL)
		memset(block6, 0, blocks * sizeof(*block6));
	for (uint32_t i = 0; i < n; i++) {
		lane_fill(&entry[i], &block[i / SCAN_LANES], i % SCAN_LANES);
		if (block6 != NULL)
			lane_fill6(&entry[i], &block6[i / SCAN_LANES], i % SCAN_LANES);
	}
	for (uint32_t i = n; i < blocks * SCAN_LANES; i++)
		lane_close(&block[i / SCAN_LANES], i % SCAN_LANES);
}

/* ==== long lists ==== */

#define NO_ROW UINT32_MAX

/* From value on, the entry is in (or out). */
struct event {
	uint32_t value;
	uint16_t entry;
	bool in;
};

struct sweep {
	const struct rules *r;
	struct rules_wide *w;
	struct wide_field *f;
	struct event *event;
	uint32_t events, max_events;
	uint32_t ranges, max_ranges;
	uint64_t *now; /* the bitmap where the sweep is */
	uint32_t rows, max_rows;
	uint32_t *slot; /* rows by hash */
	uint32_t slots;
};

static bool is_family(const struct rules_entry *e, uint32_t of6)
{
	uint32_t want = e->word & e->word_mask & WORD_KEY(KEY_V4 | KEY_V6);

	return !(e->flags & ENTRY_ETHERNET) && want == WORD_KEY(of6 ? KEY_V6 : KEY_V4);
}

/* The ranges of values of a field that the entry takes, sorted and apart: how many. -1: any. */
static int address_ranges(const struct rules_entry *e, uint32_t i, bool local, uint32_t (*out)[2])
{
	bool negated = e->flags & (local ? ENTRY_LOCAL_NOT : ENTRY_REMOTE_NOT);
	const uint32_t *word = local ? e->local : e->remote;
	uint32_t len = local ? e->local_len : e->remote_len, n = 0;
	uint32_t mask = prefix_mask(len, i), low = word[i], high = word[i] | ~mask;

	if (negated && len > 32) /* decided by the entry */
		return -1;
	if (!negated) {
		out[0][0] = low;
		out[0][1] = high;
		return mask == 0 ? -1 : 1;
	}
	if (i > 0)
		return -1;
	if (mask == 0)
		return 0;
	if (low > 0)
		out[n][0] = 0, out[n++][1] = low - 1;
	if (high < UINT32_MAX)
		out[n][0] = high + 1, out[n++][1] = UINT32_MAX;
	return n;
}

static int port_ranges(
	const struct rules *r, const struct rules_entry *e, bool local, uint32_t (*out)[2])
{
	uint32_t n = local ? e->local_ranges : e->remote_ranges;
	uint16_t low = local ? e->local_low : e->remote_low;
	uint16_t high = local ? e->local_high : e->remote_high;

	if (n == 0) {
		out[0][0] = low;
		out[0][1] = high;
		return low == 0 && high == UINT16_MAX ? -1 : 1;
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct filter_ports *p = &r->ports[e->ranges + i];

		out[i][0] = p[local ? e->remote_ranges : 0].low;
		out[i][1] = p[local ? e->remote_ranges : 0].high;
	}
	return n;
}

static int entry_ranges(const struct rules *r, const struct rules_entry *e, uint32_t of6,
	uint32_t of, uint32_t (*out)[2])
{
	if (of >= OF_REMOTE_PORT)
		return e->flags & ENTRY_ETHERNET ? -1 : port_ranges(r, e, of == OF_LOCAL_PORT, out);
	return is_family(e, of6) ? address_ranges(e, of % 4, of >= OF_LOCAL, out) : -1;
}

/* ---- rows ---- */

static void bit_set(uint64_t *bits, uint32_t i, bool in)
{
	bits[i / 64] = (bits[i / 64] & ~(1ull << i % 64)) | (uint64_t)in << i % 64;
}

static bool rows_grow(struct sweep *s)
{
	size_t line = s->w->lines * 64ul, max = RTE_MAX(s->max_rows * 2ul, 64ul);
	uint8_t *more = max * line > WIDE_MAX_BYTES ? NULL : aligned_alloc(64, max * line);

	if (more == NULL)
		return false;
	if (s->rows > 0)
		memcpy(more, s->f->rows, s->rows * line);
	free(s->f->rows);
	s->f->rows = more;
	s->max_rows = max;
	return true;
}

/* The row that is equal to now, NO_ROW: no memory. */
static uint32_t row_keep(struct sweep *s)
{
	uint32_t words = s->w->lines * 8;
	uint64_t h = 0;

	for (uint32_t i = 0; i < words; i++)
		h = (h ^ s->now[i]) * 0x9e3779b97f4a7c15ull, h ^= h >> 31;
	for (uint32_t at = h;; at++) {
		uint32_t *slot = &s->slot[at & (s->slots - 1)];

		if (*slot == NO_ROW) {
			if (s->rows == s->max_rows && !rows_grow(s))
				return NO_ROW;
			memcpy(s->f->rows + s->rows * words * 8ul, s->now, words * 8ul);
			return *slot = s->rows++;
		}
		if (memcmp(s->f->rows + *slot * words * 8ul, s->now, words * 8ul) == 0)
			return *slot;
	}
}

static bool slots_make(struct sweep *s, uint32_t rows)
{
	s->slots = rte_align32pow2(2 * rows + 16);
	s->slot = malloc(s->slots * sizeof(*s->slot));
	if (s->slot == NULL)
		return false;
	memset(s->slot, 0xff, s->slots * sizeof(*s->slot));
	return true;
}

/* ---- a field of the word: all its values ---- */

static bool byte_build(struct sweep *s, uint32_t byte)
{
	uint32_t shift = 8 * byte, mask = 0;
	struct wide_field *f = s->f;

	for (uint32_t i = 0; i < s->r->entries; i++)
		mask |= s->r->entry[i].word_mask >> shift & 0xff;
	f->row = calloc(256, sizeof(*f->row));
	if (f->row == NULL || !slots_make(s, 256))
		return false;
	for (uint32_t v = 0; v < 256; v++) {
		if (v & ~mask) { /* as without what no filter looks at */
			f->row[v] = f->row[v & mask];
			continue;
		}
		for (uint32_t i = 0; i < s->r->entries; i++) {
			const struct rules_entry *e = &s->r->entry[i];

			bit_set(s->now, i,
				!((v << shift ^ e->word) & e->word_mask & 0xffu << shift));
		}
		f->row[v] = row_keep(s);
		if (f->row[v] == NO_ROW)
			return false;
		f->row[v] *= s->w->lines;
	}
	return true;
}

/* ---- a field of ranges ---- */

static int event_compare(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->value == y->value) /* one range may begin where another of the entry ended */
		return x->in - y->in;
	return x->value > y->value ? 1 : -1;
}

static bool event_add(struct sweep *s, uint32_t value, uint32_t entry, bool in)
{
	if (!array_grow(&s->event, &s->max_events, s->events, sizeof(*s->event)))
		return false;
	s->event[s->events++] = (struct event){value, entry, in};
	return true;
}

/* What is in at 0 goes into now, the rest becomes events. */
static bool events_collect(struct sweep *s, uint32_t of6, bool *looks)
{
	uint32_t range[FILTER_PORTS][2];

	*looks = false;
	memset(s->now, 0, s->w->lines * 64ul);
	for (uint32_t i = 0; i < s->r->entries; i++) {
		int n = entry_ranges(s->r, &s->r->entry[i], of6, s->f->of, range);

		*looks |= n >= 0;
		bit_set(s->now, i, n < 0 || (n > 0 && range[0][0] == 0));
		for (int k = 0; k < n; k++) {
			if (range[k][0] > 0 && !event_add(s, range[k][0], i, true))
				return false;
			if (range[k][1] < UINT32_MAX && !event_add(s, range[k][1] + 1, i, false))
				return false;
		}
	}
	if (s->events > 0)
		qsort(s->event, s->events, sizeof(*s->event), event_compare);
	return true;
}

/* From value on, the row is that of now. */
static bool range_add(struct sweep *s, uint32_t value)
{
	struct wide_field *f = s->f;
	uint32_t row = row_keep(s);

	if (row == NO_ROW)
		return false;
	row *= s->w->lines;
	if (s->ranges > 0 && f->row[s->ranges - 1] == row)
		return true;
	f->low[0][s->ranges] = value;
	f->row[s->ranges++] = row;
	return true;
}

/* Every sixteenth of a level is in the one above; up to one node. */
static bool levels_build(struct sweep *s)
{
	struct wide_field *f = s->f;

	f->n[0] = s->ranges;
	for (f->levels = 1;; f->levels++) {
		uint32_t *low = f->low[f->levels - 1], n = f->n[f->levels - 1];
		uint32_t nodes = (n + WIDE_NODE - 1) / WIDE_NODE;

		for (uint32_t i = n; i < nodes * WIDE_NODE; i++)
			low[i] = UINT32_MAX;
		s->w->bytes += nodes * 64ul;
		if (nodes == 1)
			return true;
		uint32_t *up = aligned_alloc(64, RTE_ALIGN(nodes, WIDE_NODE) * sizeof(*up));

		if (up == NULL)
			return false;
		for (uint32_t i = 0; i < nodes; i++)
			up[i] = low[i * WIDE_NODE];
		f->low[f->levels] = up;
		f->n[f->levels] = nodes;
	}
}

static bool ranges_build(struct sweep *s)
{
	uint32_t max = RTE_ALIGN(s->events + 1, WIDE_NODE);
	struct wide_field *f = s->f;

	f->low[0] = aligned_alloc(64, max * sizeof(uint32_t));
	f->row = malloc(max * sizeof(uint32_t));
	if (f->low[0] == NULL || f->row == NULL || !slots_make(s, max) || !range_add(s, 0))
		return false;
	for (uint32_t i = 0; i < s->events;) {
		uint32_t value = s->event[i].value;

		for (; i < s->events && s->event[i].value == value; i++)
			bit_set(s->now, s->event[i].entry, s->event[i].in);
		if (!range_add(s, value))
			return false;
	}
	s->w->bytes += s->ranges * sizeof(uint32_t);
	return levels_build(s);
}

/* ---- all of them ---- */

/* The last, what the packet is at all, always is: a packet without a row would have no filters. */
static bool word_is_looked_at(const struct rules *r, uint32_t byte)
{
	if (byte == 3)
		return true;
	for (uint32_t i = 0; i < r->entries; i++)
		if (r->entry[i].word_mask >> 8 * byte & 0xff)
			return true;
	return false;
}

static bool field_build(struct rules_wide *w, const struct rules *r, uint32_t of6, uint32_t of)
{
	struct wide_field *f = &w->field[of6][w->fields[of6]];
	struct sweep s = {.r = r, .w = w, .f = f};
	bool looks = false, ok;

	f->of = of;
	s.now = calloc(w->lines, 64);
	if (of >= OF_WORD) {
		looks = word_is_looked_at(r, of - OF_WORD);
		ok = s.now != NULL && (!looks || byte_build(&s, of - OF_WORD));
	} else {
		ok = s.now != NULL && events_collect(&s, of6, &looks) &&
		     (!looks || ranges_build(&s));
	}
	w->bytes += (size_t)s.max_rows * w->lines * 64;
	w->fields[of6] += looks;
	free(s.now);
	free(s.event);
	free(s.slot);
	return ok && w->bytes <= WIDE_MAX_BYTES;
}

void wide_free(struct rules_wide *w)
{
	for (uint32_t i = 0; w != NULL && i < 2 * WIDE_FIELDS; i++) {
		struct wide_field *f = &w->field[i / WIDE_FIELDS][i % WIDE_FIELDS];

		for (uint32_t l = 0; l < WIDE_LEVELS; l++)
			free(f->low[l]);
		free(f->row);
		free(f->rows);
	}
	free(w);
}

struct rules_wide *wide_build(const struct rules *r)
{
	struct rules_wide *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->lines = (r->entries + 511) / 512;
	w->bytes = sizeof(*w);
	for (uint32_t of6 = 0; of6 < 2; of6++)
		for (uint32_t of = 0; of < OF_WORD + 4; of++) {
			if (of6 == 0 && of < OF_REMOTE_PORT && of % 4 != 0)
				continue; /* IPv4 has one word */
			if (!field_build(w, r, of6, of)) {
				wide_free(w);
				return NULL;
			}
		}
	return w;
}

/* ==== either ==== */

/* From packet i on, how many have the same list and family: looked up together. */
static inline uint32_t run_of(
	const struct rules *const *rules, const struct flow_key *key, uint32_t i, uint32_t n)
{
	uint32_t k = 1;

	while (i + k < n && rules[i + k] == rules[i] &&
		((key[i + k].flags ^ key[i].flags) & (KEY_V4 | KEY_V6)) == 0)
		k++;
	return k;
}

void rules_classify(const struct rules *const *rules, const struct flow_key *key, uint32_t n,
	struct rules_result *result)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct rules *r = rules[i];

		if (rules_is_trivial(r)) {
			result[i] = r->result;
		} else if (r->form == RULES_SCAN || !(key[i].flags & (KEY_V4 | KEY_V6))) {
			result[i] = rules_scan(r, &key[i]);
		} else {
			uint32_t k = run_of(rules, key, i, n);

			rules_wide(r, &key[i], k, &result[i]);
			i += k - 1;
		}
	}
}
