/* SPDX-License-Identifier: BSD-3-Clause */
/* The real core and pipelines behind the socket, in place of fakes.c: a box without ports, whose
 * one worker does not run. A test program calls rooms_eal() first. */
#include <rte_eal.h>
#include <stdlib.h>

#include "fakes.h"
#include "port.h"
#include "rcu.h"
#include "rooms.h"
#include "switch.h"
#include "worker.h"

struct fakes fakes;
static bool up;

void rooms_eal(void)
{
	char *argv[] = {"rooms", "--no-huge", "-m", "512", "--no-shconf", "--no-telemetry",
		"--no-pci", "--log-level", "error", "--lcores", "0", "--iova-mode", "va", NULL};

	setenv("CK_FORK", "no", 1); /* DPDK's memory would be the children's too */
	if (rte_eal_init(sizeof(argv) / sizeof(argv[0]) - 1, argv) < 0)
		exit(1);
}

static void rooms_start(void)
{
	if (rcu_init() != 0 || port_init(1) != 0 || switch_init(1) != 0 ||
		worker_create(1, &switch_pipeline) != 0)
		exit(1);
}

static void rooms_stop(void)
{
	port_fini();
	rcu_reclaim(true);
	worker_stop();
	switch_fini();
	port_free_pools();
	rcu_fini();
}

/* rpc_client.c's setup() and teardown() call it by turns. */
void fakes_reset(void)
{
	if (up)
		rooms_stop();
	else
		rooms_start();
	up = !up;
}
