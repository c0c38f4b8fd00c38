/* SPDX-License-Identifier: BSD-3-Clause */
/* A session's ids, FARs, QERs, URRs and BAR (TS 29.244 clauses 7.5.2.3 to 7.5.2.6). */
#include "session_check_rules.h"

#include <stdio.h>
#include <string.h>

#include "schema.h"

int check_fail(struct rpc_error *err, const char *list, uint32_t i, const char *field,
	const char *want, const char *got)
{
	char path[64];

	snprintf(path, sizeof(path), "%s[%u].%s", list, i, field);
	return rpc_fail_value(err, path, want, got);
}

int check_fail_ip(struct rpc_error *err, const char *path, const char *want,
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
	return check_fail(err, list, i, field, want, got);
}

bool check_unicast(const struct api_ip *ip)
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

bool check_find(const void *item, size_t size, uint32_t count, uint32_t id)
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
		return check_fail(err, "fars", i, "action", "forward, drop or buffer", "another");
	if (f->destination > INTERFACE_CORE)
		return check_fail(err, "fars", i, "destination", "access or core", "another");
	if (check_outer_header(&f->outer_header, i, "outer_header", err) ||
		check_outer_header(&f->duplicate_to, i, "duplicate_to", err))
		return -1;
	bool leaves = f->outer_header.teid != 0 || f->destination != INTERFACE_CORE;

	if (f->slice[0] && leaves)
		return check_fail(err, "fars", i, "slice",
			"none: it goes to a peer or to access, not into a slice", f->slice);
	if (f->redirect.family != 0 && leaves)
		return check_fail(err, "fars", i, "redirect",
			"none: it goes to a peer or to access, not into a slice", "an address");
	if (f->redirect.family != 0 && !check_unicast(&f->redirect)) {
		char path[32];

		snprintf(path, sizeof(path), "fars[%u].redirect", i);
		return check_fail_ip(err, path, "a unicast address", &f->redirect, false);
	}
	if (f->end_marker && f->outer_header.teid == 0)
		return check_fail(err, "fars", i, "end_marker",
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
		return check_fail(err, "qers", i, q->gate_ul > GATE_CLOSED ? "gate_ul" : "gate_dl",
			"open or closed", "another");
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
		return check_fail(err, "urrs", i, "measure", "volume, duration or both", "neither");
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

int check_rules(const struct api_session *s, struct rpc_error *err)
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
