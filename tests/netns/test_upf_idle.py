#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A UE that is idle, is paged and moves: what comes for it is held, told of, and delivered in order.

    UE 198.18.200.5 in ── gNB A 198.18.0.2 ─┐
                          gNB B 198.18.0.3 ─┴─ wan0 [n3 198.18.0.1] box [inet] lan0 198.18.101.1 ── dn 198.18.101.2

The gNBs are UDP sockets (gtpu.py); the UE's numbered datagrams say what order they were sent in.
"""
import socket
import struct
import threading
import time

from gtpu import END_MARKER, Peer, echo_reply, udp4
from lib import Box, Pings, Watcher, at_least, check, diff, drops_of, equal, ping, run, wait_for

UE, DN, N3 = "198.18.200.5", "198.18.101.2", "198.18.0.1"
PORT = 5001


class Talker:
    """The data network sends numbered datagrams to the UE."""

    def __init__(self, space):
        with space.entered():
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.sock.bind((DN, PORT))
        self.next, self.going = 0, False

    def send(self, count=1):
        for _ in range(count):
            self.sock.sendto(struct.pack("!I", self.next) + b"x" * 100, (UE, PORT))
            self.next += 1

    def stream(self):
        def loop():
            while self.going:
                self.send(2)
                time.sleep(0.001)
        self.going = True
        self.thread = threading.Thread(target=loop, daemon=True)
        self.thread.start()

    def stop(self):
        self.going = False
        self.thread.join()


def numbers(peer, teid=None):
    """Of the datagrams that reached the UE behind this gNB, as they came."""
    return [struct.unpack("!I", got.payload[28:32])[0] for got in peer.data(teid)
            if got.payload[9] == 17 and got.payload[22:24] == struct.pack("!H", PORT)]


def session(box, far, **more):
    answer = box.put("session", name="ue", slice="inet", ue={"ipv4": UE}, pdrs=[
        {"id": 1, "precedence": 100, "source": "access", "gtpu": "n3", "outer_header_removal": 0, "far": 1},
        {"id": 2, "precedence": 100, "source": "core", "far": 2}],
        fars=[{"id": 1, "action": "forward", "destination": "core"}, {"id": 2, **far}], **more)
    return answer


def forward(peer, teid, **more):
    return {"action": "forward", "destination": "access", "outer_header": {"teid": teid, "peer": peer.address}, **more}


IDLE = {"action": "buffer", "notify_cp": True}


def dropped(box, before):
    return drops_of(diff(before, box.quiet()))


def paging(box, talker, a, events):
    """Idle → data → event → forward: in order, and what is sent meanwhile behind it."""
    session(box, IDLE, bar={"id": 1})
    talker.send(20)
    event = events.expect("downlink_data", session="ue")
    equal(event["pdr_id"], 2, "PDR of the event")
    box.quiet()
    time.sleep(0.3)
    equal(len([e for e in events.poll() if e["event"] == "downlink_data"]), 1, "events for 20 packets")
    equal(numbers(a), [], "what reached the gNB while the UE was idle")
    equal(box.rpc.stats("session")["ue"]["held"], 20, "held for the session")
    equal(box.ledger()["box held"], 20, "held in the box")
    talker.stream()
    time.sleep(0.01)
    session(box, forward(a, 0x100))
    wait_for(lambda: len(numbers(a)) >= 200, "the stream reaches the gNB")
    talker.stop()
    wait_for(lambda: len(numbers(a, 0x100)) == talker.next, "everything reaches the gNB")
    equal(numbers(a, 0x100), list(range(talker.next)), "order at the gNB")


def ping_of_an_idle_ue(box, dn, a, teid_up, events):
    """A ping that begins while the UE is idle is answered, all of it."""
    session(box, IDLE, bar={"id": 1})
    a.on_data = lambda got: [(teid_up, reply) for reply in [echo_reply(got.payload)] if reply]
    seen = len([e for e in events.poll() if e["event"] == "downlink_data"])
    pings = Pings(dn, UE, 0.1)
    wait_for(lambda: len([e for e in events.poll() if e["event"] == "downlink_data"]) > seen, "the event")
    session(box, forward(a, 0x101))
    wait_for(lambda: len(pings.lines()) >= 5, "pings that began while the UE was idle")
    sent, received = pings.stop()
    at_least(sent, 3, "pings that began while the UE was idle")
    equal(received, sent, "pings that were answered, from the first on")
    equal(ping(dn, UE, 5), 5, "pings of the awake UE")


def handover(box, talker, a, b, teid):
    """Under a stream: the end marker is the last thing in the old tunnel, nothing is lost, doubled or out of order."""
    first = talker.next
    session(box, forward(a, teid))
    talker.stream()
    wait_for(lambda: len(numbers(a, teid)) >= 100, "the stream reaches gNB A")
    session(box, forward(b, teid + 1, end_marker=True))
    wait_for(lambda: len(numbers(b, teid + 1)) >= 100, "the stream reaches gNB B")
    talker.stop()
    last = talker.next - 1
    wait_for(lambda: numbers(b, teid + 1)[-1] == last, "the last datagram")
    wait_for(lambda: any(got.kind == END_MARKER and got.teid == teid for got in list(a.seen)), "the end marker")
    box.quiet()
    old = [got for got in a.seen if got.teid == teid]
    markers = [got for got in old if got.kind == END_MARKER]
    equal(len(markers), 1, "end markers at gNB A")
    check(old[-1] is markers[0], "the end marker is the last in the old tunnel")
    check(not [got for got in b.seen if got.kind == END_MARKER and got.teid == teid + 1], "no end marker in the new tunnel")
    equal(numbers(a, teid) + numbers(b, teid + 1), list(range(first, last + 1)), "what reached A, then B")


def bounds(box, talker):
    """A BAR bounds what is held; what was held when the session goes is dropped by its name."""
    before = box.ledger()
    session(box, IDLE, bar={"id": 1, "packets": 5})
    talker.send(12)
    wait_for(lambda: dropped(box, before).get("hold_full") == 7, "all but five are dropped")
    session(box, {"action": "drop"})
    wait_for(lambda: dropped(box, before).get("hold_dropped") == 5, "the five are dropped")
    session(box, IDLE)
    talker.send(3)
    box.quiet()
    box.delete("session", "ue")
    wait_for(lambda: dropped(box, before).get("hold_dropped") == 8, "those of a deleted session are dropped")
    equal(dropped(box, before), {"hold_full": 7, "hold_dropped": 8}, "drops")
    box.ledger()


def test(lab):
    site, dn = lab.ns("site"), lab.ns("dn")
    box = Box(lab)
    box.port("wan0", site, "wan", mtu=1600, tap=True)
    site.address("wan", "198.18.0.2/24", "198.18.0.3/24")
    box.put("address", port="wan0", prefix=f"{N3}/24")
    for gnb in ("198.18.0.2", "198.18.0.3"):
        box.put("neighbor", port="wan0", address=gnb, mac=site.mac("wan"))
    box.put("gtpu", name="n3", address=N3, interface="access", echo_s=0)
    box.port("lan0", dn, "eth0")
    box.put("slice", name="inet", vni=10, kind="l3")
    box.put("attachment", name="inet-lan0", slice="inet", port="lan0")
    box.put("address", attachment="inet-lan0", prefix="198.18.101.1/24")
    dn.address("eth0", f"{DN}/24")
    dn.ip("route add default via 198.18.101.1")
    wait_for(lambda: ping(dn, "198.18.101.1", 1, wait=1) == 1, "the gateway answers")

    events = Watcher(box, "downlink_data")
    a, b = Peer(site, "198.18.0.2", N3), Peer(site, "198.18.0.3", N3)
    talker = Talker(dn)
    teid_up = session(box, IDLE)["chosen"][0]["teid"]

    # uplink goes on while the downlink is held
    box.put("neighbor", attachment="inet-lan0", address=DN, mac=dn.mac("eth0"))
    a.send(teid_up, udp4(UE, DN, PORT, PORT, b"up"))
    talker.sock.settimeout(20)
    equal(talker.sock.recvfrom(100), (b"up", (UE, PORT)), "uplink of an idle UE")

    before = box.ledger()
    paging(box, talker, a, events)
    ping_of_an_idle_ue(box, dn, a, teid_up, events)
    handover(box, talker, a, b, 0x200)
    handover(box, talker, b, a, 0x300)
    lost = dropped(box, before)
    equal({reason: n for reason, n in lost.items() if reason not in ("arp_noted", "routed_group")}, {}, "drops so far")
    at_least(len([e for e in events.poll() if e["event"] == "downlink_data"]), 2, "events: one an idle period")
    bounds(box, talker)
    a.close()
    b.close()


run(test)
