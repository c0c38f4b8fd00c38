#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Four clients change thousands of objects at random, others misbehave, and two hosts talk on: no ping of theirs is lost,
what is left is what was put, memory does not grow, and the ledger adds up.

    host a ─── lan0 [blue 100] ┬ wan0 ═══ site ─── host b        a pings b, iperf3 runs
                               └ … slices, attachments, tunnels, members and MACs of the four clients
"""
import json
import os
import random
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "netns"))
from lib import CONGESTION, QUICK, Box, Client, RpcError, at_least, check, diff, drops_of, equal, iperf, kernel_vxlan, run  # noqa: E402

SECONDS = 6 if QUICK else float(os.environ.get("STRESS_SECONDS", 15))


class Churner(threading.Thread):
    """One client with a part of the name space of its own; it keeps a model of what it has put."""

    def __init__(self, box, number):
        super().__init__()
        self.client, self.number, self.random = Client(box.socket, 60), number, random.Random(number)
        self.slices, self.macs, self.calls, self.refused, self.error = {}, set(), 0, 0, None
        self.stop_at = time.monotonic() + SECONDS

    def call(self, method, params):
        self.calls += 1
        return self.client.call(method, params)

    def add_slice(self):
        slot = self.random.randrange(500)
        name, vni = f"s{self.number}-{slot}", 1000 + self.number * 1000 + slot
        if name in self.slices:
            return
        vlan = 100 + self.number * 500 + slot
        self.call("transaction", {"ops": [
            {"op": "put", "type": "slice", "objects": [{"name": name, "vni": vni}]},
            {"op": "put", "type": "attachment", "objects": [{"name": f"{name}-a", "slice": name, "port": "lan0", "vlan": vlan}]},
            {"op": "put", "type": "tunnel", "objects": [{"name": f"{name}-t", "encap": "vxlan", "local": "198.18.0.1",
                                                         "remote": f"198.18.{10 + self.number}.{1 + slot % 250}", "dst_port": 5000 + slot}]},
            {"op": "put", "type": "member", "objects": [{"slice": name, "tunnel": f"{name}-t"}]}]})
        self.slices[name] = 0

    def add_macs(self):
        if self.slices:
            name = self.random.choice(sorted(self.slices))
            macs = [f"02:{self.number:02x}:{self.random.randrange(256):02x}:00:00:{i:02x}" for i in range(self.random.randrange(1, 200))]
            self.call("put", {"type": "mac", "objects": [{"slice": name, "mac": mac, "attachment": f"{name}-a"} for mac in macs]})
            self.macs |= {f"{name} {mac}" for mac in macs}

    def drop_slice(self):
        if not self.slices:
            return
        name = self.random.choice(sorted(self.slices))
        macs = [key for key in self.macs if key.startswith(name + " ")]
        if macs:  # in use: refused whole
            try:
                self.call("delete", {"type": "attachment", "keys": [f"{name}-a"]})
                raise AssertionError(f"attachment {name}-a with {len(macs)} static MACs was deleted")
            except RpcError as error:
                equal(error.code, -32002, "error code")
                self.refused += 1
        self.call("transaction", {"ops": [
            {"op": "delete", "type": "mac", "keys": macs}, {"op": "delete", "type": "member", "keys": [f"{name} {name}-t"]},
            {"op": "delete", "type": "tunnel", "keys": [f"{name}-t"]}, {"op": "delete", "type": "attachment", "keys": [f"{name}-a"]},
            {"op": "delete", "type": "slice", "keys": [name]}]})
        self.macs -= set(macs)
        del self.slices[name]

    def break_transaction(self):
        """Good operations and a bad last one: nothing of it may stay."""
        try:
            self.call("transaction", {"ops": [
                {"op": "put", "type": "slice", "objects": [{"name": f"ghost{self.number}", "vni": 999000 + self.number}]},
                {"op": "put", "type": "attachment", "objects": [{"name": "ghost", "slice": f"ghost{self.number}", "port": "nowhere"}]}]})
            raise AssertionError("a transaction with an unknown port was taken")
        except RpcError:
            self.refused += 1

    def run(self):
        try:
            while time.monotonic() < self.stop_at:
                self.random.choice((self.add_slice, self.add_slice, self.add_macs, self.drop_slice, self.break_transaction))()
            while self.slices:
                self.drop_slice()
        except Exception as error:  # noqa: BLE001  (told by the test, which waits for it)
            self.error = error
        self.client.close()


def misbehave(path, stop):
    """Half lines, nonsense, huge numbers, watchers that never read, connections dropped in the middle."""
    seed = random.Random(5)
    deaf = []
    while not stop.is_set():
        peer = socket.socket(socket.AF_UNIX)
        try:
            peer.settimeout(2)
            peer.connect(path)
            kind = seed.randrange(6)
            if kind == 0:
                peer.sendall(b'{"jsonrpc":"2.0","id":1,"method":"put","params":{"type":"sli')
            elif kind == 1:
                peer.sendall(seed.randbytes(300) + b"\n" + b"\xff\xfe[[[[\n" + b"[" * 5000 + b"\n")
            elif kind == 2:
                peer.sendall(b'{"jsonrpc":"2.0","id":1,"method":"list","params":{"type":"mac"}}\n' * 50)  # and does not read
            elif kind == 3:
                peer.sendall(b'{"jsonrpc":"2.0","id":1,"method":"put","params":{"type":"slice","objects":[{"name":"x","vni":1e400}]}}\n')
            elif kind == 4 and len(deaf) < 20:
                peer.sendall(b'{"jsonrpc":"2.0","id":1,"method":"watch","params":{"events":["mac","link"]}}\n')
                deaf.append(peer)
                continue
            else:
                peer.sendall(b'{"jsonrpc":"2.0","id":1,"method":"stats","params":{"type":"slice"}}\n')
        except OSError:
            pass
        peer.close()
        time.sleep(0.005)
    for peer in deaf:
        peer.close()


def resident_kb(pid):
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS"))


def test(lab):
    a, b, site = lab.ns("a"), lab.ns("b"), lab.ns("site")
    box = Box(lab)
    box.port("lan0", a, "eth0")
    a.address("eth0", "198.18.100.1/24")
    ours, theirs = box.wan(site)
    box.slice("blue", 100, [("lan0", None)], ["to-site"])
    kernel_vxlan(site, b, 100, theirs, ours, "198.18.100.2/24")
    a.run("ping -c 1 -W 2 198.18.100.2")
    before = box.ledger()
    kept = {kind: box.list(kind) for kind in ("port", "slice", "attachment", "member")}

    stop = threading.Event()
    vandal = threading.Thread(target=misbehave, args=(box.socket, stop))
    churners = [Churner(box, number) for number in range(4)]
    for thread in (vandal, *churners):
        thread.start()
    resident = []
    rate = iperf(a, b, "198.18.100.2")
    # not beside iperf3: on a machine of two CPUs that fills AF_PACKET's ring, and its losses are the kernel's
    pinger = a.popen("ping -n -i 0.01 198.18.100.2")
    while any(churner.is_alive() for churner in churners):
        resident.append(resident_kb(box.process.pid))
        time.sleep(0.2)
    stop.set()
    vandal.join()
    pinger.send_signal(2)
    pinger.wait(5)
    for churner in churners:
        check(churner.error is None, f"client {churner.number}: {churner.error}")
    summary = [line for line in open(pinger.log) if "packets transmitted" in line][0]
    sent, got = int(summary.split()[0]), int(summary.split(",")[1].split()[0])
    calls, refused = sum(c.calls for c in churners), sum(c.refused for c in churners)
    print(f"{calls} calls, {refused} of them rightly refused; TCP {rate:.0f} Mbit/s; pings {sent} sent, {got} back; resident {resident[0]} to {resident[-1]} kB")
    at_least(calls, 100, "calls")
    at_least(got, sent - 1 - (sent // 100 if QUICK else 0), "pings back")
    box.alive()
    equal({kind: box.list(kind) for kind in kept}, kept, "objects after everything was taken away")
    equal([mac for mac in box.list("mac") if not mac["learned"]], [], "static MACs that are left")
    change = diff(before, box.ledger())
    check(set(drops_of(change)) <= CONGESTION, f"drops: {drops_of(change)}")
    equal(change.get("slice blue dropped", 0), sum(drops_of(change).values()), "all drops were blue's TCP")
    third = len(resident) // 3
    at_least(max(resident[third:2 * third + 1]) * 1.10 + 4096, resident[-1], "resident memory, first against last third")
    json.dumps(box.rpc.call("schema"))


run(test)
