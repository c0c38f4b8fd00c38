#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""TCP between tenants of MTU 1500 over an underlay of MTU 1500, with DF: stands still without mss_clamp, flows with it.

    host a ── lan0 [blue 100]  wan0 ══ 198.18.0.0/24, MTU 1500 ═══ site4 ── vx100 in host b
    host c ── lan1 [green 200] wan1 ══ 2001:db8:1::/64, MTU 1500 ═ site6 ── vx200 in host d
"""
import socket
import threading
import time

from scapy.layers.inet import TCP
from scapy.layers.l2 import Ether

from lib import CONGESTION, Box, at_least, check, diff, drops_of, equal, iperf, kernel_vxlan, run, settled

SYN = 0x02


def transfer(near, far, address, size, seconds):
    """How many of `size` bytes arrive at `address` in `far` within the time."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    got = [0]
    with far.entered():
        server = socket.create_server((address, 5555), family=family)
    with near.entered():
        client = socket.socket(family, socket.SOCK_STREAM)
    server.settimeout(seconds)
    client.settimeout(seconds)
    deadline = time.monotonic() + seconds

    def receive():
        try:
            connection, _ = server.accept()
            with connection:
                while got[0] < size and time.monotonic() < deadline:
                    connection.settimeout(max(0.01, deadline - time.monotonic()))
                    got[0] += len(connection.recv(65536))
        except TimeoutError:
            pass
    reader = threading.Thread(target=receive)
    reader.start()
    try:
        client.connect((address, 5555))
        client.sendall(bytes(size))
    except TimeoutError:
        pass
    reader.join()
    client.close()
    server.close()
    return got[0]


def mss_of(frames):
    """The MSS options of the SYNs among the frames, each with a right checksum."""
    found = []
    for frame in frames:
        packet = Ether(frame)
        if TCP not in packet or not packet[TCP].flags & SYN:
            continue
        was = packet[TCP].chksum
        del packet[TCP].chksum
        equal(was, Ether(bytes(packet))[TCP].chksum, "TCP checksum of a SYN")
        found += [value for kind, value in packet[TCP].options if kind == "MSS"]
    return found


def test(lab):
    a, b, c, d, site4, site6 = (lab.ns(name) for name in ("a", "b", "c", "d", "site4", "site6"))
    box = Box(lab)
    for name, near, far, lan, site, vni, number, v6 in (
            ("blue", a, b, "lan0", site4, 100, 0, False), ("green", c, d, "lan1", site6, 200, 1, True)):
        box.port(lan, near, "eth0")
        near.address("eth0", "198.18.100.1/24", "2001:db8:100::1/64")
        ours, theirs = box.wan(site, number, mtu=1500, v6=v6)
        box.slice(name, vni, [(lan, None)], [f"to-{site.name}"])
        kernel_vxlan(site, far, vni, theirs, ours, "198.18.100.2/24", "2001:db8:100::2/64")

    for name, near, far, vx, room in (("blue", a, b, "vx100", 1450), ("green", c, d, "vx200", 1430)):
        at_a, at_b = near.raw("eth0"), far.raw(vx)
        for address, headers in (("198.18.100.2", 40), ("2001:db8:100::2", 60)):
            here = f"{name}, TCP to {address}"
            equal(box.rpc.call("get", {"type": "slice", "key": name})["mss_clamp"], False, "mss_clamp unless asked for")
            before = box.ledger()

            def stuck(near=near, far=far, address=address, here=here, before=before):
                got = transfer(near, far, address, 200_000, 1.5)
                check(got < 200_000, f"{here}: want it to stand still without mss_clamp, got all of it")
                return drops_of(diff(before, box.snapshot()))
            drops = settled(stuck, lambda drops: "underlay_mtu" in drops)
            at_least(drops.pop("underlay_mtu", 0), 1, f"{here}: drops for the MTU without mss_clamp")
            equal(drops, {}, f"{here}: other drops")

            box.put("slice", name=name, vni=100 if name == "blue" else 200, mss_clamp=True)
            at_a.drain()
            at_b.drain()
            before = box.quiet()  # what the first one sends again
            equal(transfer(near, far, address, 2_000_000, 30), 2_000_000, f"{here}: bytes with mss_clamp")
            equal(transfer(far, near, address[:-1] + "1", 2_000_000, 30), 2_000_000, f"{here}: bytes back with mss_clamp")
            want = room - headers
            for where, port in (("the far host", at_b), ("the near host", at_a)):
                equal(mss_of(port.receive(count=20, seconds=0.5)), [want], f"{here}: MSS that {where} is told")
            for reverse in (False, True):
                rate = iperf(near, far, address, reverse=reverse)
                print(f"iperf3 {name}, underlay 1500, mss_clamp, {address}{', back' if reverse else ''}: {rate:.0f} Mbit/s")
            drops = drops_of(diff(before, box.ledger()))
            check(set(drops) <= CONGESTION | {"underlay_mtu"}, f"{here}: drops {drops}")
            at_a.drain()
            at_b.drain()
            box.put("slice", name=name, vni=100 if name == "blue" else 200)


run(test)
