#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Outer fragments: reassembled within bounds, or dropped by name. IPv4 comes in by a tap, because an AF_PACKET port has the
kernel put fragments together before the switch sees them; IPv6 comes in by AF_PACKET.

    raw a ─── lan0 [blue 100] ┬ wan0 (tap)       ═══ raw, plays 198.18.0.2
                              ├ wan1 (AF_PACKET) ═══ raw, plays 2001:db8:1::2
                              └ wan2 (tap, a bridge to a wire) ═══ site k, a Linux kernel with a path MTU of 1400
"""
import time

from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, fragment6
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

from lib import Box, at_least, diff, drops_of, equal, kernel_vxlan, ping, run, wait_for

A_MAC, FAR = "02:00:00:00:00:01", "02:00:00:00:00:02"


def test(lab):
    a, far, k, kb = lab.ns("a"), lab.ns("far"), lab.ns("k"), lab.ns("kb")
    box = Box(lab)
    box.port("lan0", a, "eth0", peer_mac=A_MAC)
    a.quiet_interface("eth0")
    host = a.raw("eth0")

    tap = box.tap_port("wan0", mtu=1600)
    box.put("address", port="wan0", prefix="198.18.0.1/24")
    box.put("neighbor", port="wan0", address="198.18.0.2", mac=FAR)
    box.put("tunnel", name="to-4", encap="vxlan", local="198.18.0.1", remote="198.18.0.2")
    box.port("wan1", far, "wan", mtu=1600)
    box.put("address", port="wan1", prefix="2001:db8:1::1/64")
    box.put("neighbor", port="wan1", address="2001:db8:1::2", mac=far.mac("wan"))
    box.put("tunnel", name="to-6", encap="vxlan", local="2001:db8:1::1", remote="2001:db8:1::2")
    far.quiet_interface("wan")
    wan1 = far.raw("wan")
    box.slice("blue", 100, [("lan0", None)], ["to-4", "to-6"])
    mac4, mac6 = (box.rpc.call("get", {"type": "port", "key": name})["mac_in_use"] for name in ("wan0", "wan1"))

    def inner(size, mark):
        return Ether(src=FAR, dst=A_MAC) / IP(src="198.18.100.2", dst="198.18.100.1", id=7) / UDP(sport=1, dport=2) / (mark * size)[:size]

    def packet4(size, mark, ident):
        return IP(src="198.18.0.2", dst="198.18.0.1", id=ident) / UDP(sport=50000, dport=4789, chksum=0) / VXLAN(vni=100, flags=8) / inner(size, mark)

    def packet6(size, mark):
        return (IPv6(src="2001:db8:1::2", dst="2001:db8:1::1") / UDP(sport=50000, dport=4789)
                / VXLAN(vni=100, flags=8) / inner(size, mark))

    def send4(*packets):
        tap.send(*(bytes(Ether(src=FAR, dst=mac4) / packet) for packet in packets))

    def send6(*packets):
        wan1.send(*(bytes(Ether(src=far.mac("wan"), dst=mac6) / packet) for packet in packets))

    def pieces6(size, mark, ident=1):
        whole = IPv6(bytes(packet6(size, mark)))  # with its checksum
        whole = IPv6(src=whole.src, dst=whole.dst) / IPv6ExtHdrFragment(id=ident) / whole.payload
        return fragment6(whole, 600)

    # whole, in order and in reverse, IPv4 and IPv6; the tenant gets the frame unharmed
    for name, send, pieces in (("IPv4", send4, lambda mark, ident: fragment(packet4(1400, mark, ident), 500)),
                               ("IPv6", send6, lambda mark, ident: pieces6(1400, mark, ident))):
        for order in (1, -1):
            mark = b"%s%d" % (name.encode(), order)
            parts = pieces(mark, 100 + order)[::order]
            at_least(len(parts), 3, f"{name} pieces")
            host.drain()
            before = box.quiet()
            send(*parts)
            got = host.receive(lambda frame: mark in frame)
            equal([frame == bytes(inner(1400, mark)) for frame in got], [True], f"{name} frame of {len(parts)} pieces, order {order}")
            change = diff(before, box.ledger())
            equal(change["box merged"], len(parts) - 1, f"{name} pieces merged")
            equal(drops_of(change), {}, f"{name} drops")

    # overlapping pieces
    first, *rest = fragment(packet4(1400, b"overlap", 300), 500)
    clash = rest[0].copy()
    clash.frag -= 10
    before = box.quiet()
    send4(first, clash, *rest[1:])
    equal(host.receive(lambda frame: b"overlap" in frame, seconds=0.3), [], "frames from overlapping fragments")

    # a piece whose others never come: counted once its time is over, and never delivered
    send4(fragment(packet4(1400, b"lonely", 301), 500)[0])
    send6(pieces6(1400, b"lonely", 302)[-1])
    # a piece that would reach beyond 64 KB
    send4(IP(src="198.18.0.2", dst="198.18.0.1", id=303, proto=17, frag=8191, flags=0) / (b"z" * 100))

    def settled():
        lost = drops_of(diff(before, box.snapshot()))
        return lost if lost.get("fragment_timeout", 0) >= 2 and sum(lost.values()) >= 3 + 2 + 1 else None
    lost = wait_for(settled, "fragments given up")
    time.sleep(0.3)
    lost = drops_of(diff(before, box.ledger()))
    equal(set(lost) <= {"fragment_timeout", "fragment_invalid"}, True, f"reasons are fragment_…: {lost}")
    at_least(lost.get("fragment_invalid", 0), 1, "fragments refused at once")

    # a flood of first pieces has bounds: all are accounted for and whole packets pass again afterwards
    before = box.quiet()
    for ident in range(1000, 3000):
        send4(fragment(packet4(600, b"many", ident), 400)[0])
        if ident % 250 == 0:  # no more than the tap's queue holds while a worker has no CPU
            wait_for(lambda: box.rpc.stats("port")["wan0"]["rx_packets"] - before["port wan0 rx_packets"] > ident - 1000, "the box takes them")
    wait_for(lambda: sum(drops_of(diff(before, box.snapshot())).values()) >= 2000, "all pieces given up")
    lost = drops_of(diff(before, box.ledger()))
    equal(sum(lost.values()), 2000, f"pieces dropped: {lost}")
    mark = b"after"
    send4(*fragment(packet4(1400, mark, 4000), 500))
    equal(len(host.receive(lambda frame: mark in frame)), 1, "a fragmented frame after the flood")

    # a Linux kernel that fragments: its route to the box is 1400 wide. A bridge joins its wire to a tap of the box
    box.tap_port("wan2", mtu=1600)
    lab.wire(box.ns, "wan2x", k, "wan", 1600)
    box.ns.quiet_interface("wan2x")
    box.ns.ip("link add name wire2 type bridge forward_delay 0 mcast_snooping 0")
    box.ns.quiet_interface("wire2")
    for interface in ("wan2k", "wan2x"):
        box.ns.ip(f"link set {interface} master wire2")
    box.ns.ip("link set wire2 up")
    k.address("wan", "198.18.2.2/24")
    box_mac = box.rpc.call("get", {"type": "port", "key": "wan2"})["mac_in_use"]
    k.ip(f"neigh add 198.18.2.1 lladdr {box_mac} dev wan")
    k.ip("route change 198.18.2.0/24 dev wan mtu lock 1400")
    box.put("address", port="wan2", prefix="198.18.2.1/24")
    box.put("neighbor", port="wan2", address="198.18.2.2", mac=k.mac("wan"))
    box.put("tunnel", name="to-k", encap="vxlan", local="198.18.2.1", remote="198.18.2.2")
    box.put("member", slice="blue", tunnel="to-k")
    a.ip("link set eth0 arp on")
    a.sysctl("net.ipv4.conf.eth0.rp_filter=0")
    a.address("eth0", "198.18.101.1/24")
    kernel_vxlan(k, kb, 100, "198.18.2.2", "198.18.2.1", "198.18.101.2/24", options="df unset")
    kb.ip("route change 198.18.101.0/24 dev vx100 mtu lock 1500")  # else the kernel lowers it and fragments inside
    before = box.quiet()
    equal(ping(kb, "198.18.101.1", 3, size=1372), 3, "pings whose outer packets the peer's kernel fragments")
    change = diff(before, box.ledger())
    equal(drops_of(change), {}, "drops")
    equal(change["box merged"], 3, "pieces merged")


run(test)
