#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A TCP connection to the kernel of a box, as ssh, by the interface under its AF_XDP port: in whatever order dataplane and
control come, are killed and come back, it goes on. The longest time that it stands still is measured each time.

    far  198.18.0.2 ═══════ wan0 gj 198.18.0.1      and trunk0, where an untagged attachment is, and later is none
"""
import time

from control import Site
from lib import check, equal, ping, run, wait_for
from stream import Stream

# some ms on an idle machine; on one that is not, a segment lost twice stands for 0.6 s, and others have the CPUs, too
HOLE_MS = 2000
SETTLE_S = 0.5


def places(far_mac, attached):
    """The box and its WAN; attached: trunk0 is a tenant's whole."""
    ports = [{"name": "lan0", "device": "net_af_xdp2,iface=lan0"}, {"name": "trunk0", "device": "net_af_xdp3,iface=trunk0"}]
    slices = [{"kind": "slice", "name": "blue", "vni": 100, "endpoints": [{"site": "gj", "port": "lan0"}, {"site": "bs", "port": "lan0"}]}]
    if attached:
        slices.append({"kind": "slice", "name": "red", "vni": 300, "endpoints": [{"site": "gj", "port": "trunk0"}]})
    return [{"kind": "site", "name": "gj", "ports": ports},
            {"kind": "wan", "name": "wan0", "site": "gj", "device": "net_af_xdp1,iface=wan0", "mtu": 1600, "addresses": ["198.18.0.1/24"],
             "neighbors": [{"address": "198.18.0.2", "mac": far_mac}]},
            {"kind": "site", "name": "bs", "ports": [{"name": "lan0", "device": "net_af_xdp9,iface=lan0"}]},
            {"kind": "wan", "name": "bswan", "site": "bs", "device": "net_af_xdp8,iface=wan0", "mtu": 1600, "addresses": ["198.18.0.2/24"]},
            *slices]


class Orders:
    def __init__(self, stream):
        self.stream, self.holes = stream, {}

    def measure(self, what, *steps):
        """Each step, and a while after it."""
        time.sleep(SETTLE_S)
        self.stream.begin()
        for step in steps:
            step()
            time.sleep(SETTLE_S)
        self.holes[what] = self.stream.hole()
        print(f"TCP to the kernel, {what}: still for at most {self.holes[what]:.0f} ms", flush=True)
        deadline = time.monotonic() + 3
        while self.stream.hole() > 500 and time.monotonic() < deadline:
            self.stream.longest = 0
            time.sleep(0.2)


def by_hand(site, far_mac):
    """The WAN port and a tunnel, as somebody without a control plane puts them."""
    box = site.box
    box.put("port", name="wan0", device="net_af_xdp1,iface=wan0", mtu=1600)
    box.put("address", port="wan0", prefix="198.18.0.1/24")
    box.put("neighbor", port="wan0", address="198.18.0.2", mac=far_mac)
    box.put("tunnel", name="to-bs", encap="vxlan", local="198.18.0.1", remote="198.18.0.2")


def restart(site):
    site.box.start()
    wait_for(site.synced, "gj is as wanted again")


def test(lab):
    site, far = Site(lab, "gj"), lab.ns("far")
    box = site.box
    for here, there, mtu in (("wan0", "wan", 1600), ("lan0", "lan", 1500), ("trunk0", "trunk", 1500)):
        lab.wire(box.ns, here, far, there, mtu)
    box.ns.address("wan0", "198.18.0.1/24")
    far.address("wan", "198.18.0.2/24")
    box.ns.address("trunk0", "198.18.60.1/24")
    far.address("trunk", "198.18.60.2/24")
    far_mac = far.mac("wan")
    equal(ping(far, "198.18.60.1", 1), 1, "ping by the trunk")
    stream = Stream(far, box.ns, "198.18.0.1")
    orders = Orders(stream)
    orders.measure("nothing happens")

    site.kill()
    orders.measure("a port and a tunnel by hand, no control", lambda: by_hand(site, far_mac), lambda: time.sleep(HOLE_MS / 1000))
    orders.measure("control comes after", site.start, lambda: site.apply(*places(far_mac, True)))
    trunk = Stream(far, box.ns, "198.18.60.1") if ping(far, "198.18.60.1", 1) else None
    check(trunk is None, "an interface with an untagged attachment is the tenant's")
    orders.measure("control kill -9, and again", site.kill, site.start)
    orders.measure("dataplane kill -9, control lives", site.kill_dataplane, lambda: restart(site))
    orders.measure("both kill -9, dataplane first", site.kill, site.kill_dataplane, box.start, site.start,
                   lambda: wait_for(site.synced, "gj is as wanted"))

    def control_first():
        site.start()
        time.sleep(1)
        restart(site)
    orders.measure("both kill -9, control first", site.kill, site.kill_dataplane, control_first)

    # what is wanted has changed when both are back: the trunk is the kernel's again, and from the first moment on
    site.kill_dataplane()
    wait_for(lambda: ping(far, "198.18.60.1", 1), "without a dataplane the trunk is the kernel's")
    trunk = Orders(Stream(far, box.ns, "198.18.60.1"))
    status, answer = site.call("DELETE", "/v1/slices/red")
    check(status in (200, 204), f"delete red: {answer}")
    trunk.measure("its attachment deleted while the dataplane was dead", lambda: restart(site))
    trunk.stream.close()
    orders.measure("dataplane ends and comes back", box.stop, lambda: restart(site))
    stream.close()
    site.stop()
    box.stop()
    site.box.start()
    site.start()
    for what, hole in (*orders.holes.items(), *trunk.holes.items()):
        check(hole <= HOLE_MS, f"TCP to the kernel, {what}: still for {hole:.0f} ms")


run(test)
