# SPDX-License-Identifier: BSD-3-Clause
"""What scripts/bench prints: aligned tables for people; and bar charts as plain SVG, written by hand.
Called by scripts/bench; owns the files it is told to write."""
import os
from html import escape

MISSING = "-"


def table(head, rows):
    """First column left, the others right."""
    cells = [head] + [[MISSING if cell is None else str(cell) for cell in row] for row in rows]
    width = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = []
    for row in cells:
        lines.append("  ".join(cell.ljust(width[0]) if not column else cell.rjust(width[column])
                               for column, cell in enumerate(row)).rstrip())
    return "\n".join([lines[0], "-" * len(lines[0])] + lines[1:])


def mpps(value):
    return f"{value / 1e6:.2f}"


def verdict(case):
    if not case["valid"]:
        return "INVALID"
    if not case["goal"]:
        return ""
    return f"{'met' if case['ratio_5tswap'] >= case['goal'] else 'MISSED'} ({case['goal']:.2f})"


def forwarding(cases):
    head = ["case", "Mpps", "min..max", "cycles", "5tswap", "io", "x 5tswap", "x io", "goal"]
    rows = []
    for case in cases:
        ours = case["sluice"]
        rows.append([case["case"], mpps(ours["median"]) if ours else None,
                     f"{mpps(ours['min'])}..{mpps(ours['max'])}" if ours else None,
                     f"{case['cycles']:.0f}" if ours else None,
                     mpps(case["5tswap"]["median"]) if case["5tswap"] else None,
                     mpps(case["io"]["median"]) if case["io"] else None,
                     f"{case['ratio_5tswap']:.2f}" if "ratio_5tswap" in case else None,
                     f"{case['ratio_io']:.2f}" if "ratio_io" in case else None, verdict(case)])
    return table(head, rows)


def stages(cases):
    """Cycles a packet by stage, sampled one burst in 1,024."""
    names = []
    for case in cases:
        names += [name for name in case.get("stages", {}) if name not in names]
    rows = [[case["case"]] + [case["stages"].get(name) for name in names] for case in cases if case.get("stages")]
    return table(["cycles a packet by stage"] + names, rows) if rows else ""


def big_put(case):
    rows = [["(no change)", None, None, None, f"{case['calm_longest_wait_s'] * 1e3:.1f} ms", mpps(case["calm_pps"]), ""]]
    for what in case["steps"]:
        one = case[what]
        goal = f"{'met' if case['met'] else 'MISSED'} ({case['goal_s']:.1f} s, 0 lost)" if what == case["steps"][0] else ""
        rows.append([f"{what} {case['count']:,}", f"{one['seconds']:.3f} s", f"{one['rate']:,.0f}/s", f"{one['lost']:,}",
                     f"{one['longest_wait_s'] * 1e3:.1f} ms", mpps(one["pps"]), goal])
    return table([case["case"], "time", "rate", "packets lost", "longest wait of another client", "Mpps meanwhile", "goal"], rows)


def pairs(results):
    rows, stages = [], []
    for case in results:
        goals = ([f"{case['goal_cycles']:g} cycles"] if case["goal_cycles"] else []) + (
            [f"x {case['goal_ratio']:.2f}"] if case["goal_ratio"] else [])
        met = "INVALID" if not case["valid"] else "met" if case["met"] else "MISSED"
        if "cycles" in case:
            rows.append([case["case"], f"{case['cycles'][0]:.1f}", f"{case['cycles'][1]:.1f}", f"{case['more']:+.1f}",
                         f"{case['ratio']:.3f}", f"{met} ({', '.join(goals)})" if goals else ""])
            names = list(case["stages"][1])
            stages += ["", table([f"{case['case']}, by stage"] + names,
                                 [[what] + [side.get(name) for name in names]
                                  for what, side in zip(("without", "with"), case["stages"])])]
    head = ["pair", "cycles without", "with", "difference", "ratio", "goal"]
    return "\n".join([table(head, rows)] + stages) if rows else ""


def memory(case):
    row = ["all in", f"{case['bytes']:.1f}", f"{case['declared_bytes']:.1f}", f"{case['grown_bytes']:.1f}",
           f"{case['raw'][0]['entries']:,}", f"{'met' if case['met'] else 'MISSED'} ({case['goal_bytes']})"]
    return table(["memory", "bytes an entry", "table", "beside it", "entries put", "goal"], [row])


def tables(case):
    rows = [[f"{row['table']}, {row['entries']:,} entries", row["lookup_cycles"], row["insert_cycles"],
             row["delete_cycles"], row["bytes_per_entry"]] for row in case["rows"]]
    return table(["table", "lookup cycles", "insert", "delete", "bytes an entry"], rows)


def lpm(case):
    rows = [[f"IPv{row['family']}, {row['population']}", row["lookup_cycles"], row["put_us"], row["delete_us"],
             row["bytes_per_route"]] for row in case["rows"]]
    return table(["routes", "lookup cycles", "put us", "delete us", "bytes a route"], rows)


def session_memory(case):
    raw = case["raw"][0]
    row = [f"{raw['entries']:,} sessions", f"{case['bytes']:.0f}", f"{raw['resident_full'] / (1 << 20):,.0f} MiB", f"{case['rate']:,.0f}/s",
           f"{'met' if case['met'] else 'MISSED'} ({case['goal_bytes']}, 1 GiB)"]
    return table(["session-memory", "bytes a session", "the process", "put", "goal"], [row])


def rules(case):
    rows = [[f"IPv{row['family']}, {row['filters']:,} filters", row["cycles"], row["key_cycles"], row["scan_cycles"], row["wide_cycles"],
             row.get("acl_cycles"), row["build_us"], row.get("acl_build_us"), row["bytes"]] for row in case["rows"]]
    return table(["rules", "cycles", "of these the key", "by sixteen", "bitmaps", "rte_acl", "build us", "rte_acl us", "bytes"], rows)


def met(case, goal):
    return "INVALID" if not case["valid"] else f"{'met' if case['met'] else 'MISSED'} ({goal})"


def control_apply(case):
    row = [f"{case['slices']:,} slices from nothing", f"{case['seconds']:.3f} s", f"{case['slowest_s']:.3f} s",
           f"{case['one_s'] * 1e3:.2f} ms", f"{case['slowest_one_s'] * 1e3:.2f} ms",
           met(case, f"{case['goal_s']:.0f} s, {case['goal_one_s'] * 1e3:.0f} ms")]
    return table(["control-apply", "median", "slowest", "one more: median", f"slowest of {case['more']} a round", "goal"], [row])


def control_read(case):
    row = ["GET /v1/status over TLS", f"{case['rate']:,.0f}/s", f"{case['slowest_rate']:,.0f}/s", f"{case['p99_s'] * 1e3:.1f} ms", f"{case['lost']:,}",
           mpps(case["pps"]), met(case, f"{case['goal_rate']:,}/s, 0 lost")]
    return table(["control-read", "requests", "slowest round", "p99", "packets lost", "Mpps meanwhile", "goal"], [row])


def control_compile(case):
    row = [f"{case['slices']:,} slices with 4 sites", f"{case['objects']:,}", f"{case['ms']:.0f} ms", f"{case['slowest_ms']:.0f} ms",
           met(case, f"{case['goal_ms']:,} ms")]
    return table(["control-compile", "objects", "median", "slowest", "goal"], [row])


def ports(case):
    rows = [[row["kind"], mpps(row["delivered"]), f"{mpps(row['min'])}..{mpps(row['max'])}", mpps(row["offered"]), mpps(row["received"]),
             f"{100 * (row['offered'] - row['received']) / max(row['offered'], 1):.0f}%",
             f"{100 * row['dropped'] / max(row['received'], 1):.0f}%", f"{row['cpu']:.2f}"] for row in case["rows"]]
    return table(["ports", "Mpps at the far end", "min..max", "offered", "into the box", "lost before it", "dropped in it", "worker had of its CPU"], rows)


def text(results):
    """Everything for standard output."""
    parts = []
    forward = [case for case in results if "goal" in case]
    if forward:
        parts += [forwarding(forward), stages(forward)]
    parts.append(pairs([case for case in results if "pair" in case]))
    for case in results:
        show = big_put if "big" in case else {"memory": memory, "table": tables, "lpm": lpm, "rules": rules,
                                                "session-memory": session_memory, "control-apply": control_apply,
                                                "control-read": control_read, "control-compile": control_compile, "ports": ports}.get(case["case"])
        if show and case.get("raw", case.get("rows")):
            parts.append(show(case))
    remarks = [f"{case['case']}: INVALID: {why}" for case in results for why in case["why"]]
    remarks += [f"{case['case']}: {case['note']}" for case in results if "note" in case]
    return "\n\n".join(part for part in parts + ["\n".join(remarks)] if part)


# ---- charts ----

BAR, GAP, LEFT, WIDTH, TOP = 15, 22, 150, 860, 58
COLOURS = {"io": "#b8c0cc", "5tswap": "#7d8aa0", "sluice": "#1f77b4"}


def label(x, y, words, anchor="start", size=12, weight="normal"):
    return (f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="{size}" '
            f'font-weight="{weight}">{escape(words)}</text>')


def bars(title, groups, unit):
    """groups: [(name, [(series, value, words, least, most)])]; least and most draw a whisker. Horizontal bars."""
    top = max((most or value for _, series in groups for _, value, _, _, most in series), default=1) or 1
    scale = (WIDTH - LEFT - 130) / top
    body, y = [], TOP
    for name, series in groups:
        body.append(label(LEFT - 8, y + BAR * len(series) / 2 + 4, name, "end"))
        for who, value, words, least, most in series:
            body.append(f'<rect x="{LEFT}" y="{y}" width="{value * scale:.1f}" height="{BAR - 2}" '
                        f'fill="{COLOURS.get(who, "#999999")}"/>')
            if least is not None:
                middle = y + BAR / 2 - 1
                body.append(f'<path d="M{LEFT + least * scale:.1f} {middle}H{LEFT + most * scale:.1f}" stroke="#333333"/>')
            body.append(label(LEFT + (most or value) * scale + 6, y + BAR - 4, words, size=11))
            y += BAR
        y += GAP
    used = [who for who in COLOURS if any(who == s[0] for _, series in groups for s in series)]
    legend = "".join(f'<rect x="{LEFT + 110 * i}" y="34" width="12" height="12" fill="{COLOURS[who]}"/>'
                     + label(LEFT + 110 * i + 17, 44, who) for i, who in enumerate(used))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" font-family="sans-serif">'
            f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>'
            + label(LEFT, 22, f"{title} ({unit})", size=15, weight="bold") + legend + "".join(body) + "</svg>\n")


def speed_chart(cases, title):
    groups = []
    for case in cases:
        series = []
        for who in ("io", "5tswap", "sluice"):
            one = case.get(who)
            if one:
                words = mpps(one["median"])
                if who == "sluice" and "ratio_5tswap" in case:
                    words += f"  = {case['ratio_5tswap']:.2f} of 5tswap" + ("" if case["valid"] else ", INVALID")
                series.append((who, one["median"] / 1e6, words, one["min"] / 1e6, one["max"] / 1e6))
        groups.append((case["case"], series))
    return bars(title, groups, "Mpps, one core, median and range")


def stage_chart(cases):
    groups = [(case["case"], [("sluice", cycles, f"{name} {cycles:.0f}", None, None) for name, cycles in case["stages"].items()])
              for case in cases if case.get("stages")]
    return bars("Where the cycles go", groups, "cycles a packet, sampled")


def plot(folder, results, title):
    """Writes the charts; returns the names of the files."""
    os.makedirs(folder, exist_ok=True)
    forward = [case for case in results if "goal" in case and case["sluice"]]
    charts = {"speed.svg": speed_chart(forward, title), "stages.svg": stage_chart(forward)} if forward else {}
    for name, drawing in charts.items():
        with open(os.path.join(folder, name), "w") as out:
            out.write(drawing)
    return [os.path.join(folder, name) for name in charts]
