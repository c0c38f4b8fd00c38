# SPDX-License-Identifier: BSD-3-Clause
"""Cases `lpm` and `rules`: run bench/micro_lpm.c, the longest-prefix-match table by population, and bench/micro_rules.c,
classification by number of filters. Called by scripts/bench."""
import tables


def run(settings):
    return tables.measure(settings, {"case": "lpm", "about": "longest-prefix lookups in bursts of 32, 65,536 random flows"},
                          "micro_lpm", [])


def run_rules(settings):
    return tables.measure(settings, {"case": "rules", "about": "rule lists in bursts of 32 random packets, cycles with the flow key"},
                          "micro_rules", ["--acl"])
