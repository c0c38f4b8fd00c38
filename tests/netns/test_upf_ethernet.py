#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ethernet PDU sessions: the frames of two UEs, kernels with a TAP each, are bridged into an l2 slice with a host on an
attachment. A third UE is in another slice and has the same MAC and addresses as the first.

    ue1 tap ~ gnb1 198.18.0.2 ══ n3 ┐
                                    ├ box ── lan0 [lan 100] ── host 198.18.100.3
    ue2 tap ~ gnb2 198.18.1.2 ══ n4 ┘
    ue3 tap ~ gnb2 (its second address 198.18.1.3), slice other [200]
"""
from lib import Box, at_least, check, diff, drops_of, equal, iperf, ping, run, wait_for
from mobile import chosen, end, underlay

MACS = {"ue1": "02:00:00:00:0a:01", "ue2": "02:00:00:00:0a:02", "ue3": "02:00:00:00:0a:01"}
NOISE = {"gtpu_taken", "flood_nowhere"}


def session(box, name, slice_name, gtpu, peer, teid):
    answer = box.put("session", name=name, slice=slice_name, pdrs=[
        {"id": 1, "precedence": 255, "source": "access", "gtpu": gtpu, "outer_header_removal": 0, "far": 1, "urrs": [1]},
        {"id": 2, "precedence": 255, "source": "core", "far": 2, "urrs": [1]}],
        fars=[{"id": 1, "action": "forward", "destination": "core"},
              {"id": 2, "action": "forward", "destination": "access", "outer_header": {"teid": teid, "peer": peer}}],
        urrs=[{"id": 1, "measure": ["volume"]}])
    return chosen(answer, 1)


def ue(lab, box, name, site, slice_name, gtpu, own, peer, teid, address):
    space = lab.ns(name)
    up = session(box, name, slice_name, gtpu, peer, teid)
    end(site, space, "eth0", peer, own, up, teid, [], qfi=5, tap=True)
    space.ip(f"link set eth0 address {MACS[name]}")
    space.address("eth0", f"198.18.100.{address}/24", f"2001:db8:100::{address}/64")
    return space


def test(lab):
    gnb1, gnb2, host = lab.ns("gnb1"), lab.ns("gnb2"), lab.ns("host")
    box = Box(lab)
    (n3, far1), _ = underlay(box, "n3", gnb1, 0)
    (n4, far2), _ = underlay(box, "n4", gnb2, 1)
    gnb2.address("wan", "198.18.1.3/24")
    box.put("neighbor", port="n4", address="198.18.1.3", mac=gnb2.mac("wan"))
    box.port("lan0", host, "eth0")
    host.address("eth0", "198.18.100.3/24", "2001:db8:100::3/64")
    box.slice("lan", 100, [("lan0", None)])
    box.slice("other", 200)
    box.put("gtpu", name="n3", address=n3, interface="access")
    box.put("gtpu", name="n4", address=n4, interface="access")
    ue1 = ue(lab, box, "ue1", gnb1, "lan", "n3", n3, far1, 0x11, 1)
    ue2 = ue(lab, box, "ue2", gnb2, "lan", "n4", n4, far2, 0x12, 2)
    ue3 = ue(lab, box, "ue3", gnb2, "other", "n4", n4, "198.18.1.3", 0x13, 1)

    for space, address in ((ue1, "198.18.100.3"), (ue1, "198.18.100.2"), (ue2, "2001:db8:100::3"), (host, "2001:db8:100::1")):
        wait_for(lambda s=space, a=address: ping(s, a, 1, wait=1) == 1, f"a ping from {space.name} to {address}")
    before = box.ledger()
    for space, address in ((ue1, "198.18.100.3"), (host, "198.18.100.1"), (ue1, "198.18.100.2"), (ue2, "198.18.100.1"),
                           (ue1, "2001:db8:100::2"), (host, "2001:db8:100::2")):
        equal(ping(space, address, 10), 10, f"pings from {space.name} to {address}")
    equal({r for r in drops_of(diff(before, box.ledger())) if r not in NOISE}, set(), "drops")
    doors = {mac["mac"]: mac.get("session") for mac in box.list("mac", slice="lan")}
    equal((doors[MACS["ue1"]], doors[MACS["ue2"]]), ("ue1", "ue2"), "what the MACs are behind")
    for reverse in (False, True):
        print(f"iperf3 from ue1 to the host, {'down' if reverse else 'up'}: {iperf(ue1, host, '198.18.100.3', reverse=reverse):.0f} Mbit/s")

    # ue3 has ue1's MAC and addresses in a slice of its own: it hears nobody, and nobody hears it
    equal(ping(ue3, "198.18.100.3", 3, wait=1), 0, "pings out of the other slice")
    equal(ping(ue1, "198.18.100.3", 3), 3, "pings of the one whose addresses it has")
    stats = box.rpc.stats("session")
    at_least(stats["ue1"]["ul_bytes"], 30 * 98, "bytes of frames up")
    check(stats["ue3"]["dl_packets"] == 0, f"frames down to the other slice: {stats['ue3']}")
    box.delete("session", "ue1")
    wait_for(lambda: MACS["ue1"] not in {mac["mac"] for mac in box.list("mac", slice="lan")}, "its MAC is forgotten")
    equal(ping(ue2, "198.18.100.1", 2, wait=1), 0, "pings to a session that is gone")
    box.ledger()


run(test)
