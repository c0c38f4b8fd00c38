#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Taps of attachments by the hundred, where the dataplane runs and in a tenant's namespace: how long it takes to make them
all, to delete them all, and to end with them. One after the other the kernel would need 20 ms and more for each."""
import os
import time

from lib import Box, check, equal, run, wait_for

TAPS, MOVED = int(os.environ.get("TAPS", "600")), 100
LIMIT_S = 9  # of 600: 1 s on an idle machine; one after the other at least 12


def attachments():
    return [{"name": f"a{i}", "slice": "green", "port": "lan0", "vlan": i + 1, "tap": f"tp{i}"} for i in range(TAPS)]


def taps_in(space):
    return sum(name.startswith("tp") for name in space.interfaces())


def make(box, tenant):
    start = time.monotonic()
    box.rpc.call("put", {"type": "attachment", "objects": attachments()})
    took = time.monotonic() - start
    equal(taps_in(box.ns), TAPS, "taps")
    box.ns.run(["sh", "-c", f"for i in $(seq 0 {MOVED - 1}); do echo link set tp$i netns {tenant.full}; done | ip -batch -"])
    equal((taps_in(box.ns), taps_in(tenant)), (TAPS - MOVED, MOVED), "taps here and there")
    return took


def gone(box, tenant):
    return taps_in(box.ns) + taps_in(tenant) == 0


def test(lab):
    box, tenant = Box(lab), lab.ns("tenant")
    times = {}

    def objects():
        box.put("port", name="lan0", device="net_null0,no-rx=1")
        box.put("slice", name="green", vni=300, kind="l3")

    objects()
    times["put"] = make(box, tenant)
    # those that are deleted and put again at once have the same names
    start = time.monotonic()
    box.delete("attachment", *(one["name"] for one in attachments()))
    times["delete, by the socket"] = time.monotonic() - start
    wait_for(lambda: gone(box, tenant), "all taps are gone", 60)
    times["delete, until all are gone"] = time.monotonic() - start
    make(box, tenant)
    start = time.monotonic()
    box.delete("attachment", *(one["name"] for one in attachments()))
    box.rpc.call("put", {"type": "attachment", "objects": attachments()})
    times["delete and put"] = time.monotonic() - start
    wait_for(lambda: taps_in(tenant) == 0 and taps_in(box.ns) == TAPS, "the new taps, and none of the old", 60)
    start = time.monotonic()
    box.rpc.close()
    box.process.terminate()
    equal(box.process.wait(120), 0, "exit status")
    times["end"] = time.monotonic() - start
    lab.processes.remove(box.process)
    check(gone(box, tenant), "no tap outlives its process")
    print(f"{TAPS} taps, {MOVED} of them moved: " + ", ".join(f"{what} {took:.2f} s" for what, took in times.items()))
    box.start()
    for what in ("delete, until all are gone", "end"):
        check(times[what] <= LIMIT_S, f"{what}: want at most {LIMIT_S} s, got {times[what]:.1f}")


run(test)
