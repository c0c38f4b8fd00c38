#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Frame sizes: what fits goes through whole, what does not fit is dropped by name, never cut.

    host a ──── lan0 [blue 100]  wan0 ══ 198.18.0.0/24, underlay 1600, then 1500 ══ site ── host b     tenant 1500
    host ja ─── jan0 [jumbo 200] wan1 ══ 198.18.1.0/24, underlay 9200 ═══════════ jsite ─── host jb    tenant 9000
"""
from lib import Box, RpcError, check, diff, drops_of, equal, iperf, kernel_vxlan, ping, run
from switch import not_by_af_xdp

# AF_PACKET's ring holds 2 KB frames unless told otherwise; a frame's slot must divide a block
JUMBO = ",framesz=16384,blocksz=65536,framecnt=512"


def test(lab):
    not_by_af_xdp("a frame larger than a page does not fit")
    a, b, site = lab.ns("a"), lab.ns("b"), lab.ns("site")
    ja, jb, jsite = lab.ns("ja"), lab.ns("jb"), lab.ns("jsite")
    box = Box(lab, args=["--memory", "1024"])  # without huge pages there is no more than that

    box.port("lan0", a, "eth0")
    a.address("eth0", "198.18.100.1/24")
    ours, theirs = box.wan(site, 0, mtu=1600)
    box.slice("blue", 100, [("lan0", None)], ["to-site"])
    kernel_vxlan(site, b, 100, theirs, ours, "198.18.100.2/24")

    # 1500 in 1600: every size around the edges, nothing dropped
    before = box.quiet()
    for size in (0, 1, 1471, 1472):
        equal(ping(a, "198.18.100.2", 2, size=size, options="-M do"), 2, f"ping of {size} bytes, 1500 over 1600")
    equal(drops_of(diff(before, box.ledger())), {}, "drops, 1500 over 1600")

    # the underlay falls to 1500: what no longer fits is underlay_mtu; 1450 + 50 bytes of VXLAN still fit
    box.put("port", **{**put_form(box, "wan0"), "mtu": 1500})
    before = box.quiet()
    equal(ping(a, "198.18.100.2", 2, size=1450 - 28, options="-M do"), 2, "a 1450 byte packet over underlay 1500")
    equal(drops_of(diff(before, box.ledger())), {}, "drops of packets that just fit")
    before = box.quiet()
    equal(ping(a, "198.18.100.2", 3, size=1451 - 28, options="-M do", wait=1), 0, "a 1451 byte packet over underlay 1500")
    change = diff(before, box.ledger())
    equal(drops_of(change), {"underlay_mtu": 3}, "drops of packets one byte too long")
    equal(change["slice blue dropped"], 3, "the slice knows its drops")

    # what the interface below does not carry would be lost without a count: it is raised, or the mtu refused
    equal(link_mtu(box, "wan0x"), 1600, "the interface below keeps its MTU when the port's falls")
    box.ns.ip("link set wan0x mtu 1500")
    box.put("port", **{**put_form(box, "wan0"), "mtu": 1600})
    equal(link_mtu(box, "wan0x"), 1600, "the interface below is raised with the port")
    equal(ping(a, "198.18.100.2", 2, size=1472, options="-M do"), 2, "and 1500 in 1600 goes again")
    try:
        box.put("port", **{**put_form(box, "wan0"), "mtu": 1931})
        check(False, "an mtu larger than the port's frames was taken")
    except RpcError as error:
        equal((error.code, error.data["path"]), (-32004, "objects[0].mtu"), "an mtu larger than the port's frames")
    equal(put_form(box, "wan0")["mtu"], 1600, "mtu after the refusal")

    # jumbo
    box.port("jan0", ja, "eth0", mtu=9000, extra=JUMBO)
    ja.address("eth0", "198.18.100.1/24")
    ours, theirs = box.wan(jsite, 1, mtu=9200, extra=JUMBO)
    box.slice("jumbo", 200, [("jan0", None)], ["to-jsite"])
    kernel_vxlan(jsite, jb, 200, theirs, ours, "198.18.100.2/24", mtu=9000)
    before = box.quiet()
    for size in (2000, 5000, 8971, 8972):
        equal(ping(ja, "198.18.100.2", 3, size=size, options="-M do"), 3, f"ping of {size} bytes, 9000 over 9200")
        equal(ping(jb, "198.18.100.1", 3, size=size, options="-M do"), 3, f"ping back of {size} bytes, 9000 over 9200")
    equal(drops_of(diff(before, box.ledger())), {}, "drops, 9000 over 9200")
    for reverse in (False, True):
        rate = iperf(ja, jb, "198.18.100.2", reverse=reverse)
        print(f"iperf3, MTU 9000, {'jb to ja' if reverse else 'ja to jb'}: {rate:.0f} Mbit/s")
    box.ledger()

    # a jumbo frame to an attachment of MTU 1500 is access_mtu
    lab.wire(box.ns, "small0", lab.ns("small"), "eth0", 1500)
    box.ns.quiet_interface("small0")
    box.put("port", name="small0", device=box.device("small0"), mtu=1500)
    lab.ns("small").address("eth0", "198.18.100.3/24")
    box.put("attachment", name="jumbo-small0", slice="jumbo", port="small0")
    equal(ping(ja, "198.18.100.3", 2, size=1000), 2, "small pings between MTU 9000 and 1500")
    before = box.quiet()
    equal(ping(ja, "198.18.100.3", 2, size=3000, wait=1), 0, "3000 byte pings to an attachment of MTU 1500")
    equal(drops_of(diff(before, box.ledger())), {"access_mtu": 2}, "drops to the small attachment")


def link_mtu(box, interface):
    return box.ns.asked(f"ip -j link show dev {interface}")[0]["mtu"]


def put_form(box, name):
    """The port as it was put: without what only answers carry."""
    port = box.rpc.call("get", {"type": "port", "key": name})
    return {field: port[field] for field in ("name", "device", "mac", "mtu", "queues", "mbufs", "tap") if field in port}


run(test)
