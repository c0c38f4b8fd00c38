/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions are not in the model: a million of them live packed in pipelines/upf (session.h,
 * session_backend of noun.h). Main thread only. */
#ifndef RPC_NOUN_SESSION_H
#define RPC_NOUN_SESSION_H

#include "nouns.h"

/* As an answer shows it: what was chosen filled in, names for ids. false: no such session. */
bool noun_session_describe(uint32_t index, struct api_session *out);
/* The own address that an outer header is sent from when it names none: one at which the session is
 * reached itself, of the destination's side and the peer's family; 0: there is none (then any of
 * the box's). Ids of the PDRs' gtpus must be filled in. */
uint16_t noun_session_own_gtpu(
	const struct api_session *s, uint32_t destination, const struct api_outer_header *outer);

/* struct backend. */
int noun_session_check_unused(struct rpc_error *err, const struct object *obj);
int noun_session_stats(const json_t *keys, json_t *out, struct rpc_error *err);
/* After each transaction: only so many sessions are looked through in one for what to name. */
void noun_session_rest(void);

/* A UE's prefix (or address, if asked) in the slice is nobody else's: 0, or -1 with err (path
 * "prefix"). */
int noun_session_check_free(
	struct rpc_error *err, uint16_t slice, const struct api_ip *prefix, bool address);

#endif
