# SPDX-License-Identifier: BSD-3-Clause
"""Tells the XDP programs of a box without a control plane what is the dataplane's, as control/xdp would: so that the same
tests run with AF_XDP ports, whose kernel interfaces answer ARP and ND (SLUICE_TEST_DEVICE=af_xdp, switch.py)."""
import ipaddress
import json
import struct

from checks import command

FILTER, UNTAGGED = 1, 2
OVERLAY, GTPU, ADDRESS = 1, 2, 3


def bpftool(*words):
    return json.loads(command(["bpftool", "-j", *words]) or "null")


def maps_of(space, interface):
    """{name: id} of the maps of the program on an interface."""
    link = json.loads(space.ip(f"-j link show dev {interface}"))[0]
    ids = bpftool("prog", "show", "id", str(link["xdp"]["prog"]["id"]))["map_ids"]
    return {one["name"]: one["id"] for one in (bpftool("map", "show", "id", str(number)) for number in ids)}


def update(number, key, value):
    def words(data):
        return ["hex", *(f"{byte:02x}" for byte in data)]
    command(["bpftool", "map", "update", "id", str(number), "key", *words(key), "value", *words(value)])


def mapped(address):
    ip = ipaddress.ip_address(address)
    return ip.packed if ip.version == 6 else b"\0" * 10 + b"\xff\xff" + ip.packed


def locals_of(box):
    """{key: kind}"""
    found = {}
    for tunnel in box.list("tunnel"):
        port = tunnel.get("dst_port", 6081 if tunnel["encap"] == "geneve" else 4789)
        found[mapped(tunnel["local"]) + struct.pack("!HH", port, 0)] = OVERLAY
        found[mapped(tunnel["local"]) + bytes(4)] = ADDRESS
    for gtpu in box.list("gtpu"):
        found[mapped(gtpu["address"]) + struct.pack("!HH", 2152, 0)] = GTPU
        found[mapped(gtpu["address"]) + bytes(4)] = ADDRESS
    return found


def fill(box, ports):
    """ports: names of the AF_XDP ports that are open, which are those of their interfaces, too."""
    attachments, keys = box.list("attachment"), locals_of(box)
    for port in ports:
        maps, flags, vlans = maps_of(box.ns, port), FILTER, [0] * 64
        for attachment in attachments:
            if attachment["port"] == port and attachment.get("vlan"):
                vlans[attachment["vlan"] // 64] |= 1 << attachment["vlan"] % 64
            elif attachment["port"] == port:
                flags |= UNTAGGED
        for key, kind in keys.items():
            update(maps["sluice_locals"], key, struct.pack("<I", kind))
        update(maps["sluice_setting"], bytes(4), struct.pack("<II64Q", flags, 0, *vlans))
