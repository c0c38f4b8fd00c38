#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two WAN ports to one site: flows spread over both by hash, one flow stays on one; a path taken away takes none along.

                               ┌ wan0 198.18.0.1 ═══ 198.18.0.2 wan0 ┐
    raw a ─── lan0 [blue 100] ─┤                                     ├ site, tunnel address 198.18.255.2
                               └ wan1 198.18.1.1 ═══ 198.18.1.2 wan1 ┘
    box's tunnel address 198.18.0.1
"""
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from lib import Box, at_least, check, diff, drops_of, equal, kernel_vxlan, ping, run

HERE, THERE, FLOWS = "02:00:00:00:00:01", "02:00:00:00:00:02", 400


def test(lab):
    a, site, b = lab.ns("a"), lab.ns("site"), lab.ns("b")
    box = Box(lab)
    box.port("lan0", a, "eth0", peer_mac=HERE)
    for number in (0, 1):
        box.port(f"wan{number}", site, f"wan{number}", mtu=1600, tap=True)
        site.address(f"wan{number}", f"198.18.{number}.2/24")
        box.put("address", port=f"wan{number}", prefix=f"198.18.{number}.1/24")
        box.put("neighbor", port=f"wan{number}", address=f"198.18.{number}.2", mac=site.mac(f"wan{number}"))
    site.address("lo", "198.18.255.2/32")
    via = [{"address": "198.18.0.2"}, {"address": "198.18.1.2", "port": "wan1"}]
    box.put("route", table="underlay", prefix="198.18.255.2/32", via=via)
    box.put("tunnel", name="to-site", encap="vxlan", local="198.18.0.1", remote="198.18.255.2")
    box.slice("blue", 100, [("lan0", None)], ["to-site"])
    kernel_vxlan(site, b, 100, "198.18.255.2", "198.18.0.1", "198.18.100.2/24", mac=THERE)
    a.address("eth0", "198.18.100.1/24")
    equal(ping(a, "198.18.100.2", 3), 3, "pings over two paths")
    raw = a.raw("eth0")

    def flows(count, each=1):
        """How many packets of `count` UDP flows left by wan0 and wan1."""
        before = box.quiet()
        for flow in range(count):
            frame = bytes(Ether(src=HERE, dst=THERE) / IP(src="198.18.100.1", dst="198.18.100.2") / UDP(sport=10000 + flow, dport=9) / (b"f" * 30))
            raw.send(*[frame] * each)
        change = diff(before, box.ledger())
        equal(drops_of(change), {}, "drops")
        return [change.get(f"port wan{number} tx_packets", 0) for number in (0, 1)]

    spread = flows(FLOWS)
    print(f"{FLOWS} flows left {spread[0]} : {spread[1]}")
    equal(sum(spread), FLOWS, "packets out")
    for count in spread:
        at_least(count, FLOWS // 4, "share of a path")
    one = flows(1, each=50)
    check(sorted(one) == [0, 50], f"one flow keeps its path: {one}")

    # weights
    box.put("route", table="underlay", prefix="198.18.255.2/32", via=[{"address": "198.18.0.2", "weight": 3}, {"address": "198.18.1.2", "weight": 1}])
    spread = flows(FLOWS)
    print(f"weights 3 : 1 left {spread[0]} : {spread[1]}")
    check(spread[0] > spread[1] * 1.7, f"weight 3 carries more than weight 1: {spread}")

    # one path alone; then none: named, not lost
    box.put("route", table="underlay", prefix="198.18.255.2/32", via=[{"address": "198.18.1.2"}])
    equal(flows(20), [0, 20], "packets over the path that is left")
    box.delete("neighbor", "wan1 198.18.1.2")
    before = box.quiet()
    raw.send(bytes(Ether(src=HERE, dst=THERE) / IP(src="198.18.100.1", dst="198.18.100.2") / UDP(sport=1, dport=9)))
    equal(drops_of(diff(before, box.ledger())), {"no_neighbor": 1}, "drops without a neighbour")
    box.delete("route", "underlay 198.18.255.2/32")
    before = box.quiet()
    raw.send(bytes(Ether(src=HERE, dst=THERE) / IP(src="198.18.100.1", dst="198.18.100.2") / UDP(sport=1, dport=9)))
    equal(drops_of(diff(before, box.ledger())), {"no_route": 1}, "drops without a route")


run(test)
