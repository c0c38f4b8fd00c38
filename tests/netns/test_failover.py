#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: release
"""A WAN fails under traffic, and what went over it goes over the other (failover.py draws it): link down at either end,
neighbour deleted, route withdrawn, interface renamed, in a bridge, moved away, deleted; netlink overrun."""
import os
import signal
import time

from failover import B, Net, link_down, none_lost, vanishes
from lib import Watcher, at_least, check, equal, ping, run


def objects(net):
    """By hand, or as control's mirror does it: no packet is lost, since the change is made between two of them."""
    def lost(what, act):
        return lambda: net.under_traffic(what, act)[0]
    net.choose()
    none_lost("a neighbour that was deleted", lost("neighbour deleted", lambda: net.box.delete("neighbor", "wan0 198.18.0.2")),
              lambda: net.neighbor(0))
    equal([(n["port"], n["address"]) for n in net.box.list("neighbor", wanted=True, learned=True)], [("wan0", "198.18.0.2")],
          "what is wanted now")
    net.neighbor(0)
    equal(net.box.list("neighbor", wanted=True, learned=True), [], "what is wanted now")
    # a more specific route by wan0 alone is withdrawn: the one below it serves
    net.route("198.18.255.0/24", 1)
    net.route("198.18.255.2/32", 0)
    none_lost("a route that was withdrawn", lost("route withdrawn", lambda: net.box.delete("route", "underlay 198.18.255.2/32")),
              lambda: net.route("198.18.255.2/32", 0))
    net.route("198.18.255.2/32", 0, 1)
    none_lost("a way that was taken out", lost("a way taken out of its route", lambda: net.route("198.18.255.2/32", 1)),
              lambda: net.route("198.18.255.2/32", 0, 1))
    net.route("198.18.255.2/32", 0, 1)


def renamed(net, events):
    """The port stays on its interface, whatever that is called."""
    events.seen.clear()
    for line in ("link set wan0x down", "link set wan0x name other0", "link set other0 up"):
        net.box.ns.ip(line)
    events.expect("link.down", port="wan0")
    events.expect("link.up", port="wan0")
    check("gone" not in net.box.rpc.call("get", {"type": "port", "key": "wan0"}), "a renamed interface is there")
    equal(ping(net.a, B, 3), 3, "pings after the renaming")


def bridged(net, events):
    """What a bridge says of its port is not about the interface."""
    events.poll()
    events.seen.clear()
    for line in ("link add br0 type bridge", "link set other0 master br0", "link set other0 nomaster", "link del br0"):
        net.box.ns.ip(line)
    time.sleep(0.3)
    equal([event for event in events.poll() if event["event"].startswith("link")], [], "events of a port that was in a bridge for a moment")


def overrun(net, events):
    """More news of links than the socket holds, the last of them lost: the kernel is asked."""
    def drops():
        lines = [line.split() for line in net.box.ns.run("cat /proc/net/netlink").splitlines()[1:]]
        return sum(int(words[8]) for words in lines if words[1] == "0" and words[3] != "00000000")
    events.seen.clear()
    os.kill(net.box.process.pid, signal.SIGSTOP)
    try:
        batch = os.path.join(net.lab.dir, "batch")
        with open(batch, "w", encoding="ascii") as out:
            for number in range(20000):
                out.write(f"link set dev other0 alias a{number}\n")
        net.box.ns.run(["ip", "-batch", batch])
        net.box.ns.ip("link set other0 down")
        at_least(drops(), 1, "messages that the box's netlink socket had no room for")
    finally:
        os.kill(net.box.process.pid, signal.SIGCONT)
    events.expect("link.down", port="wan0")
    net.box.ns.ip("link set other0 up")
    events.expect("link.up", port="wan0")


def test(lab):
    net = Net(lab)
    events = Watcher(net.box, "link", "neighbor")
    link_down(net, events, "near", net.box.ns, net.near(0))
    link_down(net, events, "far", net.site, "wan0")
    objects(net)
    renamed(net, events)
    bridged(net, events)
    overrun(net, events)
    elsewhere = lab.ns("elsewhere")
    vanishes(net, events, "moved to another namespace",
             lambda interface: net.box.ns.ip(f"link set {interface} netns {elsewhere.full}"),
             lambda interface: elsewhere.ip(f"link set {interface} netns {net.box.ns.full} up"), "other0")
    vanishes(net, events, "deleted", lambda interface: net.site.ip("link del wan0"), lambda interface: None, net.near(0))
    net.close()


run(test)
