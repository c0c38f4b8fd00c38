#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""OVS-DPDK beside the switch: the same VXLAN cases, the same pcap, the same core, one after the other.

Debian's openvswitch-switch-dpdk, with a database and a namespace of its own; nothing of it stays.

    in0 (net_pcap) ── br-int ── vxlan1 ══ br-phy 198.18.0.1 ── wan0 (net_null)     encapsulation; decapsulation
                                                                                   has source and sink swapped
`wired` sends from port to port by one flow, `normal` learns MACs as the switch does. Needs root, like scripts/bench.
"""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(TOP, "bench", "lib"), os.path.join(TOP, "bench")]

import box  # noqa: E402
import cases  # noqa: E402
import gen_pcap  # noqa: E402
import machine  # noqa: E402
import report  # noqa: E402

VSWITCHD = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
WORKABLE = ["encap-1k", "encap-64k", "decap-1k", "decap-64k"]


class Ovs:
    """One database and one ovs-vswitchd, in a folder of their own."""

    def __init__(self, huge):
        if huge:
            machine.wait_for_huge_pages()
        self.folder = tempfile.mkdtemp(prefix="sluice-ovs-")
        os.environ.update({f"OVS_{what}DIR": self.folder for what in ("RUN", "LOG", "DB", "SYSCONF")})
        self.processes = []
        database, listen = f"{self.folder}/conf.db", f"{self.folder}/db.sock"
        self.db = f"unix:{listen}"
        try:
            run("ovsdb-tool", "create", database, SCHEMA)
            self.processes.append(machine.Process(["ovsdb-server", database, f"--remote=punix:{listen}",
                                                   "--no-chdir", f"--unixctl={self.folder}/ovsdb.ctl"]))
            self.vsctl("--retry", "--no-wait", "init")
            memory = "dpdk-socket-mem=1024" if huge else 'dpdk-extra="--no-huge -m 2048 --no-pci"'
            self.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true", f"other_config:{memory}",
                       f"other_config:dpdk-lcore-mask={1 << machine.MAIN_CPU:#x}",
                       f"other_config:pmd-cpu-mask={1 << machine.WORKER_CPU:#x}",
                       *(['other_config:dpdk-extra="--no-pci --in-memory"'] if huge else []))
            self.ctl = f"{self.folder}/vswitchd.ctl"
            self.processes.append(machine.Process([VSWITCHD if os.path.exists(VSWITCHD) else "ovs-vswitchd", self.db,
                                                   "--no-chdir", f"--unixctl={self.ctl}"]))
            self.pid = self.processes[-1].pid
        except Exception:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()

    def stop(self):
        try:
            self.appctl("exit", "--cleanup")   # takes the bridges' interfaces away
            self.processes[-1].child.wait(10)
        except (AttributeError, box.Invalid, subprocess.TimeoutExpired):
            pass
        for process in reversed(self.processes):
            process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def vsctl(self, *argv):
        return run("ovs-vsctl", f"--db={self.db}", "--timeout=60", *argv)

    def appctl(self, *argv):
        return run("ovs-appctl", "-t", self.ctl, *argv)

    def wire(self, shape, pcap, learning):
        """The topology drawn above."""
        source, sink = f"net_pcap0,rx_pcap={pcap},infinite_rx=1", "net_null0,no-rx=1"
        tenant, underlay = (source, sink) if shape.encap == "plain" else (sink, source)
        for bridge in ("br-int", "br-phy"):
            self.vsctl("add-br", bridge, "--", "set", "bridge", bridge, "datapath_type=netdev", "fail-mode=secure")
        self.vsctl("set", "bridge", "br-phy", f'other-config:hwaddr="{gen_pcap.LOCAL_MAC}"')
        run("ip", "addr", "add", f"{gen_pcap.LOCAL4}/24", "dev", "br-phy")
        run("ip", "link", "set", "br-phy", "up")
        # OVS reads the kernel's routes before it has the bridge's; give it both by hand
        self.appctl("ovs/route/add", f"{gen_pcap.LOCAL4}/24", "br-phy")
        self.appctl("tnl/neigh/set", "br-phy", gen_pcap.REMOTE4, gen_pcap.REMOTE_MAC)
        self.vsctl("add-port", "br-int", "vxlan1", "--", "set", "interface", "vxlan1", "type=vxlan", "ofport_request=2",
                   f"options:remote_ip={gen_pcap.REMOTE4}", f"options:key={gen_pcap.VNI}")
        flows = ["priority=1,actions=NORMAL"] if learning else ["in_port=1,actions=2", "in_port=2,actions=1"]
        for flow in flows:
            run("ovs-ofctl", "add-flow", f"{self.folder}/br-int.mgmt", flow)
        run("ovs-ofctl", "add-flow", f"{self.folder}/br-phy.mgmt", "actions=NORMAL")
        self.vsctl("set", "bridge", "br-int", "other-config:mac-table-size=200000")
        for bridge, port, device in (("br-phy", "wan0", underlay), ("br-int", "in0", tenant)):
            self.vsctl("add-port", bridge, port, "--", "set", "interface", port, "type=dpdk", "ofport_request=1",
                       f"options:dpdk-devargs={device}")
        self.source, self.sink = ("in0", "wan0") if shape.encap == "plain" else ("wan0", "in0")

    def packets(self):
        """(moment, received from the source, given to the sink), straight from the ports."""
        when, text = time.monotonic(), self.appctl("dpctl/show", "-s")
        ports = {name: (int(rx), int(tx)) for name, rx, tx in
                 re.findall(r"port \d+: (\S+).*?RX packets:(\d+).*?TX packets:(\d+)", text, re.DOTALL)}
        return when, ports[self.source][0], ports[self.sink][1]

    def window(self, seconds):
        when0, in0, out0 = self.packets()
        time.sleep(seconds)
        when1, in1, out1 = self.packets()
        return {"pps": (out1 - out0) / (when1 - when0), "in_pps": (in1 - in0) / (when1 - when0),
                "lost": max(0.0, 1 - (out1 - out0) / max(1, in1 - in0))}


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise box.Invalid(f"{' '.join(argv[:6])}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def run_ovs(case, pcap, settings, learning):
    with Ovs(settings.huge) as ovs:
        ovs.wire(case.shape, pcap, learning)
        time.sleep(settings.warm_up + 3)   # until its flow caches are full
        figure, share = cases.undisturbed(ovs.pid, lambda: ovs.window(settings.seconds))
    return {**figure, "share": round(share, 3)}


def run_case(case, settings):
    pcap = gen_pcap.cached_pcap(settings.data, cases.input_shape(case.shape))
    steps = {"sluice": lambda: cases.run_switch(case, pcap, settings),
             "ovs wired": lambda: run_ovs(case, pcap, settings, False),
             "ovs normal": lambda: run_ovs(case, pcap, settings, True)}
    raw = {who: [] for who in steps}
    for number in range(settings.runs):
        for who, step in steps.items():
            try:
                raw[who].append(step())
                lost = raw[who][-1].get("lost", 0)
                machine.progress(f"{case.name} {number + 1}/{settings.runs} {who}: {raw[who][-1]['pps'] / 1e6:.2f} Mpps"
                                 + (f" ({lost:.0%} lost)" if lost > 0.01 else ""))
            except (box.Invalid, TimeoutError, KeyError, OSError) as error:
                machine.progress(f"{case.name} {number + 1}/{settings.runs} {who}: {error}")
    return raw


def row(name, raw):
    median = {who: statistics.median(one["pps"] for one in took) if took else None for who, took in raw.items()}
    ours = median["sluice"]
    cells = [name] + [report.mpps(value) if value else None for value in median.values()]
    for who in ("ovs wired", "ovs normal"):
        cells.append(f"{ours / median[who]:.1f}" if ours and median[who] else None)
    return cells


class Settings:
    def __init__(self, options):
        build = os.path.join(TOP, options.build)
        self.binary, self.data = os.path.join(build, "dataplane", "sluice-dataplane"), os.path.join(build, "bench-data")
        self.runs, self.seconds, self.warm_up, self.perf = options.runs, options.seconds, 1.0, None
        self.huge, self.tsc_hz = machine.huge_pages(), machine.tsc_hz()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", nargs="*", default=WORKABLE, help=f"of {' '.join(WORKABLE)}")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--build", default=os.environ.get("SLUICE_BUILD", "build"))
    options = parser.parse_args()
    if "SLUICE_OVS_INSIDE" not in os.environ:   # br-phy and its address belong in a network namespace of their own
        os.environ["SLUICE_OVS_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    by_name = {case.name: case for case in cases.CASES if case.name in WORKABLE}
    if not set(options.case) <= set(by_name):
        parser.error(f"there are: {' '.join(by_name)}")
    lock = machine.alone()  # held to the end
    settings = Settings(options)
    machine.pin_self()
    rows = [row(name, run_case(by_name[name], settings)) for name in options.case]
    print(report.table(["Mpps, medians", "Sluice", "OVS wired", "OVS NORMAL", "x wired", "x NORMAL"], rows))
    lock.close()


if __name__ == "__main__":
    main()
