# SPDX-License-Identifier: BSD-3-Clause
"""A gNB, or another UPF, of plain UDP sockets: GTP-U headers written and read here from TS 29.281 and TS 38.415, not by
the switch's code. One Peer is one address in a namespace that the Lab joined to the box."""
import select
import socket
import struct
import threading
import time

PORT, SO_RCVBUFFORCE = 2152, 33
ECHO_REQUEST, ECHO_RESPONSE, ERROR_INDICATION, END_MARKER, G_PDU = 1, 2, 26, 254, 255


def message(kind, teid, payload=b"", psc=None):
    """psc: (type, qfi) of a PDU Session Container, type 0 downlink, 1 uplink."""
    if psc is None:
        return struct.pack("!BBHI", 0x30, kind, len(payload), teid) + payload
    options = struct.pack("!HBB", 0, 0, 0x85) + struct.pack("!BBBB", 1, psc[0] << 4, psc[1] & 63, 0)
    return struct.pack("!BBHI", 0x34, kind, len(payload) + len(options), teid) + options + payload


class Received:
    """A message taken apart: kind, teid, qfi (None without container), payload, from which address, and when it came."""

    def __init__(self, data, source):
        flags, self.kind, length, self.teid = struct.unpack("!BBHI", data[:8])
        if flags >> 4 != 3 or length != len(data) - 8:
            raise AssertionError(f"no GTP-U: flags {flags:#x}, length {length}, {len(data) - 8} bytes follow")
        at, self.qfi = 8, None
        if flags & 7:
            at, following = 12, data[11] if flags & 4 else 0
            while following:
                size = 4 * data[at]
                if following == 0x85:
                    self.qfi = data[at + 2] & 63
                following, at = data[at + size - 1], at + size
        self.payload, self.source, self.when = data[at:], source, time.monotonic()


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4(source, destination, protocol, payload, ttl=64):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0x4000, ttl, protocol, 0,
                         socket.inet_aton(source), socket.inet_aton(destination))
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def udp4(source, destination, sport, dport, data):
    """An IPv4 packet with a UDP datagram, its checksum left out."""
    return ipv4(source, destination, 17, struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data)


def echo_reply(packet):
    """The answer of a UE to an ICMP echo request over IPv4; None when the packet is none."""
    head = (packet[0] & 15) * 4
    if packet[0] >> 4 != 4 or packet[9] != 1 or packet[head] != 8:
        return None
    icmp = b"\0\0\0\0" + packet[head + 4:]
    icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
    return ipv4(socket.inet_ntoa(packet[16:20]), socket.inet_ntoa(packet[12:16]), 1, icmp)


class Peer:
    """Takes in what comes to (address, 2152) on a thread of its own; what on_data returns is sent back uplink."""

    def __init__(self, space, address, upf):
        self.address, self.upf = address, upf
        with space.entered():
            self.sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
            self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)  # what is let go at once, whatever the machine's limit is
            self.sock.bind((address, PORT))
        self.seen, self.on_data, self.stopping = [], None, False
        self.thread = threading.Thread(target=self._loop, daemon=True)
        self.thread.start()

    def _loop(self):
        while not self.stopping:
            if not select.select([self.sock], [], [], 0.1)[0]:
                continue
            data, source = self.sock.recvfrom(65536)
            got = Received(data, source[0])
            self.seen.append(got)
            if got.kind == ECHO_REQUEST:
                self.sock.sendto(struct.pack("!BBHIHH2s", 0x32, ECHO_RESPONSE, 6, 0,
                                             struct.unpack("!H", data[8:10])[0], 0, b"\x0e\0"), source)
            elif got.kind == G_PDU and self.on_data:
                for teid, packet in self.on_data(got):
                    self.send(teid, packet)

    def send(self, teid, packet, psc=None):
        self.sock.sendto(message(G_PDU, teid, packet, psc), (self.upf, PORT))

    def data(self, teid=None):
        return [got for got in list(self.seen) if got.kind == G_PDU and teid in (None, got.teid)]

    def close(self):
        self.stopping = True
        self.thread.join()
        self.sock.close()
