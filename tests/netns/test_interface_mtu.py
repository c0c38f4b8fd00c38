#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Somebody lowers the MTU of an interface below a port: what the kernel would lose without a word is dropped by name, the port
and the health say so with the cure, and all is as before when it is put right. A tenant's port and a WAN, IPv4 and IPv6 inside
and outside; what the box's own kernel sends.

    host a ── lan0 ┐ [office 100] ┌ a-isp, 1600 ══ far: Linux, VXLAN ── b
    host c ── lan1 ┘              └ (198.18.0.0/24 or 2001:db8:1::/64)
"""
from control import Site
from lib import check, diff, drops_of, equal, kernel_vxlan, ping, run, wait_for
from switch import DEVICE

INSIDE = {"a": ("198.18.100.1", "2001:db8:64::1"), "b": ("198.18.100.2", "2001:db8:64::2"), "c": ("198.18.100.3", "2001:db8:64::3")}
BITS = {4: 24, 6: 64}


def ends(family):
    return ("198.18.0.1", "198.18.0.2") if family == 4 else ("2001:db8:1::1", "2001:db8:1::2")


def documents(box, family, site, interface, far_mac):
    ours, theirs = ends(family)
    bits = BITS[family]
    return [
        {"kind": "site", "name": site, "ports": [{"name": name, "device": box.device(name)} for name in ("lan0", "lan1")]},
        {"kind": "wan", "name": "a-isp", "site": site, "device": box.device(interface), "mtu": 1600, "addresses": [f"{ours}/{bits}"],
         "neighbors": [{"address": theirs, "mac": far_mac}]},
        {"kind": "site", "name": "b", "ports": [{"name": "lan"}]},
        {"kind": "wan", "name": "b-isp", "site": "b", "addresses": [f"{theirs}/{bits}"], "mtu": 1600},
        {"kind": "slice", "name": "office", "vni": 100, "endpoints": [{"site": site, "port": "lan0"}, {"site": site, "port": "lan1"},
                                                                      {"site": "b", "port": "lan"}]},
    ]


def pings(space, other, size):
    """How many of three come back, by IPv4 and by IPv6: the same packets as large as `size`, with their IP header."""
    return [ping(space, INSIDE[other][0], 3, size=size - 28, options="-M do", wait=1),
            ping(space, INSIDE[other][1], 3, size=size - 48, options="-M do", wait=1)]


def not_well(site):
    return {f"{one['kind']}:{one['name']}": one for one in site.get("/v1/health")["not_well"]}


def lowered(site, interface, port, mtu, of, what):
    """The interface's MTU falls; what the port says, and that the health names all that is on it."""
    site.ns.ip(f"link set {interface} mtu {mtu}")
    want = (f"interface {interface} has an MTU of {mtu}, port {port} of {of}: larger frames are lost; "
            f"ip link set {interface} mtu {of}")

    def said():
        return site.box.rpc.call("get", {"type": "port", "key": port})
    wait_for(lambda: said().get("fault") == want, f"port {port} says: {said()}", 1)
    equal(said()["interface_mtu"], mtu, f"interface_mtu of {port}")
    wait_for(lambda: set(not_well(site)) == what, f"not well: {not_well(site)}", 10)
    for name, one in not_well(site).items():
        text = want if name.startswith(("port:", "wan:", "site:")) else f"port {port} loses large frames"
        equal((one["health"], one["text"]), ("interface_mtu", text), name)
    check(f"port {port}: {want}" in open(site.box.log, errors="replace").read(), "the log has it")


def well_again(site, seconds=10):
    try:
        wait_for(lambda: not not_well(site), "well again", seconds)
    except AssertionError:
        equal(not_well(site), {}, "not well")


def put_right(site, interface, port, mtu):
    site.ns.ip(f"link set {interface} mtu {mtu}")
    well_again(site)
    said = site.box.rpc.call("get", {"type": "port", "key": port})
    check("fault" not in said and "interface_mtu" not in said, f"port {port} is well again: {said}")


def check_tenant(site, spaces):
    """A LAN of 1400 below a port of 1500: what does not fit is access_mtu, to the packet."""
    equal(pings(spaces["c"], "a", 1500), [3, 3], "1500 bytes, all is well")
    lowered(site, "lan0", "lan0", 1400, 1500, {"port:lan0", f"site:{site.name}", "slice:office"})
    before = site.box.quiet()
    equal(pings(spaces["c"], "a", 1400), [3, 3], "1400 bytes by a port of 1400")
    equal(drops_of(diff(before, site.box.ledger())), {}, "drops of what fits")
    before = site.box.quiet()
    equal(pings(spaces["c"], "a", 1401), [0, 0], "1401 bytes by a port of 1400")
    equal(pings(spaces["b"], "a", 1500), [0, 0], "1500 bytes from a tunnel by a port of 1400")
    change = diff(before, site.box.ledger())
    equal(drops_of(change), {"access_mtu": 12}, "drops of what is larger")
    equal(change.get("slice office dropped"), 12, "the slice knows them")
    put_right(site, "lan0", "lan0", 1500)
    equal(pings(spaces["c"], "a", 1500), [3, 3], "1500 bytes, put right")


def check_wan(site, spaces, family, interface):
    """A WAN of 1500 below one of 1600: the header takes 50 bytes, or 70, and the rest goes."""
    room = 1500 - (50 if family == 4 else 70)
    equal(pings(spaces["a"], "b", 1500), [3, 3], "1500 bytes over 1600")
    lowered(site, interface, "a-isp", 1500, 1600, {"port:a-isp", "wan:a-isp", "slice:office"})
    before = site.box.quiet()
    equal(pings(spaces["a"], "b", room), [3, 3], f"{room} bytes over 1500")
    equal(drops_of(diff(before, site.box.ledger())), {}, "drops of what fits")
    before = site.box.quiet()
    equal(pings(spaces["a"], "b", room + 1), [0, 0], f"{room + 1} bytes over 1500")
    equal(drops_of(diff(before, site.box.ledger())), {"underlay_mtu": 6}, "drops of what is larger")
    put_right(site, interface, "a-isp", 1600)
    equal(pings(spaces["a"], "b", 1500), [3, 3], "1500 bytes, put right")


def check_kernel(site, family, interface):
    """What the box's own kernel sends by the twin: it is told of the lesser MTU, and what is larger all the same has a name."""
    theirs = ends(family)[1]
    if DEVICE == "af_xdp":
        return  # no twin: the interface is the kernel's own

    def twin_mtu():
        return site.ns.asked("ip -j link show dev a-isp")[0]["mtu"]
    site.ns.ip(f"link set {interface} mtu 1300")
    wait_for(lambda: twin_mtu() == 1300, "the twin's MTU follows")
    before = site.box.quiet()
    for _ in range(20):  # right behind it: the twin's MTU is put right again within some ms
        answered = site.ns.run(["sh", "-c", f"ip link set a-isp mtu 1500; ping -c 1 -W 1 -M do -s {1452 if family == 6 else 1472} {theirs}"],
                               check_status=False)
        check("bytes from" not in answered, f"a ping of the kernel's, too large, came back: {answered}")
        if drops_of(diff(before, site.box.ledger())):
            break
    equal(drops_of(diff(before, site.box.ledger())), {"kernel_mtu": 1}, "it has a name")
    site.ns.ip(f"link set {interface} mtu 1000")
    wait_for(lambda: twin_mtu() == 1280, "less would take its IPv6 away")
    site.ns.ip(f"link set {interface} mtu 1600")
    wait_for(lambda: twin_mtu() == 1500, "the twin's MTU is back")
    equal(ping(site.ns, theirs, 2, size=1400), 2, "pings of the kernel's")


def check_put(site, interface):
    """A put of another mtu raises the interface: the fault ends there and then."""
    site.ns.ip(f"link set {interface} mtu 1300")
    wait_for(lambda: not_well(site), "it is noticed", 10)
    equal(site.call("PATCH", "/v1/wans/a-isp?wait=10", {"mtu": 1580})[0], 200, "another mtu")
    equal(site.ns.asked(f"ip -j link show dev {interface}")[0]["mtu"], 1580, "the interface is raised with the port")
    well_again(site)
    check("fault" not in site.box.rpc.call("get", {"type": "port", "key": "a-isp"}), "the port, too")


def one(lab, family):
    site = Site(lab, f"v{family}")
    spaces = {name: lab.ns(f"{name}{family}") for name in "abc"}
    far, interface = lab.ns(f"far{family}"), "isp0"
    for near, other, there, mtu in (("lan0", spaces["a"], "eth0", 1500), ("lan1", spaces["c"], "eth0", 1500), (interface, far, "isp", 1600)):
        lab.wire(site.ns, near, other, there, mtu)
        if DEVICE != "af_xdp":
            site.ns.quiet_interface(near)
    ours, theirs = ends(family)
    far.address("isp", f"{theirs}/{BITS[family]}")
    kernel_vxlan(far, spaces["b"], 100, theirs, ours, *(f"{address}/{BITS[v]}" for v, address in zip((4, 6), INSIDE["b"])))
    for name in "ac":
        spaces[name].address("eth0", *(f"{address}/{BITS[v]}" for v, address in zip((4, 6), INSIDE[name])))
    site.apply(*documents(site.box, family, site.name, interface, far.mac("isp")))
    wait_for(lambda: site.box.rpc.call("get", {"type": "tunnel", "key": "a-isp:b-isp"})["state"].startswith("up"), "the tunnel is up")
    well_again(site, 30)  # control has yet to read what the new dataplane has
    check_tenant(site, spaces)
    check_wan(site, spaces, family, interface)
    check_kernel(site, family, interface)
    check_put(site, interface)
    site.stop()


def test(lab):
    for family in (4, 6):
        one(lab, family)


run(test)
