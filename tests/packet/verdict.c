/* SPDX-License-Identifier: BSD-3-Clause */
/* No mark of another tenant in what left, whatever its headers look like; frames of l2 slices
 * are untouched and by another door. Routed packets are verdict_l3.c's. */
#include "verdict.h"

#include <stdio.h>
#include <string.h>

#include "schema.h"

struct seen seen;

/* Its first bytes, for people. */
const char *hex(const struct pkt *p)
{
	static char text[2 * 100 + 1];

	for (uint32_t i = 0; i < 100 && i < p->len; i++)
		snprintf(text + 2 * i, 3, "%02x", p->b[i]);
	return text;
}

const char *twice(const struct pkt *out, const struct pkt *in)
{
	static char text[500];

	snprintf(text, sizeof(text), "%s\nwas: ", hex(out));
	strcat(text, hex(in));
	return text;
}

/* The shot whose marks are in it, or NULL when there are none. */
static const struct shot *check_marks(
	const struct pkt *p, uint32_t frame, struct passage out, uint32_t n)
{
	const struct shot *first = NULL;
	static struct pkt plain; /* without the tag that was put in */
	uint32_t tag = frame == 4 ? 4 : 0;

	memcpy(plain.b, p->b, 12);
	memcpy(plain.b + 12, p->b + 12 + tag, p->len - 12 - tag);
	for (uint32_t at = 0; at + MARK_LEN <= p->len - tag; at++) {
		if (plain.b[at] != MARK >> 24 || get32(plain.b + at) != MARK)
			continue;
		uint32_t tenant = get16(plain.b + at + 4), number = get16(plain.b + at + 6);

		RIG_CHECK(tenant == tenant_of(out.slice),
			"ISOLATION: what tenant %u sent left at door %d of slice %d, tenant %u",
			tenant, out.door, out.slice, tenant_of(out.slice));
		RIG_CHECK(number < n && shot[number].in.slice == out.slice,
			"ISOLATION: shot %u left in slice %d at door %d", number, out.slice,
			out.door);
		RIG_CHECK(first == NULL || first == &shot[number], "two shots in one packet");
		first = &shot[number];
	}
	return first;
}

/* ---- l2 ---- */

static const uint8_t *macs(const struct pkt *p, uint32_t frame)
{
	return frame == 4 ? p->b : p->b + frame;
}

/* ECN of what came by a tunnel (RFC 6040), and so IPv4's checksum; the MSS of a SYN, and so TCP's
 * checksum. */
static bool may_differ(const struct shot *x, const uint8_t *f, uint32_t at)
{
	bool v4 = get16(f + 12) == 0x0800, v6 = get16(f + 12) == 0x86dd;

	if ((v4 && f[14 + 9] == 6 && at >= 34) || (v6 && f[14 + 6] == 6 && at >= 54))
		return true;
	return x->in.door >= DOOR_T && (v4 ? at == 15 || at == 24 || at == 25 : v6 && at == 15);
}

static bool same_frame(const struct pkt *p, uint32_t frame, const struct shot *x)
{
	const uint8_t *a = p->b + frame, *b = x->p.b + x->frame;
	uint32_t len = p->len - frame;

	if (x->p.len < x->frame + len || memcmp(macs(p, frame), macs(&x->p, x->frame), 12) != 0)
		return false;
	for (uint32_t at = 12; at < len; at++)
		if (a[at] != b[at] && !may_differ(x, b, at))
			return false;
	return true;
}

/* A known host's MAC, told in its place (suppression): back to who asked. */
static bool is_answer(const struct pkt *p, uint32_t frame, struct passage out, uint32_t n)
{
	const uint8_t *f = p->b + frame;
	bool arp = get16(f + 12) == 0x0806 && get16(f + 20) == 2;
	bool na = get16(f + 12) == 0x86dd && f[20] == 58 && f[54] == 136;

	for (uint32_t i = 0; i < n && (arp || na); i++)
		if (shot[i].in.slice == out.slice && shot[i].in.door == out.door &&
			get16(shot[i].p.b + shot[i].frame + 12) == get16(f + 12))
			return true;
	return false;
}

static void check_l2(
	const struct pkt *p, uint32_t frame, struct passage out, const struct shot *x, uint32_t n)
{
	for (uint32_t i = 0; x == NULL && i < n; i++)
		if (shot[i].in.slice == out.slice && shot[i].in.door != out.door &&
			same_frame(p, frame, &shot[i]))
			x = &shot[i];
	if (x == NULL) {
		RIG_CHECK(is_answer(p, frame, out, n),
			"nobody sent what left by door %d of slice %d: %s", out.door, out.slice,
			hex(p));
		seen.answers++;
		return;
	}
	RIG_CHECK(same_frame(p, frame, x), "a bridged frame was changed, door %d to %d: %s",
		x->in.door, out.door, twice(p, &x->p));
	RIG_CHECK(x->in.door != out.door, "left where it came in, door %d", out.door);
	RIG_CHECK(x->in.door < DOOR_T || out.door < DOOR_T, "from tunnel %d to tunnel %d",
		x->in.door, out.door);
	seen.bridged++;
}

/* ---- the whole ---- */

static bool is_gtpu_answer(const struct out *o, uint32_t n)
{
	const struct pkt *asked[SHOTS];

	for (uint32_t i = 0; i < n; i++)
		asked[i] = &shot[i].p;
	return upf_is_answer(world_port(o->port), &o->pkt, asked, n);
}

static void check_out(const struct out *o, uint32_t n)
{
	uint32_t frame;
	struct passage out = world_leave(world_port(o->port), &o->pkt, &frame);

	if (out.slice == NONE && is_gtpu_answer(o, n)) {
		check_marks(&o->pkt, frame, out, 0);
		seen.messages++;
		return;
	}
	RIG_CHECK(out.slice != NONE, "a packet left by port %d at no door", world_port(o->port));
	const struct shot *x = check_marks(&o->pkt, frame, out, n);

	if (world.slice[out.slice].l3)
		verdict_l3(&o->pkt, frame, out, x, n);
	else
		check_l2(&o->pkt, frame, out, x, n);
}

static struct api_ip destination(const struct shot *x)
{
	const uint8_t *ip = x->p.b + x->frame + 14;
	struct api_ip to = {.family = ip[0] >> 4 == 4 ? 4 : 6};

	to.len = to.family == 4 ? 32 : 128;
	memcpy(to.bytes, ip + (to.family == 4 ? 16 : 24), to.family == 4 ? 4 : 16);
	return to;
}

static const char *dropped(void)
{
	static char text[512];
	size_t n = 0;

	text[0] = 0;
	for (uint32_t r = 0; r < DROP_REASONS; r++)
		if (rig.drop[r] > 0 && n < sizeof(text))
			n += snprintf(text + n, sizeof(text) - n, " %s %lu", drop_info[r].name,
				rig.drop[r]);
	return text;
}

/* What is polite and has a way that nothing depends on must have left, once. */
static void check_delivered(uint32_t i)
{
	struct ways ways;
	struct api_ip to = destination(&shot[i]);
	char text[64];

	RIG_CHECK(verdict_routed[i] <= 1, "shot %u was forwarded %u times", i, verdict_routed[i]);
	if (!shot[i].polite || !world.slice[shot[i].in.slice].l3)
		return;
	world_route(shot[i].in.slice, &to, &ways);
	/* a UE to itself: not by the door it came in by */
	if (!ways.certain || (ways.way[0].door >= DOOR_S && ways.way[0].door == shot[i].in.door))
		return;
	api_ip_format(&to, false, text);
	RIG_CHECK(verdict_routed[i] == 1,
		"LOST: shot %u by door %d of slice %d to %s, %d ways; drops:%s", i, shot[i].in.door,
		shot[i].in.slice, text, ways.n, dropped());
	seen.must++;
}

void verdict_all(uint32_t n, bool whole)
{
	memset(verdict_routed, 0, sizeof(verdict_routed));
	RIG_CHECK(rig.outs == rig.out - rig.tap_out, "more left than was kept");
	for (uint32_t i = 0; i < rig.outs; i++)
		check_out(&rig_out[i], n);
	for (uint32_t i = 0; i < n && whole; i++)
		check_delivered(i);
}

void verdict_doors(void)
{
	uint32_t frame;

	for (uint32_t i = 0; i < rig.outs; i++)
		RIG_CHECK(world_leave(world_port(rig_out[i].port), &rig_out[i].pkt, &frame).slice !=
					  NONE ||
				  upf_is_answer(
					  world_port(rig_out[i].port), &rig_out[i].pkt, NULL, 1),
			"left at no door");
}
