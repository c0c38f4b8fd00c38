#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two boxes with control planes, all their ports AF_XDP on interfaces of the same names: overlay and attachments go to the
dataplane, everything else on the same interfaces to the kernel, whoever is killed meanwhile.

    a  198.18.100.1 ── lan0 [blue]          gj wan0 ═══════ wan0 bs          [blue] lan0 ── b  198.18.100.2
       198.18.60.2  ── trunk0 [green 20]       198.18.0.1   198.18.0.2
                       198.18.60.1 (kernel)    (kernel too)
"""
import time

from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from control import Site
from lib import Pings, at_least, check, equal, iperf, ping, run, wait_for


def places(macs):
    out = []
    for number, site in ((1, "gj"), (2, "bs")):
        other = 3 - number
        ports = ("lan0", "trunk0") if site == "gj" else ("lan0",)
        out += [{"kind": "site", "name": site, "ports": [{"name": port, "device": f"net_af_xdp{2 + i},iface={port}"}
                                                         for i, port in enumerate(ports)]},
                {"kind": "wan", "name": f"{site}wan", "site": site, "device": "net_af_xdp1,iface=wan0", "mtu": 1600,
                 "addresses": [f"198.18.0.{number}/24"],
                 "neighbors": [{"address": f"198.18.0.{other}", "mac": macs[2 - number]}]}]
    return out


def tenants():
    return [{"kind": "slice", "name": "blue", "vni": 100, "endpoints": [{"site": "gj", "port": "lan0"}, {"site": "bs", "port": "lan0"}]},
            {"kind": "slice", "name": "green", "vni": 200, "endpoints": [{"site": "gj", "port": "trunk0", "vlan": 20}]}]


def programs(site):
    return sorted(link["ifname"] for link in site.ns.asked("ip -j link show") if "xdp" in link)


def verdicts(site):
    """{(port, verdict): packets}"""
    out = {}
    for line in site.call_text("/metrics").splitlines():
        if line.startswith("sluice_xdp_packets_total"):
            port, verdict = (part.split('"')[1] for part in line.split("{")[1].split("}")[0].split(","))
            out[port, verdict] = int(float(line.split()[-1]))
    return out


def moved(site, before):
    return {key: value - before.get(key, 0) for key, value in verdicts(site).items() if value != before.get(key, 0)}


def filtered(site, ports):
    def ready():
        states = {one["port"]: one["state"] for one in site.get("/v1/status").get("xdp", [])}
        return sorted(states) == sorted(ports) and set(states.values()) == {"driver"}
    wait_for(ready, f"XDP programs of {site.name} on {ports}: {site.get('/v1/status').get('xdp')}")


def trunk_frames(source, mac):
    """Three of a VLAN with an attachment, two of one without."""
    source.raw("eth1").send(*(Ether(dst=mac, src="02:00:00:00:0b:01") / Dot1Q(vlan=vlan) /
                              IP(src="198.18.70.1", dst="198.18.70.2") / UDP(dport=9) for vlan in (20, 20, 20, 21, 21)))


def wan_frames(source, mac):
    """To the tunnel's address: a UDP port that is no tunnel's, and an overlay packet of nobody's VNI, once whole and once
    in two fragments."""
    ip = IP(src="198.18.0.2", dst="198.18.0.1")
    overlay = ip / UDP(dport=4789, chksum=0) / Raw(bytes.fromhex("0800000000999900") + b"x" * 1000)
    source.raw("wan0").send(Ether(dst=mac) / ip / UDP(dport=5353) / Raw(b"x" * 64), Ether(dst=mac) / overlay,
                            *(Ether(dst=mac) / piece for piece in fragment(overlay, 800)))


def test(lab):
    gj, bs = Site(lab, "gj"), Site(lab, "bs")
    a, b = lab.ns("a"), lab.ns("b")
    lab.wire(gj.ns, "wan0", bs.ns, "wan0", 1600)
    lab.wire(gj.ns, "lan0", a, "eth0")
    lab.wire(gj.ns, "trunk0", a, "eth1")
    lab.wire(bs.ns, "lan0", b, "eth0")
    a.address("eth0", "198.18.100.1/24")
    a.address("eth1", "198.18.60.2/24")
    b.address("eth0", "198.18.100.2/24")
    gj.ns.address("wan0", "198.18.0.1/24")
    gj.ns.address("trunk0", "198.18.60.1/24")
    bs.ns.address("wan0", "198.18.0.2/24")
    intents = places([gj.ns.mac("wan0"), bs.ns.mac("wan0")]) + tenants()
    gj.apply(*intents)
    bs.apply(*intents)
    filtered(gj, ("gjwan", "lan0", "trunk0"))
    filtered(bs, ("bswan", "lan0"))

    equal(ping(a, "198.18.100.2", 2), 2, "pings over the overlay")
    equal(ping(bs.ns, "198.18.0.1", 3), 3, "pings to the kernel's address of the WAN")
    equal(ping(a, "198.18.60.1", 3), 3, "pings to the kernel's address of the trunk")

    # exactly what was sent, by verdict
    time.sleep(2)  # sluice-kernel tells the counters once a second
    before, stats = verdicts(gj), gj.box.ledger()
    equal(ping(a, "198.18.100.2", 20), 20, "pings over the overlay")
    equal(ping(bs.ns, "198.18.0.1", 10), 10, "pings to the kernel's address of the WAN")
    trunk_frames(a, gj.ns.mac("trunk0"))
    wan_frames(bs.ns, gj.ns.mac("wan0"))
    now = gj.box.ledger()
    time.sleep(2)
    counted = moved(gj, before)
    equal(counted, {("lan0", "attachment"): 20, ("gjwan", "overlay"): 22, ("gjwan", "kernel"): 11, ("gjwan", "fragment"): 1,
                    ("trunk0", "attachment"): 3, ("trunk0", "kernel"): 2}, "packets by port and verdict")
    for port, packets in (("lan0", 20), ("gjwan", 23), ("trunk0", 3)):
        equal(now[f"port {port} rx_packets"] - stats[f"port {port} rx_packets"], packets, f"what the dataplane got by {port}")

    # TCP to the kernel and the tenants' beside it, on the same wire
    side = Pings(a, "198.18.100.2")
    rate = iperf(bs.ns, gj.ns, "198.18.0.1")
    sent, received = side.stop()
    print(f"TCP to the kernel of the box over an AF_XDP interface: {rate:.0f} Mbit/s, meanwhile {received} of {sent} pings")
    at_least(rate, 1, "TCP rate in Mbit/s")
    at_least(received, sent * 0.98, "pings over the overlay meanwhile")

    # control killed: the filter stays
    gj.kill()
    equal(ping(bs.ns, "198.18.0.1", 5), 5, "the kernel's address when control is gone")
    equal(ping(a, "198.18.100.2", 5), 5, "the overlay when control is gone")
    gj.start()
    filtered(gj, ("gjwan", "lan0", "trunk0"))

    # the dataplane killed: its programs stay, pass everything, and are taken over
    side = Pings(bs.ns, "198.18.0.1")
    gj.kill_dataplane()
    equal(programs(gj), ["lan0", "trunk0", "wan0"], "programs after kill -9")
    equal(ping(bs.ns, "198.18.0.1", 3), 3, "the kernel's address when the dataplane is gone")
    gj.box.start()
    wait_for(gj.synced, "gj is as wanted again")
    wait_for(lambda: ping(a, "198.18.100.2", 1, wait=1) == 1, "the overlay after a restart")
    sent, received = side.stop()
    print(f"pings to the kernel while the dataplane was killed and started: {received} of {sent}")
    at_least(received, sent * 0.95, "pings to the kernel over kill and start")
    filtered(gj, ("gjwan", "lan0", "trunk0"))

    # killed again, and what it had is not wanted any more when it is back
    gj.kill_dataplane()
    status, answer = gj.call("DELETE", "/v1/slices/green")
    check(status in (200, 204), f"delete green: {answer}")
    rest = [one if one["kind"] != "site" or one["name"] != "gj" else {**one, "ports": one["ports"][:1]} for one in intents if one["name"] != "green"]
    status, answer = gj.call("POST", "/v1/apply", {"documents": rest})
    equal(status, 200, f"apply without trunk0: {answer}")
    gj.box.start()
    wait_for(gj.synced, "gj is as wanted again")
    wait_for(lambda: programs(gj) == ["lan0", "wan0"], f"the leftover on trunk0 is taken off: {programs(gj)}")

    # a clean end takes the programs with it
    gj.stop()
    gj.box.stop()
    equal(programs(gj), [], "programs after a clean end")
    equal(ping(bs.ns, "198.18.0.1", 3), 3, "the kernel has its interface")
    gj.box.start()
    gj.start()


run(test)
