/* SPDX-License-Identifier: BSD-3-Clause */
/* Packed definitions. Main thread only. One walk over a definition writes it, or reads it back.
 *
 *   length (2 bytes), name (length, bytes), then numbers as varints, seven bits a byte; what is at
 *   its default is left out, by a bit of a flags byte in front of each item. */
#include "session_private.h"

#include <string.h>

struct coder {
	uint8_t *at;
	bool reads; /* from `at`, else writes there */
};

/* The number as it is afterwards: what was written, or read. */
static uint64_t code(struct coder *c, uint64_t value)
{
	if (!c->reads) {
		uint64_t left = value;

		for (; left >= 0x80; left >>= 7)
			*c->at++ = left | 0x80;
		*c->at++ = left;
		return value;
	}
	value = *c->at & 0x7f;
	for (uint32_t shift = 7; *c->at++ & 0x80; shift += 7)
		value |= (uint64_t)(*c->at & 0x7f) << shift;
	return value;
}

/* Is it there? Else it is at its default. */
static uint64_t code_if(struct coder *c, bool there, uint64_t value, uint64_t otherwise)
{
	return there ? code(c, value) : otherwise;
}

static void code_bytes(struct coder *c, void *bytes, uint32_t n)
{
	if (c->reads)
		memcpy(bytes, c->at, n);
	else
		memcpy(c->at, bytes, n);
	c->at += n;
}

static uint8_t code_byte(struct coder *c, uint8_t byte)
{
	code_bytes(c, &byte, 1);
	return byte;
}

/* What is read goes into what is zero. */
static void blank(const struct coder *c, void *item, size_t size)
{
	if (c->reads)
		memset(item, 0, size);
}

static void code_ip(struct coder *c, struct api_ip *ip)
{
	blank(c, ip, sizeof(*ip));
	ip->family = code_byte(c, ip->family);
	ip->len = code_byte(c, ip->len);
	code_bytes(c, ip->bytes, ip->family == 4 ? 4 : (ip->len + 7) / 8);
}

/* item: where they are read to. */
static void code_ids(struct coder *c, struct api_ids *ids, uint32_t *item)
{
	ids->count = code(c, ids->count);
	for (uint32_t i = 0; i < ids->count; i++)
		item[i] = code(c, c->reads ? 0 : ids->item[i]);
	ids->item = item;
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

static void code_pdr(struct coder *c, struct session_model *m, uint32_t i)
{
	struct api_pdr *p = &m->pdr[i];
	struct pdr_made *made = &m->made[i];
	uint32_t flags = (p->source == INTERFACE_CORE ? PDR_CORE : 0) |
			 (p->gtpu_id != 0 ? PDR_GTPU : 0) | (p->choose_id != 0 ? PDR_CHOOSE : 0) |
			 (other_slice(&m->cfg, p->slice_id) ? PDR_SLICE : 0) |
			 (p->qfi != QFI_NONE ? PDR_QFI : 0) |
			 (p->outer_header_removal != REMOVE_NONE ? PDR_REMOVAL : 0) |
			 (made->filters != 0 ? PDR_FILTERS : 0) |
			 (p->qers.count + p->urrs.count > 0 ? PDR_REPORTS : 0);

	flags = code_byte(c, flags);
	made->group = code_byte(c, made->group);
	p->source = flags & PDR_CORE ? INTERFACE_CORE : INTERFACE_ACCESS;
	p->id = code(c, p->id);
	p->precedence = code(c, p->precedence);
	p->far = code(c, p->far);
	if (flags & PDR_GTPU) {
		p->gtpu_id = code(c, p->gtpu_id);
		code_bytes(c, &p->teid, 4);
	}
	p->choose_id = code_if(c, flags & PDR_CHOOSE, p->choose_id, 0);
	p->slice_id = code_if(c, flags & PDR_SLICE, p->slice_id, 0);
	p->qfi = code_if(c, flags & PDR_QFI, p->qfi, QFI_NONE);
	p->outer_header_removal =
		code_if(c, flags & PDR_REMOVAL, p->outer_header_removal, REMOVE_NONE);
	made->filters = code_if(c, flags & PDR_FILTERS, made->filters, 0);
	if (flags & PDR_REPORTS) {
		code_ids(c, &p->qers, m->qer_ids[i]);
		code_ids(c, &p->urrs, m->urr_ids[i]);
	}
}

/* ---- FARs ---- */

#define FAR_OUTER    0x01u
#define FAR_COPY     0x02u
#define FAR_REDIRECT 0x04u
#define FAR_SLICE    0x08u
#define FAR_DSCP     0x10u

static void code_outer(struct coder *c, struct api_outer_header *o)
{
	code_bytes(c, &o->teid, 4);
	code_ip(c, &o->peer);
	o->gtpu_id = code(c, o->gtpu_id);
}

static void code_far(struct coder *c, const struct api_session *s, struct api_far *f)
{
	uint32_t flags = (f->outer_header.teid != 0 ? FAR_OUTER : 0) |
			 (f->duplicate_to.teid != 0 ? FAR_COPY : 0) |
			 (f->redirect.family != 0 ? FAR_REDIRECT : 0) |
			 (other_slice(s, f->slice_id) ? FAR_SLICE : 0) |
			 (f->dscp != DSCP_COPY ? FAR_DSCP : 0);
	uint32_t what = f->action | f->destination << 2 | f->end_marker << 3 | f->notify_cp << 4;

	flags = code_byte(c, flags);
	what = code_byte(c, what);
	f->action = what & 3;
	f->destination = what >> 2 & 1;
	f->end_marker = what >> 3 & 1;
	f->notify_cp = what >> 4 & 1;
	f->id = code(c, f->id);
	if (flags & FAR_OUTER)
		code_outer(c, &f->outer_header);
	if (flags & FAR_COPY)
		code_outer(c, &f->duplicate_to);
	if (flags & FAR_REDIRECT)
		code_ip(c, &f->redirect);
	f->slice_id = code_if(c, flags & FAR_SLICE, f->slice_id, 0);
	f->dscp = code_if(c, flags & FAR_DSCP, f->dscp, DSCP_COPY);
}

/* ---- QERs and URRs ---- */

#define QER_MBR	  0x04u
#define QER_GBR	  0x08u
#define QER_BURST 0x10u
#define QER_QFI	  0x20u

static void code_qer(struct coder *c, struct api_qer *q)
{
	uint32_t flags = q->gate_ul | q->gate_dl << 1 |
			 (q->mbr_ul_bps != 0 || q->mbr_dl_bps != 0 ? QER_MBR : 0) |
			 (q->gbr_ul_bps != 0 || q->gbr_dl_bps != 0 ? QER_GBR : 0) |
			 (q->burst_ms != 0 ? QER_BURST : 0) | (q->qfi != QFI_NONE ? QER_QFI : 0);

	flags = code_byte(c, flags);
	q->id = code(c, q->id);
	q->gate_ul = flags & 1;
	q->gate_dl = flags >> 1 & 1;
	q->mbr_ul_bps = code_if(c, flags & QER_MBR, q->mbr_ul_bps, 0);
	q->mbr_dl_bps = code_if(c, flags & QER_MBR, q->mbr_dl_bps, 0);
	q->gbr_ul_bps = code_if(c, flags & QER_GBR, q->gbr_ul_bps, 0);
	q->gbr_dl_bps = code_if(c, flags & QER_GBR, q->gbr_dl_bps, 0);
	q->burst_ms = code_if(c, flags & QER_BURST, q->burst_ms, 0);
	q->qfi = code_if(c, flags & QER_QFI, q->qfi, QFI_NONE);
}

#define URR_THRESHOLD	0x01u
#define URR_QUOTA	0x02u
#define URR_THRESHOLD_S 0x04u
#define URR_QUOTA_S	0x08u
#define URR_PERIOD	0x10u
#define URR_INACTIVITY	0x20u
#define URR_GRANT	0x40u

static void code_urr(struct coder *c, struct api_urr *u)
{
	uint32_t flags =
		(u->threshold_bytes != 0 ? URR_THRESHOLD : 0) |
		(u->quota_bytes != NO_QUOTA ? URR_QUOTA : 0) |
		(u->threshold_s != 0 ? URR_THRESHOLD_S : 0) |
		(u->quota_s != NO_QUOTA_S ? URR_QUOTA_S : 0) | (u->period_s != 0 ? URR_PERIOD : 0) |
		(u->inactivity_s != 0 ? URR_INACTIVITY : 0) | (u->grant != 0 ? URR_GRANT : 0);
	uint32_t what = u->measure | u->report << 4;

	flags = code_byte(c, flags);
	what = code_byte(c, what);
	u->measure = what & 0xf;
	u->report = what >> 4;
	u->id = code(c, u->id);
	u->threshold_bytes = code_if(c, flags & URR_THRESHOLD, u->threshold_bytes, 0);
	u->quota_bytes = code_if(c, flags & URR_QUOTA, u->quota_bytes, NO_QUOTA);
	u->threshold_s = code_if(c, flags & URR_THRESHOLD_S, u->threshold_s, 0);
	u->quota_s = code_if(c, flags & URR_QUOTA_S, u->quota_s, NO_QUOTA_S);
	u->period_s = code_if(c, flags & URR_PERIOD, u->period_s, 0);
	u->inactivity_s = code_if(c, flags & URR_INACTIVITY, u->inactivity_s, 0);
	u->grant = code_if(c, flags & URR_GRANT, u->grant, 0);
}

/* ---- all of it ---- */

#define HAS_UE4	   0x01u
#define HAS_UE6	   0x02u
#define HAS_FRAMED 0x04u
#define HAS_BAR	   0x08u

static void code_ue(struct coder *c, struct session_model *m)
{
	struct api_session *s = &m->cfg;
	uint32_t has = (s->ue.ipv4.family != 0 ? HAS_UE4 : 0) |
		       (s->ue.ipv6.family != 0 ? HAS_UE6 : 0) |
		       (s->ue.framed.count != 0 ? HAS_FRAMED : 0) | (s->has_bar ? HAS_BAR : 0);

	has = code_byte(c, has);
	if (has & HAS_UE4) {
		s->ue.ipv4.family = 4;
		s->ue.ipv4.len = 32;
		code_bytes(c, s->ue.ipv4.bytes, 4);
	}
	if (has & HAS_UE6)
		code_ip(c, &s->ue.ipv6);
	if (has & HAS_FRAMED) {
		s->ue.framed.count = code(c, s->ue.framed.count);
		for (uint32_t i = 0; i < s->ue.framed.count; i++)
			code_ip(c, &m->framed[i]);
	}
	s->has_bar = has & HAS_BAR;
	if (s->has_bar) {
		s->bar.id = code(c, s->bar.id);
		s->bar.packets = code(c, s->bar.packets);
		s->bar.delay_ms = code(c, s->bar.delay_ms);
	}
}

static void code_session(struct coder *c, struct session_model *m)
{
	struct api_session *s = &m->cfg;

	s->slice_id = code(c, s->slice_id);
	code_ue(c, m);
	s->pdrs.count = code(c, s->pdrs.count);
	for (uint32_t i = 0; i < s->pdrs.count; i++) {
		blank(c, &m->pdr[i], sizeof(m->pdr[i]));
		code_pdr(c, m, i);
	}
	s->fars.count = code(c, s->fars.count);
	for (uint32_t i = 0; i < s->fars.count; i++) {
		blank(c, &m->far[i], sizeof(m->far[i]));
		code_far(c, s, &m->far[i]);
	}
	s->qers.count = code(c, s->qers.count);
	for (uint32_t i = 0; i < s->qers.count; i++) {
		blank(c, &m->qer[i], sizeof(m->qer[i]));
		code_qer(c, &m->qer[i]);
	}
	s->urrs.count = code(c, s->urrs.count);
	for (uint32_t i = 0; i < s->urrs.count; i++) {
		blank(c, &m->urr[i], sizeof(m->urr[i]));
		code_urr(c, &m->urr[i]);
	}
}

static void copy(void *to, const void *items, uint32_t n, size_t size)
{
	if (n > 0)
		memcpy(to, items, n * size);
}

uint32_t session_pack(const struct api_session *s, const struct pdr_made *made, uint8_t *out)
{
	static struct session_model m;
	struct coder c = {.at = out + 2};
	uint32_t name = strlen(s->name);

	m.cfg = *s;
	copy(m.made, made, s->pdrs.count, sizeof(m.made[0]));
	copy(m.pdr, s->pdrs.item, s->pdrs.count, sizeof(m.pdr[0]));
	copy(m.far, s->fars.item, s->fars.count, sizeof(m.far[0]));
	copy(m.qer, s->qers.item, s->qers.count, sizeof(m.qer[0]));
	copy(m.urr, s->urrs.item, s->urrs.count, sizeof(m.urr[0]));
	copy(m.framed, s->ue.framed.item, s->ue.framed.count, sizeof(m.framed[0]));
	code_byte(&c, name);
	code_bytes(&c, m.cfg.name, name);
	code_session(&c, &m);
	while ((c.at - out) % 16 != 0)
		*c.at++ = 0;
	uint16_t len = c.at - out;

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
	struct coder c = {.at = (uint8_t *)(uintptr_t)(pack + 3), .reads = true};
	struct api_session *s = &m->cfg;

	memset(s, 0, sizeof(*s));
	code_bytes(&c, s->name, pack[2]);
	code_session(&c, m);
	s->ue.framed.item = s->ue.framed.count > 0 ? m->framed : NULL;
	s->pdrs.item = m->pdr;
	s->fars.item = m->far;
	s->qers.item = m->qer;
	s->urrs.item = m->urr;
}
