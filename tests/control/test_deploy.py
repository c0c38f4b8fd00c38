#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The units of scripts/deploy, as systemd reads them."""
import os
import shutil
import subprocess
import tempfile
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


if __name__ == "__main__":
    unittest.main()
