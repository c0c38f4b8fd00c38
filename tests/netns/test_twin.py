#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The kernel twin: addresses of an underlay port live on its tap, and the Linux of the box answers there.

    box: Linux ── tap wan0 ── [switch] ── wan0x ═══ wan in site (Linux)
         198.18.0.1, 2001:db8:5::1                  198.18.0.2, 2001:db8:5::2
"""
from lib import Box, RpcError, at_least, check, diff, drops_of, equal, listening, ping, run, wait_for
from switch import not_by_af_xdp

SERVER = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
listener = socket.create_server((sys.argv[1], 7001), family=family)
while True:
    peer, _ = listener.accept()
    data = b""
    while len(data) < 300000:
        data += peer.recv(65536)
    peer.sendall(b"%d" % len(data))
    peer.close()
"""
CLIENT = """
import socket, sys
peer = socket.create_connection((sys.argv[1], 7001), 10)
peer.settimeout(10)
peer.sendall(b"k" * 300000)
print(peer.recv(100).decode())
"""


def test(lab):
    not_by_af_xdp("it is about the tap")
    site = lab.ns("site")
    box = Box(lab)
    box.port("wan0", site, "wan", mtu=1600, tap=True)
    site.address("wan", "198.18.0.2/24", "2001:db8:5::2/64")
    check("wan0" in box.ns.interfaces(), "the tap has the port's name")
    equal(box.ns.mac("wan0"), box.ns.mac("wan0x"), "the tap has the port's MAC")
    equal(box.ns.asked("ip -j link show wan0")[0]["mtu"], 1500, "the tap's MTU is the port's, up to net_tap's 1500")

    # any name that Linux takes for an interface, and no other
    box.put("port", name="a234567890bcdef", device="net_null7,no-rx=1", tap=True)
    check("a234567890bcdef" in box.ns.interfaces(), "a tap with a name of 15 characters")
    box.delete("port", "a234567890bcdef")
    for name, code in (("a234567890bcdefg", -32602), ("lo", -32004)):
        try:
            box.put("port", name=name, device="net_null7,no-rx=1", tap=True)
            check(False, f"a tap named {name} was taken")
        except RpcError as error:
            equal((error.code, error.data.get("with")), (code, "interface lo" if name == "lo" else None), f"a tap named {name}")

    # put, so the kernel has them; and in both directions ARP and ND are the kernels' own affair
    box.put("address", port="wan0", prefix="198.18.0.1/24")
    box.put("address", port="wan0", prefix="2001:db8:5::1/64")
    addresses = box.ns.ip("-br addr show wan0")
    check("198.18.0.1/24" in addresses and "2001:db8:5::1/64" in addresses, f"addresses on the tap: {addresses}")
    before = box.quiet()
    equal(ping(site, "198.18.0.1", 5), 5, "IPv4 pings to the box")
    equal(ping(site, "2001:db8:5::1", 5), 5, "IPv6 pings to the box")
    equal(ping(site, "198.18.0.1", 2, size=1472, options="-M do"), 2, "pings of the tap's whole MTU")
    site.ip("-6 route add 2001:db8:5::1/128 dev wan mtu 1500")
    equal(ping(site, "2001:db8:5::1", 2, size=4000), 2, "fragmented IPv6 pings: the fragments go to the kernel as they are")
    equal(ping(box.ns, "198.18.0.2", 3), 3, "IPv4 pings from the box")
    equal(ping(box.ns, "2001:db8:5::2", 3), 3, "IPv6 pings from the box")
    change = diff(before, box.ledger())
    equal(drops_of(change), {}, "drops")
    at_least(change["box punted"], 15, "packets for the kernel")
    at_least(change["box from_kernel"], 15, "packets from the kernel")
    check(box.ns.mac("wan0x") in site.ip("neigh show 198.18.0.1"), "ARP gave the port's MAC")
    check(box.ns.mac("wan0x") in site.ip("neigh show 2001:db8:5::1"), "ND gave the port's MAC")

    # larger than the tap: dropped by name. (A fragmented IPv4 ping is one of these: the kernel's AF_PACKET puts it together first)
    for size, options in ((1473, "-M do"), (1900, "")):
        before = box.quiet()
        equal(ping(site, "198.18.0.1", 2, size=size, options=options, wait=1), 0, f"pings of {size} bytes")
        equal(drops_of(diff(before, box.ledger())), {"punt_mtu": 2}, f"drops of pings of {size} bytes")

    # one answer each: the wire's own end stays silent
    out = site.run("ping -n -c 3 -i 0.2 198.18.0.1")
    check("DUP" not in out and "duplicates" not in out, f"one answer to a ping:\n{out}")

    # TCP to a program on the box, and from it
    for space, other, addresses in ((box.ns, site, ("198.18.0.1", "2001:db8:5::1")), (site, box.ns, ("198.18.0.2",))):
        for address in addresses:
            server = space.popen(["/usr/bin/python3", "-c", SERVER, address])
            wait_for(lambda: listening(space, 7001), "listener")
            equal(other.run(["/usr/bin/python3", "-c", CLIENT, address]).strip(), "300000", f"bytes over TCP to {address}")
            lab.end(server)
    # nobody listens: the kernel says so, at once
    said = site.run(["/usr/bin/python3", "-c", CLIENT, "198.18.0.1"], check_status=False)
    check("ConnectionRefusedError" in said, f"a closed port answers with a reset: {said}")

    # VXLAN to an address that is no tunnel's stays the kernel's; what is addressed to another MAC is dropped
    before = box.ledger()
    raw = site.raw("wan")
    raw.send(bytes.fromhex("02aabbccddee020000000001" "0800") + b"\x00" * 46)
    equal(drops_of(diff(before, box.ledger())), {"not_our_mac": 1}, "a frame for another station")

    # an address taken away is gone from the kernel, its port's end takes the tap along
    box.delete("address", "wan0 198.18.0.1/24")
    check("198.18.0.1" not in box.ns.ip("-br addr show wan0"), "the deleted address has left the tap")
    equal(ping(site, "2001:db8:5::1", 2), 2, "the other address still answers")
    box.delete("address", "wan0 2001:db8:5::1/64")
    box.delete("port", "wan0")
    check("wan0" not in box.ns.interfaces(), "the tap went with its port")

    # what somebody else has put on the tap stays his
    box.put("port", name="wan0", device=box.device("wan0x"), mtu=1600, tap=True)
    box.ns.ip("addr add 198.18.0.9/24 dev wan0")
    box.put("address", port="wan0", prefix="198.18.0.9/24")
    box.put("address", port="wan0", prefix="198.18.0.8/24")
    box.delete("address", "wan0 198.18.0.9/24", "wan0 198.18.0.8/24")
    addresses = box.ns.ip("-br addr show wan0")
    check("198.18.0.9" in addresses and "198.18.0.8" not in addresses, f"addresses after both were deleted: {addresses}")
    box.delete("port", "wan0")

    # without a tap: for the kernel, by name
    box.put("port", name="wan0", device=box.device("wan0x"), mtu=1600)
    box.put("address", port="wan0", prefix="198.18.0.1/24")
    before = box.quiet()
    equal(ping(site, "198.18.0.1", 2, wait=1), 0, "pings to a port without a tap")
    lost = drops_of(diff(before, box.quiet()))  # the deleted port took its counters along: no ledger any more
    at_least(lost.get("no_tap", 0), 1, f"drop no_tap in {lost}")


run(test)
