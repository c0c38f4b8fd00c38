#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""VXLAN over IPv6: real UDP checksums out, zero ones refused by name until the tunnel accepts them (RFC 6935).

    host a                  box                                  site b (Linux)      host b
    eth0 ──────────── lan0 [blue 100] wan0 ═════════════════════ wan ─── vx100 ───── (vx100)
    198.18.100.1                      2001:db8::1    2001:db8::2                     198.18.100.2
    2001:db8:100::1                                                                  2001:db8:100::2
"""
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from lib import Box, at_least, check, diff, drops_of, equal, iperf, kernel_vxlan, ping, run


def is_vxlan(frame):
    packet = Ether(frame)
    return UDP in packet and packet[UDP].dport == 4789


def check_outer(packet):
    equal(packet[IPv6].hlim, 64, "outer hop limit")
    check(packet[UDP].chksum != 0, "outer UDP checksum over IPv6 is not zero")
    rebuilt = packet[IPv6].copy()
    wire = rebuilt[UDP].chksum
    del rebuilt[UDP].chksum
    equal(wire, IPv6(bytes(rebuilt))[UDP].chksum, "outer UDP checksum")
    check(49152 <= packet[UDP].sport <= 65535, "outer source port is in 49152..65535")


def test(lab):
    a, b, site = lab.ns("a"), lab.ns("b"), lab.ns("site")
    box = Box(lab)
    box.port("lan0", a, "eth0")
    a.address("eth0", "198.18.100.1/24", "2001:db8:100::1/64")
    ours, theirs = box.wan(site, v6=True)
    box.slice("blue", 100, [("lan0", None)], ["to-site"])
    kernel_vxlan(site, b, 100, theirs, ours, "198.18.100.2/24", "2001:db8:100::2/64")

    box.quiet()
    equal(ping(a, "198.18.100.2", 1), 1, "first ping")
    before = box.ledger()
    capture = site.raw("wan")
    equal(ping(a, "198.18.100.2", 10), 10, "IPv4 pings inside")
    equal(ping(a, "2001:db8:100::2", 10), 10, "IPv6 pings inside")
    equal(ping(b, "2001:db8:100::1", 5, size=1452, options="-M do"), 5, "full 1500 byte pings")
    change = diff(before, box.ledger())
    equal(drops_of(change), {}, "drops while pinging")
    at_least(change["tunnel to-site in_packets"], 25, "tunnel in")
    at_least(change["tunnel to-site out_packets"], 25, "tunnel out")
    frames = capture.receive(is_vxlan, count=20)
    equal(len(frames), 20, "outer packets captured")
    for frame in frames:
        check_outer(Ether(frame))

    for reverse in (False, True):
        print(f"iperf3 {'b to a' if reverse else 'a to b'}: {iperf(a, b, '198.18.100.2', reverse=reverse):.0f} Mbit/s")
    box.ledger()

    # a peer that sends checksum zero: RFC 7348 section 5 has it taken, unless the operator says otherwise
    b.ip("link del vx100")
    kernel_vxlan(site, b, 100, theirs, ours, "198.18.100.3/24", options="udp6zerocsumtx udp6zerocsumrx")
    before = box.quiet()
    equal(ping(b, "198.18.100.1", 3), 3, "pings with outer UDP checksum zero")
    equal(drops_of(diff(before, box.ledger())), {}, "drops")
    box.put("tunnel", name="to-site", encap="vxlan", local=ours, remote=theirs, accept_zero_csum6=False)
    before = box.quiet()
    equal(ping(b, "198.18.100.1", 2, wait=1), 0, "pings with outer UDP checksum zero, refused")
    lost = drops_of(diff(before, box.ledger()))
    at_least(lost.get("udp_zero_checksum6", 0), 1, f"drop udp_zero_checksum6 in {lost}")
    equal(set(lost), {"udp_zero_checksum6"}, "drop reasons")
    box.put("tunnel", name="to-site", encap="vxlan", local=ours, remote=theirs, accept_zero_csum6=True)
    before = box.quiet()
    b.ip("neigh flush dev vx100")  # who was asked for in vain may be about to be given up, and what waits for him with it
    equal(ping(b, "198.18.100.1", 3), 3, "pings once the tunnel accepts zero checksums")
    equal(drops_of(diff(before, box.ledger())), {}, "drops once accepted")


run(test)
