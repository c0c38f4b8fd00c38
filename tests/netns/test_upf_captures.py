#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What real programs sent (tests/captures: UERANSIM's gNB, Open5GS' EPC, osmo-ggsn's sgsnemu), byte by byte through
the box, which takes the place of the UPF 10.100.0.1 of the captures. Uplink frames must come out as their inner packets,
one hop older; the inner packets of the downlink frames must go out behind the very GTP-U header of the capture; messages
must be answered as their peers were.

    gnb (raw, 10.100.0.2 and .3) ══ n3 10.100.0.1 box ── lan0 [net 1000] ── host (raw, 198.18.60.2, all other networks)
"""
import os

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.utils import rdpcap

from lib import TOP, Box, check, diff, drops_of, equal, run

CAPTURES = os.path.join(TOP, "tests", "captures")
UPF, GNB, GNB2, HOST = "10.100.0.1", "10.100.0.2", "10.100.0.3", "198.18.60.2"
GNB_MAC, HOST_MAC = "02:00:00:00:0e:02", "02:00:00:00:0e:03"


def frames(name, source, message=255):
    """(payload of UDP, packet) of the GTP-U frames that `source` sent, in order."""
    for packet in rdpcap(os.path.join(CAPTURES, f"gtpu-{name}.pcap")):
        if packet.wirelen > len(packet):
            continue  # cut short when it was captured
        if IP in packet and UDP in packet and packet[UDP].dport == 2152 and packet[IP].src == source:
            payload = bytes(packet[UDP].payload)[:packet[UDP].len - 8]
            if payload[1] == message:
                yield payload, packet


def inner(payload):
    return payload[8 if payload[0] & 7 == 0 else 12 if payload[0] & 4 == 0 or payload[11] == 0 else 16:]


def teid(payload):
    return int.from_bytes(payload[4:8], "big")


def older(packet):
    """The packet one hop on: TTL down by one, checksum with it."""
    if packet[0] >> 4 == 6:
        return packet[:7] + bytes([packet[7] - 1]) + packet[8:]
    word = int.from_bytes(packet[10:12], "big") + 0x100
    word = (word & 0xffff) + (word >> 16)
    return packet[:8] + bytes([packet[8] - 1]) + packet[9:10] + word.to_bytes(2, "big") + packet[12:]


def session(name, ue, up, down, peer=GNB, qfi=None):
    return {"name": name, "slice": "net", "ue": ue, "pdrs": [
        {"id": 1, "precedence": 255, "source": "access", "gtpu": "n3", "teid": up, "outer_header_removal": 0, "far": 1},
        {"id": 2, "precedence": 255, "source": "core", "far": 2, **({"qers": [1]} if qfi else {})}],
        "fars": [{"id": 1, "action": "forward", "destination": "core"},
                 {"id": 2, "action": "forward", "destination": "access", "outer_header": {"teid": down, "peer": peer}}],
        "qers": [{"id": 1, "qfi": qfi}] if qfi else []}


class Wires:
    """Both raw ends of the box."""

    def __init__(self, box, gnb, host, mac, gateway):
        self.box, self.gnb, self.host, self.mac, self.gateway = box, gnb, host, mac, gateway

    def send(self, frame):
        """A captured frame to the box's MAC. Its UDP checksum goes: some were captured before a NIC would have written it."""
        self.host.drain()
        self.gnb.drain()
        self.gnb.send(bytes.fromhex(self.mac.replace(":", "")) + bytes(frame)[6:40] + bytes(2) + bytes(frame)[42:])

    def up(self, frame, seconds=5.0):
        """The same; what the host gets."""
        self.send(frame)
        return [f[14:] for f in self.host.receive(lambda f: f[:6] == bytes.fromhex(HOST_MAC.replace(":", "")), seconds=seconds)]

    def down(self, packet):
        """Sends an inner packet from the host; the GTP-U messages that the gNB gets."""
        kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
        self.gnb.drain()
        self.host.send(bytes.fromhex((self.gateway + HOST_MAC).replace(":", "")) + kind + packet)
        return [f[42:] for f in self.messages()]

    def messages(self, seconds=5.0):
        return self.gnb.receive(lambda f: f[12:14] == b"\x08\x00" and f[23] == 17 and f[26:30] == bytes([10, 100, 0, 1]), seconds=seconds)


def younger(packet):
    """So that it is as captured when it leaves the box."""
    copy = IPv6(packet) if packet[0] >> 4 == 6 else IP(packet)
    if packet[0] >> 4 == 6:
        copy.hlim += 1
    else:
        copy.ttl += 1
        del copy.chksum
    return bytes(copy)


def both_ways(wires, capture, up, down, ue, gnb=GNB):
    """All G-PDUs of a capture with these TEIDs, from and to the UE (addresses, or upper halves of them)."""
    ups = downs = 0
    for payload, packet in frames(capture, gnb):
        if teid(payload) != up:
            continue
        source = inner(payload)
        if (source[0] >> 4 == 4 and source[12:16] not in ue) or (source[0] >> 4 == 6 and source[8:10] == b"\xfe\x80"):
            continue
        if source[0] >> 4 == 6 and source[8:16] not in ue:
            continue
        equal(wires.up(packet), [older(source)], f"{capture}: uplink frame {ups + 1}")
        ups += 1
    for payload, packet in frames(capture, UPF):
        if packet[IP].dst != gnb or teid(payload) != down:
            continue
        target = inner(payload)
        if (target[0] >> 4 == 4 and target[16:20] not in ue) or (target[0] >> 4 == 6 and target[24:32] not in ue):
            continue
        equal([m.hex() for m in wires.down(younger(target))], [payload.hex()], f"{capture}: downlink frame {downs + 1}")
        downs += 1
    print(f"{capture}: {ups} up, {downs} down, as captured")
    check(ups > 0 and downs > 0, f"{capture}: frames both ways")


def ip4(text):
    return bytes(int(part) for part in text.split("."))


def test(lab):
    gnb, host = lab.ns("gnb"), lab.ns("host")
    box = Box(lab)
    box.port("n3", gnb, "wan", mtu=1600)
    box.port("lan0", host, "eth0")
    gnb.quiet_interface("wan")
    host.quiet_interface("eth0")
    mac = box.rpc.call("get", {"type": "port", "key": "n3"})["mac_in_use"]
    box.put("address", port="n3", prefix=f"{UPF}/24")
    for address in (GNB, GNB2):
        box.put("neighbor", port="n3", address=address, mac=GNB_MAC)
    box.slice("net", 1000, [("lan0", None)], kind="l3")
    for prefix, hop, everything in (("198.18.60.1/24", HOST, "0.0.0.0/0"), ("2001:db8:60::1/64", "2001:db8:60::2", "::/0")):
        box.put("address", attachment="net-lan0", prefix=prefix)
        box.put("neighbor", attachment="net-lan0", address=hop, mac=HOST_MAC)
        box.put("route", table="net", prefix=everything, via=[{"address": hop, "attachment": "net-lan0"}])
    box.put("gtpu", name="n3", address=UPF, interface="access", echo_s=0)
    wires = Wires(box, gnb.raw("wan"), host.raw("eth0"), mac, "02:5c:00:03:e8:01")

    box.put("session", **session("ueransim", {"ipv4": "10.45.0.2"}, 0x6d0c, 1, qfi=1))
    both_ways(wires, "5gc-ueransim", 0x6d0c, 1, [ip4("10.45.0.2")])
    box.delete("session", "ueransim")

    up = next(teid(payload) for payload, _ in frames("sgsnemu", GNB))
    box.put("session", **session("sgsnemu", {"ipv4": "10.45.0.2"}, up, 1))
    both_ways(wires, "sgsnemu", up, 1, [ip4("10.45.0.2")])
    box.delete("session", "sgsnemu")

    box.put("session", **session("epc", {"ipv4": "10.45.0.2", "ipv6": "2001:db8:cafe:1::/64"}, 0x3584, 0x5005))
    both_ways(wires, "epc", 0x3584, 0x5005, [ip4("10.45.0.2"), bytes.fromhex("20010db8cafe0001")])
    # frame 11: not the UE's address
    spoofed = next(p for payload, p in frames("epc", GNB) if inner(payload)[12:16] == ip4("10.45.200.200"))
    before = box.quiet()
    equal(wires.up(spoofed, 0.3), [], "a spoofed packet passed on")
    equal(drops_of(diff(before, box.quiet())), {"ue_source": 1}, "drops of a spoofed packet")
    # handover: the end marker of the capture, then the new tunnel
    wires.gnb.drain()
    moved = session("epc", {"ipv4": "10.45.0.2", "ipv6": "2001:db8:cafe:1::/64"}, 0x3584, 0x8005, peer=GNB2)
    moved["fars"][1]["end_marker"] = True
    box.put("session", **moved)
    marker = next(payload for payload, _ in frames("epc", UPF, 254))
    equal([f[42:].hex() for f in wires.messages()], [marker.hex()], "the end marker to the old tunnel")
    both_ways(wires, "epc", 0x3584, 0x8005, [ip4("10.45.0.2")], GNB2)

    # messages: echo, and the error indication for a TEID that nobody has
    ask = next(p for _, p in frames("epc", GNB, 1))
    answer = next(payload for payload, _ in frames("epc", UPF, 2))
    wires.send(ask)
    equal([f[42:].hex() for f in wires.messages()], [answer.hex()], "the echo response")
    unknown = next(p for payload, p in frames("epc", GNB) if teid(payload) == 0x7fffff01)
    before = box.quiet()
    wires.send(unknown)
    got = wires.messages()
    equal(len(got), 1, "error indications")
    captured = next(payload for payload, _ in frames("epc", UPF, 26))
    equal(got[0][43], 26, "the message's type")
    equal(got[0][-12:].hex(), captured[-12:].hex(), "TEID Data I and GSN Address of the error indication")
    equal(drops_of(diff(before, box.quiet())), {"gtpu_teid_unknown": 1}, "drops of an unknown TEID")
    check(Ether(got[0])[UDP].dport == 2152, "the error indication's port")


run(test)
