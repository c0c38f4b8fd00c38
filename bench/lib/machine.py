# SPDX-License-Identifier: BSD-3-Clause
"""What the machine offers (clock, huge pages, CPUs), and child processes that surely end.
Called by everything in bench/lib that starts a program; owns the processes it starts, and ends them by pid."""
import ctypes
import fcntl
import functools
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

MAIN_CPU, WORKER_CPU = 0, 1
LOCK = "/run/lock/sluice-bench"
NEEDED_HUGE_MB = 1024  # 262,144 buffers of 2.4 KB, the sink's pool, and the tables

LIBC, PR_SET_PDEATHSIG = ctypes.CDLL(None), 1

progress_start = time.monotonic()


def progress(text):
    print(f"[{time.monotonic() - progress_start:6.1f}] {text}", file=sys.stderr, flush=True)


def tsc_hz():
    """Ticks a second of the TSC, which is what `cycles` means here: from the kernel's boot message, else cpuinfo."""
    try:
        log = subprocess.run(["dmesg"], capture_output=True, text=True, check=False).stdout
    except OSError:
        log = ""
    found = re.findall(r"tsc: (?:Refined TSC clocksource calibration|Detected)[: ]+([0-9.]+) MHz", log)
    if not found:
        with open("/proc/cpuinfo") as info:
            found = re.findall(r"cpu MHz\s*:\s*([0-9.]+)", info.read())
    return float(found[-1]) * 1e6 if found else 0.0


def cpu_model():
    with open("/proc/cpuinfo") as info:
        found = re.search(r"model name\s*:\s*(.+)", info.read())
    return found.group(1).strip() if found else "unknown"


def huge_mb(which):
    """Megabytes of huge pages, `Total` or `Free`."""
    with open("/proc/meminfo") as info:
        text = info.read()
    pages = int(re.search(rf"HugePages_{which}:\s+(\d+)", text).group(1))
    return pages * int(re.search(r"Hugepagesize:\s+(\d+)", text).group(1)) // 1024


def huge_pages():
    """True when huge pages are mounted, and enough for one program under test at a time."""
    with open("/proc/mounts") as mounts:
        mounted = any(line.split()[2] == "hugetlbfs" for line in mounts)
    return mounted and huge_mb("Total") >= NEEDED_HUGE_MB


def wait_for_huge_pages(patience=120.0):
    """The program before has just ended, or somebody else's test holds them for a while."""
    deadline = time.monotonic() + patience
    while huge_mb("Free") < NEEDED_HUGE_MB and time.monotonic() < deadline:
        time.sleep(0.5)


def pin_self():
    """Keeps this program off the worker's CPU."""
    if (os.cpu_count() or 1) > WORKER_CPU:
        os.sched_setaffinity(0, {MAIN_CPU})


def alone():
    """Waits until no other benchmark runs on this machine; keep what it returns as long as others must wait."""
    lock = open(LOCK, "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        progress(f"another benchmark holds {LOCK}: waiting for it to end")
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def unpin_child():
    """Runs in a child before its program: it may use all CPUs, and ends when this program is killed."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))


class CpuShare:
    """How much of a CPU the busiest thread of a process really had: below 1 somebody else ran in its place, or the
    hypervisor did, and the figure taken meanwhile says little."""

    def __init__(self, pid):
        self.pid, self.when = pid, time.monotonic()
        self.before, self.stolen = self.runtimes(), stolen_seconds()

    def runtimes(self):
        """Thread id → nanoseconds it has run."""
        times = {}
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{thread}/schedstat") as stat:
                    times[thread] = int(stat.read().split()[0])
            except OSError:
                pass
        return times

    def share(self):
        wall = time.monotonic() - self.when
        ran = max(after - self.before.get(thread, 0) for thread, after in self.runtimes().items()) / 1e9
        return min(1.0, (ran - (stolen_seconds() - self.stolen)) / wall)


def stolen_seconds():
    """What the hypervisor took from the worker's CPU since boot."""
    with open("/proc/stat") as stat:
        for line in stat:
            if line.startswith(f"cpu{WORKER_CPU} "):
                return int(line.split()[8]) / os.sysconf("SC_CLK_TCK")
    return 0.0


class Process:
    """A child behind a pseudo-terminal (so that it does not buffer), with all it said kept."""

    def __init__(self, argv, environment=None):
        self.argv, self.said, self.ended = argv, "", False
        master, slave = pty.openpty()
        self.child = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave,
                                      env={**os.environ, **(environment or {})}, start_new_session=True, preexec_fn=unpin_child)
        os.close(slave)
        self.fd = master

    @property
    def pid(self):
        return self.child.pid

    def alive(self):
        self.drain(0)
        return self.child.poll() is None

    def drain(self, seconds):
        """Takes what the child said within the time; False when it closed its terminal."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.said += data.decode(errors="replace").replace("\r", "")
        return bool(data)

    def write(self, line):
        os.write(self.fd, line.encode() + b"\n")

    def wait_for(self, pattern, seconds, start=0):
        """Waits for a pattern in what it says from position start on; returns the match or raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.said[start:], re.DOTALL)
            if found:
                return found
            open_still = self.drain(0.2)
            if not open_still and not re.search(pattern, self.said[start:], re.DOTALL):
                raise TimeoutError(f"{self.argv[0]} ended early: {self.tail()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.argv[0]} did not say {pattern!r} in {seconds:.0f} s: {self.tail()}")

    def tail(self):
        """What it said that looks like the reason of a failure, else its last words."""
        lines = [line.strip() for line in self.said.splitlines() if line.strip()]
        reasons = [line for line in lines if re.search(r"error|cause|cannot|fatal|fail|no memory|sluice-dataplane:", line, re.I)]
        return " / ".join((reasons or lines)[-3:])

    def stop(self, seconds=10.0):
        """SIGTERM, then SIGKILL, by pid; returns the exit status."""
        if self.ended:
            return self.child.returncode
        self.ended = True
        for signum, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, seconds)):
            if self.child.poll() is not None:
                break
            self.child.send_signal(signum)
            deadline = time.monotonic() + patience
            while self.child.poll() is None and time.monotonic() < deadline:
                if not self.drain(0.1):
                    time.sleep(0.05)
        while self.drain(0):
            if not select.select([self.fd], [], [], 0)[0]:
                break
        os.close(self.fd)
        return self.child.returncode


@functools.cache
def help_of(binary):
    """What a program says of its options."""
    return subprocess.run([binary, "--help"], capture_output=True, text=True, check=False).stdout
