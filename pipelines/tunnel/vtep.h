/* SPDX-License-Identifier: BSD-3-Clause */
/* The endpoint tables: (local, remote, UDP port, VNI) → slice and tunnel. Written by tunnel.c, main
 * thread; read by overlay_in.c. What is added takes over an entry that is there: tunnels, slices
 * and gtpus of one transaction may exchange what they have, one after the other, and who leaves
 * what another has taken over leaves it alone. */
#ifndef PIPELINES_VTEP_H
#define PIPELINES_VTEP_H

#include <stdbool.h>

#include "types.h"

int vtep_init(void);
void vtep_fini(void);

/* The tunnel's far end becomes known, or unknown again; counts its local address and UDP port. */
void vtep_peer(const struct api_tunnel *cfg, uint16_t tunnel, bool add);
/* Its VNI leads into the slice, or nowhere again. */
void vtep_member(
	const struct api_tunnel *cfg, uint32_t vni_be, uint16_t slice, uint16_t tunnel, bool add);

/* GTP-U to this address becomes, or is no longer, that of the gtpu `id`. */
void vtep_gtpu(const struct api_ip *local, uint16_t id, bool accept_zero_csum6, bool add);

/* Does it lead there now? */
bool vtep_is_member(const struct api_tunnel *cfg, uint32_t vni_be, uint16_t slice);

/* tunnel.c: moves the slice's members to another VNI; called before slice_hot has it. */
void tunnel_vni_change(uint16_t slice, uint32_t vni_be);
/* tunnel.c: the endpoint entries get the marks of the slice's flags; called after slice_hot has
 * them. */
void tunnel_flags_change(uint16_t slice);

#endif
