# SPDX-License-Identifier: BSD-3-Clause
"""The names that GET /v1/events takes (events.c) are those that anybody publishes: control's bus_publish(), and the
dataplane's own."""
import glob
import os
import re
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


class Names(unittest.TestCase):
    def test_all_that_is_published_can_be_asked_for(self):
        table = re.search(r"event_names\[\] = \{(.*?)\};", read("control/observe/events.c"), re.S).group(1)
        known = set(re.findall(r'"([a-z_.]+)"', table))
        published = set()
        for path in glob.glob(os.path.join(TOP, "control", "*", "*.c")):
            for call in re.findall(r"bus_publish\((.*?);", read(path), re.S):
                head = call.split("json_pack")[0]
                published.update(re.findall(r'"([a-z_]+\.[a-z_]+|drift)"', head))
        published.update(re.findall(r'"((?:intent|dataplane)\.[a-z]+)"', read("control/rest/steps.c") + read("control/observe/observe.c")))
        of_dataplane = re.search(r"event_names\[\] = \{(.*?)\n\};", read("dataplane/rpc/events.c"), re.S).group(1)
        groups = {"link", "mac", "path", "neighbor", "port", "groups"}  # the last one is for the reconciler alone
        published.update(name for name in re.findall(r'\{"([a-z_.]+)"', of_dataplane) if name not in groups)
        self.assertGreater(len(published), 20)
        self.assertEqual(sorted(published - known), [])


if __name__ == "__main__":
    unittest.main()
