#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""`sluice-dataplane --burst`: how many frames a worker takes from a queue at once."""
import json
import os
import subprocess
import tempfile
import time
import unittest

from fake import BUILD

DATAPLANE = os.path.join(BUILD, "dataplane", "sluice-dataplane")
SLUICE = os.path.join(BUILD, "control", "sluice")
L1_BYTES = int(subprocess.check_output(["getconf", "LEVEL1_DCACHE_SIZE"]))


class Burst(unittest.TestCase):
    def per_loop(self, *options):
        """Frames that each turn of a worker takes from net_null, which gives as many as it is asked for."""
        with tempfile.TemporaryDirectory(prefix="sluice-burst-") as folder:
            path, config = os.path.join(folder, "dataplane.sock"), os.path.join(folder, "config.json")
            with open(config, "w") as file:
                json.dump({"ops": [{"op": "put", "type": "port", "objects": [{"name": "in0", "device": "net_null0"}]}]}, file)
            process = subprocess.Popen(
                [DATAPLANE, "--no-huge", "--memory", "256", "--file-prefix", f"burst{os.getpid()}", "--socket", path,
                 "--config", config, *options], stderr=subprocess.PIPE, text=True)
            try:
                until, seen = time.monotonic() + 60, []
                while True:
                    self.assertIsNone(process.poll(), "it has ended by itself")
                    self.assertLess(time.monotonic(), until, "no packets came")
                    time.sleep(0.05)
                    answer = subprocess.run([SLUICE, "--socket", path, "--json", "dp", "stats", "worker"],
                                            capture_output=True, text=True)
                    worker = json.loads(answer.stdout)["objects"]["worker0"] if answer.returncode == 0 else {"packets": 0}
                    if worker["packets"] > 100000:
                        seen.append(worker["packets"] / (worker["loops"] - worker["idle_loops"]))
                    if len(seen) == 5:  # who reads may be kept waiting between one counter and the next
                        return sorted(seen)[2]
            finally:
                process.terminate()
                process.communicate(timeout=60)

    def test_as_asked_for(self):
        # a turn may be counted before or after what it took
        self.assertAlmostEqual(self.per_loop("--burst", "5"), 5, delta=0.1)

    def test_by_the_cache(self):
        self.assertAlmostEqual(self.per_loop(), 64 if L1_BYTES >= 48 << 10 else 32, delta=0.5)

    def test_what_it_cannot_be(self):
        for wrong in "0", "65", "many", "":
            done = subprocess.run([DATAPLANE, "--burst", wrong], capture_output=True, text=True)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("--burst", done.stderr)
            self.assertIn("64", done.stderr)


if __name__ == "__main__":
    unittest.main()
