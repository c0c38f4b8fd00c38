#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 of control in the middle of an apply, again and again, and of the dataplane with it: what was acknowledged is
there afterwards, what was not is there whole or not at all, and the dataplane ends as the intents say."""
import os
import random
import time
import unittest

from chaos import QUICK, Box, Model, base, seeds
from api import slice_

KILLS = int(os.environ.get("CHAOS_KILLS", 12 if QUICK else 50))
BOTH = max(2, KILLS // 10)
MANY = 150  # slices of an apply


def documents(first, round_):
    """Slices that differ from round to round in a field that the dataplane sees."""
    return [slice_(f"s{i}", f"gj/p0/{i + 1}", f"bs/p0/{i + 1}", f"dj/p0/{i + 1}", mtu=1400 - round_ % 100, description=f"round {round_}",
                   bandwidth={"committed_bps": 1000 * (round_ + 1)}) for i in range(first, first + MANY)]


class Kill(unittest.TestCase):
    def setUp(self):
        (self.seed,) = seeds(1)
        self.random = random.Random(self.seed)
        self.box = Box()
        self.addCleanup(self.box.close)
        self.box.start()
        self.box.apply(base(), "?wait=30")
        self.model = Model(base())
        start = time.monotonic()
        self.change(documents(0, 0))
        self.box.settle()
        self.span = time.monotonic() - start  # of an apply, until all of it is in the dataplane

    def change(self, wanted):
        body = {"documents": wanted, "prune": True}
        self.assertEqual(self.box.post("/v1/apply", body).status, 200)
        self.model = self.model.after("POST", "/v1/apply", body)

    def round(self, number, victims):
        """One apply and its end; what came of it."""
        body = {"documents": documents(self.random.randrange(40), number), "prune": True}
        answer = self.box.request_and_kill("POST", "/v1/apply" + self.random.choice(["", "?wait=20"]), body,
                                           self.random.random() * self.span * 1.2, victims)
        if "dataplane" in victims:
            self.box.dataplane.start()
        self.box.start()
        there, after = self.box.intents(), self.model.after("POST", "/v1/apply", body)
        what = f"SEED={self.seed}, kill {number}, answer {answer and answer.status}"
        if answer:
            self.assertEqual(answer.status, 200, what)
            self.assertEqual(after.differs(there), [], f"{what}: it was acknowledged")
        whole, nothing = not after.differs(there), not self.model.differs(there)
        self.assertTrue(whole or nothing, f"{what}: a part of it is there")
        self.model = after if whole else self.model
        vnis = [one["vni"] for (kind, _), one in there.items() if kind == "slice"]
        self.assertEqual(len(vnis), len(set(vnis)), what)
        self.assertEqual(self.box.check(self, what), there, what)
        return "acknowledged" if answer else "whole" if whole else "not there"

    def rounds(self, count, victims, both_ways=False):
        """So many; both_ways: and more, until some came before the commit and some did not."""
        came = [self.round(number, victims) for number in range(1, count + 1)]
        while both_ways and len(came) < 10 * count and ("not there" not in came or set(came) == {"not there"}):
            self.span *= 0.8 if "not there" not in came else 1.25  # of an apply as fast as the machine is now
            came.append(self.round(len(came) + 1, victims))
        print(f"SEED={self.seed}: {len(came)} kills of {' and '.join(victims)}, an apply of {MANY} slices takes {self.span * 1e3:.0f} ms: "
              + ", ".join(f"{what} {came.count(what)}" for what in sorted(set(came))), flush=True)
        return came

    def test_control_is_killed_in_the_middle_of_an_apply(self):
        came = self.rounds(KILLS, ("control",), both_ways=True)
        self.assertIn("not there", came, "no kill came before the commit: the test does not test")
        self.assertNotEqual(set(came), {"not there"}, "every kill came before the commit")

    def test_both_are_killed_at_once(self):
        self.rounds(BOTH, ("control", "dataplane"))


if __name__ == "__main__":
    unittest.main()
