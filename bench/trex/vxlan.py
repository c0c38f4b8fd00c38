# SPDX-License-Identifier: BSD-3-Clause
"""TRex stateless profile: the test of scripts/bench with real NICs, both directions at once.

    TRex port 0 ── tenant frames ──▶ in0  [ Sluice ]  wan0 ◀── VXLAN from the peer site ── TRex port 1

The box: slice vni 100, untagged attachment on in0, address 198.18.0.1/24 on wan0, tunnel to 198.18.0.2, neighbor
198.18.0.2 with the MAC of TRex port 1. Each side's sources are the other side's destinations, so the switch learns all
and floods nothing once both directions have run for a moment. In the TRex console:

    start -f vxlan.py -p 0 1 -m 50% -t flows=65536,wan_mac=<MAC of wan0>
"""
import argparse

from trex_stl_lib.api import (IP, UDP, Ether, STLPktBuilder, STLScVmRaw, STLStream, STLTXCont, STLVmFlowVar,
                              STLVmWrFlowVar)

VXLAN_HEADER = bytes([8, 0, 0, 0, 0, 0, 100, 0])   # I flag; VNI 100
OUTER = 50                                         # Ethernet, IPv4, UDP, VXLAN


def tenant_frame(site):
    """60 bytes; what differs between flows is written in by the field engine."""
    other = 3 - site
    frame = (Ether(src=f"02:5a:0{site}:00:00:00", dst=f"02:5a:0{other}:00:00:00")
             / IP(src=f"10.0.0.{site}", dst=f"10.0.0.{other}") / UDP(sport=1024, dport=5001, chksum=0))
    return frame / (b"\0" * (60 - len(frame)))


def flow_fields(start, flows):
    """One counter is the flow: the low bytes of both MACs, and the UDP source port (checksum zero)."""
    return [STLVmFlowVar(name="flow", min_value=0, max_value=flows - 1, size=2, op="inc"),
            STLVmWrFlowVar(fv_name="flow", pkt_offset=start + 4),
            STLVmWrFlowVar(fv_name="flow", pkt_offset=start + 10),
            STLVmWrFlowVar(fv_name="flow", pkt_offset=start + 34)]


class Vxlan:
    def from_tenant(self, flows):
        return STLPktBuilder(pkt=tenant_frame(1), vm=STLScVmRaw(flow_fields(0, flows)))

    def from_peer(self, flows, wan_mac):
        packet = (Ether(dst=wan_mac) / IP(src="198.18.0.2", dst="198.18.0.1")
                  / UDP(sport=0xC000, dport=4789, chksum=0) / (VXLAN_HEADER + bytes(tenant_frame(2))))
        # counts in step with the flow: a flow keeps its source port (RFC 7348: 49152 to 65535)
        entropy = [STLVmFlowVar(name="entropy", min_value=0xC000, max_value=0xC000 + min(flows, 0x4000) - 1, size=2, op="inc"),
                   STLVmWrFlowVar(fv_name="entropy", pkt_offset=34)]
        return STLPktBuilder(pkt=packet, vm=STLScVmRaw(flow_fields(OUTER, flows) + entropy))

    def get_streams(self, direction=0, tunables=(), **kwargs):
        parser = argparse.ArgumentParser()
        parser.add_argument("--flows", type=int, default=kwargs.get("flows", 1024), help="a power of two up to 65536")
        parser.add_argument("--wan_mac", default=kwargs.get("wan_mac", "02:00:00:00:00:01"), help="MAC of the box's wan0")
        args = parser.parse_args(list(tunables))
        packet = self.from_peer(args.flows, args.wan_mac) if direction else self.from_tenant(args.flows)
        return [STLStream(packet=packet, mode=STLTXCont(percentage=100))]


def register():
    return Vxlan()
