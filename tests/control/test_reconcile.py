#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: both
"""sluice-control with a real dataplane on null devices, in a network namespace of its own: what is wanted is there after
either of them was killed, hung or meddled with, and how long that takes."""
import contextlib
import json
import signal
import time
import unittest

import api
from api import SLOW, null, site, slice_, wan

SITES = ("gj", "bs", "sl", "dj")


def setUpModule():
    api.own_network()


def sites():
    """Four sites with a WAN each; only gj has devices."""
    out = []
    for number, name in enumerate(SITES, 1):
        lan = {"name": "lan0", **({"device": null(0)} if name == "gj" else {})}
        device = {"device": null(1), "tap": False} if name == "gj" else {}
        out += [site(name, lan), wan(name + "-kt", name, mtu=1600, addresses=[f"198.18.0.{number}/24"], **device)]
    return out


def stretched(number, **fields):
    return slice_(f"s{number}", *(f"{name}/lan0/{number % 4000 + 1}" for name in SITES), **fields)


class Reconcile(unittest.TestCase):
    def setUp(self):
        self.control = api.Control(dataplane=True).start()
        self.dataplane = self.control.dataplane

    def tearDown(self):
        said = self.control.said()
        self.dataplane.process and self.dataplane.process.send_signal(signal.SIGCONT)
        status = self.control.close()
        self.assertIn(status, (0, None), said)

    def apply(self, documents, **options):
        answer = self.control.apply(documents, "?wait=30", **options)
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def state(self, path):
        return self.control.get(path).json["status"]["state"]

    def until(self, what, seconds=30.0):
        """Seconds until what() is true."""
        start = time.monotonic()
        while not what():
            self.assertLess(time.monotonic() - start, seconds * SLOW, self.control.said())
            time.sleep(0.01)
        return time.monotonic() - start

    def names(self, kind):
        try:
            return {obj["name"] for obj in self.dataplane.list(kind)}
        except OSError:
            return set()

    def test_what_is_wanted_survives_kill_9_of_either_and_of_both(self):
        self.apply(sites() + [stretched(n) for n in range(50)])
        wanted = {f"s{n}" for n in range(50)}
        self.assertEqual(self.names("slice"), wanted)

        took = []
        for _ in range(3):  # one of them undisturbed by what else the machine does
            self.dataplane.kill()
            self.dataplane.start()
            took.append(self.until(lambda: self.names("slice") == wanted))
            if took[-1] < 2 * SLOW:
                break
        print(f"50 slices are back {min(took):.2f} s after the dataplane's start")
        self.assertLess(min(took), 2 * SLOW)

        hello = self.dataplane.call("hello")["instance"]
        self.control.kill()
        self.control.start()
        self.until(lambda: self.state("/v1/slices/s7") == "applied")
        self.assertEqual(self.dataplane.call("hello")["instance"], hello)
        self.assertEqual(self.names("slice"), wanted)

        self.control.kill()
        self.dataplane.kill()
        self.control.start()
        self.until(lambda: self.names("slice") == wanted)

    def test_kill_9_amid_an_apply_ends_with_all_or_nothing_of_it(self):
        self.apply(sites())
        for turn in range(5):
            with contextlib.closing(self.control.connection()) as conn:
                conn.request("POST", "/v1/apply", json.dumps({"documents": [
                    stretched(100 * turn + n) for n in range(100)]}), {"Content-Type": "application/json"})
                time.sleep(0.01 * turn)
                self.control.kill()
            self.control.start()
            stored = {item["name"] for item in self.control.all("/v1/slices")}
            self.assertEqual(len(stored) % 100, 0)
            self.until(lambda: self.names("slice") == stored)

    def test_drift_is_put_right_and_a_hung_one_gets_it_later(self):
        self.apply(sites() + [stretched(1)])
        self.dataplane.call("put", type="slice", objects=[{"name": "by-hand", "vni": 7}])
        self.dataplane.call("sync", source="intent", mode="merge", groups=[{"owner": "slice s1"}])
        self.control.kill()
        self.control.start()  # its first comparison
        self.until(lambda: self.names("slice") == {"s1"} and self.names("attachment") == {"s1:lan0.2"})

        self.dataplane.process.send_signal(signal.SIGSTOP)
        answer = self.control.apply([stretched(2)])
        self.assertEqual(answer.status, 200, answer)
        time.sleep(0.3)
        self.assertEqual(self.state("/v1/slices/s2"), "pending")
        self.dataplane.process.send_signal(signal.SIGCONT)
        self.until(lambda: self.state("/v1/slices/s2") == "applied")
        self.assertEqual(self.names("slice"), {"s1", "s2"})

    def test_old_and_new_forms_in_each_others_way_are_replaced(self):
        self.apply(sites() + [stretched(1, vni=100), stretched(2, vni=200)])
        self.apply([stretched(1, vni=200), stretched(2, vni=100)])
        self.assertEqual({obj["name"]: obj["vni"] for obj in self.dataplane.list("slice")}, {"s1": 200, "s2": 100})
        # another device under a port that is in use
        documents = sites()
        documents[0]["ports"][0]["device"] = null(5)
        self.apply(documents)
        self.assertEqual(self.state("/v1/sites/gj"), "applied")
        self.assertEqual({obj["name"]: obj["device"] for obj in self.dataplane.list("port")}["lan0"], null(5))
        self.assertEqual(self.names("attachment"), {"s1:lan0.2", "s2:lan0.3"})

    def test_an_l3_slice_goes_over_to_other_tunnels(self):
        lg = wan("gj-lg", "gj", device=null(2), tap=False, mtu=1600, addresses=["198.18.1.1/24"])
        self.apply(sites() + [lg])
        for encap, name in (("geneve", "gj-kt"), ("vxlan", "gj-kt"), ("vxlan", "gj-lg"), ("geneve", "gj-kt")):
            answer = self.apply([{**slice_("s1"), "service": "l3", "encap": encap, "endpoints": [
                {"site": "gj", "port": "lan0", "vlan": 10, "wan": name, "gateway": "198.19.1.1/24"},
                {"site": "bs", "port": "lan0", "vlan": 10, "gateway": "198.19.2.1/24"}]}])
            self.assertEqual(answer["refused"], [])
            tunnel = f"{name}:bs-kt" + (":g" if encap == "geneve" else "")
            self.assertEqual([one["tunnel"] for one in self.dataplane.list("member")], [tunnel])
            self.assertEqual(self.names("tunnel"), {tunnel})

    def test_one_that_the_dataplane_refuses_is_told_and_the_others_are_in(self):
        bad = [site("gj", {"name": "lan0", "device": null(0)}, {"name": "bad", "device": "net_af_packet9,iface=nonesuch"})]
        self.apply(sites() + [stretched(1)])
        self.assertEqual(self.control.apply(bad + [stretched(2)], "?wait=30&check=false").status, 200)
        status = self.control.get("/v1/sites/gj").json["status"]
        self.assertEqual(status["state"], "refused")
        self.assertEqual(status["reason"].count("port bad"), 1, status)  # the dataplane's text names it, too
        self.assertEqual(self.names("slice"), {"s1", "s2"})
        self.assertEqual(self.names("port"), {"lan0", "gj-kt"})

    def test_a_thousand_slices_from_nothing_and_one_more(self):
        documents = [stretched(n) for n in range(1000)]
        for _ in range(3):  # once undisturbed by what else the machine does
            self.apply(sites(), prune="all")
            start = time.monotonic()
            self.apply(documents)
            took = time.monotonic() - start
            if took < 5 * SLOW:
                break
        self.assertEqual(len(self.names("slice")), 1000)
        self.assertEqual(len(self.dataplane.list("member")), 3000)
        self.assertEqual({item["status"]["state"] for item in self.control.all("/v1/slices")}, {"applied"})
        ones = []
        for n in range(1000, 1010):
            start = time.monotonic()
            self.apply([stretched(n)])
            ones.append(time.monotonic() - start)
        print(f"1,000 slices with 4 sites: {took:.2f} s; one more: {sorted(ones)[5] * 1000:.1f} ms, "
              f"at most {max(ones) * 1000:.1f} ms")
        self.assertLess(took, 5 * SLOW)


if __name__ == "__main__":
    unittest.main()
