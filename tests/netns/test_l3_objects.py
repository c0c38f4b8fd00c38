#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Gateways, neighbours and routes of l3 slices as objects: random transactions on few names, so that most of them collide. A
refusal changes nothing; what lists show, in pages of any size, is what the match tables hold; everything can be taken down.

    (nothing) ─── p0 [s1, s2; vlans 1 to 4] ... tunnels t1, t2 to nobody

The seed is printed; SLUICE_SEED repeats it.
"""
import ipaddress
import json
import os
import random
import time

from lib import Box, RpcError, check, equal, run, wait_for

ROUNDS = 150 if os.environ.get("SLUICE_QUICK") else 500
SLICES, ATTACHMENTS, TUNNELS = ("s1", "s2"), ("a1", "a2", "a3", "a4"), ("t1", "t2")
TYPES = ("slice", "attachment", "tunnel", "member", "address", "neighbor", "route")
KEYS = {"slice": ("name",), "attachment": ("name",), "tunnel": ("name",), "member": ("slice", "tunnel"),
        "address": ("attachment", "prefix"), "neighbor": ("attachment", "address"), "route": ("table", "prefix")}


class Chance:
    """Makes operations from few names, addresses and lengths."""
    def __init__(self, seed):
        self.r = random.Random(seed)

    def host(self):
        net = self.r.choice(("10.0.0.", "10.0.0.", "10.0.1."))
        return net + str(self.r.choice((0, 1, 2, 3, 4, 127, 128, 254, 255)))

    def via(self):
        via = {"weight": self.r.randint(1, 3)} if self.r.random() < 0.3 else {}
        if self.r.random() < 0.4:
            return {**via, "tunnel": self.r.choice(TUNNELS), "mac": f"02:00:00:00:00:0{self.r.randint(1, 2)}"}
        return {**via, "attachment": self.r.choice(ATTACHMENTS), **({"address": self.host()} if self.r.random() < 0.8 else {})}

    def object(self, kind):
        r = self.r
        length = r.choice((23, 24, 24, 24, 25, 31, 32))
        network = str(ipaddress.ip_network(f"{self.host()}/{length}", strict=False))
        at = r.choice(ATTACHMENTS)
        tunnel = r.choice(TUNNELS)
        return {
            "slice": {"name": r.choice(SLICES), "vni": r.randint(1, 9), "kind": "l2" if r.random() < 0.1 else "l3"},
            "attachment": {"name": at, "slice": r.choice(SLICES), "port": "p0", "vlan": 1 + ATTACHMENTS.index(at)},
            "tunnel": {"name": tunnel, "encap": "vxlan", "local": "198.18.0.1", "remote": "198.18.0." + tunnel.replace("t", "1")},
            "member": {"slice": r.choice(SLICES), "tunnel": tunnel},
            "address": {"attachment": at, "prefix": f"{self.host()}/{length}"},
            "neighbor": {"attachment": at, "address": self.host(), "mac": f"02:00:00:00:00:0{r.randint(1, 3)}"},
            "route": {"table": r.choice(SLICES), "prefix": network, "via": [self.via() for _ in range(r.choice((1, 1, 2, 3)))]},
        }[kind]

    def operation(self, present):
        kind = self.r.choice(TYPES + ("address", "address", "neighbor", "route", "route", "route") * 2)
        if self.r.random() < 0.6:
            return {"op": "put", "type": kind, "objects": [self.object(kind) for _ in range(self.r.choice((1, 1, 2)))]}
        if present[kind] and self.r.random() < 0.8:
            return {"op": "delete", "type": kind, "keys": [key_of(kind, self.r.choice(present[kind]))]}
        return {"op": "delete", "type": kind, "keys": [key_of(kind, self.object(kind))], "missing_ok": True}


def key_of(kind, fields):
    return " ".join(fields[name] for name in KEYS[kind])


def paged(box, method, limit, name, **params):
    """All of a list or table, page by page."""
    found, cursor = [], {}
    while True:
        page = box.rpc.call(method, {**params, "limit": limit, **cursor})
        check(len(page[name]) <= limit, f"{method} gives at most {limit}")
        found += page[name]
        if not page.get("cursor"):
            return found
        cursor = {"cursor": page["cursor"]}


def everything(box, limit):
    """Every object that was put, by type, in an order of its own."""
    found = {}
    for kind in TYPES:
        match = {"match": {"learned": False}} if kind == "neighbor" else {}
        objects = paged(box, "list", limit, "objects", type=kind, **match)
        found[kind] = sorted(objects, key=lambda fields: key_of(kind, fields))
        equal(len({key_of(kind, fields) for fields in objects}), len(objects), f"different keys of {kind} objects")
    return found


def same_as_tables(box, present, limit):
    rows = paged(box, "table.read", limit, "entries", table="routes4")
    routes = {f"{row['match']['slice']} {row['match']['prefix']}" for row in rows if row["params"]["owner"] == "route"}
    equal(routes, {key_of("route", fields) for fields in present["route"]}, "routes in the match table")
    slices = {fields["name"]: fields["slice"] for fields in present["attachment"]}
    gateways = {f"{slices[fields['attachment']]} {fields['prefix'].split('/')[0]}/32" for fields in present["address"]}
    found = {f"{row['match']['slice']} {row['match']['prefix']}" for row in rows if row["params"]["owner"] == "gateway"
             and row["params"]["way"].startswith("local")}
    equal(found, gateways, "gateways in the match table")


def slice_with_its_routes(box):
    """A slice and its route in one transaction: packets leave to the slice's own MAC, and after a change to the new one."""
    def put(vni):
        box.rpc.call("transaction", {"ops": [
            {"op": "put", "type": "tunnel", "objects": [{"name": "far", "encap": "vxlan", "local": "198.18.9.1", "remote": "198.18.9.2"}]},
            {"op": "put", "type": "slice", "objects": [{"name": "whole", "vni": vni, "kind": "l3"}]},
            {"op": "put", "type": "member", "objects": [{"slice": "whole", "tunnel": "far"}]},
            {"op": "put", "type": "route", "objects": [{"table": "whole", "prefix": "198.18.70.0/24", "via": [{"tunnel": "far"}]}]}]})
        return [str(entry) for entry in paged(box, "table.read", 100, "entries", table="routes4") if "198.18.70.0/24" in str(entry)]
    for vni, mac in ((300, "02:5c:00:01:2c:01"), (301, "02:5c:00:01:2d:01")):
        found = put(vni)
        check(len(found) == 1 and mac in found[0], f"the route of VNI {vni} leads to {mac}: {found}")
    for kind, key in (("route", "whole 198.18.70.0/24"), ("member", "whole far"), ("tunnel", "far"), ("slice", "whole")):
        box.delete(kind, key)


def rounds(box, chance):
    present, outcomes = everything(box, 100), {}
    for number in range(ROUNDS):
        ops = [chance.operation(present) for _ in range(chance.r.choice((1, 1, 1, 2, 4)))]
        refusal = None
        try:
            box.rpc.call("transaction", {"ops": ops})
        except RpcError as error:
            refusal = error
        limit = chance.r.choice((1, 3, 100))
        before, present = present, everything(box, limit)
        code = refusal.code if refusal else 0
        outcomes[code] = outcomes.get(code, 0) + 1
        if code:
            equal(present, before, f"round {number}: what is there after the refusal of {json.dumps(ops)}: {refusal}")
            check(code in (-32001, -32002, -32004, -32602), f"a refusal that a person can use, not {refusal}")
            check(refusal.data["path"].startswith("ops["), f"a place in the transaction: {refusal}")
        if number % 10 == 0:
            same_as_tables(box, present, limit)
    print(f"outcomes {outcomes}")
    check(outcomes.get(0, 0) > ROUNDS // 10 and len(outcomes) > 2, f"something happened, and something was refused: {outcomes}")
    return present


def test(lab):
    seed = int(os.environ.get("SLUICE_SEED", time.time_ns() % 1000000))
    print(f"seed {seed}")
    box = Box(lab, args=["--no-huge", "--memory", "512"])
    box.put("port", name="p0", device="net_null0,no-rx=1")
    for name in SLICES:
        box.slice(name, 1 + SLICES.index(name), kind="l3")
    for number, name in enumerate(ATTACHMENTS):
        box.put("attachment", name=name, slice=SLICES[number // 2], port="p0", vlan=1 + number)
    slice_with_its_routes(box)
    present = rounds(box, Chance(seed))
    same_as_tables(box, present, 7)
    for kind in ("route", "neighbor", "address", "member", "attachment", "tunnel", "slice"):
        if present[kind]:
            equal(box.delete(kind, *(key_of(kind, fields) for fields in present[kind])),
                  {"deleted": len(present[kind])}, f"deletion of each {kind}")
    for table in ("routes4", "neighbors"):
        equal(paged(box, "table.read", 100, "entries", table=table), [], f"entries left in {table}")

    def nothing_held():
        box.put("slice", name="breath", vni=9)  # a change lets what was given back be taken back
        box.delete("slice", "breath")
        return box.rpc.stats("box")["box"]["nexthops"] == 0
    wait_for(nothing_held, "no next hop is held")


run(test)
