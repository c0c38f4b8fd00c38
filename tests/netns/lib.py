# SPDX-License-Identifier: BSD-3-Clause
"""What the tests in this folder are made of: a Lab of network namespaces joined by veth wires (lab.py), a Box that runs
sluice-dataplane in one of them (switch.py), ping, iperf3 and the kernel's tunnels (traffic.py), and checks (checks.py).

A test is a function of a Lab handed to run(). On failure the box's counters and its log are printed. Only 198.18.0.0/15
and 2001:db8::/32 are used, and only inside the namespaces."""
import os
import signal
import sys
import traceback

from checks import BUILD, QUICK, TOP, Skip, at_least, check, command, equal, settled, wait_for
from lab import Lab
from switch import Box, Client, RpcError, Watcher, connect, diff, drops_of
from traffic import CONGESTION, Pings, iperf, iperf_server, kernel_vxlan, listening, ping

__all__ = ["BUILD", "CONGESTION", "QUICK", "TOP", "Box", "Client", "Lab", "Pings", "RpcError", "Skip", "Watcher", "at_least", "check", "command",
           "connect", "diff", "drops_of", "equal", "iperf", "iperf_server", "kernel_vxlan", "listening", "ping", "run", "settled",
           "wait_for"]

SKIP_STATUS = 77


def run(test):
    """Runs one test function with a Lab of its own and leaves with its status."""
    name = os.path.basename(sys.argv[0]).removesuffix(".py").removeprefix("test_")
    lab = Lab(name)

    def stop(number, frame):
        raise KeyboardInterrupt(f"signal {number}")
    signal.signal(signal.SIGTERM, stop)
    status = 0
    try:
        test(lab)
        for box in lab.boxes:
            if box.process.poll() is None:
                box.alive()
                box.stop()
    except Skip as why:
        print(f"skip: {why}")
        status = SKIP_STATUS
    except BaseException:  # noqa: BLE001  (KeyboardInterrupt too: the report and the clean-up come first)
        traceback.print_exc(file=sys.stdout)
        lab.report()
        status = 1
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        lab.close()
    sys.stdout.flush()
    sys.exit(status)
