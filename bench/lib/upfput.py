# SPDX-License-Identifier: BSD-3-Clause
"""Case `session-put`: 100,000 sessions in batches through the socket while a worker forwards for 65,536 others, read
back by `list`, and deleted. As bigput.py does it: time, what the packets notice, how long another client waits.
Case `session-memory`: bytes a session costs, all in, with a million of them; the first message's are not counted, since
they pay for buffers that every message uses again. Called by scripts/bench; owns nothing."""
import statistics
import time

import bigput
import box
import machine
import memory
import rpc
import upf
from cases import MIN_SHARE, input_of

FIRST, COUNT = 200000, 100000     # numbers that are not in the traffic
BATCH = 10000
PAGE = 2000
GOAL_S = COUNT / 50000
MILLION = 1000000
GOAL_BYTES = 512
POOLS_MB = 384  # --memory: what the process takes at its start for packet buffers and the tables that are not sessions (default 512)
STEPS = ("put", "list", "delete")


def put_all(switch):
    for message in upf.put_messages(upf.Mobile(), range(FIRST, FIRST + COUNT), "x", BATCH):
        seconds, result, waits = bigput.push(switch, message)
        yield seconds, result["created"], waits


def delete_all(switch):
    for start in range(FIRST, FIRST + COUNT, BATCH):
        keys = [f"x{number}" for number in range(start, start + BATCH)]
        seconds, result, waits = bigput.push(switch, rpc.encode("delete", {"type": "session", "keys": keys}))
        yield seconds, result["deleted"], waits


def list_all(switch):
    """All sessions, also those of the traffic."""
    cursor = {}
    while cursor is not None:
        seconds, result, waits = bigput.push(switch, rpc.encode("list", {"type": "session", "limit": PAGE, **cursor}))
        cursor = {"cursor": result["cursor"]} if "cursor" in result else None
        yield seconds, len(result["objects"]), waits


def step(switch, what, want):
    before, watch = switch.snapshot(), machine.CpuShare(switch.process.pid)
    took = list({"put": put_all, "list": list_all, "delete": delete_all}[what](switch))
    share, window = watch.share(), box.difference(before, switch.snapshot())
    seconds, count = sum(each[0] for each in took), sum(each[1] for each in took)
    if count != want:
        raise box.Invalid(f"{what}: {count} sessions, wanted {want}")
    box.check({**window, "drops": {}, "missed": 0})
    return {"seconds": seconds * COUNT / count, "rate": count / seconds, "drops": window["drops"], "share": round(share, 3),
            "lost": sum(window["drops"].values()) + window["missed"], "window": window,
            "pps": window["out"] / window["seconds"], "pings": sum(len(each[2]) for each in took),
            "longest_wait_s": max((max(each[2], default=0.0) for each in took), default=0.0)}


def one_round(settings, source):
    shape = upf.Mobile()
    with box.Box(settings.binary, settings.huge) as switch:
        switch.start(shape, source)
        switch.settle(0)
        time.sleep(settings.warm_up)
        calm, calm_waits = bigput.baseline(switch, min(1.0, settings.seconds))
        out = {"calm_pps": calm["out"] / calm["seconds"], "calm_longest_wait_s": max(calm_waits, default=0.0)}
        for what in STEPS:
            out[what] = step(switch, what, COUNT + (shape.sessions if what == "list" else 0))
    return out


def run_put(settings):
    source, rounds, why = input_of(upf.Mobile(), settings), [], []
    for number in range(settings.runs):
        try:
            one = one_round(settings, source)
            rounds.append(one)
            machine.progress(f"session-put {number + 1}/{settings.runs}: " + "; ".join(
                f"{what} {one[what]['rate']:,.0f}/s, lost {one[what]['lost']}" for what in STEPS))
        except (box.Invalid, rpc.RpcError, ConnectionError, ValueError, KeyError, TimeoutError, OSError) as error:
            why.append(f"round {number + 1}: {error}")
            machine.progress(f"session-put {number + 1}/{settings.runs}: INVALID: {error}")
    return summary(rounds, why)


def summary(rounds, why):
    out = {"case": "session-put", "about": "sessions through the socket under traffic", "big": True, "steps": STEPS,
           "count": COUNT, "goal_s": GOAL_S, "raw": rounds, "why": why, "valid": bool(rounds) and not why}
    if not rounds:
        return out
    for what in STEPS:
        took = [each[what] for each in rounds]
        out[what] = {"seconds": statistics.median(each["seconds"] for each in took),
                     "slowest_s": max(each["seconds"] for each in took),
                     "rate": statistics.median(each["rate"] for each in took),
                     "lost": sum(each["lost"] for each in took),
                     "longest_wait_s": max(each["longest_wait_s"] for each in took),
                     "pps": statistics.median(each["pps"] for each in took)}
    disturbed = sum(each[what]["share"] < MIN_SHARE for each in rounds for what in STEPS)
    if disturbed:
        out["note"] = f"in {disturbed} of {len(STEPS) * len(rounds)} steps the worker had less than {MIN_SHARE:.0%} of its core"
    out["calm_pps"] = statistics.median(each["calm_pps"] for each in rounds)
    out["calm_longest_wait_s"] = max(each["calm_longest_wait_s"] for each in rounds)
    out["met"] = all(out[what]["slowest_s"] <= GOAL_S and out[what]["lost"] == 0 for what in STEPS)
    return out


# ---- memory ----

def measure_memory(settings, sessions):
    shape = upf.Mobile(sessions=sessions)
    with box.Box(settings.binary, settings.huge, memory_mb=POOLS_MB) as switch:
        switch.client.put("slice", [{"name": "s1", "vni": 100, "kind": "l3"}])
        switch.client.put("port", [{"name": name, "device": f"net_null{i},no-rx=1"} for i, name in enumerate(("n3", "n6"))])
        empty = memory.resident(switch.process.pid)
        switch.client.put("gtpu", [{"name": "n3", "address": "198.18.0.1", "interface": "access", "echo_s": 0}])
        start = time.monotonic()
        warm = 0
        for message in upf.put_messages(shape, range(sessions), "u", BATCH):
            switch.client.sock.sendall(message)
            answer = switch.client.read_line()
            if b'"error"' in answer[:200]:
                raise ValueError(answer[:400].decode())
            warm = warm or memory.resident(switch.process.pid)
        seconds, full = time.monotonic() - start, memory.resident(switch.process.pid)
    return {"entries": sessions, "seconds": seconds, "resident_empty": empty, "resident_warm": warm, "resident_full": full}


def run_memory(settings):
    out = {"case": "session-memory", "about": "bytes a session, all in", "goal_bytes": GOAL_BYTES, "why": [], "valid": False}
    try:
        raw = measure_memory(settings, 100000 if settings.quick else MILLION)
    except (box.Invalid, rpc.RpcError, ConnectionError, ValueError, TimeoutError, KeyError, OSError) as error:
        out["why"].append(f"{type(error).__name__}: {error}")
        return out
    out["raw"], out["valid"] = [raw], True
    out["bytes"] = (raw["resident_full"] - raw["resident_warm"]) / (raw["entries"] - BATCH)
    out["rate"] = raw["entries"] / raw["seconds"]
    out["met"] = out["bytes"] <= GOAL_BYTES and raw["resident_full"] <= 1 << 30
    machine.progress(f"session-memory: {out['bytes']:.0f} bytes a session, {raw['resident_full'] >> 20} MiB in all, "
                     f"{out['rate']:,.0f} sessions a second")
    return out
