#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""An interface below a port vanishes and comes back by name: the port is taken up again within a second, with its attachments,
addresses, tap and counters, and traffic passes as before. A tenant's port and a WAN, AF_PACKET and AF_XDP.

    host a ─── lan0 [blue 100, VLAN 10 and untagged] ─── wan0 ═══ site (kernel VXLAN) ─── host b
"""
import time

from lib import Box, Watcher, at_least, check, equal, kernel_vxlan, ping, run, wait_for

A, B = "198.18.100.1", "198.18.100.2"


def one(lab, kind):
    site, a, b = lab.ns(f"site-{kind}"), lab.ns(f"a-{kind}"), lab.ns(f"b-{kind}")
    box = Box(lab, name=kind, args=("--no-huge", "--memory", "512"))
    box.port("lan0", a, "eth0", kind=kind)
    ours, theirs = box.wan(site, kind=kind)
    if kind == "af_xdp":  # its interface stays the kernel's
        box.ns.address("wan0", f"{ours}/24")
    box.slice("blue", 100, [("lan0", None)], [f"to-{site.name}"])
    a.address("eth0", f"{A}/24")
    kernel_vxlan(site, b, 100, theirs, ours, f"{B}/24")
    equal(ping(a, B, 3), 3, f"{kind}: pings")
    events = Watcher(box, "link")

    def port(name):
        return box.rpc.call("get", {"type": "port", "key": name})

    def vanish(name, remove, again):
        before = box.quiet()[f"port {name} rx_packets"]
        events.poll()
        events.seen.clear()
        remove()
        events.expect("link.down", port=name, gone=True)
        equal(port(name).get("gone"), True, f"{kind}: {name} is gone")
        again()
        back = time.monotonic()
        wait_for(lambda: port(name)["link"], f"{kind}: {name} is back")
        late = time.monotonic() - back
        print(f"{kind}: {name} is back {late * 1000:.0f} ms after its interface")
        check(late < 1, f"{kind}: {name} took {late:.2f} s")
        check("gone" not in port(name), f"{kind}: {name} is there")
        events.expect("link.up", port=name)
        wait_for(lambda: ping(a, B, 1) == 1, f"{kind}: traffic is back")
        equal(ping(a, B, 3), 3, f"{kind}: pings after {name} came back")
        at_least(box.quiet()[f"port {name} rx_packets"], before + 3, f"{kind}: {name} goes on counting")

    def wire(interface, peer, peer_if, mtu, mac, address):
        lab.wire(box.ns, interface, peer, peer_if, mtu, b_mac=mac)
        if kind == "af_packet":
            box.ns.quiet_interface(interface)
        peer.address(peer_if, address)

    def wan_again():
        wire(wan, site, "wan", 1600, mac, f"{theirs}/24")
        if kind == "af_xdp":
            box.ns.address(wan, f"{ours}/24")
    wan, mac = port("wan0")["device"].split("iface=")[1].split(",")[0], site.mac("wan")
    for _ in range(3):
        vanish("lan0", lambda: box.ns.ip("link del lan0"), lambda: wire("lan0", a, "eth0", 1500, None, f"{A}/24"))
        vanish("wan0", lambda: box.ns.ip(f"link del {wan}"), wan_again)
    # another takes its name meanwhile, and goes again
    box.ns.ip("link del lan0")
    events.expect("link.down", port="lan0", gone=True)
    lab.wire(box.ns, "lan0", a, "eth0", 1500)
    wait_for(lambda: port("lan0")["link"], "lan0 is back")
    box.ns.ip("link del lan0")
    wait_for(lambda: port("lan0").get("gone"), "lan0 is gone again")
    box.delete("attachment", "blue-lan0")
    box.delete("port", "lan0")
    box.ledger()
    box.stop()


def test(lab):
    for kind in ("af_packet", "af_xdp"):
        one(lab, kind)


run(test)
