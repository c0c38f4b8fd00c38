#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: both
"""The kernel as the slow path: what `ip addr`, `ip neigh` and `ip route` say beside the box is what the switch does, by
sluice-control, within 20 ms; nothing of the underlay is put by intents but the WAN's own address.

    a 198.18.100.1 ── blue ┐                                        ┌ w 198.18.0.2, lo 198.18.9.1
    c 198.18.50.2  ── lan0 ├ gj ── tap wan0 ─ [switch] ─ wan0x ═════┤ far (Linux): vx, 198.18.100.2
    r 198.18.51.2  ── lan1 ┘  198.18.0.1                            └
      lo 198.18.60.1         namespace red: red0, red1 feed the l3 slice of lan0 and lan1
"""
import json
import os
import signal
import threading
import time

from control import Site, children
from lib import QUICK, check, command, equal, ping, run, settled, wait_for

SOON_S, MARK = 0.020, b"soon" * 12  # issue 6
ROUNDS = 10 if QUICK else 50
MANY = 4000 if QUICK else 20000


def device(number, interface):
    return f"net_af_packet{number},iface={interface}"


def build(lab):
    site, far, red = Site(lab, "gj"), lab.ns("far"), lab.ns("red")
    lab.wire(site.ns, "wan0x", far, "w", 1600)
    lab.wire(site.ns, "wan1x", far, "w1", 1600)
    for interface in ("wan0x", "wan1x"):
        site.ns.quiet_interface(interface)
    far.address("w", "198.18.0.2/24", "198.18.0.3/24", "2001:db8::2/64")
    far.address("w1", "198.18.1.2/24")
    far.address("lo", "198.18.9.1/32")
    far.ip("link add vx type vxlan id 300 local 198.18.9.1 remote 198.18.0.1 dstport 4789")
    far.address("vx", "198.18.100.2/24")
    far.ip("link set vx up")
    hosts = {}
    for name, port, address in (("a", "blue", "198.18.100.1/24"), ("c", "lan0", "198.18.50.2/24"), ("r", "lan1", "198.18.51.2/24")):
        host = hosts[name] = lab.ns(name)
        lab.wire(site.ns, port, host, "eth0")
        site.ns.quiet_interface(port)
        host.address("eth0", address)
        if name != "a":
            host.ip(f"route add default via {address[:9]}.1")
    hosts["r"].address("lo", "198.18.60.1/32")
    return site, far, red, hosts


def intents(red):
    return [{"kind": "site", "name": "gj", "ports": [{"name": name, "device": device(i, name)} for i, name in enumerate(("blue", "lan0", "lan1"), 3)]},
            {"kind": "site", "name": "bs", "ports": [{"name": "lan0"}]},
            {"kind": "wan", "name": "wan0", "site": "gj", "device": device(1, "wan0x"), "mtu": 1600, "addresses": ["198.18.0.1/24"]},
            {"kind": "wan", "name": "wan1", "site": "gj", "device": device(2, "wan1x"), "mtu": 1600, "preference": 200, "tap": True},
            {"kind": "wan", "name": "wanb", "site": "bs", "mtu": 1600, "addresses": ["198.18.9.1/32"]},
            {"kind": "slice", "name": "blue", "vni": 300, "endpoints": [{"site": "gj", "port": "blue"}, {"site": "bs", "port": "lan0"}]},
            {"kind": "slice", "name": "red", "vni": 200, "service": "l3", "kernel": {"netns": red.full},
             "endpoints": [{"site": "gj", "port": f"lan{i}", "gateway": f"198.18.5{i}.1/24", "tap": f"red{i}"} for i in (0, 1)]}]


def kernel(site):
    return site.get("/v1/kernel")


def tap_there(site, red, name):
    """The slice's interface in its namespace, however it came there."""
    def there():
        if name not in red.interfaces() and name in site.ns.interfaces():
            site.ns.run(f"ip link set {name} netns {red.full}", check_status=False)
        return name in red.interfaces()
    wait_for(there, f"interface {name} is in namespace red")
    red.ip(f"link set {name} up")


def get(site, kind, key):
    try:
        return site.box.rpc.call("get", {"type": kind, "key": key})
    except Exception:  # pylint: disable=broad-except
        return None


def until(condition, what, seconds=20.0):
    """How long it takes, looked at without a pause."""
    started = time.monotonic()
    while not condition():
        check(time.monotonic() - started < seconds, f"{what}: not within {seconds} s")
    return time.monotonic() - started


def timed(site, space, words, kind, key, there):
    """From ip's return until the dataplane's answer is as wanted."""
    space.ip(words)
    return until(lambda: bool(there(get(site, kind, key))), f"{kind} {key} after ip {words}")


def gone(found):
    return found is None


def worst(what, rounds):
    """rounds: function of a number → seconds of its slowest change. Half of the rounds are soon enough at the first attempt, and
    each of them within six: somebody may have had no CPU."""
    first = [rounds(i) for i in range(ROUNDS)]
    median, took = sorted(first)[ROUNDS // 2], 0.0
    for i, seconds in enumerate(first):
        took = max(took, seconds if seconds <= SOON_S else settled(lambda i=i: rounds(i), lambda again: again <= SOON_S))
    said = f"{what}: {median * 1000:.1f} ms, {took * 1000:.1f} ms at worst of {ROUNDS}; at the first attempt {max(first) * 1000:.1f}"
    print(said)
    check(QUICK or max(median, took) <= SOON_S, f"in the dataplane within 20 ms: {said}")


def check_latency(site, red):
    def route(i):
        words, key = f"198.18.70.{i}/32 via 198.18.0.2 dev wan0", f"underlay 198.18.70.{i}/32"
        add = timed(site, site.ns, f"route add {words}", "route", key, lambda o: o and o["via"][0]["address"] == "198.18.0.2")
        other = timed(site, site.ns, f"route replace {words.replace('via 198.18.0.2', 'via 198.18.0.3')}", "route", key, lambda o: o["via"][0]["address"] == "198.18.0.3")
        return max(add, other, timed(site, site.ns, f"route del {words.split()[0]}", "route", key, gone))

    def address(i):
        key = f"198.18.71.{i + 1}/24"
        add = timed(site, site.ns, f"addr add {key} dev wan0", "address", f"wan0 {key}", bool)
        return max(add, timed(site, site.ns, f"addr del {key} dev wan0", "address", f"wan0 {key}", gone))

    def neighbor(i):
        ip, mac = f"198.18.0.{100 + i}", "02:00:00:00:99:01"
        add = timed(site, site.ns, f"neigh replace {ip} lladdr {mac} dev wan0 nud permanent", "neighbor", f"wan0 {ip}", lambda o: o and o["mac"] == mac)
        other = timed(site, site.ns, f"neigh replace {ip} lladdr {mac[:-1]}2 dev wan0 nud stale", "neighbor", f"wan0 {ip}", lambda o: o["mac"].endswith("2"))
        return max(add, other, timed(site, site.ns, f"neigh del {ip} dev wan0", "neighbor", f"wan0 {ip}", gone))

    def in_slice(i):
        prefix = f"198.18.72.{i}/32"
        add = timed(site, red, f"route add {prefix} via 198.18.51.2", "route", f"red {prefix}", lambda o: o and o["via"][0]["attachment"] == "red:lan1")
        return max(add, timed(site, red, f"route del {prefix}", "route", f"red {prefix}", gone))

    for what, rounds in (("ip route", route), ("ip addr", address), ("ip neigh", neighbor), ("ip route in the namespace of a slice", in_slice)):
        worst(what, rounds)


def check_forwarding_soon(site, far, hosts):
    """From ip's return until packets come out, of one a millisecond: the last that did not was sent so much later. (A sender
    without a CPU sends none, and what waits for a worker without one is late, not lost.)"""
    head = bytes.fromhex("ffffffffffff" + hosts["a"].mac("eth0").replace(":", "") + "88b5")

    def once():
        out, wire = hosts["a"].raw("eth0"), far.raw("w")
        stop, sent = threading.Event(), []

        def send():
            while not stop.is_set():
                sent.append(time.monotonic())
                out.send(head + (len(sent) - 1).to_bytes(4) + MARK)
                time.sleep(0.001)
        site.ns.ip("route del 198.18.9.0/24")
        wait_for(lambda: gone(get(site, "route", "underlay 198.18.9.0/24")), "the route is gone")
        sender = threading.Thread(target=send)
        sender.start()
        try:
            lost = site.box.rpc.drops()["no_route"]
            wait_for(lambda: site.box.rpc.drops()["no_route"] > lost + 5, "the switch has frames, and no route for them")
            wire.drain()
            equal(wire.receive(lambda f: f.endswith(MARK), seconds=0.1), [], "frames that leave without a route")
            site.ns.ip("route add 198.18.9.0/24 via 198.18.0.2")
            started = time.monotonic()
            first = wire.receive(lambda f: f.endswith(MARK))
            check(first, "a frame leaves when the route is there")
            return max(0.0, sent[int.from_bytes(first[0][:-len(MARK)][-4:]) - 1] - started)
        finally:
            stop.set()
            sender.join()
    took = settled(once, lambda seconds: seconds <= SOON_S)
    print(f"forwarding: {took * 1000:.1f} ms after ip route add")
    check(QUICK or took <= SOON_S, f"the first packet leaves within 20 ms, not after {took * 1000:.1f}")


def check_underlay(site, far, hosts):
    """A route to the other VTEP, and its next hop found by the kernel's own ARP as a tunnel wants it."""
    equal(ping(hosts["a"], "198.18.100.2", 1, wait=1), 0, "pings without a route to the other end")
    site.ns.ip("route add 198.18.9.0/24 via 198.18.0.2")
    wait_for(lambda: ping(hosts["a"], "198.18.100.2", 1, wait=1) == 1, "the first ping when the route is there")
    equal(ping(hosts["a"], "198.18.100.2", 5), 5, "pings over the tunnel")
    equal(get(site, "neighbor", "wan0 198.18.0.2")["mac"], far.mac("w"), "the next hop, which nobody has put")
    wait_for(lambda: "managed" in site.ns.ip("neigh show 198.18.0.2") or kernel(site)["neighbors_kept"] >= 1, "the kernel keeps the next hop")


def check_slice(site, red, hosts):
    for i in (0, 1):
        tap_there(site, red, f"red{i}")
        red.ip(f"addr replace 198.18.5{i}.1/24 dev red{i}")
    wait_for(lambda: ping(hosts["c"], "198.18.51.2", 1, wait=1) == 1, "the slice routes between its ports")
    equal(ping(hosts["c"], "198.18.60.1", 1, wait=1), 0, "pings without a route in the namespace")
    red.ip("route add 198.18.60.0/24 via 198.18.51.2")
    wait_for(lambda: ping(hosts["c"], "198.18.60.1", 1, wait=1) == 1, "the first ping when it is there")
    equal(ping(hosts["c"], "198.18.60.1", 5), 5, "pings by the namespace's route")
    red.ip("route add blackhole 198.18.60.1/32")
    wait_for(lambda: get(site, "route", "red 198.18.60.1/32"), "the blackhole")
    equal(ping(hosts["c"], "198.18.60.1", 1, wait=1), 0, "pings into a blackhole within a network that is there")
    red.ip("route del blackhole 198.18.60.1/32")
    wait_for(lambda: ping(hosts["c"], "198.18.60.1", 1, wait=1) == 1, "the blackhole is gone")
    site.ns.ip("route add 198.18.61.0/24 via 198.18.0.2")  # the underlay's table is not the slice's
    wait_for(lambda: get(site, "route", "underlay 198.18.61.0/24"), "a route of the underlay")
    equal(get(site, "route", "red 198.18.61.0/24"), None, "and of the slice")
    site.ns.ip("route del 198.18.61.0/24")


def check_refused(site, red, hosts):
    """What the dataplane does not take is told with its reason, and holds up nothing."""
    red.ip("neigh replace 198.18.99.9 lladdr 02:00:00:00:99:01 dev red0 nud permanent")
    wait_for(lambda: kernel(site)["refused"] == 1, "a neighbour that is on no network of its attachment is refused")
    entry = kernel(site)["refused_first"][0]
    equal((entry["type"], entry["key"]), ("neighbor", "red:lan0 198.18.99.9"), "what is refused")
    check("network of the attachment" in entry["reason"], f"and why: {entry}")
    red.ip("neigh replace 198.18.50.77 lladdr 02:00:00:00:99:02 dev red0 nud permanent")
    wait_for(lambda: get(site, "neighbor", "red:lan0 198.18.50.77"), "another one is taken meanwhile")
    wait_for(site.synced, "and the intents are as wanted")
    red.ip("addr add 198.18.99.1/24 dev red0")
    wait_for(lambda: get(site, "neighbor", "red:lan0 198.18.99.9"), "when the network comes, the neighbour is taken")
    wait_for(lambda: kernel(site)["refused"] == 0, "and nothing is refused then")
    red.ip("addr del 198.18.99.1/24 dev red0")
    for address in ("198.18.99.9", "198.18.50.77"):
        red.ip(f"neigh del {address} dev red0")
    wait_for(lambda: kernel(site)["refused"] == 0 and not site.box.list("neighbor", attachment="red:lan0", learned=False), "all of it goes")
    equal(ping(hosts["c"], "198.18.60.1", 3), 3, "the slice goes on")


def check_own_address(site):
    """An intent's address comes back by netlink and must not keep itself alive; one put by hand stays."""
    path = "/v1/wans/wan1"

    def addresses(*prefixes):
        wan = {k: v for k, v in site.get(path).items() if k not in ("status", "meta", "kind", "addresses")}
        site.apply({"kind": "wan", **wan, "addresses": list(prefixes)})

    def objects():
        return sorted(o["prefix"] for o in site.box.list("address", port="wan1"))
    site.ns.ip("addr add 198.18.1.9/24 dev wan1")
    addresses("198.18.1.1/24", "198.18.1.9/24")
    wait_for(lambda: objects() == ["198.18.1.1/24", "198.18.1.9/24"], "an intent's address and one by hand")
    addresses()
    wait_for(lambda: objects() == ["198.18.1.9/24"], f"the intent's went, the one by hand stayed: {objects()}")
    time.sleep(0.5)
    equal(objects(), ["198.18.1.9/24"], "and so it stays")
    check("198.18.1.1/" not in site.ns.ip("addr show wan1"), "the intent's address has left the tap")
    site.ns.ip("addr del 198.18.1.9/24 dev wan1")
    wait_for(lambda: objects() == [], "the one by hand is gone when it is gone by hand")


def check_killed(site):
    site.quiet()
    objects = site.objects()
    site.kill()
    time.sleep(0.2)
    site.start()
    wait_for(lambda: site.synced() and kernel(site)["ready"], "control knows all again")
    time.sleep(1.5)  # the second look
    status = site.get("/v1/status")
    equal((status["reconciler"]["transactions"], status["reconciler"]["drift_total"], status["kernel"]["drift_total"]), (0, 0, 0),
          f"transactions and drift after kill -9 of control: {status}")
    equal(site.objects(), objects, "objects after that")


def check_absent_while_killed(site):
    """What changes while nobody looks."""
    site.ns.ip("route add 198.18.73.0/24 via 198.18.0.2")
    wait_for(lambda: get(site, "route", "underlay 198.18.73.0/24"), "a route")
    site.kill()
    site.ns.ip("route del 198.18.73.0/24")
    site.ns.ip("route add 198.18.74.0/24 via 198.18.0.2")
    site.start()
    wait_for(lambda: get(site, "route", "underlay 198.18.74.0/24"), "the route that came")
    wait_for(lambda: gone(get(site, "route", "underlay 198.18.73.0/24")), "the route that went")
    site.ns.ip("route del 198.18.74.0/24")


def capability_words(pid, thread):
    """{field: its value} of those that say what the thread may do"""
    with open(f"/proc/{pid}/task/{thread}/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return {name: int(fields[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb", "NoNewPrivs")}


def check_capabilities(site):
    """The process that serves HTTP has none, and may not get any; the other one has what it needs."""
    threads = os.listdir(f"/proc/{site.process.pid}/task")
    check(len(threads) > 1, f"its store and its parser have threads of their own: {threads}")
    for thread in threads:
        equal(capability_words(site.process.pid, thread), {"CapPrm": 0, "CapEff": 0, "CapBnd": 0, "CapInh": 0, "CapAmb": 0, "NoNewPrivs": 1},
              f"capabilities of thread {thread} of sluice-control")
    reader = site.kernel_pid()
    check(capability_words(reader, reader)["CapEff"] & 1 << 12, "sluice-kernel has CAP_NET_ADMIN")


def box_health(site):
    """{word: text} of the box, when it is not well"""
    return {one["health"]: one["text"] for one in site.get("/v1/health")["not_well"] if one["kind"] == "box"}


def check_kernel_hung(site):
    """One that is stopped is told, and does not keep sluice-control from ending, nor stays behind."""
    reader = site.kernel_pid()
    guardian, = children(site.process.pid)
    os.kill(reader, signal.SIGSTOP)
    wait_for(lambda: "hung" in box_health(site).get("kernel_down", ""), "the box says that it is hung", 15)
    site.stop()
    check(not any(os.path.exists(f"/proc/{pid}") for pid in (reader, guardian)), "both have ended with it")
    site.start()
    wait_for(lambda: site.synced() and kernel(site)["ready"], "control knows all again")


def check_guardian_killed(site):
    guardian, = children(site.process.pid)
    os.kill(guardian, signal.SIGKILL)
    wait_for(lambda: "start sluice-control again" in box_health(site).get("kernel_down", ""), "the box says what to do", 10)
    site.stop()
    site.start()
    wait_for(lambda: site.synced() and kernel(site)["ready"], "control knows all again")


def check_strange_name(site, red):
    """An interface whose name is not UTF-8."""
    name = b"v\xff\xfe"
    command(["ip", "-n", red.full, "link", "add", name, "type", "vxlan", "id", "200", "local", "198.18.50.1", "dstport", "4789", "dev", "lo"])
    before = site.kernel_pid()
    time.sleep(2.5)
    equal(site.kernel_pid(), before, "the process of sluice-kernel")
    check("v??" in json.dumps(kernel(site)["missing_first"]), f"it is named: {kernel(site)['missing_first']}")
    command(["ip", "-n", red.full, "link", "del", name])


def check_kernel_killed(site, hosts):
    """kill -9 of sluice-kernel: what it told stays, and is right again a moment after it is there again."""
    site.ns.ip("route add 198.18.73.0/24 via 198.18.0.2")
    wait_for(lambda: get(site, "route", "underlay 198.18.73.0/24"), "a route")
    objects = site.objects()
    before = site.kernel_pid()
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: not kernel(site)["ready"], "control has seen it", 5)
    equal(site.objects(), objects, "objects while it is away")
    equal(ping(hosts["a"], "198.18.100.2", 3), 3, "what is forwarded by them")
    site.ns.ip("route del 198.18.73.0/24")
    site.ns.ip("route add 198.18.74.0/24 via 198.18.0.2")
    wait_for(lambda: kernel(site)["ready"] and site.kernel_pid() not in (None, before), "it is started again", 10)
    wait_for(lambda: get(site, "route", "underlay 198.18.74.0/24"), "the route that came")
    wait_for(lambda: gone(get(site, "route", "underlay 198.18.73.0/24")), "the route that went")
    site.ns.ip("route del 198.18.74.0/24")
    wait_for(lambda: gone(get(site, "route", "underlay 198.18.74.0/24")), "and it is followed again")


def batch(lab, space, lines, check_status=True):
    """Commands of ip in one process; it ends with the first that fails."""
    path = os.path.join(lab.dir, "batch")
    with open(path, "w", encoding="ascii") as out:
        out.write("\n".join(lines) + "\n")
    space.run(f"ip -batch {path}", check_status=check_status)


def prefix_of(i):
    return f"198.19.{i // 256}.{i % 256}/32"


def check_overrun(lab, site, red):
    """More messages than there is room for, while sluice-kernel does not read."""
    overruns = kernel(site)["overruns"]
    reader = site.kernel_pid()
    os.kill(reader, signal.SIGSTOP)
    try:
        for _ in range(12):
            batch(lab, red, [f"route add {prefix_of(i)} via 198.18.51.2" for i in range(MANY)])
            batch(lab, red, [f"route del {prefix_of(i)}" for i in range(MANY)])
        batch(lab, red, [f"route add {prefix_of(i)} via 198.18.51.2" for i in range(MANY)])
    finally:
        os.kill(reader, signal.SIGCONT)
    started = time.monotonic()
    want = {prefix_of(i) for i in range(MANY)}

    def found():
        prefixes, cursor = set(), {}
        while True:
            page = site.box.rpc.call("list", {"type": "route", "match": {"table": "red"}, "limit": 10000, **cursor})
            prefixes |= {o["prefix"] for o in page["objects"] if o["prefix"].startswith("198.19.")}
            if "cursor" not in page:
                return prefixes
            cursor = {"cursor": page["cursor"]}
    wait_for(lambda: found() == want, f"all {MANY} routes are there", 60)
    print(f"overruns: {kernel(site)['overruns'] - overruns}, all {MANY} routes {time.monotonic() - started:.2f} s after that")
    check(QUICK or kernel(site)["overruns"] > overruns, f"the kernel had more to say than there was room for: {kernel(site)}")
    batch(lab, red, [f"route del {prefix_of(i)}" for i in range(MANY)])
    wait_for(lambda: not found(), "and they go", 60)


def check_bad_links(lab, site, far, hosts):
    """Interfaces that are renamed, moved or deleted; the rest goes on."""
    def routes():
        return {o["prefix"] for o in site.box.list("route", table="underlay")}
    ns = site.ns
    ns.ip("addr add 198.18.1.1/24 dev wan1")
    ns.ip("route add 198.18.80.0/24 via 198.18.1.2")
    ns.ip("route add 198.18.81.0/24 via 198.18.77.2 dev lo onlink")  # by a link that is no port
    wait_for(lambda: "198.18.80.0/24" in routes(), "a route by wan1")
    ns.ip("route add unreachable 198.18.82.0/24")
    wait_for(lambda: "198.18.82.0/24" in routes(), "a route that drops")
    ns.ip("route del unreachable 198.18.82.0/24")
    check("198.18.81.0/24" not in routes(), "a route by a link we do not have is not in the dataplane")
    wait_for(lambda: kernel(site)["routes_unusable"] >= 1, "but it is counted")
    # a twin comes back by itself where nothing else has its name; until then it is not what the kernel calls so
    for _ in range(20):  # one process, before the twin is put right, which takes some ms
        batch(lab, ns, ["link set wan1 down", "link set wan1 name other", "link set other up", "link add wan1 type bridge"], False)
        if {"wan1", "other"} <= set(ns.interfaces()):
            break
    check({"wan1", "other"} <= set(ns.interfaces()), "the twin was put right before its name was another's")
    wait_for(lambda: "198.18.80.0/24" not in routes() and not site.box.list("address", port="wan1"), "renamed: all of it goes")
    ns.ip("link del wan1")
    wait_for(lambda: "wan1" in ns.interfaces() and "other" not in ns.interfaces(), "the twin has its name again")
    ns.ip("route replace 198.18.80.0/24 via 198.18.1.2")
    wait_for(lambda: "198.18.80.0/24" in routes() and site.box.list("address", port="wan1"), "renamed again: they are back")
    batch(lab, ns, [f"link set wan1 netns {far.full}", "link add wan1 type bridge"])
    wait_for(lambda: "198.18.80.0/24" not in routes() and not site.box.list("address", port="wan1"), "moved away: all of it goes")
    ns.ip("link del wan1")
    wait_for(lambda: "wan1" in ns.interfaces() and "wan1" not in far.interfaces(), "the twin is made anew")
    ns.ip("addr replace 198.18.1.1/24 dev wan1")
    ns.ip("route replace 198.18.80.0/24 via 198.18.1.2")
    wait_for(lambda: "198.18.80.0/24" in routes(), "made anew: it is there again")
    ns.ip("link del wan1")
    wait_for(lambda: "198.18.80.0/24" not in routes() and not site.box.list("address", port="wan1"), "deleted: all of it goes")
    wait_for(lambda: "wan1" in ns.interfaces() and "198.18.1.1" not in ns.ip("addr show wan1"), "the twin is there again, without what others had put")
    ns.ip("route del 198.18.81.0/24")
    site.box.alive()
    equal(ping(hosts["a"], "198.18.100.2", 5), 5, "the other port's pings")


def check_namespace_gone(site, red):
    """A slice whose namespace goes and comes back keeps what intents say."""
    red.ip("route add 198.18.62.0/24 via 198.18.51.2")
    wait_for(lambda: get(site, "route", "red 198.18.62.0/24"), "a route of the slice")
    command(["ip", "netns", "del", red.full])
    wait_for(lambda: gone(get(site, "route", "red 198.18.62.0/24")), "its route goes with the namespace")
    equal(len(site.box.list("address", attachment="red:lan0")), 1, "the gateway that the intent has")
    wait_for(lambda: kernel(site)["namespaces_missing"] == 1, "what is missing is told")
    # in the box's own namespace a tenant would reach the box by it
    wait_for(lambda: "red0" in site.ns.interfaces() and "UP" not in site.ns.asked("ip -j link show red0")[0]["flags"],
             "the slice's tap, made anew, is down as long as it has no namespace")
    command(["ip", "netns", "add", red.full])
    wait_for(lambda: kernel(site)["namespaces_missing"] == 0, "it is back")
    wait_for(lambda: "red0" in red.interfaces() and "198.18.50.1/24" in red.ip("addr show red0 up"), "and the tap is in it, with its gateway")


def check_switched_off(lab, site):
    site.kill()
    path = os.path.join(lab.dir, "control.json")
    with open(path, "w", encoding="ascii") as out:
        json.dump({"mirror": False}, out)
    site.start(["--config", path])
    wait_for(site.synced, "control without a mirror")
    wait_for(lambda: gone(get(site, "route", "underlay 198.18.9.0/24")), "what was mirrored is nobody's now")
    equal(site.get("/v1/status")["kernel"], {"mirrored": False}, "what the status says")


def test(lab):
    site, far, red, hosts = build(lab)
    site.apply(*intents(red))
    check_underlay(site, far, hosts)
    check_slice(site, red, hosts)
    check_latency(site, red)
    check_forwarding_soon(site, far, hosts)
    check_refused(site, red, hosts)
    check_own_address(site)
    check_killed(site)
    check_absent_while_killed(site)
    check_capabilities(site)
    check_kernel_killed(site, hosts)
    check_kernel_hung(site)
    check_guardian_killed(site)
    check_strange_name(site, red)
    check_overrun(lab, site, red)
    check_bad_links(lab, site, far, hosts)
    check_namespace_gone(site, red)
    check_switched_off(lab, site)
    site.box.ledger()
    site.stop()


run(test)
