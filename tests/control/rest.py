# SPDX-License-Identifier: BSD-3-Clause
"""What the test_rest*.py beside it begin with: a sluice-control without a dataplane, and what a refusal must look like."""
import json
import unittest

import api

PATHS = ("sites", "wans", "slices", "hosts", "virtual-dedicated-networks", "local-data-networks", "sessions")


class Rest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.control = api.Control().start()
        cls.addClassCleanup(cls.control.close)

    @classmethod
    def tearDownClass(cls):
        assert cls.control.stop() == 0, cls.control.said()

    def setUp(self):
        self.ok(self.control.apply([*api.world(), api.grant("kr"), api.grant("jp")], prune="all"))
        # prune="all" needs documents of every kind to be there or not: start from the two sites alone
        self.assertEqual(self.control.get("/v1/slices").json["items"], [])

    def ok(self, answer, status=200):
        self.assertEqual(answer.status, status, answer)
        return answer

    def problem(self, answer, status, **fields):
        """A refusal as RFC 9457 wants it, with these fields."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        self.assertEqual(answer.json["status"], status)
        self.assertTrue(answer.json["title"] and answer.json["detail"])
        for field, value in fields.items():
            self.assertEqual(answer.json.get(field), value, answer)
        return answer

    def everything(self):
        return {path: self.control.all("/v1/" + path) for path in PATHS}

    def unchanged(self):
        """A context in which nothing may change."""
        test, before = self, self.everything()

        class Same:
            def __enter__(self):
                return self

            def __exit__(self, kind, *unused):
                if kind is None:
                    test.assertEqual(test.everything(), before)
        return Same()
