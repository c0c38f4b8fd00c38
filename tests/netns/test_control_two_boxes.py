#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: both
"""Two boxes, each with a control plane, and the same intents for both: slices of both kinds over IPv4 and IPv6, a virtual
dedicated network, an endpoint that moves, processes that are killed; when all is deleted nothing is left.

    a-blue  198.18.100.1 ── blue  [blue]  ┐                   ┌ [blue]  blue  ── b-blue  198.18.100.2
    a-red   198.18.100.1 ── red   [red]   │    gj4 ═══ bs4    │ [red]   red   ── b-red   198.18.100.2
    a-green 198.18.110.2 ── green [green] ├ gj              bs┤ [green] green ── b-green 198.18.120.2
    a-cam   198.18.130.1 ── cam   [cams]  │    gj6 ═══ bs6    │ [cams]  cam   ── b-cam   198.18.130.2
                                          ┘  (IPv6 alone)     └ [blue later] spare ── b-spare 198.18.100.3

red and cams are carried over IPv6. blue and red have the same addresses and the same MACs.
"""
import time

from control import Site
from lib import QUICK, Pings, at_least, check, diff, drops_of, equal, ping, run, settled, wait_for

PORTS = {"gj": ("blue", "red", "green", "cam"), "bs": ("blue", "red", "green", "cam", "spare")}
BACK_S = 2.0  # issue 5: the state is back so long after the dataplane's start


def device(number, interface):
    return f"net_af_packet{number},iface={interface}"


def build(lab):
    """Namespaces, wires, and the two sites."""
    sites = {name: Site(lab, name) for name in PORTS}
    gj, bs = sites["gj"].ns, sites["bs"].ns
    for wan in ("4", "6"):
        lab.wire(gj, f"gj{wan}x", bs, f"bs{wan}x", 1600, f"02:00:00:00:0{wan}:01", f"02:00:00:00:0{wan}:02")
        gj.quiet_interface(f"gj{wan}x")
        bs.quiet_interface(f"bs{wan}x")
    hosts = {}
    for site, letter in (("gj", "a"), ("bs", "b")):
        for port in PORTS[site]:
            number = {"a": 1, "b": 2}[letter] if port != "spare" else 3
            host = hosts[f"{letter}-{port}"] = lab.ns(f"{letter}-{port}")
            lab.wire(sites[site].ns, port, host, "eth0", b_mac=f"02:00:00:00:0a:0{number}")
            sites[site].ns.quiet_interface(port)
            if port == "green":
                net, net6 = (f"198.18.1{number}0", f"2001:db8:1{number}0")
                host.address("eth0", f"{net}.2/24", f"{net6}::2/64")
                host.ip(f"route add default via {net}.1")
                host.ip(f"-6 route add default via {net6}::1")
            else:
                host.address("eth0", f"198.18.1{3 if port == 'cam' else 0}0.{number}/24", f"2001:db8:100::{number}/64")
    return sites, hosts


def places():
    """Sites and WANs."""
    out = []
    for number, (site, ports) in enumerate(PORTS.items(), 1):
        other = 3 - number
        out += [{"kind": "site", "name": site, "ports": [{"name": port, "device": device(3 + i, port)} for i, port in enumerate(ports)]},
                {"kind": "wan", "name": f"{site}4", "site": site, "device": device(1, f"{site}4x"), "mtu": 1600, "capacity_bps": 100_000_000,
                 "addresses": [f"198.18.0.{number}/24"],
                 "neighbors": [{"address": f"198.18.0.{other}", "mac": f"02:00:00:00:04:0{other}"}]},
                {"kind": "wan", "name": f"{site}6", "site": site, "device": device(2, f"{site}6x"), "mtu": 1600, "preference": 200,
                 "addresses": [f"2001:db8:6::{number}/64"],
                 "neighbors": [{"address": f"2001:db8:6::{other}", "mac": f"02:00:00:00:06:0{other}"}]}]
    return out


def l2(name, wan="", far="", **fields):
    ends = [{"site": site, "port": name, **({"wan": site + wan} if wan else {})} for site in PORTS]
    ends[1]["port"] = far or name
    return {"kind": "slice", "name": name, "endpoints": ends, **fields}


def tenants():
    ends = [{"site": site, "port": "green", "gateway": f"198.18.1{n}0.1/24", "gateway6": f"2001:db8:1{n}0::1/64"}
            for n, site in enumerate(PORTS, 1)]
    return [l2("blue", bandwidth={"committed_bps": 50_000_000, "peak_bps": 1_000_000_000}), l2("red", wan="6"),
            {"kind": "slice", "name": "green", "service": "l3", "endpoints": ends},
            *({"kind": "host", "name": f"cam-{site}", "site": site, "port": "cam", "mac": f"02:00:00:00:0a:0{n}",
               "address": f"198.18.130.{n}"} for n, site in enumerate(PORTS, 1)),
            {"kind": "virtual-dedicated-network", "name": "cams", "hosts": ["cam-gj", "cam-bs"], "exclusive": True,
             "placements": [{"site": site, "wan": site + "6"} for site in PORTS]}]


def as_chosen(site, *documents):
    """The same documents with what this site's control plane has chosen: VNIs, WANs."""
    paths = {"site": "sites", "wan": "wans", "slice": "slices", "host": "hosts"}
    out = []
    for document in documents:
        path = paths.get(document["kind"], "virtual-dedicated-networks")
        shown = site.get(f"/v1/{path}/{document['name']}")
        out.append({"kind": document["kind"], **{k: v for k, v in shown.items() if k not in ("status", "meta", "kind")}})
    return out


def apply_both(sites, *documents):
    """To one, and what came of it to the other: two boxes that agree."""
    sites["gj"].apply(*documents)
    sites["bs"].apply(*as_chosen(sites["gj"], *documents))


def moved(site, before):
    """What site's counters have done since."""
    return diff(before, site.box.quiet())


def quiet_both(sites):
    """Both boxes' counters at one moment, at which nothing is between them."""
    def moment():
        found = {name: site.box.quiet() for name, site in sites.items()}
        return found if all(site.box.snapshot() == found[name] for name, site in sites.items()) else None
    return wait_for(moment, "both boxes rest")


def noise(change, *words):
    """The most packets that one of these counted: hosts tell their multicast groups now and then."""
    return max((by for key, by in change.items() if key.endswith("_packets") and any(word in key for word in words)), default=0)


def check_reach(sites, hosts):
    wait_for(lambda: ping(hosts["a-blue"], "198.18.100.2", 1, wait=1) == 1, "blue's first ping")
    before = quiet_both(sites)
    equal(ping(hosts["a-blue"], "198.18.100.2", 10, size=1472, options="-M do"), 10, "blue, full size, IPv4")
    equal(ping(hosts["b-blue"], "2001:db8:100::1", 10, size=1452, options="-M do"), 10, "blue, full size, IPv6")
    changes = {name: diff(before[name], now) for name, now in quiet_both(sites).items()}
    for here, there in (("gj", "bs"), ("bs", "gj")):
        at_least(changes[here].get(f"tunnel {here}4:{there}4 out_packets", 0), 20, f"blue's packets leave {here} by its IPv4 tunnel")
        equal(changes[here].get(f"tunnel {here}4:{there}4 out_packets"), changes[there].get(f"tunnel {there}4:{here}4 in_packets"),
              f"and all of them come to {there}")
        check(noise(changes[here], "red", "6:") < 10, f"red and IPv6 tunnels at {here} hear nothing of blue: {changes[here]}")

    before = sites["gj"].box.quiet()
    equal(ping(hosts["a-red"], "198.18.100.2", 10), 10, "red, the same address")
    change = moved(sites["gj"], before)
    at_least(change.get("tunnel gj6:bs6 out_packets", 0), 10, "red's packets leave over IPv6")
    check(noise(change, "blue") < 10, f"blue hears nothing of red: {change}")

    for address in ("198.18.120.2", "2001:db8:120::2"):
        wait_for(lambda to=address: ping(hosts["a-green"], to, 1, wait=1) == 1, f"green's first ping to {address}")
        equal(ping(hosts["a-green"], address, 5), 5, f"green to {address}")


def check_network(sites, hosts):
    equal(ping(hosts["a-cam"], "198.18.130.2", 5), 5, "the virtual dedicated network")
    for name, site in sites.items():
        macs = {entry["mac"]: (entry.get("attachment") or entry.get("tunnel"), entry.get("learned", False)) for entry in site.box.list("mac", slice="cams")}
        other = "bs" if name == "gj" else "gj"
        own, far = (f"02:00:00:00:0a:0{n}" for n in ((1, 2) if name == "gj" else (2, 1)))
        equal(macs, {own: ("cams:cam", False), far: (f"{name}6:{other}6", False)}, f"MACs of the network at {name}: static, and no other")


def check_move(sites, hosts):
    """blue's end at bs goes from port blue to port spare."""
    check(ping(hosts["a-blue"], "198.18.100.3", 1, wait=1) == 0, "the spare host is nobody's")
    changed = l2("blue", far="spare", bandwidth={"committed_bps": 50_000_000, "peak_bps": 1_000_000_000})
    apply_both(sites, changed)
    equal(sorted(entry["name"] for entry in sites["bs"].box.list("attachment", slice="blue")), ["blue:spare"], "blue's attachments at bs")
    wait_for(lambda: ping(hosts["a-blue"], "198.18.100.3", 1, wait=1) == 1, "the host at the new place")
    equal(ping(hosts["a-blue"], "198.18.100.3", 5), 5, "the host at the new place")
    before = sites["bs"].box.quiet()
    equal(ping(hosts["a-blue"], "198.18.100.2", 2, wait=1), 0, "the host at the old place")
    equal(moved(sites["bs"], before).get("port blue tx_packets", 0), 0, "what comes out at the old place")


def check_refused(sites):
    """A shortage says how much is missing, and changes nothing on either side."""
    site = sites["gj"]
    was, objects = site.get("/v1/status")["store"], site.objects()
    ends = [{"site": "gj", "port": "blue", "vlan": 9, "wan": "gj4"}, {"site": "bs", "port": "blue", "vlan": 9, "wan": "bs4"}]
    status, answer = site.call("POST", "/v1/slices", {"name": "gold", "bandwidth": {"committed_bps": 60_000_000}, "endpoints": ends})
    equal(status, 409, f"a slice that does not fit: {answer}")
    check("10000000 more" in answer["detail"], f"what is missing is said: {answer}")
    equal((site.get("/v1/status")["store"], site.objects()), (was, objects), "store and dataplane after a refusal")


def check_control_killed(sites, hosts):
    site = sites["gj"]
    site.quiet()
    objects, pings = site.objects(), Pings(hosts["a-blue"], "198.18.100.3")
    site.kill()
    time.sleep(0.3)
    site.start()
    wait_for(site.synced, "the control plane knows all again")
    sent, received = pings.stop()
    equal(received, sent, "pings answered while the control plane was killed and started")
    equal(site.objects(), objects, "objects after that")
    equal(site.get("/v1/status")["reconciler"]["transactions"], 0, "transactions, where all was as wanted")


def restart_dataplane(site, hosts, with_control=False):
    """kill -9 under traffic; seconds from its start to its state, and to the next ping."""
    objects = {kind: count for kind, count in site.objects().items() if kind not in ("mac", "neighbor")}  # some were learned
    pings = Pings(hosts["a-blue"], "198.18.100.3")
    if with_control:
        site.kill()
    site.kill_dataplane()
    started = time.monotonic()
    site.box.start()
    if with_control:
        site.start()
    wait_for(site.synced, "the state is back", 30)
    state_s = time.monotonic() - started
    wait_for(lambda: ping(hosts["a-blue"], "198.18.100.3", 1, wait=1) == 1, "blue's traffic is back", 30)
    traffic_s = time.monotonic() - started
    sent, received = pings.stop()
    found = {kind: count for kind, count in site.objects().items() if kind not in ("mac", "neighbor")}
    equal(found, objects, f"objects of {site.name} after a restart")
    print(f"{site.name}: state back after {state_s:.2f} s, traffic after {traffic_s:.2f} s, {sent - received} of {sent} pings lost")
    return state_s


def check_dataplane_killed(sites, hosts):
    for name in ("gj", "bs"):
        took = settled(lambda site=sites[name]: restart_dataplane(site, hosts), lambda seconds: seconds <= BACK_S)
        check(QUICK or took <= BACK_S, f"{name}: the state is back {BACK_S} s after the dataplane's start, not after {took:.2f}")
    restart_dataplane(sites["gj"], hosts, with_control=True)
    for far in ("a-red", "a-cam"):
        equal(ping(hosts[far], "198.18.100.2" if far == "a-red" else "198.18.130.2", 3), 3, f"{far} after the restarts")
    wait_for(lambda: ping(hosts["a-green"], "198.18.120.2", 1, wait=1) == 1, "green after the restarts")


def check_deleted(sites):
    for name, site in sites.items():
        for kind, path in (("slice", "slices"), ("network", "virtual-dedicated-networks")):
            for intent in site.get(f"/v1/{path}")["items"]:
                equal(site.call("DELETE", f"/v1/{path}/{intent['name']}?wait=10")[0], 204, f"deletion of {kind} {intent['name']}")
        left = site.objects()
        equal([left.get(kind) for kind in ("slice", "attachment", "tunnel", "member", "mac", "meter")], [None] * 6,
              f"of slices at {name}, when none is wanted: {left}")
        site.box.ledger()
        site.apply(prune="all")
        site.quiet()
        equal(site.objects(), {}, f"objects at {name}, when nothing is wanted")


def test(lab):
    sites, hosts = build(lab)
    apply_both(sites, *places())
    apply_both(sites, *tenants())
    equal({s["name"]: s["vni"] for s in sites["gj"].get("/v1/slices")["items"]},
          {s["name"]: s["vni"] for s in sites["bs"].get("/v1/slices")["items"]}, "VNIs of both boxes")
    check_reach(sites, hosts)
    check_network(sites, hosts)
    check_move(sites, hosts)
    check_refused(sites)
    for site in sites.values():
        print(f"{site.name}: drops {drops_of(site.box.ledger())}")
    check_control_killed(sites, hosts)
    check_dataplane_killed(sites, hosts)
    check_deleted(sites)
    for site in sites.values():
        site.stop()
        check('"level":"debug"' not in open(site.log).read(), f"{site.name} logs from info on")


run(test)
