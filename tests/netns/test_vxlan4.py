#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""VXLAN over IPv4 with a Linux kernel as the other site, untagged attachment, MTU 1500 on both sides.

    host a                  box                              site b (Linux)          host b
    eth0 ──────────── lan0 [blue 100] wan0 ═════════════════ wan ─── vx100 ───────── (vx100)
    198.18.100.1                      198.18.0.1   198.18.0.2                        198.18.100.2
"""
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from lib import CONGESTION, Box, at_least, check, diff, drops_of, equal, iperf, kernel_vxlan, ping, run


def is_vxlan(frame):
    packet = Ether(frame)
    return UDP in packet and packet[UDP].dport == 4789


def check_outer(frame):
    """RFC 7348, and what contract and issue promise for IPv4: our header, byte by byte."""
    packet = Ether(frame)
    ip, udp = packet[IP], packet[UDP]
    equal(ip.ttl, 64, "outer TTL")
    check("DF" in str(ip.flags), "outer DF is set by default")
    equal(ip.ihl, 5, "outer header length")
    rebuilt = IP(bytes(ip)[:20])
    del rebuilt.chksum
    equal(ip.chksum, IP(bytes(rebuilt)).chksum, "outer IPv4 checksum")
    equal(udp.chksum, 0, "outer UDP checksum over IPv4")
    check(49152 <= udp.sport <= 65535, f"outer source port {udp.sport} is in 49152..65535")
    equal(udp.len, ip.len - 20, "outer UDP length")
    vxlan = bytes(udp)[8:16]
    equal(vxlan.hex(), "0800000000006400", "VXLAN header with VNI 100")
    return udp.sport


def test(lab):
    a, b, site = lab.ns("a"), lab.ns("b"), lab.ns("site")
    box = Box(lab)
    box.port("lan0", a, "eth0")
    a.address("eth0", "198.18.100.1/24")
    ours, theirs = box.wan(site)
    box.slice("blue", 100, [("lan0", None)], ["to-site"])
    kernel_vxlan(site, b, 100, theirs, ours, "198.18.100.2/24")

    # reachability, and the same packets on every counter they pass
    box.quiet()
    equal(ping(a, "198.18.100.2", 1), 1, "first ping (ARP through the flood)")
    before = box.ledger()
    capture = site.raw("wan")
    equal(ping(a, "198.18.100.2", 20), 20, "pings from a to b")
    change = diff(before, box.ledger())
    for key in ("attachment blue-lan0", "tunnel to-site"):
        at_least(change.get(f"{key} in_packets", 0), 20, f"{key} in")
        at_least(change.get(f"{key} out_packets", 0), 20, f"{key} out")
    at_least(change["slice blue in_packets"], 40, "slice blue in: both directions")
    equal(change["slice blue in_packets"], change["slice blue out_packets"], "slice blue: in = out")
    # 98 byte frames: 20 echoes and 20 answers; ARP frames may come on top (they are shorter)
    at_least(change["attachment blue-lan0 in_bytes"], 20 * 98, "bytes in at the attachment")
    at_least(change["tunnel to-site out_bytes"], 20 * 98, "bytes out at the tunnel")
    equal(drops_of(change), {}, "drops while pinging")

    # what we put on the wire (the raw port sees what arrives at the site: our packets alone)
    frames = capture.receive(is_vxlan, count=20)
    equal(len(frames), 20, "outer packets captured")
    ports = {check_outer(frame) for frame in frames}
    check(len(ports) <= 3, f"one flow keeps one source port (ARP apart): {ports}")

    equal(ping(b, "198.18.100.1", 5, size=1472, options="-M do"), 5, "full 1500 byte pings from b to a")

    for reverse in (False, True):
        before = box.ledger()
        rate = iperf(a, b, "198.18.100.2", reverse=reverse)
        change = diff(before, box.ledger())
        lost = drops_of(change)
        print(f"iperf3 {'b to a' if reverse else 'a to b'}: {rate:.0f} Mbit/s, drops {lost}")
        at_least(rate, 1, "TCP rate in Mbit/s")
        check(set(lost) <= CONGESTION, f"only a full queue may lose TCP packets, got {lost}")
        way = "out" if not reverse else "in"
        at_least(change[f"tunnel to-site {way}_bytes"], rate * 1e6 / 8 * 0.9, "bytes over the tunnel")


run(test)
