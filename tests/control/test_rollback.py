#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: once
"""A store with an intent that this version of sluice-control cannot read, as after a rollback of the program: nothing of it is
touched, and whoever starts it is told what to do."""
import json
import os
import sqlite3
import subprocess
import unittest

import api

GROUND = [api.site("gj", {"name": "p1", "device": api.null(0)}), api.site("bs", "p1")]


class Rollback(unittest.TestCase):
    def setUp(self):
        self.control = api.Control(dataplane=True).start()
        self.addCleanup(self.control.close)
        self.control.apply([*GROUND, api.slice_("live", "gj/p1/10"), api.slice_("other", "gj/p1/20")], "?wait=10")
        self.slices({"live", "other"})

    def slices(self, want):
        self.control.until(lambda: {one["name"] for one in self.control.dataplane.list("slice")} == want, 10)

    def store(self, *statement):
        base = sqlite3.connect(os.path.join(self.control.store, "store.db"))
        with base:
            rows = list(base.execute(*statement))
        base.close()
        return rows

    def refused(self):
        done = subprocess.run([api.CONTROL, "--site", "gj", "--socket", self.control.socket, "--store", self.control.store, "--dataplane",
                               self.control.dataplane.socket], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1, done)
        return done.stderr

    def test_what_cannot_be_read_is_not_touched(self):
        for change in ("update intent set spec = json_set(spec, '$.a_field_of_next_week', 1) where name = 'live'",
                       "update intent set kind = 'quantum-slice' where name = 'live'",
                       "update intent set spec = '{' where name = 'live'"):
            with self.subTest(change=change):
                self.control.stop()
                before = self.store("select * from intent where name = 'live'")
                self.store(change)
                said = self.refused()
                self.assertIn("1 intents cannot be read", said)
                self.assertIn("live", said)
                self.assertIn("--discard-unread", said)
                self.assertEqual({one["name"] for one in self.control.dataplane.list("slice")}, {"live", "other"})
                self.store("delete from intent where name = 'live'")
                self.store("insert into intent values (?, ?, ?, ?, ?, ?, ?)", before[0])
                self.control.start()
                self.slices({"live", "other"})

    def test_it_goes_when_told_so(self):
        self.control.stop()
        self.store("update intent set spec = json_set(spec, '$.a_field_of_next_week', 1) where name = 'live'")
        self.control.options = ["--discard-unread"]
        self.control.start()
        self.slices({"other"})
        self.assertEqual(self.control.get("/v1/slices/live").status, 404)
        last = self.control.get("/v1/slices/live/history").json["items"][0]
        self.assertEqual((last["actor"], last["after"], last["before"]["a_field_of_next_week"]), ("root", None, 1))
        self.control.stop()
        self.control.options = []
        self.control.start()

    def test_store_knows_the_oldest_version_that_reads_it(self):
        self.control.stop()
        self.assertEqual(self.store("select format from meta"), [(0,)])
        self.control.start()
        air = api.slice_("live", "gj/p1/10", bandwidth={"committed_bps": 1000000, "burst_ms": 100})
        self.assertEqual(self.control.put("/v1/slices/live", air).status, 200)
        self.control.delete("/v1/slices/live")
        self.control.stop()
        self.assertEqual(self.store("select format from meta"), [(1,)])
        version, = self.store("pragma user_version")[0]
        self.store(f"pragma user_version = {version + 1}")  # what every version before this one sees
        self.assertIn("newer sluice-control", self.refused())
        self.assertEqual(json.loads(json.dumps(self.store("select count(*) from intent"))), [[3]])
        self.store(f"pragma user_version = {version}")


if __name__ == "__main__":
    unittest.main()
