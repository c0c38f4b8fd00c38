# SPDX-License-Identifier: BSD-3-Clause
"""The mobile user plane's traffic and sessions: what cases.py and pairs.py need of it to measure it as anything else.

Uplink: GTP-U with a PDU Session Container from 64 gNBs over IPv4 (104 bytes, inner packet of 46), each packet of another
UE in random order, into a slice that routes to a host on its attachment. Downlink: 60-byte frames from that host to the
UEs, into GTP-U to the gNBs. Every session has a QER (policed, nothing exceeds it) and a URR that counts.

65,536 sessions come from a looped pcap, as everywhere else; more from bench/vary.c, which writes the fields itself: a
pcap of a million packets would measure the memory it is copied from. Owns the files in the data folder."""
import json
import os
import random
import re
import struct
from dataclasses import dataclass

import gen_pcap
from gen_pcap import LOCAL4, LOCAL_MAC, PCAP_HEADER, REMOTE4, REMOTE_MAC, ip_bytes, ipv4_header, mac_bytes, mac_text, scramble

SINK = "net_null0,no-rx=1"
VARY_NAME = "net_null7"
GNBS = 64
HOST_MAC, HOST, GATEWAY = "02:5a:06:00:00:01", "192.168.77.2", "192.168.77.1/24"
TEID_PUT = 0x01000000      # uplink TEIDs in files made before the switch has chosen any
TEID_GNB = 0x20000000
QFI = 9
CHUNK_BYTES = 15 << 20     # of a line of 16 MiB
MAX_PCAP = 65536
CHOSEN_SUFFIX = "-chosen"
MOST_SESSIONS = 1048575
TEID_STEP = 0x9E3779       # shares no factor with a power of two, nor with MOST_SESSIONS


@dataclass(frozen=True)
class Mobile:
    """What gen_pcap.Shape is to others."""
    up: bool = True
    sessions: int = 65536
    pdrs: int = 1          # in the direction that is measured; the last takes everything
    filters: int = 0       # in all, spread over those before the last
    nets: int = 1          # how many networks the UEs talk to; filter k names the k-th
    put: bool = False      # the uplink F-TEIDs are put, as control does, and not chosen by the switch
    routes: int = 1        # for cases.run_switch(): there are no MACs to wait for
    flows: int = 0

    @property
    def varied(self):
        return self.sessions > MAX_PCAP

    def name(self):
        return f"upf-{'up' if self.up else 'down'}-{self.sessions}-{self.nets}"

    def input(self, settings):
        """The file of the yardsticks, which do not look at TEIDs."""
        return write(settings.data, settings.build, self, [TEID_PUT + i for i in range(self.sessions)], "")

    def start(self, switch, source):
        configure(switch, self, source)


@dataclass(frozen=True)
class Source:
    """A device to receive from, and what a program needs to have it."""
    device: str
    environment: dict
    chosen: dict           # the environment of a switch, which gets the file with the TEIDs it chose
    folder: str
    build: str


# ---- packets ----

def ue_address(number):
    return 0x0A000000 | scramble(number)


def gnb(number):
    return f"198.19.1.{number % GNBS + 1}"


def net_address(number, host):
    """A host in the number-th network: 100.64.0.0/24 and so on."""
    return 0x64400000 | number << 8 | 1 + host % 250


def inner_packet(ue, remote, up, sport, dport):
    src, dst = (ue, remote) if up else (remote, ue)
    udp = struct.pack(">HHHH", sport, dport, 26, 0) + bytes(18)
    return ipv4_header(struct.pack(">I", src), struct.pack(">I", dst), len(udp)) + udp


def gtpu_packet(teid, inner, from_gnb):
    """TS 29.281, TS 38.415: E flag, one extension header of type UL with the QFI."""
    gtpu = struct.pack(">BBHI", 0x34, 255, 8 + len(inner), teid) + b"\0\0\0\x85" + bytes([1, 0x10, QFI, 0]) + inner
    udp = struct.pack(">HHHH", 2152, 2152, 8 + len(gtpu), 0) + gtpu
    return (mac_bytes(LOCAL_MAC) + mac_bytes(REMOTE_MAC) + b"\x08\0"
            + ipv4_header(ip_bytes(from_gnb), ip_bytes(LOCAL4), len(udp), df=0) + udp)


def frame(shape, number, teid):
    remote = net_address(number % shape.nets, number)
    if shape.up:
        return gtpu_packet(teid, inner_packet(ue_address(number), remote, True, 1024 + number % 60000, 5001), gnb(number))
    return (gen_pcap.gateway_mac() + mac_bytes(HOST_MAC) + b"\x08\0"
            + inner_packet(ue_address(number), remote, False, 5001, 1024 + number % 60000))


def order_of(shape):
    """UEs in random order, the same on every run."""
    order = list(range(shape.sessions)) * max(1, MAX_PCAP // shape.sessions)
    random.Random(gen_pcap.SEED).shuffle(order)
    return order


def write(folder, build, shape, teids, suffix):
    os.makedirs(folder, exist_ok=True)
    if shape.varied:
        path = os.path.join(folder, shape.name() + suffix + ".vary")
        write_varied(path, shape, teids)
        environment = {"LD_PRELOAD": os.path.join(build, "bench", "libvary.so"), "VARY_DEVICE": VARY_NAME, "VARY_FILE": path}
        return Source(f"{VARY_NAME},size={len(frame(shape, 0, 0))}", environment,
                      {**environment, "VARY_FILE": path.removesuffix(".vary") + CHOSEN_SUFFIX + ".vary"}, folder, build)
    path = os.path.join(folder, shape.name() + suffix + ".pcap")
    records = []
    for number in range(shape.sessions):
        one = frame(shape, number, teids[number])
        records.append(struct.pack("<IIII", 0, 0, len(one), len(one)) + one)
    with open(path, "wb") as out:
        out.write(PCAP_HEADER + b"".join([records[number] for number in order_of(shape)]))
    return Source(f"net_pcap0,rx_pcap={path},infinite_rx=1", {}, {}, folder, build)


def write_varied(path, shape, teids):
    """bench/vary.c's file: a template, where its fields are, and a record a packet."""
    base = frame(shape, 0, 0)
    ip = 14 + 20 + 8 + 16 if shape.up else 14
    at_address, at_port = ip + (12 if shape.up else 16), ip + 20 + (0 if shape.up else 2)
    head = struct.pack("<IIHHHHHHHH", 0x59524156, shape.sessions, len(base), 46 if shape.up else 0, at_address, ip + 10, at_port, 0, 0, 0)
    zeroed = base[ip:ip + 10] + b"\0\0" + base[ip + 12:ip + 20]
    address = at_address - ip
    words = sum(struct.unpack(">10H", zeroed[:address] + bytes(4) + zeroed[address + 4:]))
    pack, records = struct.Struct(">IIHHI").pack, []
    for number in order_of(shape):
        ue = ue_address(number)
        total = words + (ue >> 16) + (ue & 0xFFFF)
        total = (total & 0xFFFF) + (total >> 16)
        total = (total & 0xFFFF) + (total >> 16)
        records.append(pack(teids[number], ue, total ^ 0xFFFF, 1024 + number % 60000, 0))
    with open(path, "wb") as out:
        out.write(head + base.ljust(192, b"\0") + b"".join(records))


# ---- sessions ----

def flow_description(number):
    return f"permit out udp from 100.{64 + (number >> 8)}.{number & 255}.0/24 5001-5064 to assigned"


def pdr_texts(shape, up):
    """All PDRs of one direction, the same in all sessions but for %(own)d, a TEID that is put."""
    teid = ',"teid":%(own)d' if shape.put else ""
    side = f'"source":"access","gtpu":"n3"{teid},"outer_header_removal":0' if up else '"source":"core"'
    first, far, measured = (1, 1, shape.up == up) if up else (101, 101, shape.up == up)
    count, out = shape.pdrs if measured else 1, []
    for k in range(count):
        last = k == count - 1
        filters = [flow_description(i) for i in range(k * shape.filters // max(1, count - 1), (k + 1) * shape.filters // max(1, count - 1))]
        text = f'{{"id":{first + k},"precedence":{100 + k},{side},"far":{far + k % 4},"qers":[1],"urrs":[1]'
        if shape.filters and measured:
            text += f',"filters":{json.dumps(["permit out ip from any to assigned"] if last else filters)}'
        out.append(text + "}")
    return out, [far + k for k in range(min(count, 4))]


def session_template(shape):
    """A session's JSON with %(name)s, %(ue)s, %(own)d, %(teid)d and %(peer)s."""
    up_pdrs, up_fars = pdr_texts(shape, True)
    down_pdrs, down_fars = pdr_texts(shape, False)
    fars = [f'{{"id":{far},"action":"forward","destination":"core"}}' for far in up_fars]
    fars += [f'{{"id":{far},"action":"forward","destination":"access","outer_header":{{"teid":%(teid)d,"peer":"%(peer)s"}}}}'
             for far in down_fars]
    return ('{"name":"%(name)s","slice":"s1","ue":{"ipv4":"%(ue)s"},"pdrs":[' + ",".join(up_pdrs + down_pdrs)
            + '],"fars":[' + ",".join(fars) + ']'
            + f',"qers":[{{"id":1,"qfi":{QFI},"mbr_ul_bps":10000000000,"mbr_dl_bps":10000000000}}]'
            + ',"urrs":[{"id":1,"measure":["volume"]}]}')


def dotted(address):
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"


def put_teid(shape, number):
    """A session's own number in the upper 20 bits, as control chooses: from a room that is twice to four times as large."""
    room = min(2 << (shape.sessions - 1).bit_length(), MOST_SESSIONS)
    return (1 + number * TEID_STEP % room) << 12 | number & 0xFF


def session_text(template, shape, number, prefix="u"):
    return template % {"name": f"{prefix}{number}", "ue": dotted(ue_address(number)), "teid": TEID_GNB + number, "peer": gnb(number),
                       "own": put_teid(shape, number)}


def put_messages(shape, numbers, prefix="u", most=20000):
    """Whole lines of `put`, each under the limit of a line."""
    template = session_template(shape)
    each = max(1, min(most, CHUNK_BYTES // (len(template) + 64)))
    for start in range(0, len(numbers), each):
        objects = ",".join([session_text(template, shape, number, prefix) for number in numbers[start:start + each]])
        yield ('{"jsonrpc":"2.0","id":1,"method":"put","params":{"type":"session","objects":[' + objects + "]}}\n").encode()


CHOSEN = re.compile(rb'\{[^{}]*\}')


def chosen_teids(answer, teids):
    """Takes the uplink TEIDs from an answer of put; PDRs of one session share one."""
    for text in CHOSEN.findall(answer[answer.index(b'"chosen"'):]):
        one = json.loads(text)
        teids[int(one["session"][1:])] = one["teid"]


def put_sessions(client, shape):
    """Puts them all; returns the uplink TEIDs."""
    teids = [put_teid(shape, number) for number in range(shape.sessions)]
    for message in put_messages(shape, range(shape.sessions)):
        client.sock.sendall(message)
        answer = client.read_line()
        if b'"error"' in answer[:200]:
            raise ValueError(f"put of sessions: {answer[:400].decode()}")
        if not shape.put:
            chosen_teids(answer, teids)
    return teids


# ---- the switch ----

def underlay(switch, device):
    switch.port("wan0", device, mac=LOCAL_MAC)
    switch.client.put("address", [{"port": "wan0", "prefix": f"{LOCAL4}/24"}])
    switch.client.put("neighbor", [{"port": "wan0", "address": REMOTE4, "mac": REMOTE_MAC}])
    switch.client.put("route", [{"table": "underlay", "prefix": "198.19.0.0/16", "via": [{"address": REMOTE4}]}])


def lan(switch, port, device):
    switch.port(port, device)
    switch.client.put("attachment", [{"name": "a1", "slice": "s1", "port": port}])
    switch.client.put("address", [{"attachment": "a1", "prefix": GATEWAY}])
    switch.client.put("neighbor", [{"attachment": "a1", "address": HOST, "mac": HOST_MAC}])
    switch.client.put("route", [{"table": "s1", "prefix": "0.0.0.0/0", "via": [{"attachment": "a1", "address": HOST}]}])


def configure(switch, shape, source):
    """All but the source first; its file has the TEIDs that were chosen."""
    client = switch.client
    switch.source, switch.sink = ("wan0", "lan0") if shape.up else ("in0", "wan0")
    client.put("slice", [{"name": "s1", "vni": gen_pcap.VNI, "kind": "l3"}])
    if shape.up:
        lan(switch, "lan0", SINK)
    else:
        underlay(switch, SINK)
    client.put("gtpu", [{"name": "n3", "address": LOCAL4, "interface": "access", "echo_s": 0}])
    teids = put_sessions(client, shape)
    source = write(source.folder, source.build, shape, teids, CHOSEN_SUFFIX)
    if shape.up:
        underlay(switch, source.device)
    else:
        lan(switch, "in0", source.device)
