# SPDX-License-Identifier: BSD-3-Clause
"""What a second try never excuses (tests/netns/run, tests/cli/run, meson_count.py): a report of a sanitizer, a packet that the
ledger does not find, a program that a signal ended. Such a fault is real even if it does not come again."""
import re

_FINAL = re.compile(r"ERROR: \w+Sanitizer|SUMMARY: \w+Sanitizer|: runtime error: |ledger: |dumped core|core dumped|"
                    r"SIGSEGV|SIGABRT|SIGBUS|Received signal (?:6|7|11)\b")


def is_final(output):
    return bool(_FINAL.search(output or ""))
