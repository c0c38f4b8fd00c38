# SPDX-License-Identifier: BSD-3-Clause
"""Case `table`: runs bench/micro_table.c, the exact-match table beside rte_hash. Called by scripts/bench."""
import json
import os
import subprocess

import machine


def measure(settings, out, name, options):
    out.update(why=[], valid=False)
    program = os.path.join(settings.build, "bench", name)
    if not os.path.exists(program):
        out["why"].append(f"{program} is not built")
        return out
    argv = [program, "--cpu", str(machine.WORKER_CPU)] + options
    done = subprocess.run(argv, capture_output=True, text=True, check=False, preexec_fn=machine.unpin_child)
    if done.returncode != 0:
        out["why"].append(f"{name} ended with status {done.returncode}: {done.stderr[-500:]}")
        return out
    out["rows"] = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    out["valid"] = True
    return out


def run(settings):
    options = ([] if settings.huge else ["--no-huge"]) + (["1024", "65536"] if settings.quick else [])
    return measure(settings, {"case": "table", "about": "bulk lookup of 64 keys in random order, cycles a key"}, "micro_table",
                   options)
