#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Reads meson's testlog.json for scripts/test.

meson_count.py LOG                 "PASSED FAILED SKIPPED": the single checks where a test program prints Check's summary
                                   ("100%: Checks: 12, Failures: 0, Errors: 0"), else one for each program
meson_count.py --failed SUITE LOG  the names of this suite's programs that failed and may be tried again (final.py), as `meson test` takes them
meson_count.py --merge LOG OTHER   the results of LOG in place of those in OTHER; "unstable NAME: …" for what passed in LOG only
meson_count.py --told LABEL LOG    "failed: LABEL PROGRAM: …" for each check that failed, with what it said
"""
import json
import re
import sys

from final import is_final

FAILED = re.compile(r"^(?:\S*/)?([^/\s:]+:\d+:[FE]:.*)$", re.MULTILINE)
SUMMARY = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.MULTILINE)
GOOD = ("OK", "EXPECTEDFAIL")


def read(path):
    return [json.loads(line) for line in open(path)]


def count(results):
    passed = failed = skipped = 0
    for result in results:
        checks = failures = 0
        for number, failure, error in SUMMARY.findall(result.get("stdout") or ""):
            checks += int(number)
            failures += int(failure) + int(error)
        if result["result"] == "SKIP":
            skipped += max(checks, 1)
        elif result["result"] in GOOD:
            passed += max(checks, 1)
        else:  # a program that failed counts as at least one failure, whatever its checks say
            failures = max(failures, 1)
            failed += failures
            passed += max(checks - failures, 0)
    return passed, failed, skipped


def failed_of(suite, results):
    """A name is "project:suite / program"."""
    names = [result["name"].split(" / ") for result in results
             if result["result"] not in (*GOOD, "SKIP") and not is_final((result.get("stdout") or "") + (result.get("stderr") or ""))]
    return [name[-1] for name in names if name[0].split(":")[-1] == suite]


def merge(path, other):
    again = {result["name"]: result for result in read(path)}
    results = [again.get(result["name"], result) for result in read(other)]
    for name, result in again.items():
        if result["result"] in GOOD:
            print(f"unstable {name.split(' / ')[-1]}: failed, then passed")
    with open(other, "w") as out:
        out.writelines(json.dumps(result) + "\n" for result in results)


def tell(label, path):
    for result in read(path):
        if result["result"] in (*GOOD, "SKIP"):
            continue
        said = FAILED.findall(result.get("stdout") or "") or [result["result"].lower()]
        for line in said:
            print(f"failed: {label} {result['name'].split(' / ')[-1]}: {line[:200]}")


if sys.argv[1] == "--told":
    tell(sys.argv[2], sys.argv[3])
elif sys.argv[1] == "--failed":
    for failed in failed_of(sys.argv[2], read(sys.argv[3])):
        print(failed)
elif sys.argv[1] == "--merge":
    merge(sys.argv[2], sys.argv[3])
else:
    print(*count(read(sys.argv[1])))
