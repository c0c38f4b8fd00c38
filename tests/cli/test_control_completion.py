#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Completion of the words for sluice-control: from the tables of intents, and names from a scripted server."""
import os
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake import SLUICE, TOP  # noqa: E402
from fake_control import ControlTest  # noqa: E402


class Completion(ControlTest):
    def setUp(self):
        super().setUp()
        self.routes["GET /v1/slices"] = {"items": [{"name": "air"}, {"name": "aqua"}, {"name": "red"}]}
        self.routes["GET /v1/sites"] = {"items": [{"name": "gj"}, {"name": "bs"}]}
        self.routes["GET /v1/tokens"] = {"items": [{"id": "17"}]}

    def offered(self, line, tries=5, **how):
        return self.patient(lambda: self.out("__complete", *line.split(" "), **how), tries).split()

    def test_commands(self):
        everything = self.offered("")
        for word in ("site", "slice", "local-network", "dp", "token", "apply", "diff", "get", "top"):
            self.assertIn(word, everything)
        self.assertEqual(self.offered("slice s"), ["set", "show"])
        self.assertEqual(self.offered("token "), ["create", "list", "delete"])
        self.assertEqual(self.offered("slice bogus "), [])

    def test_names(self):
        self.assertEqual(self.offered("slice show a"), ["air", "aqua"])
        self.assertEqual(self.offered("slice show air "), [])
        self.assertEqual(self.offered("slice delete air r"), ["red"])
        self.assertEqual(self.offered("slice set a"), ["air", "aqua"])
        self.assertEqual(self.offered("slice create a"), [])
        self.assertEqual(self.offered("get slice a"), ["air", "aqua"])
        self.assertEqual(self.offered("get sl"), ["slice"])
        self.assertEqual(self.offered("history sl"), ["slice"])
        self.assertEqual(self.offered("token delete "), ["17"])

    def test_fields_and_their_values(self):
        self.assertEqual(self.offered("slice create x ten"), ["tenant="])
        self.assertEqual(self.offered("slice create x tenant=a ten"), [])
        self.assertEqual(self.offered("slice create x service="), ["service=l2", "service=l3"])
        self.assertEqual(self.offered("slice create x ba"), ["bandwidth."])
        self.assertEqual(self.offered("slice set air bandwidth.c"), ["bandwidth.committed_bps="])
        self.assertEqual(self.offered("network create x ex"), ["exclusive="])
        self.assertEqual(self.offered("network create x exclusive=t"), ["exclusive=true"])
        self.assertEqual(self.offered("wan create w site="), ["site=gj", "site=bs"])

    def test_items_of_lists(self):
        self.assertEqual(self.offered("slice create x endp"), ["endpoint="])
        self.assertEqual(self.offered("site create x gt"), ["gtpu="])
        self.assertEqual(self.offered("slice create x endpoint=s"), ["endpoint=site="])
        self.assertEqual(self.offered("slice create x endpoint=site=g"), ["endpoint=site=gj"])
        self.assertEqual(self.offered("slice create x endpoint=site=gj,po"), ["endpoint=site=gj,port="])
        self.assertEqual(self.offered("slice create x endpoint=gj@a endp"), ["endpoint="])

    def test_filters(self):
        self.assertEqual(self.offered("slice list state=r"), ["state=refused"])
        self.assertEqual(self.offered("slice list site=g"), ["site=gj"])

    def test_options(self):
        self.assertIn("--dry-run", self.offered("slice create x --"))
        self.assertIn("--control", self.offered("slice create x --"))
        self.assertNotIn("--control", self.offered("dp put --"))
        self.assertEqual(self.offered("apply -f "), [":files"])
        self.assertEqual(self.offered("apply -f a.yaml -f "), [":files"])
        self.assertEqual(self.offered("--control "), [":files"])
        self.assertEqual(self.offered("get -o "), ["yaml", "json"])
        self.assertEqual(self.offered("top "), ["slices", "ports", "tunnels"])
        self.assertEqual(self.offered("events -e dri"), ["drift"])
        self.assertEqual(self.offered(f"--control {self.control.path} slice show r", env={"SLUICE_CONTROL": "/nowhere"}), ["red"])

    def test_nobody_is_waited_for(self):
        self.assertEqual(self.offered("slice show ", env={"SLUICE_CONTROL": "/nowhere"}), [])

        def slow(asked):
            time.sleep(30)
            return {}
        self.routes["GET /v1/slices"] = slow
        before = time.monotonic()
        self.assertEqual(self.offered("slice show ", tries=1), [])
        self.assertLess(time.monotonic() - before, 15)

    def test_bash_makes_the_right_line_of_it(self):
        for line, reply in (("slice show a", ["air", "aqua"]), ("slice create x endpoint=site=g", ["gj"]), ("slice create x ba", ["bandwidth."])):
            script = f'''. {TOP}/scripts/completion/sluice.bash
                COMP_LINE=$1 COMP_POINT=${{#1}}
                _sluice sluice
                printf '%s\\n' "${{COMPREPLY[@]}}"'''
            done = self.patient(lambda: subprocess.run(["bash", "--norc", "-c", script, "bash", f"{SLUICE} {line}"], timeout=20, text=True,
                                                       capture_output=True, env={**os.environ, "SLUICE_CONTROL": self.control.path}))
            self.assertEqual((done.returncode, done.stderr, done.stdout.split()), (0, "", reply))


if __name__ == "__main__":
    unittest.main()
