#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Slices that route, with a Linux router as the other site; two tenants with the same addresses.

    a  198.18.101.2 ── lan0 [blue 300] 198.18.101.1        wan0 ═ site (Linux) ─ vx300 in r ── b  198.18.110.2
       2001:db8:101::2         2001:db8:101::1                                  198.18.103.2     2001:db8:110::2
    c  198.18.102.2 ── lan1 [blue 300] 198.18.102.1
    ra 198.18.101.2 ── lan2 [red 400]  198.18.101.1              site ───────── vx400 in rr ─ rb 198.18.110.2

Hosts know the box as their gateway and find it by ARP and ND; the box finds them the same way.
"""
from lib import CONGESTION, Box, at_least, check, diff, drops_of, equal, iperf, kernel_vxlan, ping, run, wait_for
from switch import DEVICE

V4, V6 = "198.18", "2001:db8"
# ended here, as they should: what the switch learned its neighbours from, and the hosts' multicast listener reports
TAKEN = {"arp_noted", "routed_group"}


def tenant(box, lab, slice_, vni, ours, theirs, names):
    """A host on the box's side, and beyond the tunnel a Linux router with a host behind it."""
    near, router, far = (lab.ns(name) for name in names)
    site = lab.ns("site")
    port = f"lan{len([p for p in box.list('port') if p['name'].startswith('lan')])}"
    box.port(port, near, "eth0")
    box.put("slice", name=slice_, vni=vni, kind="l3")
    box.put("attachment", name=f"{slice_}-{port}", slice=slice_, port=port)
    box.put("member", slice=slice_, tunnel="to-site")
    for family in (f"{V4}.101.1/24", f"{V6}:101::1/64"):
        box.put("address", attachment=f"{slice_}-{port}", prefix=family)
    near.address("eth0", f"{V4}.101.2/24", f"{V6}:101::2/64")
    near.ip(f"route add default via {V4}.101.1")
    near.ip(f"-6 route add default via {V6}:101::1")

    kernel_vxlan(site, router, vni, theirs, ours, f"{V4}.103.2/24", f"{V6}:103::2/64")
    lab.wire(router, "lan", far, "eth0")
    router.sysctl("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    for space in (router, far):
        space.sysctl("net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")  # traceroute asks quickly
    router.address("lan", f"{V4}.110.1/24", f"{V6}:110::1/64", "fe80::1/64")  # a Linux router asks from a link-local address
    far.address("eth0", f"{V4}.110.2/24", f"{V6}:110::2/64")
    far.ip(f"route add default via {V4}.110.1")
    far.ip(f"-6 route add default via {V6}:110::1")
    # the box has no address on the tunnel: its gateway's MAC follows from the VNI (or the slice's `mac`)
    gateway = f"02:5c:{vni >> 16:02x}:{vni >> 8 & 255:02x}:{vni & 255:02x}:01"
    for family, next_hop, net in (("", f"{V4}.103.1", f"{V4}.101.0/24"), ("-6 ", f"{V6}:103::1", f"{V6}:101::/64"),
                                  ("", f"{V4}.103.1", f"{V4}.102.0/24"), ("-6 ", f"{V6}:103::1", f"{V6}:102::/64")):
        router.ip(f"neigh replace {next_hop} lladdr {gateway} dev vx{vni} nud permanent")
        router.ip(f"{family}route add {net} via {next_hop} dev vx{vni}")
    mac = router.mac(f"vx{vni}")
    for prefix in (f"{V4}.110.0/24", f"{V4}.103.0/24", f"{V6}:110::/64", f"{V6}:103::/64"):
        box.put("route", table=slice_, prefix=prefix, via=[{"tunnel": "to-site", "mac": mac}])
    return near, router, far


def hops(space, address, version):
    """What traceroute sees, hop by hop."""
    out = space.run(f"traceroute -{version} -n -q 1 -w 5 -m 6 {address}", check_status=False)
    return [line.split()[1] for line in out.splitlines()[1:]]


def test(lab):
    site = lab.ns("site")
    box = Box(lab)
    ours, theirs = box.wan(site)
    a, router, b = tenant(box, lab, "blue", 300, ours, theirs, ("a", "r", "b"))
    ra, _, rb = tenant(box, lab, "red", 400, ours, theirs, ("ra", "rr", "rb"))
    c = lab.ns("c")
    box.port("lan9", c, "eth0")
    box.put("attachment", name="blue-lan9", slice="blue", port="lan9")
    box.put("address", attachment="blue-lan9", prefix=f"{V4}.102.1/24")
    box.put("address", attachment="blue-lan9", prefix=f"{V6}:102::1/64")
    c.address("eth0", f"{V4}.102.2/24", f"{V6}:102::2/64")
    c.ip(f"route add default via {V4}.102.1")
    c.ip(f"-6 route add default via {V6}:102::1")

    # every pair, both families; the first ping may be lost while the box asks for its neighbour
    for near, far, where in ((a, b, "110"), (b, a, "101"), (a, c, "102"), (c, b, "110"), (b, c, "102"), (ra, rb, "110")):
        for family in (f"{V4}.{where}.2", f"{V6}:{where}::2"):
            wait_for(lambda: ping(near, family, 1, wait=1) == 1, f"{near.name} reaches {family}")
            before = box.ledger()
            equal(ping(near, family, 5), 5, f"pings from {near.name} to {family}")
            lost = set(drops_of(diff(before, box.ledger()))) - TAKEN
            equal(lost, set(), f"drops from {near.name} to {family}")

    # the gateway answers, from here and from beyond the tunnel
    for space in (a, b, c):
        for address in (f"{V4}.101.1", f"{V6}:101::1"):
            equal(ping(space, address, 3), 3, f"pings from {space.name} to the gateway {address}")
    equal(ping(a, f"{V4}.101.1", 2, size=1400), 2, "larger pings to the gateway")

    # the tenants never meet: red's traffic moves red's counters alone
    before = box.ledger()
    equal(ping(ra, f"{V4}.110.2", 10), 10, "pings in red")
    change = diff(before, box.ledger())
    # (blue's own hosts may be asked whether they are still there meanwhile)
    check(change.get("slice blue in_packets", 0) < 10, f"blue saw red's traffic: {change}")
    equal(ping(ra, f"{V4}.102.2", 2, wait=1), 0, "red has no such network")

    # traceroute through the box, from both sides
    for version, net in ((4, V4 + "."), (6, V6 + ":")):
        dot = "." if version == 4 else "::"
        equal(hops(a, f"{net}110{dot}2", version), [f"{net}101{dot}1", f"{net}103{dot}2", f"{net}110{dot}2"],
              f"traceroute -{version} from a to b")
        seen = hops(b, f"{net}101{dot}2", version)
        equal((seen[0], seen[-1]), (f"{net}110{dot}1", f"{net}101{dot}2"), f"traceroute -{version} from b to a: {seen}")
        equal(len(seen), 3, f"hops from b to a: {seen}")
        check(seen[1] in (f"{net}101{dot}1", f"{net}102{dot}1"), f"the box is the hop in the middle: {seen}")
    box.ledger()

    # unreachable is said, not kept
    out = a.run(f"ping -n -c 1 -W 5 {V4}.99.1", check_status=False)
    check(f"From {V4}.101.1" in out and "Unreachable" in out, f"no route: {out}")
    out = a.run(f"ping -n -c 1 -W 5 {V6}:99::1", check_status=False)
    check(f"From {V6}:101::1" in out and "nreachable" in out, f"no route: {out}")
    out = a.run(f"ping -n -c 6 -i 1 -W 2 {V4}.102.77", check_status=False, timeout=60)
    check(f"From {V4}.101.1" in out and "Host Unreachable" in out, f"a neighbour that does not answer: {out}")

    # a path MTU that is found: the underlay falls to 1500, so the tunnel carries 1450
    wan = box.rpc.call("get", {"type": "port", "key": "wan0"})
    box.put("port", **{**{key: wan[key] for key in ("name", "device", "tap")}, "mtu": 1500})
    site.ip("link set wan mtu 1500")
    router.ip("link set vx300 mtu 1450")
    out = a.run(f"ping -n -M do -s 1472 -c 2 -i 0.2 -W 2 {V4}.110.2", check_status=False)
    check("mtu = 1450" in out or "mtu=1450" in out, f"fragmentation needed is said with the MTU: {out}")
    out = a.run(f"ping -6 -n -M do -s 1452 -c 2 -i 0.2 -W 2 {V6}:110::2", check_status=False)
    check("mtu = 1450" in out or "mtu=1450" in out, f"packet too big is said with the MTU: {out}")
    equal(ping(a, f"{V4}.110.2", 2, size=1450 - 28, options="-M do"), 2, "what fits goes")
    before = box.ledger()
    # (the port's AF_PACKET socket puts the fragments of the sender together: the box sees 1500 bytes)
    at_least(ping(a, f"{V4}.110.2", 5, size=1472, options="-M dont"), 3, "echoes without DF; the far side learns its own MTU")
    fragments = diff(before, box.ledger()).get("box replicated")
    if DEVICE != "af_xdp":  # there the box sees the sender's fragments, which fit
        equal(fragments, 5, "the box made two fragments of each")
    for address in (f"{V4}.110.2", f"{V6}:110::2"):
        for reverse in (False, True):
            before = box.ledger()
            rate = iperf(a, b, address, reverse=reverse)
            lost = drops_of(diff(before, box.ledger()))
            print(f"TCP {'b to a' if reverse else 'a to b'} at {address}: {rate:.0f} Mbit/s, drops {lost}")
            at_least(rate, 1, "TCP rate in Mbit/s")
            check(set(lost) <= CONGESTION | TAKEN | {"too_big"}, f"drops of TCP: {lost}")


run(test)
