# SPDX-License-Identifier: BSD-3-Clause
"""Case `lpm`: runs bench/micro_lpm.c, the longest-prefix-match table by population. Called by scripts/bench."""
import tables


def run(settings):
    return tables.measure(settings, {"case": "lpm", "about": "longest-prefix lookups in bursts of 32, 65,536 random flows"},
                          "micro_lpm", [])
