/* SPDX-License-Identifier: BSD-3-Clause */
/* The user plane on the rig: own addresses and sessions put as an operator puts them (JSON, with '
 * for
 * ", decoded, checked and committed), GTP-U frames from a few words, and what left taken apart. The
 * frames are written from TS 29.281 and TS 38.415, not from the pipelines. */
#ifndef TESTS_RIG_UPF_H
#define TESTS_RIG_UPF_H

#include "build.h"
#include "errors.h"
#include "session.h"
#include "upf.h"

/* ---- objects; names are for sessions to use ---- */

/* After rig_start(): no names are known. */
void rig_upf_forget(void);
/* Which slice a session means by this name. */
void rig_upf_slice(const char *name, uint16_t slice);
uint16_t rig_gtpu_as(const struct api_gtpu *cfg);
/* An own address with defaults (no echo requests). */
uint16_t rig_gtpu(const char *name, const char *address, enum upf_interface interface);
void rig_gtpu_gone(const char *name);

/* Puts sessions (an object, or a list of them in one transaction): 0; -1 with err, and nothing has
 * changed. What api_decode() or session_check() refuse is refused here. */
int rig_sessions_try(const char *json, struct rpc_error *err);
/* The same, and it must succeed. */
void rig_sessions(const char *json);
/* One object, prepared and no more: as session_prepare(). */
int rig_session_prepare(const char *json, struct session_change **change, struct rpc_error *err);
void rig_session_gone(const char *name);
/* The TEID of a PDR, chosen or put; 0: it has none. */
uint32_t rig_teid(const char *name, uint32_t pdr);
struct session_counters rig_session_counters(const char *name);

/* ---- GTP-U frames ---- */

struct gtpu {
	uint64_t dst, src;     /* MACs */
	const char *from, *to; /* IPv4 or IPv6 */
	uint8_t tos;	       /* outer */
	enum csum csum;	       /* of UDP */
	uint16_t sport;	       /* 0: 2152 */
	uint8_t type;	       /* 0: G-PDU */
	uint32_t teid;
	bool psc, psc_ul, rqi; /* with a PDU Session Container */
	uint8_t qfi;
	bool sequence; /* with a sequence number: 0x4711 */
	int lie;       /* added to GTP-U's length field */
	uint32_t pad;  /* bytes after the end */
};
/* inner: an Ethernet frame whose IP packet goes in (NULL: nothing); build_ip() makes such. */
void build_gtpu(struct pkt *p, const struct gtpu *g, const struct pkt *inner);
/* Of whole messages: payload as it is. */
void build_gtpu_raw(struct pkt *p, const struct gtpu *g, const uint8_t *payload, uint32_t len);

/* What left as GTP-U, taken apart: false when it is not. inner: made a frame again (MACs zero). */
struct gtpu_seen {
	uint32_t teid;
	uint8_t type, flags, tos, qfi, psc_type;
	bool psc;
	uint16_t sport;
	char from[46], to[46];
	struct pkt inner;
};
bool gtpu_parse(const struct pkt *p, struct gtpu_seen *seen);

/* p's IP packet one hop on: TTL one less. */
void ip_hop(struct pkt *p);

#endif
