# SPDX-License-Identifier: BSD-3-Clause
"""Pairs: the switch beside itself with one thing more, in turns on the same core, and what that costs a packet.
Called by scripts/bench; owns nothing."""
import statistics
from dataclasses import dataclass

import box
import cases
import machine
from gen_pcap import Shape
from upf import Mobile


@dataclass(frozen=True)
class Pair:
    name: str
    about: str
    base: Shape
    more: Shape
    goal_cycles: float = 0   # at most so many cycles more, 0 = nothing asked
    goal_ratio: float = 0    # at most this times the cycles


PAIRS = [
    Pair("encap-many", "4,000 slices and 10,000 tunnels against one of each, encapsulation, 65,536 flows, tagged",
         Shape(flows=65536, vlan=1), Shape(flows=65536, vlan=1, slices=4000, tunnels=10000), goal_ratio=1.10),
    Pair("decap-many", "the same, decapsulation, to tagged attachments",
         Shape(flows=65536, encap="vxlan", access_vlan=1),
         Shape(flows=65536, encap="vxlan", access_vlan=1, slices=4000, tunnels=10000), goal_ratio=1.10),
    Pair("encap-geneve", "Geneve against VXLAN, encapsulation, 65,536 flows", Shape(flows=65536), Shape(flows=65536, wire="geneve")),
    Pair("decap-geneve", "Geneve with two words of options against VXLAN, decapsulation",
         Shape(flows=65536, encap="vxlan"), Shape(flows=65536, encap="vxlan", wire="geneve")),
    Pair("encap-mss", "mss_clamp against none, TCP (not SYNs) into VXLAN, 65,536 flows",
         Shape(flows=65536, tcp=True), Shape(flows=65536, tcp=True, mss_clamp=True)),
    Pair("decap-mss", "the same, out of VXLAN", Shape(flows=65536, encap="vxlan", tcp=True),
         Shape(flows=65536, encap="vxlan", tcp=True, mss_clamp=True)),
    Pair("encap-metered-1k", "meters on attachment and slice (conforming), encapsulation, 1,024 flows",
         Shape(), Shape(meters=True), goal_cycles=25),
    Pair("encap-metered-64k", "the same, 65,536 flows", Shape(flows=65536), Shape(flows=65536, meters=True), goal_cycles=25),
    Pair("encap-many-metered", "the same with 4,000 slices, each with meters of its own, and 10,000 tunnels, tagged",
         Shape(flows=65536, vlan=1, slices=4000, tunnels=10000),
         Shape(flows=65536, vlan=1, slices=4000, tunnels=10000, meters=True)),
    Pair("encap-shaped", "an underlay port shaped above the load, encapsulation, 1,024 flows",
         Shape(), Shape(rate_bps=400_000_000_000)),
    Pair("encap-many-shaped", "the same with 4,000 slices and 10,000 tunnels, 65,536 flows, tagged",
         Shape(flows=65536, vlan=1, slices=4000, tunnels=10000),
         Shape(flows=65536, vlan=1, slices=4000, tunnels=10000, rate_bps=400_000_000_000)),
    Pair("upf-16pdr", "16 PDRs with filters a session against one, 65,536 sessions, uplink",
         Mobile(nets=16), Mobile(nets=16, pdrs=16, filters=15), goal_ratio=1.30),
    Pair("upf-16pdr-down", "the same, downlink", Mobile(up=False, nets=16), Mobile(up=False, nets=16, pdrs=16, filters=15),
         goal_ratio=1.30),
    Pair("upf-1000filters", "1,000 filters that all sessions share against 16, uplink, 4,096 sessions",
         Mobile(sessions=4096, nets=1000, pdrs=16, filters=15), Mobile(sessions=4096, nets=1000, pdrs=16, filters=1000),
         goal_ratio=2.0),
]


def one(pair, shape, settings):
    case = cases.Case(pair.name, shape, 0, pair.about)
    return cases.run_switch(case, cases.input_of(shape, settings), settings)


def run(pair, settings):
    """Rounds of both, the order turning; the difference is taken round by round, so that the machine's moods cancel."""
    base, more, why = [], [], []
    for number in range(settings.runs):
        turn = [(base, pair.base, "without"), (more, pair.more, "with")]
        for samples, shape, what in turn[::-1] if number % 2 else turn:
            try:
                samples.append(one(pair, shape, settings))
                machine.progress(f"{pair.name} {number + 1}/{settings.runs} {what}: {samples[-1]['pps'] / 1e6:.2f} Mpps")
            except (box.Invalid, box.rpc.RpcError, ConnectionError, ValueError, TimeoutError, OSError) as error:
                why.append(f"round {number + 1}, {what}: {error}")
                machine.progress(f"{pair.name} {number + 1}/{settings.runs} {what}: INVALID: {error}")
    return summary(pair, base, more, why, settings)


def cycles_of(sample, settings):
    return settings.tsc_hz * min(sample["share"], 1) / sample["pps"]


def summary(pair, base, more, why, settings):
    out = {"case": pair.name, "about": pair.about, "pair": True, "raw": {"base": base, "more": more}, "why": why,
           "goal_cycles": pair.goal_cycles, "goal_ratio": pair.goal_ratio, "valid": not why and bool(base and more)}
    both = [(cycles_of(a, settings), cycles_of(b, settings)) for a, b in zip(base, more)]
    if both:
        out["cycles"] = [statistics.median(side) for side in zip(*both)]
        out["more"] = statistics.median(b - a for a, b in both)
        out["ratio"] = statistics.median(b / a for a, b in both)
        out["met"] = ((not pair.goal_cycles or out["more"] <= pair.goal_cycles) and
                      (not pair.goal_ratio or out["ratio"] <= pair.goal_ratio))
        out["stages"] = [cases.median_stages([s["window"]["stages"] for s in side]) for side in (base, more)]
    return out
