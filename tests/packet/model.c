/* SPDX-License-Identifier: BSD-3-Clause */
/* What may happen to a packet, read off the configuration in world.h by plain search: which
 * slice it may enter, whose door it left by, which next hops its address has. Knows nothing of
 * the pipelines' tables. */
#include <string.h>

#include "tsc.h"
#include "world.h"

int world_port(uint16_t id)
{
	for (int p = 0; p < LANS + WANS; p++)
		if (world.port[p] == id)
			return p;
	return NONE;
}

int world_attachment(int port, int vlan)
{
	for (int i = 0; i < ATTACHMENTS; i++)
		if (world.attachment[i].slice != NONE && world.attachment[i].port == port &&
			world.attachment[i].vlan == vlan)
			return i;
	return NONE;
}

/* ---- doors ---- */

static bool is_tag(uint16_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

static struct passage by_attachment(int port, int vlan)
{
	int i = world_attachment(port, vlan);

	return i != NONE ? (struct passage){world.attachment[i].slice, i}
			 : (struct passage){NONE, NONE};
}

static bool is_between(int t, const uint8_t *local, const uint8_t *remote)
{
	struct api_ip l = rig_ip(world.tunnel[t].local, false);
	struct api_ip r = rig_ip(world.tunnel[t].remote, false);
	size_t n = world.tunnel[t].v6 ? 16 : 4;

	return memcmp(local, l.bytes, n) == 0 && memcmp(remote, r.bytes, n) == 0;
}

/* The tunnel whose packets look like this; outgoing: local and remote change places. */
static struct passage by_tunnel(int port, const struct pkt *p, bool out, uint32_t *frame)
{
	bool v6 = get16(p->b + 12) == 0x86dd;
	uint32_t ip_len = v6 ? 40 : (p->b[14] & 15) * 4u, udp = 14 + ip_len, n = v6 ? 16 : 4;
	const uint8_t *from = p->b + 14 + (v6 ? 8 : 12), *to = from + n;

	if (p->len < 34 || p->len < udp + 16 || p->b[14 + (v6 ? 6 : 9)] != 17 ||
		p->b[14] >> 4 != (v6 ? 6 : 4))
		return (struct passage){NONE, NONE};
	for (int t = 0; t < world.tunnels; t++) {
		if (world.tunnel[t].v6 != v6 || get16(p->b + udp + 2) != world.tunnel[t].dst_port ||
			(out && world.tunnel[t].wan != port) ||
			!is_between(t, out ? from : to, out ? to : from))
			continue;
		*frame = udp + 16 + (world.tunnel[t].geneve ? (p->b[udp + 8] & 0x3f) * 4 : 0);
		for (int s = 0; s < world.slices; s++)
			if (world.tunnel[t].member[s] &&
				world.slice[s].vni == get32(p->b + udp + 12) >> 8)
				return (struct passage){s, DOOR_T + t};
	}
	return (struct passage){NONE, NONE};
}

struct passage world_enter(int port, const struct pkt *p, uint32_t *frame)
{
	struct passage none = {NONE, NONE}, in;
	uint16_t type = get16(p->b + 12);

	*frame = 0;
	if (p->len < 14)
		return none;
	if (type == 0x8100) {
		*frame = 4;
		if (p->len < 18 || is_tag(get16(p->b + 16)))
			return none;
		return by_attachment(port, get16(p->b + 14) & 0xfff);
	}
	if (is_tag(type))
		return none;
	in = by_attachment(port, 0);
	if (in.slice != NONE || port < LANS)
		return in;
	if (type != 0x0800 && type != 0x86dd)
		return none;
	in = upf_enter(p, frame);
	if (in.slice != NONE)
		return in;
	in = by_tunnel(port, p, false, frame);
	/* a fragment alone brings nothing in; a tag inside neither */
	if (in.slice != NONE && ((type == 0x0800 && get16(p->b + 20) & 0x3fff) ||
					p->len < *frame + 14 || is_tag(get16(p->b + *frame + 12))))
		return none;
	return in;
}

struct passage world_leave(int port, const struct pkt *p, uint32_t *frame)
{
	*frame = 0;
	if (get16(p->b + 12) == 0x8100) {
		*frame = 4;
		return by_attachment(port, get16(p->b + 14) & 0xfff);
	}
	if (port < LANS)
		return by_attachment(port, 0);
	struct passage out = upf_leave(port, p, frame);

	return out.slice != NONE ? out : by_tunnel(port, p, true, frame);
}

/* ---- addresses ---- */

bool ip_equal(const struct api_ip *a, const struct api_ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, a->family == 4 ? 4 : 16) == 0;
}

static bool bit_of(const struct api_ip *ip, int bit)
{
	return ip->bytes[bit / 8] >> (7 - bit % 8) & 1;
}

bool ip_in(const struct api_ip *prefix, const struct api_ip *address)
{
	if (prefix->family != address->family)
		return false;
	for (int bit = 0; bit < prefix->len; bit++)
		if (bit_of(prefix, bit) != bit_of(address, bit))
			return false;
	return true;
}

/* All host bits equal: the address of the network itself, or its broadcast address. */
static bool is_edge(const struct api_ip *prefix, const struct api_ip *address)
{
	if (prefix->family != 4 || prefix->len > 30 || !ip_in(prefix, address))
		return false;
	for (int bit = prefix->len; bit < 32; bit++)
		if (bit_of(address, bit) != bit_of(address, 31))
			return false;
	return true;
}

bool world_is_gateway(int slice, int attachment, const struct api_ip *address)
{
	for (int g = 0; g < GATEWAYS; g++)
		if (world.gateway[g].slice == slice &&
			(attachment == NONE || world.gateway[g].attachment == attachment) &&
			ip_equal(&world.gateway[g].prefix, address))
			return true;
	return false;
}

bool world_was_gateway(int slice, const struct api_ip *address)
{
	for (int i = 0; i < GONE; i++)
		if (world.gone[i].tenant == world.slice[slice].tenant &&
			ip_equal(&world.gone[i].address, address))
			return true;
	return false;
}

bool world_covers(int attachment, const struct api_ip *address)
{
	for (int g = 0; g < GATEWAYS; g++)
		if (world.gateway[g].slice != NONE && world.gateway[g].attachment == attachment &&
			ip_in(&world.gateway[g].prefix, address))
			return true;
	return false;
}

void world_claim(int attachment, const struct api_ip *address, uint64_t mac)
{
	uint32_t i = world.claims;

	for (i = 0; i < world.claims; i++)
		if (world.claim[i].attachment == attachment && world.claim[i].mac == mac &&
			ip_equal(&world.claim[i].address, address))
			return;
	i = world.claims++;
	RIG_CHECK(world.claims < CLAIMS, "too many claims to remember");
	world.claim[i].attachment = attachment;
	world.claim[i].address = *address;
	world.claim[i].mac = mac;
}

void world_unclaim(int attachment)
{
	for (int i = 0; i < CLAIMS; i++)
		if (world.claim[i].attachment == attachment)
			world.claim[i].attachment = NONE;
}

/* ---- the way on ---- */

static void way_add(struct ways *ways, int door, uint64_t mac)
{
	RIG_CHECK(ways->n < WAYS_MAX, "too many ways");
	ways->way[ways->n++] = (struct way){door, mac};
}

/* The neighbour with this address on this attachment: what was put, or else what was heard. */
static bool neighbors_add(struct ways *ways, int attachment, const struct api_ip *address)
{
	for (int i = 0; i < NEIGHBORS; i++)
		if (world.neighbor[i].slice != NONE && world.neighbor[i].attachment == attachment &&
			ip_equal(&world.neighbor[i].address, address)) {
			way_add(ways, attachment, world.neighbor[i].mac);
			return true;
		}
	for (int i = 0; i < CLAIMS && ways->n < WAYS_MAX; i++)
		if (world.claim[i].attachment == attachment &&
			ip_equal(&world.claim[i].address, address))
			way_add(ways, attachment, world.claim[i].mac);
	return false;
}

static void vias_add(struct ways *ways, int r)
{
	int slice = world.route[r].slice;
	bool on_link = false; /* hosts are asked for one by one: it is never known to be down */

	for (int v = 0; v < world.route[r].vias; v++) {
		int door = world.route[r].via[v].door;
		uint64_t mac = world.route[r].via[v].mac;

		if (door >= DOOR_T) {
			way_add(ways, door, mac != 0 ? mac : world.slice[slice].mac);
			ways->certain = true;
		} else if (world.route[r].via[v].address.family != 0) {
			ways->certain |= neighbors_add(ways, door, &world.route[r].via[v].address);
		} else {
			on_link = true;
		}
	}
	ways->certain &= !on_link;
}

/* Index of the slice's route with the longest prefix, or NONE; a connected network that is longer
 * goes before it, and has only its neighbours. */
static int longest_route(int slice, const struct api_ip *to)
{
	int best = NONE, connected = -1;

	for (int g = 0; g < GATEWAYS; g++)
		if (world.gateway[g].slice == slice && ip_in(&world.gateway[g].prefix, to) &&
			world.gateway[g].prefix.len > connected)
			connected = world.gateway[g].prefix.len;
	for (int r = 0; r < ROUTES; r++)
		if (world.route[r].slice == slice && ip_in(&world.route[r].prefix, to) &&
			(best == NONE || world.route[r].prefix.len > world.route[best].prefix.len))
			best = r;
	return best != NONE && world.route[best].prefix.len > connected ? best : NONE;
}

/* A neighbour on a connected network that does not answer has the address for some seconds more
 * after a route with a longer prefix came. */
static bool may_be_dead(int slice, const struct api_ip *to, int r)
{
	if (r == NONE || tsc_now() - world.route[r].since_tsc > 7 * rte_get_tsc_hz())
		return false;
	for (int i = 0; i < ATTACHMENTS; i++)
		if (world.attachment[i].slice == slice && world_covers(i, to))
			return true;
	return false;
}

void world_route(int slice, const struct api_ip *to, struct ways *ways)
{
	int r = longest_route(slice, to), all = to->family == 4 ? 32 : 128, door;

	*ways = (struct ways){.local = world_is_gateway(slice, NONE, to)};
	if (ways->local)
		return;
	if (upf_way(slice, to, &door)) { /* before any route */
		ways->certain = door != NONE;
		if (door != NONE)
			way_add(ways, door, 0);
		return;
	}
	for (int g = 0; g < GATEWAYS; g++)
		if (world.gateway[g].slice == slice && is_edge(&world.gateway[g].prefix, to))
			return;
	if (r != NONE && world.route[r].prefix.len == all) {
		vias_add(ways, r);
		return;
	}
	/* whoever is on a link goes before longer networks than its address, once it is known */
	for (int i = 0; i < ATTACHMENTS; i++)
		if (world.attachment[i].slice == slice && world_covers(i, to))
			ways->certain |= neighbors_add(ways, i, to);
	bool heard = ways->n > 0;

	if (ways->certain)
		return;

	if (r != NONE)
		vias_add(ways, r);
	ways->certain &= !heard && !may_be_dead(slice, to, r);
}
