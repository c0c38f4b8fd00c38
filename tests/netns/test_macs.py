#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""MAC addresses: learned from both sides, moved, aged, capped; each with its event on a watching client.

    raw a ─── lan0 [blue 100, at most 4 MACs] ┬ wan0 ═══ 198.18.0.2 raw site
    raw c ─── lan1 [blue 100]                             ┘
"""
import time

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

from lib import Box, Watcher, at_least, check, diff, drops_of, equal, run, wait_for

BROADCAST = "ff:ff:ff:ff:ff:ff"


def mac(number):
    return f"02:00:00:00:01:{number:02x}"


def test(lab):
    a, c, site = lab.ns("a"), lab.ns("c"), lab.ns("site")
    box = Box(lab)
    box.port("lan0", a, "eth0")
    box.port("lan1", c, "eth0")
    ours, theirs = box.wan(site)
    for space, interface in ((a, "eth0"), (c, "eth0")):
        space.quiet_interface(interface)
    box.slice("blue", 100, [("lan0", None), ("lan1", None)], ["to-site"], max_macs=4)
    port_a, port_c, wan = a.raw("eth0"), c.raw("eth0"), site.raw("wan")
    watcher = Watcher(box, "mac.learned", "mac.moved", "mac.aged")
    box_mac, site_mac = box.ns.mac("wan0x"), site.mac("wan")

    def plain(src, dst):
        return bytes(Ether(src=src, dst=dst, type=0x88b5) / (b"x" * 46))

    def outer(src, dst):
        return bytes(Ether(src=site_mac, dst=box_mac) / IP(src=theirs, dst=ours) / UDP(sport=50000, dport=4789, chksum=0)
                     / VXLAN(vni=100, flags=8) / plain(src, dst))

    def doors():
        return {entry["mac"]: entry.get("attachment") or entry.get("tunnel") for entry in box.list("mac", slice="blue")}

    # learned from an attachment and from the tunnel; then known unicast goes to that door alone
    port_a.send(plain(mac(1), BROADCAST))
    wan.send(outer(mac(2), BROADCAST))
    wait_for(lambda: doors() == {mac(1): "blue-lan0", mac(2): "to-site"}, "two learned MACs")
    watcher.expect("mac.learned", slice="blue", mac=mac(1), attachment="blue-lan0")
    watcher.expect("mac.learned", slice="blue", mac=mac(2), tunnel="to-site")
    check(all(entry["learned"] for entry in box.list("mac")), "entries say that they were learned")
    box.quiet()
    port_c.drain()
    before = box.snapshot()
    port_a.send(plain(mac(1), mac(2)))
    change = diff(before, box.ledger())
    equal(change.get("tunnel to-site out_packets"), 1, "unicast to the tunnel")
    equal(change.get("attachment blue-lan1 out_packets", 0), 0, "nothing at the other attachment")

    # a move: from lan0 to lan1, then to the tunnel; frames follow
    port_c.send(plain(mac(1), BROADCAST))
    wait_for(lambda: doors().get(mac(1)) == "blue-lan1", "move to lan1")
    watcher.expect("mac.moved", slice="blue", mac=mac(1), attachment="blue-lan1")
    box.quiet()
    port_a.drain()
    port_c.drain()
    wan.send(outer(mac(2), mac(1)))
    equal(len(port_c.receive(lambda frame: Ether(frame).dst == mac(1))), 1, "frames to the new place")
    equal(len(port_a.receive(lambda frame: Ether(frame).dst == mac(1), seconds=0.2)), 0, "frames to the old place")
    wan.send(outer(mac(1), BROADCAST))
    wait_for(lambda: doors().get(mac(1)) == "to-site", "move to the tunnel")
    watcher.expect("mac.moved", slice="blue", mac=mac(1), tunnel="to-site")

    # a static MAC does not move
    box.put("mac", slice="blue", mac=mac(9), attachment="blue-lan0")
    port_c.send(plain(mac(9), BROADCAST))
    box.quiet()
    equal(doors().get(mac(9)), "blue-lan0", "a static MAC after it was seen elsewhere")

    # the cap: 4 in all, the fifth is not learned but its frames still pass
    for number in (3, 4, 5, 6):
        port_a.send(plain(mac(number), BROADCAST))
    now = box.ledger()
    equal(len(doors()), 4, "MACs in a slice of at most 4")
    at_least(now["box learn_refused"], 1, "box learn_refused")

    # ageing: all but the static one go, each with its event; they were last seen just now
    box.put("slice", name="blue", vni=100, mac_ageing_s=3, max_macs=4)
    started = time.monotonic()
    port_a.send(plain(mac(1), BROADCAST))
    wan.send(outer(mac(2), BROADCAST))
    wait_for(lambda: doors() == {mac(9): "blue-lan0"}, "ageing after 3 s")
    check(time.monotonic() - started > 1, "nothing aged too early")
    watcher.expect("mac.aged", slice="blue", mac=mac(1))
    watcher.expect("mac.aged", slice="blue", mac=mac(2))
    # still spoken of is still known
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        port_a.send(plain(mac(7), BROADCAST))
        time.sleep(0.3)
    equal(doors().get(mac(7)), "blue-lan0", "a MAC that is seen all the time")
    box.put("slice", name="blue", vni=100, max_macs=4)  # what follows has its time

    # a movable one gives way to its station, at an attachment and not at a tunnel; given up, the learned one stays
    def entry(number):
        found = box.list("mac", slice="blue", mac=mac(number))
        return {key: value for key, value in found[0].items() if key != "age_s"} if found else None
    put = {"slice": "blue", "mac": mac(8), "tunnel": "to-site", "movable": True}
    box.put("mac", **put)
    wan.send(outer(mac(8), BROADCAST))
    box.quiet()
    equal(entry(8), put, "a movable MAC seen where it is")
    port_a.send(plain(mac(8), BROADCAST))
    watcher.expect("mac.moved", slice="blue", mac=mac(8), attachment="blue-lan0", **{"from": {"tunnel": "to-site"}})
    learned = {"slice": "blue", "mac": mac(8), "attachment": "blue-lan0", "learned": True}
    equal(entry(8), {**learned, "overtaken": True}, "a movable MAC whose station has come here")
    box.put("mac", **put)
    equal(entry(8), put, "put again")
    time.sleep(0.02)  # the same news is told again only after a hundredth of a second
    port_a.send(plain(mac(8), BROADCAST))
    wait_for(lambda: entry(8).get("overtaken"), "overtaken again")
    equal(box.rpc.call("delete", {"type": "mac", "keys": [f"blue {mac(8)}"], "missing_ok": True}), {"deleted": 1}, "given up")
    equal(entry(8), learned, "what was learned stays")

    # nothing is learned from tunnels: what was is forgotten, the rest stays
    box.delete("mac", f"blue {mac(9)}")
    wan.send(outer(mac(2), BROADCAST))
    wait_for(lambda: entry(2), "learned from the tunnel")
    box.put("slice", name="blue", vni=100, max_macs=4, tunnel_learning=False)
    equal((entry(2), entry(8)), (None, learned), "learned from the tunnel, and at the attachment")
    box.quiet()
    port_c.drain()
    time.sleep(0.02)
    wan.send(outer(mac(2), BROADCAST))
    equal(len(port_c.receive(lambda frame: Ether(frame).src == mac(2))), 1, "forwarded all the same")
    box.quiet()
    equal(entry(2), None, "not learned")
    equal(drops_of(box.ledger()), {reason: 0 for reason in box.rpc.drops()}, "drops")


run(test)
