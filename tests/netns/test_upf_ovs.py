#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""GTP-U with a peer that was not written here: Open vSwitch's userspace datapath is the gNB, over IPv4. It knows no
extension headers, so the session has no QFI. The UDP checksum it writes over IPv4 is wrong: the kernel zeroes it on its
way out, since this end never accepts a wrong one. And it takes the TTL of the inner packet for its version (eight bytes
too far): what comes down must have one from 64 to 79 when it leaves the box, so the internet starts at 70.

    ue eth0 ── acc (br1) ovs gtp0 ─ br0 .2 ── wan ══ 198.18.0.0/24 ══ n3 box ── lan0 [net 1000] ── internet 198.18.60.2
"""
from lib import Box, CONGESTION, at_least, check, diff, drops_of, equal, iperf, ping, run, wait_for
from ovs import Ovs
from mobile import chosen, l3_slice

GNB, UE, GNB_TEID = "02:00:00:00:0e:02", "198.18.50.1", 0x4711
ZERO = "add table netdev sluice; add chain netdev sluice out { type filter hook egress device wan priority 0; }; "


def make_gnb(lab, box, ran, ue):
    box.port("n3", ran, "wan", mtu=1600, tap=True)
    ran.quiet_interface("wan")
    lab.wire(ran, "acc", ue, "eth0")
    ran.quiet_interface("acc")
    ovs = Ovs(lab, ran)
    ovs.vsctl(f"set bridge br0 other-config:hwaddr={GNB}")
    ovs.vsctl("add-port br0 wan")
    ovs.vsctl("set interface br0 mtu_request=1600")
    ran.ip("link set br0 up")
    ran.address("br0", "198.18.0.2/24")
    box.put("address", port="n3", prefix="198.18.0.1/24")
    box.put("neighbor", port="n3", address="198.18.0.2", mac=GNB)
    ovs.bridge("br1")
    ovs.vsctl("add-port br1 acc")
    ovs.vsctl("add-port br1 gtp0 -- set interface gtp0 type=gtpu options:local_ip=198.18.0.2 options:remote_ip=198.18.0.1 options:key=flow")
    ue.address("eth0", f"{UE}/24")
    ue.ip("route add default via 198.18.50.254")
    ue.ip("neigh add 198.18.50.254 lladdr 02:00:00:00:0e:03 dev eth0")
    return ovs


def test(lab):
    ran, ue, internet = lab.ns("ran"), lab.ns("ue"), lab.ns("internet")
    box = Box(lab)
    ovs = make_gnb(lab, box, ran, ue)
    there, _ = l3_slice(box, "net", 1000, "lan0", internet, 60)
    internet.sysctl("net.ipv4.ip_default_ttl=70")
    box.put("gtpu", name="n3", address="198.18.0.1", interface="access")
    answer = box.put("session", name="ue-1", slice="net", ue={"ipv4": UE}, pdrs=[
        {"id": 1, "precedence": 255, "source": "access", "gtpu": "n3", "outer_header_removal": 0, "far": 1},
        {"id": 2, "precedence": 255, "source": "core", "far": 2}],
        fars=[{"id": 1, "action": "forward", "destination": "core"},
              {"id": 2, "action": "forward", "destination": "access", "outer_header": {"teid": GNB_TEID, "peer": "198.18.0.2"}}])
    teid = chosen(answer, 1)
    ovs.ofctl("add-flow", "br1", f"in_port=acc,ip,actions=set_field:{teid:#x}->tun_id,output:gtp0")
    ovs.ofctl("add-flow", "br1", f"in_port=gtp0,ip,tun_id={GNB_TEID:#x},actions=mod_dl_dst:{ue.mac('eth0')},output:acc")

    # as it comes from Open vSwitch: refused by name
    before = box.quiet()
    wait_for(lambda: ping(ue, there, 1, wait=1) == 0 and drops_of(diff(before, box.quiet())).get("udp_checksum"),
             "a wrong UDP checksum refused")
    ran.run(["nft", ZERO + "add rule netdev sluice out udp dport 2152 udp checksum set 0"])
    wait_for(lambda: ping(ue, there, 1, wait=1) == 1, "a ping over Open vSwitch's GTP-U")
    before = box.ledger()
    equal(ping(ue, there, 10), 10, "pings up")
    equal(ping(internet, UE, 10), 10, "pings down")
    change = diff(before, box.ledger())
    equal(drops_of(change), {}, "drops")
    stats = box.rpc.call("stats", {"type": "session"})["objects"]["ue-1"]
    at_least(stats["ul_packets"], 20, "packets up")
    at_least(stats["dl_packets"], 20, "packets down")
    before = box.ledger()
    for reverse in (False, True):
        rate = iperf(ue, internet, there, reverse=reverse)
        print(f"iperf3 over Open vSwitch's GTP-U, {'down' if reverse else 'up'}: {rate:.0f} Mbit/s")
    check(set(drops_of(diff(before, box.ledger()))) <= CONGESTION | {"too_big"}, "drops but for congestion")


run(test)
