#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: release
"""QERs hold to their rates and URRs count every byte, against what the peers really received: downlink at the gNB, a plain
UDP socket; uplink at the internet host, another.

    gnb 198.18.0.2 (a UDP socket) ══ n3 box ── lan0 [net 1000] ── internet 198.18.60.2
"""
import socket
import struct
import threading
import time

from lib import QUICK, Box, check, equal, run, settled, wait_for
from mobile import SO_RCVBUFFORCE, RawEnd, chosen, l3_slice, underlay

UE, GNB_TEID, SIZE = "198.18.50.1", 0x77, 1000
SO_TIMESTAMPNS = 35
SECONDS = 4 if QUICK else 10
RATE = 8_000_000  # bits a second of inner packets, each way


def ipv4_udp(source, destination, sport, dport, payload):
    """An IPv4 packet with its checksum; UDP goes without."""
    total = 28 + len(payload)
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, total, 0, 0x4000, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(destination))
    words = sum(struct.unpack("!10H", header))
    words = (words & 0xffff) + (words >> 16)
    header = header[:10] + struct.pack("!H", ~(words + (words >> 16)) & 0xffff) + header[12:]
    return header + struct.pack("!HHHH", sport, dport, total - 20, 0) + payload


def paced(send, packets_a_second, seconds):
    """Calls send() evenly; returns how often."""
    start, sent = time.monotonic(), 0
    while True:
        now = time.monotonic() - start
        if now >= seconds:
            return sent
        while sent < now * packets_a_second:
            send()
            sent += 1
        time.sleep(0.001)


class Counter(threading.Thread):
    """Receives on a socket until stopped, and then what is there: packets, bytes, and those between two moments. When a packet
    came the kernel says: this thread may be without a CPU."""

    def __init__(self, sock, inner):
        super().__init__(daemon=True)
        self.sock, self.inner, self.got, self.stopping = sock, inner, [], False
        sock.settimeout(0.2)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.start()

    def run(self):
        while True:
            last = self.stopping
            try:
                data, ancillary, _, _ = self.sock.recvmsg(65535, 64)
            except TimeoutError:
                if last:
                    return
                continue
            size = self.inner(data)
            if size:
                seconds, ns = struct.unpack("qq", ancillary[0][2])
                self.got.append((seconds + ns / 1e9, size))

    def stop(self):
        self.stopping = True
        self.join()

    def __repr__(self):
        return f"{self.rate_bps() / 1e6:.4f} Mbit/s"

    def total(self):
        return len(self.got), sum(size for _, size in self.got)

    def rate_bps(self):
        """Without the first second, when the burst is used up."""
        first, last = self.got[0][0] + 1.0, self.got[-1][0]
        return 8 * sum(size for when, size in self.got if first < when <= last) / (last - first)


def stats(box):
    return box.rpc.call("stats", {"type": "session"})["objects"]["ue-1"]


def test(lab):
    gnb, internet = lab.ns("gnb"), lab.ns("internet")
    box = Box(lab)
    (n3, gnb4), _ = underlay(box, "n3", gnb, 0)
    there, _ = l3_slice(box, "net", 1000, "lan0", internet, 60)
    box.put("gtpu", name="n3", address=n3, interface="access")
    answer = box.put("session", name="ue-1", slice="net", ue={"ipv4": UE}, pdrs=[
        {"id": 1, "precedence": 255, "source": "access", "gtpu": "n3", "outer_header_removal": 0, "far": 1, "qers": [1, 2], "urrs": [1]},
        {"id": 2, "precedence": 255, "source": "core", "far": 2, "qers": [1, 2], "urrs": [1]}],
        fars=[{"id": 1, "action": "forward", "destination": "core"},
              {"id": 2, "action": "forward", "destination": "access", "outer_header": {"teid": GNB_TEID, "peer": gnb4}}],
        qers=[{"id": 1, "mbr_ul_bps": RATE, "mbr_dl_bps": RATE}, {"id": 2, "mbr_ul_bps": 10 * RATE, "mbr_dl_bps": 10 * RATE, "qfi": 5}],
        urrs=[{"id": 1, "measure": ["volume"]}])
    teid = chosen(answer, 1)
    end = RawEnd(gnb, gnb4, n3)
    with internet.entered():
        host = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        host.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        host.bind((there, 5000))
    payload = bytes(SIZE - 28)

    def down():
        # behind the GTP-U header with its container; other messages (echo requests) are not counted
        counter = Counter(end.sock, lambda data: len(data) - 16 if data[1] == 255 else 0)
        sent = paced(lambda: host.sendto(payload, (UE, 6000)), 2 * RATE / 8 / SIZE, SECONDS)
        box.quiet()
        counter.stop()
        return counter, sent

    def up():
        packet = ipv4_udp(UE, there, 6000, 5000, payload)
        counter = Counter(host, lambda data: len(data) + 28)
        sent = paced(lambda: end.send(teid, packet), 2 * RATE / 8 / SIZE, SECONDS)
        box.quiet()
        counter.stop()
        return counter, sent

    # the neighbour is found first
    end.send(teid, ipv4_udp(UE, there, 6000, 5000, payload))
    wait_for(lambda: (end.send(teid, ipv4_udp(UE, there, 6000, 5000, payload)), stats(box)["ul_packets"] > 3)[1], "packets up")
    host.settimeout(0.5)
    try:
        while host.recv(65535):
            pass
    except TimeoutError:
        pass

    for name, measure in (("down", down), ("up", up)):
        before = box.quiet()
        counted = stats(box)

        def once():
            nonlocal before, counted
            before, counted = box.quiet(), stats(box)
            return measure()

        counter, sent = settled(once, lambda value: abs(value[0].rate_bps() / RATE - 1) <= 0.01)
        box.quiet()
        now = stats(box)
        rate = counter.rate_bps()
        print(f"{name}: {sent} sent, {counter.total()[0]} received, {rate / 1e6:.4f} Mbit/s of {RATE / 1e6:.0f}")
        check(abs(rate / RATE - 1) <= 0.01, f"rate {name}: {rate} instead of {RATE}")
        short = "dl" if name == "down" else "ul"
        packets, size = (now[f"{short}_{what}"] - counted[f"{short}_{what}"] for what in ("packets", "bytes"))
        equal((packets, size), counter.total(), f"packets and bytes {name}, counted and received")
        equal(now["urrs"]["1"][f"{short}_bytes"] - counted["urrs"]["1"][f"{short}_bytes"], size, f"the URR's bytes {name}")
        equal(now["dropped"] - counted["dropped"], sent - packets, f"dropped {name}")


run(test)
