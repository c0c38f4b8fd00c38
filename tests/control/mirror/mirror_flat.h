/* SPDX-License-Identifier: BSD-3-Clause */
/* On mirror_rig.h: l2 slice flat (VNI 10, bridge br10) with tap flat0, and its devices. */
#ifndef TESTS_MIRROR_FLAT_H
#define TESTS_MIRROR_FLAT_H

#include "mirror_rig.h"

#define BRIDGE	3
#define VXLAN	4
#define TAP	5
#define STATION "02:00:00:00:00:0a"

/* rig_setup, and the slice. */
static inline void flat_setup(void)
{
	rig_setup();
	ck_fine(put("slice", "{'name': 'flat', 'vni': 10, 'kernel': {'bridge': 'br10'}, "
			     "'endpoints': [{'site': 'gj', 'port': 'lan0', 'vlan': 20, 'tap': "
			     "'flat0'}]}"));
	mirror_touch(mirror);
	rig_run();
	rig_run();
}

static inline void has_devices(void)
{
	fake_bridge("", BRIDGE, "br10");
	fake_vxlan("", VXLAN, "vx10", 10, BRIDGE);
	fake_link("", TAP, "flat0", true);
	fake_master("", TAP, BRIDGE);
	rig_run();
}

/* dst NULL: the bridge has it by this port; else the device, behind that VTEP. */
static inline void has(uint32_t index, const char *mac, const char *dst)
{
	fake_fdb("", index, dst ? 0 : BRIDGE, mac, dst);
	rig_run();
}

#endif
