#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""`sluice` with a real sluice-control and a real sluice-dataplane behind it: from documents in a file to the objects of
the dataplane and back, with what both refuse."""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "control"))
import api  # noqa: E402
from fake import SLUICE, CliTest  # noqa: E402

BOXES = """
kind: site
name: gj
ports: [{name: lan0, device: "net_null0,no-rx=1"}]
---
kind: site
name: bs
ports: [{name: lan0}]
---
kind: wan
name: gj-kt
site: gj
device: net_null1,no-rx=1
tap: false
addresses: [198.18.0.1/24]
neighbors: [{address: 198.18.0.2, mac: "02:00:00:00:00:02"}]
capacity_bps: 1G
---
kind: wan
name: bs-kt
site: bs
addresses: [198.18.0.2/24]
capacity_bps: 100M
"""
AIR = """
kind: slice
name: air
tenant: kr
bandwidth: {committed_bps: 10M}
endpoints:
  - {site: gj, port: lan0, vlan: 10}
  - {site: bs, port: lan0, vlan: 10}
---
kind: host
name: h1
tenant: kr
site: bs
port: lan0
vlan: 10
mac: 12:00:00:00:00:01
"""


class Real(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.control = api.Control(dataplane=True).start()
        cls.addClassCleanup(cls.control.close)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="cli-", dir=self.control.folder)
        self.sluice("apply", "--prune=all", "-w", "20", "-f", "-", stdin=BOXES)

    def sluice(self, *words, status=0, stdin=None, env=None):
        done = subprocess.run([SLUICE, *words], input=stdin, capture_output=True, text=True, timeout=60,
                              env={**os.environ, "SLUICE_CONTROL": self.control.socket, **(env or {})})
        self.assertEqual(done.returncode, status, f"sluice {words}\n{done.stdout}\n{done.stderr}")
        return done.stdout if status == 0 else done.stdout + done.stderr

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def names(self, kind):
        return {one["name"] for one in self.control.dataplane.list(kind)}

    def test_what_is_put_by_hand_beside_control_is_told_of_its_end(self):
        def by_hand(*words, control=self.control.socket):
            done = subprocess.run([SLUICE, "--socket", self.control.dataplane.socket, "dp", *words], capture_output=True, text=True, timeout=60,
                                  env={**os.environ, "SLUICE_CONTROL": control}, check=True)
            return done.stderr

        self.assertRegex(by_hand("put", "slice", "name=by-hand", "vni=7777"), 'sluice-control keeps this dataplane.*"keep"')
        self.assertEqual(by_hand("delete", "slice", "by-hand"), "")
        with api.Control() as other:  # of another dataplane
            self.assertEqual(by_hand("put", "slice", "name=by-hand", "vni=7777", control=other.socket), "")
        self.assertEqual(by_hand("delete", "slice", "by-hand", "--missing-ok", control=self.control.socket + "none"), "")

    def test_from_a_file_to_the_dataplane_and_back(self):
        path = self.file("air.yaml", AIR)
        self.assertIn("+++ slice air", self.sluice("diff", "-f", path, status=1))
        self.assertNotIn("air", self.names("slice"))
        self.assertIn("2 created, 0 updated, 0 unchanged, 0 deleted", self.sluice("apply", "-f", path, "-w", "20"))
        self.assertEqual(self.names("attachment"), {"air:lan0.10"})
        self.assertEqual(self.sluice("diff", "-f", path), "")
        self.assertIn("0 created, 0 updated, 2 unchanged", self.sluice("apply", "-f", path))
        everything = self.sluice("get")
        self.assertEqual(self.sluice("diff", "--prune=all", "-f", "-", stdin=everything), "")
        self.assertEqual(self.sluice("diff", "--prune=all", "-f", "-", stdin=self.sluice("get", "-o", "json")), "")
        self.sluice("slice", "delete", "air", "-w", "20")
        self.assertNotIn("air", self.names("slice"))
        self.sluice("host", "delete", "h1")
        self.sluice("apply", "-f", "-", stdin=everything)
        self.assertEqual(self.sluice("get"), everything)

    def test_one_intent_by_words(self):
        out = self.sluice("slice", "create", "red", "tenant=kr", "bandwidth.committed_bps=5M", "endpoint=site=gj,port=lan0,vlan=20",
                          "endpoint=site=bs,port=lan0,vlan=20", "-w", "20")
        self.assertIn("slice red created, applied\n  vni ", out)
        self.assertIn("red", self.names("slice"))
        self.assertIn("-  committed_bps: 5000000\n", self.sluice("slice", "set", "red", "bandwidth=", "--dry-run"))
        self.assertEqual(self.sluice("slice", "set", "red", "bandwidth=", "endpoint=gj@lan0", "-w", "20"), "slice red set, applied\n")
        self.assertEqual(self.names("attachment"), {"red:lan0"})
        self.assertRegex(self.sluice("slice", "list", "tenant=kr", "bandwidth="), r"red +kr +l2 .* gj:lan0 +applied")
        revision = json.loads(self.sluice("slice", "show", "red", "--json"))["meta"]["revision"]
        self.assertIn("look again", self.sluice("slice", "set", "red", "weight=3", "-r", str(revision - 1), status=1))
        self.sluice("slice", "set", "red", "weight=3", "-r", str(revision))
        self.assertIn("-weight: 1\n+weight: 3", self.sluice("slice", "history", "red", "--diff"))
        self.assertIn("is there already", self.sluice("slice", "create", "red", status=1))
        self.assertIn("wan bs-kt has", self.sluice("slice", "create", "big", "bandwidth.committed_bps=200M", "endpoint=site=gj,port=lan0,vlan=9",
                                                  "endpoint=site=bs,port=lan0,vlan=9", status=1))
        self.assertIn("is used by wan gj-kt", self.sluice("site", "delete", "gj", status=1))

    def test_no_device_runs_a_program_or_writes_a_file(self):
        """DPDK gives the first to a shell, as root, and truncates the second's file."""
        mark, kept = self.file("mark", ""), self.file("kept", "what root wrote")
        os.unlink(mark)
        for device in (f"net_failsafe0,exec(id -u >{mark}; echo net_null77)", f"net_pcap5,tx_pcap={kept}", "net_null0;net_pcap0"):
            said = self.sluice("--socket", self.control.dataplane.socket, "dp", "put", "port", "name=f", f"device={device}", status=1)
            self.assertIn("none of the drivers that ports may name", said)
            self.assertIn("net_af_packetN,iface=IF", said)
            self.assertIn("none of the drivers", self.sluice("wan", "create", "bad", "site=gj", f"device={device}", status=1))
            self.control.request("PUT", "/v1/wans/evil?check=false", {"name": "evil", "site": "gj", "device": device})
            self.control.until(lambda: "none of the drivers" in self.control.get("/v1/wans/evil").json["status"].get("reason", ""), 20)
        self.assertFalse(os.path.exists(mark))
        with open(kept) as file:
            self.assertEqual(file.read(), "what root wrote")

    def test_every_mistake_is_where_it_stands_and_changes_nothing(self):
        before = self.sluice("get")
        for text, line, says in (("kind: slice\nname: a\nvni: 0\n", 3, "vni"), ("kind: slice\nname: a\nendpoints:\n- site: gj\n  port: lan9\n", 5, "lan9"),
                                 ("kind: slice\nname: a\n\ncolour: red\n", 4, "colour"), ("kind: slize\nname: a\n", 1, "kind"),
                                 ("kind: slice\n", 1, "name"), ("kind: slice\nname: [a]\n", 2, "name")):
            path = self.file("bad.yaml", "kind: site\nname: extra\n---\n" + text)
            out = self.sluice("apply", "-f", path, status=1)
            self.assertIn(f"{path}:{line + 3}: document 2", out)
            self.assertIn(says, out)
            self.assertIn(path, self.sluice("diff", "-f", path, status=2))
        self.assertEqual(self.sluice("get"), before)

    def test_what_the_dataplane_refuses(self):
        path = self.file("odd.yaml", "kind: wan\nname: odd\nsite: gj\ndevice: net_af_packet7,iface=nowhere0\naddresses: [198.18.9.1/24]\ntap: false\n")
        before = self.sluice("get")
        for option in ("--dry-run", "--no-wait"):
            out = self.sluice("apply", "-f", path, option, status=1)
            self.assertIn(f"{path}:1: document 1, wan odd: the dataplane would refuse wan odd: port odd: there is no interface nowhere0", out)
            self.assertEqual("nothing was changed" in out, option == "--no-wait")
        self.assertIn("would refuse wan odd", self.sluice("diff", "-f", path, status=1))
        for option in ("--dry-run", "--no-wait"):
            out = self.sluice("wan", "create", "odd", "site=gj", "device=net_af_packet7,iface=nowhere0", option, status=1)
            self.assertIn("the dataplane would refuse wan odd: port odd: there is no interface nowhere0", out)
        self.assertEqual(before, self.sluice("get"))
        for done in ("1 created", "1 unchanged"):  # again, as it is: it is still refused
            out = self.sluice("apply", "-f", path, "--no-check", *(["-w", "20"] if done == "1 created" else []), status=1)
            self.assertIn(done, out)
            self.assertIn(f"{path}:1: document 1, wan odd: the dataplane refused wan odd", out)
        self.sluice("apply", "-f", "-", stdin=BOXES)
        self.assertIn("odd", self.sluice("wan", "list", "state=refused"))
        self.sluice("wan", "delete", "odd")

    def test_events_status_topology_top(self):
        follower = subprocess.Popen([SLUICE, "--control", self.control.socket, "events", "-f", "-e", "intent.created", "-n", "1", "--json"],
                                    stdout=subprocess.PIPE, text=True)
        self.addCleanup(follower.kill)
        for number in range(40):  # until one is made while it listens
            self.sluice("host", "create", f"f{number}", "site=gj", "port=lan0", f"mac=02:00:00:00:01:{number:02x}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                out, _ = follower.communicate(timeout=1)
                break
        self.sluice("host", "create", "h9", "site=gj", "port=lan0", "mac=02:00:00:00:00:09")
        self.assertEqual(json.loads(out.splitlines()[0])["event"], "intent.created")
        self.assertIn("name=h9", self.sluice("events", "--event", "intent.created", "-n", "1"))
        status = self.sluice("status")
        self.assertRegex(status, r"dataplane +up, ")
        self.assertIn("objects     as wanted", status)
        self.assertIn("gj-kt", self.sluice("topology"))
        until = time.monotonic() + 20   # the first reading of the dataplane's counters comes by itself
        while "lan0" not in self.sluice("top", "ports"):
            self.assertLess(time.monotonic(), until, "top never tells of port lan0")
            time.sleep(0.05)
        self.assertIn("h9", self.sluice("history", "host"))
        self.assertIn("POST /v1/hosts", self.sluice("audit"))

    def test_completion_knows_what_is_there(self):
        for line, offered in (("wan show gj", "gj-kt"), ("slice create x endpoint=site=b", "endpoint=site=bs")):
            self.assertEqual(CliTest.patient(lambda: self.sluice("__complete", *line.split())).split(), [offered])

    def test_tokens(self):
        self.assertRegex(self.sluice("token", "create", "t1", "role=viewer", "expires=1h"), "^slt_")
        identity = self.sluice("token", "list").splitlines()[1].split()[0]
        self.sluice("token", "delete", identity)
        self.sluice("token", "delete", identity, status=1)


class Tls(unittest.TestCase):
    """From elsewhere: TLS, a token, and what is refused without them."""

    def certificate(self):
        folder = tempfile.mkdtemp(prefix="cli-tls-")
        self.addCleanup(shutil.rmtree, folder)
        paths = [os.path.join(folder, name) for name in ("cert.pem", "key.pem")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
                        "-subj", "/CN=box", "-addext", "subjectAltName=IP:127.0.0.1", "-out", paths[0], "-keyout", paths[1]],
                       check=True, capture_output=True)
        return folder, *paths

    @classmethod
    def setUpClass(cls):
        api.own_network()

    def test_tls_and_a_token(self):
        folder, certificate, key = self.certificate()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        control = api.Control(config={"listen": f"127.0.0.1:{port}", "tls": {"certificate": certificate, "key": key}}).start()
        self.addCleanup(control.close)
        token = os.path.join(folder, "token")

        def sluice(*words, status=0, target=f"https://127.0.0.1:{port}/", **env):
            done = subprocess.run([SLUICE, *words], capture_output=True, text=True, timeout=30,
                                  env={**os.environ, "SLUICE_CONTROL": target, "https_proxy": "http://127.0.0.1:9", **env})
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
            return done.stdout if status == 0 else done.stderr

        with open(token, "w") as file:
            file.write(sluice("token", "create", "kr", "role=tenant", "tenant=kr", target=control.socket))
        identity = json.loads(sluice("token", "list", "--json", target=control.socket))["items"][0]["id"]
        known = ["--cacert", certificate, "--token-file", token]
        self.assertIn("tenant kr has no grant", sluice("slice", "create", "air", "--no-wait", *known, status=1))
        sluice("tenant", "create", "kr", "slices=1", "--no-wait", target=control.socket)
        sluice("slice", "create", "air", "--no-wait", *known)
        self.assertIn("air", sluice("slice", "list", SLUICE_CACERT=certificate, SLUICE_TOKEN_FILE=token))
        self.assertIn("tenant: kr", sluice("get", "slice", "air", *known))
        self.assertIn("authority by --cacert", sluice("slice", "list", "--token-file", token, status=1))
        self.assertIn("give a token", sluice("slice", "list", "--cacert", certificate, status=1))
        self.assertIn("cannot reach", sluice("slice", "list", *known, target=f"https://localhost:{port}", status=1))
        self.assertIn("your role", sluice("site", "create", "gj", *known, status=1))
        sluice("token", "delete", identity, target=control.socket)
        self.assertIn("the token is not known", sluice("slice", "list", *known, status=1))

    def test_client_certificate(self):
        _, certificate, key = self.certificate()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        control = api.Control(config={"listen": f"127.0.0.1:{port}", "peers": [{"role": "admin"}],
                                      "tls": {"certificate": certificate, "key": key, "client_ca": certificate}}).start()
        self.addCleanup(control.close)
        token = os.path.join(control.folder, "token")
        with open(token, "w") as file:
            file.write(control.post("/v1/tokens", {"name": "op", "role": "operator"}).json["token"])

        def sluice(*words, status=0, **env):
            done = subprocess.run([SLUICE, "slice", "list", "--cacert", certificate, "--token-file", token, *words], capture_output=True,
                                  text=True, timeout=30, env={**os.environ, "SLUICE_CONTROL": f"https://127.0.0.1:{port}", **env})
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
            return done.stdout + done.stderr

        sluice("--cert", certificate, "--key", key)
        sluice(SLUICE_CERT=certificate, SLUICE_KEY=key)
        self.assertIn("cannot reach", sluice(status=1))
        self.assertIn("cannot reach", sluice("--cert", certificate, status=1))


if __name__ == "__main__":
    unittest.main()
