#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: both
"""Everything at once on a box with two workers and a control plane: an l2 slice over VXLAN (the Linux kernel is the other site), an
l3 slice, a UE behind a gNB, spoofed strangers; while intents change, sessions come and go, and control is
killed and started. When all is quiet the ledger of the whole run is exact, and nobody has heard a packet of another tenant.

    blue 198.18.100.1 ── blue  [blue l2]  ┐            ┌ bs: VXLAN of the kernel ── far 198.18.100.2
    green 198.18.110.2 ─ green [green l3] ├ gj ── wan ─┘
    ue 198.18.60.1 ── gNB ── n3 [green]   ┘
"""
import random
import socket
import struct
import time

from control import Site
from lib import QUICK, at_least, check, equal, kernel_vxlan, ping, run, wait_for
from mobile import end

SECONDS = 10 if QUICK else 20
UE = "198.18.60.1"


def device(number, interface):
    return f"net_af_packet{number},iface={interface},framecnt=2048"


def build(lab):
    gj = Site(lab, "gj", workers=2)
    blue, green, far, bs, gnb, ue = (lab.ns(name) for name in ("blue", "green", "far", "bs", "gnb", "ue"))
    for port, host, mtu in (("blue", blue, 1500), ("green", green, 1500), ("wanx", bs, 1600), ("n3x", gnb, 1600)):
        lab.wire(gj.ns, port, host, "eth0", mtu)
        gj.ns.quiet_interface(port)
    blue.address("eth0", "198.18.100.1/24")
    green.address("eth0", "198.18.110.2/24")
    green.ip("route add default via 198.18.110.1")
    bs.address("eth0", "198.18.0.2/24")
    gnb.address("eth0", "198.18.40.2/24")
    kernel_vxlan(bs, far, 100, "198.18.0.2", "198.18.0.1", "198.18.100.2/24")
    end(gnb, ue, "tun0", "198.18.40.2", "198.18.40.1", 100, 200, [f"{UE}/32"], qfi=9)
    return gj, {"blue": blue, "green": green, "far": far, "bs": bs, "gnb": gnb, "ue": ue}


def session(name="ue", address=UE, teid=100, **fields):
    return {"kind": "session", "name": name, "site": "gj", "slice": "green", "ue": {"ipv4": address}, "pdrs": [
        {"id": 1, "precedence": 10, "source": "access", "gtpu": "n3", "teid": teid, "outer_header_removal": 6, "far": 1},
        {"id": 2, "precedence": 10, "source": "core", "far": 2}], "fars": [
        {"id": 1, "action": "forward"}, {"id": 2, "action": "forward", "destination": "access",
                                        "outer_header": {"teid": 200, "peer": "198.18.40.2"}, **fields}]}


def blue_slice(**bandwidth):
    return {"kind": "slice", "name": "blue", "vni": 100, "endpoints": [{"site": "gj", "port": "blue"}, {"site": "bs", "port": "p"}],
            **({"bandwidth": bandwidth} if bandwidth else {})}


def wanted():
    return [{"kind": "site", "name": "gj", "ports": [
        {"name": "blue", "device": device(1, "blue")}, {"name": "green", "device": device(2, "green")},
        {"name": "n3", "device": device(3, "n3x"), "mtu": 1600, "addresses": ["198.18.40.1/24"]}],
        "gtpu": [{"name": "n3", "address": "198.18.40.1", "interface": "access"}]},
        {"kind": "site", "name": "bs", "ports": [{"name": "p"}]},
        {"kind": "wan", "name": "wan", "site": "gj", "device": device(4, "wanx"), "mtu": 1600, "addresses": ["198.18.0.1/24"]},
        {"kind": "wan", "name": "bs-wan", "site": "bs", "mtu": 1600, "addresses": ["198.18.0.2/24"]},
        blue_slice(), {"kind": "slice", "name": "green", "service": "l3", "endpoints": [
            {"site": "gj", "port": "green", "gateway": "198.18.110.1/24"}]}, session()]


def strangers(space, count):
    """From an address that nobody has: GTP-U of no session to the N3 address, no VXLAN at all to the WAN's."""
    with space.entered():
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        for number in range(count):
            to, port = (("198.18.40.1", 2152), ("198.18.0.1", 4789))[space.name == "bs"]
            body = struct.pack("!BBHI", 0x30, 255, 32, 0xdead0000 + number) + bytes(32)
            udp = struct.pack("!HHHH", 5000, port, 8 + len(body), 0) + body
            raw.sendto(struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), number & 0xffff, 0, 64, 17, 0,
                                   socket.inet_aton("203.0.113.9"), socket.inet_aton(to)) + udp, (to, 0))


def change(site, seed, n):
    """One change of those that people make. The ports stay: their counters are the ledger's."""
    r = random.Random(f"{seed} {n}")
    site.apply(*r.choice([
        lambda: [blue_slice(committed_bps=r.randrange(5, 50) * 1_000_000)],
        lambda: [blue_slice()],
        lambda: [{"kind": "slice", "name": f"tmp{n}", "endpoints": [{"site": "gj", "port": "green", "vlan": 100 + n % 50}]}],
        lambda: [session(f"ue{n}", f"198.18.61.{1 + n % 200}", 1000 + n)],
        lambda: [session(duplicate_to={"teid": 300, "peer": "198.18.40.2"})],
        lambda: [session()],
        lambda: [{"kind": "local-data-network", "name": "edge", "slice": "green", "prefixes": [f"198.18.{120 + n % 8}.0/24"]}],
    ])())
    if n % 3 == 2:
        site.apply(*wanted(), prune="all")


def test(lab):
    site, host = build(lab)
    site.apply(*wanted())
    ways = (("blue", "198.18.100.2"), ("far", "198.18.100.1"), ("ue", "198.18.110.2"), ("green", UE))
    for name, to in ways:
        wait_for(lambda name=name, to=to: ping(host[name], to, 1, wait=1) == 1, f"{name} reaches {to}")
    streams = [host[name].popen(f"ping -n -q -f -s {size} {to}") for name, to in ways for size in (64, 1300)]
    streams.append(host["blue"].popen("ping -n -q -i 0.01 -s 4000 198.18.100.2"))  # comes in fragments of its own
    seed, begun, n, killed = random.randrange(1 << 30), time.monotonic(), 0, 0
    print(f"seed {seed}")
    while time.monotonic() - begun < SECONDS:
        change(site, seed, n)
        strangers(host["gnb"], 200)
        strangers(host["bs"], 200)
        if n % 8 == 4:
            site.kill() if n % 16 == 4 else site.stop()
            time.sleep(0.2)
            site.start()
            wait_for(site.synced, "the control plane knows all again")
            killed += 1
        n += 1
    for process in streams:
        process.terminate()
        process.wait(20)
    site.apply(*wanted(), prune="all")
    site.quiet()
    for name, to in ways:
        equal(ping(host[name], to, 3), 3, f"{name} reaches {to} afterwards")
    now = site.box.ledger()
    came = sum(v for k, v in now.items() if k.startswith("port ") and k.endswith(" rx_packets"))
    drops = {k: v for k, v in now.items() if k.startswith("drop ") and v}
    print(f"{n} changes, control ended {killed} times, {came} packets in, drops {drops}")
    at_least(killed, 1, "ends of control")
    at_least(came, 2000, "packets")
    for reason in ("vxlan_header", "gtpu_teid_unknown"):
        equal(drops.get(f"drop {reason}"), 200 * n, f"strangers' packets dropped as {reason}")
    equal(len(site.box.rpc.stats("worker")), 2, "workers")
    busy = [worker["packets"] for worker in site.box.rpc.stats("worker").values()]
    check(all(busy), f"both workers had packets: {busy}")
    site.stop()


run(test)
