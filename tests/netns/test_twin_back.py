#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Others delete a WAN's twin, rename it, take it down, or give its name away: it is there again by itself, with its MAC, MTU and
addresses, its tunnels come up and traffic passes as before; while it is not, the port and the health say so. IPv4 and IPv6.

    host a ── lan0 [office 100] ── gj-kt ══ far: Linux, VXLAN ── b
"""
import time

from control import Site
from lib import check, equal, kernel_vxlan, ping, run, wait_for
from switch import not_by_af_xdp

INSIDE = {"a": ("198.18.100.1/24", "2001:db8:64::1/64"), "b": ("198.18.100.2/24", "2001:db8:64::2/64")}


def documents(box, site, ours, theirs, bits):
    return [
        {"kind": "site", "name": site, "ports": [{"name": "lan0", "device": box.device("lan0")}]},
        {"kind": "wan", "name": "gj-kt", "site": site, "device": box.device("isp0"), "mtu": 1400, "addresses": [f"{ours}/{bits}"]},
        {"kind": "site", "name": "bs", "ports": [{"name": "lan"}]},
        {"kind": "wan", "name": "bs-kt", "site": "bs", "addresses": [f"{theirs}/{bits}"], "mtu": 1400},
        {"kind": "slice", "name": "office", "vni": 100, "mtu": 1300, "endpoints": [{"site": site, "port": "lan0"}, {"site": "bs", "port": "lan"}]},
    ]


def twin(site):
    """What must be as before."""
    link = site.ns.asked("ip -j -d addr show dev gj-kt")[0]
    return link["address"], link["mtu"], "UP" in link["flags"], "LOWER_UP" in link["flags"], sorted(a["local"] for a in link["addr_info"])


def port(site):
    return site.box.rpc.call("get", {"type": "port", "key": "gj-kt"})


def well(site):
    return not site.get("/v1/health")["not_well"]


def pings(a):
    return [ping(a, address.split("/")[0], 3) for address in INSIDE["b"]]


def harmed(site, a, words, what):
    """It is all there again within a second, and what goes over it soon."""
    before, index = twin(site), site.ns.asked("ip -j link show dev gj-kt")[0]["ifindex"]
    for word in words:
        site.ns.ip(word)
    began = time.monotonic()

    def back():
        said = port(site)
        return "gj-kt" in site.ns.interfaces() and said.get("tap_name") == "gj-kt" and "fault" not in said and twin(site) == before
    wait_for(back, f"{what}: the twin is back: {port(site)}", 3)
    print(f"{what}: back after {(time.monotonic() - began) * 1000:.0f} ms")
    wait_for(lambda: pings(a) == [3, 3], f"{what}: traffic", 30)
    wait_for(lambda: well(site), f"{what}: well {site.get('/v1/health')['not_well']}", 20)
    log = open(site.box.log, errors="replace").read()
    check("port gj-kt: the twin gj-kt of port gj-kt is gone" in log and "port gj-kt: that is put right" in log, f"{what}: the log has it: {log[-500:]}")
    return site.ns.asked("ip -j link show dev gj-kt")[0]["ifindex"] == index


def says(site, words):
    wait_for(lambda: port(site).get("fault", "") == words, f"port: {port(site)}", 2)
    wait_for(lambda: {"port:gj-kt", "wan:gj-kt", "slice:office"} <= {f"{one['kind']}:{one['name']}" for one in site.get("/v1/health")["not_well"]},
             f"not well: {site.get('/v1/health')}", 10)
    texts = {f"{one['kind']}:{one['name']}": (one["health"], one["text"]) for one in site.get("/v1/health")["not_well"]}
    equal((texts["port:gj-kt"], texts["wan:gj-kt"]), (("twin", words), ("twin", words)), "health")
    check(words in site.get("/v1/health")["text"], f"in the first line: {site.get('/v1/health')['text']}")


def one(lab, family):
    site, a, b, far = Site(lab, f"gj{family}", workers=1 if family == 4 else 2), lab.ns(f"a{family}"), lab.ns(f"b{family}"), lab.ns(f"far{family}")
    ours, theirs, bits = ("198.18.0.1", "198.18.0.2", 24) if family == 4 else ("2001:db8:1::1", "2001:db8:1::2", 64)
    site.ns.sysctl("net.ipv6.conf.default.addr_gen_mode=0")  # as anywhere: the kernel looks for neighbours by a link-local address
    for near, other, there in (("lan0", a, "eth0"), ("isp0", far, "isp")):
        lab.wire(site.ns, near, other, there, 1500)
        site.ns.quiet_interface(near)
    far.address("isp", f"{theirs}/{bits}")
    kernel_vxlan(far, b, 100, theirs, ours, *INSIDE["b"], mtu=1300)
    a.address("eth0", *INSIDE["a"])
    a.ip("link set eth0 mtu 1300")
    site.apply(*documents(site.box, site.name, ours, theirs, bits))
    wait_for(lambda: pings(a) == [3, 3] and well(site), "all is well", 30)
    for _ in range(3):
        harmed(site, a, ["link del gj-kt"], "deleted")
    check(harmed(site, a, ["link set gj-kt name other"], "renamed"), "it is the same one, with its name again")
    check("other" not in site.ns.interfaces(), "and nothing of the other name")

    site.ns.ip("link set gj-kt down")
    says(site, "the twin gj-kt of port gj-kt is down: ip link set gj-kt up")
    site.ns.ip("link set gj-kt up")
    if family == 6:  # down took them away
        site.ns.address("gj-kt", f"{ours}/{bits}")
    wait_for(lambda: pings(a) == [3, 3] and well(site), "up again", 30)

    site.ns.ip("link add thief type bridge")
    for _ in range(20):  # before it is made again, which takes some ms
        site.ns.run(["sh", "-c", "printf 'link del gj-kt\\nlink set thief name gj-kt\\n' | ip -batch -"], check_status=False)
        if "thief" not in site.ns.interfaces():
            break
    check("thief" not in site.ns.interfaces(), "the name was never free")  # its name is another's
    says(site, "the twin gj-kt of port gj-kt is gone")
    check("tap_name" not in port(site), "it has no name")
    # The reason comes with the next try to make it: that the name is taken, or, where it was taken in the middle of the try,
    # that the device could not be opened.
    wait_for(lambda: "its twin cannot be made again: port gj-kt: " in open(site.box.log, errors="replace").read(),
             "the log says why", 5)
    site.ns.ip("link del gj-kt")
    for _ in range(30):  # deleted in the middle of it, at some time
        site.ns.run(["sh", "-c", "ip link del gj-kt; sleep 0.01"], check_status=False)
    wait_for(lambda: pings(a) == [3, 3] and well(site), "there again", 30)
    site.box.ledger()
    site.stop()


def test(lab):
    not_by_af_xdp("it is about the tap")
    for family in (4, 6):
        one(lab, family)


run(test)
