/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours of l3 slices, static ones only for now. Called by rpc/ on the main thread. */
#include "neighbor.h"

#include "fib.h"
#include "l3.h"

int neighbor_init(uint32_t workers_total)
{
	return 0;
}

void neighbor_fini(void)
{
}

void neighbor_set(uint16_t slice, uint16_t attachment, const struct api_ip *address,
	const struct api_mac_addr *mac)
{
	uint32_t index, again;

	if (nexthop_take_neighbor(slice, attachment, address, &index) != 0 ||
		nexthop_take_neighbor(slice, attachment, address, &again) != 0)
		return;
	nexthop_resolve(index, mac, false);
	fib_own_set(slice, address, again, FIB_NEIGHBOR);
}

void neighbor_network_change(uint16_t slice, uint16_t attachment)
{
}

void neighbor_return(uint16_t slice, const struct api_ip *address)
{
}

void neighbor_want(uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
}

void neighbor_unwant(uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
}
