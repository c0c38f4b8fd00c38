#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""fuzz_sessions.py for about half a minute, with another seed for each commit. What it finds comes again with the seed that
it says: tests/stress/fuzz_sessions.py build/dataplane/sluice-dataplane 30000 SEED."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "netns")]
import fuzz_sessions  # noqa: E402
from checks import BUILD, QUICK, TOP  # noqa: E402


def seed():
    """How many commits there are; 1 where that is not known (a tree without its history)."""
    counted = subprocess.run(["git", "-C", TOP, "rev-list", "--count", "HEAD"], capture_output=True, text=True)
    return int(counted.stdout) if counted.returncode == 0 else 1


if __name__ == "__main__":
    number = seed()
    print(f"seed {number}", flush=True)
    fuzz_sessions.run(os.path.join(BUILD, "dataplane", "sluice-dataplane"), 6000 if QUICK else 30000, number)
