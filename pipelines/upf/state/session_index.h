/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions by index and by name, and where workers count, for all rooms of the user plane; what of
 * a session those below the sessions' own room ask for; and the user plane's start. Main thread
 * only. */
#ifndef UPF_SESSION_INDEX_H
#define UPF_SESSION_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "types.h"

/* Index of a session as the running transaction sees it (prepared changes included), 0: none. */
uint32_t session_find(const char *name);
/* NULL: there is none. */
const char *session_name(uint32_t index);
/* Indices in use, ascending, from *cursor (0 at first; 0 again at the end). */
uint32_t session_iterate(uint64_t *cursor, uint32_t *index, uint32_t max);

/* Where a worker counts, and the buckets of QERs: block->cells and block->buckets index them. */
struct session_cell;
struct session_cell *session_cells(uint32_t worker);
uint64_t *session_buckets(void);

/* Registered by the sessions' own room. */
struct session_ops {
	/* The definition, as session_get() has it. */
	bool (*get)(uint32_t index, struct api_session *out);
	/* Id of the PDR that is `rule`-th in order of precedence in the group, 0: none (any more).
	 */
	uint32_t (*pdr_id)(uint32_t session, uint8_t group, uint8_t rule);
	/* No packets are held back for the session any more. */
	void (*released)(uint32_t index);
};
extern struct session_ops session_ops;

/* The user plane starts with the first gtpu or session, so that a switch without it pays nothing.
 * Tables, pools and the workers' parts, when they are not there yet: 0 or -ENOMEM with nothing
 * left. What it takes empty is said in session_store.c. */
int upf_start(void);
bool upf_is_started(void);
/* How it starts; set by upf.c. */
extern int (*upf_starter)(void);
extern bool upf_started;

#endif
