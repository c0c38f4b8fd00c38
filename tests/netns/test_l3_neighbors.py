#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Neighbours as objects: learned from a host, made static, forgotten, asked for on behalf of a route, known in an l2 slice.

    a  198.18.101.2 ── lan0 [blue 300, l3] 198.18.101.1, 2001:db8:101::1/64
    b  198.18.102.2 ── lan1 [blue 300, l3] 198.18.102.1
    c, d            ── lan2, lan3 [flat 400, l2, suppress]
"""
from lib import Box, check, equal, ping, run, wait_for


def known(box, **match):
    return {entry["address"]: entry for entry in box.list("neighbor", **match)}


def test(lab):
    a, b, c, d = (lab.ns(name) for name in "abcd")
    box = Box(lab)
    for number, space in enumerate((a, b, c, d)):
        box.port(f"lan{number}", space, "eth0")
    box.slice("blue", 300, [("lan0", None), ("lan1", None)], kind="l3")
    box.slice("flat", 400, [("lan2", None), ("lan3", None)], suppress=True)
    box.put("address", attachment="blue-lan0", prefix="198.18.101.1/24")
    box.put("address", attachment="blue-lan0", prefix="2001:db8:101::1/64")
    box.put("address", attachment="blue-lan1", prefix="198.18.102.1/24")
    a.address("eth0", "198.18.101.2/24", "2001:db8:101::2/64")
    b.address("eth0", "198.18.102.2/24")
    a.ip("route add default via 198.18.101.1")
    b.ip("route add default via 198.18.102.1")

    # found by asking, and shown with what is known of them
    wait_for(lambda: ping(a, "198.18.102.2", 1, wait=1), "the slice routes from a to b")
    wait_for(lambda: ping(a, "2001:db8:101::1", 1, wait=1), "a pings its gateway over IPv6")
    for address in ("198.18.101.2", "2001:db8:101::2"):
        wait_for(lambda: address in known(box, attachment="blue-lan0", learned=True), f"{address} is learned")
        learned = known(box, attachment="blue-lan0", learned=True)
        equal(learned[address]["mac"], a.mac("eth0"), f"MAC of {address}")
        equal(learned[address]["slice"], "blue", f"slice of {address}")
        check(learned[address]["state"] in ("reachable", "stale"), f"a state of its own: {learned[address]}")
    key = "blue-lan1 198.18.102.2"
    equal(box.rpc.call("get", {"type": "neighbor", "key": key})["mac"], b.mac("eth0"), "get of a learned one")
    entries = box.rpc.call("table.read", {"table": "routes4"})["entries"]
    owners = {row["match"]["prefix"]: row["params"]["owner"] for row in entries}
    equal(owners.get("198.18.102.2/32"), "neighbor", "a learned host is a route of its own")

    # forgotten, and found again when it is needed
    equal(box.delete("neighbor", key), {"deleted": 1}, "deletion of a learned one")
    check("198.18.102.2" not in known(box, attachment="blue-lan1"), "it is forgotten")
    wait_for(lambda: ping(a, "198.18.102.2", 1, wait=1), "and found again")

    # a static one replaces it, also when it is wrong, until it is deleted
    equal(box.put("neighbor", attachment="blue-lan1", address="198.18.102.2", mac="02:00:00:00:00:99")["created"], 1, "a static one")
    equal(known(box, attachment="blue-lan1"), {"198.18.102.2": {"attachment": "blue-lan1", "address": "198.18.102.2",
                                                                "mac": "02:00:00:00:00:99"}}, "only the static one")
    equal(ping(a, "198.18.102.2", count=1, wait=1), 0, "answers while its MAC is a wrong one")
    equal(known(box)["198.18.102.2"]["mac"], "02:00:00:00:00:99", "what is static stays, whatever is seen")
    equal(box.delete("neighbor", key), {"deleted": 1}, "deletion of the static one")
    wait_for(lambda: ping(a, "198.18.102.2", count=1, wait=1) > 0, "found by asking once more")

    # a route's next hop is asked for before any packet needs it
    box.put("route", table="blue", prefix="203.0.113.0/24", via=[{"attachment": "blue-lan0", "address": "198.18.101.77"}])
    wait_for(lambda: known(box).get("198.18.101.77", {}).get("state") in ("incomplete", "failed"), "the next hop is asked for")
    check("mac" not in known(box)["198.18.101.77"], "no MAC is shown where none is known")
    box.delete("route", "blue 203.0.113.0/24")
    wait_for(lambda: "198.18.101.77" not in known(box), "nobody needs it any more")

    # an l2 slice that answers for its hosts shows them too
    c.address("eth0", "198.18.103.1/24")
    d.address("eth0", "198.18.103.2/24")
    wait_for(lambda: ping(c, "198.18.103.2", 1, wait=1), "the l2 slice carries pings")
    wait_for(lambda: known(box, slice="flat").get("198.18.103.1", {}).get("attachment") == "flat-lan2", "c is known in the l2 slice")
    equal(box.delete("neighbor", "flat-lan2 198.18.103.1"), {"deleted": 1}, "deletion of it")

    # what goes takes its neighbours along
    box.delete("address", "blue-lan1 198.18.102.1/24")
    check(not known(box, attachment="blue-lan1"), "no network, no neighbours")
    box.ledger()


run(test)
