#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the compiler gives, put to a real dataplane: it takes every object, and what it lists then is, in its canonical
form, the very text that was compiled. Golden cases, and random intents at each of their sites.

The dataplane runs in a network namespace of its own (`unshare -n`), without huge pages, on null devices."""
import glob
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(TOP, os.environ.get("SLUICE_BUILD", "build"))
TOOL = os.path.join(BUILD, "tests", "control", "compile", "compile_tool")
sys.path.insert(0, os.path.join(TOP, "bench", "lib"))
from rpc import RpcError, connect  # noqa: E402

# in the order in which one needs the other; deletes go the other way
ORDER = ["port", "meter", "slice", "attachment", "tunnel", "address", "neighbor", "member", "route", "mac", "gtpu", "session"]


def compiled(path, site=None):
    """[(type, key, text)] of all intents, each object once, and the refusals."""
    out = subprocess.run([TOOL, path, *([site] if site else [])], check=True, capture_output=True, text=True).stdout
    objects, refused = {}, []
    for line in out.splitlines():
        if line.startswith("refused"):
            refused.append(line)
        elif not line.startswith("#"):
            head, text = line.split(" {", 1)
            kind, key = head.split(" ", 1)
            text = "{" + text
            # what several intents give, they give alike
            assert objects.setdefault((kind, key), text) == text, (kind, key, text, objects[kind, key])
    return objects, refused


def canonical(listed):
    """{(type, key): text} of [(type, object)], without what was learned."""
    lines = "".join(json.dumps({"type": kind, "object": obj}) + "\n" for kind, obj in listed)
    out = subprocess.run([TOOL, "--canonical"], input=lines, check=True, capture_output=True, text=True).stdout
    found = {}
    for line in out.splitlines():
        if line != "learned":
            head, text = line.split(" {", 1)
            found[tuple(head.split(" ", 1))] = "{" + text
    return found


class Dataplane:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="sluice-compile-")
        path = os.path.join(self.dir, "dataplane.sock")
        with open(os.path.join(self.dir, "log"), "wb") as log:
            self.process = subprocess.Popen(
                ["unshare", "-n", os.path.join(BUILD, "dataplane", "sluice-dataplane"), "--socket", path, "--no-huge",
                 "--memory", "512", "--idle", "nap", "--file-prefix", f"compile{os.getpid()}"], stdout=log, stderr=log)
        try:
            self.rpc = connect(path, 60.0, lambda: self.process.poll() is None)
        except BaseException:
            self.stop()
            raise

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.dir)

    def put(self, objects):
        ops = []
        for kind in ORDER:
            some = [json.loads(text) for (its, _), text in objects.items() if its == kind]
            if some:
                ops.append({"op": "put", "type": kind, "objects": some})
        return self.rpc.call("transaction", {"ops": ops})

    def delete(self, objects):
        ops = []
        for kind in reversed(ORDER):
            keys = [key for its, key in objects if its == kind]
            if keys:
                ops.append({"op": "delete", "type": kind, "keys": keys})
        self.rpc.call("transaction", {"ops": ops})

    def list(self):
        listed = []
        for kind in ORDER:
            cursor = {}
            while True:
                answer = self.rpc.call("list", {"type": kind, **cursor})
                listed += [(kind, obj) for obj in answer["objects"]]
                if "cursor" not in answer:
                    break
                cursor = {"cursor": answer["cursor"]}
        return listed


class Random:
    """Intents of a few sites that keep the rules between them; which are many, so the seed is told on failure."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.sites = ["a", "b", "c"][:self.r.randint(2, 3)]
        self.places = {site: [(port, vlan) for port in ("p0", "p1") for vlan in (0, *range(10, 30))] for site in self.sites}
        for places in self.places.values():
            self.r.shuffle(places)
        self.vni = 1000
        self.intents = [intent for n, site in enumerate(self.sites) for intent in self.site(n, site)]
        for n in range(self.r.randint(1, 6)):
            self.intents += self.slice_and_hosts(f"s{n}")
        for n in range(self.r.randint(0, 2)):
            self.intents += self.network(f"n{n}")
        for site in self.sites:
            self.intents += self.mobile(site)

    def maybe(self, **fields):
        return {name: value for name, value in fields.items() if self.r.random() < 0.5}

    def next_vni(self):
        self.vni += 1
        return self.vni

    def site(self, n, site):
        yield {"kind": "site", "name": site, "ports": [
            {"name": f"p{p}", "device": f"net_null{p},no-rx=1", **self.maybe(mtu=self.r.choice([1500, 9000]))} for p in range(2)] + [
            {"name": "n3", "device": "net_null2,no-rx=1", "addresses": [f"198.18.{100 + n}.1/24", f"2001:db8:{100 + n}::1/64"],
             "neighbors": [{"address": f"198.18.{100 + n}.2", "mac": "02:00:00:00:0f:02"}],
             "routes": [{"prefix": "198.19.0.0/16", "via": f"198.18.{100 + n}.9"}, {"prefix": "::/0", "via": f"2001:db8:{100 + n}::9"}]}],
            "gtpu": [{"name": "g3", "address": f"198.18.{100 + n}.1", "interface": "access"},
                     {"name": "g36", "address": f"2001:db8:{100 + n}::1", "interface": "access"},
                     *([{"name": "g9", "address": f"198.18.{100 + n}.3", "interface": "core"}] if self.r.random() < 0.7 else [])]}
        for w in range(self.r.randint(1, 2)):
            yield {"kind": "wan", "name": f"{site}-w{w}", "site": site, "device": f"net_null{3 + w},no-rx=1",
                   "addresses": self.r.sample([f"198.18.{10 * n + w}.1/24", f"2001:db8:{10 * n + w}::1/64"], 2),
                   "capacity_bps": self.r.choice([0, 1000000000]), "preference": w,
                   "routes": [{"prefix": "0.0.0.0/0", "via": f"198.18.{10 * n + w}.254"}],
                   **self.maybe(mtu=1600, mac=f"02:00:00:00:1{n}:0{w}")}

    def slice_and_hosts(self, name):
        l3 = self.r.random() < 0.5
        number, hosts, endpoints = int(name[1:]), [], []
        for n, site in enumerate(self.sites):
            for k in range(self.r.choice([0, 1, 1, 2])):
                port, vlan = self.places[site].pop()
                place = {"site": site, "port": port, **({"vlan": vlan} if vlan else {})}
                net = f"10.{number}.{10 * n + k}"
                gateway = {"gateway": f"{net}.1/24", **self.maybe(gateway6=f"2001:db8:{number}:{10 * n + k}::1/64")} if l3 else {}
                routes = self.maybe(routes=[{"prefix": f"172.16.{10 * n + k}.0/24", "via": f"{net}.9"}]) if l3 else {}
                endpoints.append({**place, **gateway, **routes})
                for h in range(self.r.randint(0, 2)):
                    hosts.append({"kind": "host", "name": f"{name}-{site}{k}{h}", **place, "mac": f"02:00:{number:02x}:{n:02x}:{k:02x}:{h:02x}",
                                  "address": f"{net}.{h + 20}"})
        if not endpoints:
            return []
        return [{"kind": "slice", "name": name, "vni": self.next_vni(), "service": "l3" if l3 else "l2", "endpoints": endpoints,
                 **self.maybe(encap="geneve", weight=7, bandwidth={"committed_bps": self.r.choice([0, 1000000]), "peak_bps": 5000000})},
                *hosts]

    def network(self, name):
        hosts = []
        for n, site in enumerate(self.sites):
            for h in range(self.r.randint(0, 2)):
                port, vlan = self.places[site].pop()
                hosts.append({"kind": "host", "name": f"{name}-{site}{h}", "site": site, "port": port, **({"vlan": vlan} if vlan else {}),
                              "mac": f"02:00:0{name[1]}:{n:02x}:ff:{h:02x}"})
        return [*hosts, {"kind": "virtual-dedicated-network", "name": name, "vni": self.next_vni(),
                         "hosts": [host["name"] for host in hosts], **self.maybe(bandwidth={"committed_bps": 2000000})}]

    def mobile(self, site):
        n, intents = self.sites.index(site), []
        for k, name in enumerate(("net", "edge")):
            port, vlan = self.places[site].pop()
            intents.append({"kind": "slice", "name": f"{name}-{site}", "vni": self.next_vni(), "service": "l3",
                            "endpoints": [{"site": site, "port": port, **({"vlan": vlan} if vlan else {}), "gateway": f"10.200.{n}.{16 * k + 1}/28"}]})
        for k in range(self.r.randint(0, 3)):
            intents.append({"kind": "local-data-network", "name": f"l{site}{k}", "slice": f"edge-{site}",
                            **self.maybe(site=site, dnn="d0", **{"from": f"net-{site}"}),
                            "prefixes": [f"198.18.{200 + k}.0/24", f"2001:db8:f{k}::/48"]})
        return intents + [self.session(site, n, k) for k in range(self.r.randint(0, 4))]

    def session(self, site, n, k):
        r = self.r
        teid = r.choice([{}, {"teid": 5000 + k}, {"choose_id": 4}])
        removal = {"outer_header_removal": 6}
        chosen = self.maybe(gtpu="g3")
        rules = self.maybe(qers=[1], urrs=[1])
        pdrs = [{"id": 1, "precedence": r.choice([0, 9, 255]), "source": "access", "gtpu": "g3", **teid, **removal, "far": 1, **rules},
                {"id": 65535, "precedence": 300, "source": "access", "gtpu": "g3", **teid, **removal, "far": 3, **rules,
                 "filters": [f"permit out 17 from 198.18.{k}.0/24 to 10.60.{n}.{k + 1}", "permit out ip from any to assigned 80-90"]},
                {"id": 3, "precedence": 400, "source": "access", "gtpu": "g36", **removal, "far": 1},
                {"id": 4, "precedence": 255, "source": "core", "far": 2, **self.maybe(slice=f"net-{site}"), **rules}]
        fars = [{"id": 1, "action": "forward", **self.maybe(slice=f"net-{site}")},
                {"id": 2, "action": r.choice(["forward", "buffer"]), "destination": "access",
                 "outer_header": {"teid": 9, "peer": r.choice(["198.18.150.2", "2001:db8:150::2"])}},
                {"id": 3, "action": "forward", "outer_header": {"teid": 8, "peer": "198.18.151.2", **chosen}, **self.maybe(dscp=10)}]
        return {"kind": "session", "name": f"ue-{site}{k}", "site": site, "dnn": f"d{k % 2}", "slice": f"net-{site}",
                "ue": {"ipv4": f"10.60.{n}.{k + 1}", **self.maybe(ipv6=f"2001:db8:60:{k}::1/64", framed=[f"172.20.{k}.1/24"])},
                "pdrs": pdrs, "fars": fars, "qers": [{"id": 1, **self.maybe(qfi=5, mbr_ul_bps=1000000, gate_dl="closed", burst_ms=50)}],
                "urrs": [{"id": 1, "measure": ["volume", "duration"], **self.maybe(threshold_bytes=10 ** 9, quota_s=60, report=["start"])}],
                **self.maybe(bar={"packets": 3})}


class Compiled(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.dataplane = Dataplane()

    @classmethod
    def tearDownClass(cls):
        cls.dataplane.stop()

    def check_objects(self, objects, what):
        try:
            self.dataplane.put(objects)
        except RpcError as error:
            self.fail(f"{what}: {error}")
        try:
            listed = self.dataplane.list()
            self.assertEqual(canonical(listed), objects, what)
            self.check_teids(session for kind, session in listed if kind == "session")
            again = self.dataplane.put(objects)
            self.assertEqual((again["created"], again["updated"]), (0, 0), f"{what}: what is there already is no change")
        finally:
            self.dataplane.delete(objects)
        self.assertEqual(self.dataplane.list(), [], what)

    def check_teids(self, sessions):
        """What the classifier adds is reached by the TEID that was chosen for the session's own PDRs."""
        for session in sessions:
            teids = {}
            for pdr in session["pdrs"]:
                if "choose_id" in pdr:
                    teids.setdefault((pdr["gtpu"], pdr["choose_id"]), set()).add(pdr["teid"])
            self.assertTrue(all(len(some) == 1 for some in teids.values()), session)

    def test_golden_cases_are_taken_and_listed_as_compiled(self):
        cases = glob.glob(os.path.join(HERE, "compile", "golden", "*.json"))
        self.assertGreater(len(cases), 3)
        for path in sorted(cases):
            objects, _ = compiled(path)
            if objects:
                self.check_objects(objects, os.path.basename(path))

    def test_random_intents_are_taken_and_listed_as_compiled(self):
        seeds, kinds = [random.randrange(1 << 30) for _ in range(16)], set()
        for seed in map(int, os.environ["SEED"].split()) if "SEED" in os.environ else seeds:
            made = Random(seed)
            path = os.path.join(self.dataplane.dir, "intents.json")
            with open(path, "w", encoding="utf-8") as out:
                json.dump({"intents": made.intents}, out)
            for site in made.sites:
                objects, refused = compiled(path, site)
                self.assertEqual(refused, [], f"SEED={seed}")
                self.check_objects(objects, f"SEED={seed} site {site}")
                kinds |= {kind for kind, _ in objects}
        if "SEED" not in os.environ:
            self.assertEqual(kinds, set(ORDER), "each type has been there")


if __name__ == "__main__":
    unittest.main()
