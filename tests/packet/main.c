/* SPDX-License-Identifier: BSD-3-Clause */
/* The packet tests of the switch. */
#include "expect.h"

int main(void)
{
	TCase *(*const all[])(void) = {access_tests, encap_tests, ecn_tests, decap_tests,
		hostile_tests, reassembly_tests, flood_tests, learn_tests, paths_tests,
		change_tests, geneve_tests, mss_tests, fragment_tests, meter_tests, route_tests,
		suppress_tests, suppress_nd_tests, shape_tests, host_tests, arp_tests, icmp_tests,
		icmp_silence_tests, neighbor_tests, neighbor_route_tests, announce_tests,
		share_tests, tap_tests, tap_out_tests};

	return run_suite("packet", all, sizeof(all) / sizeof(all[0]));
}
