#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""VLAN attachments behind a real switch: Open vSwitch (userspace datapath) tags two tenants' access ports onto a trunk.

    host r ── access tag 10 ┐                                                    ┌ vx200 in rb 198.18.100.2
                            ovs ── trunk ── trunk ┬ VLAN 10 [red 200]   wan0 ═══ site
    host g ── access tag 20 ┘                     └ VLAN 20 [green 300]          └ vx300 in gb 198.18.100.2
    both 198.18.100.1, one MAC                                       both one MAC
"""
from lib import Box, at_least, diff, drops_of, equal, iperf, kernel_vxlan, ping, run, wait_for
from ovs import Ovs

HERE, THERE = "02:00:00:00:00:01", "02:00:00:00:00:02"


def test(lab):
    sw, site = lab.ns("ovs"), lab.ns("site")
    hosts = {name: (lab.ns(name), lab.ns(f"{name}b")) for name in ("r", "g")}
    box = Box(lab)
    box.port("trunk", sw, "trunk")
    ours, theirs = box.wan(site)
    box.slice("red", 200, [("trunk", 10)], ["to-site"])
    box.slice("green", 300, [("trunk", 20)], ["to-site"])
    for name, vni in (("r", 200), ("g", 300)):
        near, far = hosts[name]
        lab.wire(sw, f"acc-{name}", near, "eth0", b_mac=HERE)
        near.address("eth0", "198.18.100.1/24")
        kernel_vxlan(site, far, vni, theirs, ours, "198.18.100.2/24", mac=THERE)
    for interface in ("trunk", "acc-r", "acc-g"):
        sw.quiet_interface(interface)
    ovs = Ovs(lab, sw)
    ovs.vsctl("add-port br0 acc-r tag=10")
    ovs.vsctl("add-port br0 acc-g tag=20")
    ovs.vsctl("add-port br0 trunk trunks=10,20")

    for name, slice_name, other in (("r", "red", "green"), ("g", "green", "red")):
        near, far = hosts[name]
        wait_for(lambda space=near: ping(space, "198.18.100.2", 1, wait=1) == 1, f"{name} across Open vSwitch and Sluice")
        before = box.ledger()
        equal(ping(near, "198.18.100.2", 10), 10, f"pings {name} out")
        equal(ping(far, "198.18.100.1", 10, size=1472, options="-M do"), 10, f"full size pings {name} back")
        change = diff(before, box.ledger())
        at_least(change[f"slice {slice_name} in_packets"], 40, f"slice {slice_name} in")
        equal([key for key in change if f" {other} " in key], [], f"counters of {other} that moved")
        equal(drops_of(change), {}, "drops")
    for name in ("r", "g"):
        near, far = hosts[name]
        for reverse in (False, True):
            rate = iperf(near, far, "198.18.100.2", reverse=reverse)
            print(f"iperf3 {name}, VLAN by Open vSwitch, {'back' if reverse else 'out'}: {rate:.0f} Mbit/s")
    box.ledger()


run(test)
