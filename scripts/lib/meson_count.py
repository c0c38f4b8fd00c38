#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Reads meson's testlog.json and prints "PASSED FAILED SKIPPED": the single checks where a test program prints Check's
summary ("100%: Checks: 12, Failures: 0, Errors: 0"), else one for each program. Called by scripts/test."""
import json
import re
import sys

SUMMARY = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.MULTILINE)

passed = failed = skipped = 0
for line in open(sys.argv[1]):
    result = json.loads(line)
    checks = failures = 0
    for count, failure, error in SUMMARY.findall(result.get("stdout") or ""):
        checks += int(count)
        failures += int(failure) + int(error)
    if result["result"] == "SKIP":
        skipped += max(checks, 1)
    elif result["result"] in ("OK", "EXPECTEDFAIL"):
        passed += max(checks, 1)
    else:  # a program that failed counts as at least one failure, whatever its checks say
        failures = max(failures, 1)
        failed += failures
        passed += max(checks - failures, 0)
print(passed, failed, skipped)
