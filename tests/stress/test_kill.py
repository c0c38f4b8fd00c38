#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 at random moments of work, again and again; each time it starts again with --config and carries traffic.

    host a ─── lan0 [blue 100] wan0 (tap) ═══ site ─── host b
"""
import json
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "netns"))
from lib import QUICK, Box, equal, kernel_vxlan, ping, run, wait_for  # noqa: E402

ROUNDS = 3 if QUICK else 8


def test(lab):
    a, b, site = lab.ns("a"), lab.ns("b"), lab.ns("site")
    box = Box(lab)
    box.port("lan0", a, "eth0")
    a.address("eth0", "198.18.100.1/24")
    ours, theirs = box.wan(site)
    box.slice("blue", 100, [("lan0", None)], ["to-site"])
    kernel_vxlan(site, b, 100, theirs, ours, "198.18.100.2/24")
    ops = box.config(("port", "address", "neighbor", "slice", "attachment", "tunnel", "member"))
    config = os.path.join(lab.dir, "config.json")
    with open(config, "w") as out:
        json.dump({"ops": ops}, out)
    box.args = ["--config", config]
    seed = random.Random(9)
    took = []
    for number in range(ROUNDS):
        pinger = a.popen("ping -n -i 0.005 198.18.100.2")
        for i in range(seed.randrange(20)):  # in the middle of changes
            box.rpc.send("put", {"type": "mac", "objects": [
                {"slice": "blue", "mac": f"02:01:{i:02x}:00:{j >> 8:02x}:{j & 255:02x}", "tunnel": "to-site"} for j in range(500)]})
        time.sleep(seed.random() * 0.2)
        box.process.send_signal(signal.SIGKILL)
        box.process.wait()
        lab.processes.remove(box.process)
        started = time.monotonic()
        box.start()
        wait_for(lambda: ping(a, "198.18.100.2", 1, wait=1) == 1, f"traffic after kill {number + 1}", 10)
        took.append(time.monotonic() - started)
        lab.end(pinger)
        equal([len(box.list(kind)) for kind in ("port", "slice", "tunnel")], [2, 1, 1], "objects after the restart")
        box.ledger()
    print(f"{ROUNDS} kills; traffic again after {min(took):.2f} to {max(took):.2f} s")


run(test)
