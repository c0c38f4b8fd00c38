#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the pcap files that the benchmarks loop over (net_pcap, infinite_rx=1).

Classic pcap, 65,536 packets, N distinct flows, every flow equally often, in a random order that is the same on
every run. `plain` is what a tenant sends, `vxlan` the same frames as the peer site sends them to this box.
Called by scripts/bench through write_pcap(), or by hand; owns nothing but the file it writes.
"""
import argparse
import functools
import os
import random
import struct
import sys
from dataclasses import dataclass

PACKETS = 65536
SEED = 20240521
VNI = 100
VLAN = 10
VXLAN_PORT, GENEVE_PORT = 4789, 6081
GENEVE_OPTION = struct.pack(">HBBI", 0x0102, 0x33, 1, 0x01020304)
LOCAL4, REMOTE4 = "198.18.0.1", "198.18.0.2"
LOCAL6, REMOTE6 = "2001:2:0:1::1", "2001:2:0:1::2"
LOCAL_MAC, REMOTE_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"  # this box, and the next hop

PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
UDP_PAYLOAD4, UDP_PAYLOAD6 = 18, 8  # 14 + 20 + 8 + 18 = 60; 14 + 40 + 8 + 8 = 70


@dataclass(frozen=True)
class Shape:
    """What one file holds."""
    flows: int = 1024
    encap: str = "plain"   # plain | vxlan
    outer: int = 4         # IP version of the underlay
    inner: int = 4         # IP version of the tenant
    vlan: int = 0          # tag of a plain frame, 0 = none; of many slices, of the first
    access_vlan: int = 0   # tag of the attachment that decapsulated frames leave by, 0 = none; of many slices, of the first
    slices: int = 1
    tunnels: int = 1       # at least as many as slices
    wire: str = "vxlan"     # | geneve, with two words of options: what a tunnel puts around a frame
    tcp: bool = False       # ACKs instead of UDP inside
    mss_clamp: bool = False  # of the slices
    routes: int = 0        # of a slice that routes; 0: it bridges
    packets: int = PACKETS
    rate_bps: int = 0      # the underlay port is shaped; no matter of the file
    meters: bool = False   # at every attachment, in and out, and at every slice; all traffic conforms

    def name(self):
        parts = [self.encap if self.encap == "plain" else self.wire] + (["tcp"] if self.tcp else []) + ([f"u{self.outer}"] if self.encap == "vxlan" else [])
        parts += [f"i{self.inner}"] + ([f"vlan{self.vlan}"] if self.vlan else [])
        parts += [f"s{self.slices}", f"t{self.tunnels}"] if self.slices > 1 else []
        parts += [f"r{self.routes}"] if self.routes else []
        return "-".join(parts + [str(self.flows)]) + (f"-{self.packets}" if self.packets != PACKETS else "")


def scramble(index):
    """A one-to-one map of 24 bits, so that neighbouring flows do not have neighbouring MACs."""
    index = (index * 0x9E3779 + 0x5BD1E9) & 0xFFFFFF
    index ^= index >> 11
    return (index * 0x2545F5) & 0xFFFFFF


def source_mac(flow):
    return b"\x02\x5a\x01" + scramble(flow).to_bytes(3, "big")


def destination_mac(flow):
    return b"\x02\x5a\x02" + scramble(flow).to_bytes(3, "big")


def slice_of(flow, shape):
    return flow % shape.slices


def tunnel_of(flow, shape):
    """A slice's tunnels are every so many; its flows take them in turn."""
    of_slice = slice_of(flow, shape)
    count = (shape.tunnels - of_slice - 1) // shape.slices + 1
    return of_slice + flow // shape.slices % count * shape.slices


def remote4(tunnel, shape):
    """The far end of a tunnel: next door when there is one, else behind a router."""
    return REMOTE4 if shape.tunnels == 1 else f"198.19.{tunnel >> 8}.{tunnel & 255}"


def gateway_mac(vni=VNI):
    """What a slice that routes answers with unless told otherwise."""
    return b"\x02\x5c" + vni.to_bytes(3, "big") + b"\x01"


# Of 100 routes, roughly as lengths are spread in the Internet's tables.
LENGTHS4 = [24] * 58 + [22] * 11 + [23] * 10 + [21] * 5 + [20] * 5 + [19] * 3 + [18] * 2 + [16] * 2 + [17, 15, 14, 32]
LENGTHS6 = [48] * 47 + [32] * 14 + [44] * 8 + [40] * 8 + [36] * 5 + [46] * 4 + [42] * 3 + [64] * 3 + [33, 34, 38, 29, 47, 45, 56, 128]


@functools.lru_cache(maxsize=4)
def route_list(count, version):
    """`count` different prefixes as (address as a number, length), the same on every run."""
    draw, bits, found = random.Random(SEED + version), 32 if version == 4 else 128, {}
    lengths = LENGTHS4 if version == 4 else LENGTHS6
    while len(found) < count:
        length = lengths[draw.randrange(len(lengths))]
        top = draw.randrange(16 << 24, 100 << 24) if version == 4 else 0x2000 << 112 | draw.getrandbits(112)
        found[(top >> (bits - length) << (bits - length), length)] = None
    return list(found)


@functools.lru_cache(maxsize=4)
def route_targets(shape):
    """An address in one of the prefixes for each flow, none too often."""
    draw, prefixes = random.Random(SEED), route_list(shape.routes, shape.inner)
    bits = 32 if shape.inner == 4 else 128
    return [base | draw.getrandbits(bits - length) if length < bits else base
            for base, length in (prefixes[draw.randrange(len(prefixes))] for _ in range(shape.flows))]


def mac_text(mac):
    return ":".join(f"{byte:02x}" for byte in mac)


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def ip_bytes(text):
    import socket
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ipv4_header(src, dst, payload_bytes, ttl=64, ident=0, df=0x4000, proto=17):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + payload_bytes, ident, df, ttl, proto, 0, src, dst)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:]


def ipv6_header(src, dst, payload_bytes, label=0):
    return struct.pack(">IHBB16s16s", 0x60000000 | label, payload_bytes, 17, 64, src, dst)


def udp6_checksum(src, dst, datagram):
    pseudo = src + dst + struct.pack(">IHBB", len(datagram), 0, 0, 17)
    return checksum(pseudo + datagram) or 0xFFFF


def tcp_ack(sport, dport, src, dst):
    ack = struct.pack(">HHIIBBHHH", sport, dport, 1, 1, 5 << 4, 0x10, 65000, 0, 0)
    pseudo = src + dst + struct.pack(">HH", 6, len(ack))
    return ack[:16] + struct.pack(">H", checksum(pseudo + ack)) + ack[18:]


def tenant_frame(flow, shape):
    """Ethernet, perhaps a tag, IPv4 or IPv6, UDP: 60 bytes with IPv4 and no tag."""
    sport, dport = 1024 + flow % 60000, 5001 + (flow >> 8) % 64
    ether = (gateway_mac() if shape.routes else destination_mac(flow)) + source_mac(flow)
    if shape.vlan:
        ether += struct.pack(">HH", 0x8100, shape.vlan + slice_of(flow, shape))
    if shape.inner == 4:
        to = route_targets(shape)[flow] if shape.routes else 0x0A400000 + flow
        src, dst = struct.pack(">I", 0x0A000100 + flow), struct.pack(">I", to)
        if shape.tcp:
            ack = tcp_ack(sport, dport, src, dst) + bytes(6)
            return ether + b"\x08\x00" + ipv4_header(src, dst, 20, proto=6) + ack
        udp = struct.pack(">HHHH", sport, dport, 8 + UDP_PAYLOAD4, 0) + bytes(UDP_PAYLOAD4)
        return ether + b"\x08\x00" + ipv4_header(src, dst, len(udp)) + udp
    src = ip_bytes("fd00:a::") [:12] + struct.pack(">I", flow)
    dst = (route_targets(shape)[flow].to_bytes(16, "big") if shape.routes
           else ip_bytes("fd00:b::")[:12] + struct.pack(">I", flow))
    udp = struct.pack(">HHHH", sport, dport, 8 + UDP_PAYLOAD6, 0) + bytes(UDP_PAYLOAD6)
    udp = udp[:6] + struct.pack(">H", udp6_checksum(src, dst, udp)) + udp[8:]
    return ether + b"\x86\xdd" + ipv6_header(src, dst, len(udp)) + udp


def vxlan_frame(flow, shape):
    """The tenant's frame as the peer sends it here; entropy of the flow in the source port (RFC 7348)."""
    inner = tenant_frame(flow, shape)
    vni = VNI + slice_of(flow, shape) << 8
    geneve = shape.wire == "geneve"
    header = struct.pack(">II", 0x02006558, vni) + GENEVE_OPTION if geneve else struct.pack(">II", 0x08000000, vni)
    sport = 0xC000 | scramble(flow) & 0x3FFF
    udp = struct.pack(">HHHH", sport, GENEVE_PORT if geneve else VXLAN_PORT, 8 + len(header) + len(inner), 0) + header + inner
    ether = mac_bytes(LOCAL_MAC) + mac_bytes(REMOTE_MAC)
    if shape.outer == 4:
        return ether + b"\x08\x00" + ipv4_header(ip_bytes(remote4(tunnel_of(flow, shape), shape)), ip_bytes(LOCAL4),
                                                  len(udp), df=0) + udp
    src, dst = ip_bytes(REMOTE6), ip_bytes(LOCAL6)
    udp = udp[:6] + struct.pack(">H", udp6_checksum(src, dst, udp)) + udp[8:]
    return ether + b"\x86\xdd" + ipv6_header(src, dst, len(udp)) + udp


def write_pcap(path, shape):
    """Writes the file whole or not at all."""
    if shape.packets % shape.flows:
        raise ValueError(f"{shape.packets} packets cannot hold {shape.flows} flows equally often")
    build = vxlan_frame if shape.encap == "vxlan" else tenant_frame
    records = []
    for flow in range(shape.flows):
        frame = build(flow, shape)
        records.append(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
    order = list(range(shape.flows)) * (shape.packets // shape.flows)
    random.Random(SEED).shuffle(order)
    partial = f"{path}.{os.getpid()}"
    with open(partial, "wb") as out:
        out.write(PCAP_HEADER)
        out.write(b"".join([records[flow] for flow in order]))
    os.replace(partial, path)


def cached_pcap(folder, shape):
    """The file of this shape in folder, written when it is missing or older than this program."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, shape.name() + ".pcap")
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(__file__):
        write_pcap(path, shape)
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--flows", type=int, default=1024)
    parser.add_argument("--packets", type=int, default=PACKETS)
    parser.add_argument("--encap", choices=["plain", "vxlan"], default="plain")
    parser.add_argument("--outer", type=int, choices=[4, 6], default=4, help="IP version of the underlay")
    parser.add_argument("--inner", type=int, choices=[4, 6], default=4, help="IP version of the tenant")
    parser.add_argument("--vlan", type=int, default=0, help="802.1Q tag of a plain frame")
    options = vars(parser.parse_args())
    path = options.pop("file")
    try:
        write_pcap(path, Shape(**options))
    except (ValueError, OSError) as error:
        sys.exit(f"gen_pcap: {error}")


if __name__ == "__main__":
    main()
