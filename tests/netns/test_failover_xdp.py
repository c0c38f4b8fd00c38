#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: release
"""The same over AF_XDP ports: a WAN whose link goes down at either end, or whose interface goes, leaves its traffic to the
other (failover.py draws it)."""
from failover import Net, link_down, vanishes
from lib import Watcher, run


def test(lab):
    net = Net(lab, "af_xdp")
    events = Watcher(net.box, "link")
    link_down(net, events, "near", net.box.ns, net.near(0))
    link_down(net, events, "far", net.site, "wan0")
    vanishes(net, events, "deleted", lambda interface: net.site.ip("link del wan0"), lambda interface: None, net.near(0))
    net.close()


run(test)
