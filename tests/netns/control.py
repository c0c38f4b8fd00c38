# SPDX-License-Identifier: BSD-3-Clause
"""sluice-control beside a Box, in the same namespace, and its REST API over the unix socket."""
import json
import os
import signal
import sys
import time

from checks import BUILD, TOP, check, equal, wait_for
from switch import Box

sys.path.insert(0, os.path.join(TOP, "tests", "control"))
from api import Answer, UnixConnection  # noqa: E402  (the same client that tests/control uses)


def children(pid):
    """The processes that it has started."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat:
                if int(stat.read().rpartition(")")[2].split()[1]) == pid:
                    found.append(int(name))
        except (OSError, IndexError):  # it has just ended
            pass
    return found


class Site:
    """A site with a Sluice box: its dataplane (box), its control plane, and its tenants' ports."""

    def __init__(self, lab, name, workers=1):
        self.lab, self.name = lab, name
        self.box = Box(lab, name, workers, args=["--memory", "256"])
        self.ns = self.box.ns
        self.socket = os.path.join(lab.dir, f"{name}-control.sock")
        self.log = os.path.join(lab.dir, f"{name}-control.log")
        self.process = None
        self.start()

    # ---- the process

    def start(self, options=()):
        self.process = self.ns.popen([os.path.join(BUILD, "control", "sluice-control"), "--site", self.name, "--socket", self.socket,
                                      "--dataplane", self.box.socket, "--store", os.path.join(self.lab.dir, f"{self.name}-store"), *options],
                                     log=os.path.basename(self.log))
        wait_for(self.answers, f"sluice-control of {self.name} answers", 60)

    def answers(self):
        check(self.process.poll() is None, f"sluice-control of {self.name} has ended by itself: {open(self.log).read()[-2000:]}")
        try:
            return self.call("GET", "/v1/status")[0] == 200
        except OSError:
            return False

    def kernel_pid(self):
        """sluice-kernel's, which a guardian keeps, which sluice-control has started."""
        guardian, = children(self.process.pid)
        found = children(guardian)
        return found[0] if found else None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.lab.processes.remove(self.process)

    def stop(self):
        self.process.terminate()
        equal(self.process.wait(60), 0, "exit status of sluice-control after SIGTERM")
        self.lab.processes.remove(self.process)

    def kill_dataplane(self):
        self.box.process.send_signal(signal.SIGKILL)
        self.box.process.wait()
        self.lab.processes.remove(self.box.process)

    # ---- what is asked

    def call(self, method, path, body=None):
        """(status, JSON or None)"""
        connection = UnixConnection(self.socket, 20)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
            answer = Answer(connection.getresponse())
        finally:
            connection.close()
        return answer.status, answer.json

    def call_text(self, path):
        connection = UnixConnection(self.socket, 20)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def get(self, path):
        status, answer = self.call("GET", path)
        equal(status, 200, f"GET {path}: {answer}")
        return answer

    def refused(self):
        """{intent: why the dataplane has refused it}"""
        return {f"{path} {one['name']}": one["status"].get("reason") for path in ("sites", "wans", "slices", "hosts")
                for one in self.get(f"/v1/{path}")["items"] if one.get("status", {}).get("state") == "refused"}

    def apply(self, *documents, **options):
        """All or nothing, and in the dataplane when it returns."""
        status, answer = self.call("POST", "/v1/apply?wait=10", {"documents": list(documents), **options})
        equal(status, 200, f"apply at {self.name}: {answer}")
        try:  # what the kernel makes of it (its own addresses on new taps) may follow
            wait_for(self.synced, "synced")
        except AssertionError:
            check(False, f"{self.name} is not as wanted after an apply: {self.get('/v1/status')['reconciler']}; {self.refused()}")
        return answer

    def synced(self):
        status = self.get("/v1/status")
        return status["dataplane"]["state"] == "up" and status["reconciler"]["synced"] and status["reconciler"]["refused"] == 0

    def quiet(self, rest_s=0.5):
        """Waits until all is as wanted, and nothing more has been done about it for a while: what follows from a change, as the
        kernel or FRR tells it, comes in transactions of its own."""
        done, since = None, 0.0

        def rested():
            nonlocal done, since
            status = self.get("/v1/status")["reconciler"]
            if (status["transactions"], status["synced"]) != (done, True):
                done, since = status["transactions"], time.monotonic()
            return time.monotonic() - since > rest_s
        wait_for(rested, f"{self.name} rests")

    def objects(self):
        """What the dataplane has, {type: how many}, of all types that intents can lead to."""
        kinds = ("port", "address", "neighbor", "route", "slice", "attachment", "tunnel", "member", "mac", "meter", "gtpu", "session")
        return {kind: len(found) for kind in kinds if (found := self.box.list(kind))}
