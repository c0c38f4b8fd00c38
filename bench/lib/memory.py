# SPDX-License-Identifier: BSD-3-Clause
"""Case `memory`: bytes a MAC entry costs, all in: the table as the box declares it (reserved from the start, for as
many entries as the box takes), and what the process grows by beside it when a million MACs are put. The first
message's MACs are put before the growth is counted: they pay for buffers that every big message uses again.
No traffic. Called by scripts/bench; owns nothing."""
import re
import time

import box
import machine
import rpc
from gen_pcap import mac_text

DECLARED = 1048576   # LIMIT_MACS in dataplane/objects/limits.h
CHUNK = 65536
GOAL_BYTES = 64


def resident(pid):
    """Bytes the process really holds: ordinary and huge pages, also those it shares with nobody through a file."""
    with open(f"/proc/{pid}/status") as status:
        text = status.read()
    sizes = dict(re.findall(r"(\w+):\s+(\d+) kB", text))
    return 1024 * (int(sizes["VmRSS"]) + int(sizes.get("HugetlbPages", 0)))


def measure(settings, entries):
    with box.Box(settings.binary, settings.huge) as switch:
        client = switch.client
        client.put("slice", [{"name": "s1", "vni": 100, "max_macs": DECLARED}])
        client.put("port", [{"name": "lan0", "device": box.SINK}])
        client.put("attachment", [{"name": "a1", "slice": "s1", "port": "lan0"}])
        empty, start = resident(switch.process.pid), time.monotonic()
        for first in range(0, entries, CHUNK):
            if first == CHUNK:
                warm = resident(switch.process.pid)
            client.put("mac", [{"slice": "s1", "mac": mac_text(b"\x02\x5a" + index.to_bytes(4, "big")), "attachment": "a1"}
                               for index in range(first, min(first + CHUNK, entries))])
        seconds = time.monotonic() - start
        full, told, held = resident(switch.process.pid), switch.box_stats(), switch.mac_count()
    if held != entries:
        raise box.Invalid(f"{held} MACs after {entries} were put")
    return {"entries": entries, "seconds": seconds, "resident_empty": empty, "resident_warm": warm, "resident_full": full,
            "table_bytes": told["mac_table_bytes"], "table_entries": told.get("mac_table_entries", DECLARED)}


def run(settings):
    out = {"case": "memory", "about": "bytes a MAC entry, all in", "goal_bytes": GOAL_BYTES, "why": [], "valid": False}
    try:
        raw = measure(settings, 4 * CHUNK if settings.quick else 1000000)
    except (box.Invalid, rpc.RpcError, ConnectionError, TimeoutError, KeyError, OSError) as error:
        out["why"].append(f"{type(error).__name__}: {error}")
        return out
    out["raw"], out["valid"] = [raw], True
    out["declared_bytes"] = raw["table_bytes"] / raw["table_entries"]
    out["grown_bytes"] = max(0, raw["resident_full"] - raw["resident_warm"]) / (raw["entries"] - CHUNK)
    # in huge pages the table is resident from the start and does not grow; without them it is part of what grows
    out["bytes"] = (sum if settings.huge else max)([out["declared_bytes"], out["grown_bytes"]])
    out["met"] = out["bytes"] <= GOAL_BYTES
    machine.progress(f"memory: {out['declared_bytes']:.1f} declared, {out['grown_bytes']:.1f} grown bytes an entry")
    return out
