#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 and start again: nothing stale stands in the way, nothing is left behind; --config brings the objects back;
two instances live side by side, but not on one socket.

    host a ─── lan0 [blue 100] wan0 (tap) ═══ site ─── host b
"""
import glob
import json
import os
import signal
import stat
import time

from lib import BUILD, Box, Client, check, command, equal, kernel_vxlan, ping, run, wait_for
from switch import not_by_af_xdp


def huge_files(prefix):
    mounts = [line.split()[1] for line in open("/proc/mounts") if line.split()[2] == "hugetlbfs"]
    return [path for mount in mounts for path in glob.glob(os.path.join(mount, f"{prefix}map_*"))]


def huge_free():
    for line in open("/proc/meminfo"):
        if line.startswith("HugePages_Free"):
            return int(line.split()[1])
    return 0


def ends_without_touching_its_tables(box):
    """What was never used of them has no memory, and gets none when the process ends: that took half a second."""
    with open(f"/proc/{box.process.pid}/status") as status:
        before_kb = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    box.process.terminate()
    _, status, usage = os.wait4(box.process.pid, 0)
    box.process.returncode = os.waitstatus_to_exitcode(status)
    check(usage.ru_maxrss < before_kb + 40 * 1024, f"memory at the end: {before_kb} KB, then {usage.ru_maxrss} KB")


def all_at_once(lab, binary):
    """More than the huge pages are for, all of which find them free when they look: some do without."""
    space, sockets = lab.ns("crowd"), [os.path.join(lab.dir, f"crowd{number}.sock") for number in range(5)]
    crowd = [space.popen([binary, "--socket", sock, "--file-prefix", f"{lab.prefix}-crowd{number}", "--idle", "nap"])
             for number, sock in enumerate(sockets)]
    for process, sock in zip(crowd, sockets):
        wait_for(lambda: os.path.exists(sock) or process.poll() is not None, "one of five at once", 60)
        check(process.poll() is None, f"each of five at once lives: {open(process.log).read()}")
    for process in crowd:
        process.terminate()
        equal(process.wait(60), 0, "exit status of one of five at once")
        lab.processes.remove(process)


def test(lab):
    not_by_af_xdp("it looks for the tap that goes with its process")
    a, b, site = lab.ns("a"), lab.ns("b"), lab.ns("site")
    free_before = huge_free()
    box = Box(lab)
    box.port("lan0", a, "eth0")
    a.address("eth0", "198.18.100.1/24")
    ours, theirs = box.wan(site)
    box.slice("blue", 100, [("lan0", None)], ["to-site"])
    kernel_vxlan(site, b, 100, theirs, ours, "198.18.100.2/24")
    equal(ping(a, "198.18.100.2", 3), 3, "pings before")
    equal(stat.S_IMODE(os.stat(box.socket).st_mode), 0o660, "mode of the socket")

    # the objects as a --config file
    ops = box.config(("port", "address", "neighbor", "slice", "attachment", "tunnel", "member"))
    config = os.path.join(lab.dir, "config.json")
    with open(config, "w") as out:
        json.dump({"ops": ops}, out)

    for round_number in (1, 2):
        box.process.send_signal(signal.SIGKILL)
        box.process.wait()
        lab.processes.remove(box.process)
        check(os.path.exists(box.socket), "kill -9 leaves the socket file (that is the point)")
        wait_for(lambda: "wan0" not in box.ns.interfaces(), "the tap goes with its process")
        if round_number == 1:
            box.start()
            equal([len(box.list(kind)) for kind in ("port", "slice", "tunnel", "mac")], [0] * 4, "objects after a bare restart")
            equal({k: v for k, v in box.snapshot().items() if v and not k.startswith("box")}, {}, "counters after a bare restart")
        else:
            box.args = ["--config", config]
            box.start()
            wait_for(lambda: ping(a, "198.18.100.2", 1, wait=1) == 1, "traffic after a restart with --config")
            equal(ping(site, ours, 2), 2, "pings to the twin after the restart")
            box.ledger()

    # a second instance, and without huge pages: its own prefix and socket are fine, this one's socket is not
    other = Box(lab, "other", args=["--no-huge"])
    other.put("slice", name="blue", vni=100)
    equal(len(box.list("slice")), 1, "slices of the first instance")
    binary = os.path.join(BUILD, "dataplane", "sluice-dataplane")
    out = command(["timeout", "40", binary, "--socket", box.socket, "--file-prefix", f"{box.prefix}-third"], check_status=False)
    check(box.alive(), "the first instance still answers")
    check(box.socket in out, f"the third says which socket is taken:\n{out}")
    Client(box.socket).close()
    ends_without_touching_its_tables(other)
    other.stop()
    equal(huge_files(other.prefix), [], "huge page files of an ended instance")

    all_at_once(lab, binary)

    # a bad --config: it ends with an error that names the place, and leaves nothing
    bad = os.path.join(lab.dir, "bad.json")
    with open(bad, "w") as out:
        json.dump({"ops": [{"op": "put", "type": "slice", "objects": [{"name": "x", "vni": "many"}]}]}, out)
    sock = os.path.join(lab.dir, "bad.sock")
    started = time.monotonic()
    out = command(["timeout", "40", binary, "--socket", sock, "--file-prefix", f"{box.prefix}-bad", "--config", bad], check_status=False)
    check(time.monotonic() - started < 30, f"a bad --config ends the start:\n{out}")
    check("vni" in out, f"a bad --config is answered with the field's name:\n{out}")
    check(not os.path.exists(sock), "no socket is left of it")

    box.stop()
    check(not os.path.exists(box.socket), "SIGTERM takes the socket along")
    check("wan0" not in box.ns.interfaces(), "SIGTERM takes the tap along")
    equal(huge_files(lab.prefix), [], "huge page files left behind")
    equal(glob.glob(f"/var/run/dpdk/{lab.prefix}*/*"), [], "run-time files left behind")
    wait_for(lambda: huge_free() >= free_before, "all huge pages are free again")


run(test)
