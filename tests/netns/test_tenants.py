#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: once
"""Two tenants with the same addresses, the same MACs and, in the end, the same TCP ports at the same time.

    blue 198.18.100.1 ─── lan0 [blue 100] ┐                 ┌ vx100 in blueb 198.18.100.2
                                          ├ wan0 ═════ site ┤
    red  198.18.100.1 ─── lan1 [red 200]  ┘                 └ vx200 in redb  198.18.100.2
    on both sides: MAC 02:00:00:00:00:01 here, 02:00:00:00:00:02 there
"""
import json
import threading

from lib import CONGESTION, Box, at_least, check, diff, drops_of, equal, iperf_server, kernel_vxlan, listening, ping, run, wait_for

HERE, THERE = "02:00:00:00:00:01", "02:00:00:00:00:02"
BANNER = """
import socket, sys
listener = socket.create_server(("198.18.100.2", 7000))
while True:
    peer, _ = listener.accept()
    peer.sendall(sys.argv[1].encode())
    peer.close()
"""
ASK = """
import socket, sys
try:
    print(socket.create_connection(("198.18.100.2", 7000), 10).recv(100).decode())
except OSError as error:
    print(type(error).__name__)
"""


def ask(space):
    return space.run(["/usr/bin/python3", "-c", ASK]).strip()


def stream(client, reverse, result):
    # another port the other way: the one before may rest in TIME_WAIT
    out = client.run(f"iperf3 -c 198.18.100.2 -p 5201 --cport {40001 if reverse else 40000} -t 2 -J --connect-timeout 10000 {'-R' if reverse else ''}", check_status=False)
    answer = json.loads(out)
    result[client.name] = answer.get("error") or answer["end"]["sum_received"]["bytes"]


def test(lab):
    site, names = lab.ns("site"), ("blue", "red")
    box = Box(lab)
    ours, theirs = box.wan(site)
    for number, name in enumerate(names):
        box.port(f"lan{number}", lab.ns(name), "eth0", peer_mac=HERE)
        lab.ns(name).address("eth0", "198.18.100.1/24")
        box.slice(name, 100 * (number + 1), [(f"lan{number}", None)], ["to-site"])
        kernel_vxlan(site, lab.ns(f"{name}b"), 100 * (number + 1), theirs, ours, "198.18.100.2/24", mac=THERE)

    for name, other in (("blue", "red"), ("red", "blue")):
        before = box.quiet()
        equal(ping(lab.ns(name), "198.18.100.2", 5), 5, f"pings of {name}")
        change = diff(before, box.ledger())
        at_least(change[f"slice {name} in_packets"], 10, f"slice {name} in")
        equal([key for key in change if f" {other} " in key or f" {other}-" in key], [], f"counters of {other} that moved")
        equal(drops_of(change), {}, "drops")

    # the same MAC stands in both slices, behind different doors
    macs = {(mac["slice"], mac["mac"]): mac.get("attachment") or mac.get("tunnel") for mac in box.list("mac")}
    equal({key: door for key, door in macs.items() if key[1] in (HERE, THERE)},
          {("blue", HERE): "blue-lan0", ("blue", THERE): "to-site", ("red", HERE): "red-lan1", ("red", THERE): "to-site"},
          "the MAC table")

    # who answers?
    servers = {name: lab.ns(f"{name}b").popen(["/usr/bin/python3", "-c", BANNER, name]) for name in names}
    for name in names:
        wait_for(lambda space=lab.ns(f"{name}b"): listening(space, 7000), f"{name}'s banner")
        equal(ask(lab.ns(name)), name, f"the answer that {name} gets")
    lab.end(servers["blue"])
    equal(ask(lab.ns("blue")), "ConnectionRefusedError", "blue, with blue's server gone and red's still there")
    equal(ask(lab.ns("red")), "red", "red, meanwhile")

    # identical 5-tuples at the same moment, each way
    for reverse in (False, True):
        servers = [iperf_server(lab.ns(f"{name}b"), "198.18.100.2") for name in names]
        before, results = box.snapshot(), {}
        threads = [threading.Thread(target=stream, args=(lab.ns(name), reverse, results)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for server in servers:
            lab.end(server)  # gone before the next is looked for
        change = diff(before, box.ledger())
        for name in names:
            check(isinstance(results.get(name), int), f"iperf3 of {name}: {results.get(name)}")
            at_least(change[f"slice {name} in_bytes"], results[name], f"bytes through slice {name}")
            print(f"{name} {'back' if reverse else 'out'}: {results[name]} bytes of TCP, slice in {change[f'slice {name} in_bytes']}")
        check(set(drops_of(change)) <= CONGESTION, f"drops: {drops_of(change)}")


run(test)
