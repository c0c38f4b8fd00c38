/* SPDX-License-Identifier: BSD-3-Clause */
/* Packed definitions. Main thread only.
 *
 *   length (2 bytes), name (length, bytes), then numbers as varints, seven bits a byte; what is at
 *   its default is left out, by a bit of a flags byte in front of each item. */
#include "session_pack.h"

#include <string.h>

struct writer {
	uint8_t *at;
};

static void put(struct writer *w, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*w->at++ = value | 0x80;
	*w->at++ = value;
}

static void put_bytes(struct writer *w, const void *bytes, uint32_t n)
{
	memcpy(w->at, bytes, n);
	w->at += n;
}

struct reader {
	const uint8_t *at;
};

static uint64_t get(struct reader *r)
{
	uint64_t value = *r->at & 0x7f;

	for (uint32_t shift = 7; *r->at++ & 0x80; shift += 7)
		value |= (uint64_t)(*r->at & 0x7f) << shift;
	return value;
}

static void get_bytes(struct reader *r, void *bytes, uint32_t n)
{
	memcpy(bytes, r->at, n);
	r->at += n;
}

/* Written when the bit is set. */
static void put_if(struct writer *w, bool there, uint64_t value)
{
	if (there)
		put(w, value);
}

static uint64_t get_if(struct reader *r, bool there, uint64_t otherwise)
{
	return there ? get(r) : otherwise;
}

static void put_ip(struct writer *w, const struct api_ip *ip)
{
	*w->at++ = ip->family;
	*w->at++ = ip->len;
	put_bytes(w, ip->bytes, ip->family == 4 ? 4 : (ip->len + 7) / 8);
}

static void get_ip(struct reader *r, struct api_ip *ip)
{
	*ip = (struct api_ip){.family = r->at[0], .len = r->at[1]};
	r->at += 2;
	get_bytes(r, ip->bytes, ip->family == 4 ? 4 : (ip->len + 7) / 8);
}

static void put_ids(struct writer *w, const struct api_ids *ids)
{
	put(w, ids->count);
	for (uint32_t i = 0; i < ids->count; i++)
		put(w, ids->item[i]);
}

static void get_ids(struct reader *r, struct api_ids *ids, uint32_t *item)
{
	*ids = (struct api_ids){.count = get(r), .item = item};
	for (uint32_t i = 0; i < ids->count; i++)
		item[i] = get(r);
}

/* The session's own is as good as left out. */
static bool other_slice(const struct api_session *s, uint16_t id)
{
	return id != 0 && id != s->slice_id;
}

/* ---- PDRs ---- */

#define PDR_CORE    0x01u
#define PDR_GTPU    0x02u
#define PDR_CHOOSE  0x04u
#define PDR_SLICE   0x08u
#define PDR_QFI	    0x10u
#define PDR_REMOVAL 0x20u
#define PDR_FILTERS 0x40u
#define PDR_REPORTS 0x80u /* has QERs or URRs */

static void put_pdr(struct writer *w, const struct api_session *s, const struct api_pdr *p,
	const struct pdr_made *made)
{
	uint32_t flags = (p->source == INTERFACE_CORE ? PDR_CORE : 0) |
			 (p->gtpu_id != 0 ? PDR_GTPU : 0) | (p->choose_id != 0 ? PDR_CHOOSE : 0) |
			 (other_slice(s, p->slice_id) ? PDR_SLICE : 0) |
			 (p->qfi != QFI_NONE ? PDR_QFI : 0) |
			 (p->outer_header_removal != REMOVE_NONE ? PDR_REMOVAL : 0) |
			 (made->filters != 0 ? PDR_FILTERS : 0) |
			 (p->qers.count + p->urrs.count > 0 ? PDR_REPORTS : 0);

	*w->at++ = flags;
	*w->at++ = made->group;
	put(w, p->id);
	put(w, p->precedence);
	put(w, p->far);
	if (flags & PDR_GTPU) {
		put(w, p->gtpu_id);
		put_bytes(w, &p->teid, 4);
	}
	put_if(w, flags & PDR_CHOOSE, p->choose_id);
	put_if(w, flags & PDR_SLICE, p->slice_id);
	put_if(w, flags & PDR_QFI, p->qfi);
	put_if(w, flags & PDR_REMOVAL, p->outer_header_removal);
	put_if(w, flags & PDR_FILTERS, made->filters);
	if (flags & PDR_REPORTS) {
		put_ids(w, &p->qers);
		put_ids(w, &p->urrs);
	}
}

static void get_pdr(struct reader *r, struct session_model *m, uint32_t i)
{
	struct api_pdr *p = &m->pdr[i];
	uint32_t flags = *r->at++;

	memset(p, 0, sizeof(*p));
	m->made[i].group = *r->at++;
	p->source = flags & PDR_CORE ? INTERFACE_CORE : INTERFACE_ACCESS;
	p->id = get(r);
	p->precedence = get(r);
	p->far = get(r);
	if (flags & PDR_GTPU) {
		p->gtpu_id = get(r);
		get_bytes(r, &p->teid, 4);
	}
	p->choose_id = get_if(r, flags & PDR_CHOOSE, 0);
	p->slice_id = get_if(r, flags & PDR_SLICE, 0);
	p->qfi = get_if(r, flags & PDR_QFI, QFI_NONE);
	p->outer_header_removal = get_if(r, flags & PDR_REMOVAL, REMOVE_NONE);
	m->made[i].filters = get_if(r, flags & PDR_FILTERS, 0);
	if (flags & PDR_REPORTS) {
		get_ids(r, &p->qers, m->qer_ids[i]);
		get_ids(r, &p->urrs, m->urr_ids[i]);
	}
}

/* ---- FARs ---- */

#define FAR_OUTER    0x01u
#define FAR_COPY     0x02u
#define FAR_REDIRECT 0x04u
#define FAR_SLICE    0x08u
#define FAR_DSCP     0x10u

static void put_outer(struct writer *w, const struct api_outer_header *o)
{
	put_bytes(w, &o->teid, 4);
	put_ip(w, &o->peer);
	put(w, o->gtpu_id);
}

static void get_outer(struct reader *r, struct api_outer_header *o)
{
	get_bytes(r, &o->teid, 4);
	get_ip(r, &o->peer);
	o->gtpu_id = get(r);
}

static void put_far(struct writer *w, const struct api_session *s, const struct api_far *f)
{
	uint32_t flags = (f->outer_header.teid != 0 ? FAR_OUTER : 0) |
			 (f->duplicate_to.teid != 0 ? FAR_COPY : 0) |
			 (f->redirect.family != 0 ? FAR_REDIRECT : 0) |
			 (other_slice(s, f->slice_id) ? FAR_SLICE : 0) |
			 (f->dscp != DSCP_COPY ? FAR_DSCP : 0);

	*w->at++ = flags;
	*w->at++ = f->action | f->destination << 2 | f->end_marker << 3 | f->notify_cp << 4;
	put(w, f->id);
	if (flags & FAR_OUTER)
		put_outer(w, &f->outer_header);
	if (flags & FAR_COPY)
		put_outer(w, &f->duplicate_to);
	if (flags & FAR_REDIRECT)
		put_ip(w, &f->redirect);
	put_if(w, flags & FAR_SLICE, f->slice_id);
	put_if(w, flags & FAR_DSCP, f->dscp);
}

static void get_far(struct reader *r, struct api_far *f)
{
	uint32_t flags = *r->at++, what = *r->at++;

	memset(f, 0, sizeof(*f));
	f->action = what & 3;
	f->destination = what >> 2 & 1;
	f->end_marker = what >> 3 & 1;
	f->notify_cp = what >> 4 & 1;
	f->id = get(r);
	if (flags & FAR_OUTER)
		get_outer(r, &f->outer_header);
	if (flags & FAR_COPY)
		get_outer(r, &f->duplicate_to);
	if (flags & FAR_REDIRECT)
		get_ip(r, &f->redirect);
	f->slice_id = get_if(r, flags & FAR_SLICE, 0);
	f->dscp = get_if(r, flags & FAR_DSCP, DSCP_COPY);
}

/* ---- QERs and URRs ---- */

#define QER_MBR	  0x04u
#define QER_GBR	  0x08u
#define QER_BURST 0x10u
#define QER_QFI	  0x20u

static void put_qer(struct writer *w, const struct api_qer *q)
{
	uint32_t flags = q->gate_ul | q->gate_dl << 1 |
			 (q->mbr_ul_bps != 0 || q->mbr_dl_bps != 0 ? QER_MBR : 0) |
			 (q->gbr_ul_bps != 0 || q->gbr_dl_bps != 0 ? QER_GBR : 0) |
			 (q->burst_ms != 0 ? QER_BURST : 0) | (q->qfi != QFI_NONE ? QER_QFI : 0);

	*w->at++ = flags;
	put(w, q->id);
	put_if(w, flags & QER_MBR, q->mbr_ul_bps);
	put_if(w, flags & QER_MBR, q->mbr_dl_bps);
	put_if(w, flags & QER_GBR, q->gbr_ul_bps);
	put_if(w, flags & QER_GBR, q->gbr_dl_bps);
	put_if(w, flags & QER_BURST, q->burst_ms);
	put_if(w, flags & QER_QFI, q->qfi);
}

static void get_qer(struct reader *r, struct api_qer *q)
{
	uint32_t flags = *r->at++;

	*q = (struct api_qer){.id = get(r), .gate_ul = flags & 1, .gate_dl = flags >> 1 & 1};
	q->mbr_ul_bps = get_if(r, flags & QER_MBR, 0);
	q->mbr_dl_bps = get_if(r, flags & QER_MBR, 0);
	q->gbr_ul_bps = get_if(r, flags & QER_GBR, 0);
	q->gbr_dl_bps = get_if(r, flags & QER_GBR, 0);
	q->burst_ms = get_if(r, flags & QER_BURST, 0);
	q->qfi = get_if(r, flags & QER_QFI, QFI_NONE);
}

#define URR_THRESHOLD	0x01u
#define URR_QUOTA	0x02u
#define URR_THRESHOLD_S 0x04u
#define URR_QUOTA_S	0x08u
#define URR_PERIOD	0x10u
#define URR_INACTIVITY	0x20u
#define URR_GRANT	0x40u

static void put_urr(struct writer *w, const struct api_urr *u)
{
	uint32_t flags =
		(u->threshold_bytes != 0 ? URR_THRESHOLD : 0) |
		(u->quota_bytes != NO_QUOTA ? URR_QUOTA : 0) |
		(u->threshold_s != 0 ? URR_THRESHOLD_S : 0) |
		(u->quota_s != NO_QUOTA_S ? URR_QUOTA_S : 0) | (u->period_s != 0 ? URR_PERIOD : 0) |
		(u->inactivity_s != 0 ? URR_INACTIVITY : 0) | (u->grant != 0 ? URR_GRANT : 0);

	*w->at++ = flags;
	*w->at++ = u->measure | u->report << 4;
	put(w, u->id);
	put_if(w, flags & URR_THRESHOLD, u->threshold_bytes);
	put_if(w, flags & URR_QUOTA, u->quota_bytes);
	put_if(w, flags & URR_THRESHOLD_S, u->threshold_s);
	put_if(w, flags & URR_QUOTA_S, u->quota_s);
	put_if(w, flags & URR_PERIOD, u->period_s);
	put_if(w, flags & URR_INACTIVITY, u->inactivity_s);
	put_if(w, flags & URR_GRANT, u->grant);
}

static void get_urr(struct reader *r, struct api_urr *u)
{
	uint32_t flags = *r->at++, what = *r->at++;

	*u = (struct api_urr){.id = get(r), .measure = what & 0xf, .report = what >> 4};
	u->threshold_bytes = get_if(r, flags & URR_THRESHOLD, 0);
	u->quota_bytes = get_if(r, flags & URR_QUOTA, NO_QUOTA);
	u->threshold_s = get_if(r, flags & URR_THRESHOLD_S, 0);
	u->quota_s = get_if(r, flags & URR_QUOTA_S, NO_QUOTA_S);
	u->period_s = get_if(r, flags & URR_PERIOD, 0);
	u->inactivity_s = get_if(r, flags & URR_INACTIVITY, 0);
	u->grant = get_if(r, flags & URR_GRANT, 0);
}

/* ---- all of it ---- */

#define HAS_UE4	   0x01u
#define HAS_UE6	   0x02u
#define HAS_FRAMED 0x04u
#define HAS_BAR	   0x08u

static void put_ue(struct writer *w, const struct api_session *s)
{
	const struct api_ue *ue = &s->ue;

	*w->at++ = (ue->ipv4.family != 0 ? HAS_UE4 : 0) | (ue->ipv6.family != 0 ? HAS_UE6 : 0) |
		   (ue->framed.count != 0 ? HAS_FRAMED : 0) | (s->has_bar ? HAS_BAR : 0);
	if (ue->ipv4.family != 0)
		put_bytes(w, ue->ipv4.bytes, 4);
	if (ue->ipv6.family != 0)
		put_ip(w, &ue->ipv6);
	if (ue->framed.count != 0) {
		put(w, ue->framed.count);
		for (uint32_t i = 0; i < ue->framed.count; i++)
			put_ip(w, &ue->framed.item[i]);
	}
	if (s->has_bar) {
		put(w, s->bar.id);
		put(w, s->bar.packets);
		put(w, s->bar.delay_ms);
	}
}

static void get_ue(struct reader *r, struct session_model *m)
{
	struct api_session *s = &m->cfg;
	uint32_t has = *r->at++;

	if (has & HAS_UE4) {
		s->ue.ipv4 = (struct api_ip){.family = 4, .len = 32};
		get_bytes(r, s->ue.ipv4.bytes, 4);
	}
	if (has & HAS_UE6)
		get_ip(r, &s->ue.ipv6);
	if (has & HAS_FRAMED) {
		s->ue.framed = (struct api_prefixes){.count = get(r), .item = m->framed};
		for (uint32_t i = 0; i < s->ue.framed.count; i++)
			get_ip(r, &m->framed[i]);
	}
	s->has_bar = has & HAS_BAR;
	if (s->has_bar) {
		s->bar.id = get(r);
		s->bar.packets = get(r);
		s->bar.delay_ms = get(r);
	}
}

uint32_t session_pack(const struct api_session *s, const struct pdr_made *made, uint8_t *out)
{
	struct writer w = {.at = out + 2};
	uint32_t name = strlen(s->name);

	*w.at++ = name;
	put_bytes(&w, s->name, name);
	put(&w, s->slice_id);
	put_ue(&w, s);
	put(&w, s->pdrs.count);
	for (uint32_t i = 0; i < s->pdrs.count; i++)
		put_pdr(&w, s, &s->pdrs.item[i], &made[i]);
	put(&w, s->fars.count);
	for (uint32_t i = 0; i < s->fars.count; i++)
		put_far(&w, s, &s->fars.item[i]);
	put(&w, s->qers.count);
	for (uint32_t i = 0; i < s->qers.count; i++)
		put_qer(&w, &s->qers.item[i]);
	put(&w, s->urrs.count);
	for (uint32_t i = 0; i < s->urrs.count; i++)
		put_urr(&w, &s->urrs.item[i]);
	while ((w.at - out) % 16 != 0)
		*w.at++ = 0;
	uint16_t len = w.at - out;

	memcpy(out, &len, 2);
	return len;
}

uint32_t session_pack_bytes(const uint8_t *pack)
{
	uint16_t len;

	memcpy(&len, pack, 2);
	return len;
}

void session_unpack(const uint8_t *pack, struct session_model *m)
{
	struct reader r = {.at = pack + 3};
	struct api_session *s = &m->cfg;

	memset(s, 0, sizeof(*s));
	get_bytes(&r, s->name, pack[2]);
	s->slice_id = get(&r);
	get_ue(&r, m);
	s->pdrs = (struct api_pdrs){.count = get(&r), .item = m->pdr};
	for (uint32_t i = 0; i < s->pdrs.count; i++)
		get_pdr(&r, m, i);
	s->fars = (struct api_fars){.count = get(&r), .item = m->far};
	for (uint32_t i = 0; i < s->fars.count; i++)
		get_far(&r, &m->far[i]);
	s->qers = (struct api_qers){.count = get(&r), .item = m->qer};
	for (uint32_t i = 0; i < s->qers.count; i++)
		get_qer(&r, &m->qer[i]);
	s->urrs = (struct api_urrs){.count = get(&r), .item = m->urr};
	for (uint32_t i = 0; i < s->urrs.count; i++)
		get_urr(&r, &m->urr[i]);
}
