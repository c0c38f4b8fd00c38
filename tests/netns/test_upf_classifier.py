#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The uplink classifier: one UE, one F-TEID, and three ways by what it asks for. Down again all three come by the same
tunnel. IPv4 and IPv6, over an IPv4 and an IPv6 underlay.

                                               ┌ lan0 [net 1000]  ── internet 198.18.60.2
    ue (tun) ~ gnb 198.18.0.2 ══ n3  box ──────┼ lan1 [edge 1001] ── local    198.18.70.2
                                               └ n9 ══ 198.18.1.2 central ~ (tun) dn 198.18.80.2
"""
from lib import Box, CONGESTION, at_least, check, diff, drops_of, equal, iperf, ping, run, wait_for
from mobile import chosen, end, l3_slice, underlay

UE, UE6, NET6 = "198.18.50.1", "2001:db8:50::1", "2001:db8:50::/64"
DN, DN6 = "198.18.80.2", "2001:db8:80::2"
NOISE = {"arp_noted", "routed_group", "gtpu_taken"}  # the hosts' own ARP, ND and multicast reports, and echo answers
GNB_TEID, CENTRAL_TEID, FROM_CENTRAL = 0x77, 0x8001, 0x9001


def session(gnb, central):
    return {
        "name": "imsi-1", "slice": "net", "ue": {"ipv4": UE, "ipv6": NET6},
        "pdrs": [
            {"id": 1, "precedence": 30, "source": "access", "gtpu": gnb, "outer_header_removal": 6, "far": 1, "urrs": [1],
             "filters": ["permit out ip from 198.18.70.0/24 to assigned", "permit out ip from 2001:db8:46::/64 to assigned"]},
            {"id": 2, "precedence": 40, "source": "access", "gtpu": gnb, "outer_header_removal": 6, "far": 2, "urrs": [1],
             "filters": ["permit out ip from 198.18.80.0/24 to any", f"permit out ip from 2001:db8:80::/64 to {NET6}"]},
            {"id": 3, "precedence": 255, "source": "access", "gtpu": gnb, "outer_header_removal": 6, "far": 3, "urrs": [1]},
            {"id": 4, "precedence": 255, "source": "core", "far": 4, "urrs": [1]},
            {"id": 5, "precedence": 255, "source": "core", "slice": "edge", "far": 4, "urrs": [1]},
            {"id": 6, "precedence": 255, "source": "core", "gtpu": "n9", "teid": FROM_CENTRAL, "outer_header_removal": 6, "far": 4, "urrs": [1]},
        ],
        "fars": [
            {"id": 1, "action": "forward", "destination": "core", "slice": "edge"},
            {"id": 2, "action": "forward", "destination": "core", "outer_header": {"teid": CENTRAL_TEID, "peer": central}},
            {"id": 3, "action": "forward", "destination": "core"},
            {"id": 4, "action": "forward", "destination": "access",
             "outer_header": {"teid": GNB_TEID, "peer": "198.18.0.2" if gnb == "n3" else "2001:db8::2"}},
        ],
        "qers": [{"id": 1, "qfi": 9}],
        "urrs": [{"id": 1, "measure": ["volume"]}],
    }


def ways(box, ue, hosts):
    """Each destination by its own way: who counted what."""
    for name, address, attachment, tunnel in hosts:
        before = box.ledger()
        equal(ping(ue, address, 10), 10, f"pings from the UE to {name}")
        change = diff(before, box.ledger())
        equal({reason for reason in drops_of(change) if reason not in NOISE}, set(), f"drops on the way to {name}")
        for other in ("net-lan0", "edge-lan1"):
            count = change.get(f"attachment {other} out_packets", 0)
            if other == attachment:
                at_least(count, 10, f"packets out by {other} for {name}")
            else:
                # the switch's own: announcements, ARP and ND
                check(count < 10, f"packets out by {other} for {name}: {count}")
        print(f"{name}: by {attachment or tunnel}")


def test(lab):
    gnb, ue, central, dn, internet, local = (lab.ns(n) for n in ("gnb", "ue", "central", "dn", "internet", "local"))
    box = Box(lab)
    (n3, gnb4), (n3_6, gnb6) = underlay(box, "n3", gnb, 0)
    (n9, central4), _ = underlay(box, "n9", central, 1)
    internet4, internet6 = l3_slice(box, "net", 1000, "lan0", internet, 60)
    local4, local6 = l3_slice(box, "edge", 1001, "lan1", local, 70)
    box.put("gtpu", name="n3", address=n3, interface="access")
    box.put("gtpu", name="n3-6", address=n3_6, interface="access")
    box.put("gtpu", name="n9", address=n9, interface="core")
    end(central, dn, "dn0", central4, n9, FROM_CENTRAL, CENTRAL_TEID, [f"{DN}/24", f"{DN6}/64"], core=True)

    for name, own, far in (("n3", n3, gnb4), ("n3-6", n3_6, gnb6)):
        answer = box.put("session", **session(name, central4))
        teid = chosen(answer, 1)
        equal(chosen(answer, 3), teid, "the F-TEID is one for all PDRs")
        process = end(gnb, ue, "ue0", far, own, teid, GNB_TEID, [f"{UE}/24", f"{UE6}/64"], qfi=9)
        for address in (internet4, internet6, local4, local6, DN, DN6):
            wait_for(lambda to=address: ping(ue, to, 1, wait=1) == 1, f"a ping to {address}")
        box.quiet()
        before = box.rpc.call("stats", {"type": "session"})["objects"]["imsi-1"]
        ways(box, ue, [("the internet", internet4, "net-lan0", ""), ("the internet, IPv6", internet6, "net-lan0", ""),
                       ("the local network", local4, "edge-lan1", ""), ("the local network, IPv6", local6, "edge-lan1", ""),
                       ("the central UPF", DN, "", "N9"), ("the central UPF, IPv6", DN6, "", "N9")])
        after = box.rpc.call("stats", {"type": "session"})["objects"]["imsi-1"]
        equal((after["ul_packets"] - before["ul_packets"], after["dl_packets"] - before["dl_packets"]), (60, 60), "packets of the session")
        equal(after["ul_bytes"] - before["ul_bytes"], 30 * 84 + 30 * 104, "bytes up: inner packets, 30 of IPv4 and 30 of IPv6")
        equal(after["urrs"]["1"]["total_bytes"], after["ul_bytes"] + after["dl_bytes"], "the URR has them all")
        for host, address in ((internet, UE), (local, UE), (internet, UE6), (local, UE6)):
            equal(ping(host, address, 5), 5, f"pings from {host.name} to the UE {address}")
        before = box.ledger()
        for host, address in ((internet, internet4), (local, local4), (dn, DN)):
            for reverse in (False, True):
                rate = iperf(ue, host, address, reverse=reverse)
                print(f"iperf3 with {host.name} {'down' if reverse else 'up'}: {rate:.0f} Mbit/s")
        check(set(drops_of(diff(before, box.ledger()))) <= CONGESTION | NOISE, "drops but for congestion")
        lab.end(process)
        wait_for(lambda: "ue0" not in ue.interfaces(), "the end of the UE's interface")
        box.delete("session", "imsi-1")
    equal(box.list("session"), [], "sessions left")


run(test)
