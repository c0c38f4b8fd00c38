#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""SIGTERM and SIGINT end `sluice-dataplane` cleanly at any time of its life, also while it starts."""
import os
import signal
import subprocess
import tempfile
import time
import unittest

from fake import BUILD

DATAPLANE = os.path.join(BUILD, "dataplane", "sluice-dataplane")


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


class Stop(unittest.TestCase):
    def stop(self, sig, moment):
        """Starts it, sends the signal when moment(process, socket) has come: what it left with and said."""
        with tempfile.TemporaryDirectory(prefix="sluice-stop-") as folder:
            path = os.path.join(folder, "dataplane.sock")
            process = subprocess.Popen(
                [DATAPLANE, "--no-huge", "--memory", "256", "--idle", "nap", "--file-prefix", f"stop{os.getpid()}",
                 "--socket", path], stderr=subprocess.PIPE, text=True)
            try:
                until = time.monotonic() + 30
                while not moment(process, path):
                    self.assertIsNone(process.poll(), "it has ended by itself")
                    self.assertLess(time.monotonic(), until, "the moment has not come")
                    time.sleep(0.0005)
                process.send_signal(sig)
                err = process.communicate(timeout=60)[1]
            finally:
                process.kill()
                process.communicate()
            self.assertFalse(os.path.exists(path), "its socket is left")
            return process.returncode, err

    def test_while_dpdk_starts(self):
        for sig in signal.SIGTERM, signal.SIGINT:
            code, err = self.stop(sig, lambda process, path: threads(process.pid) > 1)
            self.assertEqual(code, 0, err)
            self.assertIn("stopping", err)

    def test_before_its_loop_runs(self):
        code, err = self.stop(signal.SIGTERM, lambda process, path: os.path.exists(path))
        self.assertEqual(code, 0, err)

    def test_twice(self):
        def moment(process, path):
            if threads(process.pid) < 2:
                return False
            process.send_signal(signal.SIGINT)
            return True
        code, err = self.stop(signal.SIGTERM, moment)
        self.assertEqual(code, 0, err)


if __name__ == "__main__":
    unittest.main()
