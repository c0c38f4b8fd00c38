/* SPDX-License-Identifier: BSD-3-Clause */
/* The sessions of the box: checked and compiled in two steps, so that a transaction is all or
 * nothing. Sessions are not in rpc/'s model: a million of them live here at less than 512 bytes
 * each, and what `get` shows is unpacked from here. Main thread only. */
#ifndef UPF_SESSION_H
#define UPF_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "errors.h"
#include "session_index.h"
#include "types.h"

struct session_change; /* of one session, prepared and not yet committed */

/* What rpc/ knows of slices as the running transaction leaves them. */
struct session_slices {
	bool (*is_l3)(uint16_t slice);
	/* What of the slice itself stands at this prefix (route: a route, too): a word for the
	 * error, NULL: nothing. */
	const char *(*holder)(uint16_t slice, const struct api_ip *prefix, bool route);
};
/* NULL: what is committed counts. */
extern const struct session_slices *session_slices;

int session_init(uint32_t workers);
void session_fini(void);

uint32_t session_count(void);

/* A new session, or a new state of the one with this name. cfg has passed session_check()
 * (gtp/session_check.h) and its ids of slices and gtpu are filled in. Takes everything it needs: an
 * index, TEIDs, the UE's addresses, rule lists, peers, memory. Returns 1 with a change; 0 when
 * nothing is different; -1 with err (path relative to the session: "ue.ipv4", "pdrs[1].teid"), and
 * nothing half-made. */
int session_prepare(
	const struct api_session *cfg, struct session_change **change, struct rpc_error *err);
/* Deletes: can fail only for memory, and for a session that took another's address (see
 * session_settled()) in the same transaction. */
int session_prepare_delete(uint32_t index, struct session_change **change, struct rpc_error *err);
/* When all of a transaction is prepared. A UE's address, or a TEID that was put, that another
 * session has is taken all the same, so that sessions can swap theirs in one transaction: have all
 * been left by now? 0; -1 with err, and the session that took one: then all is to be cancelled.
 * *cursor is 0 at first; called again it goes on behind what was told last. */
int session_settled(uint32_t *cursor, uint32_t *index, struct rpc_error *err);
/* In reverse order of preparation. */
void session_cancel(struct session_change *change);
/* All changes of a transaction, in order of preparation; cannot fail. Ends with a grace period
 * where end markers or held packets ask for one (hold.h). Frees the changes. */
void session_commit(struct session_change *const *change, uint32_t n);

/* TEIDs that a prepared change chose, for the answer of put: the n-th, false after the last. */
bool session_chosen(
	const struct session_change *change, uint32_t n, uint32_t *pdr_id, uint32_t *teid);

/* The same of a session as it is, for a put that changes nothing. */
bool session_chosen_of(uint32_t index, uint32_t n, uint32_t *pdr_id, uint32_t *teid);

/* The definition, with TEIDs chosen filled in; lists live until the next call. false: no such (or
 * no memory). Names of slices are empty where there is an id: rpc/ knows them. */
bool session_get(uint32_t index, struct api_session *out);

struct session_counters {
	uint64_t ul_packets, ul_bytes, dl_packets, dl_bytes, dropped;
};
void session_counters_read(uint32_t index, struct session_counters *out);

/* Does a slice or gtpu have sessions? They keep it from being deleted; a name for the error. */
uint32_t session_using_slice(uint16_t slice);
uint32_t session_using_gtpu(uint16_t gtpu);
const char *session_name_using_gtpu(uint16_t gtpu);

/* Whose UE has this prefix in the slice's routes (framed ones and the like), or, with `address`,
 * holds this address, as the running transaction sees it; 0: nobody's. A prefix that only covers
 * UEs' addresses is nobody's: UEs are looked up before routes. */
uint32_t session_owning(uint16_t slice, const struct api_ip *prefix, bool address);

/* Gives back indices that packets no longer bear, brings sessions home that may go; how many. */
uint32_t session_poll(void);

/* Is the session a door of the slice, now? */
bool session_in_slice(uint32_t session, uint16_t slice);

/* Bytes held for sessions, all kinds, rule lists aside. */
uint64_t session_memory_bytes(void);

#endif
