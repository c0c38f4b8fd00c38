/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of the SmartX playground's older services, answered from the same intents and readings
 * as /v1: GET /getboxesstatus, /getoverlaylatency, /getcontrollersstatus; GET, POST /slices, DELETE
 * /slices/{name}; GET, POST /access_slices, DELETE /access_slices/{name}. Changes intents through
 * rest.h, as any request would. */
#ifndef SMARTX_SMARTX_H
#define SMARTX_SMARTX_H

#include "http.h"

extern const struct route smartx_routes[];

#endif
