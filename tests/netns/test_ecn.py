#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""DSCP and ECN across the tunnel (RFC 2983 uniform or fixed, RFC 6040), IPv4 and IPv6 inside, both underlays, byte by byte.

    raw a ─── lan0 ┬ [four 100] ── wan0 ═══ raw, plays 198.18.0.2
    raw c ─── lan1 ┴ [six  200] ── wan1 ═══ raw, plays 2001:db8:1::2
"""
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

from lib import Box, diff, drops_of, equal, run

HERE, THERE = "02:00:00:00:00:01", "02:00:00:00:00:02"
NOT, ECT1, ECT0, CE = 0, 1, 2, 3
# RFC 6040 figure 4: (inner, outer) → what leaves; None is a drop
DECAPSULATED = {
    (NOT, NOT): NOT, (NOT, ECT0): NOT, (NOT, ECT1): NOT, (NOT, CE): None,
    (ECT0, NOT): ECT0, (ECT0, ECT0): ECT0, (ECT0, ECT1): ECT1, (ECT0, CE): CE,
    (ECT1, NOT): ECT1, (ECT1, ECT0): ECT1, (ECT1, ECT1): ECT1, (ECT1, CE): CE,
    (CE, NOT): CE, (CE, ECT0): CE, (CE, ECT1): CE, (CE, CE): CE,
}


def inner_packet(v6, tos, src, dst):
    ip = IPv6(src="2001:db8:100::1", dst="2001:db8:100::2", tc=tos) if v6 else IP(src="198.18.100.1", dst="198.18.100.2", tos=tos)
    return Ether(src=src, dst=dst) / ip / UDP(sport=1, dport=2) / (b"e" * 20)


def tos_of(packet):
    return packet.tc if packet.version == 6 else packet.tos


def test(lab):
    box = Box(lab)
    hosts, sites, macs = {}, {}, {}
    for number, (name, v6) in enumerate((("four", False), ("six", True))):
        host, site = lab.ns(f"h{number}"), lab.ns(f"s{number}")
        box.port(f"lan{number}", host, "eth0")
        host.quiet_interface("eth0")
        box.port(f"wan{number}", site, "wan", mtu=1600)
        site.quiet_interface("wan")
        ours, theirs = ("2001:db8:1::1", "2001:db8:1::2") if v6 else ("198.18.0.1", "198.18.0.2")
        box.put("address", port=f"wan{number}", prefix=f"{ours}/{64 if v6 else 24}")
        box.put("neighbor", port=f"wan{number}", address=theirs, mac=site.mac("wan"))
        box.put("tunnel", name=f"to-{name}", encap="vxlan", local=ours, remote=theirs)
        box.slice(name, 100 * (number + 1), [(f"lan{number}", None)], [f"to-{name}"])
        box.put("mac", slice=name, mac=HERE, attachment=f"{name}-lan{number}")
        box.put("mac", slice=name, mac=THERE, tunnel=f"to-{name}")
        hosts[name], sites[name] = host.raw("eth0"), site.raw("wan")
        macs[name] = (site.mac("wan"), box.ns.mac(f"wan{number}"), ours, theirs, number)

    def outer(name, tos, inner):
        far, near, ours, theirs, number = macs[name]
        if ":" in ours:
            return bytes(Ether(src=far, dst=near) / IPv6(src=theirs, dst=ours, tc=tos) / UDP(sport=50000, dport=4789)
                         / VXLAN(vni=100 * (number + 1), flags=8) / inner)
        return bytes(Ether(src=far, dst=near) / IP(src=theirs, dst=ours, tos=tos) / UDP(sport=50000, dport=4789, chksum=0)
                     / VXLAN(vni=100 * (number + 1), flags=8) / inner)

    for name in ("four", "six"):
        host, site = hosts[name], sites[name]
        # out: DSCP and ECN copied
        before = box.quiet()
        for v6 in (False, True):
            for tos in (0x00, 0x01, 0x02, 0x03, 0xb8, 0xff):
                frame = inner_packet(v6, tos, HERE, THERE)
                host.send(bytes(frame))
                got = site.receive(lambda data: b"e" * 20 in data)
                equal([tos_of(Ether(data)[1]) for data in got], [tos], f"{name}: outer TOS of inner {tos:#x} (v6 {v6})")
                equal(got[0].endswith(bytes(frame)), True, f"{name}: the inner frame is untouched")
                ip = Ether(got[0])[1]
                if ip.version == 4:
                    again = IP(bytes(ip)[:20])
                    del again.chksum
                    equal(ip.chksum, IP(bytes(again)).chksum, "outer checksum")
        equal(drops_of(diff(before, box.ledger())), {}, f"{name}: drops on the way out")
        # in: RFC 6040, and the inner DSCP is the tenant's own
        for v6 in (False, True):
            for (inside, outside), want in DECAPSULATED.items():
                before = box.quiet() if want is None else None
                frame = inner_packet(v6, 0x28 | inside, THERE, HERE)
                host.drain()
                site.send(outer(name, 0xb8 | outside, frame))
                got = host.receive(lambda data: b"e" * 20 in data, seconds=5.0 if want is not None else 0.2)
                text = f"{name}: inner {inside} outer {outside} (v6 {v6})"
                if want is None:
                    equal(got, [], text)
                    equal(drops_of(diff(before, box.ledger())), {"ecn_invalid": 1}, text)
                    continue
                packet = inner_packet(v6, 0x28 | want, THERE, HERE)
                equal([data == bytes(packet) for data in got], [True], f"{text}: the frame with ECN {want}, checksum and all")

    # fixed DSCP: that outside, ECN still copied
    for name in ("four", "six"):
        _, _, ours, theirs, _ = macs[name]
        box.put("tunnel", name=f"to-{name}", encap="vxlan", local=ours, remote=theirs, dscp=10, ttl=17, df=False)
        for tos in (0x00, 0xb9):
            hosts[name].send(bytes(inner_packet(False, tos, HERE, THERE)))
            got = sites[name].receive(lambda data: b"e" * 20 in data)
            ip = Ether(got[0])[1]
            equal(tos_of(ip), 10 << 2 | tos & 3, f"{name}: outer TOS with a fixed DSCP")
            equal(ip.hlim if ip.version == 6 else ip.ttl, 17, f"{name}: outer TTL as set")
            if ip.version == 4:
                equal(str(ip.flags), "", "DF switched off")
    box.ledger()


run(test)
