/* SPDX-License-Identifier: BSD-3-Clause */
/* Tunnels to other sites, and which slice is stretched over which. Configuration from the main
 * thread only. */
#ifndef PIPELINES_TUNNEL_H
#define PIPELINES_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "counters.h"
#include "types.h"

struct worker;
struct burst;

/* ---- stages ---- */

/* underlay[] → frames in slices (decapsulated), punt[]. RFC 7348 section 4.1, RFC 6040 section 4.2.
 */
void overlay_in_run(struct worker *w, struct burst *b);
/* to_tunnel → encapsulated, on their way out. RFC 7348 section 5, RFC 6040 section 4.1. */
void overlay_out_run(struct worker *w, struct burst *b);

/* ---- main thread ---- */

int tunnel_init(uint32_t workers);
void tunnel_fini(void);

/* Takes a free id (1..LIMIT_TUNNELS): 0 or -ENOSPC. Undo: tunnel_release. */
int tunnel_reserve(uint16_t *id);
void tunnel_release(uint16_t id);

/* Publishes a tunnel or its new values (members stay). Cannot fail; its paths are resolved by
 * underlay_resolve(). */
void tunnel_set(uint16_t id, const struct api_tunnel *cfg);
/* Unpublishes, forgets the MACs learned over it; id free after a grace period. No member and no
 * static MAC may be left. */
void tunnel_unset(uint16_t id);

/* Stretches a slice over a tunnel / takes it off (and forgets the slice's MACs learned over it).
 * Cannot fail: memory for LIMIT_MEMBERS is reserved. */
void member_set(uint16_t slice, uint16_t tunnel);
void member_unset(uint16_t slice, uint16_t tunnel);

bool member_exists(uint16_t slice, uint16_t tunnel);

bool tunnel_is_used(uint16_t id);
/* Can it send now? */
bool tunnel_has_path(uint16_t id);

/* For people: "up via wan0 198.18.0.2", "no route", "no neighbor 198.18.0.2". text has 160 bytes.
 */
void tunnel_state(uint16_t id, char *text);

void tunnel_counters_read(uint16_t id, struct counters *out);

#endif
