# SPDX-License-Identifier: BSD-3-Clause
"""Where the cycles go: `perf` on the worker's thread, after the measured window so that it costs no figure anything.
Samples by the clock (virtual machines have no cycle counters). Called by cases.py with --perf; owns the files it writes."""
import os
import subprocess

import machine

SECONDS, RATE = 4, 5000


def busiest_thread(pid):
    """The worker: the thread that has run longest."""
    ran = machine.CpuShare(pid).before
    return max(ran, key=ran.get)


def report_of(data, *how):
    done = subprocess.run(["perf", "report", "-i", data, "--stdio", "--no-children", *how], capture_output=True, text=True,
                          check=False)
    return "\n".join(line.rstrip() for line in done.stdout.splitlines() if line.strip() and not line.startswith("#"))


def record(pid, folder, name):
    """Writes NAME.data and NAME.txt (libraries, then functions); returns the text's path, or None without perf."""
    os.makedirs(folder, exist_ok=True)
    data, text = os.path.join(folder, name + ".data"), os.path.join(folder, name + ".txt")
    try:
        done = subprocess.run(["perf", "record", "-e", "cpu-clock", "-F", str(RATE), "-g", "-t", busiest_thread(pid), "-o", data,
                               "--", "sleep", str(SECONDS)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        machine.progress("no perf on this machine: apt-get install linux-perf")
        return None
    if done.returncode != 0:
        machine.progress(f"perf record failed: {done.stderr.strip()[-200:]}")
        return None
    with open(text, "w") as out:
        out.write(report_of(data, "-g", "none", "-s", "dso") + "\n\n" + report_of(data, "-g", "none", "-s", "dso,symbol") + "\n")
    return text
