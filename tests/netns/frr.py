# SPDX-License-Identifier: BSD-3-Clause
"""Debian's frr, unmodified, in a network namespace: zebra, staticd and bgpd with a folder of their own for sockets and
logs, so that many run side by side and nothing of /etc/frr or /run/frr is used. Configuration goes in as vtysh text;
what FRR knows comes out as JSON. Its daemons are the Lab's processes: they end with the Lab, whatever happens."""
import json
import os
import shutil

from checks import Skip, check, command, wait_for

DAEMONS = "/usr/lib/frr"
COMMON = "service integrated-vtysh-config\n"


# FRR with namespaces as VRFs looks at all of /run/netns: it gets one of its own, with nothing but its slices in it
OWN_NETNS = """set -e
end=$1; shift
mkdir "$end"
while [ "$1" != -- ]; do touch "$end/$1"; mount --bind "/run/netns/$2" "$end/$1"; shift 2; done
shift
mount --rbind "$end" /run/netns
exec "$@"
"""


class Frr:
    """One FRR in one namespace. With `vrfs`, {name: namespace}, each of these is a VRF of that name (zebra -n)."""

    def __init__(self, space, config="", daemons=("zebra", "staticd", "bgpd"), vrfs=None):
        if not os.path.exists(f"{DAEMONS}/zebra"):
            raise Skip("FRR is not installed (scripts/setup)")
        self.space, self.lab, self.processes, self.vrfs = space, space.lab, {}, vrfs or {}
        # FRR gives up root: its user must get at the folder that the Lab made for itself
        os.chmod(self.lab.dir, 0o711)
        self.dir = os.path.join(self.lab.dir, f"frr-{space.name}-{len(self.lab.processes)}")
        os.mkdir(self.dir)
        shutil.chown(self.dir, "frr", "frr")
        for daemon in daemons:
            self._start(daemon)
        if config:
            self.configure(config)

    def _start(self, daemon):
        vty, log = f"{self.dir}/{daemon}.vty", f"{self.dir}/{daemon}.log"
        words = [f"{DAEMONS}/{daemon}", "-z", f"{self.dir}/zserv.api", "--vty_socket", self.dir, "-i", f"{self.dir}/{daemon}.pid",
                 "-f", "/dev/null", "-P", "0", "--log", f"file:{log}"]
        if self.vrfs:
            words += ["-n"] if daemon == "zebra" else []
            names = [word for name, space in self.vrfs.items() for word in (name, space.full)]
            words = ["sh", "-c", OWN_NETNS, "sh", f"{self.dir}/{daemon}.netns", *names, "--", *words]
        process = self.space.popen(words, log=f"frr-{self.space.name}-{daemon}.log")
        self.processes[daemon] = process

        def ready():
            check(process.poll() is None, f"{daemon} of {self.space.name} has ended by itself:\n{open(process.log).read()[-2000:]}")
            return os.path.exists(vty) and (daemon != "zebra" or os.path.exists(f"{self.dir}/zserv.api"))
        wait_for(ready, f"{daemon} of {self.space.name} listens")

    # ---- configuration and questions

    def vtysh(self, *commands, timeout=60):
        words = ["vtysh", "--vty_socket", self.dir]
        for text in commands:
            words += ["-c", text]
        return command(words, timeout=timeout)

    def configure(self, text, timeout=60):
        """Configuration as one would write it in frr.conf, added to what is there."""
        path = os.path.join(self.dir, "added.conf")
        with open(path, "w") as out:
            out.write(text if text.endswith("\n") else text + "\n")
        said = command(["vtysh", "--vty_socket", self.dir, "-f", path], timeout=timeout)
        bad = [line for line in said.splitlines() if line.startswith("%") or "Unknown command" in line or "failed" in line]
        check(not bad, f"FRR of {self.space.name} takes its configuration: {bad}")

    def show(self, words):
        """`show WORDS json`"""
        said = self.vtysh(f"show {words} json")
        try:
            return json.loads(said)
        except ValueError:
            raise AssertionError(f"show {words} json of {self.space.name}: {said[-500:]}") from None

    def established(self, *peers):
        """Whether the BGP sessions with these peers are up."""
        summary = self.show("bgp summary")
        have = {}
        for family in summary.values():
            if isinstance(family, dict):
                for peer, about in family.get("peers", {}).items():
                    have[peer] = about.get("state")
        return all(have.get(peer) == "Established" for peer in peers)

    def wait_established(self, *peers, seconds=60):
        wait_for(lambda: self.established(*peers), f"BGP of {self.space.name} with {' '.join(peers)}", seconds)

    # ---- the processes

    def stop(self, daemon=None):
        """Ends one daemon, or all of them, bgpd before zebra."""
        for name in [daemon] if daemon else list(reversed(self.processes)):
            self.lab.end(self.processes.pop(name))
