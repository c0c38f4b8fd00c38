/* SPDX-License-Identifier: BSD-3-Clause */
/* Attachments: (port, VLAN) → slice. Configuration from the main thread only. */
#ifndef PIPELINES_ATTACHMENT_H
#define PIPELINES_ATTACHMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "counters.h"

int attachment_init(uint32_t workers);
void attachment_fini(void);

/* Takes a free id (1..LIMIT_ATTACHMENTS): 0 or -ENOSPC. Undo: attachment_release. */
int attachment_reserve(uint16_t *id);
void attachment_release(uint16_t id);

/* Publishes: frames on (port, vlan; 0 = untagged) enter slice. Also moves a published one. Cannot
 * fail. */
void attachment_set(uint16_t id, uint16_t slice, uint16_t port, uint16_t vlan);

/* Unpublishes, forgets the MACs learned on it; id free again after a grace period. No static MAC
 * may point to it. */
void attachment_unset(uint16_t id);

/* The port's mtu changed: what leaves by its attachments is measured against the new one. */
void attachment_port_mtu(uint16_t port);

bool attachment_in_slice(uint16_t id, uint16_t slice);

void attachment_counters_read(uint16_t id, struct counters *out);

#endif
