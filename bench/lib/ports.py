# SPDX-License-Identifier: BSD-3-Clause
"""Case `ports`: the same box, the same frames of 64 bytes, by the kernel's three kinds of port: af_packet and AF_XDP on veth
pairs, and tap. dpdk-testpmd sends on one CPU as fast as the kernel takes it, the box bridges from one port to the other
on the other CPU; what the far end gets a second is the figure. The sender's CPU also does the kernel's part of a veth
pair, so this compares kinds of port on one machine; it is no figure of a NIC.
Called by scripts/bench; owns two network namespaces and what runs in them."""
import json
import os
import statistics
import subprocess
import time

import box
import machine
import rpc

FAR = "02:00:00:00:00:99"
KINDS = {"af_packet": ("net_af_packet0,iface=in0", "net_af_packet1,iface=out0"),
         "af_xdp": ("net_af_xdp0,iface=in0", "net_af_xdp1,iface=out0"),
         "tap": ("net_tap0,iface=in0", "net_tap1,iface=out0")}


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise box.Invalid(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


class Wires:
    """Two namespaces and two veth pairs; for taps the sender is in the box's own namespace, on the taps themselves."""

    def __init__(self, kind):
        self.ours, self.theirs = (f"slb{os.getpid()}-{name}" for name in ("box", "gen"))
        for space in (self.ours, self.theirs):
            ip("netns", "add", space)
            subprocess.run(["ip", "netns", "exec", space, "sysctl", "-q", "-w", "net.ipv6.conf.default.disable_ipv6=1"], check=True)
        self.space = self.ours if kind == "tap" else self.theirs
        self.source, self.sink = ("in0", "out0") if kind == "tap" else ("gen0", "gen1")
        if kind != "tap":
            for near, far in (("in0", "gen0"), ("out0", "gen1")):
                ip("-n", self.ours, "link", "add", "name", near, "type", "veth", "peer", "name", far, "netns", self.theirs)
                for space, name in ((self.ours, near), (self.theirs, far)):
                    subprocess.run(["ip", "netns", "exec", space, "ethtool", "-K", name, "tx", "off", "gro", "off", "gso", "off", "tso", "off"],
                                   stdout=subprocess.DEVNULL, check=True)
                    ip("-n", space, "link", "set", name, "up", "arp", "off")

    def up(self):
        for name in (self.source, self.sink):
            ip("-n", self.space, "link", "set", name, "up", "arp", "off")

    def counters(self):
        """(packets that left the sender, packets that arrived at the far end)"""
        links = {link["ifname"]: link["stats64"] for link in json.loads(ip("-n", self.space, "-s", "-j", "link"))}
        return links[self.source]["tx"]["packets"], links[self.sink]["rx"]["packets"]

    def close(self):
        for space in (self.ours, self.theirs):
            subprocess.run(["ip", "netns", "del", space], stderr=subprocess.DEVNULL, check=False)


class Sender:
    def __init__(self, wires):
        argv = ["ip", "netns", "exec", wires.space, "dpdk-testpmd", "--lcores", f"0@{machine.MAIN_CPU},1@{machine.MAIN_CPU}", "--no-pci",
                "--no-telemetry", "--no-huge", "--no-shconf", "-m", "256", "--vdev", f"net_af_packet0,iface={wires.source}", "--",
                "--forward-mode=txonly", "--nb-cores=1", f"--eth-peer=0,{FAR}", "--total-num-mbufs=16384", "--auto-start", "--no-mlockall"]
        self.process = machine.Process(argv)
        self.process.wait_for("Press enter to exit", 60)

    def stop(self):
        self.process.stop()


def configure(switch, devices):
    client = switch.client
    client.put("slice", [{"name": "s1", "vni": 100}])
    for name, device in zip(("in", "out"), devices):
        client.put("port", [{"name": name, "device": device}])
        client.put("attachment", [{"name": f"a-{name}", "slice": "s1", "port": name}])
    client.put("mac", [{"slice": "s1", "mac": FAR, "attachment": "a-out"}])


def reading(switch, wires):
    ports, (offered, delivered) = switch.client.stats("port"), wires.counters()
    return {"when": time.monotonic(), "offered": offered, "received": ports["in"]["rx_packets"], "sent": ports["out"]["tx_packets"],
            "not_sent": ports["out"]["tx_dropped"], "delivered": delivered}


def window(switch, wires, seconds):
    before, drops = reading(switch, wires), sum(switch.client.drops().values())
    cpu = machine.CpuShare(switch.process.pid)
    time.sleep(seconds)
    share = cpu.share()
    after, lost = reading(switch, wires), sum(switch.client.drops().values()) - drops
    took = after.pop("when") - before.pop("when")
    rates = {key: (after[key] - before[key]) / took for key in after}
    return {**rates, "dropped": lost / took, "cpu": share}


def round_of(settings, kind):
    wires, sender = Wires(kind), None
    try:
        with box.Box(settings.binary, False, space=wires.ours, memory_mb=512) as switch:
            configure(switch, KINDS[kind])
            wires.up()
            sender = Sender(wires)
            try:
                time.sleep(settings.warm_up)
                return window(switch, wires, settings.seconds)
            finally:
                sender.stop()
    finally:
        wires.close()


def run(settings):
    out = {"case": "ports", "about": "one box by af_packet, AF_XDP and tap", "rows": [], "why": [], "valid": True}
    for kind in KINDS:
        try:
            rounds = [round_of(settings, kind) for _ in range(settings.runs)]
        except (box.Invalid, rpc.RpcError, ConnectionError, TimeoutError, KeyError, OSError, subprocess.CalledProcessError) as error:
            out["why"].append(f"{kind}: {type(error).__name__}: {error}")
            out["valid"] = False
            continue
        row = {"kind": kind, "rounds": rounds, "min": min(one["delivered"] for one in rounds), "max": max(one["delivered"] for one in rounds)}
        row |= {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
        out["rows"].append(row)
        machine.progress(f"ports: {kind}: {row['delivered']:,.0f} packets a second at the far end of {row['offered']:,.0f} offered")
        if row["delivered"] == 0:
            out["why"].append(f"{kind}: nothing arrived")
            out["valid"] = False
    return out
