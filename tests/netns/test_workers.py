#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two workers: a port with a queue for each, ports with one queue for both (so frames are handed over), the same counts.

    host a ─── lan0 (1 queue)  [blue 100] ┬ wan0 (2 queues, tap) ═══ site ┬ host b
    host c ─── lan1 (2 queues) [red 200]  ┘                               └ host d
"""
import threading

from lib import CONGESTION, Box, at_least, check, diff, drops_of, equal, iperf, kernel_vxlan, ping, run


def test(lab):
    site = lab.ns("site")
    box = Box(lab, workers=2)
    ours, theirs = box.wan(site, extra=",qpairs=2")
    pairs = {}
    for number, (name, extra) in enumerate((("blue", ""), ("red", ",qpairs=2"))):
        near, far = lab.ns(name), lab.ns(f"{name}b")
        pairs[name] = (near, far)
        box.port(f"lan{number}", near, "eth0", extra=extra)
        near.address("eth0", "198.18.100.1/24", "2001:db8:100::1/64")
        box.slice(name, 100 * (number + 1), [(f"lan{number}", None)], ["to-site"])
        kernel_vxlan(site, far, 100 * (number + 1), theirs, ours, "198.18.100.2/24", "2001:db8:100::2/64")
    for name, (near, far) in pairs.items():
        before = box.quiet()
        equal(ping(near, "198.18.100.2", 20), 20, f"{name}: IPv4 pings")
        equal(ping(far, "2001:db8:100::1", 20), 20, f"{name}: IPv6 pings")
        change = diff(before, box.ledger())
        at_least(change[f"slice {name} in_packets"], 80, f"slice {name} in")
        equal(drops_of(change), {}, "drops")
    equal(ping(site, ours, 5), 5, "pings to the kernel twin")
    equal(len(box.rpc.stats("worker")), 2, "workers in the stats")

    before, rates = box.ledger(), {}

    def stream(name, reverse):
        near, far = pairs[name]
        try:
            rates[name, reverse] = iperf(near, far, "198.18.100.2", reverse=reverse, options="-P 4")
        except AssertionError as error:
            rates[name, reverse] = error
    for reverse in (False, True):
        threads = [threading.Thread(target=stream, args=(name, reverse)) for name in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    equal(len(rates), 4, "streams that came to an end")
    for key, rate in rates.items():
        check(not isinstance(rate, AssertionError), f"{key}: {rate}")
        print(f"{key[0]} {'back' if key[1] else 'out'}: {rate:.0f} Mbit/s over 4 streams")
    lost = drops_of(diff(before, box.ledger()))
    print(f"drops: {lost}")
    check(set(lost) <= CONGESTION, f"only full queues may lose TCP packets: {lost}")


run(test)
