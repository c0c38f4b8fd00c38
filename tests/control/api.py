# SPDX-License-Identifier: BSD-3-Clause
"""Starts and stops sluice-control in a folder of its own, and talks to it over its unix socket. Used by the test_*.py
beside it. SLUICE_BUILD names another build folder than build/; SLUICE_CONTROL_PROGRAM another program."""
import atexit
import contextlib
import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("SLUICE_BUILD", "build"))
CONTROL = os.environ.get("SLUICE_CONTROL_PROGRAM", os.path.join(BUILD, "control", "sluice-control"))
DATAPLANE = os.path.join(BUILD, "dataplane", "sluice-dataplane")

KR, JP, VIEWER, OPERATOR = 2001, 2002, 2003, 2004  # users that Control knows, of tenants "kr" and "jp"
# times are this often as long: what is instrumented is slow, and a machine may be
SLOW = float(os.environ.get("TEST_TIMEOUT_FACTOR", 3 if "asan" in BUILD else 1))
PEERS = [{"user": "0", "role": "admin"}, {"user": str(KR), "role": "tenant", "tenant": "kr"},
         {"user": str(JP), "role": "tenant", "tenant": "jp"}, {"user": str(OPERATOR), "role": "operator"},
         {"user": str(VIEWER), "role": "viewer"}]


started, folders = set(), set()  # what must not be left behind, whatever happens


@atexit.register
def leave_nothing():
    for program in list(started):
        program.kill()
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


signal.signal(signal.SIGTERM, signal.default_int_handler)  # the runner's, when a test takes too long


def own_network():
    """A network namespace of this process's own, with its loopback: ports that are free there stay free, and taps are
    nobody else's."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x40000000):  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


class UnixConnection(http.client.HTTPConnection):
    """uid: the user that the server takes us for."""

    def __init__(self, path, timeout=30, uid=0):
        super().__init__("sluice", timeout=timeout)
        self.path, self.uid = path, uid

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        if self.uid:
            os.seteuid(self.uid)
        try:
            self.sock.connect(self.path)
        finally:
            if self.uid:
                os.seteuid(0)


class Answer:
    """status, headers (names in any case), text, and json when it is JSON."""

    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        self.text = response.read().decode()
        self.json = json.loads(self.text) if "json" in (response.headers.get("Content-Type") or "") and self.text else None

    @property
    def etag(self):
        return self.headers["ETag"]

    def __repr__(self):
        return f"{self.status} {self.text[:600]}"


class Program:
    """One program and its log; what both programs here need."""

    def __init__(self, folder, name):
        self.folder, self.name, self.process = folder, name, None
        self.log = os.path.join(folder, name + ".log")

    def spawn(self, command):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        started.add(self)

    def until(self, ready, seconds=60):
        """Waits for ready() to be true, and for nothing when the program has ended."""
        end = time.monotonic() + seconds
        while not ready():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.name} did not come up:\n{self.said()}")
            time.sleep(0.02)

    def said(self):
        with open(self.log, errors="replace") as log:
            return log.read()[-4000:]

    def kill(self):
        """kill -9."""
        if self.process:
            self.process.kill()
            self.process.wait()
        self.ended()

    def ended(self):
        self.process = None
        started.discard(self)

    def stop(self):
        """Ends it cleanly; its exit status."""
        if not self.process:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self.ended()
        return status


class Dataplane(Program):
    """A sluice-dataplane without huge pages, for the boxes of Control. Its devices: null(N)."""

    def __init__(self, folder):
        super().__init__(folder, "dataplane")
        self.socket = os.path.join(folder, "dataplane.sock")

    def start(self):
        self.spawn([DATAPLANE, "--socket", self.socket, "--no-huge", "--memory", "512", "--idle", "nap",
                    "--file-prefix", "api" + os.path.basename(self.folder)])
        self.until(self.answers, 60)
        return self

    def answers(self):
        try:
            return self.call("hello") is not None
        except OSError:
            return False

    def call(self, method, **params):
        """The result; RuntimeError for an error."""
        with socket.socket(socket.AF_UNIX) as conn:
            conn.settimeout(30)
            conn.connect(self.socket)
            conn.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
            answer = json.loads(conn.makefile().readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]

    def list(self, kind):
        out, cursor = [], {}
        while True:
            page = self.call("list", type=kind, **cursor)
            out += page["objects"]
            if "cursor" not in page:
                return out
            cursor = {"cursor": page["cursor"]}


def null(number):
    """A device that swallows everything."""
    return f"net_null{number},no-rx=1"


class Control(Program):
    """with Control() as control: control.get("/v1/slices"). Without a dataplane, all stays pending."""

    def __init__(self, site="gj", dataplane=False, config=None):
        folder = tempfile.mkdtemp(prefix="sluice-api-")
        super().__init__(folder, "control")
        folders.add(folder)
        os.chmod(folder, 0o711)  # other users come to the socket
        self.site = site
        self.socket = os.path.join(folder, "control.sock")
        self.store = os.path.join(folder, "store")
        self.config = os.path.join(folder, "control.json")
        with open(self.config, "w") as file:
            json.dump({"peers": PEERS, **(config or {})}, file)
        self.dataplane = Dataplane(folder) if dataplane else None
        self.options = []

    def start(self):
        try:
            if self.dataplane and not self.dataplane.process:
                self.dataplane.start()
            self.spawn([CONTROL, "--site", self.site, "--socket", self.socket, "--store", self.store,
                        "--config", self.config, "--dataplane", os.path.join(self.folder, "dataplane.sock"), *self.options])
            self.until(self.answers)
        except BaseException:
            self.close()
            raise
        return self

    def answers(self):
        try:
            return self.get("/v1/sites").status == 200
        except OSError:
            return False

    def close(self):
        """Ends all and takes the folder away. The exit status of sluice-control, None when it was not running."""
        try:
            return self.stop()
        finally:
            if self.dataplane:
                self.dataplane.stop()
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start() if not self.process else self

    def __exit__(self, *unused):
        self.close()

    # ---- requests ----

    def connection(self, uid=0, timeout=90):
        return UnixConnection(self.socket, timeout, uid)

    def request(self, method, path, body=None, headers=None, uid=0, token=None):
        """body: bytes or text as they are, anything else as JSON."""
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = "Bearer " + token
        if body is not None:
            if not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            headers.setdefault("Content-Type", "application/merge-patch+json" if method == "PATCH" else "application/json")
        with contextlib.closing(self.connection(uid)) as conn:
            conn.request(method, path, body, headers)
            return Answer(conn.getresponse())

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, body, **options):
        return self.request("POST", path, body, **options)

    def put(self, path, body, **options):
        return self.request("PUT", path, body, **options)

    def patch(self, path, body, **options):
        return self.request("PATCH", path, body, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)

    def apply(self, documents, query="", uid=0, **fields):
        return self.post("/v1/apply" + query, {"documents": documents, **fields}, uid=uid)

    def all(self, path, limit=1000, **options):
        """Every item of a list, all its pages."""
        out, after = [], ""
        while True:
            answer = self.get(f"{path}?limit={limit}{after}", **options)
            if answer.status != 200:
                raise RuntimeError(repr(answer))
            out += answer.json["items"]
            if "next" not in answer.json:
                return out
            after = "&after=" + urllib.parse.quote(answer.json["next"])


# ---- documents ----

def site(name, *ports, **fields):
    """A port is a name, or a whole object."""
    return {"kind": "site", "name": name, "ports": [{"name": p} if isinstance(p, str) else p for p in ports], **fields}


def wan(name, at, **fields):
    return {"kind": "wan", "name": name, "site": at, **fields}


def slice_(name, *ends, **fields):
    """Ends are "site/port/vlan" or "site/port"."""
    endpoints = []
    for end in ends:
        words = end.split("/")
        endpoints.append({"site": words[0], "port": words[1], **({"vlan": int(words[2])} if words[2:] else {})})
    return {"kind": "slice", "name": name, "endpoints": endpoints, **fields}


def grant(name, sites=("gj", "bs"), ports=("p1", "p2"), wans=True, **fields):
    """What a tenant may have: all that is there to be had."""
    rate = 10_000_000_000
    return {"kind": "tenant", "name": name, "slices": 16000, "hosts": 16000, "local_data_networks": 16000, "sessions": 16000,
            "committed_bps": rate, "peak_bps": rate, "unmetered": True, "weight": 1000, "encaps": ["vxlan", "geneve"],
            "vnis": [{"first": 1, "last": 8_000_000}], "ue_pools": ["0.0.0.0/0", "::/0"],
            "places": [{"site": s, "port": p, "untagged": True, "vlans": [{"first": 1, "last": 4094}]} for s in sites for p in ports],
            "wans": [{"site": s, "wan": s + "-kt"} for s in sites if wans], **fields}


def world():
    """Two sites with two tenants' ports and a WAN of 100 Mbit/s each; without devices: nothing to be done at any box."""
    out = []
    for number, name in enumerate(("gj", "bs"), 1):
        out += [site(name, "p1", "p2"),
                wan(name + "-kt", name, mtu=1600, addresses=[f"198.18.0.{number}/24"], capacity_bps=100_000_000)]
    return out
