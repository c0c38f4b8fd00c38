#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Flooding: to every other door of the slice, never back, never from tunnel to tunnel, at no more than the slice's rate.

    raw a ─── lan0 ┐             ┌ wan0 ═══ 198.18.0.2 site s
                   [blue 100] ───┤
    raw c ─── lan1 ┘             └ wan1 ═══ 198.18.1.2 site t
    raw d ─── lan2 [red 200], one door and no tunnel
"""
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

from lib import Box, at_least, check, diff, drops_of, equal, run, wait_for

BROADCAST, MULTICAST, UNKNOWN = "ff:ff:ff:ff:ff:ff", "01:00:5e:01:02:03", "02:00:00:00:09:09"


def payload(src, dst, mark):
    return Ether(src=src, dst=dst, type=0x88b5) / (mark + b"x" * 60)


def test(lab):
    spaces = {name: lab.ns(name) for name in ("a", "c", "d", "s", "t")}
    box = Box(lab)
    for name, port in (("a", "lan0"), ("c", "lan1"), ("d", "lan2")):
        box.port(port, spaces[name], "eth0")
        spaces[name].quiet_interface("eth0")
    ours, theirs = {}, {}
    for number, name in enumerate(("s", "t")):
        ours[name], theirs[name] = box.wan(spaces[name], number)
    box.slice("blue", 100, [("lan0", None), ("lan1", None)], ["to-s", "to-t"])
    box.slice("red", 200, [("lan2", None)])
    raw = {name: spaces[name].raw("eth0") for name in ("a", "c", "d")}
    raw.update({name: spaces[name].raw("wan") for name in ("s", "t")})
    wan_of = {"s": "wan0x", "t": "wan1x"}
    number = 0

    def outer(site, inner):
        return bytes(Ether(src=spaces[site].mac("wan"), dst=box.ns.mac(wan_of[site])) / IP(src=theirs[site], dst=ours[site])
                     / UDP(sport=50000, dport=4789, chksum=0) / VXLAN(vni=100, flags=8) / inner)

    def send(source, dst, copies=0):
        """One marked frame in at a door; returns where copies of it came out, and the counters' change. So many copies are
        waited for, and any beyond them looked for."""
        nonlocal number
        number += 1
        mark = b"mark%04d" % number
        src = f"02:00:00:00:00:{ord(source):02x}"
        before = box.quiet()
        inner = payload(src, dst, mark)
        raw[source].send(outer(source, inner) if source in ("s", "t") else bytes(inner))
        change = diff(before, box.ledger())  # the switch is done with it
        out, whole = [], bytes(inner)

        def look():
            for name in raw:
                for frame in raw[name].receive(lambda frame: mark in frame, count=5, seconds=0.05):
                    check(frame.endswith(whole), f"the copy at {name} is the frame as it came in")
                    out.append(name)
            return len(out) >= copies
        wait_for(look, f"{copies} copies of a frame from {source} to {dst}")
        return sorted(out), change

    for dst in (BROADCAST, MULTICAST, UNKNOWN):
        out, change = send("a", dst, 3)
        equal(out, ["c", "s", "t"], f"copies of a frame from a to {dst}")
        equal(change["box replicated"], 2, "copies made")
        equal(change["slice blue in_packets"], 1, "slice in")
        equal(change["slice blue out_packets"], 3, "slice out")
        out, change = send("s", dst, 2)
        equal(out, ["a", "c"], f"copies of a frame from site s to {dst}: split horizon")
        equal(change["box replicated"], 1, "copies made")
        equal(change.get("tunnel to-t out_packets", 0), 0, "frames from tunnel to tunnel")
        equal(drops_of(change), {}, "drops while flooding")
    out, change = send("d", BROADCAST)
    equal(out, [], "copies of red's frame")
    equal(drops_of(change), {"flood_nowhere": 1}, "red has no other door")

    # known unicast from tunnel to tunnel is split horizon too, by name
    known = f"02:00:00:00:00:{ord('t'):02x}"
    send("t", BROADCAST)
    out, change = send("s", known)
    equal((out, drops_of(change)), ([], {"split_horizon": 1}), "unicast from site s to a MAC at site t")
    out, change = send("t", known)
    equal((out, drops_of(change)), ([], {"same_door": 1}), "unicast from site t to a MAC at site t")

    # the rate: nothing at 0, some of many at 10 a second
    box.put("slice", name="blue", vni=100, flood_pps=0)
    out, change = send("a", BROADCAST)
    equal((out, drops_of(change)), ([], {"flood_rate": 1}), "flooding switched off")
    box.put("slice", name="blue", vni=100, flood_pps=10)
    before = box.quiet()
    raw["a"].send(*[bytes(payload("02:00:00:00:00:61", BROADCAST, b"rate"))] * 200)
    change = diff(before, box.ledger())
    at_least(drops_of(change).get("flood_rate", 0), 150, "frames over a rate of 10 a second")
    at_least(change.get("box replicated", 0), 2, "frames within the rate")
    equal(change["slice blue dropped"], drops_of(change)["flood_rate"], "the slice's own count of them")


run(test)
