#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Tenants of MTU 1500 over an underlay of MTU 1500: a tunnel with `fragment` cuts the outer packet, and a Linux kernel puts
it together. Back, the kernel cuts outside or inside, as it likes. Without `fragment` the same frames are underlay_mtu.

    host a ── lan0 [blue 100]  wan0 ══ 198.18.0.0/24, MTU 1500 ═══ site4 ── vx100 in host b
    host c ── lan1 [green 200] wan1 ══ 2001:db8:1::/64, MTU 1500 ═ site6 ── vx200 in host d
"""
from lib import CONGESTION, Box, at_least, check, diff, drops_of, equal, iperf, kernel_vxlan, ping, run


def put_tunnel(box, ours, theirs, site, **fields):
    box.put("tunnel", name=f"to-{site.name}", encap="vxlan", local=ours, remote=theirs, **fields)


def test(lab):
    a, b, c, d, site4, site6 = (lab.ns(name) for name in ("a", "b", "c", "d", "site4", "site6"))
    box = Box(lab)
    ways = {}
    for name, near, far, lan, site, vni, number, v6 in (
            ("blue", a, b, "lan0", site4, 100, 0, False), ("green", c, d, "lan1", site6, 200, 1, True)):
        box.port(lan, near, "eth0")
        near.address("eth0", "198.18.100.1/24", "2001:db8:100::1/64")
        ways[name] = box.wan(site, number, mtu=1500, v6=v6)
        box.slice(name, vni, [(lan, None)], [f"to-{site.name}"])
        kernel_vxlan(site, far, vni, *reversed(ways[name]), "198.18.100.2/24", "2001:db8:100::2/64",
                     options="udp6zerocsumrx" if v6 else "")

    for name, near, far, site, wan, room in (("blue", a, b, site4, "wan0", 1450), ("green", c, d, site6, "wan1", 1430)):
        before = box.ledger()
        equal(ping(near, "198.18.100.2", 3, size=1472, options="-M do", wait=1), 0, f"{name}: full size pings without fragment")
        equal(drops_of(diff(before, box.ledger())), {"underlay_mtu": 3}, f"{name}: drops without fragment")

        put_tunnel(box, *ways[name], site, fragment=True)
        tunnel = box.rpc.call("get", {"type": "tunnel", "key": f"to-{site.name}"})
        equal((tunnel["fragment"], tunnel["df"]), (True, False), f"{name}: fragment, df")
        # over IPv6 the kernel's VXLAN loses the first reply that its own underlay cannot carry whole, and has learned then
        ping(near, "198.18.100.2", 3, size=1472, wait=1)
        ping(near, "2001:db8:100::2", 3, size=1452, wait=1)
        for csum in ("auto", "on"):
            put_tunnel(box, *ways[name], site, fragment=True, udp_csum=csum)
            for size, pieces in ((room - 28, 1), (room - 27, 2), (1472, 2)):
                before = box.ledger()
                equal(ping(near, "198.18.100.2", 5, size=size, options="-M do"), 5, f"{name}: pings of {size} bytes, checksum {csum}")
                change = diff(before, box.ledger())
                equal(drops_of(change), {}, f"{name}: drops, {size} bytes")
                equal(change.get("box replicated", 0), 5 * (pieces - 1), f"{name}: fragments beyond the first, {size} bytes")
                at_least(change[f"port {wan} tx_packets"], 5 * pieces, f"{name}: packets on the wire, {size} bytes")
            equal(ping(far, "198.18.100.1", 5, size=1472, options="-M dont"), 5, f"{name}: full size pings back, checksum {csum}")
            equal(ping(near, "2001:db8:100::2", 5, size=1452), 5, f"{name}: full size IPv6 pings, checksum {csum}")
        before = box.ledger()
        for reverse in (False, True):
            rate = iperf(near, far, "198.18.100.2", reverse=reverse)
            print(f"iperf3 {name}, 1500 over 1500 in fragments{', back' if reverse else ''}: {rate:.0f} Mbit/s")
        drops = set(drops_of(diff(before, box.ledger())))
        # TCP that loses a fragment leaves the rest of its packet waiting
        check(drops <= CONGESTION | {"fragment_timeout"}, f"{name}: drops {drops}")

        put_tunnel(box, *ways[name], site)
        before = box.ledger()
        equal(ping(near, "198.18.100.2", 2, size=1472, wait=1), 0, f"{name}: full size pings, fragment off again")
        equal(drops_of(diff(before, box.ledger())), {"underlay_mtu": 2}, f"{name}: drops, fragment off again")


run(test)
