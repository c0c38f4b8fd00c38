/* SPDX-License-Identifier: BSD-3-Clause */
/* Entries → blocks of sixteen (rules_scan.h). A block may say more than its entries: where it
 * does, the entry has ENTRY_SCAN_DOUBT. Main thread only. */
#include "rules_scan.h"

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
