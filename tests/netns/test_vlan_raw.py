#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""VLANs at attachments, with frames made by hand: pushed, popped, kept apart, and refused by name.

    raw ─── trunk ┬ untagged [blue 100]  ┐
                  ├ VLAN 10  [red 200]   ├ wan0 ═══ site ┬ vx100 in b
                  └ VLAN 20  [green 300] ┘               ├ vx200 in r     the same MACs and addresses in
    raw ─── lan2 ── VLAN 30  [red 200]                   └ vx300 in g     all three slices
    tap ─── lan3 ── VLAN 40  [green 300]
"""
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether

from lib import Box, diff, drops_of, equal, kernel_vxlan, run

HERE, THERE, BROADCAST = "02:00:00:00:00:01", "02:00:00:00:00:02", "ff:ff:ff:ff:ff:ff"


def tag(vlan, prio=0):
    return Dot1Q(vlan=vlan, prio=prio) if vlan is not None else None


def frame(vlan, payload, dst=THERE, src=HERE, prio=0):
    base = Ether(src=src, dst=dst)
    return bytes(base / payload if vlan is None else base / tag(vlan, prio) / payload)


def is_answer(data):
    packet = Ether(data)
    return ARP in packet and packet[ARP].op == 2


def vlan_of(data):
    packet = Ether(data)
    return packet[Dot1Q].vlan if Dot1Q in packet else None


def test(lab):
    raw, raw2, site = lab.ns("raw"), lab.ns("raw2"), lab.ns("site")
    box = Box(lab)
    box.port("trunk", raw, "eth0")
    box.port("lan2", raw2, "eth0")
    raw.ip("link set eth0 arp off")
    raw2.ip("link set eth0 arp off")
    for space in (raw, raw2):
        space.sysctl("net.ipv6.conf.eth0.disable_ipv6=1")
    ours, theirs = box.wan(site)
    hosts = {}
    for name, vni, vlan in (("blue", 100, None), ("red", 200, 10), ("green", 300, 20)):
        box.slice(name, vni, [("trunk", vlan)], ["to-site"])
        hosts[vlan] = lab.ns(name)
        kernel_vxlan(site, hosts[vlan], vni, theirs, ours, "198.18.100.2/24", mac=THERE)
    box.put("attachment", name="red-lan2-30", slice="red", port="lan2", vlan=30)
    port, port2 = raw.raw("eth0"), raw2.raw("eth0")

    # ARP asked on each VLAN is answered on that VLAN by that slice's host, and seen by no other
    for vlan, name in ((None, "blue"), (10, "red"), (20, "green")):
        box.quiet()
        port.drain()
        port2.drain()
        before = box.snapshot()
        question = ARP(hwsrc=HERE, psrc="198.18.100.1", pdst="198.18.100.2")
        port.send(frame(vlan, question, dst=BROADCAST))
        answers = port.receive(is_answer)
        change = diff(before, box.ledger())
        equal([vlan_of(data) for data in answers + port.receive(is_answer, seconds=0.1)], [vlan], f"VLANs of the ARP answers on {vlan}")
        for other in ("blue", "red", "green"):
            moved = {key: value for key, value in change.items() if key.startswith((f"slice {other} ", f"attachment {other}-"))}
            equal(bool(moved), other == name, f"slice {other} saw {moved} while {name} asked")
        # red has a second door: the broadcast leaves there with VLAN 30
        copies = [vlan_of(data) for data in port2.receive(seconds=5 if name == "red" else 0.2)]
        equal(copies, [30] if name == "red" else [], f"copies at lan2 when {name} floods")

    # unicast through: 64 bytes on the wire and full size, priority bits of the tag do not matter
    for vlan in (None, 10, 20):
        for size, prio in ((8, 0), (1472, 5)):
            if vlan is None and prio:
                continue
            before = box.quiet()
            port.drain()
            port.send(frame(vlan, IP(src="198.18.100.1", dst="198.18.100.2") / ICMP(id=7) / (b"x" * size), prio=prio))
            answers = port.receive(lambda data: ICMP in Ether(data) and Ether(data)[ICMP].type == 0)
            equal([vlan_of(data) for data in answers], [vlan], f"echo answers, VLAN {vlan}, {size} bytes")
            equal(drops_of(diff(before, box.ledger())), {}, f"drops, VLAN {vlan}, {size} bytes")

    # from one VLAN to another port's VLAN inside a slice: tag 30 comes off, tag 10 goes on
    other = "02:00:00:00:00:03"
    port2.send(frame(30, ARP(op=2, hwsrc=other, psrc="198.18.100.3", hwdst=HERE, pdst="198.18.100.1"), dst=HERE, src=other))
    box.quiet()
    port.drain()
    port2.send(frame(30, IP(src="198.18.100.3", dst="198.18.100.1") / ICMP(), dst=HERE, src=other))
    equal([vlan_of(data) for data in port.receive(lambda data: Ether(data).src == other)], [10], "VLAN 30 leaves as VLAN 10")

    # refused by name
    ip = IP(src="198.18.100.1", dst="198.18.100.2") / ICMP()
    ether = Ether(src=HERE, dst=THERE)
    bad = {
        "vlan_unknown": [frame(11, ip), frame(4095, ip), frame(30, ip)],
        "vlan_stacked": [bytes(ether / Dot1Q(vlan=10) / Dot1Q(vlan=20) / ip), bytes(ether / Dot1Q(vlan=20) / Dot1AD(vlan=1) / ip)],
        "source_mac": [frame(10, ip, src="01:00:5e:00:00:01"), frame(None, ip, src="00:00:00:00:00:00")],
    }
    for reason, frames in bad.items():
        before = box.quiet()
        port.send(*frames)
        equal(drops_of(diff(before, box.ledger())), {reason: len(frames)}, f"drops of {reason}")
    # AF_PACKET gives every outer tag the TPID 0x8100, so 802.1ad comes in by a tap
    tap = box.tap_port("lan3")
    box.put("attachment", name="green-lan3-40", slice="green", port="lan3", vlan=40)
    before = box.quiet()
    tap.send(bytes(ether / Dot1AD(vlan=40) / ip), bytes(ether / Dot1AD(vlan=40) / Dot1Q(vlan=40) / ip))
    equal(drops_of(diff(before, box.ledger())), {"vlan_tpid": 2}, "drops of frames with an 802.1ad tag")

    # a port without an untagged attachment refuses untagged frames; same_door: from a MAC to one behind the same door
    before = box.quiet()
    port2.send(frame(None, ip))
    equal(drops_of(diff(before, box.ledger())), {"no_attachment": 1}, "untagged at a port with VLANs only")
    before = box.quiet()
    port.send(frame(10, ip, src="02:00:00:00:00:09", dst=HERE))
    equal(drops_of(diff(before, box.ledger())), {"same_door": 1}, "to a MAC behind the door it came by")


run(test)
