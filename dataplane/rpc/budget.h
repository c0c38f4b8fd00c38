/* SPDX-License-Identifier: BSD-3-Clause */
/* A bound on the memory of JSON values, so that a hostile line of 16 MiB ("[],[],[],...") is an
 * error answer rather than the end of the box. */
#ifndef RPC_BUDGET_H
#define RPC_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

/* Before the first JSON value of the process; more than once is harmless. */
void budget_install(void);
/* What this thread makes of JSON between the two is gone at the end, at once and whether it was
 * freed or not: a request of ten thousand sessions is a million pieces of memory. Begin: false when
 * there is no such memory, and everything is as ever; then end may not be called. pause: what
 * follows is to stay, and end is still to come. */
bool budget_request_begin(void);
void budget_request_again(void); /* forgets what there is so far */
void budget_request_pause(void);
void budget_request_end(void);
/* Gives what a large request took back to the kernel once there has been none for a while; called
 * ten times a second. */
void budget_poll(void);
/* Frees what json_dumps returned, as evbuffer_add_reference wants it. */
void budget_free_text(const void *text, size_t len, void *arg);
/* Makes room for a text of size bytes, or for one that has grown: as realloc(). */
void *budget_grow_text(void *text, size_t size);
/* Bytes held now, and how many may be. */
long long budget_used(void);
long long budget_limit(void);

#endif
