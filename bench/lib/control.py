# SPDX-License-Identifier: BSD-3-Clause
"""Cases `control-apply`, `control-read` and `control-compile`: how long intents take from the REST API to the dataplane,
how many requests a second are answered while a worker forwards at full speed, and how long the compiler takes.
sluice-control and its clients stay off the worker's CPU. Called by scripts/bench; owns one sluice-control at a time."""
import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

import box
import machine
import rpc
from cases import MIN_SHARE
from gen_pcap import Shape, cached_pcap

SLICES, SITES, MORE = 1000, 4, 50
GOAL_APPLY_S, GOAL_ONE_S = 5.0, 0.050
GOAL_READS = 10000
READERS = 32  # connections
GOAL_COMPILE_MS = 1000
WRONG = (box.Invalid, rpc.RpcError, ConnectionError, ValueError, TimeoutError, OSError, KeyError, http.client.HTTPException)


def beside_the_worker():
    """Runs in a child before its program."""
    machine.unpin_child()
    os.sched_setaffinity(0, {machine.MAIN_CPU})


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("sluice", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Control:
    """One running sluice-control for a switch; one connection that stays."""

    def __init__(self, settings, switch):
        self.folder = tempfile.mkdtemp(prefix="sluice-bench-control-")
        self.socket, self.log = os.path.join(self.folder, "control.sock"), os.path.join(self.folder, "log")
        self.conn = UnixConnection(self.socket)
        self.port, config = self.listener()
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(
                [os.path.join(settings.build, "control", "sluice-control"), "--site", "s0", "--socket", self.socket, "--store",
                 os.path.join(self.folder, "store"), "--dataplane", switch.socket, "--config", config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=beside_the_worker)

    def __enter__(self):
        deadline = time.monotonic() + 20
        try:
            while True:
                with contextlib.suppress(OSError):
                    if self.call("GET", "/v1/status")[1]["dataplane"]["state"] == "up":
                        return self
                if self.child.poll() is not None or time.monotonic() > deadline:
                    raise box.Invalid(f"sluice-control did not come up: {self.said()}")
                time.sleep(0.05)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *unused):
        self.conn.close()
        self.child.terminate()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def said(self):
        with open(self.log, errors="replace") as log:
            return log.read()[-500:]

    def listener(self):
        """A certificate, a free port, and the file that names them."""
        cert, key, config = (os.path.join(self.folder, name) for name in ("cert.pem", "key.pem", "control.json"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                        "-out", cert, "-days", "2", "-subj", "/CN=sluice"], check=True, capture_output=True, timeout=60)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with open(config, "w") as out:
            json.dump({"listen": f"127.0.0.1:{port}", "tls": {"certificate": cert, "key": key},
                       "limits": {"requests_each_s": 1000000, "connections_each": 1000}}, out)
        return port, config

    def waited(self):
        """Seconds that it was ready to run and somebody else ran in its place, so far."""
        with open(f"/proc/{self.child.pid}/schedstat") as stat:
            return int(stat.read().split()[1]) / 1e9

    def call(self, method, path, body=None):
        """(status, answer); body is text."""
        try:
            self.conn.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = self.conn.getresponse()
        except (OSError, http.client.HTTPException):
            self.conn.close()  # the next call begins anew
            raise
        text = answer.read()
        return answer.status, json.loads(text) if text else None


def summarised(out, one_round, settings):
    """All rounds of a case: raw and why of out; True when there is something to sum up."""
    out.update(control=True, raw=[], why=[])
    for number in range(settings.runs):
        try:
            out["raw"].append(one_round(settings))
            machine.progress(f"{out['case']} {number + 1}/{settings.runs}: {out['raw'][-1]['said']}")
        except WRONG as error:
            out["why"].append(f"round {number + 1}: {type(error).__name__}: {error}")
            machine.progress(f"{out['case']} {number + 1}/{settings.runs}: INVALID: {error}")
    out["valid"] = bool(out["raw"]) and not out["why"]
    return bool(out["raw"])


# ---- from the API to the dataplane ----

def slice_of(number):
    return {"name": f"n{number}", "bandwidth": {"committed_bps": 1000000 + number % 100},
            "endpoints": [{"site": f"s{site}", "port": "p0", "vlan": number + 1} for site in range(SITES)]}


def ground():
    """Sites and their WANs; only the first has devices, which swallow everything."""
    out = []
    for site in range(SITES):
        lan, wan = ({"device": f"net_null{n},no-rx=1", "tap": False} if site == 0 else {} for n in range(2))
        out += [{"kind": "site", "name": f"s{site}", "ports": [{"name": "p0", **lan}]},
                {"kind": "wan", "name": f"w{site}", "site": f"s{site}", "mtu": 1600, "addresses": [f"198.18.{site}.1/16"], **wan}]
    return out


def apply_round(settings):
    everything = json.dumps({"documents": [*ground(), *({"kind": "slice", **slice_of(n)} for n in range(SLICES))]})
    with box.Box(settings.binary, settings.huge) as switch, Control(settings, switch) as control:
        start = time.monotonic()
        status, answer = control.call("POST", "/v1/apply?wait=60", everything)
        seconds = time.monotonic() - start
        if status != 200 or not answer["settled"] or answer["refused"]:
            raise box.Invalid(f"apply: {status} {json.dumps(answer)[:300]}")
        box_stats = {kind: len(switch.client.stats(kind)) for kind in ("slice", "attachment")}
        if box_stats != {"slice": SLICES, "attachment": SLICES}:
            raise box.Invalid(f"in the dataplane there are {box_stats}")
        ones = []
        for number in range(SLICES, SLICES + MORE):
            body, start = json.dumps(slice_of(number)), time.monotonic()
            status, answer = control.call("POST", "/v1/slices?wait=10", body)
            ones.append(time.monotonic() - start)
            if status != 201 or answer["status"]["state"] != "applied":
                raise box.Invalid(f"one more slice: {status} {json.dumps(answer)[:300]}")
        waited = control.waited()
    return {"seconds": seconds, "ones": ones, "waited_s": waited, "said": f"{seconds:.3f} s, one more {statistics.median(ones) * 1e3:.2f} ms, at most {max(ones) * 1e3:.2f} ms"}


def run_apply(settings):
    out = {"case": "control-apply", "about": f"{SLICES:,} slices with {SITES} sites each, then one more", "slices": SLICES, "more": MORE,
           "goal_s": GOAL_APPLY_S, "goal_one_s": GOAL_ONE_S}
    if summarised(out, apply_round, settings):
        ones = [one for each in out["raw"] for one in each["ones"]]
        out |= {"seconds": statistics.median(each["seconds"] for each in out["raw"]), "slowest_s": max(each["seconds"] for each in out["raw"]),
                "one_s": statistics.median(ones), "slowest_one_s": max(ones)}
        out["met"] = out["slowest_s"] <= GOAL_APPLY_S and out["slowest_one_s"] <= GOAL_ONE_S
        out["note"] = f"sluice-control waited up to {max(each['waited_s'] for each in out['raw']):.2f} s a round for its CPU, which is everybody's"
    return out


# ---- reading under traffic ----

def wrk(control, token, seconds):
    done = subprocess.run(["wrk", "-t", "1", "-c", str(READERS), "-d", f"{max(1, round(seconds))}s", "--latency", "-H", "Authorization: Bearer " + token,
                           f"https://127.0.0.1:{control.port}/v1/status"], capture_output=True, text=True, check=False,
                          preexec_fn=beside_the_worker, timeout=seconds + 60)
    rate, p99 = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout), re.search(r"99%\s+([\d.]+)(us|ms|s)\b", done.stdout)
    if not rate or not p99:
        raise box.Invalid(f"wrk: {done.stdout[-300:]} {done.stderr[-300:]}")
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise box.Invalid(f"wrk: {done.stdout[-300:]}")
    return float(rate.group(1)), float(p99.group(1)) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[p99.group(2)]


def read_round(settings):
    """The store stays empty, so that control leaves the switch's objects, which are not its own, alone."""
    shape = Shape(flows=1024)
    pcap = cached_pcap(settings.data, shape)
    with box.Box(settings.binary, settings.huge) as switch, Control(settings, switch) as control:
        switch.start(shape, pcap)
        switch.settle(2 * shape.flows)
        status, token = control.call("POST", "/v1/tokens", json.dumps({"name": "bench", "role": "viewer"}))
        if status != 201:
            raise box.Invalid(f"token: {status} {token}")
        time.sleep(settings.warm_up)
        before, watch = switch.snapshot(), machine.CpuShare(switch.process.pid)
        rate, p99 = wrk(control, token["token"], settings.seconds)
        share, window = watch.share(), box.difference(before, switch.snapshot())
    lost = sum(window["drops"].values()) + window["missed"]
    box.check({**window, "drops": {}, "missed": 0})
    pps = window["out"] / window["seconds"]
    return {"rate": rate, "p99_s": p99, "lost": lost, "pps": pps, "share": round(share, 3), "window": window,
            "said": f"{rate:,.0f} requests/s, p99 {p99 * 1e3:.1f} ms, {lost} packets lost at {pps / 1e6:.2f} Mpps"}


def run_read(settings):
    out = {"case": "control-read", "about": f"GET /v1/status over TLS, {READERS} connections, while a worker forwards", "goal_rate": GOAL_READS}
    if summarised(out, read_round, settings):
        raw = out["raw"]
        out |= {"rate": statistics.median(each["rate"] for each in raw), "slowest_rate": min(each["rate"] for each in raw),
                "p99_s": statistics.median(each["p99_s"] for each in raw), "lost": sum(each["lost"] for each in raw),
                "pps": statistics.median(each["pps"] for each in raw)}
        out["met"] = out["rate"] >= GOAL_READS and out["lost"] == 0
        disturbed = sum(each["share"] < MIN_SHARE for each in raw)
        if disturbed:
            out["note"] = f"{disturbed} of {len(raw)} rounds had less than {MIN_SHARE:.0%} of the worker's core"
    return out


# ---- the compiler alone ----

def compile_round(settings):
    program = os.path.join(settings.build, "tests", "control", "compile", "test_compile")
    done = subprocess.run([program], capture_output=True, text=True, check=False, preexec_fn=machine.unpin_child, timeout=300)
    found = re.search(r"(\d+) slices with 4 sites: (\d+) objects in (\d+) ms", done.stdout)
    if done.returncode != 0 or not found:
        raise box.Invalid(f"test_compile: status {done.returncode}: {done.stdout[-300:]}")
    slices, objects, ms = map(int, found.groups())
    return {"slices": slices, "objects": objects, "ms": ms, "said": f"{slices:,} slices, {objects:,} objects in {ms} ms"}


def run_compile(settings):
    out = {"case": "control-compile", "about": "the objects of 10,000 slices with 4 sites, by the compiler alone", "goal_ms": GOAL_COMPILE_MS}
    if summarised(out, compile_round, settings):
        out |= {"ms": statistics.median(each["ms"] for each in out["raw"]), "slowest_ms": max(each["ms"] for each in out["raw"]),
                "slices": out["raw"][0]["slices"], "objects": out["raw"][0]["objects"]}
        out["met"] = out["slowest_ms"] <= GOAL_COMPILE_MS
    return out
