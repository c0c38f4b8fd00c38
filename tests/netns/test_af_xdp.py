#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""AF_XDP ports without a control plane: overlay and attachments are the dataplane's, all else the kernel's. VXLAN with a
Linux kernel as the other site; the XDP program comes and goes with its port.

    host a                  box                              site b (Linux)          host b
    eth0 ──────────── lan0 [blue 100] wan0 ═════════════════ wan ─── vx100 ───────── (vx100)
    198.18.100.1       AF_XDP       AF_XDP 198.18.0.1        198.18.0.2              198.18.100.2
"""
import os
import signal
import subprocess
import tempfile

from lib import CONGESTION, Box, RpcError, at_least, check, diff, drops_of, equal, iperf, kernel_vxlan, ping, run

PROGRAM = "xsk_def_prog"


def programs(space):
    """{interface: name of its XDP program}"""
    return {link["ifname"]: link["xdp"].get("prog", {}).get("name") for link in space.asked("ip -j link show") if "xdp" in link}


def has_program(box, *interfaces):
    equal(sorted(programs(box.ns)), sorted(interfaces), "interfaces with an XDP program")


def refused(box, words, **fields):
    try:
        box.put("port", **fields)
    except RpcError as error:
        for word in words:
            check(word in str(error), f"the message has {word!r}: {error}")
        return
    check(False, f"{fields} was taken")


def foreign(box, interface):
    """A program of somebody else, which passes everything."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "passer.o")
        subprocess.run(["clang", "-O2", "-target", "bpf", "-c", "-x", "c", "-", "-o", path], check=True, text=True,
                       input='__attribute__((section("xdp"))) int passer(void *c) { return 2; }\n')
        box.ns.ip(f"link set {interface} xdp obj {path} sec xdp")


def objects(box, a_mac):
    """All that the box is to have, anew."""
    box.put("port", name="lan0", device=box.device("lan0", kind="af_xdp"))
    box.put("port", name="wan0", device=box.device("wan0", kind="af_xdp"), mtu=1600)
    box.put("address", port="wan0", prefix="198.18.0.1/24")
    box.put("neighbor", port="wan0", address="198.18.0.2", mac=a_mac)
    box.put("tunnel", name="to-site", encap="vxlan", local="198.18.0.1", remote="198.18.0.2")
    box.slice("blue", 100, [("lan0", None)], ["to-site"])


def test_refusals(lab, box):
    far = lab.ns("far")
    lab.wire(box.ns, "odd0", far, "odd")
    device = "net_af_xdp77,iface=odd0"
    refused(box, ["tap", "odd0 stays the kernel's"], name="odd0", device=device, tap=True)
    refused(box, ["MAC of its interface"], name="odd0", device=device, mac="02:00:00:00:00:77")
    refused(box, ["one page"], name="odd0", device=device, mtu=9000)
    refused(box, ["queues"], name="odd0", device=device, queues=2)
    refused(box, ["xdp_prog"], name="odd0", device=device + ",xdp_prog=/tmp/x.o")
    refused(box, ["no interface gone0"], name="odd0", device="net_af_xdp77,iface=gone0")
    # a device that counts its queues to receive and to send apart, with two: one of them would not be read
    box.ns.run("ethtool -L odd0 rx 2 tx 2")
    refused(box, ["2 queues", "ethtool -L odd0 rx 1"], name="odd0", device=device)
    box.ns.run("ethtool -L odd0 rx 1 tx 1")
    foreign(box, "odd0")
    refused(box, ["passer", "ip link set odd0 xdp off"], name="odd0", device=device)
    equal(programs(box.ns)["odd0"], "passer", "who was there first")
    box.ns.ip("link set odd0 xdp off")
    # too large a frame for XDP in the driver of veth: the kernel's own does
    box.ns.ip("link set odd0 mtu 9000")
    far.ip("link set odd mtu 9000")
    box.put("port", name="odd0", device=device)
    check("xdpgeneric" in box.ns.ip("link show odd0"), "a generic program where the driver cannot")
    box.delete("port", "odd0")
    # open and close: nothing stays, neither memory nor descriptors nor the interface's queue
    box.put("port", name="odd0", device=device)
    box.delete("port", "odd0")
    before = len(os.listdir(f"/proc/{dataplane_pid(box)}/fd"))
    for _ in range(60):
        box.put("port", name="odd0", device=device)
        box.delete("port", "odd0")
    equal(len(os.listdir(f"/proc/{dataplane_pid(box)}/fd")), before, "descriptors after 60 times open and close")
    equal("odd0" in programs(box.ns), False, "a program on an interface that is no port any more")


def dataplane_pid(box):
    return box.process.pid  # ip netns exec becomes the program


def test(lab):
    a, b, site = lab.ns("a"), lab.ns("b"), lab.ns("site")
    box = Box(lab, args=["--no-huge", "--memory", "512"])
    box.port("lan0", a, "eth0", kind="af_xdp")
    a.address("eth0", "198.18.100.1/24")
    box.port("wan0", site, "wan", 1600, kind="af_xdp")
    has_program(box, "lan0", "wan0")
    box.ns.address("wan0", "198.18.0.1/24")
    site.address("wan", "198.18.0.2/24")
    box.put("address", port="wan0", prefix="198.18.0.1/24")
    box.put("neighbor", port="wan0", address="198.18.0.2", mac=site.mac("wan"))
    box.put("tunnel", name="to-site", encap="vxlan", local="198.18.0.1", remote="198.18.0.2")
    box.slice("blue", 100, [("lan0", None)], ["to-site"])
    kernel_vxlan(site, b, 100, "198.18.0.2", "198.18.0.1", "198.18.100.2/24")

    equal(ping(a, "198.18.100.2", 1), 1, "first ping (ARP through the flood)")
    before = box.ledger()
    equal(ping(a, "198.18.100.2", 20), 20, "pings from a to b")
    change = diff(before, box.ledger())
    for key in ("attachment blue-lan0", "tunnel to-site"):
        at_least(change.get(f"{key} in_packets", 0), 20, f"{key} in")
        at_least(change.get(f"{key} out_packets", 0), 20, f"{key} out")
    equal(drops_of(change), {}, "drops while pinging")
    equal(ping(site, "198.18.0.1", 3), 3, "pings to the kernel of the box, by the same interface")
    equal(ping(b, "198.18.100.1", 5, size=1472, options="-M do"), 5, "full 1500 byte pings from b to a")
    for reverse in (False, True):
        before = box.ledger()
        rate = iperf(a, b, "198.18.100.2", reverse=reverse)
        lost = drops_of(diff(before, box.ledger()))
        print(f"iperf3 {'b to a' if reverse else 'a to b'}: {rate:.0f} Mbit/s, drops {lost}")
        at_least(rate, 1, "TCP rate in Mbit/s")
        check(set(lost) <= CONGESTION, f"only a full queue may lose TCP packets, got {lost}")

    test_refusals(lab, box)

    # killed: the program stays without sockets, and the kernel has its interface
    box.process.send_signal(signal.SIGKILL)
    box.process.wait()
    lab.processes.remove(box.process)
    has_program(box, "lan0", "wan0")
    equal(ping(site, "198.18.0.1", 3), 3, "the kernel answers when the dataplane is gone")
    box.start()
    objects(box, site.mac("wan"))
    equal(ping(a, "198.18.100.2", 5), 5, "pings after the dataplane was killed and started again")
    box.stop()
    has_program(box)
    equal(ping(site, "198.18.0.1", 3), 3, "the kernel answers when the dataplane has ended")


run(test)
