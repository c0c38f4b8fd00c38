/* SPDX-License-Identifier: BSD-3-Clause */
/* Between compile_slice.c and slice_routes.c. */
#ifndef COMPILE_SLICE_ROUTES_H
#define COMPILE_SLICE_ROUTES_H

#include "stretch.h"

/* Gateways of the own endpoints and the routes of an l3 slice: 0, -ENOMEM, -EINVAL. */
int emit_routes(struct compile *c, const struct intent_slice *slice, const struct stretch *stretch);

#endif
