# SPDX-License-Identifier: BSD-3-Clause
"""The yardstick: dpdk-testpmd, which only moves packets (io) or swaps their addresses (5tswap), from the same pcap
to the same null sink on the same core. Called by cases.py; owns one testpmd process at a time."""
import time

import machine

SINK = "net_null0,no-rx=1"
MBUFS = 262144


class Testpmd:
    def __init__(self, pcap, mode, huge):
        if huge:
            machine.wait_for_huge_pages()
        argv = ["dpdk-testpmd", "-l", f"{machine.MAIN_CPU},{machine.WORKER_CPU}", "--no-pci", "--no-telemetry"]
        argv += ["--in-memory"] if huge else ["--no-huge", "--no-shconf", "-m", "2048"]   # leaves no files behind
        device = f"net_pcap0,rx_pcap={pcap},infinite_rx=1" if isinstance(pcap, str) else pcap.device
        argv += ["--vdev", device, "--vdev", SINK, "--", "--interactive",
                 f"--total-num-mbufs={MBUFS}", f"--forward-mode={mode}", "--nb-cores=1", "--no-mlockall"]
        self.process = machine.Process(argv, None if isinstance(pcap, str) else pcap.environment)
        try:
            self.process.wait_for(r"testpmd> ", 60)
            self.command("start")
        except Exception:
            self.stop()
            raise

    def command(self, line):
        start = len(self.process.said)
        self.process.write(line)
        return self.process.wait_for(r"\n.*testpmd> $", 20, start).group(0)

    def counters(self):
        """(seconds, packets received from the pcap, packets given to the sink)."""
        start = len(self.process.said)
        self.process.write("show port stats all")
        when = time.monotonic()
        text = self.process.wait_for(r"port 0 .*?RX-packets: +(\d+).*?port 1 .*?TX-packets: +(\d+).*testpmd> $", 20, start)
        return when, int(text.group(1)), int(text.group(2))

    def window(self, seconds):
        """Packets a second over a window; ValueError when packets went missing."""
        when0, rx0, tx0 = self.counters()
        time.sleep(seconds)
        when1, rx1, tx1 = self.counters()
        taken, given = rx1 - rx0, tx1 - tx0
        if abs(taken - given) > 0.01 * taken:
            raise ValueError(f"testpmd took {taken} packets and gave {given}")
        return given / (when1 - when0)

    def stop(self):
        self.process.stop()


def measure(pcap, mode, huge, warm_up, seconds):
    """Packets a second of one fresh testpmd."""
    pmd = Testpmd(pcap, mode, huge)
    try:
        time.sleep(warm_up)
        return pmd.window(seconds)
    finally:
        pmd.stop()
