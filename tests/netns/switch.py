# SPDX-License-Identifier: BSD-3-Clause
"""The switch under test: sluice-dataplane in a namespace, its objects, counters, ledger and events.

SLUICE_TEST_DEVICE=af_xdp: wires end at AF_XDP ports instead of AF_PACKET ones. Their interfaces stay the kernel's, so
an underlay's address is there and not on a tap."""
import json
import os
import sys
import time

from checks import BUILD, TOP, Skip, check, command, equal, wait_for

sys.path.insert(0, os.path.join(TOP, "bench", "lib"))
from rpc import Client, RpcError, connect  # noqa: E402,F401  (the same client the benchmarks use)

DEVICE = os.environ.get("SLUICE_TEST_DEVICE", "af_packet")


def not_by_af_xdp(why):
    """For a test that cannot be run with AF_XDP ports."""
    if DEVICE == "af_xdp":
        raise Skip(f"not with AF_XDP ports: {why}")


class Box:
    """sluice-dataplane in a namespace of its own, and a client on its socket."""
    TYPES = ("port", "slice", "attachment", "tunnel")

    def __init__(self, lab, name="box", workers=1, args=()):
        self.lab, self.ns, self.workers, self.args = lab, lab.ns(name), workers, list(args)
        self.socket = os.path.join(lab.dir, f"{name}.sock")
        self.prefix = f"{lab.prefix}-{name}"
        self.devices = 0
        self.xdp = set()  # ports that are AF_XDP
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
        self.rpc = connect(self.socket, 60.0, lambda: self.process.poll() is None)

    def stop(self):
        """SIGTERM must end it cleanly, with status 0."""
        self.rpc.close()
        self.process.terminate()
        equal(self.process.wait(60), 0, "exit status of sluice-dataplane after SIGTERM")
        self.lab.processes.remove(self.process)

    def alive(self):
        check(self.process.poll() is None, "sluice-dataplane has ended by itself")
        return self.rpc.call("hello")["product"]

    # objects

    def put(self, kind, /, **fields):
        answer = self.rpc.call("put", {"type": kind, "objects": [fields]})
        if DEVICE == "af_xdp" and kind == "address" and fields.get("port") in self.xdp:
            self.ns.address(fields["port"], fields["prefix"])
        return answer

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

    def device(self, interface, extra="", kind=None):
        self.devices += 1
        kind = kind or DEVICE
        if kind == "af_xdp":
            extra = ""  # frame sizes of AF_PACKET
        elif kind == "af_packet" and "framecnt" not in extra:
            extra += ",framecnt=2048"  # of 512, the default, it loses frames when it has no CPU for a moment
        return f"net_{kind}{self.devices},iface={interface}{extra}"

    def port(self, name, peer, peer_if, mtu=1500, tap=False, extra="", peer_mac=None, kind=None, **fields):
        """A wire from the namespace `peer` to a port of this name. Returns the port's MAC."""
        if (kind or DEVICE) == "af_xdp":
            self.lab.wire(self.ns, name, peer, peer_if, mtu, b_mac=peer_mac)
            if tap:  # what is the wire's end and the twin with other devices is one here
                self.ns.ip(f"link property add dev {name} altname {name}x")
            self.xdp.add(name)
            self.put("port", name=name, device=self.device(name, extra, "af_xdp"), mtu=mtu, **fields)
            return self.ns.mac(name)
        wire_end = f"{name}x" if tap else name  # with a tap, the name belongs to the kernel twin
        self.lab.wire(self.ns, wire_end, peer, peer_if, mtu, b_mac=peer_mac)
        self.ns.quiet_interface(wire_end)
        self.put("port", name=name, device=self.device(wire_end, extra, "af_packet"), mtu=mtu, **({"tap": True} if tap else {}), **fields)
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

    def config(self, kinds):
        """What was put of these kinds, as ops of a --config file: without what is only in answers."""
        fields, ops = self.rpc.call("schema")["$defs"], []
        for kind in kinds:
            takes = {name for name, field in fields[kind]["properties"].items() if not field.get("readOnly")}
            ops.append({"op": "put", "type": kind, "objects": [{name: value for name, value in entry.items() if name in takes}
                                                               for entry in self.list(kind) if not entry.get("learned")]})
        return ops

    def quiet(self, seconds=30.0):
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
        # ports and their twins, and the taps of attachments (all there ever were)
        came = total("rx_packets", "tap_rx_packets") + now["box tap_rx_packets"]
        left = total("tx_packets", "tap_tx_packets") + now["box tap_tx_packets"]
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
