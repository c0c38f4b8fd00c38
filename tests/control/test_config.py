#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The options and the file of sluice-control: what is wrong is named, and nothing starts."""
import json
import os
import subprocess
import tempfile
import unittest

import api


def control(*words):
    done = subprocess.run([api.CONTROL, *words], capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout, done.stderr


def certificate(folder):
    cert, key = (os.path.join(folder, name) for name in ("cert.pem", "key.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=gj", "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


class Config(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "control.json")

    def check(self, text, *words):
        with open(self.path, "w") as file:
            file.write(text if isinstance(text, str) else json.dumps(text))
        return control("--check", "--config", self.path, *words)

    def refused(self, text, *said):
        status, _, stderr = self.check(text)
        self.assertEqual(status, 2, stderr)
        for word in said:
            self.assertIn(word, stderr)

    def test_help_and_version_are_answered(self):
        status, out, _ = control("--help")
        self.assertEqual(status, 0)
        for word in ("--socket", "--listen", "--dataplane", "--store", "--config", "--site", "metrics_slices", ".requests_each_s"):
            self.assertIn(word, out)
        self.assertRegex(control("--version")[1], r"^sluice-control \d+\.\d+\.\d+\n$")

    def test_strange_options_are_refused(self):
        for words in (["--strange"], ["word"], ["--socket"], ["--site", "no name"], ["--store", "x" * 300]):
            status, _, stderr = control("--check", *words)
            self.assertEqual(status, 2, words)
            self.assertTrue(stderr)

    def test_tcp_is_refused_without_tls(self):
        status, _, stderr = control("--check", "--listen", "127.0.0.1:0")
        self.assertEqual(status, 2)
        self.assertIn("tls", stderr)

    def test_a_whole_file_is_taken(self):
        cert, key = certificate(self.folder.name)
        file = {
            "site": "gj", "socket": "/tmp/s", "listen": "127.0.0.1:8443", "dataplane": "/tmp/d", "store": "/tmp/store",
            "tls": {"certificate": cert, "key": key, "client_ca": cert}, "peers": [{"user": "root", "role": "admin"},
            {"group": "0", "role": "tenant", "tenant": "kma"}], "keep": ["route", "slice lab-*"], "resync_s": 30,
            "limits": {"connections": 10, "body_bytes": 1000}, "metrics_slices": 5, "log": {"level": "debug"}}
        status, out, stderr = self.check(file)
        self.assertEqual((status, stderr), (0, ""))
        self.assertIn("fine", out)
        for field in ("certificate", "key", "client_ca"):  # what is not there is said before the start
            status, _, stderr = self.check({**file, "tls": {**file["tls"], field: cert + ".none"}})
            self.assertEqual(status, 2)
            self.assertIn(cert + ".none", stderr)

    def test_the_mistake_is_named(self):
        self.refused("{", self.path + ":1")
        self.refused({"sitee": "gj"}, "sitee")
        self.refused({"resync_s": 0}, "resync_s", "1 to 86400")
        self.refused({"limits": {"connections": "many"}}, "limits.connections", "many")
        self.refused({"tls": {"certificate": "/c"}}, "tls.key")
        self.refused({"peers": [{"role": "king"}]}, "peers[0].role", "king")
        self.refused({"peers": [{"user": "nobody-of-that-name", "role": "viewer"}]}, "nobody-of-that-name")
        self.refused({"peers": [{"role": "tenant"}]}, "tenant")
        self.refused({"log": {"level": "loud"}}, "log.level")
        self.refused({"keep": ["slice lab-*", "rout"]}, "keep", '"rout"')

    def test_a_missing_file_is_named(self):
        status, _, stderr = control("--check", "--config", self.path)
        self.assertEqual(status, 2)
        self.assertIn(self.path, stderr)
        self.assertNotIn(":-1", stderr)

    def test_check_refuses_what_the_start_would_in_its_words_and_makes_nothing(self):
        plain, store, new = (os.path.join(self.folder.name, name) for name in ("plain", "store", "new"))
        open(plain, "w").close()
        usual = {"--store": store, "--socket": self.folder.name + "/c.sock", "--dataplane": self.folder.name + "/d.sock"}
        for given in ({"--metrics-listen": "banana"}, {"--metrics-listen": "0.0.0.0:9100"}, {"--metrics-listen": "[::]:9100"},
                      {"--metrics-listen": "127.0.0.1:99999"}, {"--store": "/nonexistent/x"}, {"--store": plain + "/x"}, {"--store": plain},
                      {"--socket": "/nonexistent/a/c.sock"}, {"--socket": plain}, {"--socket": "/tmp/" + "x" * 110}, {"--socket": "/tmp/" + "x" * 98},
                      {"--config": {"log": {"file": "/nonexistent/log"}}}, {"--config": {"metrics_listen": "[::1]:70000"}},
                      {"--config": {"store": "/nonexistent/y"}, "--store": None}):
            if "--config" in given:
                with open(self.path, "w") as file:
                    json.dump(given["--config"], file)
                given = {**given, "--config": self.path}
            words = [word for option, value in {**usual, **given}.items() if value is not None for word in (option, value)]
            before = sorted(os.listdir(self.folder.name))
            status, out, said = control("--check", *words)
            self.assertEqual((status, out), (2, ""), given)
            self.assertEqual(sorted(os.listdir(self.folder.name)), before, given)
            status, _, started = control(*words)
            self.assertIn(status, (1, 2), given)
            self.assertIn(said, started, given)
        words = [word for option, value in {**usual, "--store": new}.items() for word in (option, value)]
        before = sorted(os.listdir(self.folder.name))
        self.assertEqual(control("--check", *words)[0], 0)
        self.assertEqual(sorted(os.listdir(self.folder.name)), before)

    def test_check_is_for_a_running_one_too(self):
        with api.Control(site="gj") as running:
            self.assertEqual(control("--check", "--site", "gj", "--socket", running.socket, "--store", running.store)[::2], (0, ""))

    def test_a_tcp_address_is_checked(self):
        cert, key = certificate(self.folder.name)
        for where, status in (("0.0.0.0:99999", 2), ("banana", 2), ("127.0.0.1:0", 2), ("127.0.0.1:8443", 0), ("[::1]:8443", 0)):
            got, _, stderr = self.check({"tls": {"certificate": cert, "key": key}, "store": self.folder.name + "/store",
                                         "socket": self.folder.name + "/c.sock", "listen": where})
            self.assertEqual(got, status, where)
            self.assertEqual(f"listen {where}: want ADDR:PORT" in stderr, status == 2, stderr)

    def test_a_socket_that_cannot_be_is_said(self):
        plain = os.path.join(self.folder.name, "plain")
        open(plain, "w").close()
        for path, said in ((plain, "is no socket"), (self.folder.name + "/a/b/c.sock", "make its folder")):
            status, _, stderr = control("--store", os.path.join(self.folder.name, "store"), "--socket", path)
            self.assertEqual(status, 1, stderr)
            self.assertIn(said, stderr)
            self.assertIn("--socket", stderr)

    def test_a_store_that_cannot_be_is_said(self):
        status, _, stderr = control("--store", "/proc/nowhere", "--socket", os.path.join(self.folder.name, "c.sock"))
        self.assertEqual(status, 1)
        self.assertIn("/proc/nowhere", stderr)


class OtherSite(unittest.TestCase):
    def test_a_store_of_another_site_is_refused_before_it_empties_the_dataplane(self):
        with api.Control(site="gj", dataplane=True) as first:
            answer = first.apply([{"kind": "site", "name": "gj", "ports": [{"name": "lan0", "device": "net_null0,no-rx=1"}]}], "?wait=10")
            self.assertEqual(answer.status, 200, answer)
            first.stop()
            status, _, stderr = control("--site", "bu", "--socket", first.socket, "--store", first.store,
                                        "--dataplane", os.path.join(first.folder, "dataplane.sock"))
            self.assertEqual(status, 1, stderr)
            self.assertIn("this store is of site gj, not bu: give --site gj", stderr)
            self.assertEqual(len(first.dataplane.list("port")), 1)
            first.start()
            self.assertEqual(first.get("/v1/sites").status, 200)


class Twice(unittest.TestCase):
    def test_a_second_control_of_one_dataplane_does_not_start(self):
        with api.Control() as first, tempfile.TemporaryDirectory() as other:
            here = os.path.join(first.folder, "dataplane.sock")
            link = os.path.join(other, "folder")
            os.symlink(first.folder, link)
            for way in (here, os.path.join(link, "dataplane.sock")):
                status, _, stderr = control("--site", "gj", "--socket", other + "/c.sock", "--store", other + "/store",
                                            "--dataplane", way)
                self.assertEqual(status, 1, stderr)
                self.assertIn("another sluice-control works this dataplane", stderr)
            first.kill()
            first.start()  # what is killed holds nothing
            self.assertEqual(first.get("/v1/sites").status, 200)


if __name__ == "__main__":
    unittest.main()
