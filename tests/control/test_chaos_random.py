#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Random sequences of changes, some of them wrong, with kills of control between and amid them and of the dataplane now
and then. After each sequence the intents are those that were acknowledged, and the dataplane has what they say.

CHAOS_SEQUENCES sets how many (1,000); SEED="N…" or --seed N replays some, each from nothing."""
import os
import random
import threading
import time
import unittest

from api import slice_
from chaos import KINDS, QUICK, Box, Model, base, seeds

SEQUENCES = int(os.environ.get("CHAOS_SEQUENCES", 100 if QUICK else 1000))
WORKERS = 1 if "SEED" in os.environ else 2
PORTS, VLANS = ("p0", "p1"), range(10, 18)  # few: changes get into each other's way
HERE, SITES = "gj", ("gj", "bs", "dj")
CRASH, DATAPLANE_CRASH = 0.12, 0.004  # of the changes


def ground():
    """What all stand on, and what sessions need here: a dataplane refuses one whose slice it does not have."""
    return base() + [{**slice_(f"core{i}"), "service": "l3", "endpoints": [
        {"site": HERE, "port": "p1", "vlan": 100 + i, "gateway": f"10.200.{i}.1/24"}]} for i in range(2)]


GROUND = {(one["kind"], one["name"]) for one in ground()}


class Sequence:
    """One sequence: draws changes, sends them, follows what is acknowledged."""

    def __init__(self, test, box, seed):
        self.test, self.box, self.seed, self.r = test, box, seed, random.Random(seed)
        self.model, self.log = Model(ground()), []
        self.counts = {}

    # ---- documents ----

    def place(self):
        site = self.r.choice(SITES[:2] + SITES)
        vlan = self.r.choice(VLANS)
        return {"site": site, "port": self.r.choice(PORTS), "vlan": vlan}

    def maybe(self, **fields):
        return {name: value for name, value in fields.items() if self.r.random() < 0.4}

    def slice(self, name):
        l3 = self.r.random() < 0.4
        ends, number = {}, int(name[1:])
        for k in range(self.r.randint(0, 4)):
            place = self.place()
            gateway = {"gateway": f"10.{number}.{k}.1/24", **self.maybe(routes=[{"prefix": f"172.16.{k}.0/24", "via": f"10.{number}.{k}.9"}])}
            ends[place["site"], place["port"], place["vlan"]] = {**place, **(gateway if l3 else {})}
        return {**slice_(name), "service": "l3" if l3 else "l2", "endpoints": list(ends.values()),
                **self.maybe(mtu=self.r.choice([1280, 1400]), encap="geneve", tenant=self.r.choice(["kr", "jp"]), weight=7,
                             vni=self.r.choice([77, 78, 5000 + number]),
                             bandwidth={"committed_bps": self.r.choice([0, 10 ** 6, 4 * 10 ** 8]), "peak_bps": 5 * 10 ** 8})}

    def host(self, name):
        return {"kind": "host", "name": name, **self.place(), "mac": f"02:00:00:00:01:{self.r.randrange(12):02x}",
                **self.maybe(address=f"10.{self.r.randrange(6)}.{self.r.randrange(4)}.{self.r.randrange(20, 30)}")}

    def network(self, name):
        return {"kind": "virtual-dedicated-network", "name": name, "hosts": sorted(self.r.sample([f"h{i}" for i in range(10)], self.r.randint(0, 4))),
                "exclusive": self.r.random() < 0.2, **self.maybe(bandwidth={"committed_bps": 2 * 10 ** 6})}

    def local(self, name):
        return {"kind": "local-data-network", "name": name, "slice": f"core{self.r.randrange(2)}", "prefixes": [f"198.19.{self.r.randrange(4)}.0/24"],
                **self.maybe(site=HERE, dnn="d0", **{"from": f"core{self.r.randrange(2)}"})}

    def session(self, name):
        number = int(name[1:])
        return {"kind": "session", "name": name, "site": HERE, "slice": f"core{self.r.randrange(2)}", "ue": {"ipv4": f"10.60.0.{number + 1}"},
                "dnn": f"d{self.r.randrange(2)}", "fars": [{"id": 1, "action": "forward"},
                                                           {"id": 2, "action": "forward", "destination": "access", "outer_header": {
                                                               "teid": 9, "peer": "198.18.100.2"}}],
                "pdrs": [{"id": 1, "precedence": 9, "source": "access", "gtpu": "g3", "outer_header_removal": 6, "far": 1,
                          **self.maybe(teid=700 + number)}, {"id": 2, "precedence": 9, "source": "core", "far": 2}]}

    def wan(self, name):
        return {"kind": "wan", "name": name, "site": "bs", "addresses": ["198.18.0.77/24"], "mtu": 1600, "preference": self.r.choice([1, 500])}

    def site(self, name):
        """Ours, with another description or a port more."""
        document = next(one for one in base() if one["name"] == HERE)
        extra = self.maybe(x=True)
        return {**document, "description": f"{self.r.random()}", "ports": document["ports"] + (
            [{"name": "p9", "device": "net_null9,no-rx=1", "tap": False}] if extra else [])}

    def document(self):
        kind = self.r.choice(["slice"] * 6 + ["host"] * 5 + ["network"] * 2 + ["local"] + ["session"] * 2 + ["wan", "site"])
        name = {"slice": f"s{self.r.randrange(6)}", "host": f"h{self.r.randrange(10)}", "network": f"n{self.r.randrange(3)}",
                "local": f"l{self.r.randrange(2)}", "session": f"u{self.r.randrange(4)}", "wan": "bs-lg", "site": HERE}[kind]
        return getattr(self, kind)(name)

    # ---- changes ----

    def existing(self):
        return self.r.choice(sorted(key for key in self.model.documents if key not in GROUND)
                             or [("slice", "s0")])

    def patch(self, kind):
        if kind == "slice":
            return self.r.choice([{"mtu": self.r.choice([None, 1300, 1350])}, {"bandwidth": self.r.choice([None, {"committed_bps": 3000000}])},
                                  {"endpoints": self.slice("s9")["endpoints"]}, {"description": "x"}])
        if kind == "host":
            return self.r.choice([self.place(), {"address": self.r.choice([None, "10.1.1.77"])}])
        return {"description": "y"} if kind in ("virtual-dedicated-network", "site") else {"tenant": self.r.choice([None, "kr"])}

    def change(self):
        """(method, path, body)."""
        what = self.r.choice(["create", "replace", "replace", "patch", "patch", "delete", "apply", "apply", "prune", "wrong"])
        document = self.document()
        body = {k: v for k, v in document.items() if k != "kind"}
        path = f"/v1/{KINDS[document['kind']]}"
        if what == "create":
            return "POST", path, body
        if what == "replace":
            return "PUT", f"{path}/{document['name']}", body
        if what == "wrong":
            return self.wrong(path, body)
        if what in ("apply", "prune"):
            some = {(one["kind"], one["name"]): one for one in [self.document() for _ in range(self.r.randint(0, 8))]}
            prune = self.r.choice([True, "all"]) if what == "prune" else False
            if prune:  # what all stand on stays
                some = {(one["kind"], one["name"]): one for one in ground()} | some
            return "POST", "/v1/apply", {"documents": list(some.values()), "prune": prune}
        kind, name = self.existing()
        return ("PATCH", f"/v1/{KINDS[kind]}/{name}", self.patch(kind)) if what == "patch" else ("DELETE", f"/v1/{KINDS[kind]}/{name}", None)

    def wrong(self, path, body):
        """What is never taken."""
        return self.r.choice([
            ("POST", path, {**body, "colour": "red"}), ("POST", path, "{"), ("PUT", f"{path}/another", body), ("POST", path, []),
            ("POST", "/v1/apply", {"documents": [slice_("good"), slice_("bad", "gj/p0/5000")]}),
            ("POST", "/v1/apply", {"documents": [slice_("good"), slice_("bad", "gj/none/5")]}),
            ("POST", "/v1/slices", slice_("bad", "gj/p0/10", "bs/p0/10", mtu=9000)), ("DELETE", "/v1/wans/gj-kt", None),
            ("DELETE", "/v1/slices/none", None), ("PATCH", "/v1/slices/none", {})])

    # ---- a step ----

    def taken(self, method, path, body):
        self.model = self.model.after(method, path, body)

    def step(self):
        method, path, body = self.change()
        draw = self.r.random()
        victims = ("dataplane", "control")[:self.r.randint(1, 2)] if draw < DATAPLANE_CRASH else ("control",) if draw < CRASH else ()
        self.log.append(f"{method} {path} {body} {victims}")
        if victims:
            self.crash(method, path, body, victims)
            return
        answer = self.box.request(method, path, body)
        self.log[-1] += f" -> {answer}"
        self.count(answer.status // 100)
        if answer.status in (200, 201, 204):
            self.taken(method, path, body)
        elif not 400 <= answer.status < 500:
            raise AssertionError(f"{answer}")

    def crash(self, method, path, body, victims):
        answer = self.box.request_and_kill(method, path, body, self.r.choice([0, 0.001, 0.003, 0.01]) * self.r.random(), victims)
        self.count("crash")
        if "dataplane" in victims:
            self.count("dataplane crash")
            self.box.dataplane.start()
        if "control" in victims:
            self.box.start()
        if answer is None:
            there = self.box.intents()
            if not self.model.differs(there):
                return
            self.count("whole")
            self.taken(method, path, body)
            if self.model.differs(there):
                raise AssertionError("of a change that was cut off there is a part")
        elif answer.status in (200, 201, 204):
            self.taken(method, path, body)

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def run(self):
        self.log.append("begin")
        if self.box.apply(ground(), prune="all").status != 200:
            raise AssertionError("the base is refused")
        for _ in range(self.r.randint(4, 14)):
            self.step()
        there = self.box.check(self.test, f"SEED={self.seed}")
        differs = self.model.differs(there)
        if differs:
            raise AssertionError(f"{[(key, self.model.documents.get(key), there.get(key)) for key in differs][:3]}")


class Random(unittest.TestCase):
    def setUp(self):
        self.failure, self.counts, self.lock = None, {}, threading.Lock()

    def work(self, mine):
        box = Box()
        try:
            box.start()
            for seed in mine:
                if self.failure:
                    return
                sequence = Sequence(self, box, seed)
                try:
                    sequence.run()
                except Exception as error:  # noqa: BLE001  (told with its seed)
                    steps = "\n".join(sequence.log)
                    self.failure = f"SEED={seed}: {type(error).__name__}: {error}\n{steps[-6000:]}"
                    raise
                with self.lock:
                    for what, count in sequence.counts.items():
                        self.counts[what] = self.counts.get(what, 0) + count
        except Exception as error:  # noqa: BLE001
            self.failure = self.failure or f"{type(error).__name__}: {error}"
        finally:
            box.close()

    def test_random_sequences_end_as_they_were_acknowledged(self):
        all_, start = seeds(SEQUENCES), time.monotonic()
        threads = [threading.Thread(target=self.work, args=(all_[n::WORKERS],)) for n in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertIsNone(self.failure, self.failure)
        print(f"{len(all_)} sequences from SEED={all_[0]} in {time.monotonic() - start:.0f} s: {self.counts.get(2, 0)} changes taken, "
              f"{self.counts.get(4, 0)} refused; {self.counts.get('crash', 0)} kills amid one, which was there whole "
              f"{self.counts.get('whole', 0)} times unacknowledged; {self.counts.get('dataplane crash', 0)} of the dataplane")
        if len(all_) >= 100:
            for what in (2, 4, "crash", "whole", "dataplane crash"):
                self.assertTrue(self.counts.get(what), f"{what} never came: the test does not test")


if __name__ == "__main__":
    unittest.main()
