/* SPDX-License-Identifier: BSD-3-Clause */
/* A bound on the memory of JSON values, so that a hostile line of 16 MiB ("[],[],[],...") is an
 * error answer rather than the end of the box. */
#ifndef RPC_BUDGET_H
#define RPC_BUDGET_H

#include <stddef.h>

/* Before the first JSON value of the process; more than once is harmless. */
void budget_install(void);
/* Frees what json_dumps returned, as evbuffer_add_reference wants it. */
void budget_free_text(const void *text, size_t len, void *arg);
/* Bytes held now, and how many may be. */
long long budget_used(void);
long long budget_limit(void);

#endif
