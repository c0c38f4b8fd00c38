#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A tap's name that somebody else's interface has: the slice is refused by name, and there within a second of the name
being free, whether that interface was deleted or renamed; so is the port whose twin it is."""
import time

from control import Site
from lib import check, run, wait_for


def documents():
    return [{"kind": "site", "name": "gj", "ports": [{"name": "lan0", "device": "net_null0,no-rx=1"}]},
            {"kind": "wan", "name": "wan0", "site": "gj", "device": "net_null1,no-rx=1", "tap": True, "addresses": ["198.18.0.1/24"]},
            {"kind": "slice", "name": "red", "service": "l3", "vni": 300, "kernel": {"netns": "no-such-namespace-here"},
             "endpoints": [{"site": "gj", "port": "lan0", "vlan": 5, "tap": "red0", "gateway": "198.19.1.1/24"}]}]


def state(site, path):
    return site.get(f"/v1/{path}")["status"]


def free(site, what, path):
    status = state(site, path)
    name = what.split()[2]
    check(status["state"] == "refused" and name in status["reason"], f"refused, with the name {name}: {status}")
    start = time.monotonic()
    site.ns.ip(what)
    # within milliseconds; the next look at everything is up to a minute away
    wait_for(lambda: state(site, path)["state"] == "applied", f"{path} after ip {what}")
    print(f"{path}: applied {1000 * (time.monotonic() - start):.0f} ms after ip {what}")


def test(lab):
    site = Site(lab, "gj")
    for name in ("red0", "wan0"):
        site.ns.ip(f"link add {name} type veth peer name {name}x")
    status, answer = site.call("POST", "/v1/apply?check=false", {"documents": documents()})
    check(status == 200, f"apply: {answer}")
    for path in ("slices/red", "wans/wan0"):
        wait_for(lambda: state(site, path)["state"] == "refused", f"{path} is refused")
    free(site, "link del wan0", "wans/wan0")
    free(site, "link set red0 name mine0", "slices/red")


run(test)
