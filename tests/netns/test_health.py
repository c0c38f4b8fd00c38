#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a box says of its health while cables are pulled, interfaces go, far ends forget to answer ARP and GTP-U echo
requests, and the dataplane dies: GET /v1/health, `sluice status --check`, /metrics, events.

    host ── lan [office] ┐   ┌ a-isp ══ far 198.18.0.2: Linux, where WAN b-isp is said to be
                         box a
    gnb ── n3 (GTP-U)    ┘
"""
import json
import os
import subprocess
import time

from checks import BUILD
from control import Site
from lib import check, equal, run, wait_for

SLUICE = os.path.join(BUILD, "control", "sluice")
ISP = {"kind": "wan", "name": "a-isp", "site": "a", "device": "net_af_packet0,iface=isp0", "mtu": 1600, "addresses": ["198.18.0.1/24"]}
DOCUMENTS = [
    {"kind": "site", "name": "a", "ports": [{"name": "lan", "device": "net_af_packet1,iface=lan0"},
                                            {"name": "n3", "device": "net_af_packet2,iface=n30", "addresses": ["198.18.3.1/24"]}],
     "gtpu": [{"name": "n3a", "address": "198.18.3.1", "interface": "access"}]},
    ISP,
    {"kind": "site", "name": "b", "ports": [{"name": "lan"}]},
    {"kind": "wan", "name": "b-isp", "site": "b", "addresses": ["198.18.0.2/24"], "mtu": 1600},
    {"kind": "slice", "name": "office", "endpoints": [{"site": "a", "port": "lan"}, {"site": "b", "port": "lan"}]},
]
MOBILE = [
    {"kind": "slice", "name": "mobile", "service": "l3", "endpoints": [{"site": "a", "port": "lan", "vlan": 7, "gateway": "198.18.7.1/24"}]},
    {"kind": "session", "name": "ue1", "site": "a", "slice": "mobile", "ue": {"ipv4": "10.60.0.1"},
     "pdrs": [{"id": 1, "precedence": 100, "source": "access", "gtpu": "n3a", "teid": 4097, "outer_header_removal": 0, "far": 1},
              {"id": 2, "precedence": 100, "source": "core", "far": 2}],
     "fars": [{"id": 1, "action": "forward", "destination": "core"},
              {"id": 2, "action": "forward", "destination": "access", "outer_header": {"teid": 9, "peer": "198.18.3.2"}}]},
]


class Health:
    def __init__(self, site):
        self.site = site

    def check(self):
        done = subprocess.run([SLUICE, "--control", self.site.socket, "status", "--check"], capture_output=True, text=True)
        return done.returncode, done.stdout.strip()

    def found(self):
        return {f"{one['kind']}:{one['name']}": one["health"] for one in self.site.get("/v1/health")["not_well"]}

    def wait(self, want, what):
        """Until exactly these are not well."""
        try:
            wait_for(lambda: self.found() == want, what, 30)
        except AssertionError:
            check(False, f"{what}: {self.site.get('/v1/health')}")
        equal(self.check()[0], 3 if want else 0, f"sluice status --check: {what}; {self.check()[1]}")
        print(f"{what}: {self.check()[1]}")

    def gauge(self, kind, name):
        for line in self.site.call_text("/metrics").splitlines():
            if line.startswith(f'sluice_health{{kind="{kind}",name="{name}"}}'):
                return int(line.split()[-1])
        return None


def check_words(site, health, host, far):
    health.wait({}, "all is well")
    host.ip("link set eth0 down")
    health.wait({"port:lan": "no_link", "site:a": "no_link", "slice:office": "no_link"}, "the LAN's cable is out")
    check("port lan has no link" in health.check()[1], f"the port is named: {health.check()}")
    equal((health.gauge("port", "lan"), health.gauge("slice", "office"), health.gauge("wan", "a-isp"), health.gauge("box", "a")), (0, 0, 1, 0),
          "gauges")
    equal(site.get("/v1/slices/office")["status"]["health"], "no_link", "health in an intent's status")
    host.ip("link set eth0 up")
    health.wait({}, "it is in again")

    far.ip("link set isp down")
    wan = {"port:a-isp": "no_link", "wan:a-isp": "no_link", "tunnel:a-isp:b-isp": "no_link", "slice:office": "no_link"}
    health.wait(wan, "the WAN's cable is out")
    far.ip("link set isp up")
    health.wait({}, "it is in again")

    far.ip("addr del 198.18.0.2/24 dev isp")
    site.ns.ip("neigh flush dev a-isp")
    health.wait({"tunnel:a-isp:b-isp": "unresolved", "slice:office": "unresolved"}, "the far end answers no ARP")
    far.ip("addr add 198.18.0.2/24 dev isp")
    health.wait({}, "it answers again")


def check_path(site, health):
    site.apply(*MOBILE)
    health.wait({"peer:n3a 198.18.3.2": "path_down", "session:ue1": "path_down"}, "the gNB answers no echo request")
    text = site.call_text("/metrics")
    check('sluice_gtpu_path_up{gtpu="n3a",peer="198.18.3.2"} 0' in text, f"the path's gauge: {text[-3000:]}")
    check('sluice_sessions_not_well{slice="mobile"} 1' in text or 'sluice_sessions_not_well{slice="mobile",tenant=""} 1' in text, "sessions")
    site.stop()  # it is no memory of control's
    site.start()
    wait_for(site.synced, "control is back")
    health.wait({"peer:n3a 198.18.3.2": "path_down", "session:ue1": "path_down"}, "a new control knows it, too")
    site.call("DELETE", "/v1/sessions/ue1?wait=10")
    site.call("DELETE", "/v1/slices/mobile?wait=10")
    health.wait({}, "the session has gone")


def check_gone(site, health):
    site.ns.ip("link del lan0")
    health.wait({"port:lan": "gone", "site:a": "gone", "slice:office": "gone"}, "the LAN's interface is gone")


def check_dead(site, health):
    site.kill_dataplane()
    wait_for(lambda: health.check()[0] == 3 and "the dataplane is down" in health.check()[1], "the dataplane is dead")
    words = subprocess.run([SLUICE, "--control", site.socket, "status"], capture_output=True, text=True).stdout
    check(words.startswith("NOT WELL: the dataplane is down"), f"sluice status begins with it: {words[:300]}")
    check("there is not known" in words and "as wanted" not in words, f"sluice status of a dead dataplane: {words[:900]}")
    equal((health.gauge("box", "a"), health.gauge("slice", "office")), (0, 0), "gauges of a dead dataplane")
    site.stop()
    equal(health.check()[0], 4, "sluice status --check without sluice-control")


def check_late(lab, site):
    """A WAN whose interface comes after it, as at boot; and after the dataplane has started again without it."""
    late = {"kind": "wan", "name": "a-late", "site": "a", "device": "net_af_packet5,iface=late0", "mtu": 1600, "tap": False}

    def state():
        return site.get("/v1/wans/a-late")["status"]["state"]

    def come():
        site.ns.ip("link add late0 type veth peer name late1")
        began = time.monotonic()
        wait_for(lambda: state() == "applied", "its interface has come", 30)
        check(time.monotonic() - began < 5, f"it took {time.monotonic() - began:.1f} s")
    site.call("POST", "/v1/apply?check=false", {"documents": [late]})
    wait_for(lambda: state() == "refused", "a WAN without its interface", 10)
    come()
    site.ns.ip("link del late0")
    site.kill_dataplane()
    site.box.start()
    wait_for(lambda: state() == "refused", "it is gone, and the dataplane another", 30)
    come()
    site.call("DELETE", "/v1/wans/a-late?wait=10")


def check_events(site):
    """Changes and changes back, and no more of them than there were."""
    seen = [json.loads(line) for line in open(site.log) if '"health.changed"' in line]
    lan = [(one["from"], one["to"]) for one in seen if (one.get("kind"), one.get("name")) == ("port", "lan")]
    equal(lan[:2], [("well", "no_link"), ("no_link", "well")], f"events of port lan: {lan}")
    check(("well", "unresolved") in [(one["from"], one["to"]) for one in seen if one.get("kind") == "tunnel"], f"events of tunnels: {seen}")
    check(len(seen) < 80, f"{len(seen)} events health.changed: {seen}")


def test(lab):
    site = Site(lab, "a")
    host, far, gnb = lab.ns("host"), lab.ns("far"), lab.ns("gnb")
    for near, other, there, prefix in (("lan0", host, "eth0", "198.18.100.1/24"), ("isp0", far, "isp", "198.18.0.2/24"),
                                       ("n30", gnb, "n3", "198.18.3.2/24")):
        lab.wire(site.ns, near, other, there, 1600)
        site.ns.quiet_interface(near)
        other.address(there, prefix)
    health = Health(site)
    site.apply(*DOCUMENTS)
    check_words(site, health, host, far)
    check_events(site)
    check_path(site, health)
    check_gone(site, health)
    check_late(lab, site)
    check_dead(site, health)


run(test)
