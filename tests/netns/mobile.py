# SPDX-License-Identifier: BSD-3-Clause
"""The mobile side for tests: gNBs and other UPFs with their UEs or data networks behind them (scripts/lib/gtpu-end), and a
box whose sessions they are."""
import os
import socket
import struct

from lib import TOP, equal, wait_for

GTPU_END = os.path.join(TOP, "scripts", "lib", "gtpu-end")
GTPU_PORT, SO_RCVBUFFORCE = 2152, 33


def underlay(box, name, site, network, mtu=1600):
    """An underlay port `name` joined to `site`: the box is .1 (::1), the site .2; IPv4 and IPv6. Returns both pairs."""
    v4, v6 = f"198.18.{network}.", f"2001:db8:{network:x}::"
    box.port(name, site, "wan", mtu, tap=True)
    site.address("wan", f"{v4}2/24", f"{v6}2/64")
    for net, bits in ((v4, 24), (v6, 64)):
        box.put("address", port=name, prefix=f"{net}1/{bits}")
        box.put("neighbor", port=name, address=f"{net}2", mac=site.mac("wan"))
    return (f"{v4}1", f"{v4}2"), (f"{v6}1", f"{v6}2")


def l3_slice(box, name, vni, port, host, network):
    """An l3 slice with one attachment, on a wire to the namespace `host`, whose default gateway is the box: .1 (::1), host .2."""
    v4, v6 = f"198.18.{network}.", f"2001:db8:{network:x}::"
    box.port(port, host, "eth0")
    box.slice(name, vni, [(port, None)], kind="l3")
    for net, bits in ((v4, 24), (v6, 64)):
        box.put("address", attachment=f"{name}-{port}", prefix=f"{net}1/{bits}")
    host.address("eth0", f"{v4}2/24", f"{v6}2/64")
    host.ip(f"route add default via {v4}1")
    host.ip(f"-6 route add default via {v6}1")
    return f"{v4}2", f"{v6}2"


def end(site, behind, tun, local, peer, send, receive, addresses, qfi=None, core=False, tap=False):
    """A GTP-U end at `site` whose TUN interface is in the namespace `behind`, with these addresses and the default route."""
    words = [GTPU_END, "--tun", tun, "--local", local, "--peer", peer, "--send", str(send), "--receive", str(receive), "--log"]
    process = site.popen(words + (["--qfi", str(qfi)] if qfi is not None else []) + (["--core"] if core else []) + (["--tap"] if tap else []))
    wait_for(lambda: tun in site.interfaces(), f"the interface {tun}")
    site.ip(f"link set {tun} netns {behind.full}")
    behind.ip(f"link set {tun} mtu 1400 up")
    for address in addresses:
        behind.ip(f"addr add {address} dev {tun}" + (" nodad" if ":" in address else ""))
    if not tap:
        behind.ip(f"route replace default dev {tun}")
        behind.ip(f"-6 route replace default dev {tun}")
    return process


class RawEnd:
    """A gNB made of one UDP socket: G-PDUs by hand, for tests that count bytes."""

    def __init__(self, site, local, peer):
        self.peer = (peer, GTPU_PORT)
        with site.entered():
            self.sock = socket.socket(socket.AF_INET6 if ":" in local else socket.AF_INET, socket.SOCK_DGRAM)
            self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
            self.sock.bind((local, GTPU_PORT))

    def send(self, teid, packet):
        self.sock.sendto(struct.pack("!BBHI", 0x30, 255, len(packet), teid) + packet, self.peer)

    def receive(self, seconds=1.0, count=1):
        """Messages as they are, until there are `count` or nothing comes for so long."""
        found = []
        self.sock.settimeout(seconds)
        try:
            while len(found) < count:
                found.append(self.sock.recv(65535))
        except TimeoutError:
            pass
        return found


def chosen(answer, pdr):
    """The TEID that a put chose for a PDR of its only session."""
    teids = [entry["teid"] for entry in answer["chosen"] if entry["pdr"] == pdr]
    equal(len(teids), 1, f"TEIDs chosen for pdr {pdr}: {answer}")
    return teids[0]
