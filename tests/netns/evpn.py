# SPDX-License-Identifier: BSD-3-Clause
"""Sites of an EVPN: Sluice boxes with FRR beside them, and plain Linux with FRR, around one underlay network. No site knows
another one but by BGP: iBGP between all, nothing of the others is in any intent.

    sN  198.18.0.N  wan0 ═╗
                          core (a bridge), 198.18.0.0/24
    rN  198.18.0.N  wan0 ═╝
"""
from control import Site
from frr import Frr

AS, MTU = 65000, 1600


def vtep(number):
    return f"198.18.0.{number}"


def uplink(lab, space, interface, number):
    """A wire from a site to the core."""
    core = lab.ns("core")
    if "core0" not in core.interfaces():
        core.ip(f"link add name core0 mtu {MTU} type bridge")
        core.ip("link set core0 up")
    lab.wire(space, interface, core, f"wan{number}", MTU)
    core.ip(f"link set wan{number} master core0")


def vxlan(space, number, vni, bridge, into=None):
    """What an operator makes for FRR: a bridge with the VXLAN device of a VNI; in another namespace than the underlay's
    where the slice has one of its own."""
    inside = into or space
    space.ip(f"link add vx{vni} type vxlan id {vni} local {vtep(number)} dstport 4789 nolearning")
    if into:
        space.ip(f"link set vx{vni} netns {into.full}")
    inside.ip(f"link add name {bridge} type bridge")
    inside.ip(f"link set vx{vni} master {bridge}")
    inside.run(f"bridge link set dev vx{vni} learning off")
    inside.ip(f"link set {bridge} up")
    inside.ip(f"link set vx{vni} up")


def config(number, numbers, vni=None, ce=None):
    """FRR's part: EVPN with all others; with `vni`, VRF "slice1" is an L3VNI (type 5), and has a CE router (address, AS)."""
    others = [vtep(n) for n in numbers if n != number]
    text = f"vrf slice1\n vni {vni}\nexit-vrf\n" if vni else ""
    text += f"router bgp {AS}\n bgp router-id {vtep(number)}\n no bgp default ipv4-unicast\n"
    text += "".join(f" neighbor {peer} remote-as {AS}\n neighbor {peer} timers connect 1\n" for peer in others)
    text += " address-family l2vpn evpn\n" + "".join(f"  neighbor {peer} activate\n" for peer in others)
    # a host that moves often is taken for a duplicate, and its MAC is then never withdrawn again
    text += "  advertise-all-vni\n  no dup-addr-detection\n exit-address-family\n"
    return text + (slice_config(number, ce) if vni else "")


def slice_config(number, ce):
    text = f"router bgp {AS} vrf slice1\n bgp router-id {vtep(number)}\n no bgp ebgp-requires-policy\n"
    if ce:
        text += f" neighbor {ce[0]} remote-as {ce[1]}\n neighbor {ce[0]} timers connect 1\n"
    for family in ("ipv4", "ipv6"):
        text += f" address-family {family} unicast\n  redistribute connected\n exit-address-family\n"
    return text + " address-family l2vpn evpn\n  advertise ipv4 unicast\n  advertise ipv6 unicast\n exit-address-family\n"


class LinuxSite:
    """Plain Linux with FRR."""

    def __init__(self, lab, number):
        self.lab, self.number, self.frr = lab, number, None
        self.ns = lab.ns(f"r{number}")
        uplink(lab, self.ns, "wan0", number)
        self.ns.address("wan0", f"{vtep(number)}/24")

    def macs(self, bridge):
        """{MAC: port} of a bridge, without what is the ports' own."""
        entries = self.ns.asked(f"bridge -j fdb show br {bridge}")
        return {e["mac"]: e["ifname"] for e in entries if e.get("master") == bridge and e.get("state") != "permanent"}


class SluiceSite:
    """A Sluice box: dataplane, control, FRR in one namespace. Its ports are those in `lans`."""

    def __init__(self, lab, number, lans):
        self.lab, self.number, self.frr = lab, number, None
        self.name = f"s{number}"
        self.site = Site(lab, self.name)
        self.ns, self.box = self.site.ns, self.site.box
        uplink(lab, self.ns, "wan0x", number)
        self.ns.quiet_interface("wan0x")
        for port, (host, host_if) in lans.items():
            lab.wire(self.ns, port, host, host_if)
            self.ns.quiet_interface(port)
        self.site.apply({"kind": "site", "name": self.name,
                         "ports": [{"name": port, "device": f"net_af_packet{n},iface={port}"} for n, port in enumerate(lans, 2)]},
                        {"kind": "wan", "name": "wan0", "site": self.name, "device": "net_af_packet1,iface=wan0x", "mtu": MTU,
                         "addresses": [f"{vtep(number)}/24"]})

    def slice(self, name, vni, ports, **fields):
        """A slice with this site's endpoints alone: where else it is, EVPN says."""
        ends = [{"site": self.name, "port": port, **more} for port, more in ports.items()]
        self.site.apply({"kind": "slice", "name": name, "vni": vni, "endpoints": ends, **fields})

    def macs(self, slice_):
        """{MAC: ("attachment" | "tunnel", its name, learned)}"""
        return {m["mac"]: ("attachment" if m.get("attachment") else "tunnel", m.get("attachment") or m.get("tunnel"), m.get("learned", False))
                for m in self.box.list("mac", slice=slice_)}


def start_frr(sites, texts, vrfs=None, others=()):
    """FRR at these sites; returns when they have all sessions up, those with `others`, where it runs, too."""
    for site in sites:
        site.frr = Frr(site.ns, texts[site.number], vrfs={"slice1": vrfs[site.number]} if vrfs else None)
    for site in sites:
        site.frr.wait_established(*(vtep(other.number) for other in [*sites, *others] if other is not site))
