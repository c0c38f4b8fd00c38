#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The CLI on a live box: everything is put with `sluice`, as the README does it; then list, stats, drops, table and trace.

    host a ─── lan0 [blue 100] wan0 (tap) ═══ site ─── host b
"""
import os

from lib import BUILD, Box, at_least, check, command, equal, kernel_vxlan, ping, run, wait_for


def test(lab):
    a, b, site = lab.ns("a"), lab.ns("b"), lab.ns("site")
    box = Box(lab)
    lab.wire(box.ns, "lan0", a, "eth0")
    lab.wire(box.ns, "wan0x", site, "wan", 1600)
    for interface in ("lan0", "wan0x"):
        box.ns.quiet_interface(interface)
    a.address("eth0", "198.18.100.1/24")
    site.address("wan", "198.18.0.2/24")
    kernel_vxlan(site, b, 100, "198.18.0.2", "198.18.0.1", "198.18.100.2/24")
    for words in (
            "dp put port name=lan0 device=net_af_packet1,iface=lan0",
            "dp put port name=wan0 device=net_af_packet2,iface=wan0x mtu=1600 tap=true",
            "dp put address port=wan0 prefix=198.18.0.1/24",
            f"dp put neighbor port=wan0 address=198.18.0.2 mac={site.mac('wan')}",
            "dp put slice name=blue vni=100",
            "dp put attachment name=blue-a slice=blue port=lan0",
            "dp put tunnel name=to-b encap=vxlan local=198.18.0.1 remote=198.18.0.2",
            "dp put member slice=blue tunnel=to-b"):
        box.cli(words)
    equal(ping(a, "198.18.100.2", 3), 3, "pings over what the CLI has put")

    check("blue" in box.cli("dp list slice") and "100" in box.cli("dp list slice"), "list shows the slice")
    objects = box.cli("dp list attachment", json_output=True)
    objects = objects.get("objects", objects) if isinstance(objects, dict) else objects
    equal([entry["name"] for entry in objects], ["blue-a"], "list --json")
    check("02:" in box.cli("dp list mac slice=blue") or a.mac("eth0") in box.cli("dp list mac slice=blue"), "learned MACs are listed")
    text = box.cli("dp stats slice")
    check("blue" in text, f"stats shows the slice:\n{text}")
    at_least(box.cli("dp stats slice blue", json_output=True)["objects"]["blue"]["in_packets"], 6, "stats --json")
    check("wan0" in box.cli("dp stats port"), "stats of ports")

    # a drop has a name that people can read
    site.raw("wan").send(b"\x02\x00\x00\x00\x0a\x0a" + b"\x02" * 6 + b"\x08\x00" + b"\0" * 46)
    box.quiet()
    text = box.cli("dp drops")
    check("not_our_mac" in text, f"drops names the reason:\n{text}")
    equal(box.cli("dp drops", json_output=True)["not_our_mac"], 1, "drops --json")

    # tables, as the pipeline declares them
    tables = box.rpc.call("table.list")
    check(tables, "table.list is not empty")
    text = box.cli("dp table")
    check("mac" in text.lower(), f"table lists the match tables:\n{text}")

    # trace: the next packets, with the stages they went through
    trace = lab.ns("box").popen([os.path.join(BUILD, "control", "sluice"), "--socket", box.socket, "dp", "trace", "--count", "2"])

    def traced():
        equal(ping(a, "198.18.100.2", 2), 2, "pings while tracing")
        return trace.poll() is not None
    wait_for(traced, "the trace of two packets ends")
    text = open(trace.log).read()
    for stage in ("parse", "bridge", "overlay"):
        check(stage in text, f"trace shows stage {stage}:\n{text}")

    # mistakes: a message that names the field, a status that is not 0, and nothing changed
    before = box.list("slice")
    for words, field in (
            ("dp put slice name=red vni=many", "vni"),
            ("dp put slice name=red vni=16777216", "vni"),
            ("dp put slice name=red vni=100", "vni"),
            ("dp put slice name=red vni=200 colour=red", "colour"),
            ("dp put attachment name=x slice=nope port=lan0 vlan=5", "slice"),
            ("dp put attachment name=x slice=blue port=lan0 vlan=4095", "vlan"),
            ("dp put port name=p device=net_af_packet9,iface=nothere", "nothere"),
            ("dp delete slice blue", "blue"),
            ("dp put nothing name=x", "nothing")):
        binary = os.path.join(BUILD, "control", "sluice")
        out = command(["sh", "-c", f"{binary} --socket {box.socket} {words}; echo status=$?"], check_status=False)
        check("status=0" not in out and field in out, f"`sluice {words}` fails and names {field}:\n{out}")
    equal(box.list("slice"), before, "slices after the mistakes")
    for words in ("dp delete member 'blue to-b'", "dp delete tunnel to-b", "dp delete attachment blue-a", "dp delete slice blue"):
        command(["sh", "-c", f"{os.path.join(BUILD, 'control', 'sluice')} --socket {box.socket} {words}"])
    equal(box.list("slice"), [], "slices at the end")


run(test)
