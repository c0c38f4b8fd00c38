/* SPDX-License-Identifier: BSD-3-Clause */
/* A session's ids, rules and PDRs, and by which way in packets meet a PDR (TS 29.244 clauses 5.2.1,
 * 7.5.2.2 to 7.5.2.6). */
#include "session_check.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "filter.h"
#include "schema.h"

/* ==== ways in ==== */

/* Both have F-TEIDs. One that is chosen is known by its CHOOSE ID before it has a value. */
static bool same_fteid(const struct api_pdr *a, const struct api_pdr *b)
{
	return a->teid == b->teid && (a->teid != 0 || a->choose_id == b->choose_id) &&
	       strcmp(a->gtpu, b->gtpu) == 0;
}

/* The first with the F-TEID of pdrs[i], which has one. */
static int first_with(const struct api_session *s, uint32_t i)
{
	uint32_t k = 0;

	while (k < i &&
		!(s->pdrs.item[k].gtpu[0] && same_fteid(&s->pdrs.item[k], &s->pdrs.item[i])))
		k++;
	return (int)k;
}

static bool has_ue_address(const struct api_session *s)
{
	return s->ue.ipv4.family != 0 || s->ue.ipv6.family != 0 || s->ue.framed.count != 0;
}

int session_way(const struct api_session *s, uint32_t i)
{
	const struct api_pdr *p = &s->pdrs.item[i];
	int way = WAY_NONE;

	if (p->gtpu[0])
		return first_with(s, i);
	if (p->source == INTERFACE_CORE && (has_ue_address(s) || p->slice[0]))
		return WAY_UE;
	for (uint32_t k = 0; k < s->pdrs.count; k++) {
		const struct api_pdr *other = &s->pdrs.item[k];

		if (!other->gtpu[0] || other->source != p->source)
			continue;
		if (way == WAY_NONE)
			way = (int)k;
		else if (!same_fteid(&s->pdrs.item[way], other))
			return WAY_MANY;
	}
	/* an Ethernet session's frames are found by their MACs */
	return way == WAY_NONE && p->source == INTERFACE_CORE ? WAY_UE : way;
}

/* ==== ids, FARs, QERs, URRs (TS 29.244 clauses 7.5.2.3 to 7.5.2.6) ==== */

int session_fail(struct rpc_error *err, const char *list, uint32_t i, const char *field,
	const char *want, const char *got)
{
	char path[64];

	snprintf(path, sizeof(path), "%s[%u].%s", list, i, field);
	return rpc_fail_value(err, path, want, got);
}

static int check_fail_ip(struct rpc_error *err, const char *path, const char *want,
	const struct api_ip *got, bool prefix)
{
	char text[64];

	api_ip_format(got, prefix, text);
	return rpc_fail_value(err, path, want, text);
}

static int fail_number(struct rpc_error *err, const char *list, uint32_t i, const char *field,
	const char *want, uint64_t value)
{
	char got[24];

	snprintf(got, sizeof(got), "%llu", (unsigned long long)value);
	return session_fail(err, list, i, field, want, got);
}

/* An address (or a prefix's) that one host can have: nothing that begins with 0, 127, 224 and up;
 * unspecified, loopback, link-local and multicast of IPv6. */
static bool check_unicast(const struct api_ip *ip)
{
	static const uint8_t zero[16], loopback[16] = {[15] = 1};
	const uint8_t *a = ip->bytes;

	if (ip->family == 4)
		return ip->len <= 32 && a[0] != 0 && a[0] != 127 && a[0] < 224;
	return ip->family == 6 && ip->len <= 128 && a[0] != 0xff &&
	       !(a[0] == 0xfe && (a[1] & 0xc0) == 0x80) && memcmp(a, zero, sizeof(zero)) != 0 &&
	       memcmp(a, loopback, sizeof(loopback)) != 0;
}

/* ---- ids ---- */

static uint32_t id_of(const void *item, size_t size, uint32_t i)
{
	uint32_t id;

	memcpy(&id, (const char *)item + i * size, sizeof(id));
	return id;
}

/* Is one of `count` items of `size` bytes, which begin with their id, that one? */
static bool check_find(const void *item, size_t size, uint32_t count, uint32_t id)
{
	for (uint32_t i = 0; i < count; i++)
		if (id_of(item, size, i) == id)
			return true;
	return false;
}

static int check_unique(
	const char *list, const void *item, size_t size, uint32_t count, struct rpc_error *err)
{
	for (uint32_t i = 1; i < count; i++)
		if (check_find(item, size, i, id_of(item, size, i)))
			return fail_number(
				err, list, i, "id", "each id once", id_of(item, size, i));
	return 0;
}

_Static_assert(offsetof(struct api_pdr, id) == 0 && offsetof(struct api_far, id) == 0 &&
		       offsetof(struct api_qer, id) == 0 && offsetof(struct api_urr, id) == 0,
	"an item begins with its id");

/* ---- FARs ---- */

/* An outer header has a TEID and a peer, or is not there. */
static int check_outer_header(
	const struct api_outer_header *h, uint32_t i, const char *name, struct rpc_error *err)
{
	char path[64];

	if (h->teid == 0 && h->peer.family == 0 && !h->gtpu[0])
		return 0;
	snprintf(path, sizeof(path), "fars[%u].%s.%s", i, name, h->teid == 0 ? "teid" : "peer");
	if (h->teid == 0)
		return rpc_fail_value(err, path, "integer 1 to 4294967295", "none");
	if (h->peer.family == 0)
		return rpc_fail_value(err, path, "an IPv4 or IPv6 address", "none");
	if (!check_unicast(&h->peer))
		return check_fail_ip(err, path, "a unicast address", &h->peer, false);
	return 0;
}

static int check_far(const struct api_far *f, uint32_t i, struct rpc_error *err)
{
	if (f->action > FAR_BUFFER)
		return session_fail(err, "fars", i, "action", "forward, drop or buffer", "another");
	if (f->destination > INTERFACE_CORE)
		return session_fail(err, "fars", i, "destination", "access or core", "another");
	if (check_outer_header(&f->outer_header, i, "outer_header", err) ||
		check_outer_header(&f->duplicate_to, i, "duplicate_to", err))
		return -1;
	bool leaves = f->outer_header.teid != 0 || f->destination != INTERFACE_CORE;

	if (f->slice[0] && leaves)
		return session_fail(err, "fars", i, "slice",
			"none: it goes to a peer or to access, not into a slice", f->slice);
	if (f->redirect.family != 0 && leaves)
		return session_fail(err, "fars", i, "redirect",
			"none: it goes to a peer or to access, not into a slice", "an address");
	if (f->redirect.family != 0 && !check_unicast(&f->redirect)) {
		char path[32];

		snprintf(path, sizeof(path), "fars[%u].redirect", i);
		return check_fail_ip(err, path, "a unicast address", &f->redirect, false);
	}
	if (f->end_marker && f->outer_header.teid == 0)
		return session_fail(err, "fars", i, "end_marker",
			"false without outer_header: it says that the tunnel is another", "true");
	return f->dscp <= DSCP_COPY
		       ? 0
		       : fail_number(err, "fars", i, "dscp", "integer 0 to 63", f->dscp);
}

/* ---- QERs ---- */

static bool can_be_metered(uint64_t bps)
{
	return bps == 0 || (bps >= METER_RATE_MIN && bps <= METER_RATE_MAX);
}

static int check_qer(const struct api_qer *q, uint32_t i, struct rpc_error *err)
{
	const struct {
		const char *field;
		uint64_t bps;
	} rate[] = {{"mbr_ul_bps", q->mbr_ul_bps}, {"mbr_dl_bps", q->mbr_dl_bps},
		{"gbr_ul_bps", q->gbr_ul_bps}, {"gbr_dl_bps", q->gbr_dl_bps}};

	for (uint32_t k = 0; k < 4; k++)
		if (!can_be_metered(rate[k].bps))
			return fail_number(err, "qers", i, rate[k].field,
				"0, or bits a second, 8 to 1000000000000", rate[k].bps);
	for (uint32_t k = 2; k < 4; k++)
		if (rate[k - 2].bps != 0 && rate[k].bps > rate[k - 2].bps)
			return fail_number(err, "qers", i, rate[k].field,
				k == 2 ? "no more than mbr_ul_bps" : "no more than mbr_dl_bps",
				rate[k].bps);
	if (q->gate_ul > GATE_CLOSED || q->gate_dl > GATE_CLOSED)
		return session_fail(err, "qers", i,
			q->gate_ul > GATE_CLOSED ? "gate_ul" : "gate_dl", "open or closed",
			"another");
	return q->qfi <= QFI_NONE ? 0
				  : fail_number(err, "qers", i, "qfi", "integer 0 to 63", q->qfi);
}

/* ---- URRs ---- */

static int check_urr(const struct api_urr *u, uint32_t i, struct rpc_error *err)
{
	static const char volume[] = "none without \"volume\" in measure";
	static const char duration[] = "none without \"duration\" in measure";

	if (!(u->measure & (MEASURE_VOLUME | MEASURE_DURATION)) ||
		u->measure & ~(MEASURE_VOLUME | MEASURE_DURATION))
		return session_fail(
			err, "urrs", i, "measure", "volume, duration or both", "neither");
	if (!(u->measure & MEASURE_VOLUME)) {
		if (u->threshold_bytes != 0)
			return fail_number(
				err, "urrs", i, "threshold_bytes", volume, u->threshold_bytes);
		if (u->quota_bytes != NO_QUOTA)
			return fail_number(err, "urrs", i, "quota_bytes", volume, u->quota_bytes);
	}
	if (!(u->measure & MEASURE_DURATION)) {
		if (u->threshold_s != 0)
			return fail_number(err, "urrs", i, "threshold_s", duration, u->threshold_s);
		if (u->quota_s != NO_QUOTA_S)
			return fail_number(err, "urrs", i, "quota_s", duration, u->quota_s);
	}
	return 0;
}

/* ---- all ---- */

static int check_rules(const struct api_session *s, struct rpc_error *err)
{
	if (check_unique("pdrs", s->pdrs.item, sizeof(s->pdrs.item[0]), s->pdrs.count, err) ||
		check_unique("fars", s->fars.item, sizeof(s->fars.item[0]), s->fars.count, err) ||
		check_unique("qers", s->qers.item, sizeof(s->qers.item[0]), s->qers.count, err) ||
		check_unique("urrs", s->urrs.item, sizeof(s->urrs.item[0]), s->urrs.count, err))
		return -1;
	for (uint32_t i = 0; i < s->fars.count; i++)
		if (check_far(&s->fars.item[i], i, err))
			return -1;
	for (uint32_t i = 0; i < s->qers.count; i++)
		if (check_qer(&s->qers.item[i], i, err))
			return -1;
	for (uint32_t i = 0; i < s->urrs.count; i++)
		if (check_urr(&s->urrs.item[i], i, err))
			return -1;
	return 0;
}

/* ==== the session, its UE and its PDRs ==== */

/* ---- lists ---- */

static int too_many(
	const char *path, const char *of, uint32_t limit, uint32_t count, struct rpc_error *err)
{
	rpc_fail(err, RPC_ERR_CAPACITY, "%s: at most %u %s, got %u", path, limit, of, count);
	snprintf(err->path, sizeof(err->path), "%s", path);
	err->limit = limit;
	return -1;
}

static int check_counts(const struct api_session *s, struct rpc_error *err)
{
	const struct {
		const char *path;
		uint32_t count, limit;
	} list[] = {{"pdrs", s->pdrs.count, LIMIT_SESSION_PDRS},
		{"fars", s->fars.count, LIMIT_SESSION_FARS},
		{"qers", s->qers.count, LIMIT_SESSION_QERS},
		{"urrs", s->urrs.count, LIMIT_SESSION_URRS},
		{"ue.framed", s->ue.framed.count, LIMIT_SESSION_FRAMED}};

	for (uint32_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (list[i].count > list[i].limit)
			return too_many(list[i].path, "items", list[i].limit, list[i].count, err);
	return s->pdrs.count != 0 ? 0 : rpc_fail_value(err, "pdrs", "at least one PDR", "none");
}

/* ---- UE ---- */

static bool is_ethernet(const struct api_session *s)
{
	for (uint32_t i = 0; i < s->pdrs.count; i++)
		if (s->pdrs.item[i].ethernet.count != 0)
			return true;
	return false;
}

static int check_framed(const struct api_session *s, struct rpc_error *err)
{
	const struct api_prefixes *f = &s->ue.framed;
	char path[32];

	for (uint32_t i = 0; i < f->count; i++) {
		snprintf(path, sizeof(path), "ue.framed[%u]", i);
		if (!check_unicast(&f->item[i]))
			return check_fail_ip(err, path, "a unicast prefix", &f->item[i], true);
		for (uint32_t k = 0; k < i; k++)
			if (memcmp(&f->item[i], &f->item[k], sizeof(f->item[0])) == 0)
				return check_fail_ip(
					err, path, "each prefix once", &f->item[i], true);
	}
	return 0;
}

static int check_ue(const struct api_session *s, struct rpc_error *err)
{
	const struct api_ip *v4 = &s->ue.ipv4, *v6 = &s->ue.ipv6;

	if (v4->family != 0 && (v4->family != 4 || !check_unicast(v4)))
		return check_fail_ip(err, "ue.ipv4", "a unicast IPv4 address", v4, false);
	if (v6->family != 0 && (v6->family != 6 || v6->len < 64 || !check_unicast(v6)))
		return check_fail_ip(
			err, "ue.ipv6", "a unicast IPv6 prefix of /64 to /128", v6, true);
	if (is_ethernet(s) && (v4->family != 0 || v6->family != 0 || s->ue.framed.count != 0))
		return rpc_fail_value(
			err, "ue", "no addresses: the session has Ethernet filters", "addresses");
	return check_framed(s, err);
}

/* ---- one PDR ---- */

static int fail_filter(struct rpc_error *err, uint32_t i, uint32_t k, const struct api_text *t,
	const char *want, size_t at)
{
	char field[32], got[128];

	snprintf(field, sizeof(field), "filters[%u]", k);
	if (at < t->len)
		snprintf(got, sizeof(got), "\"%.24s\" at character %zu of \"%.64s\"", t->text + at,
			at + 1, t->text);
	else
		snprintf(got, sizeof(got), "the end of \"%.64s\"", t->text);
	return session_fail(err, "pdrs", i, field, want, got);
}

static int check_filters(const struct api_pdr *p, uint32_t i, struct rpc_error *err)
{
	struct filter filter;
	const char *want;
	size_t at;

	for (uint32_t k = 0; k < p->filters.count; k++) {
		const struct api_text *t = &p->filters.item[k];

		if (filter_parse(t->text, t->len, &filter, &want, &at) != 0)
			return fail_filter(err, i, k, t, want, at);
	}
	return 0;
}

static bool is_listed(const struct api_ids *ids, uint32_t n, uint32_t id)
{
	for (uint32_t k = 0; k < n; k++)
		if (ids->item[k] == id)
			return true;
	return false;
}

/* ids: of QERs or URRs, known as `item`s of `size` bytes that begin with their id. */
static int check_named(const struct api_ids *ids, const void *item, size_t size, uint32_t count,
	const char *field, uint32_t i, struct rpc_error *err)
{
	char name[24], got[16];

	for (uint32_t k = 0; k < ids->count; k++) {
		bool known = check_find(item, size, count, ids->item[k]);

		if (known && !is_listed(ids, k, ids->item[k]))
			continue;
		snprintf(name, sizeof(name), "%s[%u]", field, k);
		snprintf(got, sizeof(got), "%u", ids->item[k]);
		return session_fail(err, "pdrs", i, name,
			known ? "each id once"
			      : (field[0] == 'q' ? "the id of one of the session's qers"
						 : "the id of one of the session's urrs"),
			got);
	}
	return 0;
}

static int check_ids(const struct api_session *s, uint32_t i, struct rpc_error *err)
{
	const struct api_pdr *p = &s->pdrs.item[i];
	char got[16];

	if (!check_find(s->fars.item, sizeof(s->fars.item[0]), s->fars.count, p->far)) {
		snprintf(got, sizeof(got), "%u", p->far);
		return session_fail(
			err, "pdrs", i, "far", "the id of one of the session's fars", got);
	}
	if (check_named(
		    &p->qers, s->qers.item, sizeof(s->qers.item[0]), s->qers.count, "qers", i, err))
		return -1;
	return check_named(
		&p->urrs, s->urrs.item, sizeof(s->urrs.item[0]), s->urrs.count, "urrs", i, err);
}

/* What a PDR says of the headers its packets come in; way: session_way(). */
static int check_outer(const struct api_pdr *p, uint32_t i, int way, struct rpc_error *err)
{
	uint32_t removal = p->outer_header_removal;
	char got[16];

	snprintf(got, sizeof(got), "%u", removal);
	if (removal != REMOVE_GTPU_IPV4 && removal != REMOVE_GTPU_IPV6 && removal != REMOVE_GTPU &&
		removal != REMOVE_NONE)
		return session_fail(err, "pdrs", i, "outer_header_removal",
			"0 (GTP-U/UDP/IPv4), 1 (GTP-U/UDP/IPv6) or 6 (either)", got);
	if (removal != REMOVE_NONE && way == WAY_UE)
		return session_fail(err, "pdrs", i, "outer_header_removal",
			"none: packets to the UE's addresses come without one", got);
	return 0;
}

static int check_pdr(const struct api_session *s, uint32_t i, struct rpc_error *err)
{
	const struct api_pdr *p = &s->pdrs.item[i];
	char got[16];

	snprintf(got, sizeof(got), "%u", p->qfi);
	if (p->qfi > QFI_NONE)
		return session_fail(err, "pdrs", i, "qfi", "integer 0 to 63", got);
	if (p->source > INTERFACE_CORE)
		return session_fail(err, "pdrs", i, "source", "access or core", "another");
	if (p->teid != 0 && !p->gtpu[0])
		return session_fail(
			err, "pdrs", i, "gtpu", "the gtpu at whose address the teid is", "none");
	if (p->slice[0] && (p->gtpu[0] || p->source != INTERFACE_CORE))
		return session_fail(err, "pdrs", i, "slice",
			"none: only packets to the UE's addresses come from a slice", p->slice);
	if (p->filters.count > LIMIT_PDR_FILTERS || p->ethernet.count > LIMIT_PDR_FILTERS) {
		char path[32];

		snprintf(path, sizeof(path), "pdrs[%u].%s", i,
			p->ethernet.count > LIMIT_PDR_FILTERS ? "ethernet" : "filters");
		return too_many(path, "items", LIMIT_PDR_FILTERS,
			p->ethernet.count > LIMIT_PDR_FILTERS ? p->ethernet.count
							      : p->filters.count,
			err);
	}
	return check_ids(s, i, err);
}

/* ---- PDRs together ---- */

static int fail_way(uint32_t i, int way, struct rpc_error *err)
{
	return session_fail(err, "pdrs", i, "gtpu",
		way == WAY_MANY
			? "which F-TEID its packets come to: the session has several of its source"
			: "where its packets come to: no other PDR of its source has an F-TEID",
		"none");
}

static bool same_way(const struct api_session *s, const int *way, uint32_t a, uint32_t b)
{
	return way[a] == way[b] &&
	       (way[a] != WAY_UE || strcmp(s->pdrs.item[a].slice, s->pdrs.item[b].slice) == 0);
}

/* pdrs[i] beside those before it. *first: no other has its way in. */
static int check_beside(
	const struct api_session *s, const int *way, uint32_t i, bool *first, struct rpc_error *err)
{
	const struct api_pdr *p = &s->pdrs.item[i];
	char want[96], got[16];

	*first = true;
	for (uint32_t k = 0; k < i; k++) {
		const struct api_pdr *other = &s->pdrs.item[k];

		if (!same_way(s, way, k, i))
			continue;
		*first = false;
		if (p->source != other->source) {
			snprintf(want, sizeof(want),
				"the source of pdrs[%u], whose F-TEID is the same", k);
			return session_fail(err, "pdrs", i, "source", want,
				p->source == INTERFACE_CORE ? "core" : "access");
		}
		if (p->precedence == other->precedence) {
			snprintf(want, sizeof(want),
				"another precedence than pdrs[%u], which sees the same packets", k);
			snprintf(got, sizeof(got), "%u", p->precedence);
			return session_fail(err, "pdrs", i, "precedence", want, got);
		}
	}
	return 0;
}

static int check_ways(const struct api_session *s, struct rpc_error *err)
{
	int way[LIMIT_SESSION_PDRS];
	uint32_t ways = 0;
	bool first;

	for (uint32_t i = 0; i < s->pdrs.count; i++) {
		way[i] = session_way(s, i);
		if (way[i] < WAY_UE)
			return fail_way(i, way[i], err);
		if (check_outer(&s->pdrs.item[i], i, way[i], err))
			return -1;
	}
	for (uint32_t i = 0; i < s->pdrs.count; i++) {
		if (check_beside(s, way, i, &first, err))
			return -1;
		ways += first;
	}
	if (ways > LIMIT_SESSION_TEIDS)
		return too_many("pdrs", "ways in (F-TEIDs)", LIMIT_SESSION_TEIDS, ways, err);
	return 0;
}

/* Frames and packets are told apart by the whole session, not by a PDR. */
static int check_mixed(const struct api_session *s, struct rpc_error *err)
{
	if (!is_ethernet(s))
		return 0;
	for (uint32_t i = 0; i < s->pdrs.count; i++)
		if (s->pdrs.item[i].filters.count != 0)
			return session_fail(err, "pdrs", i, "filters",
				"none: the session has Ethernet filters", "IP filters");
	for (uint32_t i = 0; i < s->fars.count; i++)
		if (s->fars.item[i].redirect.family != 0)
			return session_fail(err, "fars", i, "redirect",
				"none: the session has Ethernet filters", "an address");
	return 0;
}

int session_check(const struct api_session *s, struct rpc_error *err)
{
	if (check_counts(s, err) || check_ue(s, err) || check_rules(s, err))
		return -1;
	for (uint32_t i = 0; i < s->pdrs.count; i++)
		if (check_pdr(s, i, err))
			return -1;
	if (check_ways(s, err) || check_mixed(s, err))
		return -1;
	/* texts last: they cost the most */
	for (uint32_t i = 0; i < s->pdrs.count; i++)
		if (check_filters(&s->pdrs.item[i], i, err))
			return -1;
	return 0;
}
