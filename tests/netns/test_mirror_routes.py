#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: release
"""Many routes: a customer's router announces 100,000 to FRR in a routed slice's namespace, and takes a part of them back.
The dataplane has all of them soon after the kernel has, none missing, none too many, compared entry by entry.

    ce  198.19.250.2 ── lan0 [blue] 198.19.250.1  box ── namespace "blue": FRR
        198.18.0.0/32, 198.18.0.1/32, …
"""
import ipaddress
import os
import socket
import struct
import threading
import time

from control import Site
from evpn import AS, slice_config
from frr import Frr
from lib import QUICK, check, equal, run, wait_for

COUNT, PART, PART_PREFIX = (10_000, 4096, "198.18.0.0/20") if QUICK else (100_000, 32768, "198.18.0.0/17")
LIMIT_S = 5.0  # issue 6: the mirror's time, from the kernel's having them all
CE_AS, FIRST = 65101, int(ipaddress.ip_address("198.18.0.0"))
CE = f"""ip prefix-list rest seq 5 deny {PART_PREFIX} le 32
ip prefix-list rest seq 10 permit any
router bgp {CE_AS}
 bgp router-id 198.19.250.2
 no bgp ebgp-requires-policy
 neighbor 198.19.250.1 remote-as {AS}
 neighbor 198.19.250.1 timers connect 1
 address-family ipv4 unicast
  redistribute kernel
 exit-address-family
"""
SO_RCVBUFFORCE, SOL_NETLINK, ADD_MEMBERSHIP, IPV4_ROUTE = 33, 270, 1, 7
NEWROUTE, DELROUTE, BGP = 24, 25, 186


class KernelCount(threading.Thread):
    """Counts BGP's routes in a namespace as the kernel takes them, to know when it had the last."""

    def __init__(self, space):
        super().__init__(daemon=True)
        with space.entered():
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 128 << 20)
        self.sock.bind((0, 0))
        self.sock.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, IPV4_ROUTE)
        self.restart()
        self.start()

    def restart(self):
        self.new = self.gone = 0
        self.first = self.last = None

    def run(self):
        while True:
            self.take(self.sock.recv(1 << 16))

    def take(self, data):
        now, at = time.monotonic(), 0
        while at + 16 <= len(data):
            length, kind = struct.unpack_from("IH", data, at)
            if kind in (NEWROUTE, DELROUTE) and data[at + 21] == BGP:
                self.first, self.last = self.first or now, now
                self.new += kind == NEWROUTE
                self.gone += kind == DELROUTE
            at += (length + 3) & ~3


def build(lab):
    site, slice_, ce = Site(lab, "box"), lab.ns("blue"), lab.ns("ce")
    lab.wire(site.ns, "lan0", ce, "eth0")
    site.ns.quiet_interface("lan0")
    ce.address("eth0", "198.19.250.2/24")
    path = os.path.join(lab.dir, "batch")
    with open(path, "w") as out:
        out.writelines(f"route add blackhole {ipaddress.ip_address(FIRST + n)}/32\n" for n in range(COUNT))
    ce.ip(f"-batch {path}")
    site.apply({"kind": "site", "name": "box", "ports": [{"name": "lan0", "device": "net_af_packet1,iface=lan0"}]},
               {"kind": "slice", "name": "blue", "service": "l3", "vni": 100, "kernel": {"netns": slice_.full},
                "endpoints": [{"site": "box", "port": "lan0", "tap": "blue0", "gateway": "198.19.250.1/24"}]})
    wait_for(lambda: "blue0" in slice_.interfaces(), "the attachment's tap is in the slice's namespace")
    return site, slice_, ce


def routes_of(site):
    """How many routes the slice has."""
    return next(entry.get("routes", 0) for entry in site.box.list("slice") if entry["name"] == "blue")


def timed(site, seen, what, change, new=0, gone=0):
    """Seconds from the kernel's last change until the dataplane has as many routes as there should be."""
    seen.restart()
    started = time.monotonic()
    target = routes_of(site) + new - gone
    change()
    wait_for(lambda: (seen.new, seen.gone) == (new, gone) or time.monotonic() > started + 60, what, 70)
    equal((seen.new, seen.gone), (new, gone), f"{what}: routes that came to the kernel, and went")
    wait_for(lambda: routes_of(site) == target, f"{what}: in the dataplane {target} (it has {routes_of(site)})", 30)
    took = time.monotonic() - seen.last
    print(f"{what}: {new + gone} routes, FRR took {seen.last - seen.first:.2f} s for the kernel, "
          f"the dataplane had them {took:.2f} s after that")
    return took


def listed(site):
    """{prefix: next hop} of the dataplane's routes by a next hop."""
    found, cursor = {}, None
    while True:
        page = site.box.rpc.call("list", {"type": "route", "match": {"table": "blue"}, "limit": 10000, **({"cursor": cursor} if cursor else {})})
        found.update({r["prefix"]: [via["address"] for via in r["via"]] for r in page["objects"] if "address" in r["via"][0]})
        cursor = page.get("cursor")
        if not cursor:
            return found


def check_equal(site, slice_, count):
    kernel = {r["dst"] if "/" in r["dst"] else f"{r['dst']}/32": [r["gateway"]] for r in slice_.asked("ip -j route show proto bgp")}
    equal(len(kernel), count, "BGP's routes in the kernel")
    have = listed(site)
    missing, more = kernel.keys() - have.keys(), have.keys() - kernel.keys()
    check(not missing and not more, f"routes missing: {len(missing)} {sorted(missing)[:3]}, too many: {len(more)} {sorted(more)[:3]}")
    other = [prefix for prefix, via in kernel.items() if have[prefix] != via]
    check(not other, f"routes with another next hop: {len(other)}, {[(p, kernel[p], have[p]) for p in other[:3]]}")


def check_killed(site, slice_):
    """The control plane is killed and comes back: all is as the kernel has it, and nothing is done again."""
    site.quiet()
    site.kill()
    started = time.monotonic()
    site.start()
    wait_for(site.synced, "the control plane knows all again", 30)
    print(f"killed and started again: {COUNT} routes compared after {time.monotonic() - started:.2f} s")
    equal(site.get("/v1/status")["reconciler"]["transactions"], 0, "transactions, where all was as wanted")
    check_equal(site, slice_, COUNT)


def test(lab):
    site, slice_, ce = build(lab)
    ce_frr, seen = Frr(ce, CE), KernelCount(slice_)
    text = slice_config(1, ("198.19.250.2", CE_AS)).replace("redistribute connected", "no redistribute connected")
    box_frr = Frr(site.ns, vrfs={"slice1": slice_})

    def tell(frr, bgp, text):
        frr.vtysh("configure terminal", f"router bgp {bgp}", text)
    policy = "neighbor 198.19.250.1 prefix-list rest out"
    took = [timed(site, seen, "announced", lambda: box_frr.configure(text), new=COUNT)]
    check_equal(site, slice_, COUNT)
    ce_frr.wait_established("198.19.250.1")
    took.append(timed(site, seen, "a part withdrawn", lambda: tell(ce_frr, CE_AS, policy), gone=PART))
    check_equal(site, slice_, COUNT - PART)
    took.append(timed(site, seen, "a part back", lambda: tell(ce_frr, CE_AS, f"no {policy}"), new=PART))
    check_equal(site, slice_, COUNT)
    took.append(timed(site, seen, "session down", lambda: tell(box_frr, f"{AS} vrf slice1", "neighbor 198.19.250.2 shutdown"), gone=COUNT))
    took.append(timed(site, seen, "session up", lambda: tell(box_frr, f"{AS} vrf slice1", "no neighbor 198.19.250.2 shutdown"), new=COUNT))
    check_equal(site, slice_, COUNT)
    check_killed(site, slice_)
    check(QUICK or max(took) <= LIMIT_S, f"the mirror takes at most {LIMIT_S} s, not {max(took):.2f}")


run(test)
