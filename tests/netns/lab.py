# SPDX-License-Identifier: BSD-3-Clause
"""Network namespaces joined by veth wires, and raw ports for frames made by hand. Whatever happens in a test, its Lab
ends its processes and deletes its namespaces; names carry the pid, so several runs can go side by side."""
import ctypes
import glob
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from contextlib import contextmanager

from checks import command

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class RawPort:
    """An AF_PACKET socket on one interface: frames out as given, frames in as they were on the wire (VLAN tags, which
    the kernel takes off, are put back)."""
    SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING, SO_RCVBUFFORCE = 263, 8, 23, 33
    VLAN_VALID, TPID_VALID = 0x10, 0x40

    def __init__(self, interface):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.sock.setsockopt(socket.SOL_SOCKET, self.SO_RCVBUFFORCE, 4 << 20)  # whatever the machine's limit is
        self.sock.setsockopt(self.SOL_PACKET, self.PACKET_AUXDATA, 1)
        self.sock.setsockopt(self.SOL_PACKET, self.PACKET_IGNORE_OUTGOING, 1)
        self.sock.bind((interface, 3))

    def send(self, *frames):
        for frame in frames:
            self.sock.send(bytes(frame))

    def _receive_one(self):
        data, ancillary, _, _ = self.sock.recvmsg(65536, 256)
        for level, kind, value in ancillary:
            if level == self.SOL_PACKET and kind == self.PACKET_AUXDATA:
                status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", value[:20])
                if status & self.VLAN_VALID:
                    tpid = tpid if status & self.TPID_VALID else 0x8100
                    data = data[:12] + struct.pack("!HH", tpid, tci) + data[12:]
        return data

    def receive(self, match=lambda frame: True, count=1, seconds=5.0):
        """The frames that match, until there are `count` of them or the time is over."""
        found, deadline = [], time.monotonic() + seconds
        while len(found) < count:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                break
            frame = self._receive_one()
            if match(frame):
                found.append(frame)
        return found

    def drain(self):
        """Throws away what waits; what comes later is new."""
        while select.select([self.sock], [], [], 0)[0]:
            self._receive_one()


class Namespace:
    def __init__(self, lab, name):
        self.lab, self.name, self.full = lab, name, f"{lab.prefix}-{name}"
        command(["ip", "netns", "add", self.full])
        # no noise: what is counted in a test is what the test sent. DAD, router and link-local chatter stay off
        self.sysctl("net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.accept_ra=0",
                    "net.ipv6.conf.default.autoconf=0", "net.ipv6.conf.default.router_solicitations=0",
                    "net.ipv6.conf.default.addr_gen_mode=1", "net.ipv4.conf.default.rp_filter=0",
                    "net.ipv4.conf.all.rp_filter=0")
        self.ip("link set lo up")

    def sysctl(self, *settings):
        self.run(["sysctl", "-q", "-w", *settings])

    def words(self, words):
        return ["ip", "netns", "exec", self.full, *(words.split() if isinstance(words, str) else words)]

    def run(self, words, **kwargs):
        return command(self.words(words), **kwargs)

    def ip(self, words):
        return command(["ip", "-n", self.full, *words.split()])

    def asked(self, words):
        """What a command of iproute2 says in JSON. A list that was torn, as what it lists came or went meanwhile, may miss
        some of it: it is taken again."""
        words = words.split()
        words = [words[0], "-n", self.full, *words[1:]]
        said = command(words)
        while "Dump was interrupted" in said:
            said = command(words)
        return json.loads(said)

    def popen(self, words, log=None, **kwargs):
        """A process that the Lab ends. Its output goes to the Lab's folder."""
        path = os.path.join(self.lab.dir, log or f"{self.name}-{len(self.lab.processes)}.log")
        with open(path, "wb") as out:
            process = subprocess.Popen(self.words(words), stdout=out, stderr=subprocess.STDOUT,
                                       stdin=subprocess.DEVNULL, **kwargs)
        process.log = path
        self.lab.processes.append(process)
        return process

    @contextmanager
    def entered(self):
        """This thread is in the namespace; sockets opened here stay there."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.full}", os.O_RDONLY)
        try:
            if _libc.setns(there, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            yield self
        finally:
            _libc.setns(home, CLONE_NEWNET)
            os.close(there)
            os.close(home)

    def raw(self, interface):
        with self.entered():
            return RawPort(interface)

    def address(self, interface, *prefixes):
        # a neighbour that was found stays found: no probes in the middle of a count
        for family in ("ipv4", "ipv6"):
            if interface != "lo":
                self.sysctl(f"net.{family}.neigh.{interface}.base_reachable_time_ms=600000",
                            f"net.{family}.neigh.{interface}.delay_first_probe_time=60")
        for prefix in prefixes:
            nodad = " nodad" if ":" in prefix else ""
            self.ip(f"addr add {prefix} dev {interface}{nodad}")

    def mac(self, interface):
        return self.asked(f"ip -j link show dev {interface}")[0]["address"]

    def interfaces(self):
        return {link["ifname"] for link in self.asked("ip -j link show")}

    def quiet_interface(self, interface):
        """A wire's end that belongs to the switch: the kernel's own stack must not answer there. AF_PACKET only
        copies, so without this the kernel would see every packet twice, here and at the port's tap."""
        self.sysctl(f"net.ipv6.conf.{interface}.disable_ipv6=1", f"net.ipv4.conf.{interface}.rp_filter=1")
        self.ip(f"link set {interface} arp off")


class Lab:
    def __init__(self, name):
        self.name, self.prefix = name, f"slt{os.getpid()}"
        self.dir = tempfile.mkdtemp(prefix=f"sluice-{name}-")
        self.namespaces, self.processes, self.boxes = {}, [], []

    def ns(self, name):
        if name not in self.namespaces:
            self.namespaces[name] = Namespace(self, name)
        return self.namespaces[name]

    def wire(self, a, a_if, b, b_if, mtu=1500, a_mac=None, b_mac=None):
        """A veth pair, up, with the offloads off: a frame on a wire is whole, has its checksums and fits the MTU."""
        command(["ip", "-n", a.full, "link", "add", "name", a_if, "mtu", str(mtu), "type", "veth",
                 "peer", "name", b_if, "mtu", str(mtu), "netns", b.full])
        for space, interface, mac in ((a, a_if, a_mac), (b, b_if, b_mac)):
            if mac:
                space.ip(f"link set {interface} address {mac}")
            space.run(f"ethtool -K {interface} tx off sg off tso off gso off gro off")
            space.ip(f"link set {interface} up")

    def end(self, process, grace=5.0):
        """Ends one process and everything it started."""
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(grace)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self.processes:
            self.processes.remove(process)

    def close(self):
        for process in reversed(list(self.processes)):
            self.end(process)
        for space in self.namespaces.values():
            for pid in command(["ip", "netns", "pids", space.full], check_status=False).split():
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except (OSError, ValueError):
                    pass
            command(["ip", "netns", "del", space.full], check_status=False)
        for folder in glob.glob(f"/var/run/dpdk/{self.prefix}-*"):  # EAL's, of instances that were killed
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self.dir, ignore_errors=True)

    def report(self):
        """After a failure: everything the boxes know, and their logs."""
        for box in self.boxes:
            print(f"---- box {box.ns.name}: what it counted")
            try:
                for key, value in sorted(box.snapshot().items()):
                    if value:
                        print(f"  {key} = {value}")
            except Exception as error:  # noqa: BLE001  (a report must not hide the failure)
                print(f"  not to be read: {error}")
            print(f"---- box {box.ns.name}: the end of its log")
            print("".join(open(box.log, errors="replace").readlines()[-40:]))
