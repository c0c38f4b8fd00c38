#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The programs with the capabilities that their units in scripts/deploy leave them, and none else: an AF_XDP port, a port
with a tap, taps of attachments here and in a namespace, and what is read of the XDP program. sluice-control has no capability,
so it waits for sluice-kernel instead of starting it."""
import json
import os
import shutil
import sys
import time

import checks
from control import Site
from lib import Skip, check, command, equal, run, wait_for

DEPLOY = os.path.join(checks.TOP, "scripts", "deploy")


def capabilities(unit):
    """As setpriv wants them."""
    with open(os.path.join(DEPLOY, unit)) as file:
        line = next(line for line in file if line.startswith("CapabilityBoundingSet="))
    return ",".join(["-all", *(f"+{word[4:].lower()}" for word in line.strip().split("=")[1].split())])


def kernel_start(site):
    return site.ns.popen(["setpriv", "--bounding-set", capabilities("sluice-kernel.service"), "--no-new-privs",
                          os.path.join(checks.BUILD, "control", "sluice-kernel"), "--control", site.socket, "--dataplane", site.box.socket],
                         log="sluice-kernel.log")


def confined(folder, program, unit):
    """The program's name in `folder` runs it with the unit's capabilities."""
    path = os.path.join(folder, program)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(f"#!/bin/sh\nexec setpriv --bounding-set {capabilities(unit)} --no-new-privs {os.path.join(checks.BUILD, program)} \"$@\"\n")
    os.chmod(path, 0o755)


def box_reason(site):
    """Why the box is not well."""
    return next((one["text"] for one in site.get("/v1/health")["not_well"] if one["health"] == "kernel_down"), "")


def check_without_control(site, tenant):
    """The kernel is followed by the intents of before; and by those that changed meanwhile when sluice-control is there again."""
    def routes():
        return {one["prefix"] for one in site.box.list("route", table="red")}

    site.kill()
    tenant.ip("route add 198.19.77.0/24 via 198.19.1.9 dev red1")
    tenant.ip("route add 198.19.78.0/24 via 198.19.2.9 dev red2")
    wait_for(lambda: {"198.19.77.0/24", "198.19.78.0/24"} <= routes(), "routes that come while sluice-control is away", 5)
    tenant.ip("route del 198.19.78.0/24")
    wait_for(lambda: "198.19.78.0/24" not in routes(), "and one that goes", 5)
    site.start()
    wait_for(lambda: site.synced() and site.get("/v1/kernel")["ready"], "sluice-control is back")
    check("198.19.77.0/24" in routes(), "and the route is there still")


def check_switched_off(lab, site, tenant):
    """With "mirror": false a sluice-kernel that goes on running tells the dataplane nothing any more, and all again without."""
    def routes():
        return {one["prefix"] for one in site.box.list("route", table="red")}

    path = os.path.join(lab.dir, "off.json")
    with open(path, "w", encoding="ascii") as out:
        json.dump({"mirror": False}, out)
    site.kill()
    site.start(["--config", path])
    wait_for(lambda: site.synced() and "198.19.77.0/24" not in routes(), "what was mirrored has gone", 10)
    time.sleep(4)  # sluice-kernel asks again a second after its connection ended, and what it said until then goes a second later
    tenant.ip("route add 198.19.79.0/24 via 198.19.1.9 dev red1")
    time.sleep(1)
    equal(routes() & {"198.19.77.0/24", "198.19.79.0/24"}, set(), "the kernel's routes")
    site.kill()
    site.start()
    wait_for(lambda: {"198.19.77.0/24", "198.19.79.0/24"} <= routes(), "the kernel is followed again", 10)


def test(lab):
    if not shutil.which("setpriv"):
        raise Skip("there is no setpriv")
    folder = os.path.join(lab.dir, "confined")
    confined(folder, "dataplane/sluice-dataplane", "sluice-dataplane.service")
    confined(folder, "control/sluice-control", "sluice-control.service")
    for module in ("switch", "control"):
        sys.modules[module].BUILD = folder
    site, far = Site(lab, "gj"), lab.ns("far")
    wait_for(lambda: "systemctl start sluice-kernel" in box_reason(site), "without sluice-kernel the box is not well, and says what to do", 10)
    kernel = kernel_start(site)
    status = open(f"/proc/{site.box.process.pid}/status").read()
    bounding = int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd")), 16)
    check(bounding and not bounding & 1 << 0, f"confined: {bounding:x}")  # without CAP_CHOWN
    for here, there in (("wan0", "wan"), ("lan0", "lan")):
        lab.wire(site.ns, here, far, there, 1600)
    tenant = lab.ns("tenant")
    netns = tenant.full
    site.apply({"kind": "site", "name": "gj", "ports": [{"name": "lan0", "device": "net_af_xdp2,iface=lan0"}]},
               {"kind": "wan", "name": "wan0", "site": "gj", "device": "net_af_xdp1,iface=wan0", "addresses": ["198.18.0.1/24"]},
               {"kind": "wan", "name": "wan1", "site": "gj", "device": "net_null1,no-rx=1", "tap": True, "addresses": ["198.18.1.1/24"]},
               {"kind": "slice", "name": "red", "service": "l3", "vni": 300, "kernel": {"netns": netns},
                "endpoints": [{"site": "gj", "port": "lan0", "vlan": 5 + i, "tap": f"red{i}", "gateway": f"198.19.{i}.1/24"} for i in range(4)]})
    wait_for(lambda: {"red0", "red1", "red2", "red3"} <= tenant.interfaces(), "the taps are in their namespace")
    wait_for(lambda: {one["state"] for one in site.get("/v1/status").get("xdp", [])} == {"driver"},
             "control reads the XDP programs")
    check("sluice_xdp_packets_total" in site.call_text("/metrics"), "and their counters")
    check_without_control(site, tenant)
    check_switched_off(lab, site, tenant)
    site.stop()
    kernel.terminate()
    equal(kernel.wait(30), 0, "exit status of sluice-kernel")
    lab.processes.remove(kernel)
    site.box.stop()
    equal({name for name in tenant.interfaces() if name.startswith("red")}, set(), "taps after the end")
    check("xdp" not in command(["ip", "-n", site.ns.full, "link", "show", "wan0"]), "no program after the end")
    site.box.start()
    site.start()


run(test)
