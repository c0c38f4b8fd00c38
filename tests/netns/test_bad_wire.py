#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Bad bytes from the underlay: each is dropped by its name, once; none gets into a slice; the box lives and its ledger adds up.

    raw a ─── lan0 [blue 100] ┬ wan0 ─── tap, plays 198.18.0.2 and others     with a kernel twin wan0
                              └ wan1 ─── AF_PACKET, plays 2001:db8:1::2
"""
import random
import struct

from scapy.layers.inet import IP, UDP, IPOption_NOP, IPOption_Router_Alert
from scapy.layers.inet6 import IPv6, IPv6ExtHdrHopByHop
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

from lib import Box, check, diff, drops_of, equal, run

HERE, FAR = "02:00:00:00:00:01", "02:00:00:00:00:02"
INNER = Ether(src=FAR, dst=HERE) / IP(src="198.18.100.2", dst="198.18.100.1") / UDP(sport=1, dport=2) / (b"bad" * 20)


def vxlan(inner=INNER, vni=100, flags=0x08, reserved=0):
    """RFC 7348 section 5, by hand: scapy gives the reserved bits meanings of their own."""
    return struct.pack("!II", flags << 24 | reserved, vni << 8 | reserved & 0xff) + bytes(inner)


def udp4(payload, src="198.18.0.2", dst="198.18.0.1", udp=None, **ip):
    return IP(src=src, dst=dst, **ip) / UDP(**{"sport": 50000, "dport": 4789, "chksum": 0, **(udp or {})}) / Raw(payload)


def udp6(payload, src="2001:db8:1::2", dst="2001:db8:1::1", udp=None, **ip):
    return IPv6(src=src, dst=dst, **ip) / UDP(**{"sport": 50000, "dport": 4789, **(udp or {})}) / Raw(payload)


# what is wrong with it, the packet from the IP header on, the reason it is dropped for
IPV4 = (
    ("nothing behind the Ethernet header", b"", "ip_header"),
    ("half an IPv4 header", bytes(udp4(vxlan()))[:10], "ip_header"),
    ("IP version 5", b"\x55" + bytes(udp4(vxlan()))[1:], "ip_header"),
    ("header length of 16", b"\x44" + bytes(udp4(vxlan()))[1:], "ip_header"),
    ("header length past the packet", b"\x4f" + bytes(udp4(b""))[1:], "ip_header"),
    ("total length past the packet", udp4(vxlan(), len=1000), "ip_header"),
    ("total length inside the header", udp4(vxlan(), len=19), "ip_header"),
    ("cut in the middle", bytes(udp4(vxlan()))[:60], "ip_header"),
    ("IP checksum", udp4(vxlan(), chksum=0x1234), "ip_checksum"),
    ("no room for UDP", IP(src="198.18.0.2", dst="198.18.0.1", proto=17) / Raw(b"1234567"), "udp_length"),
    ("UDP length past the packet", udp4(vxlan(), udp={"len": 500}), "udp_length"),
    ("UDP length short of the packet", udp4(vxlan(), udp={"len": 40}), "udp_length"),
    ("UDP length 0", udp4(vxlan(), udp={"len": 0}), "udp_length"),
    ("UDP length 7", udp4(vxlan(), udp={"len": 7}), "udp_length"),
    ("UDP checksum", udp4(vxlan(), udp={"chksum": 0x4321}), "udp_checksum"),
    ("no VXLAN header", udp4(b""), "vxlan_header"),
    ("half a VXLAN header", udp4(vxlan()[:5]), "vxlan_header"),
    ("VXLAN without the I flag", udp4(vxlan(flags=0)), "vxlan_header"),
    ("VXLAN with every flag but I", udp4(vxlan(flags=0xf7)), "vxlan_header"),
    ("VNI of no slice", udp4(vxlan(vni=101)), "tunnel_unknown_vni"),
    ("VNI of a slice that is not on this tunnel", udp4(vxlan(vni=200)), "tunnel_unknown_vni"),
    ("VNI 0", udp4(vxlan(vni=0)), "tunnel_unknown_vni"),
    ("VNI 0xffffff", udp4(vxlan(vni=0xffffff)), "tunnel_unknown_vni"),
    ("unknown peer", udp4(vxlan(), src="198.18.0.9"), "tunnel_unknown_peer"),
    ("multicast as its source", udp4(vxlan(), src="224.0.0.1"), "tunnel_unknown_peer"),
    ("nothing inside", udp4(vxlan(Raw(b""))), "inner_runt"),
    ("13 bytes inside", udp4(vxlan(Raw(b"x" * 13))), "inner_runt"),
    ("a VLAN tag inside", udp4(vxlan(Ether(src=FAR, dst=HERE) / Dot1Q(vlan=5) / Raw(b"x" * 50))), "vlan_stacked"),
    ("an 802.1ad tag inside", udp4(vxlan(Ether(src=FAR, dst=HERE) / Dot1AD(vlan=5) / Dot1Q(vlan=6) / Raw(b"x" * 50))), "vlan_stacked"),
    ("multicast source MAC inside", udp4(vxlan(Ether(src="01:00:5e:00:00:01", dst=HERE) / Raw(b"x" * 50))), "source_mac"),
    ("source MAC of zeros inside", udp4(vxlan(Ether(src="00:00:00:00:00:00", dst=HERE) / Raw(b"x" * 50))), "source_mac"),
)
IPV6 = (
    ("half an IPv6 header", bytes(udp6(vxlan()))[:20], "ip_header"),
    ("IP version 4 in an IPv6 frame", b"\x40" + bytes(udp6(vxlan()))[1:], "ip_header"),
    ("payload length past the packet", udp6(vxlan(), plen=2000), "ip_header"),
    ("payload too short for UDP", IPv6(src="2001:db8:1::2", dst="2001:db8:1::1", nh=17) / Raw(b"1234567"), "udp_length"),
    ("UDP length past the packet", udp6(vxlan(), udp={"len": 500}), "udp_length"),
    ("UDP checksum", udp6(vxlan(), udp={"chksum": 0x4321}), "udp_checksum"),
    ("UDP checksum zero", udp6(vxlan(), udp={"chksum": 0}), "udp_zero_checksum6"),
    ("VXLAN without the I flag", udp6(vxlan(flags=0)), "vxlan_header"),
    ("VNI of no slice", udp6(vxlan(vni=101)), "tunnel_unknown_vni"),
    ("unknown peer", udp6(vxlan(), src="2001:db8:1::9"), "tunnel_unknown_peer"),
    ("13 bytes inside", udp6(vxlan(Raw(b"x" * 13))), "inner_runt"),
)


def test(lab):
    a, far = lab.ns("a"), lab.ns("far")
    box = Box(lab)
    box.port("lan0", a, "eth0", peer_mac=HERE)
    a.quiet_interface("eth0")
    host = a.raw("eth0")
    wan0 = box.tap_port("wan0", mtu=1600, tap=True)
    box.put("address", port="wan0", prefix="198.18.0.1/24")
    box.put("neighbor", port="wan0", address="198.18.0.2", mac=FAR)
    box.port("wan1", far, "wan", mtu=1600)
    far.quiet_interface("wan")
    wan1 = far.raw("wan")
    box.put("address", port="wan1", prefix="2001:db8:1::1/64")
    box.put("neighbor", port="wan1", address="2001:db8:1::2", mac=FAR)
    for name, local, remote in (("to-4", "198.18.0.1", "198.18.0.2"), ("to-6", "2001:db8:1::1", "2001:db8:1::2")):
        box.put("tunnel", name=name, encap="vxlan", local=local, remote=remote)
    box.slice("blue", 100, [("lan0", None)], ["to-4", "to-6"])
    box.slice("red", 200)
    box.put("mac", slice="blue", mac=HERE, attachment="blue-lan0")
    ports = {name: box.rpc.call("get", {"type": "port", "key": name})["mac_in_use"] for name in ("wan0", "wan1")}

    def send4(packet, dst=None):
        wan0.send(bytes(Ether(src=FAR, dst=dst or ports["wan0"], type=0x0800)) + bytes(packet))

    def send6(packet):
        wan1.send(bytes(Ether(src=FAR, dst=ports["wan1"], type=0x86dd)) + bytes(packet))

    def delivered(count=1 << 20, seconds=0.3):
        return host.receive(lambda frame: b"bad" in frame, count=count, seconds=seconds)

    # the good packet first, else the bad ones prove nothing; with options, padding and reserved bits it is still good
    good = (
        (send4, udp4(vxlan()), "plain"), (send4, bytes(udp4(vxlan())) + b"\0" * 20, "with Ethernet padding"),
        (send4, udp4(vxlan(), options=[IPOption_Router_Alert()]), "with the router alert option"),
        (send4, udp4(vxlan(), options=[IPOption_NOP()] * 40), "with 40 bytes of options"),
        (send4, udp4(vxlan(), udp={"chksum": None}), "with a UDP checksum"), 
        (send4, udp4(vxlan(flags=0xff, reserved=0xffffff)), "with every reserved bit set"),
        (send6, udp6(vxlan()), "plain IPv6"), (send6, bytes(udp6(vxlan())) + b"\0" * 20, "IPv6 with padding"),
        (send6, udp6(vxlan(), udp={"chksum": 0}), "IPv6 with UDP checksum zero (RFC 7348, section 5)"),
    )
    for send, packet, what in good:
        host.drain()
        before = box.quiet()
        send(packet)
        frames = delivered(1, seconds=5)
        equal(drops_of(diff(before, box.ledger())), {}, f"good packet, {what}: drops")
        equal([frame == bytes(INNER) for frame in frames + delivered(seconds=0.05)], [True], f"good packet, {what}")

    # a tunnel that does not take checksum zero (RFC 6936): dropped from here on
    box.put("tunnel", name="to-6", encap="vxlan", local="2001:db8:1::1", remote="2001:db8:1::2", accept_zero_csum6=False)
    for send, rows in ((send4, IPV4), (send6, IPV6)):
        for what, packet, reason in rows:
            before = box.quiet()
            send(packet)
            change = diff(before, box.ledger())
            equal(drops_of(change), {reason: 1}, what)
            equal(change.get("attachment blue-lan0 out_packets", 0), 0, f"{what}: frames to the tenant")
    before = box.quiet()
    send4(udp4(vxlan()), dst="02:00:00:00:0a:0a")
    equal(drops_of(diff(before, box.ledger())), {"not_our_mac": 1}, "to another station's MAC")
    equal(delivered(seconds=0), [], "frames that reached the tenant")

    # not ours to judge: the kernel gets it
    for packet in (udp4(b"x", udp={"dport": 9}), IP(src="198.18.0.2", dst="198.18.0.1", proto=99) / Raw(b"x" * 30), udp4(vxlan(), dst="198.18.0.77")):
        before = box.quiet()
        send4(packet)
        equal(diff(before, box.ledger())["box punted"], 1, "packets for the kernel")
    before = box.quiet()
    send6(IPv6(src="2001:db8:1::2", dst="2001:db8:1::1") / IPv6ExtHdrHopByHop() / UDP(dport=4789) / Raw(vxlan()))
    equal(drops_of(diff(before, box.ledger())), {"no_tap": 1}, "an extension header, on a port without a tap")

    # every prefix of a good packet: only the whole may pass
    whole = bytes(udp4(vxlan()))
    host.drain()
    for size in range(len(whole) + 1):
        send4(whole[:size])
    box.quiet()
    equal(len(delivered()), 1, "prefixes of a good packet that passed")
    # every byte of the headers flipped, then noise: whatever becomes of it, it is accounted for
    seed = random.Random(7348)
    for position in range(36 + 14):
        for bit in (1, 0x80):
            send4(whole[:position] + bytes([whole[position] ^ bit]) + whole[position + 1:])
    for _ in range(1500):
        size = seed.randrange(0, 200)
        noise = seed.randbytes(size)
        send4(bytes([0x45]) + noise)
        send6(bytes([0x60]) + noise)
        wan0.send(bytes(Ether(src=FAR, dst=ports["wan0"]))[:12] + noise + b"\0\0")
        host.send(bytes.fromhex("020000000002020000000001") + noise + b"\0\0")
    now = box.ledger()
    check(now["drop ip_header"] > 500, "noise was seen")
    box.alive()
    host.drain()
    send4(udp4(vxlan()))
    equal(len(delivered(1, seconds=5)), 1, "a good packet after all that")


run(test)
