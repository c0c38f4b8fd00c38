/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions of slices that route: UEs with the same few addresses in all of them, some of which
 * send into another slice than their own; put, changed and deleted at random; and whose packet
 * some GTP-U is, read off that configuration. */
#include <stdio.h>
#include <string.h>

#include "rig_upf.h"
#include "underlay.h"
#include "world.h"

struct api_ip upf_ue(bool v6, uint32_t ue, uint32_t host)
{
	if (v6)
		return (struct api_ip){
			.family = 6, .len = 128, .bytes = {0xfd, 0xc8, [7] = ue, [15] = host}};
	return (struct api_ip){.family = 4, .len = 32, .bytes = {10, 200, 0, ue}};
}

/* ---- configuration ---- */

static const char *name_of(int i)
{
	static char name[8];

	snprintf(name, sizeof(name), "u%d", i);
	return name;
}

void upf_slice_begins(int s)
{
	char name[8];

	snprintf(name, sizeof(name), "s%d", s);
	rig_upf_slice(name, world.slice[s].id);
}

static bool is_taken(int slice, int ue, int but)
{
	for (int i = 0; i < SESSIONS; i++)
		if (i != but && world.session[i].slice == slice && world.session[i].ue == ue)
			return true;
	return false;
}

static int some_l3(void)
{
	int s = rnd(world.slices);

	for (int i = 0; i < world.slices; i++, s = (s + 1) % world.slices)
		if (world.slice[s].l3)
			return s;
	return NONE;
}

/* All of it anew, but the slice of one that is there. */
static void session_put(int i)
{
	static uint32_t next_teid = 0x10000;
	typeof(world.session[0]) s = world.session[i];
	const char *action[] = {"drop", "forward"};
	char text[1024], prefix[40];

	s.slice = s.slice != NONE ? s.slice : some_l3();
	s.ue = 1 + rnd(UES);
	if (s.slice == NONE || is_taken(s.slice, s.ue, i))
		return;
	s.v6 = CHANCE(60);
	s.up = CHANCE(85);
	s.down = CHANCE(85);
	s.to = CHANCE(75) ? s.slice : some_l3();
	s.gtpu = rnd(GTPUS);
	s.peer_teid = next_teid++;
	snprintf(s.peer, sizeof(s.peer), world.gtpu[s.gtpu].v6 ? "2001:db8:%d::%u" : "198.18.%d.%u",
		world.gtpu[s.gtpu].wan - LANS, 2 + rnd(4));
	snprintf(prefix, sizeof(prefix), ",'ipv6':'fdc8:0:0:%x::/64'", s.ue);
	snprintf(text, sizeof(text),
		"{'name':'%s','slice':'s%d','ue':{'ipv4':'10.200.0.%d'%s},"
		"'pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'g%d','far':1},"
		"{'id':2,'precedence':1,'source':'core','far':2}],"
		"'fars':[{'id':1,'action':'%s','destination':'core','slice':'s%d'},"
		"{'id':2,'action':'%s','destination':'access','outer_header':"
		"{'teid':%u,'peer':'%s','gtpu':'g%d'}}]}",
		name_of(i), s.slice, s.ue, s.v6 ? prefix : "", s.gtpu, action[s.up], s.to,
		action[s.down], s.peer_teid, s.peer, s.gtpu);
	rig_sessions(text);
	s.teid = rig_teid(name_of(i), 1);
	world.session[i] = s;
}

static void session_end(int i)
{
	rig_session_gone(name_of(i));
	world.session[i].slice = NONE;
}

void upf_slice_leaves(int s)
{
	for (int i = 0; i < SESSIONS; i++)
		if (world.session[i].slice != NONE &&
			(world.session[i].slice == s || world.session[i].to == s))
			session_end(i);
}

void upf_build(void)
{
	char name[8];

	for (int g = 0; g < GTPUS; g++) {
		world.gtpu[g].v6 = g % 2;
		world.gtpu[g].wan = LANS + g / 2;
		snprintf(
			world.gtpu[g].address, 40, g % 2 ? "2001:db8:%d::1" : "198.18.%d.1", g / 2);
		snprintf(name, sizeof(name), "g%d", g);
		rig_gtpu(name, world.gtpu[g].address, INTERFACE_ACCESS);
	}
	for (int i = 0; i < SESSIONS; i++)
		if (CHANCE(80))
			session_put(i);
}

void upf_change(void)
{
	int i = rnd(SESSIONS);

	if (world.session[i].slice != NONE && CHANCE(40))
		session_end(i);
	else
		session_put(i);
}

/* ---- the model ---- */

static bool is_address(const uint8_t *at, const char *text)
{
	struct api_ip ip = rig_ip(text, false);

	return memcmp(at, ip.bytes, ip.family == 4 ? 4 : 16) == 0;
}

/* Where GTP-U begins in a whole UDP packet to its port; 0: it is none. */
static uint32_t gtpu_at(const struct pkt *p, const uint8_t **from, const uint8_t **to)
{
	bool v6 = get16(p->b + 12) == 0x86dd;
	uint32_t udp = 14 + (v6 ? 40 : (p->b[14] & 15) * 4u);

	*from = p->b + 14 + (v6 ? 8 : 12);
	*to = *from + (v6 ? 16 : 4);
	if (p->len < udp + 16 || p->b[14 + (v6 ? 6 : 9)] != 17 || p->b[14] >> 4 != (v6 ? 6 : 4) ||
		get16(p->b + udp + 2) != 2152 || (!v6 && get16(p->b + 20) & 0x3fff))
		return 0;
	return udp + 8;
}

/* Offset of what is inside user data; 0: nothing is (TS 29.281 5.1, 5.2). */
static uint32_t inside(const struct pkt *p, uint32_t at)
{
	const uint8_t *h = p->b + at;
	uint32_t end = at + 8;

	if (h[0] >> 5 != 1 || h[1] != 255)
		return 0;
	if (h[0] & 7)
		end += 4;
	if (h[0] & 4)
		while (end <= p->len && p->b[end - 1] != 0) {
			if (end == p->len || p->b[end] == 0)
				return 0;
			end += 4u * p->b[end];
		}
	return end + 20 <= p->len && end + (p->b[end] >> 4 == 6 ? 40 : 20) <= p->len ? end : 0;
}

static bool is_ue(int i, const uint8_t *ip, bool from)
{
	bool v6 = ip[0] >> 4 == 6;
	struct api_ip ue = upf_ue(v6, world.session[i].ue, 0);

	if (v6)
		return world.session[i].v6 && memcmp(ip + (from ? 8 : 24), ue.bytes, 8) == 0;
	return ip[0] >> 4 == 4 && memcmp(ip + (from ? 12 : 16), ue.bytes, 4) == 0;
}

struct passage upf_enter(const struct pkt *p, uint32_t *frame)
{
	const uint8_t *from, *to;
	uint32_t at = gtpu_at(p, &from, &to), ip = at != 0 ? inside(p, at) : 0;

	for (int i = 0; i < SESSIONS && ip != 0; i++)
		if (world.session[i].slice != NONE &&
			get32(p->b + at + 4) == world.session[i].teid &&
			world.gtpu[world.session[i].gtpu].v6 == (get16(p->b + 12) == 0x86dd) &&
			is_address(to, world.gtpu[world.session[i].gtpu].address)) {
			if (!world.session[i].up || !is_ue(i, p->b + ip, true))
				break;
			*frame = ip - 14;
			return (struct passage){world.session[i].to, DOOR_S + i};
		}
	return (struct passage){NONE, NONE};
}

struct passage upf_leave(int port, const struct pkt *p, uint32_t *frame)
{
	const uint8_t *from, *to;
	uint32_t at = gtpu_at(p, &from, &to), ip = at != 0 ? inside(p, at) : 0;

	for (int i = 0; i < SESSIONS && ip != 0; i++) {
		int g = world.session[i].gtpu;

		if (world.session[i].slice == NONE || !world.session[i].down ||
			get32(p->b + at + 4) != world.session[i].peer_teid)
			continue;
		RIG_CHECK(world.gtpu[g].wan == port && is_address(from, world.gtpu[g].address) &&
				  is_address(to, world.session[i].peer) &&
				  is_ue(i, p->b + ip, false),
			"session %d sends another's, or elsewhere", i);
		*frame = ip - 14;
		return (struct passage){world.session[i].slice, DOOR_S + i};
	}
	return (struct passage){NONE, NONE};
}

bool upf_is_answer(int port, const struct pkt *p, const struct pkt *const *asked, uint32_t n)
{
	const uint8_t *from, *to, *its_from, *its_to;
	bool v6 = get16(p->b + 12) == 0x86dd;
	uint32_t udp = 14 + (v6 ? 40 : (p->b[14] & 15) * 4u), at;
	struct pkt answer = *p;

	/* an answer goes to the port that was asked from, whatever that is (TS 29.281 4.4.2) */
	if (p->len >= udp + 16 && get16(p->b + udp) == 2152)
		memcpy(answer.b + udp + 2, p->b + udp, 2);
	at = gtpu_at(&answer, &from, &to);
	if (port < LANS || at == 0 ||
		(p->b[at + 1] != 2 && p->b[at + 1] != 26 && p->b[at + 1] != 31))
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (asked == NULL || (get16(asked[i]->b + 12) == get16(p->b + 12) &&
					     gtpu_at(asked[i], &its_from, &its_to) != 0 &&
					     memcmp(its_from, to, v6 ? 16 : 4) == 0))
			return true;
	return false;
}

bool upf_way(int slice, const struct api_ip *to, int *door)
{
	for (int i = 0; i < SESSIONS; i++) {
		struct api_ip ue = upf_ue(to->family == 6, world.session[i].ue, 0);

		if (world.session[i].slice != slice || (to->family == 6 && !world.session[i].v6))
			continue;
		ue.len = to->family == 6 ? 64 : 32;
		if (!ip_in(&ue, to))
			continue;
		*door = world.session[i].down ? DOOR_S + i : NONE;
		return true;
	}
	return false;
}
