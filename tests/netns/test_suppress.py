#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""ARP and ND suppression among kernel hosts: once a host is known, nobody's question for it is flooded.

    host a ─── lan0 ┐                  site s (Linux)       host b
    198.18.100.1    [blue 100] wan0 ═══ wan ─── vx100 ───── (vx100)
    host c ─── lan1 ┘                                       198.18.100.2
    198.18.100.3                       2001:db8:100::1, ::2, ::3 likewise
"""
from scapy.layers.inet6 import ICMPv6ND_NS
from scapy.layers.l2 import ARP, Ether

from lib import Box, at_least, check, diff, drops_of, equal, kernel_vxlan, ping, run, wait_for

HOSTS = {"a": 1, "b": 2, "c": 3}


def v4(name):
    return f"198.18.100.{HOSTS[name]}"


def v6(name):
    return f"2001:db8:100::{HOSTS[name]}"


def question(frame):
    """(asker, target) of an ARP request or a multicast solicitation in a frame; None for anything else."""
    packet = Ether(frame)
    if ARP in packet and packet[ARP].op == 1:
        return packet[ARP].psrc, packet[ARP].pdst
    if ICMPv6ND_NS in packet and packet.dst.startswith("33:33"):
        return packet["IPv6"].src, packet[ICMPv6ND_NS].tgt
    return None


def test(lab):
    spaces = {name: lab.ns(name) for name in ("a", "b", "c", "s")}
    box = Box(lab)
    interface = {"a": "eth0", "c": "eth0", "b": "vx100"}
    for name, port in (("a", "lan0"), ("c", "lan1")):
        box.port(port, spaces[name], "eth0")
        spaces[name].address("eth0", f"{v4(name)}/24", f"{v6(name)}/64")
    ours, theirs = box.wan(spaces["s"])
    box.slice("blue", 100, [("lan0", None), ("lan1", None)], ["to-s"], suppress=True)
    kernel_vxlan(spaces["s"], spaces["b"], 100, theirs, ours, f"{v4('b')}/24", f"{v6('b')}/64")
    equal(box.list("slice")[0]["suppress"], True, "suppress of the slice")
    raw = {name: spaces[name].raw(interface[name]) for name in HOSTS}

    def forget(name):
        spaces[name].ip(f"neigh flush dev {interface[name]}")

    def heard(name, asker, target):
        """Questions that came to this host from that asker for that target, since the last drain."""
        frames = raw[name].receive(lambda frame: question(frame) == (asker, target), count=100, seconds=0.3)
        return len(frames)

    for address in (v4, v6):
        # everybody introduces himself
        for one, other in (("a", "b"), ("c", "b"), ("b", "a"), ("b", "c"), ("a", "c"), ("c", "a")):
            equal(ping(spaces[one], address(other), 1), 1, f"{one} to {other}, the first time")
        # now no question goes further than the box, whoever asks
        for one, other in (("a", "b"), ("c", "b"), ("b", "a"), ("b", "c"), ("a", "c")):
            for name in HOSTS:  # all: who still knows one would probe it, and tell it so where he is
                forget(name)
            for sock in raw.values():
                sock.drain()
            before = box.quiet()
            equal(ping(spaces[one], address(other), 2), 2, f"{one} to {other}, known")
            change = diff(before, box.ledger())
            at_least(change.get("box answered", 0), 1, f"questions of {one} or {other} that the box answered")
            for name in HOSTS:
                if name != one:
                    equal(heard(name, address(one), address(other)), 0, f"questions of {one} for {other} heard by {name}")
            neighbours = spaces[one].ip(f"neigh show {address(other)} dev {interface[one]}")
            check(spaces[other].mac(interface[other]) in neighbours,
                  f"{one} has {other}'s MAC: {neighbours.strip()}")
            equal({name: count for name, count in drops_of(change).items() if name != "flood_nowhere"}, {}, "drops")

    # a host that takes over an address says so, and is believed
    spaces["a"].ip(f"addr del {v4('a')}/24 dev eth0")
    spaces["c"].ip(f"addr add {v4('a')}/24 dev eth0")
    mac = spaces["c"].mac("eth0")
    raw["c"].send(Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=mac, psrc=v4("a"), pdst=v4("a")))
    wait_for(lambda: [one["mac"] for one in box.list("neighbor", slice="blue") if one["address"] == v4("a")] == [mac], "the box knows it")
    forget("b")
    equal(ping(spaces["b"], v4("a"), 2), 2, "b to a's address, which is c's now")
    forget("b")
    equal(ping(spaces["b"], v4("a"), 2), 2, "and again")
    neighbours = spaces["b"].ip(f"neigh show {v4('a')} dev vx100")
    check(spaces["c"].mac("eth0") in neighbours, f"b has c's MAC for it: {neighbours.strip()}")

    # a slice that does not suppress floods as ever
    box.put("slice", name="blue", vni=100)
    forget("b")
    raw["c"].drain()
    equal(ping(spaces["b"], v4("c"), 1), 1, "b to c without suppression")
    at_least(heard("c", v4("b"), v4("c")), 1, "questions of b that c hears")


run(test)
