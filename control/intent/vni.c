/* SPDX-License-Identifier: BSD-3-Clause */
/* The VNIs of slices and networks that name none: chosen when the intent is admitted. Owns the
 * list of those that no grant has, for one transaction. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "world_parts.h"

static uint32_t ranges_size(const struct intent_ranges *ranges)
{
	uint32_t size = 0;

	for (uint32_t i = 0; i < ranges->count; i++)
		size += ranges->item[i].last - ranges->item[i].first + 1;
	return size;
}

/* The first free one of ranges from `from` on, which is in ranges[at] or before it, then of those
 * before it. 0: none. */
static uint32_t first_free(
	const struct world *world, const struct intent_ranges *ranges, uint32_t at, uint32_t from)
{
	const struct numbers vnis = {.world = world, .kind = KEY_VNI};
	uint32_t vni;

	for (uint32_t i = 0; i <= ranges->count; i++) {
		const struct intent_range *range = &ranges->item[(at + i) % ranges->count];
		uint32_t first = i == 0 && from > range->first ? from : range->first;

		if (number_free(&vnis, first, range->last, &vni))
			return vni;
	}
	return 0;
}

static uint32_t choose_granted(
	const struct world *world, const struct intent_ranges *ranges, uint64_t hash)
{
	uint32_t offset = (uint32_t)(hash % ranges_size(ranges)), at = 0;
	const struct intent_range *range = ranges->item;

	for (; offset > range->last - range->first; range = &ranges->item[++at])
		offset -= range->last - range->first + 1;
	return first_free(world, ranges, at, range->first + offset);
}

/* ---- what is nobody's ---- */

static int range_compare(const void *a, const void *b)
{
	const struct intent_range *one = a, *other = b;

	return (one->first > other->first) - (one->first < other->first);
}

static struct intent_ranges granted_all(const struct world *world)
{
	struct intent_ranges all = {0};
	uint32_t count = 0;

	for (struct intent *i = world_first(world, INTENT_TENANT); i; i = world_next(i))
		count += i->obj->tenant.vnis.count;
	all.item = calloc(count + 1, sizeof(*all.item));
	for (struct intent *i = world_first(world, INTENT_TENANT); i && all.item;
		i = world_next(i)) {
		const struct intent_ranges *vnis = &i->obj->tenant.vnis;

		for (uint32_t k = 0; k < vnis->count; k++)
			all.item[all.count++] = vnis->item[k];
	}
	if (all.item)
		qsort(all.item, all.count, sizeof(*all.item), range_compare);
	return all;
}

/* Written over granted, which are in order of their first: each leaves at most one before it. */
static void complement(struct intent_ranges *granted)
{
	uint32_t next = VNI_FIRST, count = 0;

	for (uint32_t i = 0; i < granted->count; i++) {
		struct intent_range range = granted->item[i];

		if (range.first > next)
			granted->item[count++] = (struct intent_range){next, range.first - 1};
		if (range.last >= next)
			next = range.last + 1;
	}
	if (next <= VNI_LAST)
		granted->item[count++] = (struct intent_range){next, VNI_LAST};
	granted->count = count;
}

void vni_forget(struct world *world)
{
	free(world->ungranted.item);
	world->ungranted = (struct intent_ranges){0};
}

static int make_ungranted(struct world *world)
{
	if (world->ungranted.item)
		return 0;
	world->ungranted = granted_all(world);
	if (!world->ungranted.item)
		return -ENOMEM;
	complement(&world->ungranted);
	return 0;
}

/* From the name among all, whatever is granted: boxes whose grants differ mostly choose the same.
 */
static uint32_t choose_ungranted(const struct world *world, uint64_t hash)
{
	const struct intent_ranges *ranges = &world->ungranted;
	uint32_t from = VNI_FIRST + (uint32_t)(hash % (VNI_LAST - VNI_FIRST + 1)), at = 0;

	while (at < ranges->count && ranges->item[at].last < from)
		at++;
	if (!ranges->count)
		return 0;
	return at < ranges->count ? first_free(world, ranges, at, from)
				  : first_free(world, ranges, 0, 0);
}

/* From the name, so that boxes that are told the same choose the same; the next free one where two
 * names meet. Among those of the tenant's grant, if it names any; else among those that are in
 * nobody's: what one tenant may ask for, another does not get by asking for none. Where grants name
 * all there are, operators' changes get one of these, as if they had named it. */
int vni_choose(struct world *world, const struct intent *intent, uint32_t *vni)
{
	static const struct intent_range range = {VNI_FIRST, VNI_LAST};
	static const struct intent_ranges all = {1, (struct intent_range *)&range};
	const struct intent_tenant *grant = grant_of(world, intent);
	uint64_t hash = name_hash(NAME_HASH, intent->name);

	hash ^= hash >> 32;
	if (grant && grant->vnis.count) {
		*vni = choose_granted(world, &grant->vnis, hash);
		return 0;
	}
	if (make_ungranted(world))
		return -ENOMEM;
	*vni = choose_ungranted(world, hash);
	if (!*vni && !world->limited)
		*vni = choose_granted(world, &all, hash);
	return 0;
}
