# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of failover share: a box with two WANs to a Linux site, and a numbered stream in each direction that
tells how long a failure took.

                               ┌ wan0 198.18.0.1 ═══ 198.18.0.2 wan0 ┐
    a ─── lan0 ─ [blue 100] ───┤                                     ├ site, kernel VXLAN at 198.18.255.2 ─── b
                               └ wan1 198.18.1.1 ═══ 198.18.1.2 wan1 ┘
    the box's tunnel address 198.18.254.1; the box has an ECMP route to the site's over both WANs, the site one by each
    WAN to the box's
"""
import socket
import struct
import threading
import time

from lib import QUICK, Box, at_least, check, equal, kernel_vxlan, ping, settled, wait_for

A, B = "198.18.100.1", "198.18.100.2"
SO_RCVBUFFORCE = 33
INTERVAL, HOLE, SECONDS = 0.001, 0.005, 0.8 if QUICK else 1.2
MOST_MS = 50  # that a failure may cost what the box sends


def udp(space, address, port):
    with space.entered():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    sock.bind((address, port))
    sock.setblocking(False)
    return sock


class Stream:
    """1,000 numbered packets a second of one flow, which is chosen to leave (or arrive) by a given port of the box."""

    def __init__(self, source, destination, port):
        (self.ns, self.address), (_, self.to) = source, destination
        self.receiver, self.port = udp(*destination, port), port
        self.sender, self.sent = None, []

    def flow(self, box, counter):
        """Takes a source port whose packets are counted there."""
        for source in range(20000, 20200):
            if self.sender:
                self.sender.close()
            self.sender = udp(self.ns, self.address, source)
            before = box.quiet()[counter]
            for _ in range(20):
                self.sender.sendto(b"probe", (self.to, self.port))
            if box.quiet()[counter] - before >= 20:
                return
        raise AssertionError(f"no flow to {self.to} is counted in {counter}")

    def send(self, until):
        self.sent = []
        due = time.monotonic()
        while due < until:
            self.sent.append(time.monotonic())
            try:
                self.sender.sendto(struct.pack("!I", len(self.sent) - 1), (self.to, self.port))
            except OSError:  # a link of the sender's own
                pass
            due += INTERVAL
            time.sleep(max(0.0, due - time.monotonic()))

    def outage(self):
        """(packets lost, ms of the longest time in which all that was sent was lost). A sender without a CPU says nothing of
        what would have become of its packets: no step between two of them counts for more than HOLE."""
        got = set()
        try:
            while True:
                data = self.receiver.recv(64)
                if len(data) == 4:
                    got.add(struct.unpack("!I", data)[0])
        except BlockingIOError:
            pass
        longest, silent, before = 0.0, 0.0, self.sent[0] - INTERVAL
        for number, sent in enumerate(self.sent):
            silent = 0.0 if number in got else silent + min(sent - before, HOLE)
            longest, before = max(longest, silent), sent
        return len(self.sent) - len(got), longest * 1000

    def close(self):
        self.sender.close()
        self.receiver.close()


def none_lost(what, outage, again):
    """A change that the box makes between two packets loses none. Taken again, after again(), where some were: a worker that
    has no CPU for half a second lets its port's ring overflow."""
    lost = settled(outage, lambda lost: lost == 0, again=again)
    equal(lost, 0, f"packets lost to {what}")


class Net:
    def __init__(self, lab, kind="af_packet"):
        self.kind, self.twins = kind, kind != "af_xdp"  # an AF_XDP port's interface stays the kernel's
        self.lab, self.a, self.site, self.b = lab, lab.ns("a"), lab.ns("site"), lab.ns("b")
        self.box = box = Box(lab, args=("--no-huge", "--memory", "512"))
        box.port("lan0", self.a, "eth0", kind=kind)
        for number in (0, 1):
            self.wan(number)
        site = self.site
        site.address("lo", "198.18.255.2/32")
        site.sysctl("net.ipv4.conf.all.ignore_routes_with_linkdown=1",
                    "net.ipv4.conf.wan0.ignore_routes_with_linkdown=1", "net.ipv4.conf.wan1.ignore_routes_with_linkdown=1")
        self.site_route()
        box.put("tunnel", name="to-site", encap="vxlan", local="198.18.254.1", remote="198.18.255.2")
        self.route("198.18.255.2/32", 0, 1)
        box.slice("blue", 100, [("lan0", None)], ["to-site"])
        kernel_vxlan(site, self.b, 100, "198.18.255.2", "198.18.254.1", f"{B}/24")
        self.a.address("eth0", f"{A}/24")
        equal(ping(self.a, B, 3), 3, "pings over two WANs")
        self.out = Stream((self.a, A), (self.b, B), 7001)
        self.back = Stream((self.b, B), (self.a, A), 7002)

    def near(self, number):
        """The box's end of a WAN's wire."""
        return f"wan{number}x" if self.twins else f"wan{number}"

    def wan(self, number):
        self.box.port(f"wan{number}", self.site, f"wan{number}", mtu=1600, tap=self.twins, kind=self.kind)
        self.site.address(f"wan{number}", f"198.18.{number}.2/24")
        self.box.put("address", port=f"wan{number}", prefix=f"198.18.{number}.1/24")
        self.neighbor(number)

    def neighbor(self, number):
        self.box.put("neighbor", port=f"wan{number}", address=f"198.18.{number}.2", mac=self.site.mac(f"wan{number}"))

    def route(self, prefix, *ways):
        self.box.put("route", table="underlay", prefix=prefix, via=[{"address": f"198.18.{n}.2", "port": f"wan{n}"} for n in ways])

    def site_route(self):
        """By wan0, else by wan1 (not ECMP: the kernel's VXLAN sends all its flows by the way of the first)."""
        for number in (0, 1):
            if not self.twins:  # nobody filters for the kernel here, and nobody else answers ARP
                mac = self.box.ns.mac(f"wan{number}")
                self.site.ip(f"neigh replace 198.18.{number}.1 lladdr {mac} dev wan{number} nud permanent")
            self.site.ip(f"route replace 198.18.254.1/32 via 198.18.{number}.1 dev wan{number} metric {10 + number}")

    def choose(self):
        """Both streams over wan0."""
        self.site_route()
        self.out.flow(self.box, "port wan0 tx_packets")
        self.back.flow(self.box, "port wan0 rx_packets")

    def close(self):
        self.out.close()
        self.back.close()

    def under_traffic(self, what, act):
        """Both streams run; act() comes in the middle. Returns the two outages: what was lost, and for how many ms beyond
        those that act() took. The kernel stops a link, waits for all its CPUs, and only then tells and lets ip return."""
        until = time.monotonic() + SECONDS
        threads = [threading.Thread(target=stream.send, args=(until,)) for stream in (self.out, self.back)]
        for thread in threads:
            thread.start()
        time.sleep(SECONDS / 3)
        began = time.monotonic()
        act()
        act_ms = 1000 * (time.monotonic() - began)
        for thread in threads:
            thread.join()
        self.box.quiet()  # what a worker without a CPU has not sent yet is late, not lost
        time.sleep(0.1)
        (lost, ms), (lost_back, ms_back) = self.out.outage(), self.back.outage()
        at_least(len(self.out.sent), SECONDS / INTERVAL * 0.5, "packets sent")
        print(f"{what}, {act_ms:.0f} ms: {lost} of {len(self.out.sent)} lost, {ms:.0f} ms; the site's kernel to us {lost_back}, {ms_back:.0f} ms")
        return lost, max(0.0, ms - act_ms), lost_back, ms_back

    def twin_carrier(self, number):
        return "LOWER_UP" in self.box.ns.ip(f"link show wan{number}").split(">")[0]


def short(what, outage, again):
    """outage() in ms is at most MOST_MS; taken again, after again(), where it was not: on a busy machine the box, or the
    kernel between what it does and what it tells, may not have had a CPU for that long."""
    ms = settled(outage, lambda ms: ms <= MOST_MS, again=again)
    check(ms <= MOST_MS, f"{what}: {ms:.0f} ms without a packet, at most {MOST_MS}")


def link_down(net, events, where, space, interface):
    """The link of wan0 goes down and up again at that end."""
    def down():
        space.ip(f"link set {interface} down")

    def up():
        space.ip(f"link set {interface} up")
    net.choose()
    events.seen.clear()
    if net.twins:
        check(net.twin_carrier(0), "the twin has a carrier while the link is up")

    def again():
        up()
        time.sleep(1.2)
    short(f"{where} end down", lambda: net.under_traffic(f"{where} end down", down)[1], again)
    events.expect("link.down", port="wan0")
    equal(net.box.rpc.call("get", {"type": "port", "key": "wan0"})["link"], False, "link of wan0")
    if net.twins:
        check(not net.twin_carrier(0), "the twin has no carrier while the link is down")
    # back: nothing is lost, and it is used again
    def down_again():
        down()
        time.sleep(1.2)
    short(f"{where} end up again", lambda: net.under_traffic(f"{where} end up again", up)[1], down_again)
    events.expect("link.up", port="wan0")
    if net.twins:
        wait_for(lambda: net.twin_carrier(0), "the twin's carrier is back")
    before = net.box.snapshot()["port wan0 tx_packets"]
    net.under_traffic("after that", lambda: None)
    at_least(net.box.snapshot()["port wan0 tx_packets"] - before, 100, "packets by wan0 again")


def vanishes(net, events, what, act, after, interface):
    """act(interface) makes the interface below wan0 vanish, after(interface) follows; then the port is put again."""
    def gone():
        net.choose()
        events.seen.clear()
        ms = net.under_traffic(f"interface {what}", lambda: act(interface))[1]
        events.expect("link.down", port="wan0", gone=True)
        equal(net.box.rpc.call("get", {"type": "port", "key": "wan0"}).get("gone"), True, "port wan0 says that it is gone")
        after(interface)
        time.sleep(0.2)
        equal(net.box.rpc.call("get", {"type": "port", "key": "wan0"})["link"], False, "link of a port whose interface was gone")
        return ms

    def put_again():
        nonlocal interface
        net.route("198.18.255.2/32", 1)
        net.box.delete("neighbor", "wan0 198.18.0.2")
        net.box.delete("address", "wan0 198.18.0.1/24")
        net.box.delete("port", "wan0")
        net.site.run("ip link del wan0", check_status=False)
        interface = net.near(0)
        net.wan(0)
        net.route("198.18.255.2/32", 0, 1)
        equal(ping(net.a, B, 3), 3, "pings after it was put again")
    short(f"interface {what}", gone, put_again)
    put_again()
