#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A full disk under the store: changes are refused with 507 and change nothing, reading goes on, and with room again so
does all. The disk is a small tmpfs in this process's own mount namespace."""
import ctypes
import os
import subprocess
import unittest

import api
from api import slice_

CLONE_NEWNS = 0x00020000


def own_mounts():
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


class FullDisk(unittest.TestCase):
    def test_a_full_disk_is_507_and_loses_nothing(self):
        own_mounts()
        control = api.Control()
        self.addCleanup(control.close)
        os.mkdir(control.store, 0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", control.store], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", control.store], check=False)
        control.start()
        self.assertEqual(control.apply(api.world()).status, 200)
        self.assertEqual(control.post("/v1/slices", slice_("air", "gj/p1/10")).status, 201)

        filler = os.path.join(control.store, "filler")
        with self.assertRaises(OSError), open(filler, "wb", buffering=0) as file:
            while True:
                if file.write(bytes(4096)) < 4096:
                    raise OSError("full")
        for round_ in range(1000):  # until what the WAL still had is used up
            last = control.patch("/v1/slices/air", {"description": "x" * 100 + str(round_)})
            if last.status != 200:
                break
        self.assertEqual(last.status, 507, last)
        self.assertEqual(last.headers["Content-Type"], "application/problem+json")
        before = control.get("/v1/slices/air")
        for _ in range(5):
            self.assertEqual(control.patch("/v1/slices/air", {"description": "y"}).status, 507)
            self.assertEqual(control.apply([slice_("bee", "gj/p1/11")]).status, 507)
            self.assertEqual(control.delete("/v1/slices/air").status, 507)
            self.assertEqual(control.post("/v1/tokens", {"name": "t", "role": "viewer"}).status, 507)
        self.assertEqual(control.get("/v1/slices/air").text, before.text)
        self.assertEqual(len(control.all("/v1/slices")), 1)

        control.kill()  # and it comes up without room, too
        control.start()
        self.assertEqual({**control.get("/v1/slices/air").json, "status": 0}, {**before.json, "status": 0})
        self.assertEqual(control.patch("/v1/slices/air", {"description": "y"}).status, 507)

        os.unlink(filler)
        self.assertEqual(control.patch("/v1/slices/air", {"description": "y"}).status, 200)
        control.kill()
        control.start()
        self.assertEqual(control.get("/v1/slices/air").json["description"], "y")


if __name__ == "__main__":
    unittest.main()
