# SPDX-License-Identifier: BSD-3-Clause
"""Two builds of the switch in turns: this one and that of an older commit, the same cases, the same core, the same run, so
that a neighbour on the machine troubles both alike. Called by scripts/bench --against; owns build/against."""
import copy
import os
import shutil
import statistics
import subprocess

import box
import cases
import machine
import report

BAR = 0.98  # nothing is slower than that


def build(top, revision, quietly):
    """The older commit's dataplane, built beside this one; the path of its program."""
    commit = subprocess.run(["git", "-C", top, "rev-parse", "--verify", revision + "^{commit}"], capture_output=True, text=True, check=False)
    if commit.returncode != 0:
        raise SystemExit(f"bench: there is no commit {revision}: {commit.stderr.strip()}")
    folder = os.path.join(top, "build", "against", commit.stdout.strip()[:12])
    binary = os.path.join(folder, "build", "dataplane", "sluice-dataplane")
    if os.path.exists(binary):
        return binary
    machine.progress(f"building {revision} in {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    quietly("sh", "-c", f"git archive {commit.stdout.strip()} | tar -x -C '{folder}'")
    quietly("meson", "setup", os.path.join(folder, "build"), folder)
    quietly("ninja", "-C", os.path.join(folder, "build"), "dataplane/sluice-dataplane")
    return binary


def run(case, settings, older):
    """All rounds of a case, each with both, in an order that turns."""
    pcap = cases.input_of(case.shape, settings)
    then = copy.copy(settings)
    then.binary = older
    raw, why = {"now": [], "then": []}, []
    for number in range(settings.runs):
        steps = [("now", settings), ("then", then)]
        for who, with_what in steps[::-1] if number % 2 else steps:
            try:
                raw[who].append(cases.run_switch(case, pcap, with_what)["pps"])
                machine.progress(f"{case.name} {number + 1}/{settings.runs} {who}: {raw[who][-1] / 1e6:.2f} Mpps")
            except (box.Invalid, box.rpc.RpcError, ConnectionError, ValueError, TimeoutError, OSError) as error:
                why.append(f"round {number + 1}, {who}: {error}")
                machine.progress(f"{case.name} {number + 1}/{settings.runs} {who}: INVALID: {error}")
    out = {"case": case.name, "raw": raw, "why": why, "valid": not why}
    if all(raw.values()):
        out["now"], out["then"] = (statistics.median(raw[who]) for who in ("now", "then"))
        out["ratio"] = out["now"] / out["then"]
    return out


def table(results):
    rows = []
    for one in results:
        if "ratio" not in one:
            rows.append([one["case"], None, None, None, "INVALID"])
            continue
        verdict = "INVALID" if not one["valid"] else "met" if one["ratio"] >= BAR else "MISSED"
        rows.append([one["case"], report.mpps(one["now"]), report.mpps(one["then"]), f"{one['ratio']:.3f}", f"{verdict} ({BAR:.2f})"])
    return report.table(["case", "Mpps now", "then", "now / then", "bar"], rows) + "".join(f"\n{one['case']}: {why}" for one in results for why in one["why"])
