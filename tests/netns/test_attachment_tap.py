#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The kernel behind an attachment: a slice that routes, its gateway address also on a tap in the namespace `blue`.

    a  198.18.101.2 ── lan0 [green 300] 198.18.101.1 ┄ tap `green-a` in namespace blue: 198.18.101.1, 2001:db8:101::1
       2001:db8:101::2       2001:db8:101::1
    raw ────── VLAN 5, lan1 [green 300] 198.18.102.1 ┄ tap `green-c` in namespace blue: 198.18.102.1
                     └ wan0 ═══ raw site (198.18.110.2 beyond the tunnel)
               VLAN 6, lan1 [red 100, bridged]       ┄ tap `red-c`: carries nothing

The switch answers ARP, ND and echo for the gateway; TCP, UDP, errors and what routers say to each other are the kernel's.
"""
import time

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN

from lib import Box, Pings, RpcError, at_least, check, diff, drops_of, equal, ping, run, wait_for

V4, V6, V4C, TAP = "198.18.101", "2001:db8:101:", "198.18.102", "green-a"
GATEWAY = "02:5c:00:01:2c:01"
SERVE = ("import socket, sys\n"
         "s = socket.create_server((sys.argv[1], 179), family=socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)\n"
         "while True:\n"
         "    c, _ = s.accept()\n"
         "    while chunk := c.recv(65536): c.sendall(chunk)\n"
         "    c.close()\n")
ASK = ("import socket, sys\n"
       "s = socket.create_connection((sys.argv[1], 179), 20)\n"
       "n, got, sent = int(sys.argv[2]), 0, b'x' * 10000\n"
       "for _ in range(n // 10000):\n"
       "    s.sendall(sent); part = 0\n"
       "    while part < 10000: part += len(s.recv(65536))\n"
       "    got += part\n"
       "print(got)\n")


def link(space, name):
    return space.asked(f"ip -j -d link show dev {name}")[0]


def attachment(box, **changes):
    box.put("attachment", **{"name": "green-lan0", "slice": "green", "port": "lan0", "tap": TAP, **changes})


def into_blue(box, blue):
    """What control does with a tap."""
    box.ns.ip(f"link set {TAP} netns {blue.full}")
    blue.ip(f"link set {TAP} up")
    blue.address(TAP, f"{V4}.1/24", f"{V6}:1/64")


def refused(call, part):
    try:
        call()
    except RpcError as error:
        check(part in str(error), f"want {part!r} in the refusal: {error}")
        return error
    raise AssertionError(f"not refused: {part}")


def counted(box, before):
    """What changed, and the ledger holds."""
    return diff(before, box.ledger())


def lost(change):
    """Drops, but for what hosts answer when the switch asks now and then whether they are still there."""
    return {reason: count for reason, count in drops_of(change).items() if reason != "arp_noted"}


def speaks_to_the_kernel(box, a, blue):
    for address in (f"{V4}.1", f"{V6}:1"):
        blue.popen(["/usr/bin/python3", "-c", SERVE, address])
        wait_for(lambda: "LISTEN" in blue.run(f"ss -Hltn src [{address}]:179" if ":" in address else f"ss -Hltn src {address}:179"),
                 f"a server on {address}")
        before = box.ledger()
        equal(int(a.run(["/usr/bin/python3", "-c", ASK, address, "200000"])), 200000, f"bytes through TCP with {address}")
        change = counted(box, before)
        for way in ("tx", "rx"):
            at_least(change.get(f"attachment green-lan0 tap_{way}_packets", 0), 40, f"{way} packets of the tap")
            equal(change[f"attachment green-lan0 tap_{way}_packets"], change[f"box tap_{way}_packets"], f"{way}: the box's, too")
        equal(lost(change), {}, f"drops while TCP with {address} ran")
        # the gateway is still the switch's: echo does not pass the tap
        before = box.ledger()
        equal(ping(a, address, 5), 5, f"pings to {address}")
        change = counted(box, before)
        at_least(change["box answered"], 5, "echo answered by the switch")
        check(change.get("box tap_tx_packets", 0) < 5, f"pings of the gateway went to the kernel: {change}")
    for address in (f"{V4}.2", f"{V6}:2"):
        wait_for(lambda: ping(blue, address, 1, wait=1) == 1, f"blue reaches {address}")
        before = box.ledger()
        equal(ping(blue, address, 5), 5, f"pings from blue to {address}")
        change = counted(box, before)
        at_least(change["box tap_tx_packets"], 5, "echo answers to the kernel")
        at_least(change["attachment green-lan0 out_packets"], 5, "echo requests out of the attachment")


def from_station(mac, *layers):
    frame = Ether(src=mac, dst=layers[0]) / Dot1Q(vlan=5)
    for layer in layers[1:]:
        frame = frame / layer
    return bytes(frame)


def what_goes_there(box, wire, blue):
    """Frame by frame, with a raw port on either side, and a VLAN."""
    box.put("attachment", name="green-lan1", slice="green", port="lan1", vlan=5, tap="green-c")
    box.put("address", attachment="green-lan1", prefix=f"{V4C}.1/24")
    box.ns.ip(f"link set green-c netns {blue.full}")
    blue.ip("link set green-c up")
    blue.address("green-c", f"{V4C}.1/24")
    tap, mac, station = blue.raw("green-c"), "02:00:00:00:0c:02", f"{V4C}.2"
    box.quiet()
    tap.drain()

    def goes(what, *layers, payload=None):
        before = box.ledger()
        frame = from_station(mac, *layers)
        wire.send(frame)
        want = frame[:12] + frame[16:]  # the tag is the attachment's
        equal(len(tap.receive(lambda got: got == want)), 1, f"{what}: the very frame at the tap")
        equal(lost(counted(box, before)), {}, f"{what}: drops")

    def stays(what, drop, *layers):
        before = box.ledger()
        frame = from_station(mac, *layers)
        wire.send(frame)
        change = counted(box, before)
        equal(change.get("attachment green-lan1 tap_tx_packets", 0), 0, f"{what}: to the kernel")
        if drop:
            equal(lost(change), {drop: 1}, f"{what}: drops")
        return change

    goes("OSPF", "01:00:5e:00:00:05", IP(src=station, dst="224.0.0.5", ttl=1, proto=89) / (b"o" * 44))
    goes("an ICMP error", GATEWAY, IP(src=station, dst=f"{V4C}.1") / ICMP(type=3, code=3) / (b"e" * 40))
    goes("UDP", GATEWAY, IP(src=station, dst=f"{V4C}.1") / UDP(sport=1, dport=9999) / (b"u" * 30))
    goes("a fragment", GATEWAY, IP(src=station, dst=f"{V4C}.1", flags="MF", proto=17, id=7) / (b"f" * 64))
    goes("an ARP reply", GATEWAY, ARP(op=2, hwsrc=mac, psrc=station, hwdst=GATEWAY, pdst=f"{V4C}.1") / (b"\0" * 18))
    stays("an ARP request", None, "ff:ff:ff:ff:ff:ff", ARP(op=1, hwsrc=mac, psrc=station, pdst=f"{V4C}.1") / (b"\0" * 18))
    stays("other multicast", "routed_group", "01:00:5e:01:01:01", IP(src=station, dst="239.1.1.1") / UDP(dport=5) / (b"m" * 30))
    stays("the other attachment's gateway", "not_for_gateway", GATEWAY, IP(src=station, dst=f"{V4}.1") / UDP(dport=9))
    stays("to another host's MAC", "not_gateway_mac", "02:00:00:00:00:99", IP(src=station, dst=f"{V4C}.1") / TCP(dport=179))

    # from beyond the tunnel: never
    before = box.ledger()
    site = box.lab.ns("site")
    inner = Ether(src="02:00:00:00:09:09", dst=GATEWAY) / IP(src="198.18.110.2", dst=f"{V4C}.1") / TCP(dport=179, flags="S")
    site.raw("wan").send(bytes(Ether(src=site.mac("wan"), dst=box.ns.mac("wan0x")) / IP(src="198.18.0.2", dst="198.18.0.1")
                               / UDP(sport=50000, dport=4789, chksum=0) / VXLAN(vni=300, flags=8) / inner))
    change = counted(box, before)
    equal((lost(change), change.get("attachment green-lan1 tap_tx_packets", 0)), ({"not_for_gateway": 1}, 0), "TCP to the gateway by a tunnel")

    # what the kernel sends leaves tagged, from the gateway's MAC; a tag of its own does not leave
    wire.drain()
    before = box.ledger()
    frame = bytes(Ether(src=GATEWAY, dst="01:00:5e:00:00:05") / IP(src=f"{V4C}.1", dst="224.0.0.5", ttl=1, proto=89) / (b"h" * 44))
    tap.send(frame)
    want = frame[:12] + b"\x81\x00\x00\x05" + frame[12:]
    equal(len(wire.receive(lambda got: got == want)), 1, "the kernel's frame on the wire")
    tap.send(bytes(Ether(src=GATEWAY, dst=mac) / Dot1Q(vlan=7) / IP(src=f"{V4C}.1", dst=station) / UDP() / (b"v" * 20)))
    change = counted(box, before)
    equal(lost(change), {"vlan_stacked": 1}, "a tag inside the tag")
    equal(change["attachment green-lan1 tap_rx_packets"], 2, "frames taken from the kernel")


def carries_nothing_in_l2(box):
    """The tap of a bridging slice is there, and what the kernel sends is dropped by name."""
    box.put("attachment", name="red-lan1", slice="red", port="lan1", vlan=6, tap="red-c")
    check("LOWER_UP" in link(box.ns, "red-c")["flags"], "the tap has carrier")
    tap = box.ns.raw("red-c")
    before = box.ledger()
    tap.send(*[bytes(Ether(dst="ff:ff:ff:ff:ff:ff", type=0x88b5) / (b"l" * 46))] * 5)
    wait_for(lambda: diff(before, box.snapshot()).get("drop tap_l2") == 5, "five frames dropped by name")
    box.ledger()
    box.delete("attachment", "red-lan1")


def hears_of(host, mac):
    """The gateway announces its MAC unasked, and the host takes it: what it sends before that is lost."""
    for address in (f"{V4}.1", f"{V6}:1"):
        wait_for(lambda: mac in host.ip(f"neigh show {address} dev eth0"), f"the host's {mac} for {address}")


def changes_under_traffic(box, a, blue):
    """The tap goes, comes and is renamed while pings to and through the gateway go on."""
    pings = Pings(a, f"{V4}.1")
    for tap in (None, TAP, "green-b", TAP) * 3:
        attachment(box, tap=tap) if tap else box.put("attachment", name="green-lan0", slice="green", port="lan0")
        time.sleep(0.05)
        if tap:
            check(tap in box.ns.interfaces(), f"{tap} is there")
    sent, received = pings.stop()
    at_least(sent, 10, "pings to the gateway while its tap changed")
    equal(received, sent, "pings that were answered")
    wait_for(lambda: "green-b" not in box.ns.interfaces(), "the interface before is gone")
    box.ledger()
    into_blue(box, blue)


def test(lab):
    a, blue, site = (lab.ns(name) for name in ("a", "blue", "site"))
    box = Box(lab, args=("--no-huge", "--memory", "512"))
    box.port("lan0", a, "eth0")
    wire = box.tap_port("lan1")
    box.wan(site)
    box.put("slice", name="green", vni=300, kind="l3")
    box.put("slice", name="red", vni=100)
    box.put("member", slice="green", tunnel="to-site")
    # whatever the defaults are: no tenant gives the box's own namespace an address or a route
    box.ns.sysctl("net.ipv6.conf.default.accept_ra=1", "net.ipv6.conf.default.addr_gen_mode=0")
    attachment(box)
    box.ns.sysctl("net.ipv6.conf.default.accept_ra=0", "net.ipv6.conf.default.addr_gen_mode=1")
    equal(box.ns.run(["sysctl", "-n", f"net.ipv6.conf.{TAP}.accept_ra", f"net.ipv6.conf.{TAP}.addr_gen_mode"]).split(), ["0", "1"],
          "accept_ra and addr_gen_mode of the tap")
    equal(box.ns.asked(f"ip -j addr show dev {TAP}")[0]["addr_info"], [], "addresses of the tap")
    for prefix in (f"{V4}.1/24", f"{V6}:1/64"):
        box.put("address", attachment="green-lan0", prefix=prefix)
    a.address("eth0", f"{V4}.2/24", f"{V6}:2/64")
    box.put("route", table="green", prefix="198.18.110.0/24", via=[{"tunnel": "to-site", "mac": "02:00:00:00:09:09"}])

    tap = link(box.ns, TAP)
    equal((tap["address"], tap["mtu"], "LOWER_UP" in tap["flags"]), (GATEWAY, 1500, True), "the tap's MAC, MTU and carrier")
    equal(box.rpc.call("get", {"type": "attachment", "key": "green-lan0"})["tap_index"], tap["ifindex"], "its index")
    refused(lambda: box.put("attachment", name="x", slice="red", port="lan0", vlan=9, tap=TAP), "green-lan0")
    refused(lambda: box.put("attachment", name="x", slice="red", port="lan0", vlan=9, tap="wan0"), "already is an interface wan0")
    into_blue(box, blue)
    speaks_to_the_kernel(box, a, blue)
    what_goes_there(box, wire, blue)
    carries_nothing_in_l2(box)

    # the gateway's MAC changes: so does the tap's, where it is by now
    box.put("slice", name="green", vni=300, kind="l3", mac="02:00:00:00:aa:01")
    equal(link(blue, TAP)["address"], "02:00:00:00:aa:01", "the tap's MAC after the slice's changed")
    hears_of(a, "02:00:00:00:aa:01")
    box.put("slice", name="green", vni=300, kind="l3")
    hears_of(a, GATEWAY)
    changes_under_traffic(box, a, blue)
    speaks_again = f"{V4}.1"
    equal(int(a.run(["/usr/bin/python3", "-c", ASK, speaks_again, "20000"])), 20000, "TCP after the changes")

    # down: a drop with a name; up again: it works
    blue.ip(f"link set {TAP} down")
    before = box.ledger()
    a.raw("eth0").send(bytes(Ether(src=a.mac("eth0"), dst=GATEWAY) / IP(src=f"{V4}.2", dst=f"{V4}.1") / UDP(dport=9) / (b"d" * 30)))
    wait_for(lambda: diff(before, box.snapshot()).get("drop tap_refused") == 1, "a packet for a tap that is down")
    blue.ip(f"link set {TAP} up")

    # somebody deletes it: made anew where the dataplane is
    blue.ip(f"link del {TAP}")
    wait_for(lambda: TAP in box.ns.interfaces(), "the tap, made anew")
    equal(box.rpc.call("get", {"type": "attachment", "key": "green-lan0"})["tap_index"], link(box.ns, TAP)["ifindex"], "its new index")
    into_blue(box, blue)
    equal(int(a.run(["/usr/bin/python3", "-c", ASK, f"{V4}.1", "20000"])), 20000, "TCP with the new one")

    # kill -9: the interface goes with the process
    box.ledger()
    box.process.kill()
    box.process.wait()
    lab.processes.remove(box.process)
    wait_for(lambda: TAP not in blue.interfaces(), "the tap's end with the dataplane")
    box.start()


run(test)
