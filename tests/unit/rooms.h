/* SPDX-License-Identifier: BSD-3-Clause */
/* The real rooms behind rpc_client.h's socket. */
#ifndef TESTS_ROOMS_H
#define TESTS_ROOMS_H

/* Once, before the tests. */
void rooms_eal(void);

#endif
