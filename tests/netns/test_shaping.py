#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: release
"""A WAN shaped to 50 Mbit/s, with one worker and with two: a slice that floods it neither takes the rate another is
guaranteed nor makes it wait.

    host gold   ─── lan0 [gold 100, 20 Mbit/s guaranteed] ┬ wan0 (tap, 50 Mbit/s) ═══ site ┬ host goldb
    host lead   ─── lan1 [lead 200]                       ┘                                └ host leadb
"""
import json
import re
import time

from lib import QUICK, Box, at_least, check, diff, drops_of, equal, iperf_server, kernel_vxlan, ping, run, settled, wait_for

RATE, GUARANTEE = 50e6, 20e6
SECONDS = 2 if QUICK else 4


def build(lab, number, workers):
    """One box with its site; names carry the number."""
    site = lab.ns(f"site{number}")
    box = Box(lab, f"box{number}", workers=workers)
    ours, theirs = box.wan(site, rate_bps=int(RATE)) if workers == 1 else \
        box.wan(site, extra=",qpairs=2", rate_bps=int(RATE))
    pairs = {}
    for index, name in enumerate(("gold", "lead")):
        near, far = lab.ns(f"{name}{number}"), lab.ns(f"{name}{number}b")
        pairs[name] = (near, far)
        box.port(f"lan{index}", near, "eth0", extra=",qpairs=2" if workers == 2 else "")
        near.address("eth0", "198.18.100.1/24")
        fields = {"guarantee_bps": int(GUARANTEE)} if name == "gold" else {}
        box.slice(name, 100 * (index + 1), [(f"lan{index}", None)], [f"to-site{number}"], **fields)
        kernel_vxlan(site, far, 100 * (index + 1), theirs, ours, "198.18.100.2/24", mtu=1450)
        near.ip("link set eth0 mtu 1450")
    return box, site, ours, pairs


class Flood:
    """UDP without regard, more than the WAN's rate, until stopped: figures may be taken several times beside it."""

    def __init__(self, pair, mbits):
        near, far = pair
        self.server = iperf_server(far, "198.18.100.2", 5300)
        self.client = near.popen(f"iperf3 -c 198.18.100.2 -p 5300 -u -b {mbits}M -l 1200 -t 600")
        self.lab = near.lab

    def stop(self):
        for process in (self.client, self.server):
            self.lab.end(process)


def udp_rate(pair, mbits):
    """Mbit/s of UDP payload that arrived, and what was lost of it in percent, as the receiver saw it."""
    near, far = pair
    server = iperf_server(far, "198.18.100.2")
    answer = json.loads(near.run(f"iperf3 -c 198.18.100.2 -u -b {mbits}M -l 1200 -t {SECONDS} -J", timeout=SECONDS + 60))
    near.lab.end(server)
    total = answer["end"]["sum"]
    return total["bits_per_second"] * (1 - total["lost_percent"] / 100) / 1e6, total["lost_percent"]


def rtt(space, address, count=30):
    """Median and largest round trip in ms, and how many came back, of so many pings; ten more leave the last of them time."""
    out = space.run(f"ping -n -c {count + 10} -i 0.05 -W 2 {address}", check_status=False)
    found = re.findall(r"icmp_seq=(\d+) .* time=([\d.]+)", out)
    times = sorted(float(ms) for number, ms in found if int(number) <= count)
    check(times, f"ping {address}: {out}")
    return times[len(times) // 2], times[-1], len(times)


def leaving(box, seconds=1):
    """Mbit/s by the WAN, over a second. The switch counted at some moment between a question and its answer."""
    def reading():
        asked = time.monotonic()
        sent = box.rpc.stats("port")["wan0"]["tx_bytes"]
        return sent, (asked + time.monotonic()) / 2
    (first, start), _ = reading(), time.sleep(seconds)
    last, end = reading()
    return (last - first) * 8 / (end - start) / 1e6


def shaper(box):
    return {name: counters["shaper_bytes"] for name, counters in box.rpc.stats("slice").items()}


def share_of_gold(box):
    """Mbit/s of the shaped rate that it had in two seconds."""
    first = shaper(box)
    time.sleep(2)
    part = diff(first, shaper(box))
    return part["gold"] / (part["gold"] + part["lead"]) * RATE / 1e6


def one(lab, number, workers):
    box, site, ours, pairs = build(lab, number, workers)
    for near, _ in pairs.values():
        equal(ping(near, "198.18.100.2", 5), 5, "pings before the flood")
    idle, _, _ = rtt(pairs["gold"][0], "198.18.100.2")
    before = box.ledger()
    flood = Flood(pairs["lead"], 120)
    wait_for(lambda: box.rpc.drops().get("shaper_queue"), "the flood to fill its queue")

    # the whole rate is used, and the flood has it while nobody else wants it
    low, high = 0.7 * RATE / 1e6, 1.02 * RATE / 1e6
    rate = settled(lambda: leaving(box), lambda rate: low < rate < high)
    print(f"{workers} worker(s): {rate:.1f} Mbit/s leave while one floods")
    check(low < rate < high, f"{rate:.1f} Mbit/s leave, shaped to {RATE / 1e6:.0f}")

    # waiting: under the guarantee, and the kernel's own
    _, flooded, _ = rtt(pairs["lead"][0], "198.18.100.2", 10)
    (median, worst, came), (own, _, own_came) = settled(
        lambda: (rtt(pairs["gold"][0], "198.18.100.2"), rtt(site, ours)),
        lambda both: both[0][0] < idle + 5 and both[1][0] < idle + 10 and both[0][2] == both[1][2] == 30)
    print(f"{workers} worker(s): round trips: idle {idle:.2f} ms, under the guarantee {median:.2f} (worst {worst:.2f}) ms, "
          f"in the flooded slice {flooded:.2f} ms, to the box itself {own:.2f} ms")
    equal((came, own_came), (30, 30), "pings beside the flood: of the other slice, to the box")
    check(median < idle + 5, f"median round trip {median} ms beside a flood, {idle} ms without")
    check(own < idle + 10, f"median round trip to the box {own} ms beside a flood")

    # the guarantee: 18 Mbit/s of payload are 19 of the slice's frames
    got, lost = settled(lambda: udp_rate(pairs["gold"], 18), lambda one: one[0] >= 17.5 and one[1] < 1)
    print(f"{workers} worker(s): {got:.1f} of 18 Mbit/s UDP beside the flood, {lost:.2f} % lost")
    at_least(got, 17.5, "Mbit/s of the slice with the guarantee")
    check(lost < 1, f"{lost} % lost under the guarantee")

    # weights: of what the guarantee leaves, 30 Mbit/s, the flood gets half with 1 : 1 and a fifth with 4 : 1
    both = Flood(pairs["gold"], 120) if not QUICK else None
    for weight, want in ((1, 35.0), (4, 44.0)) if both else ():
        box.put("slice", name="gold", vni=100, guarantee_bps=int(GUARANTEE), weight=weight)
        time.sleep(0.5)
        share = settled(lambda: share_of_gold(box), lambda one, want=want: abs(one - want) < 2.5)
        print(f"{workers} worker(s): weight {weight} : 1 after the guarantee: {share:.1f} of {RATE / 1e6:.0f} Mbit/s")
        # the guarantee counts the slice's bytes, the shares those on the wire: 4 % apart
        check(abs(share - want) < 2.5, f"weight {weight}: {share:.1f} Mbit/s, want {want}")
    if both:
        both.stop()
    flood.stop()

    lost = drops_of(diff(before, box.ledger()))
    print(f"{workers} worker(s): drops {lost}")
    check(lost.get("shaper_queue", 0) > 0, "nothing was dropped at the shaper")
    check(set(lost) <= {"shaper_queue", "handover_full", "tx_full"}, f"drops: {lost}")
    equal(box.rpc.stats("port")["wan0"]["shaper_queued_packets"], 0, "packets waiting when all is quiet")
    return box, pairs


def test(lab):
    for number, workers in enumerate((1, 2)):
        box, pairs = one(lab, number, workers)

        # off again: as fast as the wire
        box.put("port", **{**{k: v for k, v in box.list("port", name="wan0")[0].items()
                              if k in ("name", "device", "mtu", "tap")}})
        flood = Flood(pairs["lead"], 100)
        rate = settled(lambda: leaving(box), lambda rate: rate >= 60)
        print(f"{workers} worker(s): not shaped any more: {rate:.0f} Mbit/s")
        at_least(rate, 60, "Mbit/s of a port that is not shaped any more")
        flood.stop()
        box.ledger()
        box.stop()
        lab.boxes.remove(box)


run(test)
