/* SPDX-License-Identifier: BSD-3-Clause */
/* Taps of attachments among random traffic: to the kernel goes only what came in by that very
 * attachment, and what the kernel says leaves by it and nowhere else. */
#include <rte_common.h>
#include <string.h>

#include "attachment_tap.h"
#include "rig_tap.h"
#include "verdict.h"

static struct pkt p;

static bool came_in_by(int door, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (shot[i].in.door == door)
			return true;
	return false;
}

static void check_to_kernel(int i, uint32_t n)
{
	int slice = world.attachment[i].slice;

	RIG_CHECK(world.slice[slice].l3, "a frame at the tap of a bridge, attachment %d", i);
	RIG_CHECK(came_in_by(i, n), "a frame at the tap of attachment %d, where none came in: %s",
		i, hex(&p));
	for (uint32_t at = 0; at + MARK_LEN <= p.len; at++) {
		if (get32(p.b + at) != MARK)
			continue;
		uint32_t tenant = get16(p.b + at + 4), number = get16(p.b + at + 6);

		RIG_CHECK(tenant == tenant_of(slice),
			"ISOLATION: what tenant %u sent is at the tap of attachment %d, tenant %u",
			tenant, i, tenant_of(slice));
		RIG_CHECK(number < n && shot[number].in.door == i,
			"ISOLATION: shot %u is at the tap of attachment %d: %s", number, i,
			hex(&p));
	}
	seen.to_taps++;
}

void verdict_taps(uint32_t n)
{
	do
		for (int i = 0; i < ATTACHMENTS; i++)
			while (world.attachment[i].slice != NONE && world.attachment[i].tap &&
				rig_tap_take(world.attachment[i].id, &p))
				check_to_kernel(i, n);
	while (attachment_taps_write() > 0);
}

static void frame_of_kernel(int i)
{
	static const uint16_t types[] = {0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x9100};

	p.len = 60 + rnd(1400);
	for (uint32_t at = 0; at + MARK_LEN <= p.len; at += MARK_LEN) {
		put32(p.b + at, MARK);
		put16(p.b + at + 4, tenant_of(world.attachment[i].slice));
		put16(p.b + at + 6, 0);
	}
	put48(p.b, CHANCE(30) ? 0x01005e000005 : l3_station_mac());
	put48(p.b + 6, CHANCE(70) ? world.slice[world.attachment[i].slice].mac : frame_some_mac());
	put16(p.b + 12, types[rnd(RTE_DIM(types))]);
	put16(p.b + 14, 1 + rnd(6)); /* a VLAN that others have */
}

void tap_speaks(void)
{
	int i = rnd(ATTACHMENTS);
	uint32_t frame;

	if (world.attachment[i].slice == NONE || !world.attachment[i].tap)
		return;
	frame_of_kernel(i);
	rig_begin();
	rig_tap_say(world.attachment[i].id, &p);
	rig_taps();
	for (uint32_t k = 0; k < rig.outs; k++) {
		struct passage out =
			world_leave(world_port(rig_out[k].port), &rig_out[k].pkt, &frame);

		RIG_CHECK(out.door == i && out.slice == world.attachment[i].slice,
			"ISOLATION: the kernel of attachment %d spoke by door %d of slice %d: %s",
			i, out.door, out.slice, twice(&rig_out[k].pkt, &p));
		seen.from_taps++;
	}
}
