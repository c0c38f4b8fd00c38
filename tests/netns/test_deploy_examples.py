#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The files of scripts/deploy/frr as they stand: intents first, so that what is missing is told by name, then the links, then
FRR with each frr.conf; at the other end a customer's router and a plain Linux with FRR.

    ce 198.19.1.2 ── ens2 [blue] 198.19.1.1 ┐
                                            box  198.18.0.1 ens1 ══ 198.18.0.2 wan0  r (Linux): VNI 10, 198.19.5.0/24 by VNI 200
    h  198.19.0.2 ── ens4 [green] ──────────┤
    v  198.19.4.2 ── ens5 [red] 198.19.4.1 ─┘

It has a /run/netns of its own, as the files name namespaces.
"""
import os
import sys
from types import SimpleNamespace

from checks import BUILD, TOP, command
from control import Site
from frr import Frr
from lib import check, equal, ping, run, wait_for
from switch import not_by_af_xdp

HERE = os.path.join(TOP, "scripts", "deploy", "frr")
SLICES = ("bgp", "evpn-l2", "evpn-l3")
WIRES = {"ens2": ("ce", "198.19.1.2/24"), "ens3": ("h3", "198.19.2.2/24"), "ens4": ("h", "198.19.0.2/24"), "ens5": ("v", "198.19.4.2/24")}
CE = """router bgp 65101
 no bgp ebgp-requires-policy
 neighbor 198.19.1.1 remote-as 65000
 neighbor 198.19.1.1 timers connect 1
 address-family ipv4 unicast
  redistribute connected
"""


def example(*words):
    return os.path.join(HERE, *words)


def read(path):
    with open(path) as text:
        return text.read()


def build(lab):
    box, r = lab.ns("gwangju"), lab.ns("r")
    lab.wire(box, "ens1", r, "wan0", 1600)
    r.address("wan0", "198.18.0.2/24")
    for port, (name, prefix) in WIRES.items():
        space = lab.ns(name)
        lab.wire(box, port, space, "eth0")
        space.address("eth0", prefix)
    for port in ("ens1", *WIRES):
        box.quiet_interface(port)
    lab.ns("ce").ip("addr add 198.19.3.1/32 dev lo")
    lab.ns("v").ip("route add default via 198.19.4.1")
    return Site(lab, "gwangju"), r


def sluice(site, *words):
    return command([os.path.join(BUILD, "control", "sluice"), "--control", site.socket, *words])


def missing(site):
    """{slice: what it names and the kernel has not}"""
    return {one["slice"]: one["reason"] for one in site.get("/v1/kernel")["missing_first"]}


def apply(site):
    files = ["-f", example("site.yaml")] + [word for name in SLICES for word in ("-f", example(name, "slice.yaml"))]
    for more, word in ((["--dry-run"], "+  tap: red3"), ([], "5 created")):
        said = sluice(site, "apply", *more, *files)
        check(word in said, f"{word}: {said}")
    wait_for(site.synced, "the dataplane has all of it")
    wait_for(lambda: sorted(missing(site)) == ["blue", "green", "red"], f"slices whose part of the kernel is missing ({missing(site)})")
    found = missing(site)
    for name, word in (("blue", "namespace blue"), ("red", "namespace red"), ("green", "br10")):
        check(word in found[name], f"{word} is named: {found}")
    check("ip netns add blue" in sluice(site, "status"), "sluice status says what to do")


def make_links(site):
    def links(name):  # as an operator does it: in the box's network, not in a mount namespace of ip netns exec
        command(["nsenter", f"--net=/run/netns/{site.ns.full}", "sh", example(name, "links.sh")])
    # somebody else's interface of the tap's name: it is told, and the tap comes when that has gone
    command(["ip", "netns", "add", "early"])
    command(["ip", "-n", "early", "link", "add", "ce1", "type", "bridge"])
    command(["sh", "-c", "touch /run/netns/blue && mount --bind /run/netns/early /run/netns/blue"])
    wait_for(lambda: "somebody else's" in missing(site).get("blue", ""), f"ce1 in blue is told of ({missing(site)})")
    command(["ip", "-n", "blue", "link", "del", "ce1"])
    wait_for(lambda: "198.19.1.1/24" in command(["ip", "-n", "blue", "addr"]), "the tap has come after all, with its gateway")
    for name in ("blue", "early"):
        command(["ip", "netns", "del", name])
    site.ns.ip("link add br10 type bridge")
    wait_for(lambda: "no VXLAN device of VNI 10 " in missing(site).get("green", ""), f"a bridge alone is not enough ({missing(site)})")
    site.ns.ip("link del br10")
    for name in SLICES:
        links(name)
    wait_for(lambda: not missing(site), f"nothing is missing any more ({missing(site)})")


def linux(lab, r):
    """The other box: one network in VNI 200, a host in VNI 10, and FRR with the same file turned round."""
    nsenter = ["nsenter", f"--net=/run/netns/{r.full}", "sh"]
    command([*nsenter, example("evpn-l2", "links.sh"), "198.18.0.2"])
    slice_ = lab.ns("other")
    text = read(example("evpn-l3", "links.sh")).replace("ip netns add red", ":").replace("-n red", f"-n {slice_.full}")
    command([*nsenter, "-c", text.replace("netns red", f"netns {slice_.full}"), "sh", "198.18.0.2"])
    slice_.sysctl("net.ipv4.ip_forward=1")
    lab.wire(r, "h0", lab.ns("rh"), "eth0")
    r.ip("link set h0 master br10")
    lab.ns("rh").address("eth0", "198.19.0.9/24")
    lab.wire(slice_, "v0", lab.ns("rv"), "eth0")
    slice_.address("v0", "198.19.5.1/24")
    lab.ns("rv").address("eth0", "198.19.5.2/24")
    lab.ns("rv").ip("route add default via 198.19.5.1")
    text = read(example("evpn-l3", "frr.conf")).replace("198.18.0.2", "PEER").replace("198.18.0.1", "198.18.0.2").replace("PEER", "198.18.0.1")
    return Frr(r, text, vrfs={"red": slice_})


def reaches(near, far):
    wait_for(lambda: ping(near, far, 1, wait=1) == 1, f"{near.name} reaches {far}")
    equal(ping(near, far, 3), 3, f"{near.name} to {far}")


def test(lab):
    not_by_af_xdp("the examples name AF_PACKET devices")
    for name in SLICES:
        command(["vtysh", "-C", "-f", example(name, "frr.conf")])
    site, r = build(lab)
    apply(site)
    make_links(site)
    frr = Frr(site.ns, vrfs={name: SimpleNamespace(full=name) for name in ("blue", "red")})
    for name in SLICES:
        frr.configure(read(example(name, "frr.conf")))
    Frr(lab.ns("ce"), CE)
    linux(lab, r)
    frr.wait_established("198.18.0.2")
    wait_for(lambda: any(route["prefix"] == "198.19.3.1/32" for route in site.box.list("route", table="blue")), "BGP in blue", 30)
    reaches(lab.ns("h"), "198.19.0.9")
    reaches(lab.ns("v"), "198.19.5.2")
    equal([one for one in site.box.list("mac", slice="green") if one.get("learned") and one.get("tunnel")], [], "MACs learned from tunnels")
    equal(missing(site), {}, "what is missing in the end")


if __name__ == "__main__" and os.environ.get("SLUICE_TEST_OWN_NETNS") != "1":
    os.environ["SLUICE_TEST_OWN_NETNS"] = "1"
    os.execvp("unshare", ["unshare", "-m", "--propagation", "private", "sh", "-c",
                          'mkdir -p /run/netns && mount -t tmpfs netns /run/netns && exec "$@"', "sh", sys.executable, *sys.argv])
run(test)
