#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""meson introspect --targets --tests DIR | meson_targets.py NAME…: what ninja is to make of DIR for all programs, the tests
of suite packet and the unit tests with these names; the other unit tests, and bench/, are left out."""
import json
import os
import sys

found = json.load(sys.stdin)
names = set(sys.argv[1:])
root = os.path.commonpath([path for target in found["targets"] for path in target["filename"]])
others = {test["cmd"][0] for test in found["tests"] if "sluice:packet" not in test["suite"] and test["name"] not in names}
unknown = names - {test["name"] for test in found["tests"]}
if unknown:
    sys.exit(f"meson_targets: there is no test {', '.join(sorted(unknown))}")
for target in found["targets"]:
    for path in target["filename"]:
        if target["build_by_default"] and target["type"] in ("executable", "shared library", "custom") and path not in others:
            name = os.path.relpath(path, root)
            if not name.startswith("bench/"):
                print(name)
