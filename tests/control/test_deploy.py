#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The units of scripts/deploy, as systemd reads them."""
import os
import shutil
import subprocess
import tempfile
import time
import unittest

import api

DEPLOY = os.path.join(api.TOP, "scripts", "deploy")


@unittest.skipUnless(shutil.which("systemd-analyze"), "there is no systemd-analyze")
class Units(unittest.TestCase):
    def test_systemd_has_nothing_to_say_of_them(self):
        with tempfile.TemporaryDirectory() as folder:
            for unit in ("sluice-dataplane.service", "sluice-control.service"):
                with open(os.path.join(DEPLOY, unit)) as file:
                    text = file.read()
                with open(os.path.join(folder, unit), "w") as file:  # not installed here
                    file.write(text.replace("/usr/local/bin/sluice-", "/bin/true --"))
            drop_in = os.path.join(folder, "sluice-control.service.d")
            os.mkdir(drop_in)
            shutil.copy(os.path.join(DEPLOY, "sluice-control-kernel.conf"), drop_in)
            done = subprocess.run(["systemd-analyze", "verify", *(os.path.join(folder, unit) for unit in
                                                                  ("sluice-dataplane.service", "sluice-control.service"))],
                                  capture_output=True, text=True, timeout=60, check=False,
                                  env={**os.environ, "SYSTEMD_UNIT_PATH": folder + ":"})
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))


class Files(unittest.TestCase):
    """The configurations as they are shipped, with nothing beside them."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def shipped(self, name, replace=()):
        """A copy with a group that this machine has, for the one that step 3 makes."""
        path = os.path.join(self.folder, name)
        with open(os.path.join(DEPLOY, name)) as shipped, open(path, "w") as file:
            text = shipped.read().replace('"group": "sluice"', '"group": "root"')
            for was, now in replace:
                text = text.replace(was, now)
            file.write(text)
        return path

    def check(self, path):
        done = subprocess.run([api.CONTROL, "--config", path, "--check"], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_control_json_starts_as_it_is(self):
        path = self.shipped("control.json")
        self.assertEqual(self.check(path)[0], 0, self.check(path))
        socket = os.path.join(self.folder, "control.sock")
        with subprocess.Popen([api.CONTROL, "--config", path, "--socket", socket, "--store", os.path.join(self.folder, "store"),
                               "--dataplane", os.path.join(self.folder, "none")], stderr=subprocess.PIPE) as control:
            try:
                end = time.monotonic() + 60
                while not os.path.exists(socket):
                    self.assertIsNone(control.poll(), control.stderr)
                    self.assertLess(time.monotonic(), end)
                    time.sleep(0.02)
                conn = api.UnixConnection(socket)
                conn.request("GET", "/v1/status")
                status = api.Answer(conn.getresponse())
                conn.close()
                self.assertEqual((status.status, status.json["site"]), (200, "gwangju"), status)
            finally:
                control.terminate()

    def test_control_tls_json_wants_the_certificate_that_the_readme_makes(self):
        path = self.shipped("control-tls.json", replace=[("/etc/sluice", self.folder)])
        status, said = self.check(path)
        self.assertNotEqual(status, 0)
        self.assertIn(self.folder + "/tls.pem", said)
        with open(os.path.join(DEPLOY, "README.md")) as readme:
            making = [line.split("  #")[0] for line in readme.read().splitlines() if line.startswith(("openssl ", "echo \"subjectAltName"))]
        self.assertGreaterEqual(len(making), 4, making)
        subprocess.run("set -e\n" + "\n".join(making), shell=True, cwd=self.folder, check=True, capture_output=True, timeout=60)
        os.chmod(os.path.join(self.folder, "tls.key"), 0o400)
        self.assertEqual(self.check(path)[0], 0, self.check(path))


if __name__ == "__main__":
    unittest.main()
