#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Somebody takes the XDP program off below a port (`ip link set lan0 xdp off`): the dataplane puts it back, with its sockets and
what it lets through, and says so in an event. Where somebody else's program took its place, that stays: health says so of the port
and of what rests on it, until it is taken off.

    a  198.18.100.1, 2001:db8:100::1 ── lan0 [blue] lan1 ── b  198.18.100.2, 2001:db8:100::2
"""
import os
import subprocess
import tempfile

from control import Site
from lib import check, equal, ping, run, wait_for

B = ("198.18.100.2", "2001:db8:100::2")


def programs(site):
    """{interface: name of its XDP program}"""
    return {link["ifname"]: link["xdp"]["prog"]["name"] for link in site.ns.asked("ip -j -d link show") if "xdp" in link}


def passes(a, count=3):
    return all(ping(a, address, count, wait=1) == count for address in B)


def events(site, since):
    """Of ports and of health since then, as control logged them."""
    with open(site.log, errors="replace") as log:
        log.seek(since)
        return [line for line in log if '"port.' in line or '"health.changed"' in line]


def foreign(site, interface):
    """A program of somebody else, which passes everything, over whatever is there."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "passer.o")
        subprocess.run(["clang", "-O2", "-target", "bpf", "-c", "-x", "c", "-", "-o", path], check=True, text=True,
                       input='__attribute__((section("xdp"))) int passer(void *c) { return 2; }\n')
        site.ns.ip(f"-force link set {interface} xdp obj {path} sec xdp")


def off(site, a, interface):
    """Taken off: back by itself, and packets pass."""
    before = os.path.getsize(site.log)
    site.ns.ip(f"link set {interface} xdp off")
    wait_for(lambda: programs(site).get(interface) == "xsk_def_prog", f"the program is back on {interface}", 5)
    check(passes(a), "pings after the program came back")
    wait_for(lambda: len([line for line in events(site, before) if f'"port":"{interface}"' in line]) == 2, "two events", 5)
    said = events(site, before)
    check('"port.fault"' in said[0] and f"its XDP program was taken off" in said[0], f"the first: {said}")
    check('"port.mended"' in said[1], f"the second: {said}")


def test(lab):
    site, a, b = Site(lab, "gj"), lab.ns("a"), lab.ns("b")
    for interface, host, number in (("lan0", a, 1), ("lan1", b, 2)):
        lab.wire(site.ns, interface, host, "eth0")
        host.address("eth0", f"198.18.100.{number}/24")
        host.address("eth0", f"2001:db8:100::{number}/64")
    site.apply({"kind": "site", "name": "gj", "ports": [{"name": f"lan{i}", "device": f"net_af_xdp{i},iface=lan{i}"} for i in (0, 1)]},
               {"kind": "slice", "name": "blue", "vni": 100, "endpoints": [{"site": "gj", "port": f"lan{i}"} for i in (0, 1)]})
    wait_for(lambda: passes(a, 1), "pings")
    wait_for(lambda: site.get("/v1/health")["well"], "all is well", 10)
    for interface in ("lan0", "lan1", "lan0"):
        off(site, a, interface)

    # somebody else's program instead
    foreign(site, "lan0")

    def said():
        return {f"{one['kind']} {one['name']}": one for one in site.get("/v1/health")["not_well"]}
    wait_for(lambda: len(said()) == 3, f"port, site and slice are not well: {said()}", 5)
    equal(said()["port lan0"]["text"], "port lan0: its XDP program is gone from lan0, another is there, passer; take that off (ip link set "
          "lan0 xdp off), and its own is put back by itself", "what is said of the port")
    equal(said()["slice blue"]["because"], "port:lan0", "why the slice is not well")
    equal(programs(site)["lan0"], "passer", "whose program is there")
    check(not passes(a, 1), "pings with another's program")
    site.ns.ip("link set lan0 xdp off")
    wait_for(lambda: site.get("/v1/health")["well"], "all is well again", 10)
    check(passes(a), "pings when the other's program went")

    # neither counts as a leak, nor stays after the end
    site.stop()
    site.box.stop()
    equal(programs(site), {}, "programs after the end")
    site.box.start()
    site.start()


run(test)
