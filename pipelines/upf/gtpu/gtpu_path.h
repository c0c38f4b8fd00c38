/* SPDX-License-Identifier: BSD-3-Clause */
/* Are GTP-U peers there? Each peer in use of a gtpu with echo_s > 0 is asked each echo_s seconds
 * (TS 29.281 clause 7.2.1), three times three seconds apart when it does not answer; events path.up
 * and path.down. Also finds the session that a peer's error indication means
 * (gtpu_path.c). Main thread only. */
#ifndef UPF_GTPU_PATH_H
#define UPF_GTPU_PATH_H

#include <stdint.h>

#include "upf_worker.h"

enum gtpu_path_state {
	PATH_UNWATCHED, /* no such peer, or its gtpu's echo_s is 0 */
	PATH_UNKNOWN,	/* asked, not yet answered */
	PATH_UP,
	PATH_DOWN
};
#define PATH_TRIES   3 /* N3-REQUESTS */
#define PATH_RETRY_S 3 /* T3-RESPONSE; no longer than echo_s */

/* 0 or -ENOMEM. */
int gtpu_path_init(void);
void gtpu_path_fini(void);

/* peer.c: a peer came into use, or went out of it (its tunnel id). */
void gtpu_path_add(uint16_t peer);
void gtpu_path_remove(uint16_t peer);

/* Reports of kind REPORT_ECHO and REPORT_ERROR_INDICATION, taken off the workers' rings by
 * upf_poll(). */
void gtpu_path_report(const struct upf_report *report);

/* Asks whom it is time to ask, gives up those who do not answer, looks for the sessions that error
 * indications mean; called by upf_poll(). Returns how much it did. */
uint32_t gtpu_path_poll(void);

enum gtpu_path_state gtpu_path_state(uint16_t peer);

/* Is the answer to an echo request of this number waited for? Workers: what nobody asked for is not
 * told to main. */
extern uint64_t gtpu_path_waits[65536 / 64];
static inline bool gtpu_path_waits_for(uint16_t sequence)
{
	return __atomic_load_n(&gtpu_path_waits[sequence / 64], __ATOMIC_RELAXED) >> sequence % 64 &
	       1;
}
const char *gtpu_path_text(enum gtpu_path_state state);

#endif
