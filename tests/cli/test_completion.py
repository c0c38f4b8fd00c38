#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Completion: what `sluice __complete` offers, and that bash makes the right line of it."""
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake import SLUICE, TOP, CliTest, Refusal  # noqa: E402

OBJECTS = {
    "slice": [{"name": "blue", "vni": 1}, {"name": "blush", "vni": 2}, {"name": "red", "vni": 3}],
    "port": [{"name": "wan0"}, {"name": "lan0"}],
    "tunnel": [{"name": "t1"}],
    "member": [{"slice": "blue", "tunnel": "t1"}, {"slice": "blue", "tunnel": "t2"}, {"slice": "red", "tunnel": "t1"}],
    "mac": [{"slice": "blue", "mac": "02:00:00:00:00:01"}, {"slice": "blue", "mac": "02:00:00:00:00:02"}],
    "address": [{"port": "wan0", "prefix": "198.18.0.1/24"}, {"attachment": "a1", "prefix": "10.0.0.1/24"}],
    "attachment": [{"name": "a1"}],
}


class CompletionTest(CliTest):
    def setUp(self):
        super().setUp()
        self.fake.handlers["list"] = self.list
        self.fake.handlers["stats"] = lambda params: {"objects": {"worker0": {}, "worker1": {}}}
        self.fake.handlers["table.list"] = {"tables": [{"name": "fdb"}, {"name": "vtep4"}]}

    @staticmethod
    def list(params):
        match = params.get("match", {})
        if params["type"] not in OBJECTS:
            raise Refusal(-32602, "no such type")
        return {"objects": [o for o in OBJECTS[params["type"]] if all(o.get(k) == v for k, v in match.items())]}


class Candidates(CompletionTest):
    def offered(self, line, **how):
        words = line.split(" ")
        return self.patient(lambda: self.out("__complete", *words, **how)).split()

    def test_commands_and_types(self):
        self.assertEqual(self.offered("d"), ["dp", "diff"])
        self.assertEqual(self.offered("dp p"), ["put"])
        self.assertEqual(self.offered("dp t"), ["table", "trace"])
        self.assertEqual(self.offered("dp put m"), ["member", "mac", "meter"])
        self.assertIn("worker", self.offered("dp stats "))
        self.assertEqual(self.offered("nonsense x"), [])
        self.assertEqual(self.offered("dp nonsense x"), [])

    def test_fields_that_are_not_yet_given(self):
        self.assertEqual(self.offered("dp put slice name=x v"), ["vni="])
        self.assertNotIn("name=", self.offered("dp put slice name=x "))
        self.assertNotIn("static_macs=", self.offered("dp put slice "))
        self.assertIn("learned=", self.offered("dp list mac "))
        self.assertIn("via=", self.offered("dp put route via=1.2.3.4@wan0 "))

    def test_values_of_fields(self):
        self.assertEqual(self.offered("dp put slice kind="), ["kind=l2", "kind=l3"])
        self.assertEqual(self.offered("dp put port tap=t"), ["tap=true"])
        self.assertEqual(self.offered("dp put attachment slice=bl"), ["slice=blue", "slice=blush"])
        self.assertEqual(self.offered("dp put slice name="), ["name=blue", "name=blush", "name=red"])
        self.assertEqual(self.offered("dp put route table="), ["table=underlay", "table=blue", "table=blush", "table=red"])
        self.assertEqual(self.offered("dp put slice vni="), [])

    def test_vias(self):
        self.assertEqual(self.offered("dp put route via=1.2.3.4@w"), ["via=1.2.3.4@wan0"])
        self.assertEqual(self.offered("dp put route via=tunnel:"), ["via=tunnel:t1"])
        self.assertEqual(self.offered("dp put route via=t"), ["via=tunnel:"])
        self.assertEqual(self.offered("dp put route via=1.2.3.4@t"), ["via=1.2.3.4@tunnel:"])
        self.assertEqual(self.offered("dp put route via=1.2.3.4@tunnel:"), ["via=1.2.3.4@tunnel:t1"])

    def test_keys_word_by_word(self):
        self.assertEqual(self.offered("dp delete member "), ["blue", "blush", "red"])
        self.assertEqual(self.offered("dp delete member blue "), ["t1", "t2"])
        self.assertEqual(self.offered("dp delete member red "), ["t1"])
        self.assertEqual(self.offered("dp delete member red t1 b"), ["blue", "blush"])
        self.assertEqual(self.offered("dp get slice b"), ["blue", "blush"])
        self.assertEqual(self.offered("dp get slice blue "), [])
        self.assertEqual(self.offered("dp get address "), ["wan0", "a1"])
        self.assertEqual(self.offered("dp get address a1 "), ["10.0.0.1/24"])
        self.assertEqual(self.offered("dp stats worker "), ["worker0", "worker1"])

    def test_macs_are_asked_for_by_slice(self):
        self.assertEqual(self.offered("dp get mac blue 02:00:00:00:00:02"), ["02:00:00:00:00:02"])
        self.assertEqual(self.fake.asked[-1][1]["match"], {"slice": "blue"})

    def test_options_and_their_values(self):
        self.assertIn("--dropped", self.offered("dp trace --"))
        self.assertEqual(self.offered("dp trace --port "), ["wan0", "lan0"])
        self.assertEqual(self.offered("dp trace --slice=r"), ["--slice=red"])
        self.assertEqual(self.offered("dp put slice -f "), [":files"])
        self.assertEqual(self.offered("dp apply "), [":files"])
        self.assertEqual(self.offered("--socket "), [":files"])

    def test_single_words(self):
        self.assertEqual(self.offered("dp drops b"), ["blue", "blush"])
        self.assertEqual(self.offered("dp table f"), ["fdb"])
        self.assertEqual(self.offered("dp watch path"), ["path", "path.up", "path.down"])
        self.assertEqual(self.offered("dp put session ue"), ["ue=", "ue.ipv4=", "ue.ipv6=", "ue.framed="])
        self.assertEqual(self.offered("dp watch mac."), ["mac.learned", "mac.moved", "mac.aged"])

    def test_without_a_daemon_the_descriptions_still_answer(self):
        env = {"SLUICE_SOCKET": "/nowhere"}
        self.assertEqual(self.offered("dp put slice v", env=env), ["vni="])
        self.assertEqual(self.offered("dp delete slice ", env=env), [])
        self.assertEqual(self.offered(f"--socket {self.fake.path} dp delete slice r", env=env), ["red"])

    def test_a_daemon_that_does_not_answer_is_not_waited_for(self):
        self.fake.handlers["list"] = b""
        self.assertEqual(self.offered("dp delete slice "), [])


class Bash(CompletionTest):
    def reply(self, line):
        """What bash would put in place of the end of the line."""
        script = f'''. {TOP}/scripts/completion/sluice.bash
            COMP_LINE=$1 COMP_POINT=${{#1}}
            _sluice sluice
            printf '%s\\n' "${{COMPREPLY[@]}}"'''
        env = {**os.environ, "SLUICE_SOCKET": self.fake.path}
        done = self.patient(lambda: subprocess.run(["bash", "--norc", "-c", script, "bash", f"{SLUICE} {line}"], env=env,
                                                   capture_output=True, text=True, timeout=20, cwd=self.fake.dir))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def test_words(self):
        self.assertEqual(self.reply("dp li"), ["list"])
        self.assertEqual(self.reply("dp put slice ")[:4], ["name=", "vni=", "kind=", "max_macs="])

    def test_only_what_follows_the_last_word_break_is_replaced(self):
        self.assertEqual(self.reply("dp put attachment slice=bl"), ["blue", "blush"])
        self.assertEqual(self.reply("dp put route via=1.2.3.4@w"), ["wan0"])
        self.assertEqual(self.reply("dp get mac blue 02:00:00:00:00:"), ["01", "02"])

    def test_quotes_do_not_matter(self):
        self.assertEqual(self.reply('dp delete member "blue '), ["t1", "t2"])

    def test_files(self):
        open(os.path.join(self.fake.dir, "macs.json"), "w").close()
        self.assertEqual(self.reply("dp put mac -f ma"), ["macs.json"])
        self.assertEqual(self.reply("dp put mac --file=ma"), ["macs.json"])


if __name__ == "__main__":
    unittest.main()
