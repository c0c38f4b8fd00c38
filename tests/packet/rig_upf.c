/* SPDX-License-Identifier: BSD-3-Clause */
/* The user plane on the rig (rig_upf.h): what rpc/ does for an operator, in a line each. */
#include "rig_upf.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "rcu.h"
#include "schema.h"
#include "session_check.h"
#include "underlay.h"

#define NAMES	     64
#define SESSIONS_MAX 256 /* of one transaction */

struct named {
	api_name name;
	uint16_t id;
};
static struct named slices[NAMES], gtpus[NAMES];
static uint32_t n_slices, n_gtpus;

/* ---- names ---- */

static uint16_t id_of(const struct named *list, uint32_t n, const char *name)
{
	for (uint32_t i = n; i > 0; i--)
		if (strcmp(list[i - 1].name, name) == 0)
			return list[i - 1].id;
	return 0;
}

void rig_upf_forget(void)
{
	n_slices = n_gtpus = 0;
}

void rig_upf_slice(const char *name, uint16_t slice)
{
	struct named *at = NULL;

	for (uint32_t i = 0; i < n_slices; i++)
		if (strcmp(slices[i].name, name) == 0)
			at = &slices[i];
	if (at == NULL)
		at = &slices[n_slices++];
	RIG_CHECK(n_slices < NAMES, "too many names");
	snprintf(at->name, sizeof(at->name), "%s", name);
	at->id = slice;
}

uint16_t rig_gtpu_as(const struct api_gtpu *cfg)
{
	struct named *at = NULL;
	uint16_t id;

	RIG_CHECK(gtpu_reserve(&id) == 0, "no gtpu left");
	gtpu_set(id, cfg);
	underlay_resolve();
	for (uint32_t i = 0; i < n_gtpus; i++)
		if (strcmp(gtpus[i].name, cfg->name) == 0)
			at = &gtpus[i];
	if (at == NULL)
		at = &gtpus[n_gtpus++];
	RIG_CHECK(n_gtpus < NAMES, "too many names");
	snprintf(at->name, sizeof(at->name), "%s", cfg->name);
	at->id = id;
	return id;
}

uint16_t rig_gtpu(const char *name, const char *address, enum upf_interface interface)
{
	struct api_gtpu cfg = {.address = rig_ip(address, false),
		.interface = interface,
		.ttl = 64,
		.dscp = DSCP_COPY};

	snprintf(cfg.name, sizeof(cfg.name), "%s", name);
	return rig_gtpu_as(&cfg);
}

void rig_gtpu_gone(const char *name)
{
	gtpu_unset(id_of(gtpus, n_gtpus, name));
}

/* ---- sessions ---- */

static int resolve_header(struct api_outer_header *h, const char *path, struct rpc_error *err)
{
	h->gtpu_id = h->gtpu[0] != '\0' ? id_of(gtpus, n_gtpus, h->gtpu) : 0;
	if (h->gtpu[0] == '\0' || h->gtpu_id != 0)
		return 0;
	snprintf(err->path, sizeof(err->path), "%s", path);
	return -1;
}

/* What rpc/ looks up: names of slices and own addresses. */
static int resolve(struct api_session *s, struct rpc_error *err)
{
	s->slice_id = id_of(slices, n_slices, s->slice);
	RIG_CHECK(s->slice_id != 0, "no slice %s", s->slice);
	for (uint32_t i = 0; i < s->pdrs.count; i++) {
		struct api_pdr *p = &s->pdrs.item[i];

		p->gtpu_id = p->gtpu[0] != '\0' ? id_of(gtpus, n_gtpus, p->gtpu) : 0;
		p->slice_id = p->slice[0] != '\0' ? id_of(slices, n_slices, p->slice) : 0;
		RIG_CHECK(p->gtpu[0] == '\0' || p->gtpu_id != 0, "no gtpu %s", p->gtpu);
	}
	for (uint32_t i = 0; i < s->fars.count; i++) {
		struct api_far *f = &s->fars.item[i];

		f->slice_id = f->slice[0] != '\0' ? id_of(slices, n_slices, f->slice) : 0;
		if (resolve_header(&f->outer_header, "fars.outer_header.gtpu", err) != 0 ||
			resolve_header(&f->duplicate_to, "fars.duplicate_to.gtpu", err) != 0)
			return -1;
	}
	return 0;
}

/* One session: 1 with a change, 0 nothing new, -1. */
static int prepare(const json_t *json, struct session_change **change, struct rpc_error *err)
{
	const struct api_type *type = api_type_find("session");
	union api_object obj;

	if (api_decode(type, json, "", &obj, err) != 0 || resolve(&obj.session, err) != 0 ||
		session_check(&obj.session, err) != 0)
		return -1;
	return session_prepare(&obj.session, change, err);
}

/* As an operator writes it, but with ' for ". */
static json_t *parse(const char *json)
{
	char *text = strdup(json);
	json_error_t at;

	for (char *c = text; *c != '\0'; c++)
		if (*c == '\'')
			*c = '"';
	json_t *root = json_loads(text, 0, &at);

	RIG_CHECK(root != NULL, "JSON: %s at %d: %s", at.text, at.position, text);
	free(text);
	return root;
}

int rig_session_prepare(const char *json, struct session_change **change, struct rpc_error *err)
{
	json_t *root = parse(json);
	int rc = prepare(root, change, err);

	json_decref(root);
	return rc;
}

static int put_all(json_t *list, struct rpc_error *err)
{
	struct session_change *change[SESSIONS_MAX];
	uint32_t n = 0, index;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < json_array_size(list); i++) {
		rc = prepare(json_array_get(list, i), &change[n], err);
		n += rc > 0;
	}
	if (rc < 0 || session_settled(&(uint32_t){0}, &index, err) != 0) {
		while (n > 0)
			session_cancel(change[--n]);
		return -1;
	}
	session_commit(change, n);
	underlay_resolve();
	return 0;
}

int rig_sessions_try(const char *json, struct rpc_error *err)
{
	json_t *root = parse(json);
	json_t *list = json_is_array(root) ? json_incref(root) : json_pack("[O]", root);
	int rc = put_all(list, err);

	json_decref(list);
	json_decref(root);
	return rc;
}

void rig_sessions(const char *json)
{
	struct rpc_error err = {0};

	RIG_CHECK(rig_sessions_try(json, &err) == 0, "%s: %s in %s", err.path, err.message, json);
}

void rig_session_gone(const char *name)
{
	struct session_change *change;
	struct rpc_error err = {0};
	uint32_t index = session_find(name);

	RIG_CHECK(index != 0, "no session %s", name);
	RIG_CHECK(session_prepare_delete(index, &change, &err) >= 0, "%s stays", name);
	session_commit(&change, 1);
	underlay_resolve();
}

uint32_t rig_teid(const char *name, uint32_t pdr)
{
	struct api_session s;

	RIG_CHECK(session_get(session_find(name), &s), "no session %s", name);
	for (uint32_t i = 0; i < s.pdrs.count; i++)
		if (s.pdrs.item[i].id == pdr)
			return s.pdrs.item[i].teid;
	return 0;
}

struct session_counters rig_session_counters(const char *name)
{
	struct session_counters c;

	session_counters_read(session_find(name), &c);
	return c;
}

/* ---- GTP-U ---- */

static uint32_t put_outer(struct pkt *p, const struct gtpu *g, uint32_t udp_len)
{
	struct api_ip from = rig_ip(g->from, false), to = rig_ip(g->to, false);
	uint8_t *ip = p->b + 14;

	put48(p->b, g->dst);
	put48(p->b + 6, g->src);
	put16(p->b + 12, from.family == 6 ? 0x86dd : 0x0800);
	memset(ip, 0, 40);
	if (from.family == 6) {
		put32(ip, 6u << 28 | (uint32_t)g->tos << 20);
		put16(ip + 4, udp_len);
		ip[6] = 17;
		ip[7] = 64;
		memcpy(ip + 8, from.bytes, 16);
		memcpy(ip + 24, to.bytes, 16);
		return 14 + 40;
	}
	ip[0] = 0x45;
	ip[1] = g->tos;
	put16(ip + 2, 20 + udp_len);
	put16(ip + 6, 0x4000);
	ip[8] = 64;
	ip[9] = 17;
	memcpy(ip + 12, from.bytes, 4);
	memcpy(ip + 16, to.bytes, 4);
	ipv4_fix(ip);
	return 14 + 20;
}

void build_gtpu_raw(struct pkt *p, const struct gtpu *g, const uint8_t *payload, uint32_t len)
{
	uint32_t header = 8 + (g->psc || g->sequence ? 4 : 0) + (g->psc ? 4 : 0);
	uint32_t udp = put_outer(p, g, 8 + header + len);
	uint8_t *h = p->b + udp + 8;

	put16(p->b + udp, g->sport != 0 ? g->sport : 2152);
	put16(p->b + udp + 2, 2152);
	put16(p->b + udp + 4, 8 + header + len);
	put16(p->b + udp + 6, 0);
	memset(h, 0, header);
	h[0] = 0x30 | (g->psc ? 4 : 0) | (g->sequence ? 2 : 0);
	h[1] = g->type != 0 ? g->type : 255;
	put16(h + 2, header - 8 + len + g->lie);
	put32(h + 4, g->teid);
	if (g->sequence)
		put16(h + 8, 0x4711);
	if (g->psc) {
		h[11] = 0x85;
		h[12] = 1;
		h[13] = g->psc_ul ? 0x10 : 0;
		h[14] = g->qfi | (g->rqi ? 0x40 : 0);
	}
	if (len > 0)
		memcpy(h + header, payload, len);
	p->len = udp + 8 + header + len;
	if (g->csum != CSUM_ZERO)
		udp_fix(p);
	if (g->csum == CSUM_WRONG)
		p->b[udp + 7] ^= p->b[udp + 7] == 1 && p->b[udp + 6] == 0 ? 2 : 1;
	memset(p->b + p->len, 0xee, g->pad);
	p->len += g->pad;
}

void build_gtpu(struct pkt *p, const struct gtpu *g, const struct pkt *inner)
{
	build_gtpu_raw(
		p, g, inner != NULL ? inner->b + 14 : NULL, inner != NULL ? inner->len - 14 : 0);
}

/* Outer headers: offset of GTP-U, 0 when it is none. */
static uint32_t parse_outer(const struct pkt *p, struct gtpu_seen *seen)
{
	const uint8_t *ip = p->b + 14;
	bool v6 = get16(p->b + 12) == 0x86dd;
	uint32_t udp = 14 + (v6 ? 40 : 20);

	if (p->len < udp + 16 || ip[0] != (v6 ? ip[0] & 0xf : 5) + (v6 ? 0x60 : 0x40))
		return 0;
	inet_ntop(v6 ? AF_INET6 : AF_INET, ip + (v6 ? 8 : 12), seen->from, sizeof(seen->from));
	inet_ntop(v6 ? AF_INET6 : AF_INET, ip + (v6 ? 24 : 16), seen->to, sizeof(seen->to));
	seen->tos = v6 ? get16(ip) >> 4 : ip[1];
	if ((v6 ? ip[6] : ip[9]) != 17 || (!v6 && !ipv4_ok(ip)) ||
		(v6 ? get16(ip + 4) + 40u : get16(ip + 2)) + 14u != p->len)
		return 0;
	if (get16(p->b + udp + 2) != 2152 || get16(p->b + udp + 4) != p->len - udp)
		return 0;
	if (get16(p->b + udp + 6) != 0 ? !udp_ok(p) : v6)
		return 0; /* RFC 8200 section 8.1 */
	seen->sport = get16(p->b + udp);
	return udp + 8;
}

bool gtpu_parse(const struct pkt *p, struct gtpu_seen *seen)
{
	uint32_t at = parse_outer(p, seen), header = 8;
	const uint8_t *h = p->b + at;

	if (at == 0 || get16(h + 2) + 8u != p->len - at || h[0] >> 4 != 3)
		return false;
	seen->flags = h[0];
	seen->type = h[1];
	seen->teid = get32(h + 4);
	seen->psc = false;
	if (h[0] & 7)
		header += 4;
	if ((h[0] & 4) && h[11] == 0x85) {
		if (h[12] != 1 || h[15] != 0)
			return false;
		seen->psc = true;
		seen->psc_type = h[13] >> 4;
		seen->qfi = h[14] & 0x3f;
		header += 4;
	} else if ((h[0] & 4) && h[11] != 0) {
		return false;
	}
	seen->inner.len = 14 + p->len - at - header;
	memset(seen->inner.b, 0, 14);
	memcpy(seen->inner.b + 14, h + header, seen->inner.len - 14);
	put16(seen->inner.b + 12, h[header] >> 4 == 6 ? 0x86dd : 0x0800);
	return true;
}

void ip_hop(struct pkt *p)
{
	if (p->b[14] >> 4 == 4) {
		p->b[14 + 8]--;
		ipv4_fix(p->b + 14);
	} else {
		p->b[14 + 7]--;
	}
}
