/* SPDX-License-Identifier: BSD-3-Clause */
/* EAL and RCU for the table tests: a small process with no devices. */
#ifndef TESTS_TABLE_EAL_H
#define TESTS_TABLE_EAL_H

#include <rte_common.h>
#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>

#include "rcu.h"

static inline void table_eal(void)
{
	char *argv[] = {"test", "--no-huge", "-m", "256", "--no-shconf", "--no-telemetry",
		"--no-pci", "--log-level", "error", "--lcores", "0", "--iova-mode", "va", NULL};

	if (rte_eal_init(RTE_DIM(argv) - 1, argv) < 0 || rcu_init() != 0) {
		fprintf(stderr, "EAL does not start\n");
		exit(EXIT_FAILURE);
	}
}

#endif
