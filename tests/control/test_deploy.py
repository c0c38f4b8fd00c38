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
UNITS = ("sluice-dataplane.service", "sluice-control.service", "sluice-kernel.service")


@unittest.skipUnless(shutil.which("systemd-analyze"), "there is no systemd-analyze")
class Units(unittest.TestCase):
    def test_systemd_has_nothing_to_say_of_them(self):
        with tempfile.TemporaryDirectory() as folder:
            for unit in UNITS:
                with open(os.path.join(DEPLOY, unit)) as file:
                    text = file.read()
                with open(os.path.join(folder, unit), "w") as file:  # not installed here
                    file.write(text.replace("/usr/local/bin/sluice-", "/bin/true --"))
            done = subprocess.run(["systemd-analyze", "verify", *(os.path.join(folder, unit) for unit in UNITS)],
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


class Starts(unittest.TestCase):
    """What a dataplane says that cannot start, and of a table that there is not."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.dataplane = api.Dataplane(folder.name).start()
        cls.addClassCleanup(cls.dataplane.kill)

    def ends(self, *options):
        done = subprocess.run([api.DATAPLANE, "--no-huge", "--memory", "256", "--file-prefix", f"starts{os.getpid()}", *options],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr

    def test_a_second_one_is_told_what_it_needs(self):
        said = self.ends("--socket", self.dataplane.socket)
        self.assertIn("Address already in use\n", said)
        self.assertIn("a second one takes a --socket and a --file-prefix of its own", said)

    def test_a_mistyped_driver_is_told_the_nearest(self):
        said = self.ends("--socket", self.dataplane.socket + "2", "--allow-device", "net_pcap", "--allow-device", "net_pcpa")
        self.assertIn("--allow-device net_pcpa: DPDK has no such driver here; the nearest is net_pcap\n", said)

    def test_all_tables_are_named_to_who_asks_for_another(self):
        with self.assertRaises(RuntimeError) as refused:
            self.dataplane.call("table.read", table="nosuch")
        names = refused.exception.args[0]["data"]["want"].split(", ")
        self.assertIn("tunnel_peers", names)
        for name in names:
            self.assertIn("entries", self.dataplane.call("table.read", table=name))


BOX, USER = 2101, 2102  # the group of the dataplane's socket; the user of sluice-control


class Lock(unittest.TestCase):
    """One sluice-control a dataplane, with the users and folders of tmpfiles.conf and the units."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder, self.controls = folder.name, 0
        os.chmod(self.folder, 0o755)
        self.run = os.path.join(self.folder, "run")
        os.mkdir(self.run)
        os.chown(self.run, 0, BOX)
        os.chmod(self.run, 0o750)
        self.socket = os.path.join(self.run, "dataplane.sock")
        self.lock = self.socket + ".control"

    def dataplane(self):
        """As the unit's Group= has it."""
        dataplane = api.Dataplane(self.folder)
        dataplane.socket = self.socket
        spawn, dataplane.spawn = dataplane.spawn, lambda words: spawn(["setpriv", "--regid", str(BOX), "--clear-groups", *words])
        self.addCleanup(dataplane.kill)
        return dataplane.start()

    def control(self, groups=str(BOX)):
        """(process, its log), with a store and socket of its own."""
        self.controls += 1
        own = os.path.join(self.folder, f"control{self.controls}")
        os.mkdir(own)
        os.chown(own, USER, USER)
        words = ["setpriv", "--reuid", str(USER), "--regid", str(USER), *(["--groups", groups] if groups else ["--clear-groups"]),
                 api.CONTROL, "--site", "a", "--dataplane", self.socket, "--socket", own + "/control.sock", "--store", own + "/store"]
        with open(own + "/log", "wb") as log:
            process = subprocess.Popen(words, stdout=log, stderr=log, cwd=self.folder)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        return process, own + "/log"

    def said(self, log):
        with open(log, errors="replace") as file:
            return file.read()

    def starts(self, process, log):
        end = time.monotonic() + 60 * api.SLOW
        while "ready on" not in self.said(log):
            self.assertIsNone(process.poll(), self.said(log))
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)
        self.assertNotIn("lock", self.said(log))

    def refused(self, process, log, *texts):
        self.assertEqual(process.wait(60), 1, self.said(log))
        for text in texts:
            self.assertIn(text, self.said(log))

    def test_a_second_control_does_not_start(self):
        with open(self.lock, "w"):  # as an older version left it
            os.chmod(self.lock, 0o600)
        self.dataplane()
        found = os.stat(self.lock)
        self.assertEqual((found.st_mode & 0o777, found.st_uid, found.st_gid), (0o640, 0, BOX))
        first = self.control()
        self.starts(*first)
        self.refused(*self.control(), "another sluice-control works this dataplane")
        first[0].kill()
        first[0].wait()
        self.starts(*self.control())

    def test_who_cannot_lock_it_is_told_what_to_do(self):
        for groups in (str(BOX), None):
            self.refused(*self.control(groups), self.lock, "Permission denied", "start sluice-dataplane")
        with open(os.path.join(DEPLOY, "tmpfiles.conf")) as file:  # beforehand, where it is installed
            line = next(line.split() for line in file if line.startswith("f "))
        self.assertEqual(line[1:5], ["/run/sluice-dataplane/dataplane.sock.control", "0640", "root", "sluice-dataplane"])
        with open(self.lock, "w"):
            os.chmod(self.lock, int(line[2], 8))
            os.chown(self.lock, 0, BOX)
        self.starts(*self.control())

    def test_who_may_make_it_does(self):
        os.chown(self.run, USER, BOX)
        self.starts(*self.control())
        self.assertEqual(os.stat(self.lock).st_uid, USER)
        self.refused(*self.control(), "another sluice-control works this dataplane")
        self.dataplane()  # a file of others is as good
        self.refused(*self.control(), "another sluice-control works this dataplane")


if __name__ == "__main__":
    unittest.main()
