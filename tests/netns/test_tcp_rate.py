#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: release first
"""One TCP flow (cubic) gets the rate that its slice was sold, near and far, with what an intent says by default.

    host a ── lan0 [air: 20 Mbit/s committed] wan0 ── a wire of 0, 20 and 100 ms ── site bs (the kernel's VXLAN) ── host b
"""
import json
import os

from control import Site
from lib import QUICK, check, iperf_server, kernel_vxlan, ping, run, settled, wait_for

RATE = 20_000_000
DELAY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "delay.py")
RTTS_MS = (0, 20, 100)


def flow(near, far, address, seconds):
    """What arrived of one flow, in bits a second of payload, after it has found its rate."""
    server = iperf_server(far, address)
    answer = json.loads(near.run(f"iperf3 -c {address} -C cubic -O 4 -t {seconds} --connect-timeout 10000 -J", check_status=False,
                                 timeout=seconds + 60))
    near.lab.end(server)
    check("error" not in answer, f"iperf3: {answer.get('error')}")
    return answer["end"]["sum_received"]["bits_per_second"]


def test(lab):
    site, near, wire, there, far = Site(lab, "gj"), lab.ns("a"), lab.ns("wire"), lab.ns("bs"), lab.ns("b")
    lab.wire(site.ns, "lan0", near, "eth0")
    lab.wire(site.ns, "wan0", wire, "in", 1600)
    lab.wire(wire, "out", there, "eth0", 1600)
    for space, interface in ((site.ns, "lan0"), (site.ns, "wan0"), (wire, "in"), (wire, "out")):
        space.quiet_interface(interface)
    there.address("eth0", "198.18.0.2/24")
    there.ip(f"neigh add 198.18.0.1 lladdr {site.ns.mac('wan0')} dev eth0")  # a WAN without a tap answers no ARP
    near.address("eth0", "198.18.100.1/24")
    site.apply({"kind": "site", "name": "gj", "ports": [{"name": "lan0", "device": "net_af_packet0,iface=lan0"}]},
               {"kind": "site", "name": "bs", "ports": [{"name": "lan0"}]},
               {"kind": "wan", "name": "gj-w", "site": "gj", "device": "net_af_packet1,iface=wan0", "mtu": 1600, "tap": False,
                "addresses": ["198.18.0.1/24"], "neighbors": [{"address": "198.18.0.2", "mac": there.mac("eth0")}]},
               {"kind": "wan", "name": "bs-w", "site": "bs", "mtu": 1600, "addresses": ["198.18.0.2/24"]},
               {"kind": "slice", "name": "air", "vni": 100, "bandwidth": {"committed_bps": RATE},
                "endpoints": [{"site": one, "port": "lan0"} for one in ("gj", "bs")]})
    kernel_vxlan(there, far, 100, "198.18.0.2", "198.18.0.1", "198.18.100.2/24")
    for rtt_ms in RTTS_MS[::2] if QUICK else RTTS_MS:
        relay = wire.popen(["/usr/bin/python3", DELAY, "in", "out", str(rtt_ms / 2)])
        wait_for(lambda: ping(near, "198.18.100.2", 1) == 1, "a ping")
        got = settled(lambda: flow(near, far, "198.18.100.2", 20 if rtt_ms == 100 else 8), lambda got: got >= 0.90 * RATE)
        print(f"RTT {rtt_ms} ms: {got / 1e6:.2f} Mbit/s of payload, {got / RATE:.3f} of what was sold")
        check(0.90 * RATE <= got <= 1.02 * RATE, f"TCP over {rtt_ms} ms got {got / 1e6:.2f} of {RATE / 1e6:.0f} Mbit/s")
        lab.end(relay)
    site.box.ledger()


run(test)
