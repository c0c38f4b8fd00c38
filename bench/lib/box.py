# SPDX-License-Identifier: BSD-3-Clause
"""The switch under test: starts a sluice-dataplane between a looped pcap and a null sink, configures it over its
socket, waits until it has learned, and measures windows in which everything is accounted for.
Called by cases.py, pairs.py, bigput.py and memory.py; owns one sluice-dataplane process and its socket."""
import ipaddress
import os
import shutil
import tempfile
import time

import gen_pcap
import machine
import rpc

MBUFS = 262144          # as many as testpmd gets; a looped pcap of 65,536 packets needs twice that many
MAX_MACS = 1048576
SINK = "net_null0,no-rx=1"
METER = {"name": "m", "cir_bps": 200_000_000_000, "cbs_bytes": 100_000_000, "pir_bps": 400_000_000_000,
         "pbs_bytes": 200_000_000}
ANNOUNCED_AGAIN_S = 2.5   # a gateway says its MAC twice, two seconds apart
SKEW_S = 0.002          # two counters of one answer are read at most this far apart


GATEWAYS = {4: ("10.0.0.1/8", "10.255.0.{}"), 6: ("fd00:a::1:0:0:1/64", "fd00:a::ffff:{}")}


def routes(shape, vias):
    """The slice's routes as objects, each by one of the ways."""
    for number, (base, length) in enumerate(gen_pcap.route_list(shape.routes, shape.inner)):
        address = ipaddress.ip_address(base.to_bytes(4 if shape.inner == 4 else 16, "big"))
        yield {"table": "s1", "prefix": f"{address}/{length}", "via": [vias[number % len(vias)]]}


class Invalid(Exception):
    """The figure does not count; says why."""


class Box:
    """One running switch."""

    def __init__(self, binary, huge, environment=None, memory_mb=None, space=None):
        self.folder = tempfile.mkdtemp(prefix="sluice-bench-")
        self.socket = os.path.join(self.folder, "dataplane.sock")
        self.client = None
        if huge:
            machine.wait_for_huge_pages()
        argv = ["ip", "netns", "exec", space] if space else []
        argv += [binary, "--socket", self.socket, "--lcores", str(machine.WORKER_CPU),
                "--file-prefix", f"sluice-bench-{os.getpid()}"]
        argv += ["--allow-device", "any"] if "--allow-device" in machine.help_of(binary) else []  # older ones allow all
        argv += [] if huge else ["--no-huge", "--memory", "2048"]
        argv += ["--memory", str(memory_mb)] if memory_mb else []
        self.process = machine.Process(argv, environment)
        try:
            self.client = rpc.connect(self.socket, 60, self.process.alive)
        except Exception as error:
            self.stop()
            raise Invalid(f"sluice-dataplane did not start: {error}: {self.process.tail()}") from error

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()

    def stop(self):
        """Ends the process and removes what it used; returns its exit status."""
        if self.client:
            self.client.close()
        status = self.process.stop(30)
        shutil.rmtree(self.folder, ignore_errors=True)
        return status

    def start(self, shape, pcap):
        """Configures one direction. The first packets may meet a half-made configuration and be dropped by name;
        settle() waits until that is over."""
        if not isinstance(shape, gen_pcap.Shape):   # upf.Mobile
            shape.start(self, pcap)
            return
        source = f"net_pcap0,rx_pcap={pcap},infinite_rx=1"
        self.source, self.sink = ("in0", "wan0") if shape.encap == "plain" else ("wan0", "lan0")
        if shape.meters:
            self.client.put("meter", [METER])
        self.client.put("slice", [{"name": f"s{i + 1}", "vni": gen_pcap.VNI + i,
                                   **({"meter": METER["name"]} if shape.meters else {}),
                                   **({"kind": "l3"} if shape.routes else {"max_macs": MAX_MACS}),
                                   **({"mss_clamp": True} if shape.mss_clamp else {})}
                                  for i in range(shape.slices)])
        if shape.routes:
            self.start_routing(shape, source)
        elif shape.encap == "plain":
            self.underlay(SINK, shape)
            self.macs(shape, lambda flow: {"tunnel": f"t{gen_pcap.tunnel_of(flow, shape) + 1}"})
            self.port("in0", source)
            self.attachments("in0", shape, shape.vlan)
        else:
            self.port("lan0", SINK)
            self.attachments("lan0", shape, shape.access_vlan)
            self.macs(shape, lambda flow: {"attachment": f"a{gen_pcap.slice_of(flow, shape) + 1}"})
            self.underlay(source, shape)

    def start_routing(self, shape, source):
        """One slice that routes: a gateway on its attachment, routes into the tunnel or to a router on the attachment."""
        if shape.encap == "plain":
            self.underlay(SINK, shape)
            self.port("in0", source)
            self.attachments("in0", shape, 0)
            vias = [{"tunnel": "t1", "mac": f"02:5a:03:00:00:{i:02x}"} for i in range(16)]
        else:
            self.port("lan0", SINK)
            self.attachments("lan0", shape, 0)
            vias = [{"attachment": "a1", "address": GATEWAYS[shape.inner][1].format(i + 2)} for i in range(16)]
        self.client.put("address", [{"attachment": "a1", "prefix": GATEWAYS[shape.inner][0]}])
        self.client.put("neighbor", [{"attachment": "a1", "address": GATEWAYS[shape.inner][1].format(i + 2),
                                      "mac": f"02:5a:04:00:00:{i:02x}"} for i in range(16)])
        self.client.put("route", list(routes(shape, vias)), chunk=25000)
        if shape.encap == "vxlan":
            self.underlay(source, shape)

    def port(self, name, device, **more):
        if device != SINK:
            more["mbufs"] = MBUFS
        self.client.put("port", [{"name": name, "device": device, **more}])

    def underlay(self, device, shape):
        """Port wan0 with its address and next hop, and the tunnels over which the slices are stretched."""
        local, remote, length = ((gen_pcap.LOCAL4, gen_pcap.REMOTE4, 24) if shape.outer == 4
                                 else (gen_pcap.LOCAL6, gen_pcap.REMOTE6, 64))
        self.port("wan0", device, mac=gen_pcap.LOCAL_MAC, **({"rate_bps": shape.rate_bps} if shape.rate_bps else {}))
        self.client.put("address", [{"port": "wan0", "prefix": f"{local}/{length}"}])
        self.client.put("neighbor", [{"port": "wan0", "address": remote, "mac": gen_pcap.REMOTE_MAC}])
        if shape.tunnels > 1:
            self.client.put("route", [{"table": "underlay", "prefix": "198.19.0.0/16", "via": [{"address": remote}]}])
        self.client.put("tunnel", [{"name": f"t{i + 1}", "encap": shape.wire, "local": local,
                                    "remote": remote if shape.tunnels == 1 else gen_pcap.remote4(i, shape)}
                                   for i in range(shape.tunnels)])
        self.client.put("member", [{"slice": f"s{i % shape.slices + 1}", "tunnel": f"t{i + 1}"}
                                   for i in range(shape.tunnels)])

    def attachments(self, port, shape, vlan):
        self.client.put("attachment", [{"name": f"a{i + 1}", "slice": f"s{i + 1}", "port": port,
                                        **({"meter_in": METER["name"], "meter_out": METER["name"]} if shape.meters else {}),
                                        **({"vlan": vlan + i} if vlan else {})} for i in range(shape.slices)])

    def macs(self, shape, door):
        """Static MACs for all destinations."""
        self.client.put("mac", [{"slice": f"s{gen_pcap.slice_of(flow, shape) + 1}",
                                 "mac": gen_pcap.mac_text(gen_pcap.destination_mac(flow)), **door(flow)}
                                for flow in range(shape.flows)])

    # ---- reading ----

    def mac_count(self):
        """Learned and static MACs of the box."""
        return self.box_stats()["macs"]

    def box_stats(self):
        objects = self.client.stats("box")
        return objects.get("box") or next(iter(objects.values()))

    def stages(self):
        """Stage name → (packets, cycles) sampled so far, over all workers."""
        sums = {}
        for key, one in self.client.stats("stage").items():
            name = key.rpartition("/")[2]
            packets, cycles = sums.get(name, (0, 0))
            sums[name] = (packets + one["packets"], cycles + one["cycles"])
        return sums

    def settle(self, macs, patience=60.0):
        """Waits until the box knows `macs` MACs and a quarter of a second passed in which no packet was dropped, and until
        its gateways have announced themselves the second time."""
        deadline = time.monotonic() + patience
        known, dropped = 0, None
        announced, quiet_since = 0, 0.0
        while time.monotonic() < deadline:
            if not self.process.alive():
                raise Invalid(f"sluice-dataplane died: {self.process.tail()}")
            known, before = self.mac_count(), dropped
            dropped = self.client.drops()
            now_announced = self.box_stats().get("announced", 0)
            if now_announced != announced:
                announced, quiet_since = now_announced, time.monotonic()
            if known >= macs and dropped == before and time.monotonic() > quiet_since + ANNOUNCED_AGAIN_S:
                return
            time.sleep(0.25)
        raise Invalid(f"not settled after {patience:.0f} s: {known} of {macs} MACs known, drops {nonzero(dropped)}")

    def snapshot(self):
        """Counters and the moment they were read, drops on both sides of nothing else."""
        drops, ports, when = self.client.drops(), self.client.stats("port"), time.monotonic()
        source, sink = ports[self.source], ports[self.sink]
        box = self.box_stats()
        return {"when": when, "in": source["rx_packets"], "out": sink["tx_packets"],
                "missed": source["rx_missed"], "tx_dropped": sink["tx_dropped"], "drops": drops,
                "replicated": box.get("replicated", 0) + box.get("originated", 0)}


def nonzero(drops):
    return {name: count for name, count in (drops or {}).items() if count} or "none"


def difference(before, after):
    """What a window took in, gave out and dropped by name, and what the ledger cannot explain."""
    taken, given = after["in"] - before["in"], after["out"] - before["out"]
    drops = {name: count - before["drops"].get(name, 0) for name, count in after["drops"].items()}
    drops = {name: count for name, count in drops.items() if count}
    copies = after["replicated"] - before["replicated"]
    return {"seconds": after["when"] - before["when"], "in": taken, "out": given, "drops": drops, "copies": copies,
            "missed": after["missed"] - before["missed"], "unaccounted": taken + copies - given - sum(drops.values())}


def check(window):
    """Raises Invalid unless all that came in went out, within what moved between the reading of two counters."""
    if window["in"] == 0:
        raise Invalid("no packet came in")
    if window["drops"] or window["missed"]:
        raise Invalid(f"dropped in the window: {window['drops']}, missed {window['missed']}")
    if window["copies"]:
        raise Invalid(f"{window['copies']} copies flooded in the window")
    if abs(window["unaccounted"]) > window["in"] / window["seconds"] * SKEW_S:
        raise Invalid(f"in {window['in']}, out {window['out']}: {window['unaccounted']} packets unaccounted for")


def stage_cycles(before, after):
    """Stage → cycles a packet that passed it, in the window."""
    out = {}
    for name, (packets, cycles) in after.items():
        packets -= before.get(name, (0, 0))[0]
        cycles -= before.get(name, (0, 0))[1]
        if packets > 0:
            out[name] = round(cycles / packets, 2)
    return out
