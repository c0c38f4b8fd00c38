# SPDX-License-Identifier: BSD-3-Clause
"""Cases `mac-put` and `route-put`: 100,000 objects in one message while a worker forwards at full speed, changed and
deleted again. How long it takes, what the packets notice (drops by name, speed), and how long a second client waits
for an answer meanwhile, which is the longest the main thread lets anybody wait. Called by scripts/bench; owns nothing."""
import json
import select
import statistics
import time
from dataclasses import dataclass
from typing import Callable

import box
import machine
import rpc
from cases import MIN_SHARE
from gen_pcap import Shape, cached_pcap, mac_text

COUNT = 100000
FLOWS = 65536
GOAL_S = 2.0
PING_EVERY = 0.0005


@dataclass(frozen=True)
class Big:
    name: str
    about: str
    shape: Shape
    steps: Callable        # () → [(what, method, params, the field of the answer that must say COUNT)]


def mac_steps():
    """None of the MACs is in the traffic."""
    macs = [mac_text(b"\x02\x5a\x03" + index.to_bytes(3, "big")) for index in range(COUNT)]
    objects = [{"slice": "s1", "mac": mac, "tunnel": "t1"} for mac in macs]
    return [("put", "put", {"type": "mac", "objects": objects}, "created"),
            ("delete", "delete", {"type": "mac", "keys": [f"s1 {mac}" for mac in macs]}, "deleted")]


def route_steps():
    """All routes of the traffic get another next hop; then as many more specific ones come, and go again."""
    vias = [{"tunnel": "t1", "mac": f"02:5a:05:00:00:{i:02x}"} for i in range(16)]
    changed = list(box.routes(ROUTES, vias))
    others = [{"table": "s1", "prefix": f"{20 + (i >> 16)}.{i >> 8 & 255}.{i & 255}.128/25", "via": [vias[i % 16]]}
              for i in range(COUNT)]
    return [("change", "put", {"type": "route", "objects": changed}, "updated"),
            ("put", "put", {"type": "route", "objects": others}, "created"),
            ("delete", "delete", {"type": "route", "keys": [f"s1 {route['prefix']}" for route in others]}, "deleted")]


MACS, ROUTES = Shape(flows=FLOWS), Shape(flows=FLOWS, routes=COUNT)
BIGS = [Big("mac-put", "100,000 static MACs through the socket under traffic: rate, loss, stalls", MACS, mac_steps),
        Big("route-put", "100,000 route changes through the socket under the traffic that they carry", ROUTES, route_steps)]


class Pinger:
    """A second client that asks `hello` again and again; notes how long each answer took."""

    def __init__(self, path):
        self.client = rpc.Client(path)
        self.client.sock.setblocking(False)
        self.sent_at, self.waits, self.next = None, [], time.monotonic()

    def turn(self):
        """Sends when it is time, takes an answer when there is one."""
        now = time.monotonic()
        if self.sent_at is None and now >= self.next:
            self.client.sock.send(rpc.encode("hello"))
            self.sent_at = now
        elif self.sent_at is not None and select.select([self.client.sock], [], [], 0)[0]:
            answer = self.client.sock.recv(65536)
            if not answer:
                raise ConnectionError("the switch closed the second client's connection")
            if answer.endswith(b"\n"):
                self.waits.append(time.monotonic() - self.sent_at)
                self.sent_at, self.next = None, time.monotonic() + PING_EVERY

    def close(self):
        """A ping that is still out counts with the time it has waited."""
        if self.sent_at is not None:
            self.waits.append(time.monotonic() - self.sent_at)
        self.client.close()


def push(switch, message):
    """Sends one big message and waits for its answer, pinging all the while: (seconds, answer, waits)."""
    one, pinger = rpc.Client(switch.socket), Pinger(switch.socket)
    one.sock.setblocking(False)
    sent, answer, start = 0, b"", time.monotonic()
    view = memoryview(message)
    try:
        while not answer.endswith(b"\n"):
            readable, writable, _ = select.select([one.sock, pinger.client.sock],
                                                  [one.sock] if sent < len(message) else [], [], PING_EVERY)
            if one.sock in writable:
                sent += one.sock.send(view[sent:sent + (1 << 18)])
            if one.sock in readable:
                answer += one.sock.recv(65536)
            pinger.turn()
            if time.monotonic() - start > 120:
                raise TimeoutError("no answer within 120 s")
        seconds = time.monotonic() - start
    finally:
        pinger.close()
        one.close()
    reply = json.loads(answer)
    if "error" in reply:
        raise rpc.RpcError("mac", reply["error"])
    return seconds, reply["result"], pinger.waits


def baseline(switch, seconds):
    """The same ping and the same traffic with nothing else going on."""
    pinger, before, deadline = Pinger(switch.socket), switch.snapshot(), time.monotonic() + seconds
    while time.monotonic() < deadline:
        select.select([pinger.client.sock], [], [], PING_EVERY)
        pinger.turn()
    pinger.close()
    return box.difference(before, switch.snapshot()), pinger.waits


def change(switch, method, message, want):
    """One put or delete under traffic, with the ledger around it."""
    before = switch.snapshot()
    watch = machine.CpuShare(switch.process.pid)
    seconds, result, waits = push(switch, message)
    share, window = watch.share(), box.difference(before, switch.snapshot())
    if result.get(want) != COUNT:
        raise box.Invalid(f"{method} answered {result}, wanted {want} {COUNT}")
    lost = sum(window["drops"].values()) + window["missed"]
    box.check({**window, "drops": {}, "missed": 0})   # what is neither out nor dropped by name makes the case invalid
    return {"seconds": seconds, "rate": COUNT / seconds, "lost": lost, "drops": window["drops"], "window": window,
            "pps": window["out"] / window["seconds"], "share": round(share, 3), "longest_wait_s": max(waits, default=0.0),
            "pings": len(waits)}


def one_round(big, settings, pcap, steps):
    known = 0 if big.shape.routes else 2 * FLOWS
    with box.Box(settings.binary, settings.huge) as switch:
        switch.start(big.shape, pcap)
        switch.settle(known)
        time.sleep(settings.warm_up)
        calm, calm_waits = baseline(switch, min(1.0, settings.seconds))
        out = {"calm_pps": calm["out"] / calm["seconds"], "calm_longest_wait_s": max(calm_waits, default=0.0)}
        for what, method, message, want in steps:
            out[what] = change(switch, method, message, want)
        if not big.shape.routes and switch.mac_count() != known:
            raise box.Invalid(f"{switch.mac_count()} MACs at the end, wanted {known}")
    return out


def run(big, settings):
    pcap = cached_pcap(settings.data, big.shape)
    steps = [(what, method, rpc.encode(method, params), want) for what, method, params, want in big.steps()]
    rounds, why = [], []
    for number in range(settings.runs):
        try:
            one = one_round(big, settings, pcap, steps)
            rounds.append(one)
            machine.progress(f"{big.name} {number + 1}/{settings.runs}: " + "; ".join(
                f"{what} {one[what]['seconds']:.3f} s, lost {one[what]['lost']}" for what, *_ in steps))
        except (box.Invalid, rpc.RpcError, ConnectionError, ValueError, TimeoutError, OSError) as error:
            why.append(f"round {number + 1}: {error}")
            machine.progress(f"{big.name} {number + 1}/{settings.runs}: INVALID: {error}")
    return summary(big, [what for what, *_ in steps], rounds, why)


def summary(big, whats, rounds, why):
    out = {"case": big.name, "about": big.about, "big": True, "steps": whats,
           "count": COUNT, "goal_s": GOAL_S, "raw": rounds, "why": why, "valid": bool(rounds) and not why}
    if not rounds:
        return out
    for what in whats:
        took = [each[what] for each in rounds]
        out[what] = {"seconds": statistics.median(each["seconds"] for each in took),
                     "slowest_s": max(each["seconds"] for each in took),
                     "rate": statistics.median(each["rate"] for each in took),
                     "lost": sum(each["lost"] for each in took),
                     "longest_wait_s": max(each["longest_wait_s"] for each in took),
                     "pps": statistics.median(each["pps"] for each in took)}
        disturbed = sum(each["share"] < MIN_SHARE for each in took)
        if disturbed:
            out[what]["note"] = f"{disturbed} of {len(took)} rounds had less than {MIN_SHARE:.0%} of the core"
    out["calm_pps"] = statistics.median(each["calm_pps"] for each in rounds)
    out["calm_longest_wait_s"] = max(each["calm_longest_wait_s"] for each in rounds)
    out["met"] = all(out[what]["slowest_s"] <= GOAL_S and out[what]["lost"] == 0 for what in whats)
    return out
