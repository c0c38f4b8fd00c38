/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of the SmartX playground's older services, answered from the same intents and readings
 * as /v1. smartx.c holds the table of routes and what is only shown, smartx_slices.c the slices,
 * smartx_access.c the things that are connected to them. */
#ifndef OBSERVE_SMARTX_H
#define OBSERVE_SMARTX_H

#include "rest.h"

void smartx_slices_get(struct request *r);
void smartx_slices_post(struct request *r);
void smartx_slices_delete(struct request *r);

void smartx_access_get(struct request *r);
void smartx_access_post(struct request *r);
void smartx_access_delete(struct request *r);

/* The VLAN of a slice's first endpoint; 0: it has none. */
uint32_t smartx_vlan(const struct intent *slice);
/* Whose new things are: the actor's own tenant's; "" for operators. */
const char *smartx_tenant(const struct actor *actor);
/* rest_change, and the answer when it refuses. 0 or -1. */
int smartx_change(struct request *r, const struct rest_op *ops, size_t count);

#endif
