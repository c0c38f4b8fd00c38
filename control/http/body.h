/* SPDX-License-Identifier: BSD-3-Clause */
/* What came with a request: query and body (body.c). Used by the files of control/http alone. */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include "request.h"

/* As the route wants it; false after a problem was answered. */
bool query_read(struct request *r);
bool body_read(struct request *r);

#endif
