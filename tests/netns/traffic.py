# SPDX-License-Identifier: BSD-3-Clause
"""The other side and the traffic: VXLAN of the Linux kernel, ping and iperf3."""
import json
import time

from checks import QUICK, check

CONGESTION = {"tx_full", "port_tx_full", "handover_full"}  # what TCP may lose on a busy machine


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


def ping(space, address, count=3, size=56, options="", wait=2):
    """How many of `count` echoes came back."""
    out = space.run(f"ping -n -q -c {count} -i 0.1 -W {wait} -s {size} {options} {address}", check_status=False)
    for line in out.splitlines():
        if "packets transmitted" in line:
            return int(line.split(",")[1].split()[0])
    raise AssertionError(f"ping {address} from {space.name}: {out}")


def iperf(client, server, address, seconds=2.0, reverse=False, options=""):
    """One TCP stream; returns the Mbit/s that arrived. The server is started for it and ended after it."""
    seconds = 1.0 if QUICK else seconds
    process = server.popen(f"iperf3 -s -1 -B {address}")
    time.sleep(0.3)
    out = client.run(f"iperf3 -c {address} -t {seconds:.0f} --connect-timeout 3000 -J {'-R' if reverse else ''} {options}",
                     check_status=False, timeout=seconds + 30)
    try:
        answer = json.loads(out)
    except ValueError:
        raise AssertionError(f"iperf3 {client.name} → {address}: {out}") from None
    finally:
        client.lab.end(process)
    check("error" not in answer, f"iperf3 {client.name} → {address}: {answer.get('error')}")
    return answer["end"]["sum_received"]["bits_per_second"] / 1e6
