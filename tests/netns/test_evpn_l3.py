#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: both
"""A routed slice over three sites by EVPN (type 5): two Sluice boxes and plain Linux, FRR at each. The slice's kernel side is
a network namespace, which zebra -n takes for a VRF; the VNI's device is in it, with its outer packets in the underlay.

    h1 198.19.1.2 ── lan0 [blue 100] 198.19.1.1 s1 ═╗
    h2 198.19.2.2 ── lan0 [blue 100] 198.19.2.1 s2 ═╬═ core      h3 198.19.3.2 ── 198.19.3.1 r3 (Linux) ═ core
    m  198.19.9.9 (a /32 on lo, announced where it is: static routes at s1, then s2, then r3)
"""
import time

from evpn import LinuxSite, SluiceSite, config, start_frr, vtep, vxlan
from lib import QUICK, at_least, check, diff, drops_of, equal, ping, run, settled, wait_for

FOLLOWED_S, SILENT_S = 1.0, 1.5
MOBILE = "198.19.9.9"


def host(n, family=4):
    return f"198.19.{n}.2" if family == 4 else f"2001:db8:{n}::2"


def slice_mac(site):
    return next(entry["mac"] for entry in site.box.list("slice") if entry["name"] == "blue")


def build(lab):
    hosts, slices = ({n: lab.ns(f"{letter}{n}") for n in (1, 2, 3)} for letter in ("h", "v"))
    sites = {n: SluiceSite(lab, n, {"lan0": (hosts[n], "eth0")}) for n in (1, 2)}
    sites[3] = LinuxSite(lab, 3)
    for number in (1, 2):
        sites[number].slice("blue", 100, {"lan0": {"tap": "blue0", "gateway": f"198.19.{number}.1/24", "gateway6": f"2001:db8:{number}::1/64"}},
                            service="l3", kernel={"netns": slices[number].full})
    for number in sites:
        vxlan(sites[number].ns, number, 100, "br100", slices[number])
    slices[3].sysctl("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    lab.wire(slices[3], "lan0", hosts[3], "eth0")
    slices[3].address("lan0", "198.19.3.1/24", "2001:db8:3::1/64", "fe80::1/64")
    for n, space in hosts.items():
        space.address("eth0", f"{host(n)}/24", f"{host(n, 6)}/64")
        space.ip(f"route add default via 198.19.{n}.1")
        space.ip(f"-6 route add default via 2001:db8:{n}::1")
        space.ip(f"addr add {MOBILE}/32 dev lo")
    check(slice_mac(sites[1]) != slice_mac(sites[2]), "each box's router has a MAC of its own")
    for number in (1, 2):  # the bridge's MAC is what FRR tells the others to send to
        wait_for(lambda: slices[number].mac("br100") == slice_mac(sites[number]), f"the bridge at s{number} has the MAC that its dataplane answers to")
    return sites, slices, hosts


def routes(site):
    """{prefix: [(remote, router MAC)]} of what goes by tunnels."""
    remotes = {t["name"]: t["remote"] for t in site.box.list("tunnel")}
    return {r["prefix"]: sorted((remotes.get(via["tunnel"]), via.get("mac")) for via in r["via"])
            for r in site.box.list("route", table="blue") if all("tunnel" in via for via in r["via"])}


def check_reach(sites, slices, hosts):
    macs = {1: slice_mac(sites[1]), 2: slice_mac(sites[2]), 3: slices[3].mac("br100")}
    for number in (1, 2):
        for far in {1, 2, 3} - {number}:
            for prefix in (f"198.19.{far}.0/24", f"2001:db8:{far}::/64"):
                wait_for(lambda: routes(sites[number]).get(prefix) == [(vtep(far), macs[far])],
                         f"s{number} has {prefix} by {vtep(far)} and {macs[far]} ({routes(sites[number])})", 20)
    for family in (4, 6):
        for near in hosts:
            for far in set(hosts) - {near}:
                wait_for(lambda: ping(hosts[near], host(far, family), 1, wait=1) == 1, f"h{near} reaches h{far} by IPv{family}")
                equal(ping(hosts[near], host(far, family), 3), 3, f"h{near} to h{far} by IPv{family}")
    tunnel = next(t["name"] for t in sites[1].box.list("tunnel") if t["remote"] == vtep(3))
    before = sites[1].box.quiet()
    equal(ping(hosts[1], host(3), 10), 10, "h1 to h3")
    change = diff(before, sites[1].box.quiet())
    at_least(change.get(f"tunnel {tunnel} out_packets", 0), 10, f"packets by the tunnel to r3: {change}")


def place(sites, slices, number, at=None):
    """The mobile address is announced at `number`, and no more at `at`."""
    for here, text in ((number, ""), (at, "no ")):
        if here:
            sites[here].frr.vtysh("configure terminal", "vrf slice1", f"{text}ip route {MOBILE}/32 {host(here)}")


def followed(sites, slices, hosts, here, there, far):
    """Seconds without an answer while MOBILE goes from one site to another."""
    place(sites, slices, here)
    wait_for(lambda: ping(hosts[far], MOBILE, 1, wait=1) == 1, f"h{far} reaches {MOBILE} at {here}")
    pings = hosts[far].popen(f"ping -n -D -i 0.01 {MOBILE}")
    time.sleep(0.5)
    hosts[here].ip(f"addr del {MOBILE}/32 dev lo")  # it is not there any more; the place it goes to has it
    moved = time.time()
    place(sites, slices, there, here)
    time.sleep(SILENT_S)
    hosts[far].lab.end(pings)
    hosts[here].ip(f"addr add {MOBILE}/32 dev lo")
    place(sites, slices, 0, there)
    seen = [float(line.split("]")[0][1:]) for line in open(pings.log) if line.startswith("[") and "bytes from" in line]
    after = [at for at in seen if at > moved]
    if not after:
        return SILENT_S
    before = max((at for at in seen if at <= moved), default=moved)
    return max(b - a for a, b in zip([before, *after], after))


def check_moves(sites, slices, hosts):
    for here, there, far in ((1, 2, 3), (2, 3, 1), (3, 1, 2), (1, 3, 2)):
        took = settled(lambda: followed(sites, slices, hosts, here, there, far), lambda seconds: seconds <= FOLLOWED_S)
        print(f"{MOBILE} from {here} to {there}, h{far} follows within {took * 1000:.0f} ms")
        check(QUICK or took <= FOLLOWED_S, f"a host that moves is followed within {FOLLOWED_S} s, not {took:.2f}")


def check_killed(sites):
    site = sites[1]
    wait_for(lambda: f"{MOBILE}/32" not in {route["prefix"] for route in site.box.list("route", table="blue")},
             f"{MOBILE}, which is at no site any more, is withdrawn")
    site.site.quiet()
    before = site.box.list("route", table="blue")
    site.site.kill()
    site.site.start()
    wait_for(site.site.synced, "the control plane knows all again")
    equal(site.box.list("route", table="blue"), before, "routes after the control plane was killed")
    equal(site.site.get("/v1/status")["reconciler"]["transactions"], 0, "transactions, where all was as wanted")


def check_gone(sites, hosts):
    sites[3].frr.stop("bgpd")
    for number in (1, 2):
        wait_for(lambda: "198.19.3.0/24" not in routes(sites[number]), f"s{number} has no route to r3's network")
    equal(ping(hosts[1], host(3), 2, wait=1), 0, "h1 to h3 after that")
    equal(ping(hosts[1], host(2), 3), 3, "h1 to h2 all the same")


def test(lab):
    sites, slices, hosts = build(lab)
    texts = {n: config(n, sites, 100).replace("  redistribute connected\n", "  redistribute connected\n  redistribute static\n", 1) for n in sites}
    start_frr(list(sites.values()), texts, slices)
    check_reach(sites, slices, hosts)
    check_moves(sites, slices, hosts)
    check_killed(sites)
    check_gone(sites, hosts)
    for number in (1, 2):
        print(f"s{number}: drops {drops_of(sites[number].box.ledger())}")


run(test)
