#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ports, attachments, slices and tunnels come and go while two others carry traffic: nothing of theirs is lost.

    host a ─── lan0 [blue 100] ┬ wan0 ═══ site ── host b        a pings b all the time
                               │
    x0 x1 x2 … come and go ────┘ [green 300] with macs, members and a tunnel
"""
import time

from lib import Box, Pings, RpcError, Watcher, at_least, check, diff, drops_of, equal, kernel_vxlan, ping, run, wait_for

ROUNDS = 9


def churn(box, lab, number):
    extra = lab.ns("extra")
    port = f"x{number}"
    if port not in box.ns.interfaces():
        lab.wire(box.ns, port, extra, port)
        box.ns.quiet_interface(port)
        extra.quiet_interface(port)
    box.put("port", name=port, device=box.device(port))
    box.put("slice", name="green", vni=300)
    for vlan in (None, 10, 20):
        tag = {"vlan": vlan} if vlan else {}
        box.put("attachment", name=f"green-{vlan}", slice="green", port=port, **tag)
    box.put("tunnel", name="to-nowhere", encap="vxlan", local="198.18.0.1", remote="198.18.0.9")
    box.put("member", slice="green", tunnel="to-nowhere")
    box.rpc.put("mac", [{"slice": "green", "mac": f"02:00:00:01:{i >> 8:02x}:{i & 255:02x}", "attachment": "green-10"} for i in range(1000)])
    raw = extra.raw(port)
    raw.send(*[b"\xff" * 6 + bytes.fromhex("020000000077") + b"\x88\xb5" + b"c" * 50] * 20)
    # in use: refused by name, and nothing changed
    for kind, key in (("port", port), ("slice", "green"), ("tunnel", "to-nowhere")):
        try:
            box.delete(kind, key)
            check(False, f"deleting {kind} {key} in use was not refused")
        except RpcError as error:
            equal(error.code, -32002, f"error code for deleting {kind} {key} in use")
    raw.send(*[b"\xff" * 6 + bytes.fromhex("020000000077") + b"\x88\xb5" + b"c" * 50] * 20)
    box.delete("mac", *[f"green 02:00:00:01:{i >> 8:02x}:{i & 255:02x}" for i in range(1000)])
    box.delete("member", "green to-nowhere")
    box.delete("tunnel", "to-nowhere")
    box.delete("attachment", "green-None", "green-10", "green-20")
    box.delete("slice", "green")
    box.delete("port", port)


def too_many(box):
    """As many ports as DPDK has devices, each with the smallest pool there is; one more is a matter of capacity, not of luck."""
    there = box.list("port")
    ports = [{"name": f"n{i}", "device": f"net_null{i},no-rx=1", "mbufs": 256} for i in range(65)]
    try:
        box.rpc.put("port", ports)
        check(False, "65 ports and more were taken")
    except RpcError as error:
        equal((error.code, error.data["path"].split(".")[-1]), (-32003, "device"), f"error for a port too many ({error})")
        room = error.data["limit"] - len(there) - sum(port["tap"] for port in there)
    equal(box.list("port"), there, "ports after the refusal")
    box.rpc.put("port", ports[:room])
    box.delete("port", *[port["name"] for port in ports[:room]])


def test(lab):
    a, b, site = lab.ns("a"), lab.ns("b"), lab.ns("site")
    box = Box(lab)
    box.port("lan0", a, "eth0")
    a.address("eth0", "198.18.100.1/24")
    ours, theirs = box.wan(site)
    box.slice("blue", 100, [("lan0", None)], ["to-site"])
    kernel_vxlan(site, b, 100, theirs, ours, "198.18.100.2/24")
    wait_for(lambda: ping(a, "198.18.100.2", 1, wait=1) == 1, "the first ping")
    before = box.ledger()
    pings = Pings(a, "198.18.100.2", 0.005)
    started = time.monotonic()
    for number in range(ROUNDS):
        churn(box, lab, number % 3)
    print(f"{ROUNDS} rounds in {time.monotonic() - started:.1f} s")
    sent, got = pings.stop()
    print(f"pings through the churn: {sent} sent, {got} back")
    at_least(sent, 50, "pings sent meanwhile")
    equal(got, sent, "pings back")
    too_many(box)
    equal(sorted(port["name"] for port in box.list("port")), ["lan0", "wan0"], "ports that are left")
    equal([len(box.list(kind)) for kind in ("slice", "attachment", "tunnel", "member")], [1, 1, 1, 1], "objects that are left")
    now = box.quiet()
    change = diff(before, now)
    # the ports are gone and their counters with them, so here the ledger is that of what stayed
    equal({reason for reason in drops_of(change) if reason.startswith(("tx", "port_tx", "no_tap"))}, set(), "losses of the traffic that stayed")

    # a wire goes down and comes back, with frames for it all the time: nobody waits for it, and it works again
    box.tap_port("x9")
    box.put("attachment", name="blue-x9", slice="blue", port="x9")
    watcher = Watcher(box, "link")
    for space, interface, works in ((box.ns, "x9k", True), (a, "eth0", False)):  # AF_PACKET's driver does not tell of links
        pinger = b.popen("ping -n -b -i 0.01 198.18.100.255")  # flooded: to lan0 and to x9
        flooded = box.rpc.stats("box")["box"]["replicated"]
        wait_for(lambda: box.rpc.stats("box")["box"]["replicated"] > flooded + 5, "frames for the wire")
        space.ip(f"link set {interface} down")
        if works:
            watcher.expect("link.down", port="x9")
        time.sleep(0.5)
        box.alive()
        space.ip(f"link set {interface} up")
        if works:
            watcher.expect("link.up", port="x9")
        lab.end(pinger)
    wait_for(lambda: ping(b, "198.18.100.1", 1, wait=1) == 1, "the first ping after the wires came back")
    equal(ping(b, "198.18.100.1", 5), 5, "pings after that")
    box.quiet()


run(test)
