#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: release alone
"""10,000 slices on a box, and two hosts that ping each other all the time in one of them: kill -9 of the control plane, of
sluice-kernel and of the dataplane, and what is told anew after each, cost no packet (of the dataplane: but for the time until
it is there again with that slice)."""
import os
import signal
import time

from control import Site
from lib import Pings, equal, ping, run, wait_for

SLICES = 10000
INTERVAL_S = 0.005


def intents():
    ports = [{"name": f"lan{n}", "device": f"net_af_packet{n},iface=lan{n}"} for n in (0, 1)]
    ports += [{"name": f"p{n}", "device": f"net_null{n},no-rx=1"} for n in (2, 3, 4)]
    yield {"kind": "site", "name": "gj", "ports": ports}
    yield {"kind": "slice", "name": "red", "endpoints": [{"site": "gj", "port": "lan0"}, {"site": "gj", "port": "lan1"}]}
    for i in range(SLICES):
        yield {"kind": "slice", "name": f"s{i:05}", "endpoints": [{"site": "gj", "port": f"p{2 + i // 4000}", "vlan": 1 + i % 4000}]}


def settled(site):
    """Seconds until the dataplane has all, and control knows it."""
    started = time.monotonic()

    def has_all():
        status = site.get("/v1/status")
        return status["reconciler"]["synced"] and status["reconciler"]["actual"] > 2 * SLICES and status["kernel"]["ready"]
    wait_for(has_all, "all slices are there", 60)
    return time.monotonic() - started


def test(lab):
    site, a, b = Site(lab, "gj"), lab.ns("a"), lab.ns("b")
    for interface, host, address in (("lan0", a, "198.18.50.1/24"), ("lan1", b, "198.18.50.2/24")):
        lab.wire(site.ns, interface, host, "eth0")
        site.ns.quiet_interface(interface)
        host.address("eth0", address)
    equal(site.call("POST", "/v1/apply", {"documents": list(intents())})[0], 200, "apply")
    settled(site)
    equal(ping(a, "198.18.50.2", 5), 5, "pings")

    def kill_control():
        site.kill()
        time.sleep(0.5)
        site.start()

    def kill_kernel():
        os.kill(site.kernel_pid(), signal.SIGKILL)
        wait_for(lambda: not site.get("/v1/status")["kernel"]["ready"], "control has seen it", 5)

    for what, kill in (("sluice-control", kill_control), ("sluice-kernel", kill_kernel)):
        pings = Pings(a, "198.18.50.2", INTERVAL_S)
        kill()
        took = settled(site)
        time.sleep(1.5)  # the second look
        sent, received = pings.stop()
        print(f"kill -9 of {what}: all known again after {took:.2f} s, {received} of {sent} pings")
        equal(received, sent, f"pings over kill -9 of {what}")
        status = site.get("/v1/status")["reconciler"]
        equal((status["drift_total"], status["refused"]), (0, 0), f"drift after that: {status}")

    site.kill_dataplane()
    site.box.start()
    wait_for(lambda: ping(a, "198.18.50.2", 1) == 1, "the slice is there again", 60)
    pings = Pings(a, "198.18.50.2", INTERVAL_S)
    took = settled(site)
    time.sleep(1.5)
    sent, received = pings.stop()
    print(f"kill -9 of the dataplane: {took:.2f} s more from the first ping to all slices, {received} of {sent} pings since then")
    equal(received, sent, "pings while the rest is told anew")
    site.box.ledger()
    site.stop()


run(test)
