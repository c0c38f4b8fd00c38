#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""gtp/gtpu.c against encoders and decoders that are not ours: what scapy builds is read as it was meant, and what we
write is read by scapy and by tshark, which finds no malformed field. Usage: gtpu_peers.py GTPU_TOOL"""
import itertools
import json
import shutil
import subprocess
import sys
import tempfile

try:
    from scapy.all import ICMP, IP, UDP, Ether, IPv6, raw, wrpcap
    from scapy.contrib import gtp
except ImportError:
    print("scapy is not installed")
    sys.exit(77)  # meson: skipped

INNER = raw(IP(src="10.45.0.2", dst="192.0.2.1") / ICMP())


class Tool:
    """The codec: lines in, lines out."""

    def __init__(self, path):
        self.path, self.lines = path, []

    def ask(self, line):
        self.lines.append(line)
        return len(self.lines) - 1

    def answers(self):
        asked = "\n".join(self.lines) + "\n"
        out = subprocess.run([self.path], input=asked, capture_output=True, text=True, check=True)
        answers = out.stdout.splitlines()
        assert len(answers) == len(self.lines), out.stderr
        return answers


def containers():
    """Every kind of PDU Session Container, and what it is to be read as."""
    for qfi, rqi in itertools.product((0, 1, 63), (0, 1)):
        yield dict(type=0, QFI=qfi, RQI=rqi), f"0.{qfi}.{rqi}.-"
        for ppi in (0, 7):
            yield dict(type=0, QFI=qfi, RQI=rqi, PPP=1, PPI=ppi), f"0.{qfi}.{rqi}.{ppi}"
    for qfi in (0, 9, 63):
        yield dict(type=1, QFI=qfi), f"1.{qfi}.0.-"
    # the longer ones of TS 38.415: time stamps, sequence numbers, delays; stepped over
    yield dict(type=0, QFI=5, QMP=1, dlSendTime=0x0102030405060708), "0.5.0.-"
    yield dict(type=0, QFI=5, SNP=1, dlQFISeqNum=77), "0.5.0.-"
    yield dict(type=0, QFI=5, RQI=1, PPP=1, PPI=3, QMP=1, SNP=1, dlSendTime=1, dlQFISeqNum=2), "0.5.1.3"
    yield dict(type=1, QFI=6, QMP=1, dlSendTimeRpt=1, dlRecvTime=2, ulSendTime=3), "1.6.0.-"
    yield dict(type=1, QFI=6, SNP=1, UlQFISeqNum=9, dlDelayInd=1, ulDelayInd=1, N3N9DelayInd=1), "1.6.0.-"


def scapy_builds(tool):
    """[(index of the answer, what is wanted, what it is)]"""
    wanted = []

    def g_pdu(packet, flags, sequence, npdu, psc, what):
        data = raw(packet)
        header = len(data) - len(INNER)
        wanted.append((tool.ask("read " + data.hex()),
                       f"255 {flags:02x} 0a0b0c0d {sequence} {npdu} {psc} {header} {len(INNER)}", what))

    for s, pn in itertools.product((0, 1), (0, 1)):
        fields = dict(teid=0x0a0b0c0d, gtp_type=255, S=s, PN=pn, E=0)
        if s or pn:
            fields.update(seq=0x1234, npdu=0x56, next_ex=0)
        g_pdu(gtp.GTP_U_Header(**fields) / IP(INNER), 0x30 | s << 1 | pn, 0x1234 * s, 0x56 * pn, "-", f"S={s} PN={pn}")
    for fields, psc in containers():
        head = gtp.GTP_U_Header(teid=0x0a0b0c0d, gtp_type=255, E=1, S=1, PN=0, seq=7, next_ex=0x85)
        g_pdu(head / gtp.GTPPDUSessionContainer(**fields) / IP(INNER), 0x36, 7, 0, psc, f"container {fields}")
    head = gtp.GTP_U_Header(teid=0x0a0b0c0d, gtp_type=255, E=1, S=0, PN=0, next_ex=0x40)
    g_pdu(head / gtp.GTP_UDPPort_ExtensionHeader(udp_port=4711, next_ex=0) / IP(INNER), 0x34, 0, 0, "-", "UDP port")
    echo = raw(gtp.GTP_U_Header(gtp_type=1, S=1, seq=99) / gtp.GTPEchoRequest())
    wanted.append((tool.ask("read " + echo.hex()), "1 32 00000000 99 0 - 12 0", "echo request"))
    return wanted


def we_write(tool):
    """[(index, GTP-U type, TEID, what, payload to put behind)]"""
    written = []
    for sequence in ("-", "4660"):
        written.append((tool.ask(f"write 255 0a0b0c0d {sequence} - {len(INNER)}"), 255, 0x0a0b0c0d, "plain", INNER))
        for psc in ("0.9.0.-", "0.63.1.-", "0.1.1.5", "0.1.0.0", "1.9.0.-"):
            written.append((tool.ask(f"write 255 0a0b0c0d {sequence} {psc} {len(INNER)}"), 255, 0x0a0b0c0d,
                            f"container {psc} sequence {sequence}", INNER))
    for line, kind, teid in (("echo_request 7", 1, 0), ("echo_response 7", 2, 0), ("supported 7", 31, 0),
                             ("end 0a0b0c0d", 254, 0x0a0b0c0d), ("error 0a0b0c0d c6120001 0", 26, 0),
                             ("error 0a0b0c0d c6120001 4711", 26, 0),
                             ("error 0a0b0c0d 20010db8000000000000000000000001 0", 26, 0)):
        written.append((tool.ask(line), kind, teid, line, b""))
    return written


def check_with_scapy(what, kind, teid, message):
    packet = gtp.GTP_U_Header(message)
    assert packet.gtp_type == kind and packet.teid == teid and packet.length == len(message) - 8, (what, packet)
    if "container" in what:
        kind_, qfi, rqi, ppi = what.split()[1].split(".")
        psc = packet[gtp.GTPPDUSessionContainer]
        assert psc.type == int(kind_) and psc.QFI == int(qfi), (what, psc)
        assert kind_ == "1" or psc.RQI == int(rqi), (what, psc)
        assert ppi == "-" or psc.PPI == int(ppi), (what, psc)
    if kind == 255:
        assert raw(packet[IP]) == INNER, (what, packet)


def values(tree, name):
    """All fields of that name, at any depth."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == name:
                yield value
            yield from values(value, name)
    elif isinstance(tree, list):
        for item in tree:
            yield from values(item, name)


def check_with_tshark(messages):
    """messages: [(what, type, teid, bytes)], over both families"""
    frames = []
    for n, (_, _, _, message) in enumerate(messages):
        outer = IPv6(src="2001:db8::1", dst="2001:db8::2") if n % 2 else IP(src="198.18.0.1", dst="198.18.0.2")
        ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
        frames.append(ether / outer / UDP(sport=2152, dport=2152) / message)
    with tempfile.NamedTemporaryFile(suffix=".pcap") as pcap:
        wrpcap(pcap.name, frames)
        run = subprocess.run(["tshark", "-r", pcap.name, "-T", "json"], capture_output=True, text=True, check=True)
    decoded = json.loads(run.stdout)
    assert len(decoded) == len(messages)
    for (what, kind, teid, _), frame in zip(messages, decoded):
        layers = frame["_source"]["layers"]
        assert "_ws.malformed" not in json.dumps(layers) and "_ws.expert" not in layers["gtp"], (what, layers)
        assert int(layers["gtp"]["gtp.message"], 0) == kind, (what, layers)
        assert int(layers["gtp"]["gtp.teid"], 0) == teid, (what, layers)
        if "container" in what:
            qfi = [int(v, 0) for v in values(layers["gtp"], "gtp.ext_hdr.pdu_ses_con.qos_flow_id")]
            assert qfi == [int(what.split()[1].split(".")[1])], (what, layers)
        if kind == 26:
            assert [int(v, 0) for v in values(layers["gtp"], "gtp.teid_data")] == [0x0a0b0c0d], (what, layers)
            port = [int(v) for v in values(layers["gtp"], "gtp.ext_hdr.udp_port")]
            assert port == ([4711] if what.endswith("4711") else []), (what, layers)
        if kind == 2:
            assert [int(v) for v in values(layers["gtp"], "gtp.recovery")] == [0], (what, layers)


def main():
    tool = Tool(sys.argv[1])
    wanted, written = scapy_builds(tool), we_write(tool)
    answers = tool.answers()
    for index, want, what in wanted:
        assert answers[index] == want, f"{what}: read as {answers[index]}, want {want}"
    messages = []
    for index, kind, teid, what, payload in written:
        message = bytes.fromhex(answers[index]) + payload
        assert len(message) > len(payload), what
        check_with_scapy(what, kind, teid, message)
        messages.append((what, kind, teid, message))
    if shutil.which("tshark") is None:
        print("tshark is not installed")
        sys.exit(77)
    check_with_tshark(messages)
    print(f"{len(wanted)} read as scapy meant them, {len(messages)} read by scapy and tshark as we meant them")


main()
