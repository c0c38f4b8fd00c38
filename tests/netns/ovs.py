# SPDX-License-Identifier: BSD-3-Clause
"""Open vSwitch with its userspace datapath, in a namespace: a real switch, and a Geneve peer, for tests."""
import os

from lib import Skip, wait_for


class Ovs:
    """ovsdb-server and ovs-vswitchd with a database of their own, in one namespace."""

    def __init__(self, lab, space):
        self.space, self.dir = space, os.path.join(lab.dir, "ovs")
        os.mkdir(self.dir)
        if not os.path.exists("/usr/sbin/ovs-vswitchd"):
            raise Skip("Open vSwitch is not installed (scripts/setup)")
        self.env = dict(os.environ, OVS_RUNDIR=self.dir, OVS_LOGDIR=self.dir, OVS_DBDIR=self.dir)
        db, sock = f"{self.dir}/conf.db", f"{self.dir}/db.sock"
        space.run(f"ovsdb-tool create {db} /usr/share/openvswitch/vswitch.ovsschema")
        space.popen(f"ovsdb-server {db} --remote=punix:{sock} --unixctl={self.dir}/ovsdb.ctl", env=self.env)
        wait_for(lambda: os.path.exists(sock), "ovsdb-server")
        self.db = f"unix:{sock}"
        self.vsctl("--no-wait init")
        # the plain binary: the packaged default may be the one with DPDK in it
        binary = "/usr/lib/openvswitch-switch/ovs-vswitchd"
        space.popen([binary if os.path.exists(binary) else "/usr/sbin/ovs-vswitchd", self.db,
                     f"--unixctl={self.dir}/vswitchd.ctl"], env=self.env)
        self.bridge("br0")

    def bridge(self, name):
        self.vsctl(f"add-br {name} -- set bridge {name} datapath_type=netdev")

    def vsctl(self, words):
        return self.space.run(f"ovs-vsctl --timeout=30 --db={getattr(self, 'db', '')} {words}", env=self.env)

    def ofctl(self, *words):
        return self.space.run(["ovs-ofctl", "--timeout=30", *words], env=self.env)

    def appctl(self, words):
        return self.space.run(f"ovs-appctl --timeout=30 --target={self.dir}/vswitchd.ctl {words}", env=self.env)
