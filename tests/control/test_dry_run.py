#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: both
"""Dry runs, and changes that the dataplane would refuse, with a real dataplane: what it would say is told beforehand, to
each what it may hear, and nothing of it stays anywhere."""
import json
import os
import signal
import socket
import unittest

import api
from api import KR, slice_

TYPES = ("port", "address", "neighbor", "route", "slice", "attachment", "tunnel", "member", "mac", "meter", "gtpu", "session")


def wan(device, name="gj-lg", **fields):
    return api.wan(name, "gj", mtu=1600, device=device, tap=False, addresses=["198.18.5.1/24"], **fields)


def router(name, tenant, vlan):
    return {"kind": "slice", "name": name, "tenant": tenant, "service": "l3", "endpoints": [
        {"site": "gj", "port": "p1", "vlan": vlan, "gateway": f"198.19.{vlan}.1/24"}]}


def session(name, teid, ue, tenant="kr"):
    return {"kind": "session", "name": name, "tenant": tenant, "site": "gj", "slice": "net-" + tenant, "ue": {"ipv4": ue},
            "pdrs": [{"id": 1, "precedence": 10, "source": "access", "gtpu": "n3", "teid": teid, "outer_header_removal": 0,
                      "far": 1}],
            "fars": [{"id": 1, "action": "forward", "destination": "core"}]}


class DryRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        api.own_network()
        cls.control = api.Control(dataplane=True, config={"keep": ["port hand*", "slice hand", "session hand",
                                                                   "session jp-secret"]}).start()
        cls.addClassCleanup(cls.control.close)
        answer = cls.control.apply([
            api.site("gj", {"name": "p1", "device": api.null(0)}, {"name": "n3", "device": api.null(1), "tap": False,
                                                                   "addresses": ["198.18.3.1/24"]},
                     gtpu=[{"name": "n3", "address": "198.18.3.1", "interface": "access"}]),
            api.site("bs", "p1"),
            api.wan("gj-kt", "gj", mtu=1600, device=api.null(2), tap=False, addresses=["198.18.0.1/24"]),
            api.wan("bs-kt", "bs", mtu=1600, addresses=["198.18.0.2/24"]),
            api.grant("kr", ports=["p1"], gtpu=[{"site": "gj", "gtpu": "n3", "first_teid": 1, "last_teid": 1000}]),
            api.grant("jp", ports=["p1"], gtpu=[{"site": "gj", "gtpu": "n3", "first_teid": 1001, "last_teid": 2000}]),
            router("net-kr", "kr", 100), router("net-jp", "jp", 101),
            router("jp-secret", "jp", 102),
            slice_("air", "gj/p1/10", "bs/p1/10"),
            session("ue1", 1001, "10.60.0.1", "jp")], "?wait=30")
        assert answer.status == 200 and answer.json["settled"] and not answer.json["refused"], (answer, cls.control.said())
        # the second look takes what is put by hand away: it is over before anything is
        cls.control.until(lambda: cls.control.get("/v1/status").json["reconciler"]["resyncs"] > 1)
        cls.control.dataplane.call("put", type="port", objects=[{"name": "hand", "device": api.null(9)}])
        cls.control.dataplane.call("put", type="slice", objects=[{"name": "hand", "vni": 999}])
        for name, teid in (("hand", 77), ("jp-secret", 78)):
            by_hand = session(name, teid, f"10.99.0.{teid}", "jp")
            cls.control.dataplane.call("put", type="session", objects=[
                {k: v for k, v in by_hand.items() if k not in ("kind", "tenant", "site")}])

    def everything(self):
        return json.dumps([[self.control.dataplane.list(t) for t in TYPES],
                           self.control.get("/v1/history").json,
                           [{**one, "status": one["status"]["state"]} for kind in ("sites", "wans", "slices", "sessions")
                            for one in self.control.all("/v1/" + kind)]])

    def dry(self, *documents, uid=0):
        """What would be refused: {name: reason}. Nothing changes."""
        before = self.everything()
        answer = self.control.apply(documents, "?dry_run=1", uid=uid)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json["dataplane"], {"site": "gj", "asked": True}, answer)
        self.assertEqual(before, self.everything())
        return {r["name"]: r["reason"] for r in answer.json["refused"]}

    def refused(self, words, document, uid=0):
        """By a dry run, by a change, which makes nothing; and in earnest in the same words."""
        path = {"wan": "/v1/wans/", "slice": "/v1/slices/", "session": "/v1/sessions/"}[document["kind"]] + document["name"]
        reasons = self.dry(document, uid=uid)
        self.assertEqual(list(reasons), [document["name"]])
        self.assertIn(words, reasons[document["name"]])
        before = self.everything()
        for answer in (self.control.put(path + "?wait=5", document, uid=uid), self.control.apply([document], uid=uid)):
            self.assertEqual(answer.status, 409, answer)
            self.assertIn(words, answer.json["detail"])
            self.assertEqual(answer.json["refused"],
                             [{"kind": document["kind"], "name": document["name"], "reason": reasons[document["name"]]}])
        self.assertEqual(before, self.everything())
        made = self.control.put(path + "?check=false&wait=20", document, uid=uid)
        self.addCleanup(self.control.delete, path + "?wait=20")
        self.assertEqual(made.status, 201, made)
        self.assertEqual(made.json["status"]["state"], "refused", made)
        self.assertEqual(made.json["status"]["reason"], reasons[document["name"]])

    def test_an_interface_that_is_not_there(self):
        self.refused("there is no interface nothere9 here", wan("net_af_packet5,iface=nothere9"))

    def test_a_device_that_is_not_allowed(self):
        self.refused("net_nonsense0 is none of the drivers that ports may name: net_af_packet", wan("net_nonsense0"))

    def test_a_name_that_an_object_put_by_hand_has(self):
        self.refused("port hand", wan(api.null(9)))
        self.refused("slice hand", slice_("bee", "gj/p1/30", vni=999))

    def test_a_session_whose_pdrs_are_refused(self):
        self.refused("TEID 77 is taken by session hand", session("ue2", 77, "10.60.0.2"))

    def test_a_tenant_hears_no_names_of_others(self):
        self.assertEqual(self.dry(session("ue2", 77, "10.60.0.2"), uid=KR),
                         {"ue2": "session ue2: pdrs[0].teid: TEID 77 is taken by session hand"})
        one = session("ue2", 78, "10.60.0.2")
        told = "something that is not tenant kr's is in its way: ask the operators"
        self.assertIn("jp-secret", self.dry(one)["ue2"])
        self.assertEqual(self.dry(one, uid=KR), {"ue2": told})
        answer = self.control.put("/v1/sessions/ue2", one, uid=KR)
        self.assertEqual(answer.status, 409, answer)
        self.assertNotIn("jp-secret", answer.text)
        self.assertEqual(answer.json["refused"], [{"kind": "session", "name": "ue2", "reason": told}])

    def test_a_box_that_is_full(self):
        """DPDK takes 32 devices."""
        there = len(self.control.dataplane.list("port"))
        self.control.dataplane.call("put", type="port", objects=[
            {"name": f"hand{n}", "device": api.null(20 + n), "mbufs": 1024, "queues": 1} for n in range(32 - there)])
        try:
            self.refused("this DPDK takes no more than 32 devices", wan(api.null(8)))
        finally:
            self.control.dataplane.call("delete", type="port", keys=[f"hand{n}" for n in range(32 - there)])

    def test_what_would_be_put_anew_is_not_refused(self):
        """Another device of a WAN, VNIs that change hands, a port that a slice leaves."""
        self.assertEqual(self.dry(api.wan("gj-kt", "gj", mtu=1600, device=api.null(6), tap=False,
                                          addresses=["198.18.0.1/24"])), {})
        self.assertEqual(self.control.put("/v1/wans/gj-kt?wait=20", api.wan(
            "gj-kt", "gj", mtu=1600, device=api.null(6), tap=False,
            addresses=["198.18.0.1/24"])).json["status"]["state"], "applied")
        made = self.control.apply([slice_("one", "gj/p1/41", vni=41), slice_("two", "gj/p1/42", vni=42)], "?wait=20")
        self.assertEqual(made.json["refused"], [], made)
        self.assertEqual(self.dry(slice_("one", "gj/p1/42", vni=42), slice_("two", "gj/p1/41", vni=41)), {})
        made = self.control.apply([slice_("one", "gj/p1/42", vni=42), slice_("two", "gj/p1/41", vni=41)], "?wait=20")
        self.assertEqual((made.status, made.json["refused"]), (200, []), made)
        gone = self.control.delete("/v1/slices/one?dry_run=1")
        self.assertEqual((gone.status, gone.json["refused"]), (200, []), gone)
        for name in ("one", "two"):
            self.assertEqual(self.control.delete(f"/v1/slices/{name}?wait=20").status, 204)

    def test_what_nobody_wants_gives_way(self):
        """As it would in earnest."""
        self.control.dataplane.call("put", type="port", objects=[{"name": "stray", "device": api.null(12)}])
        self.assertEqual(self.dry(wan(api.null(12))), {})

    def send(self, document):
        """A change by hand; the connection that waits for its answer."""
        conn = api.UnixConnection(self.control.socket)
        conn.connect()
        body = json.dumps(document).encode()
        conn.sock.sendall(b"PUT /v1/slices/%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" %
                          (document["name"].encode(), len(body), body))
        self.addCleanup(conn.sock.close)
        self.addCleanup(self.control.delete, "/v1/slices/" + document["name"])
        return conn.sock

    def test_a_change_is_made_whoever_sends_no_more(self):
        """The dataplane is asked while the client has shut its side, as "nc -N" does, or has left."""
        dataplane = self.control.dataplane.process.pid
        os.kill(dataplane, signal.SIGSTOP)
        try:
            shut = self.send(slice_("shut", "gj/p1/41"))
            shut.shutdown(socket.SHUT_WR)
            refused = self.send(slice_("refused", "gj/p1/42", vni=999))
            refused.shutdown(socket.SHUT_WR)
            self.send(slice_("left", "gj/p1/43")).close()
            self.control.get("/v1/sites")  # they have been read
        finally:
            os.kill(dataplane, signal.SIGCONT)
        self.assertIn(b" 201 ", shut.makefile("rb").readline())
        self.assertIn(b" 409 ", refused.makefile("rb").readline())
        self.assertEqual(self.control.get("/v1/slices/shut").status, 200)
        self.assertEqual(self.control.get("/v1/slices/refused").status, 404)
        self.control.until(lambda: self.control.get("/v1/slices/left").status == 200, 20)

    def test_several_at_once(self):
        reasons = self.dry(wan("net_nonsense0"), slice_("bee", "gj/p1/30", vni=999), slice_("cat", "gj/p1/31"))
        self.assertEqual(sorted(reasons), ["bee", "gj-lg"])
        answer = self.control.apply([wan("net_nonsense0"), slice_("bee", "gj/p1/30", vni=999)])
        self.assertEqual(answer.status, 409, answer)
        self.assertIn("; and 1 more (refused)", answer.json["detail"])
        self.assertEqual(len(answer.json["refused"]), 2, answer)

    def test_one_dataplane_that_is_away(self):
        with api.Control() as control:
            answer = control.apply([api.site("gj", {"name": "p1", "device": "net_nonsense0"})], "?dry_run=1")
            self.assertEqual(answer.json["dataplane"], {"site": "gj", "asked": False,
                                                        "why": "the dataplane is not connected"}, answer)
            self.assertEqual(answer.json["refused"], [])
            self.assertEqual(control.apply([api.site("gj", {"name": "p1", "device": "net_nonsense0"})]).status, 200)


if __name__ == "__main__":
    unittest.main()
