/* SPDX-License-Identifier: BSD-3-Clause */
/* The packet tests of the user plane. */
#include "upf_net.h"

int main(void)
{
	TCase *(*const all[])(void) = {upf_up_tests, upf_down_tests, upf_way_tests,
		upf_hostile_tests, upf_control_tests, upf_capture_tests, upf_meter_tests,
		upf_hold_tests, upf_ethernet_tests, upf_ethernet_life_tests, upf_redirect_tests,
		upf_cut_tests, upf_line_tests, upf_line_change_tests, upf_amid_tests,
		upf_marker_tests, upf_smf_tests, upf_mix_tests};

	return run_suite("upf", all, sizeof(all) / sizeof(all[0]));
}
