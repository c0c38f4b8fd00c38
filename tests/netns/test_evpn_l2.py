#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: both
"""An Ethernet slice over three sites by EVPN (types 2 and 3): two Sluice boxes and plain Linux, FRR at each.

    h1 198.19.0.1 ── lan0 [blue 10] s1 ═╗
    h2 198.19.0.2 ── lan0 [blue 10] s2 ═╬═ core        h3 198.19.0.3 ── br10 r3 (Linux) ═ core
    m  198.19.0.9 ── hub ── lan1 of s1, then lan1 of s2, then br10 of r3, then s1 again

Every site's FRR learns where the hosts are; nobody learns it from what comes by the tunnels. The hub moves m without a
word: no link goes down, a site knows only what m sends.
"""
import time

from evpn import LinuxSite, SluiceSite, config, start_frr, vtep, vxlan
from lib import QUICK, at_least, check, diff, drops_of, equal, ping, run, settled, wait_for

FOLLOWED_S, SILENT_S = 1.0, 1.5  # issue 6: a host that moves is followed within a second
HOSTS = {"h1": 1, "h2": 2, "h3": 3, "m": 9}


def address(name):
    return f"198.19.0.{HOSTS[name]}"


def mac(name):
    return f"02:00:00:00:0b:0{HOSTS[name]}"


def build(lab):
    """Hosts and sites, the slice in each, the hub with m."""
    hosts, hub = {name: lab.ns(name) for name in HOSTS}, lab.ns("hub")
    sites = {n: SluiceSite(lab, n, {"lan0": (hosts[f"h{n}"], "eth0"), "lan1": (hub, f"up{n}")}) for n in (1, 2)}
    sites[3] = LinuxSite(lab, 3)
    for number, site in sites.items():
        vxlan(site.ns, number, 10, "br10")
    for number in (1, 2):
        # its ports' taps in the bridge are how FRR knows the slice's hosts
        sites[number].slice("blue", 10, {"lan0": {"tap": "blue0"}, "lan1": {"tap": "blue1"}}, kernel={"bridge": "br10"})
    lab.wire(sites[3].ns, "lan0", hosts["h3"], "eth0")
    lab.wire(sites[3].ns, "lan1", hub, "up3")
    for port in ("lan0", "lan1"):
        sites[3].ns.ip(f"link set {port} master br10")
    hub.ip("link add name hub0 type bridge")
    hub.ip("link set hub0 up")
    lab.wire(hub, "m0", hosts["m"], "eth0")
    hub.ip("link set m0 master hub0")
    for name, host in hosts.items():
        host.ip(f"link set eth0 address {mac(name)}")
        host.address("eth0", f"{address(name)}/24")
        for other in HOSTS:  # who moves is not looked for by ARP, which would only measure ARP's patience
            if other != name:
                host.ip(f"neigh replace {address(other)} lladdr {mac(other)} dev eth0 nud permanent")
    return sites, hosts, hub


def check_reach(sites, hosts):
    """All to all, and who knows what."""
    for near in ("h1", "h2", "h3"):
        for far in ("h1", "h2", "h3"):
            if far != near:
                wait_for(lambda: ping(hosts[near], address(far), 1, wait=1) == 1, f"{near} reaches {far}")
    for number, far in ((1, {"h2": 2, "h3": 3}), (2, {"h1": 1, "h3": 3})):
        macs = wait_for(lambda: known_by_evpn(sites[number], far), f"s{number} knows the others' hosts from the kernel")
        equal(macs[mac(f"h{number}")][::2], ("attachment", True), f"s{number}: its own host is learned")
        check_not_learned(sites[number])
        at_least(len(sites[number].box.list("member", slice="blue")), 2, f"s{number}: the slice's tunnels (type 3)")


def known_by_evpn(site, far):
    """site's MACs, once each of `far` is behind the tunnel to where it is."""
    macs, remotes = site.macs("blue"), {t["name"]: t["remote"] for t in site.box.list("tunnel")}
    return macs if all(remotes.get(macs.get(mac(name), ("",) * 3)[1]) == vtep(at) for name, at in far.items()) else None


def check_not_learned(site):
    learned = [entry for entry in site.macs("blue").values() if entry[0] == "tunnel" and entry[2]]
    equal(learned, [], f"MACs that {site.name} has learned from tunnels")


def check_unicast(sites, hosts):
    """Known hosts are not flooded for: what h1 sends to h2 goes to s2 alone."""
    names = {t["remote"]: t["name"] for t in sites[1].box.list("tunnel")}
    before = sites[1].box.quiet()
    equal(ping(hosts["h1"], address("h2"), 10), 10, "h1 to h2")
    change = diff(before, sites[1].box.quiet())
    at_least(change.get(f"tunnel {names[vtep(2)]} out_packets", 0), 10, f"packets to s2: {change}")
    check(change.get(f"tunnel {names[vtep(3)]} out_packets", 0) < 5, f"nothing of it goes to r3: {change}")


def place(hub, number):
    """m's wire is now at this site."""
    for n in (1, 2, 3):
        if n != number:
            hub.ip(f"link set up{n} nomaster")
    hub.ip(f"link set up{number} master hub0")


def move(hosts, hub, number, far):
    """Seconds that m, which sends all the time, got no answer from `far`."""
    pings = hosts["m"].popen(f"ping -n -D -i 0.01 {address(far)}")
    time.sleep(0.5)
    moved = time.time()
    place(hub, number)
    time.sleep(SILENT_S)
    hosts["m"].lab.end(pings)
    seen = [float(line.split("]")[0][1:]) for line in open(pings.log) if line.startswith("[") and "bytes from" in line]
    after = [at for at in seen if at > moved]
    if not after:
        return SILENT_S
    last = max((at for at in seen if at <= moved), default=moved)
    # the longest silence: an answer may still come to the old place's queue
    gaps = [b - a for a, b in zip([last, *after], after)]
    return max(gaps)


def check_moves(sites, hosts, hub):
    place(hub, 1)
    for far in ("h1", "h2", "h3"):
        wait_for(lambda: ping(hosts["m"], address(far), 1, wait=1) == 1, f"m, at s1, reaches {far}")
    worst = 0.0
    for here, there, far in ((1, 2, "h3"), (2, 1, "h3"), (1, 3, "h1"), (3, 2, "h3"), (2, 3, "h1"), (3, 1, "h2")):
        def followed():
            if sites_of_m(sites) != here:
                move(hosts, hub, here, far)
            return move(hosts, hub, there, far)
        took = settled(followed, lambda seconds: seconds <= FOLLOWED_S)
        print(f"m from {here} to {there}, {far} follows within {took * 1000:.0f} ms")
        worst = max(worst, took)
        for far_host in ("h1", "h2", "h3"):
            wait_for(lambda: ping(hosts[far_host], address("m"), 1, wait=1) == 1, f"{far_host} reaches m at {there}")
        for number in (1, 2):
            check_not_learned(sites[number])
            door = "attachment" if number == there else "tunnel"
            wait_for(lambda: sites[number].macs("blue").get(mac("m"), ("",))[0] == door, f"s{number} has m, which is at {there}, behind an {door}")
    check(QUICK or worst <= FOLLOWED_S, f"a host that moves is followed within {FOLLOWED_S} s, not {worst:.2f}")


def sites_of_m(sites):
    """The number of the site at which m is, as FRR of the Linux site has it."""
    entry = sites[3].frr.show("evpn mac vni 10").get("macs", {}).get(mac("m"), {})
    return 3 if entry.get("type") == "local" else {vtep(n): n for n in (1, 2)}.get(entry.get("remoteVtep"))


def check_killed(sites, hosts, hub):
    """s1's control plane is killed; what happened meanwhile it sees in the kernel and the dataplane when it is back."""
    site = sites[1]
    place(hub, 1)
    wait_for(lambda: ping(hosts["m"], address("h2"), 1, wait=1) == 1 and site.macs("blue").get(mac("m"), ("",))[0] == "attachment", "m is at s1")
    wait_for(lambda: sites_of_m(sites) == 1, "and all others know")
    site.site.quiet()
    before = site.macs("blue")
    site.site.kill()
    equal(ping(hosts["h1"], address("h2"), 5), 5, "h1 to h2 without the control plane")
    site.site.start()
    wait_for(site.site.synced, "the control plane knows all again")
    equal(site.macs("blue"), before, "what s1 knows after its control plane was killed")
    equal(site.site.get("/v1/status")["reconciler"]["transactions"], 0, "transactions, where all was as wanted")
    site.site.kill()
    place(hub, 2)
    wait_for(lambda: ping(hosts["m"], address("h3"), 1, wait=1) == 1, "m, at s2, reaches h3")
    site.site.start()
    wait_for(lambda: site.macs("blue").get(mac("m"), ("",))[0] == "tunnel", "s1 knows where m has gone")
    wait_for(lambda: ping(hosts["h1"], address("m"), 1, wait=1) == 1, "h1 reaches m, that moved while nobody looked")


def check_frr_restarted(sites, hosts):
    """FRR of s1 ends and comes back: the others forget its hosts, and know them again."""
    sites[1].frr.stop()
    wait_for(lambda: mac("h1") not in sites[2].macs("blue") and mac("h1") not in sites[3].macs("br10"), "h1 is forgotten")
    wait_for(lambda: mac("h2") not in sites[1].macs("blue"), "and s1 has forgotten h2")
    start_frr([sites[1]], {1: config(1, sites)}, others=[sites[2], sites[3]])
    for far in ("h2", "h3"):
        wait_for(lambda: ping(hosts["h1"], address(far), 1, wait=1) == 1, f"h1 reaches {far} again")
    check_not_learned(sites[1])


def check_gone(sites, hosts):
    """A site whose FRR ends takes its hosts and its flooding with it, and comes back."""
    sites[3].frr.stop("bgpd")
    for number in (1, 2):
        wait_for(lambda: mac("h3") not in sites[number].macs("blue"), f"s{number} has forgotten h3")
        wait_for(lambda: vtep(3) not in {t["remote"] for t in sites[number].box.list("tunnel")}, f"s{number} has no tunnel to r3")
    equal(ping(hosts["h1"], address("h2"), 3), 3, "h1 to h2, r3 being gone")


def test(lab):
    sites, hosts, hub = build(lab)
    start_frr(list(sites.values()), {n: config(n, sites) for n in sites})
    check_reach(sites, hosts)
    check_unicast(sites, hosts)
    check_moves(sites, hosts, hub)
    check_killed(sites, hosts, hub)
    check_frr_restarted(sites, hosts)
    check_gone(sites, hosts)
    for number in (1, 2):
        print(f"s{number}: drops {drops_of(sites[number].box.ledger())}")


run(test)
