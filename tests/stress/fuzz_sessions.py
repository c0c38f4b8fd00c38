#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Hostile transactions of sessions over the socket while a worker forwards for the same UEs and TEIDs: whatever is refused
leaves everything as it was, whatever is applied is what was put, and in the end nothing is left.

    fuzz_sessions.py DATAPLANE [OPS [SEED]]     no namespaces, no root: its port plays a pcap of GTP-U in a loop
"""
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

NAMES, UES, TEIDS, BATCH = 30, 90, 90, 40
TABLES = ["interfaces", "sessions_uplink", "sessions_downlink", "classifier", "meters", "forwarding", "routes4", "routes6"]
LATER = "tunnel_peers"  # a peer stays until its last end marker is gone
MAC = "02:00:00:00:00:01"
JUNK = [None, True, -1, 0, 1, 2, 255, 256, 65536, 2 ** 32 - 1, 2 ** 32, 2 ** 64, -2 ** 63, 1.5, "", "x", "s1", "n3", "access", [], {},
        [[]], [1, 1], {"teid": 1}, "10.60.0.1", "10.60.0.0/33", "::", "fd00::/64", "permit out ip from any to assigned", "a" * 300]


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4(source, destination, protocol, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, socket.inet_aton(source),
                       socket.inet_aton(destination))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def udp(source, destination, payload):
    return struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload


def pcap(path):
    """From the gNB by each TEID, from each UE; some to other UEs, which is what comes down."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i in range(720):
            inner = ipv4(f"10.60.0.{1 + i % UES}", f"10.60.0.{1 + i * 7 % UES}", 17, udp(1000 + i, 443, bytes(30)))
            gtpu = struct.pack("!BBHI", 0x30, 255, len(inner), 100 + i * 3 % TEIDS) + inner
            frame = bytes.fromhex("020000000001020000000e02") + b"\x08\0" + ipv4("198.18.0.2", "198.18.0.1", 17, udp(2152, 2152, gtpu))
            out.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("r")

    def ask_all(self, calls):
        """(method, params) each → the answers, all sent in one go."""
        text = "".join(json.dumps({"jsonrpc": "2.0", "id": i, "method": m, "params": p}) + "\n" for i, (m, p) in enumerate(calls))
        self.socket.sendall(text.encode())
        answers = [json.loads(self.file.readline()) for _ in calls]
        for i, a in enumerate(answers):  # a number that is none in JSON's reader has no id either
            assert a["id"] == i or a["error"]["code"] == -32700, a
        return answers

    def ask(self, method, **params):
        return self.ask_all([(method, params)])[0]

    def state(self):
        calls = [("list", {"type": "session", "limit": 10000})] + [("table.read", {"table": t, "limit": 10000}) for t in TABLES]
        answers = [a["result"] for a in self.ask_all(calls)]
        for row in (row for a in answers[1:] for row in a["entries"]):
            row.pop("counters", None)
            if "rules" in row["match"]:  # which index a list has is nobody's business
                row["match"].pop("rules")
            row.get("params", {}).pop("rules", None)
        for a in answers[1:]:
            a["entries"].sort(key=lambda row: json.dumps(row, sort_keys=True))
        return json.dumps(answers, sort_keys=True)


def session(r):
    n = 1 + r.randrange(UES)
    teid = {} if r.random() < 0.3 else {"teid": 100 + r.randrange(TEIDS)}
    qers = r.sample([1, 2, 3], r.randrange(4))
    urrs = r.sample([1, 2], r.randrange(3))
    far = {"id": 2, "action": r.choice(["forward", "forward", "drop", "buffer"]), "destination": "access", "notify_cp": True,
           "end_marker": r.random() < 0.5, "outer_header": {"teid": 1 + r.randrange(9), "peer": f"198.18.0.{2 + r.randrange(5)}"}}
    if far["action"] == "drop":
        far = {"id": 2, "action": "drop"}
    s = {"name": f"s{r.randrange(NAMES)}", "slice": r.choice(["net", "net", "edge"]), "ue": {"ipv4": f"10.60.0.{n}"},
         "pdrs": [{"id": 1, "precedence": 100, "source": "access", "gtpu": "n3", "outer_header_removal": 0, "far": 1, "qers": qers,
                   "urrs": urrs, **teid}, {"id": 2, "precedence": 100, "source": "core", "far": 2, "qers": qers, "urrs": urrs}],
         "fars": [{"id": 1, "action": r.choice(["forward", "forward", "buffer"]), "destination": "core"}, far],
         "qers": [{"id": i, **r.choice([{}, {"mbr_ul_bps": 10 ** 6}, {"gbr_dl_bps": 1000, "mbr_dl_bps": 2000}, {"gate_dl": "closed"}])}
                  for i in qers],
         "urrs": [{"id": i, "measure": ["volume"], **r.choice([{}, {"threshold_bytes": 10000}, {"quota_bytes": 100000}])} for i in urrs]}
    if r.random() < 0.2:
        s["ue"]["framed"] = [f"10.61.{r.randrange(8)}.0/24"]
    for i in range(r.choice([0, 0, 0, 1, 3, 12])):
        s["pdrs"].append({"id": 10 + i, "precedence": 10 + i, "source": "access", "gtpu": "n3", "far": r.choice([1, 1, 2]), **teid,
                          "filters": [f"permit out udp from any to assigned {1000 + r.randrange(20)}"]})
    return s


def spoil(r, value):
    """Something in it is something else, is missing, or there twice."""
    place = value
    while isinstance(place, (dict, list)) and place:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = r.choice(keys)
        if r.random() < 0.6 and isinstance(place[key], (dict, list)) and place[key]:
            place = place[key]
            continue
        what = r.randrange(4)
        if what == 0:
            del place[key]
        elif what == 1 and isinstance(place, list):
            place.append(place[key])
        else:
            place[key] = r.choice(JUNK)
        return


def operation(r):
    kind = r.random()
    if kind < 0.75:
        sessions = [session(r) for _ in range(r.choice([1, 1, 2, 5]))]
        if r.random() < 0.2:
            spoil(r, sessions)
        return {"op": "put", "type": "session", "objects": sessions}
    keys = [f"s{r.randrange(NAMES)}" for _ in range(r.choice([1, 2, 4]))]
    op = {"op": "delete", "type": "session", "keys": keys, **r.choice([{}, {"missing_ok": True}])}
    if r.random() < 0.2:
        spoil(r, op)
    return op


def reading(r):
    kind, cursor = r.randrange(4), ".".join(str(r.choice([0, 1, 5, 2 ** 32, 2 ** 62, 2 ** 64 - 1, r.getrandbits(64)])) for _ in range(3))
    if kind == 0:
        return "list", {"type": "session", "limit": r.randrange(-1, 9), **r.choice([{}, {"cursor": cursor}, {"match": {"slice": "net"}}])}
    if kind == 1:
        return "table.read", {"table": r.choice(TABLES + [LATER, "none"]), "limit": 1 + r.randrange(9), **r.choice([{}, {"cursor": cursor}])}
    if kind == 2:
        return "get", {"type": "session", "key": r.choice([f"s{r.randrange(NAMES)}", 7, None])}
    return "stats", {"type": "session", **r.choice([{}, {"keys": [f"s{r.randrange(NAMES)}"]}])}


def fuzz(client, seed, ops):
    r, done, refused, applied, compared = random.Random(seed), 0, 0, 0, 0
    state = client.state()
    while done < ops:
        calls = [("transaction", {"ops": [operation(r) for _ in range(r.choice([1, 1, 2, 6]))]}) if r.random() < 0.8 else reading(r)
                 for _ in range(BATCH)]
        compare = r.random() < 0.3
        if compare:  # one by one
            for method, params in calls:
                answer = client.ask(method, **params)
                now = client.state()
                if method != "transaction" or "error" in answer:
                    assert now == state, f"{params}\n{answer}\nbefore {state}\nafter {now}"
                    compared += 1
                state = now
                refused += "error" in answer
        else:
            answers = client.ask_all(calls)
            refused += sum("error" in a for a in answers)
            state = client.state()
        applied += len(calls)
        done += sum(len(op.get("objects") or op.get("keys") or [1]) if isinstance(op.get("objects") or op.get("keys") or [1], (list, dict))
                    else 1 for m, p in calls for op in (p["ops"] if m == "transaction" else [{}]))
    return done, applied, refused, compared


def delete_all(client):
    names = [s["name"] for s in client.ask("list", type="session", limit=10000)["result"]["objects"]]
    answer = client.ask("delete", type="session", keys=names)
    assert answer["result"]["deleted"] == len(names), answer


def run(dataplane, ops, seed):
    """As told above; nothing is left of it, whatever happens. Says what it did."""
    prefix = f"fuzz{os.getpid()}"
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the runner's, when it takes too long
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sock")
        pcap(os.path.join(folder, "in.pcap"))
        box = subprocess.Popen([dataplane, "--socket", path, "--no-huge", "--memory", "512", "--file-prefix", prefix,
                                "--allow-device", "net_pcap"], stdout=subprocess.DEVNULL)
        try:
            for last in range(600, -1, -1):
                try:
                    client = Client(path)
                    break
                except OSError:
                    if last == 0:
                        raise
                    time.sleep(0.1)
            for kind, *objects in (
                    ("port", {"name": "p", "device": f"net_pcap0,rx_pcap={folder}/in.pcap,infinite_rx=1", "mac": MAC, "mbufs": 4096}),
                    ("address", {"port": "p", "prefix": "198.18.0.1/24"}),
                    ("neighbor", *({"port": "p", "address": f"198.18.0.{i}", "mac": f"02:00:00:00:0e:{i:02x}"} for i in range(2, 7))),
                    ("slice", {"name": "net", "vni": 1, "kind": "l3"}, {"name": "edge", "vni": 2, "kind": "l3"}),
                    ("gtpu", {"name": "n3", "address": "198.18.0.1", "interface": "access"})):
                answer = client.ask("put", type=kind, objects=objects)
                assert "result" in answer, answer
            assert "result" in client.ask("put", type="session", objects=[session(random.Random(1))])
            delete_all(client)
            empty = client.state()
            started = time.monotonic()
            done, applied, refused, compared = fuzz(client, seed, ops)
            took = time.monotonic() - started
            delete_all(client)
            assert client.state() == empty, client.state()
            for _ in range(100):
                if not client.ask("table.read", table=LATER)["result"]["entries"]:
                    break
                time.sleep(0.1)
            else:
                raise AssertionError(client.ask("table.read", table=LATER))
            port = client.ask("stats", type="port")["result"]["objects"]["p"]
            assert port["rx_packets"] > 0 and port["tx_packets"] > 0, port
            box.terminate()
            status = box.wait(60)
            assert status == 0, f"the dataplane ended with {status}"
        finally:
            if box.poll() is None:
                box.kill()
                box.wait()
            shutil.rmtree(f"/var/run/dpdk/{prefix}", ignore_errors=True)
    print(f"seed {seed}: {done} operations in {applied} requests, {refused} refused, {compared} of them compared, {took:.0f} s; "
          f"{port['rx_packets']} packets in, {port['tx_packets']} out")


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20000, int(sys.argv[3]) if len(sys.argv) > 3 else 1)
