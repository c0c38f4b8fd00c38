#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""BGP inside a routed slice: a customer's router (FRR) speaks with FRR in the slice's namespace on the box, over the tap
of its attachment; the dataplane forwards by what they agree on.

    c  198.19.3.2 ── ce ── 198.19.1.2  lan0 [blue] 198.19.1.1 ┐
                     198.19.200.1 (lo)                        box ── namespace "blue": FRR, AS 65000
    h  198.19.2.2 ──────────────────── lan1 [blue] 198.19.2.1 ┘
"""
from control import Site
from evpn import AS, slice_config
from frr import Frr
from lib import at_least, check, diff, drops_of, equal, ping, run, wait_for

CE_AS = 65101
CE = f"""router bgp {CE_AS}
 bgp router-id 198.19.1.2
 no bgp ebgp-requires-policy
 neighbor 198.19.1.1 remote-as {AS}
 neighbor 198.19.1.1 timers connect 1
 neighbor 2001:db8:1::1 remote-as {AS}
 neighbor 2001:db8:1::1 timers connect 1
 address-family ipv4 unicast
  redistribute connected
  no neighbor 2001:db8:1::1 activate
 exit-address-family
 address-family ipv6 unicast
  redistribute connected
  neighbor 2001:db8:1::1 activate
 exit-address-family
"""


def build(lab):
    site, slice_, ce, hosts = Site(lab, "box"), lab.ns("blue"), lab.ns("ce"), {name: lab.ns(name) for name in ("c", "h")}
    slice_.sysctl("net.ipv6.conf.default.addr_gen_mode=0")  # as anywhere: BGP over IPv6 asks for a link-local address
    for port, space in (("lan0", ce), ("lan1", hosts["h"])):
        lab.wire(site.ns, port, space, "eth0")
        site.ns.quiet_interface(port)
    site.apply({"kind": "site", "name": "box", "ports": [{"name": port, "device": f"net_af_packet{n},iface={port}"}
                                                         for n, port in enumerate(("lan0", "lan1"), 1)]},
               {"kind": "slice", "name": "blue", "service": "l3", "vni": 100, "kernel": {"netns": slice_.full},
                "endpoints": [{"site": "box", "port": f"lan{n}", "tap": f"blue{n}", "gateway": f"198.19.{n + 1}.1/24",
                               "gateway6": f"2001:db8:{n + 1}::1/64"} for n in (0, 1)]})
    lab.wire(ce, "eth1", hosts["c"], "eth0")
    ce.sysctl("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    ce.address("eth0", "198.19.1.2/24", "2001:db8:1::2/64", "fe80::2/64")
    ce.address("eth1", "198.19.3.1/24", "2001:db8:3::1/64", "fe80::1/64")
    ce.ip("addr add 198.19.200.1/32 dev lo")
    hosts["h"].address("eth0", "198.19.2.2/24", "2001:db8:2::2/64")
    hosts["c"].address("eth0", "198.19.3.2/24", "2001:db8:3::2/64")
    for name, number in (("h", 2), ("c", 3)):
        hosts[name].ip(f"route add default via 198.19.{number}.1")
        hosts[name].ip(f"-6 route add default via 2001:db8:{number}::1")
    return site, slice_, ce, hosts


def routes(site):
    """{prefix: next hops} of the slice in the dataplane."""
    return {route["prefix"]: sorted(via.get("address", "") for via in route["via"]) for route in site.box.list("route", table="blue")}


def check_learned(site, slice_, hosts):
    """What the CE says is in the kernel, in the dataplane, and packets go there."""
    for prefix, next_hop in (("198.19.3.0/24", "198.19.1.2"), ("198.19.200.1/32", "198.19.1.2")):
        wait_for(lambda: prefix.removesuffix("/32") in slice_.ip("route"), f"{prefix} in the kernel")
        wait_for(lambda: routes(site).get(prefix) == [next_hop], f"{prefix} in the dataplane ({routes(site)})")
    wait_for(lambda: "2001:db8:3::/64" in routes(site), f"2001:db8:3::/64 in the dataplane ({routes(site)})")
    for address in ("198.19.3.2", "198.19.200.1", "2001:db8:3::2"):
        wait_for(lambda: ping(hosts["h"], address, 1, wait=1) == 1, f"h reaches {address}")
        before = site.box.quiet()
        equal(ping(hosts["h"], address, 5), 5, f"h to {address}")
        change = diff(before, site.box.ledger())
        at_least(change.get("attachment blue:lan0 out_packets", 0), 5, f"packets to {address} leave for the CE: {change}")
        check(change.get("attachment blue:lan1 tap_tx_packets", 0) < 5, f"and the kernel has none of them: {change}")


def check_withdrawn(site, ce, ce_frr, hosts):
    """Part of it, and then all of it."""
    ce.ip("addr del 198.19.200.1/32 dev lo")
    wait_for(lambda: "198.19.200.1/32" not in routes(site), "the withdrawn route is gone from the dataplane")
    equal(ping(hosts["h"], "198.19.200.1", 2, wait=1), 0, "pings to a withdrawn prefix")
    equal(ping(hosts["h"], "198.19.3.2", 3), 3, "what was not withdrawn")
    ce.ip("addr add 198.19.200.1/32 dev lo")
    wait_for(lambda: "198.19.200.1/32" in routes(site), "the route is back")
    equal(ping(hosts["h"], "198.19.200.1", 3), 3, "pings to a prefix that is back")
    ce_frr.stop("bgpd")
    wait_for(lambda: not {"198.19.200.1/32", "198.19.3.0/24", "2001:db8:3::/64"} & set(routes(site)), "all of a CE that ends is gone")
    equal(ping(hosts["h"], "198.19.3.2", 2, wait=1), 0, "pings behind a CE that has ended")
    equal(ping(ce, "198.19.1.1", 3), 3, "the CE to its gateway all the same")


def test(lab):
    site, slice_, ce, hosts = build(lab)
    wait_for(lambda: {"blue0", "blue1"} <= slice_.interfaces(), "the attachments' taps are in the slice's namespace")
    neighbors = "".join(f" neighbor {peer} remote-as {CE_AS}\n neighbor {peer} timers connect 1\n" for peer in ("198.19.1.2", "2001:db8:1::2"))
    text = slice_config(1, None).replace(" address-family ipv4", neighbors + " address-family ipv4", 1)
    text = text.replace("ipv6 unicast\n", "ipv6 unicast\n  neighbor 2001:db8:1::2 activate\n", 1)
    box_frr, ce_frr = Frr(site.ns, text, vrfs={"slice1": slice_}), Frr(ce, CE)
    ce_frr.wait_established("198.19.1.1", "2001:db8:1::1")
    check_learned(site, slice_, hosts)
    wait_for(lambda: "198.19.2.0/24" in ce.ip("route"), "the CE knows the slice's other network")
    check_withdrawn(site, ce, ce_frr, hosts)
    box_frr.stop()
    wait_for(lambda: "198.19.2.0/24" not in ce.ip("route"), "FRR of the box has ended")
    print(f"drops {drops_of(site.box.ledger())}")


run(test)
