/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests and the store's disk (durable.c). Used by the files of control/http alone. */
#ifndef HTTP_DURABLE_H
#define HTTP_DURABLE_H

#include "request.h"

int durable_start(void); /* 0, -ENOMEM */
void durable_stop(void); /* after the last request was freed */
/* True: the answer to a change goes out when all that was committed by now is on disk, or as a 503
 * when it never will be. text is taken over as by reply_reference(); NULL: there is none. */
bool durable_hold(struct request *r, int status, const char *type, const char *text, size_t len,
	void (*freed)(const void *text, size_t len, void *arg), void *arg);
/* The request is freed before its answer was sent. */
void durable_drop(struct request *r);

#endif
