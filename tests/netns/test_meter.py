#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: release
"""Real streams through meters, with one worker and with two that share every one of them: what arrives is the rate that
was sold, and what is over it is dropped by name.

    host a ─── lan0 [blue 100: slice meter 20 Mbit/s, attachment out 10 Mbit/s] ─── wan0 (tap) ═══ site ─── host b
"""
import json
import threading
import time

from lib import QUICK, Box, at_least, check, diff, drops_of, equal, iperf, iperf_server, kernel_vxlan, ping, run, settled, wait_for

SLICE, OUT = 20_000_000, 10_000_000
BURST = 200_000               # 80 ms: as long as a busy machine may keep a worker from running
PAYLOAD = 1400
FRAME = PAYLOAD + 8 + 20 + 14   # what a meter counts of it
SECONDS = 2 if QUICK else 3
WINDOW_S = 1.2 if QUICK else 2.2
TCP_SECONDS = 1 if QUICK else 6   # lib.iperf's, when quick


def udp(client, server, address, reverse=False):
    """Eight UDP streams of together 48 Mbit/s: what arrived, in bytes of payload a second."""
    process = iperf_server(server, address)
    out = client.run(f"iperf3 -c {address} -u -b 6M -P 8 -l {PAYLOAD} -t {SECONDS} --connect-timeout 10000 -J"
                     + (" -R" if reverse else ""), check_status=False, timeout=SECONDS + 60)
    client.lab.end(process)
    answer = json.loads(out)
    check("error" not in answer, f"iperf3: {answer.get('error')}")
    return answer


def meter_of(box, place, key, prefix):
    counters = box.rpc.stats(place)[key]
    return {color: (counters[f"{prefix}{color}_packets"], counters[f"{prefix}{color}_bytes"])
            for color in ("green", "yellow", "red")}


def window(box, place, key, prefix, rate):
    """Green bits a second over a window inside a stream. What can be more than was sold at all is checked at once: the rate
    for as long as it may have been since the reading before, and one burst."""
    def reading():
        asked = time.monotonic()
        green = meter_of(box, place, key, prefix)["green"][1]
        return asked, green, time.monotonic()
    (asked, first, told), _ = reading(), time.sleep(WINDOW_S)
    asked_last, last, told_last = reading()
    most = rate * (told_last - asked) + 8 * (BURST + FRAME)
    check((last - first) * 8 <= most, f"more passed than was sold: {(last - first) * 8} bits in {told_last - asked:.3f} s, at most {most:.0f}")
    # the switch counted at some moment between the question and its answer
    return (last - first) * 8 / ((asked_last + told_last) / 2 - (asked + told) / 2)


def within(got, want, percent, what):
    print(f"{what}: {got / 1e6:.3f} Mbit/s of {want / 1e6:.3f} ({got / want * 100 - 100:+.2f} %)")
    check(abs(got - want) <= want * percent / 100, f"{what}: want {want} within {percent} %, got {got}")


def flood_udp(box, name, near, far, place, key, prefix, rate, reverse, reason):
    # a worker that was without a CPU just before a window brings a part of the burst into it, one within it loses some
    passed = settled(lambda: flood_once(box, name, near, far, place, key, prefix, rate, reverse, reason),
                     lambda got: abs(got - rate) <= rate * 0.01)
    within(passed, rate, 1, f"{name}: frames passed in a window of UDP")


def flood_once(box, name, near, far, place, key, prefix, rate, reverse, reason):
    before, counts = box.quiet(), meter_of(box, place, key, prefix)
    result = {}

    def stream():
        result["answer"] = udp(near, far, "198.18.100.2", reverse)
    thread = threading.Thread(target=stream)
    thread.start()
    wait_for(lambda: meter_of(box, place, key, prefix)["red"][0] - counts["red"][0] > 100, "the first burst is spent")
    passed = window(box, place, key, prefix, rate)
    thread.join()
    change = diff(before, box.ledger())
    dropped = drops_of(change)
    after = meter_of(box, place, key, prefix)
    red = after["red"][0] - counts["red"][0]
    at_least(red, 100, f"{name}: red frames")
    # the two buckets are taken from one after the other: with several workers now and then a yellow one between them
    yellow = after["yellow"][0] - counts["yellow"][0]
    check(yellow <= (0 if len(box.rpc.stats("worker")) == 1 else red / 100), f"{name}: {yellow} yellow where cir = pir")
    equal({why: count for why, count in dropped.items() if why.startswith(("meter", "slice_meter"))}, {reason: red},
          f"{name}: dropped by meters, and the ledger agrees")
    received = result["answer"]["end"].get("sum_received", result["answer"]["end"]["sum"])
    print(f"{name}: iperf3 says {received['bits_per_second'] / 1e6:.3f} Mbit/s of payload "
          f"({rate * PAYLOAD / FRAME / 1e6:.3f} are due)")
    return passed


def one(lab, workers):
    tag = f"w{workers}"
    site, near, far = lab.ns(f"site{tag}"), lab.ns(f"a{tag}"), lab.ns(f"b{tag}")
    box = Box(lab, name=tag, workers=workers)
    queues = f",qpairs={workers}" if workers > 1 else ""
    ours, theirs = box.wan(site, extra=queues)
    box.port("lan0", near, "eth0", extra=queues)
    near.address("eth0", "198.18.100.1/24")
    box.put("meter", name="sold", cir_bps=SLICE, cbs_bytes=BURST, pir_bps=SLICE, pbs_bytes=BURST)
    box.put("meter", name="out", cir_bps=OUT, cbs_bytes=BURST, pir_bps=OUT, pbs_bytes=BURST)
    box.slice("blue", 100, [("lan0", None)], [f"to-site{tag}"], meter="sold")
    box.put("attachment", name="blue-lan0", slice="blue", port="lan0", meter_out="out")
    kernel_vxlan(site, far, 100, theirs, ours, "198.18.100.2/24")
    equal(ping(near, "198.18.100.2", 5), 5, f"{tag}: pings")

    before = {key: one["packets"] for key, one in box.rpc.stats("worker").items()}
    flood_udp(box, f"{tag}, slice", near, far, "slice", "blue", "meter_", SLICE, False, "slice_meter_red")
    shares = [one["packets"] - before[key] for key, one in box.rpc.stats("worker").items()]
    print(f"{tag}: packets by worker: {shares}")
    at_least(min(shares), 100, f"{tag}: every worker had a part of the flows")
    flood_udp(box, f"{tag}, attachment out", near, far, "attachment", "blue-lan0", "meter_out_", OUT, True, "meter_out_red")

    # TCP finds the rate by itself; a new burst holds at once. The burst is what it may catch up on after a timeout
    burst = 1000000
    box.put("meter", name="sold", cir_bps=SLICE, cbs_bytes=burst, pir_bps=SLICE, pbs_bytes=burst)
    for options in ("", "-P 4"):
        counts = meter_of(box, "slice", "blue", "meter_")
        due = SLICE * 1448 / 1514
        rate = settled(lambda options=options: iperf(near, far, "198.18.100.2", seconds=TCP_SECONDS, options=f"-O 2 {options}") * 1e6,
                       lambda got: got >= 0.9 * due)
        print(f"{tag}: TCP {options or 'one stream'}: {rate / 1e6:.2f} Mbit/s of payload, {due / 1e6:.2f} are sold")
        check((0.6 if QUICK else 0.8) * due <= rate <= due * 1.02 + 8 * burst / TCP_SECONDS, f"{tag}: TCP at {rate / 1e6:.2f} Mbit/s")
        at_least(meter_of(box, "slice", "blue", "meter_")["red"][0] - counts["red"][0], 1, f"{tag}: TCP was told by drops")
    box.quiet()   # two readings follow, and the last acknowledgements of iperf3 may still be on their way
    total = box.rpc.stats("meter")["sold"]
    equal({color: (total[f"{color}_packets"], total[f"{color}_bytes"]) for color in ("green", "yellow", "red")},
          meter_of(box, "slice", "blue", "meter_"), f"{tag}: a meter's counters are those of its one use")
    box.ledger()
    box.stop()


def test(lab):
    for workers in (1, 2):
        one(lab, workers)


run(test)
