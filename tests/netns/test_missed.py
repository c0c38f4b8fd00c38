#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What comes while nobody empties AF_PACKET's ring is lost in the kernel, and counted: frames that arrive while the box
stands still.

    raw a ── lan0 (ring of 64 frames) [blue 100] lan1 (a ring of the usual size) ── raw b

A second port on the same wire's other end has a ring and a count of its own.
"""
import os
import signal

from scapy.layers.l2 import Ether

from lib import Box, at_least, equal, run, wait_for

FRAMES = 500


def missed(box):
    """{port: (received, missed)}"""
    return {name: (c["rx_packets"], c["rx_missed"]) for name, c in box.rpc.stats("port").items()}


def stands(pid):
    """All its threads are stopped: the signal is one's to take, who may have no CPU, while the others go on."""
    states = [open(f"/proc/{pid}/task/{thread}/stat").read().rpartition(")")[2].split()[0] for thread in os.listdir(f"/proc/{pid}/task")]
    return set(states) == {"T"}


def stand_still(box, send):
    """The box is stopped while send() is at work."""
    os.kill(box.process.pid, signal.SIGSTOP)
    try:
        wait_for(lambda: stands(box.process.pid), "the box stands still")
        send()
    finally:
        os.kill(box.process.pid, signal.SIGCONT)


def all_told(box, before, name, sent):
    wait_for(lambda: sum(missed(box)[name]) - sum(before[name]) == sent, f"{sent} frames of {name} are received or missed")
    return missed(box)[name][1] - before[name][1]


def test(lab):
    a, b = lab.ns("a"), lab.ns("b")
    box = Box(lab)
    box.port("lan0", a, "eth0", kind="af_packet", extra=",framecnt=64")
    box.port("lan1", b, "eth0", kind="af_packet")
    box.put("slice", name="blue", vni=100)
    for port in ("lan0", "lan1"):
        box.put("attachment", name=f"blue-{port}", slice="blue", port=port)
    frames = {name: bytes(Ether(src=f"02:00:00:00:00:0{n}", dst="02:00:00:00:00:09") / (b"x" * 60)) for n, name in enumerate("ab", 1)}
    wires = {"a": a.raw("eth0"), "b": b.raw("eth0")}

    box.quiet()
    before = missed(box)
    wires["a"].send(*[frames["a"]] * 10)
    equal(all_told(box, before, "lan0", 10), 0, "missed while the box is at work")

    before = missed(box)
    stand_still(box, lambda: (wires["a"].send(*[frames["a"]] * FRAMES), wires["b"].send(*[frames["b"]] * FRAMES)))
    lost = all_told(box, before, "lan0", FRAMES)
    at_least(lost, FRAMES - 64 - 32, "missed of a ring of 64")  # a block more may have been on its way
    equal(all_told(box, before, "lan1", FRAMES), 0, "missed of the other port")

    # read twice, counted once; a port that is opened anew begins at 0
    equal(missed(box)["lan0"], missed(box)["lan0"], "the count when it is read again")
    box.delete("attachment", "blue-lan0")
    device = box.rpc.call("get", {"type": "port", "key": "lan0"})["device"]
    box.delete("port", "lan0")
    box.put("port", name="lan0", device=device, mtu=1500)
    equal(missed(box)["lan0"][1], 0, "missed of a port that is opened anew")


run(test)
