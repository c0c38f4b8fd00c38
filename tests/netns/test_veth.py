#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A port on a veth whose other end leaves checksums out, as it does unless told otherwise, says so with the cure: in its object,
the log, `sluice dp put`, and the health's notes. The other end in this namespace, in one of `ip netns`, and in a nameless one, as a container's; AF_PACKET
and AF_XDP. Cured, it says so no more. A tap and a bridge never do.
"""
import json
import os
import subprocess
import time

from checks import BUILD
from control import Site
from lib import Box, check, equal, run, wait_for

SLUICE = os.path.join(BUILD, "control", "sluice")


def veth(ns, name, peer, where=None):
    ns.ip(f"link add name {name} type veth peer name {peer}" + (f" netns {where}" if where else ""))
    ns.ip(f"link set {name} up")


def warning(box, name):
    return box.rpc.call("get", {"type": "port", "key": name}).get("warning", "")


def put(box, name, device):
    """`sluice dp put` as a person would: its standard error."""
    done = subprocess.run([SLUICE, "--socket", box.socket, "dp", "put", "port", f"name={name}", f"device={device}"],
                          capture_output=True, text=True)
    equal(done.returncode, 0, f"sluice dp put port {name}: {done.stderr}")
    return done.stderr


def logged(box, name):
    with open(box.log, errors="replace") as log:
        return sum(f"sluice-dataplane: port {name}: frames from" in line for line in log)


def check_port(box, name, peer, device, cure, elsewhere):
    """The port is put, warned of, cured, and spoilt again."""
    at = " in its network namespace" if elsewhere else ""
    want = f"frames from {peer}, the other end of {name}, come without checksums: `ethtool -K {peer} tx off`{at}"
    said = put(box, name, device)
    check(f"warning: port {name}: {want}\n" in said, f"sluice dp put says: {said}")
    equal(warning(box, name), want, "the port's warning")
    equal(logged(box, name), 1, f"lines of {name} in the log")
    check(any(port.get("warning") == want for port in box.list("port")), "list has it, too")
    cure("off")
    wait_for(lambda: warning(box, name) == "", f"{name} is cured", 5)
    cure("on")
    wait_for(lambda: warning(box, name) == want, f"{name} is not, again", 5)
    equal(logged(box, name), 2, f"lines of {name} in the log")
    cure("off")
    box.delete("port", name)  # and what was said a moment ago is not said of the next
    check("warning" not in put(box, name, device), f"{name} cured, and put again")
    equal(warning(box, name), "", f"{name} cured, and put again")
    equal(logged(box, name), 2, f"lines of {name} in the log")


def check_kinds(lab, box):
    far = lab.ns("far")

    def tx(space, interface):
        return lambda state: space.run(f"ethtool -K {interface} tx {state}")
    for kind in ("af_packet", "af_xdp"):
        veth(box.ns, f"n{kind[3]}0", "near")
        check_port(box, f"n{kind[3]}0", "near", box.device(f"n{kind[3]}0", kind=kind), tx(box.ns, "near"), False)
        box.delete("port", f"n{kind[3]}0")
        box.ns.ip(f"link del n{kind[3]}0")
    veth(box.ns, "far0", "eth0", far.full)
    check_port(box, "far0", "eth0", box.device("far0", kind="af_packet"), tx(far, "eth0"), True)

    holder = subprocess.Popen(["unshare", "--net", "sleep", "1000"])
    lab.processes.append(holder)
    home = os.readlink("/proc/self/ns/net")
    wait_for(lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != home, "a nameless namespace")
    veth(box.ns, "pod0", "eth0", holder.pid)
    check_port(box, "pod0", "eth0", box.device("pod0", kind="af_packet"),
               lambda state: subprocess.run(["nsenter", "-n", "-t", str(holder.pid), "ethtool", "-K", "eth0", "tx", state],
                                            check=True, stdout=subprocess.DEVNULL), True)
    lab.end(holder)  # nothing of ours keeps the dead container's namespace, and so the veth, alive
    wait_for(lambda: "pod0" not in box.ns.interfaces(), "the container's veth is gone with it", 20)
    equal(warning(box, "pod0"), "", "a port that is gone")


def check_names(lab, box):
    """Who has the other end names it as it likes."""
    inner = lab.ns("inner")
    veth(box.ns, "odd0", "eth0", inner.full)
    put(box, "odd0", box.device("odd0", kind="af_packet"))
    last = b"eth0"
    for name, shown in ((b"a\xff", "a?"), (b"\x1b[2Jx", "??2Jx"), (b"x;id", "x?id"), (b"$(id)", "??id?"), (b"ok-1.2", "ok-1.2")):
        subprocess.run([b"ip", b"-n", inner.full.encode(), b"link", b"set", b"dev", last, b"name", name], check=True)
        last = name
        wait_for(lambda: f"frames from {shown}, the other end" in warning(box, "odd0"), f"{name!r} is {shown}", 5)
        check(f"`ethtool -K {shown} tx off`" in warning(box, "odd0"), "the cure, too")
        check(any(port["name"] == "odd0" for port in box.list("port")), f"list answers with {name!r}")
    box.delete("port", "odd0")


def check_quick(box):
    """Asking in another namespace does not hold up the main thread."""
    box.ns.run("ethtool -K far0 tx on")
    worst = 0
    for _ in range(4):
        time.sleep(1.01)  # what was said before is stale
        began = time.monotonic()
        warning(box, "far0")
        worst = max(worst, time.monotonic() - began)
    print(f"get of a port whose other end is elsewhere: at most {worst * 1000:.2f} ms")
    check(worst < 0.1, f"get took {worst * 1000:.1f} ms")


def check_none(box):
    box.tap_port("tapped")
    equal(warning(box, "tapped"), "", "a tap has no other end")
    box.ns.ip("link add name plain type bridge")
    box.ns.ip("link set plain up")
    equal(put(box, "plain", box.device("plain", kind="af_packet")), "", "a bridge")
    equal(warning(box, "plain"), "", "a bridge has no other end")


def check_control(lab):
    site = Site(lab, "c")
    veth(site.ns, "lan0", "host0")
    site.apply({"kind": "site", "name": "c", "ports": [{"name": "lan", "device": "net_af_packet0,iface=lan0"}]})
    site.ns.ip("link set host0 up")

    def notes():
        return [(note["kind"], note["name"]) for note in site.get("/v1/health").get("notes", [])]
    wait_for(lambda: notes() == [("port", "lan")], "health notes it", 20)
    equal(site.get("/v1/health")["well"], True, "a packet would pass all the same")
    done = subprocess.run([SLUICE, "--control", site.socket, "status"], capture_output=True, text=True)
    check(done.stdout.startswith("well\nnote: port lan: frames from host0, "), f"sluice status: {done.stdout[:300]}")
    site.ns.run("ethtool -K host0 tx off")
    wait_for(lambda: not notes(), f"cured: {json.dumps(site.get('/v1/health'))}", 20)
    site.stop()


def test(lab):
    box = Box(lab, args=("--no-huge", "--memory", "512"))
    check_kinds(lab, box)
    check_names(lab, box)
    check_quick(box)
    check_none(box)
    box.stop()
    check_control(lab)


run(test)
