# SPDX-License-Identifier: BSD-3-Clause
"""What the tests in this folder are made of: a Lab of network namespaces joined by veth wires, a Box that runs
sluice-dataplane in one of them, raw ports for frames made by hand, ping and iperf3, and the ledger.

A test is a function of a Lab handed to run(). Whatever happens in it, the Lab ends its processes and deletes its
namespaces; names carry the pid, so several runs can go side by side. On failure the box's counters and its log are
printed. Only 198.18.0.0/15 and 2001:db8::/32 are used, and only inside the namespaces."""
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
import sys
import tempfile
import time
import traceback
from contextlib import contextmanager

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("SLUICE_BUILD", "build"))
sys.path.insert(0, os.path.join(TOP, "bench", "lib"))
from rpc import Client, RpcError, connect  # noqa: E402  (the same client the benchmarks use)

__all__ = ["BUILD", "CONGESTION", "QUICK", "TOP", "Box", "Client", "Lab", "RpcError", "Skip", "Watcher", "at_least", "check", "command",
           "connect", "diff", "drops_of", "equal", "iperf", "kernel_vxlan", "ping", "run", "settled",
           "wait_for"]

SKIP_STATUS = 77
QUICK = os.environ.get("SLUICE_QUICK") == "1"  # sanitizer runs: shorter streams
CONGESTION = {"tx_full", "port_tx_full", "handover_full"}  # what TCP may lose on a busy machine
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Skip(Exception):
    """Raised by a test that cannot run here; the text says why."""


# ---- checks: every one says what it wanted and what it found

def check(condition, text):
    if not condition:
        raise AssertionError(text)


def equal(got, want, what):
    check(got == want, f"{what}: want {want}, got {got}")


def at_least(got, want, what):
    check(got >= want, f"{what}: want at least {want}, got {got}")


def wait_for(condition, text, seconds=5.0):
    """Returns the first true value of condition()."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < deadline, f"{text}: not within {seconds} s")
        time.sleep(0.05)


def settled(measure, good, times=3):
    """A figure that needs a worker to have its CPU: taken again, a few times, while it is not good. What it says of the
    switch (never too much) is checked by the caller on whatever comes back."""
    value = measure()
    for _ in range(times - 1):
        if good(value):
            break
        print(f"taken again, the machine was busy: {value}")
        value = measure()
    return value


def command(words, check_status=True, **kwargs):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
                          timeout=kwargs.pop("timeout", 60), check=False, **kwargs)
    if check_status and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: status {done.returncode}\n{done.stdout}")
    return done.stdout


# ---- namespaces and wires

class RawPort:
    """An AF_PACKET socket on one interface: frames out as given, frames in as they were on the wire (VLAN tags, which
    the kernel takes off, are put back)."""
    SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
    VLAN_VALID, TPID_VALID = 0x10, 0x40

    def __init__(self, interface):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
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

    def receive(self, match=lambda frame: True, count=1, seconds=2.0):
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
        return json.loads(self.ip(f"-j link show dev {interface}"))[0]["address"]

    def interfaces(self):
        return {link["ifname"] for link in json.loads(self.ip("-j link show"))}

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


# ---- the switch

class Box:
    """sluice-dataplane in a namespace of its own, and a client on its socket."""
    TYPES = ("port", "slice", "attachment", "tunnel")

    def __init__(self, lab, name="box", workers=1, args=()):
        self.lab, self.ns, self.workers, self.args = lab, lab.ns(name), workers, list(args)
        self.socket = os.path.join(lab.dir, f"{name}.sock")
        self.prefix = f"{lab.prefix}-{name}"
        self.devices = 0
        self.process = self.rpc = self.log = None
        lab.boxes.append(self)
        self.start()

    def start(self):
        binary = os.path.join(BUILD, "dataplane", "sluice-dataplane")
        check(os.path.exists(binary), f"{binary} is not built: meson compile -C {BUILD}")
        self.process = self.ns.popen([binary, "--socket", self.socket, "--workers", str(self.workers),
                                      "--file-prefix", self.prefix, "--idle", "nap", *self.args],
                                     log=f"{self.ns.name}-dataplane.log")
        self.log = self.process.log
        self.rpc = connect(self.socket, 30.0, lambda: self.process.poll() is None)

    def stop(self):
        """SIGTERM must end it cleanly, with status 0."""
        self.rpc.close()
        self.process.terminate()
        equal(self.process.wait(10), 0, "exit status of sluice-dataplane after SIGTERM")
        self.lab.processes.remove(self.process)

    def alive(self):
        check(self.process.poll() is None, "sluice-dataplane has ended by itself")
        return self.rpc.call("hello")["product"]

    # objects

    def put(self, kind, /, **fields):
        return self.rpc.call("put", {"type": kind, "objects": [fields]})

    def delete(self, kind, *keys):
        return self.rpc.call("delete", {"type": kind, "keys": list(keys)})

    def list(self, kind, /, **match):
        params = {"type": kind}
        if match:
            params["match"] = match
        return self.rpc.call("list", params)["objects"]

    def cli(self, words, json_output=False, **kwargs):
        binary = os.path.join(BUILD, "control", "sluice")
        words = words.split() if isinstance(words, str) else words
        out = command([binary, "--socket", self.socket, *(["--json"] if json_output else []), *words], **kwargs)
        return json.loads(out) if json_output else out

    def device(self, interface, extra=""):
        self.devices += 1
        return f"net_af_packet{self.devices},iface={interface}{extra}"

    def port(self, name, peer, peer_if, mtu=1500, tap=False, extra="", peer_mac=None, **fields):
        """A wire from the namespace `peer` to a port of this name. Returns the port's MAC."""
        wire_end = f"{name}x" if tap else name  # with a tap, the name belongs to the kernel twin
        self.lab.wire(self.ns, wire_end, peer, peer_if, mtu, b_mac=peer_mac)
        self.ns.quiet_interface(wire_end)
        self.put("port", name=name, device=self.device(wire_end, extra), mtu=mtu, **({"tap": True} if tap else {}), **fields)
        return self.ns.mac(wire_end)

    def tap_port(self, name, mtu=1500, **fields):
        """A port whose other end is a tap in the box's own namespace; returns a raw port on it. Unlike AF_PACKET it
        hands over every tag with its TPID and leaves fragments alone."""
        kernel_end = f"{name}k"
        self.devices += 1
        self.ns.sysctl("net.ipv6.conf.default.disable_ipv6=1")
        self.put("port", name=name, device=f"net_tap{self.devices},iface={kernel_end}", mtu=mtu, **fields)
        self.ns.sysctl("net.ipv6.conf.default.disable_ipv6=0")
        self.ns.quiet_interface(kernel_end)
        # the kernel's end is the far end of the wire: not the station that the port is
        self.ns.ip(f"link set {kernel_end} mtu {mtu} address 02:00:00:00:fe:{self.devices:02x} up")
        return self.ns.raw(kernel_end)

    def slice(self, name, vni, ports=(), tunnels=(), **fields):
        """A slice with an attachment for each (port, vlan or None), stretched over each tunnel."""
        self.put("slice", name=name, vni=vni, **fields)
        for port, vlan in ports:
            tag = {"vlan": vlan} if vlan else {}
            self.put("attachment", name=f"{name}-{port}" + (f"-{vlan}" if vlan else ""), slice=name, port=port, **tag)
        for tunnel in tunnels:
            self.put("member", slice=name, tunnel=tunnel)

    def wan(self, site, number=0, mtu=1600, v6=False, name=None, peer_if="wan", extra="", **fields):
        """An underlay port with its kernel twin, joined to `site`, and a VXLAN tunnel to it called to-SITE.
        Box 198.18.N.1 or 2001:db8:N::1, site .2. Returns (box address, site address)."""
        name = name or f"wan{number}"
        net = f"2001:db8:{number:x}::" if v6 else f"198.18.{number}."
        ours, theirs, bits = f"{net}1", f"{net}2", 64 if v6 else 24
        self.port(name, site, peer_if, mtu, tap=True, extra=extra, **fields)
        site.address(peer_if, f"{theirs}/{bits}")
        self.put("address", port=name, prefix=f"{ours}/{bits}")
        self.put("neighbor", port=name, address=theirs, mac=site.mac(peer_if))
        self.put("tunnel", name=f"to-{site.name}", encap="vxlan", local=ours, remote=theirs)
        return ours, theirs

    # counters

    def snapshot(self):
        """Every counter there is, flat: {"port wan0 rx_packets": 3, "drop ip_header": 1, "box replicated": 0, …}."""
        flat = {}
        for kind in self.TYPES + ("box",):
            for key, counters in self.rpc.stats(kind).items():
                for counter, value in counters.items():
                    if isinstance(value, int):
                        flat[f"{kind} {key} {counter}" if kind != "box" else f"box {counter}"] = value
        for reason, count in self.rpc.drops().items():
            flat[f"drop {reason}"] = count
        return flat

    def idle_loops(self):
        return {key: worker["idle_loops"] for key, worker in self.rpc.stats("worker").items()}

    def quiet(self, seconds=10.0):
        """Waits until nothing moves any more, which every worker must have had the time to see; returns the snapshot."""
        last, idle, deadline = self.snapshot(), self.idle_loops(), time.monotonic() + seconds
        while True:
            time.sleep(0.05)
            rested = all(loops > idle[key] + 5 for key, loops in self.idle_loops().items())
            now = self.snapshot()
            if rested and now == last:
                return now
            check(time.monotonic() < deadline, f"traffic did not stop: {diff(last, now)}")
            if now != last:
                last, idle = now, self.idle_loops()

    def ledger(self):
        """in + replicated + originated = out + drops + merged + held, when traffic has stopped. Returns the snapshot."""
        now = self.quiet()

        def total(*counters):
            return sum(v for k, v in now.items() if k.startswith("port ") and k.rsplit(" ", 1)[1] in counters)
        came, left = total("rx_packets", "tap_rx_packets"), total("tx_packets", "tap_tx_packets")
        dropped = sum(v for k, v in now.items() if k.startswith("drop "))
        replicated, originated, merged = now["box replicated"], now["box originated"], now["box merged"]
        held = now["box held"]  # for UEs that are idle
        equal(came + replicated + originated, left + dropped + merged + held,
              f"ledger: in {came} + replicated {replicated} + originated {originated} = out {left} + drops {dropped} + merged {merged} + held {held}")
        return now


class Watcher:
    """A second client that only listens; events come as {event, …}."""

    def __init__(self, box, *events):
        self.client = Client(box.socket)
        self.client.call("watch", {"events": list(events)})
        self.client.sock.settimeout(0.2)
        self.seen = []

    def poll(self):

        try:
            while True:
                message = json.loads(self.client.read_line())
                if message.get("method") == "event":
                    self.seen.append(message["params"])
        except TimeoutError:
            pass
        return self.seen

    def expect(self, event, **fields):
        def found():
            return [seen for seen in self.poll() if seen["event"] == event and all(seen.get(k) == v for k, v in fields.items())]
        return wait_for(found, f"event {event} with {fields} (seen: {self.seen})")[0]


def diff(before, after):
    """What changed, as {counter: by how much}."""
    return {key: value - before.get(key, 0) for key, value in after.items() if value != before.get(key, 0)}


def drops_of(changes):
    """The drops among changes, as {reason: packets}."""
    return {key[5:]: value for key, value in changes.items() if key.startswith("drop ")}


# ---- the other side and the traffic

def kernel_vxlan(site, host, vni, local, remote, *addresses, mac=None, mtu=1500, name=None, options=""):
    """A VXLAN interface of the Linux kernel: its outer packets in namespace `site`, its inner end in `host`."""
    name = name or f"vx{vni}"
    port = "" if "dstport" in options else "dstport 4789"
    site.ip(f"link add name {name} type vxlan id {vni} local {local} remote {remote} {port} {options}")
    if host is not site:
        site.ip(f"link set {name} netns {host.full}")
    if mac:
        host.ip(f"link set {name} address {mac}")
    host.ip(f"link set {name} mtu {mtu} up")
    host.address(name, *addresses)


def ping(space, address, count=3, size=56, options="", wait=2):
    """How many of `count` echoes came back."""
    out = space.run(f"ping -n -q -c {count} -i 0.1 -W {wait} -s {size} {options} {address}", check_status=False)
    for line in out.splitlines():
        if "packets transmitted" in line:
            return int(line.split(",")[1].split()[0])
    raise AssertionError(f"ping {address} from {space.name}: {out}")


def iperf(client, server, address, seconds=2.0, reverse=False, options=""):
    """One TCP stream; returns the Mbit/s that arrived. The server is started for it and ended after it."""
    seconds = 1.0 if QUICK else seconds
    process = server.popen(f"iperf3 -s -1 -B {address}")
    time.sleep(0.3)
    out = client.run(f"iperf3 -c {address} -t {seconds:.0f} --connect-timeout 3000 -J {'-R' if reverse else ''} {options}",
                     check_status=False, timeout=seconds + 30)
    try:
        answer = json.loads(out)
    except ValueError:
        raise AssertionError(f"iperf3 {client.name} → {address}: {out}") from None
    finally:
        client.lab.end(process)
    check("error" not in answer, f"iperf3 {client.name} → {address}: {answer.get('error')}")
    return answer["end"]["sum_received"]["bits_per_second"] / 1e6


def run(test):
    """Runs one test function with a Lab of its own and leaves with its status."""
    name = os.path.basename(sys.argv[0]).removesuffix(".py").removeprefix("test_")
    lab = Lab(name)

    def stop(number, frame):
        raise KeyboardInterrupt(f"signal {number}")
    signal.signal(signal.SIGTERM, stop)
    status = 0
    try:
        test(lab)
        for box in lab.boxes:
            if box.process.poll() is None:
                box.alive()
                box.stop()
    except Skip as why:
        print(f"skip: {why}")
        status = SKIP_STATUS
    except BaseException:  # noqa: BLE001  (KeyboardInterrupt too: the report and the clean-up come first)
        traceback.print_exc(file=sys.stdout)
        lab.report()
        status = 1
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        lab.close()
    sys.stdout.flush()
    sys.exit(status)
