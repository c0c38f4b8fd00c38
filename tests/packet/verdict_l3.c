/* SPDX-License-Identifier: BSD-3-Clause */
/* What left an l3 slice: forwarded as RFC 1812 wants it and by a way that the slice's own routes
 * have, or the switch's own answer, error or question. Knows world.h's configuration and what
 * was sent. */
#include <string.h>

#include "schema.h"
#include "verdict.h"

uint32_t verdict_routed[SHOTS];

/* One packet that left, or came. */
struct view {
	const struct pkt *pkt;
	const uint8_t *mac, *ip;
	uint32_t len; /* of the IP packet */
	bool v6;
	uint32_t head;
	struct api_ip from, to;
};

static void view(struct view *v, const struct pkt *p, uint32_t frame)
{
	v->pkt = p;
	v->mac = frame == 4 ? p->b : p->b + frame;
	v->ip = p->b + frame + 14;
	v->len = p->len - frame - 14;
	v->v6 = v->ip[0] >> 4 == 6;
	v->head = v->v6 ? 40 : (v->ip[0] & 15) * 4;
	v->from = v->to = (struct api_ip){.family = v->v6 ? 6 : 4, .len = v->v6 ? 128 : 32};
	memcpy(v->from.bytes, v->ip + (v->v6 ? 8 : 12), v->v6 ? 16 : 4);
	memcpy(v->to.bytes, v->ip + (v->v6 ? 24 : 16), v->v6 ? 16 : 4);
}

static uint64_t get48(const uint8_t *p)
{
	return (uint64_t)get16(p) << 32 | get32(p + 2);
}

static uint32_t total_of(const struct view *v)
{
	return v->v6 ? 40u + get16(v->ip + 4) : get16(v->ip + 2);
}

/* fe80:: and the slice's MAC (RFC 4291 appendix A). */
static bool is_link_local(int slice, const struct api_ip *ip)
{
	uint64_t mac = world.slice[slice].mac ^ 1ull << 41;
	uint8_t want[16] = {0xfe, 0x80};

	put48(want + 10, mac);
	put16(want + 8, mac >> 32);
	want[10] = mac >> 24;
	want[11] = 0xff;
	want[12] = 0xfe;
	want[13] = mac >> 16;
	return ip->family == 6 && memcmp(ip->bytes, want, 16) == 0;
}

static bool is_own(int slice, const struct api_ip *ip)
{
	return world_is_gateway(slice, NONE, ip) || is_link_local(slice, ip);
}

/* Has this address a way by this door to this MAC? */
static bool has_way(int slice, const struct api_ip *to, int door, uint64_t mac)
{
	struct ways ways;

	world_route(slice, to, &ways);
	for (int i = 0; i < ways.n; i++)
		if (ways.way[i].door == door && ways.way[i].mac == mac)
			return true;
	return false;
}

static void check_way(const struct view *v, struct passage out, const char *what)
{
	char text[64];

	api_ip_format(&v->to, false, text);
	RIG_CHECK(has_way(out.slice, &v->to, out.door, out.door < DOOR_S ? get48(v->mac) : 0),
		"%s to %s left by door %d of slice %d to MAC %012lx: no such way", what, text,
		out.door, out.slice, get48(v->mac));
}

/* ---- forwarded ---- */

/* Headers: TTL, and the checksum with it; ECN of what came by a tunnel. */
static bool same_headers(const struct view *a, const struct view *b, bool tunnel)
{
	for (uint32_t at = 0; at < a->head; at++) {
		bool ttl = a->v6 ? at == 7 : at == 8 || at == 10 || at == 11;

		if (a->ip[at] != b->ip[at] && !ttl && !(tunnel && at <= 1))
			return false;
	}
	return true;
}

/* From here on a SYN's MSS, and TCP's checksum. */
static bool may_be_clamped(const struct view *v)
{
	return v->ip[v->v6 ? 6 : 9] == 6;
}

/* Where the payload of an IPv4 fragment was in what was sent; NULL: beyond it. */
static const uint8_t *piece_in(const struct view *v, const struct view *was)
{
	uint32_t at = 8 * (get16(v->ip + 6) & 0x1fff), from = 8 * (get16(was->ip + 6) & 0x1fff);
	uint32_t end = was->head + at - from + total_of(v) - v->head;

	return at >= from && end <= total_of(was) && end <= was->len
		       ? was->ip + was->head + at - from
		       : NULL;
}

/* A piece of an IPv4 packet that was too large (RFC 791 section 3.2). */
static void check_piece(const struct view *v, const struct view *was, uint32_t mtu)
{
	const uint8_t *payload = piece_in(v, was);

	RIG_CHECK(!(was->ip[6] & 0x40), "cut in spite of DF");
	RIG_CHECK(v->len <= mtu, "a fragment of %u bytes for %u", v->len, mtu);
	RIG_CHECK(get16(v->ip + 4) == get16(was->ip + 4) && v->ip[9] == was->ip[9],
		"a fragment of another packet");
	RIG_CHECK(payload != NULL, "a fragment of what was not sent");
	RIG_CHECK(memcmp(v->ip + v->head, payload, total_of(v) - v->head) == 0,
		"a fragment's payload was changed");
	seen.cut++;
}

static void check_forwarded(const struct view *v, struct passage out, const struct shot *x)
{
	struct view was;

	view(&was, &x->p, x->frame);
	check_way(v, out, "a packet");
	int ttl = v->v6 ? 7 : 8;
	bool cut =
		total_of(v) != total_of(&was) || (!v->v6 && get16(v->ip + 6) != get16(was.ip + 6));

	RIG_CHECK(was.ip[ttl] >= 2 && v->ip[ttl] == was.ip[ttl] - 1, "TTL %u became %u",
		was.ip[ttl], v->ip[ttl]);
	RIG_CHECK(v->v6 || ipv4_ok(v->ip), "a wrong IPv4 checksum");
	/* padding that begins before the last of chained buffers is passed on: it is the sender's
	 * own */
	RIG_CHECK(v->len == total_of(v) || shots_chained, "%u bytes of which %u are IP's", v->len,
		total_of(v));
	if (cut) {
		RIG_CHECK(!v->v6, "an IPv6 packet was cut: %s", twice(v->pkt, &x->p));
		check_piece(v, &was,
			out.door < DOOR_T ? world.mtu[world.attachment[out.door].port] : 1500);
		return;
	}
	RIG_CHECK(same_headers(v, &was, x->in.door >= DOOR_T), "a forwarded header was changed");
	RIG_CHECK(may_be_clamped(v) ||
			  memcmp(v->ip + v->head, was.ip + was.head, v->len - v->head) == 0,
		"a forwarded payload was changed: %s", twice(v->pkt, &x->p));
	verdict_routed[x - shot]++;
	seen.from_ues += x->in.door >= DOOR_S;
	seen.to_ues += out.door >= DOOR_S;
	seen.routed++;
}

/* ---- answers and errors ---- */

static void check_icmp_sum(const struct view *v)
{
	uint32_t len = total_of(v) - v->head;
	uint32_t sum = v->v6 ? csum_add(58 + len, v->ip + 8, 32) : 0;

	RIG_CHECK(csum_fold(csum_add(sum, v->ip + v->head, len)) == 0, "a wrong ICMP checksum");
	RIG_CHECK(v->v6 || ipv4_ok(v->ip), "a wrong IPv4 checksum");
}

/* How far an error of which len bytes are a quote quotes what was sent. */
static uint32_t quoted(const struct view *v, uint32_t len, const struct view *was, bool tunnel)
{
	const uint8_t *quote = v->ip + v->head + 8;
	uint32_t at = 0;

	while (at < len && at < total_of(was) &&
		(quote[at] == was->ip[at] || (tunnel && (at <= 1 || at == 10 || at == 11))))
		at++;
	return at;
}

static void check_error(const struct view *v, const struct view *was, bool tunnel)
{
	uint32_t len = total_of(v) - v->head - 8, same = quoted(v, len, was, tunnel);

	RIG_CHECK(len <= total_of(was), "an error quotes more than was sent");
	RIG_CHECK(same == len, "an error quotes what was not sent, byte %u", same);
	seen.errors++;
}

static void check_echo(const struct view *v, const struct view *was)
{
	uint32_t len = total_of(v) - v->head;

	RIG_CHECK(ip_equal(&v->from, &was->to), "an echo answer from another address");
	RIG_CHECK(len <= total_of(was) && memcmp(v->ip + v->head + 4,
						  was->ip + total_of(was) - len + 4, len - 4) == 0,
		"an echo answer with other bytes");
	seen.answers++;
}

static void check_own(const struct view *v, struct passage out, const struct shot *x)
{
	struct view was;
	uint8_t type = v->ip[v->head];

	view(&was, &x->p, x->frame);
	bool back = x->in.door == out.door && memcmp(v->mac, was.mac + 6, 6) == 0;

	RIG_CHECK(v->ip[v->v6 ? 6 : 9] == (v->v6 ? 58 : 1), "neither forwarded nor ICMP: %s",
		twice(v->pkt, &x->p));
	RIG_CHECK(ip_equal(&v->to, &was.from), "an answer to another than the sender: %s",
		twice(v->pkt, &x->p));
	RIG_CHECK(!is_own(out.slice, &v->to), "an answer to the switch itself: %s",
		twice(v->pkt, &x->p));
	RIG_CHECK(is_own(out.slice, &v->from), "an answer from no gateway address: %s",
		twice(v->pkt, &x->p));
	if (!back)
		check_way(v, out, "an answer");
	check_icmp_sum(v);
	if (type == (v->v6 ? 129 : 0))
		check_echo(v, &was);
	else
		check_error(v, &was, x->in.door >= DOOR_T);
}

/* ---- ARP and ND ---- */

/* May the switch ask for this address here? */
static bool may_ask(int attachment, const struct api_ip *ip)
{
	if (world_covers(attachment, ip))
		return true;
	for (int r = 0; r < ROUTES; r++)
		for (int v = 0; world.route[r].slice != NONE && v < world.route[r].vias; v++)
			if (world.route[r].via[v].door == attachment &&
				ip_equal(&world.route[r].via[v].address, ip))
				return true;
	return false;
}

/* Did this packet ask there who has the address? */
static bool asked(const struct shot *x, struct passage out, const uint8_t *mac, bool arp,
	const struct api_ip *target)
{
	const uint8_t *f = x->p.b + x->frame;

	if (x->in.slice != out.slice || x->in.door != out.door || x->p.len < x->frame + 42)
		return false;
	if (arp)
		return get16(f + 12) == 0x0806 && get16(f + 20) == 1 &&
		       memcmp(f + 38, target->bytes, 4) == 0 && memcmp(f + 22, mac, 6) == 0;
	return get16(f + 12) == 0x86dd && f[54] == 135 && memcmp(f + 62, target->bytes, 16) == 0;
}

static void check_found(
	const struct pkt *p, uint32_t frame, struct passage out, uint32_t n, bool arp, bool answer)
{
	const uint8_t *f = p->b + frame, *mac = frame == 4 ? p->b : f;
	struct api_ip from = {.family = arp ? 4 : 6, .len = arp ? 32 : 128}, target = from;
	bool found = false;

	RIG_CHECK(out.door < DOOR_T, "ARP or ND into a tunnel of an l3 slice");
	memcpy(from.bytes, arp ? f + 28 : answer ? f + 62 : f + 22, arp ? 4 : 16);
	memcpy(target.bytes, arp ? f + 38 : f + 62, arp ? 4 : 16);
	RIG_CHECK(get48(arp ? f + 22 : f + 80) == world.slice[out.slice].mac,
		"ARP or ND of another's MAC");
	bool gone = !answer && world_was_gateway(out.slice, &from);

	RIG_CHECK(gone || world_is_gateway(out.slice, out.door, &from) ||
			  is_link_local(out.slice, &from),
		"ARP or ND from an address that is not of this door: %s", hex(p));
	if (!answer) {
		RIG_CHECK(gone || may_ask(out.door, &target), "asked for what is nobody's here");
		seen.questions++;
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		found |= asked(&shot[i], out, mac, arp, &from);
	RIG_CHECK(found, "answered at door %d what nobody asked there", out.door);
	seen.answers++;
}

/* ---- any ---- */

static bool same_ends(const struct view *v, const struct shot *x)
{
	struct view was;

	if (x->p.len < x->frame + 34)
		return false;
	view(&was, &x->p, x->frame);
	return ip_equal(&v->from, &was.from) && ip_equal(&v->to, &was.to);
}

/* An error about it: its addresses are in the quote. */
static bool is_about(const struct view *v, const struct shot *x)
{
	uint32_t at = v->v6 ? 8 : 12, n = v->v6 ? 32 : 8;

	return v->len >= v->head + 8 + at + n &&
	       memcmp(v->ip + v->head + 8 + at, x->p.b + x->frame + 14 + at, n) == 0;
}

/* And so is all else: two may have the same addresses. */
static bool is_quoted(const struct view *v, const struct shot *x)
{
	uint32_t len = v->len - v->head - 8;
	struct view was;

	view(&was, &x->p, x->frame);
	return is_about(v, x) && quoted(v, len, &was, x->in.door >= DOOR_T) == len;
}

static bool same_payload(const struct view *v, const struct shot *x)
{
	struct view was;

	view(&was, &x->p, x->frame);
	return v->head == was.head && v->len == total_of(&was) && was.len >= v->len &&
	       v->ip[v->v6 ? 7 : 8] == was.ip[v->v6 ? 7 : 8] - 1 &&
	       memcmp(v->ip + v->head, was.ip + v->head, v->len - v->head) == 0;
}

/* The last fragment of a packet may be too small for a mark. */
static bool is_small_piece(const struct view *v)
{
	return !v->v6 && (get16(v->ip + 6) & 0x1fff) != 0 && v->len < v->head + 2 * MARK_LEN;
}

static bool is_piece_of(const struct view *v, const struct shot *x)
{
	const uint8_t *payload;
	struct view was;

	view(&was, &x->p, x->frame);
	payload = piece_in(v, &was);
	return payload != NULL && get16(v->ip + 4) == get16(was.ip + 4) && v->ip[9] == was.ip[9] &&
	       memcmp(v->ip + v->head, payload, total_of(v) - v->head) == 0;
}

/* Which shot's small piece is it? Several may have the same ends: a tunnel's, as payload. */
static const struct shot *find_whole(const struct view *v, int slice, uint32_t n)
{
	const struct shot *some = NULL;

	for (uint32_t i = 0; i < n; i++) {
		if (shot[i].in.slice != slice || !same_ends(v, &shot[i]))
			continue;
		some = &shot[i];
		if (is_piece_of(v, some))
			break;
	}
	return some;
}

/* Which of the shots without marks is it? */
static const struct shot *find_unmarked(const struct view *v, int slice, uint32_t n)
{
	const struct shot *some = NULL;

	for (uint32_t i = 0; i < n; i++) {
		const struct shot *x = &shot[i];

		if (x->in.slice != slice || (n > 1 && x->marks != 0))
			continue;
		if (some == NULL || is_about(v, x))
			some = x;
		if ((same_ends(v, x) && same_payload(v, x)) || is_quoted(v, x))
			return x;
	}
	return some;
}

/* Of whatever sort its door is. */
static void verdict_routed_ip(
	const struct view *v, struct passage out, const struct shot *x, uint32_t n)
{
	if (x == NULL && is_small_piece(v))
		x = find_whole(v, out.slice, n);
	if (x == NULL)
		x = find_unmarked(v, out.slice, n);
	RIG_CHECK(x != NULL, "nobody sent what left slice %d by door %d: %s", out.slice, out.door,
		hex(v->pkt));
	if (same_ends(v, x))
		check_forwarded(v, out, x);
	else
		check_own(v, out, x);
}

void verdict_l3(
	const struct pkt *p, uint32_t frame, struct passage out, const struct shot *x, uint32_t n)
{
	const uint8_t *f = p->b + frame;
	struct view v;

	view(&v, p, frame);
	if (out.door >= DOOR_S) {
		verdict_routed_ip(&v, out, x, n);
		return;
	}
	RIG_CHECK(get48(v.mac + 6) == world.slice[out.slice].mac, "routed from another's MAC");
	if (get16(f + 12) == 0x0806) {
		check_found(p, frame, out, n, true, get16(f + 20) == 2);
		return;
	}
	RIG_CHECK(get16(f + 12) == (v.v6 ? 0x86dd : 0x0800), "routed what is not IP");
	if (v.v6 && x == NULL && v.ip[6] == 58 && v.ip[7] == 255) {
		check_found(p, frame, out, n, false, v.ip[40] == 136);
		return;
	}
	verdict_routed_ip(&v, out, x, n);
}
