#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Geneve with a peer that was not written here: Open vSwitch's userspace datapath, over IPv4 and IPv6. It puts options
into its packets as well; critical ones, control packets and the like come from a raw socket.

    host a ── lan0 [red 100] wan0 ══ 198.18.0.0/24 ═════ wan (br0 .2) ovs br1 ── g4 (VNI 100) ── acc-b ── host b
    host c ── lan1 [six 200] wan0 ══ 2001:db8::/64 ═════ wan (br0 ::2) ovs br2 ── g6 (VNI 200) ── acc-d ── host d
    raw    ═════════════════ wan1 ══ 198.18.1.0/24
"""
import struct

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from lib import Box, CONGESTION, at_least, check, diff, drops_of, equal, iperf, ping, run, wait_for
from ovs import Ovs

PEER, A_MAC, FAR = "02:00:00:00:0e:02", "02:00:00:00:00:01", "02:00:00:00:00:02"


def make_peer(lab, box, sw):
    """wan0 and Open vSwitch at its other end, with both addresses on br0."""
    box.port("wan0", sw, "wan", mtu=1600, tap=True)
    sw.quiet_interface("wan")
    ovs = Ovs(lab, sw)
    ovs.vsctl(f"set bridge br0 other-config:hwaddr={PEER}")
    ovs.vsctl("add-port br0 wan")
    ovs.vsctl("set interface br0 mtu_request=1600")
    sw.ip("link set br0 up")
    sw.address("br0", "198.18.0.2/24", "2001:db8::2/64")
    for net in ("198.18.0.", "2001:db8::"):
        box.put("address", port="wan0", prefix=f"{net}1/{64 if ':' in net else 24}")
        box.put("neighbor", port="wan0", address=f"{net}2", mac=PEER)
    return ovs


def join(ovs, bridge, port, vni, local, remote, access):
    ovs.bridge(bridge)
    ovs.vsctl(f"add-port {bridge} {access}")
    ovs.vsctl(f"add-port {bridge} {port} -- set interface {port} type=geneve options:local_ip={local} options:remote_ip={remote} "
              f"options:key={vni}" + (" options:csum=true" if ":" in local else ""))


def geneve(vni, first=0, second=0, proto=0x6558, options=b""):
    return struct.pack("!BBHI", first << 6 | len(options) // 4, second, proto, vni << 8) + options


def test(lab):
    sw = lab.ns("ovs")
    a, b, c, d, far = (lab.ns(name) for name in ("a", "b", "c", "d", "far"))
    box = Box(lab)
    box.port("lan0", a, "eth0", peer_mac=A_MAC)
    box.port("lan1", c, "eth0")
    for space, access in ((b, "acc-b"), (d, "acc-d")):
        lab.wire(sw, access, space, "eth0")
        sw.quiet_interface(access)
    ovs = make_peer(lab, box, sw)
    box.put("tunnel", name="to-4", encap="geneve", local="198.18.0.1", remote="198.18.0.2")
    box.put("tunnel", name="to-6", encap="geneve", local="2001:db8::1", remote="2001:db8::2")
    equal(box.list("tunnel")[0]["dst_port"], 6081, "the port that was left out")
    box.slice("red", 100, [("lan0", None)], ["to-4"])
    box.slice("six", 200, [("lan1", None)], ["to-6"])
    join(ovs, "br1", "g4", 100, "198.18.0.2", "198.18.0.1", "acc-b")
    join(ovs, "br2", "g6", 200, "2001:db8::2", "2001:db8::1", "acc-d")
    for near, there in ((a, b), (c, d)):
        near.address("eth0", "198.18.100.1/24", "2001:db8:100::1/64")
        there.address("eth0", "198.18.100.2/24", "2001:db8:100::2/64")

    for name, near, there, tunnel in (("IPv4", a, b, "to-4"), ("IPv6", c, d, "to-6")):
        wait_for(lambda space=near: ping(space, "198.18.100.2", 1, wait=1) == 1, f"a ping over Geneve over {name}")
        before = box.ledger()
        equal(ping(near, "198.18.100.2", 10), 10, f"pings out, {name} underlay")
        equal(ping(there, "198.18.100.1", 5, size=1472, options="-M do"), 5, f"full size pings back, {name} underlay")
        equal(ping(near, "2001:db8:100::2", 5), 5, f"IPv6 pings out, {name} underlay")
        equal(ping(there, "2001:db8:100::1", 5, size=1452), 5, f"full size IPv6 pings back, {name} underlay")
        change = diff(before, box.ledger())
        equal(drops_of(change), {}, f"drops, {name}")
        at_least(change[f"tunnel {tunnel} in_packets"], 25, f"packets in by {tunnel}")
        at_least(change[f"tunnel {tunnel} out_packets"], 25, f"packets out by {tunnel}")
        for reverse in (False, True):
            rate = iperf(near, there, "198.18.100.2", reverse=reverse)
            print(f"iperf3 over Geneve with Open vSwitch, {name} underlay, {'back' if reverse else 'out'}: {rate:.0f} Mbit/s")
        check(set(drops_of(diff(before, box.ledger()))) <= CONGESTION, "drops but for congestion")

    options_of_ovs(box, ovs, a, b)
    by_hand(box, far, a.raw("eth0"))


def options_of_ovs(box, ovs, a, b):
    """Open vSwitch puts a 12 byte option into every packet of br1: they are stepped over."""
    ovs.ofctl("add-tlv-map", "br1", "{class=0x0102,type=0x33,len=12}->tun_metadata0")
    ovs.ofctl("add-flow", "br1", "in_port=acc-b,actions=set_field:0x0102030405060708090a0b0c->tun_metadata0,output:g4")
    before = box.ledger()
    equal(ping(b, "198.18.100.1", 10), 10, "pings with options")
    change = diff(before, box.ledger())
    equal(drops_of(change), {}, "drops of packets with options")
    # 14 + 20 + 8 + 8 around 98 bytes, and 16 of options; ARP, if any, is smaller
    at_least(change["tunnel to-4 in_bytes"], 10 * (98 + 50 + 16), "bytes of packets with options")


def by_hand(box, far, host):
    """What no peer in its right mind sends."""
    box.port("wan1", far, "wan", mtu=1600)
    box.put("address", port="wan1", prefix="198.18.1.1/24")
    box.put("neighbor", port="wan1", address="198.18.1.2", mac=far.mac("wan"))
    box.put("tunnel", name="to-raw", encap="geneve", local="198.18.1.1", remote="198.18.1.2")
    box.put("member", slice="red", tunnel="to-raw")
    far.quiet_interface("wan")
    wan = far.raw("wan")
    mac = box.rpc.call("get", {"type": "port", "key": "wan1"})["mac_in_use"]
    inner = bytes(Ether(src=FAR, dst=A_MAC, type=0x88b5) / Raw(b"by hand" * 10))
    option = struct.pack("!HBB", 0x0102, 0x33, 1) + b"abcd"

    def send(header, frame=inner):
        wan.send(bytes(Ether(src=far.mac("wan"), dst=mac) / IP(src="198.18.1.2", dst="198.18.1.1")
                       / UDP(sport=50000, dport=6081, chksum=0) / Raw(header + frame)))

    for what, header, drop in (
            ("plain", geneve(100), None), ("reserved bits", geneve(100, second=0x3f), None), ("an option", geneve(100, options=option), None),
            ("63 words", geneve(100, options=option * 31 + option[:4]), None),
            ("critical", geneve(100, second=0x40, options=option), "geneve_critical"),
            ("control", geneve(100, second=0x80), "geneve_control"), ("version 1", geneve(100, first=1), "geneve_header"),
            ("IPv4 inside", geneve(100, proto=0x0800), "geneve_protocol"), ("six's VNI", geneve(200), "tunnel_unknown_vni")):
        host.drain()
        before = box.quiet()
        send(header)
        equal(len(host.receive(lambda frame: b"by hand" in frame, seconds=0.3 if drop else 5)), 0 if drop else 1, f"frames of {what}")
        equal(drops_of(diff(before, box.ledger())), {drop: 1} if drop else {}, f"drops of {what}")


run(test)
