# SPDX-License-Identifier: BSD-3-Clause
"""The other side and the traffic: VXLAN of the Linux kernel, ping and iperf3."""
import json
import re
import signal
import time

from checks import QUICK, check, wait_for

CONGESTION = {"tx_full", "port_tx_full", "handover_full"}  # what TCP may lose on a busy machine
SEND_BUFFER = 200000  # what any machine allows
LATE_S = 5  # an answer that takes longer is lost: so long a worker, or ping itself, may be without a CPU


def kernel_vxlan(site, host, vni, local, remote, *addresses, mac=None, mtu=1500, name=None, options=""):
    """A VXLAN interface of the Linux kernel: its outer packets in namespace `site`, its inner end in `host`."""
    name = name or f"vx{vni}"
    port = "" if "dstport" in options else "dstport 4789"
    site.ip(f"link add name {name} type vxlan id {vni} local {local} remote {remote} {port} {options}")
    if host is not site:
        site.ip(f"link set {name} netns {host.full}")
    if mac:
        host.ip(f"link set {name} address {mac}")
    host.ip(f"link set {name} mtu {mtu} up")
    host.address(name, *addresses)


def ping(space, address, count=3, size=56, options="", wait=LATE_S):
    """How many of `count` echoes came back. All leave at once (-l): ping gives the last of several the longer of its interval
    and twice the longest round trip, so that with a short interval an answer is late as soon as a CPU is busy elsewhere.
    -S: its own buffer is full after twelve that wait for ARP, and the others leave at the interval, a minute for 24."""
    out = space.run(f"ping -n -q -c {count} -l {count} -i {LATE_S} -W {wait} -s {size} -S {SEND_BUFFER} {options} {address}", check_status=False)
    for line in out.splitlines():
        if "packets transmitted" in line:
            return int(line.split(",")[1].split()[0])
    raise AssertionError(f"ping {address} from {space.name}: {out}")


class Pings:
    """A host that pings another all the time, until stopped: (sent, received), of those sent up to then; later ones give the
    last of these LATE_S, as ping() does."""

    def __init__(self, space, address, interval_s=0.02):
        self.lab = space.lab
        # -O: a line for what has no answer yet, so that ping says of each when it was on its way
        self.process = space.popen(f"ping -n -D -O -i {interval_s} {address}")
        wait_for(self.lines, f"{space.name} pings {address}")

    def lines(self):
        """[(when, number, whether it is the answer)]"""
        found = re.findall(r"^\[([\d.]+)\] (.*)icmp_seq=(\d+)", open(self.process.log).read(), re.M)
        return [(float(when), int(number), " bytes from " in text) for when, text, number in found]

    def counted(self, end):
        lines = self.lines()
        sent = max((number for when, number, _ in lines if when <= end), default=0)
        check(max((number for _, number, _ in lines), default=0) < 65535, "pings are too many to be told apart")
        return sent, len({number for _, number, answer in lines if answer and number <= sent})

    def stop(self):
        end, last = time.time(), time.monotonic() + LATE_S
        while True:
            time.sleep(0.2)
            sent, received = self.counted(end)
            if received == sent or time.monotonic() > last:
                break
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        self.lab.processes.remove(self.process)
        return sent, received


def listening(space, port):
    """Whether somebody takes TCP connections there."""
    with space.entered():
        lines = [line.split() for name in ("tcp", "tcp6") for line in open(f"/proc/thread-self/net/{name}").readlines()[1:]]
    return any(words[3] == "0A" and int(words[1].rsplit(":", 1)[1], 16) == port for words in lines)


def iperf_server(space, address, port=5201):
    """iperf3 that serves one client, when it listens."""
    process = space.popen(f"iperf3 -s -1 -B {address} -p {port}")
    wait_for(lambda: listening(space, port), f"iperf3 listens at {address} port {port}")
    return process


def iperf(client, server, address, seconds=1.0, reverse=False, options=""):
    """One TCP stream; returns the Mbit/s that arrived. The server is started for it and ended after it."""
    seconds = 1.0 if QUICK else seconds
    process = iperf_server(server, address)
    out = client.run(f"iperf3 -c {address} -t {seconds:.0f} --connect-timeout 10000 -J {'-R' if reverse else ''} {options}",
                     check_status=False, timeout=seconds + 60)
    try:
        answer = json.loads(out)
    except ValueError:
        raise AssertionError(f"iperf3 {client.name} → {address}: {out}") from None
    finally:
        client.lab.end(process)
    check("error" not in answer, f"iperf3 {client.name} → {address}: {answer.get('error')}")
    return answer["end"]["sum_received"]["bits_per_second"] / 1e6
