#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""`sluice TYPE …`: what is sent to sluice-control for the words of a line, and how its answers and refusals are told,
against a scripted server."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_control import ControlTest, Raw, problem  # noqa: E402

META = {"created_us": 0, "revision": 7, "updated_by": "root", "updated_us": 0}


def shown(state="applied", **fields):
    return {**fields, "kind": "slice", "meta": META, "status": {"state": state, "since_us": 1}}


class Create(ControlTest):
    def body(self, *words, noun="slice", path="slices"):
        self.routes[f"POST /v1/{path}"] = lambda asked: Raw(json.dumps(shown(**asked.body)).encode(), 201)
        self.out(noun, "create", *words)
        return self.asked().body

    def test_values_become_the_types_of_their_fields(self):
        self.assertEqual(self.body("air", "tenant=123", "vni=77", "service=l3", "description=a=b"),
                         {"name": "air", "tenant": "123", "vni": 77, "service": "l3", "description": "a=b"})

    def test_rates_take_suffixes(self):
        for text, number in (("100M", 100_000_000), ("1.5G", 1_500_000_000), ("0.1k", 100), ("7", 7), ("2T", 2 * 10**12),
                             ("64K", 64000)):
            self.assertEqual(self.body("a", "bandwidth.committed_bps=" + text)["bandwidth"], {"committed_bps": number})

    def test_rates_that_are_no_whole_numbers_are_refused_before_anything_is_sent(self):
        for text in ("1.5", "M", "1MM", "1.", "x", "1..5G", "99999999999999999999", ""):
            err = self.err("slice", "create", "a", "bandwidth.committed_bps=" + text, status=2)
            self.assertIn("bandwidth.committed_bps", err)
        self.assertEqual(self.control.asked, [])

    def test_items_of_lists_are_given_one_by_one(self):
        self.assertEqual(self.body("a", "endpoint=site=gj,port=lan0,vlan=10,gateway=10.1.0.1/24", "endpoint=bu@lan1")["endpoints"],
                         [{"site": "gj", "port": "lan0", "vlan": 10, "gateway": "10.1.0.1/24"}, {"site": "bu", "port": "lan1"}])

    def test_lists_within_lists(self):
        self.assertEqual(self.body("a", "endpoint=site=gj,port=p,route=10.9.0.0/16@10.1.0.9,route=10.8.0.0/16@10.1.0.9")["endpoints"],
                         [{"site": "gj", "port": "p", "routes": [{"prefix": "10.9.0.0/16", "via": "10.1.0.9"},
                                                                {"prefix": "10.8.0.0/16", "via": "10.1.0.9"}]}])

    def test_commas_of_devices_stay_in_them(self):
        self.assertEqual(self.body("gj", "port=name=lan0,device=net_af_packet0,iface=lan0,qpairs=1,mtu=9000", noun="site", path="sites"),
                         {"name": "gj", "ports": [{"name": "lan0", "device": "net_af_packet0,iface=lan0,qpairs=1", "mtu": 9000}]})

    def test_a_field_comes_before_a_list_of_almost_its_name(self):
        self.assertEqual(self.body("h", "site=gj", "port=lan0", "mac=02:00:00:00:00:01", "address=10.0.0.1", noun="host", path="hosts"),
                         {"name": "h", "site": "gj", "port": "lan0", "mac": "02:00:00:00:00:01", "address": "10.0.0.1"})

    def test_lists_of_plain_values(self):
        self.assertEqual(self.body("v", "hosts=a,b", "host=c", noun="network", path="virtual-dedicated-networks")["hosts"],
                         ["a", "b", "c"])
        self.assertEqual(self.body("w", "site=gj", "address=198.18.0.1/24", "tap=no", noun="wan", path="wans"),
                         {"name": "w", "site": "gj", "addresses": ["198.18.0.1/24"], "tap": False})

    def test_json_goes_everywhere(self):
        self.assertEqual(self.body("a", 'endpoints=[{"site":"gj","port":"p"}]', 'bandwidth={"peak_bps":5}'),
                         {"name": "a", "endpoints": [{"site": "gj", "port": "p"}], "bandwidth": {"peak_bps": 5}})

    def test_a_type_may_be_called_by_kind_and_by_path(self):
        self.assertEqual(self.body("v", noun="virtual-dedicated-network", path="virtual-dedicated-networks"), {"name": "v"})
        self.assertEqual(self.body("v", noun="local-data-networks", path="local-data-networks"), {"name": "v"})

    def test_words_that_cannot_be_sent(self):
        for words, says in ((["vni=5"], "the name of the slice comes first"), ([], "name the slice"),
                            (["a", "colour=red"], 'slice has no field "colour"; its fields are name, tenant'),
                            (["a", "bandwidth.fast=1"], 'bandwidth has no field "fast"'),
                            (["a", "bandwidth=fast"], 'bandwidth cannot be "fast"'),
                            (["a", "vni=ten"], "want  1 to 16777215"), (["a", "vni=1", "vni=2"], "vni is given twice"),
                            (["a", "endpoint=gj"], "site=…,port=…"), (["a", "loose"], '"loose" is not field=value'),
                            (["a", "vni.x=1"], 'slice has no field "vni.x"'), (["a", "endpoint=site=gj,speed=9"], "cannot be"),
                            (["a", "--colour"], "there is no option --colour"), (["a", "--wait", "x"], "--wait wants an integer"),
                            (["a", "--wait", "1", "--no-wait"], "not both"), (["a", "b\xff=1"], "has no field")):
            err = self.err("slice", "create", *words, status=2)
            self.assertIn(says, err)
            self.assertIn("usage: sluice slice create NAME", err)
        self.assertEqual(self.control.asked, [])

    def test_it_waits_for_the_dataplane_unless_told_not_to(self):
        self.body("a")
        self.assertEqual(self.asked().query, "wait=5")
        self.body("a", "--wait", "60")
        self.assertEqual(self.asked().query, "wait=60")
        self.body("a", "--no-wait")
        self.assertEqual(self.asked().query, "wait=0")

    def test_what_was_chosen_is_told(self):
        self.routes["POST /v1/slices"] = Raw(json.dumps(shown(name="air", vni=5000, endpoints=[
            {"site": "gj", "port": "p", "wan": "gj-kt"}])).encode(), 201)
        self.assertEqual(self.out("slice", "create", "air", "endpoint=gj@p"),
                         "slice air created, applied\n  vni 5000\n  endpoint gj:p uses gj-kt\n")

    def test_what_the_dataplane_refused_fails(self):
        self.routes["POST /v1/slices"] = Raw(json.dumps({**shown("refused"), "status": {
            "state": "refused", "reason": "there is no room"}}).encode(), 201)
        out, err = self.run_cli("slice", "create", "air", status=1)
        self.assertEqual(out, "slice air created\n")
        self.assertIn("the dataplane refused slice air: there is no room", err)
        self.run_cli("slice", "create", "air", "--json", status=1)

    def test_what_is_pending_fails_only_when_waiting_was_asked_for(self):
        self.routes["POST /v1/slices"] = Raw(json.dumps(shown("pending")).encode(), 201)
        self.assertIn("not applied yet", self.run_cli("slice", "create", "air")[1])
        self.assertIn("not applied yet", self.run_cli("slice", "create", "air", "--wait", "2", status=1)[1])
        self.assertEqual(self.run_cli("slice", "create", "air", "--no-wait"), ("slice air created\n", ""))

    def test_dry_run_shows_the_difference(self):
        self.routes["POST /v1/slices"] = {"dry_run": True, "changes": [
            {"kind": "slice", "name": "air", "effect": "created", "before": None, "after": {"vni": 5, "name": "air"}}]}
        self.assertEqual(self.out("slice", "create", "air", "-n"),
                         "--- slice air (not there)\n+++ slice air (wanted)\n@@ -0,0 +1,2 @@\n+name: air\n+vni: 5\n")
        self.assertEqual(self.asked().query, "dry_run=1")

    def test_dry_run_says_when_the_dataplane_was_not_asked(self):
        self.routes["POST /v1/slices"] = {"dry_run": True, "changes": [], "refused": [],
                                          "dataplane": {"site": "gj", "asked": False, "why": "the dataplane is not connected"}}
        self.assertEqual(self.run_cli("slice", "create", "air", "-n")[1],
                         "the dataplane was not asked what it would refuse: the dataplane is not connected\n")

    def test_what_would_be_refused_is_told_and_may_be_kept(self):
        refused = [{"kind": "slice", "name": "air", "reason": "full"}]
        self.routes["POST /v1/slices"] = {"dry_run": True, "changes": [], "refused": refused}
        self.assertEqual(self.run_cli("slice", "create", "air", "-n", status=1)[1], "error: the dataplane would refuse slice air: full\n")
        self.routes["POST /v1/slices"] = problem(409, "the dataplane would refuse slice air: full", refused=refused)
        self.assertEqual(self.err("slice", "create", "air", status=1),
                         "error: the dataplane would refuse slice air: full\n  nothing was changed; with --no-check it is kept "
                         "all the same, and tried again when what it needs changes\n")
        self.routes["POST /v1/slices"] = Raw(json.dumps(shown()).encode(), 201)
        self.out("slice", "create", "air", "--no-check")
        self.assertEqual(self.asked().query, "wait=5&check=false")


class Set(ControlTest):
    def setUp(self):
        super().setUp()
        self.routes["PATCH /v1/slices/air"] = shown()

    def test_empty_values_take_fields_away(self):
        self.assertEqual(self.out("slice", "set", "air", "bandwidth=", "tenant=kr", "mtu="), "slice air set, applied\n")
        self.assertEqual(self.asked().body, {"bandwidth": None, "tenant": "kr", "mtu": None})
        self.assertEqual(self.asked().headers["Content-Type"], "application/merge-patch+json")

    def test_a_field_within_another_alone(self):
        self.out("slice", "set", "air", "bandwidth.committed_bps=2M", "bandwidth.peak_bps=")
        self.assertEqual(self.asked().body, {"bandwidth": {"committed_bps": 2000000, "peak_bps": None}})

    def test_only_with_this_revision(self):
        self.out("slice", "set", "air", "mtu=1400", "--revision", "7")
        self.assertEqual(self.asked().headers["If-Match"], '"7"')
        self.routes["PATCH /v1/slices/air"] = problem(412, "it has revision 8")
        err = self.err("slice", "set", "air", "mtu=1400", "-r", "7", status=1)
        self.assertEqual(err, "error: it has revision 8\n  somebody changed it in the meantime: look again, then give its revision\n")

    def test_nothing_to_set(self):
        self.assertIn("say what to set", self.err("slice", "set", "air", status=2))

    def test_names_are_escaped(self):
        self.routes["PATCH /v1/slices/a%2F..%3Fb%20%C3%A9"] = shown()
        self.out("slice", "set", "a/..?b é", "mtu=1400")


class Delete(ControlTest):
    def test_one_after_the_other_until_one_stays(self):
        self.routes["DELETE /v1/sites/a"] = Raw(b"", 204)
        self.routes["DELETE /v1/sites/b"] = problem(409, "site b is still in use by wan w", by="wan w")
        out, err = self.run_cli("site", "delete", "a", "b", "c", status=1)
        self.assertEqual(out, "site a deleted\n")
        self.assertEqual(err, "error: site b is still in use by wan w\n  by    wan w\n")
        self.assertEqual(len(self.control.asked), 2)

    def test_an_empty_name_is_not_the_collection(self):
        self.assertIn("a name is empty", self.err("site", "delete", "", status=2))
        self.assertIn("give the name", self.err("site", "show", "", status=2))
        self.assertEqual(self.control.asked, [])


class Show(ControlTest):
    def test_all_pages_are_listed(self):
        def page(asked):
            if "after=" not in asked.query:
                return {"items": [shown(name="a b", vni=1)], "next": "a b"}
            return {"items": [shown("refused", name="c", vni=2, bandwidth={"committed_bps": 10**8, "peak_bps": 2 * 10**8},
                                    endpoints=[{"site": "gj", "port": "p", "vlan": 3}, {"site": "bu", "port": "q"}])]}
        self.routes["GET /v1/slices"] = page
        out = self.out("slice", "list", "tenant=k&r", "state=refused")
        self.assertIn("100 M/200 M", out)
        self.assertIn("gj:p.3 bu:q", out)
        self.assertEqual(self.asked().query, "limit=1000&tenant=k%26r&state=refused&after=a%20b")

    def test_other_fields_are_matched_here(self):
        self.routes["GET /v1/slices"] = {"items": [shown(name="a", mtu=1400), shown(name="b", bandwidth={"peak_bps": 5}),
                                                   shown(name="c", mtu=1500)]}
        self.assertEqual(json.loads(self.out("slice", "list", "mtu=1400", "--json"))["items"], [shown(name="a", mtu=1400)])
        self.assertEqual(len(json.loads(self.out("slice", "list", "mtu=", "--json"))["items"]), 1)
        self.assertEqual(len(json.loads(self.out("slice", "list", "bandwidth.peak_bps=5", "--json"))["items"]), 1)
        self.assertEqual(len(json.loads(self.out("slice", "list", "-n", "2", "--json"))["items"]), 2)
        self.assertEqual(self.run_cli("slice", "list", "vni=9"), ("", "no slice matches\n"))

    def test_show_says_state_and_revision(self):
        self.routes["GET /v1/slices/air"] = shown(name="air", endpoints=[{"site": "gj", "port": "p"}, {"site": "bu", "port": "q"}])
        rows = self.table(self.out("slice", "show", "air"))
        self.assertEqual(rows[:3], [["name", "air"], ["endpoints", "site=gj", "port=p"], ["site=bu", "port=q"]])
        self.assertIn(["state", "applied"], rows)
        self.assertIn(["revision", "7"], rows)

    def test_history(self):
        self.routes["GET /v1/slices/air/history"] = {"items": [
            {"id": 2, "revision": 9, "at_us": 1000000, "actor": "root", "kind": "slice", "name": "air",
             "before": {"name": "air", "vni": 1}, "after": {"name": "air", "vni": 2}},
            {"id": 1, "revision": 8, "at_us": 0, "actor": "kr", "kind": "slice", "name": "air", "before": None,
             "after": {"name": "air", "vni": 1}}]}
        self.assertEqual(self.table(self.out("slice", "history", "air"))[1:],
                         [["9", "1970-01-01", "00:00:01.000", "root", "changed", "slice", "air"],
                          ["8", "-", "kr", "created", "slice", "air"]])
        self.assertIn("@@ -1,2 +1,2 @@\n name: air\n-vni: 1\n+vni: 2\n", self.out("slice", "history", "air", "-d"))
        self.assertEqual(self.asked().query, "limit=20")


class Refusals(ControlTest):
    def test_a_problem_is_told_field_by_field(self):
        self.routes["POST /v1/slices"] = problem(422, "vni: want integer 1 to 16777215, got 0", field="vni",
                                                 want="integer 1 to 16777215", got="0")
        self.assertEqual(self.err("slice", "create", "a", "vni=0", status=1),
                         "error: vni: want integer 1 to 16777215, got 0\n  field vni\n  want  integer 1 to 16777215\n  got   0\n")

    def test_json_on_stdout_for_programs(self):
        self.routes["POST /v1/slices"] = problem(409, "it is there", **{"with": "slice a"})
        out, err = self.run_cli("--json", "slice", "create", "a", status=1)
        self.assertEqual(json.loads(out)["with"], "slice a")
        self.assertIn("error: it is there\n  with  slice a\n", err)

    def test_what_to_do_about_some(self):
        for status, says in ((401, "give a token: --token-file"), (403, "your role"), (413, "split it"), (429, "wait a second")):
            self.routes["GET /v1/status"] = problem(status, "no")
            self.assertIn(says, self.err("status", status=1))
        for detail in ("the grant of tenant kr has 3 slices, and this makes it 4", "tenant kr has no grant: operators give one"):
            self.routes["GET /v1/status"] = problem(403, detail)
            err = self.err("status", status=1)
            self.assertIn("operators may grant more: sluice tenant", err)
            self.assertNotIn("your role", err)

    def test_answers_that_make_no_sense(self):
        for answer, says in ((Raw(b"<html>", 500, "text/html"), "answered 500 and did not say why"),
                             (Raw(b"<html>", 200, "text/html"), "it sent no JSON"), (Raw(b"", 200), "it sent no JSON"),
                             ("hang up", "cannot reach the control plane"), (Raw(b'{"a":', 200, cut=True), "cannot reach")):
            self.routes["GET /v1/status"] = answer
            err = self.err("status", status=1)
            self.assertIn(says, err)
        for answer in ([], "text", {"items": 5}, {"items": [5, None, []]}, {"items": [{"name": 5, "status": 7, "bandwidth": []}]}):
            self.routes["GET /v1/slices"] = answer
            self.run_cli("slice", "list")

    def test_nobody_there(self):
        err = self.err("status", status=1, env={"SLUICE_CONTROL": "/nowhere/control.sock"})
        self.assertEqual(err.splitlines()[0], "error: cannot reach the control plane at /nowhere/control.sock: No such file or directory")
        self.assertIn("sluice-control --socket /nowhere/control.sock", err)

    def test_a_host_and_port_is_no_path(self):
        err = self.err("--control", "gwangju:8443", "status", status=1)
        self.assertIn("over TCP it is https://gwangju:8443", err)
        self.assertNotIn("start it", err)

    def test_targets_that_make_no_sense(self):
        self.assertIn("https://HOST:PORT", self.err("--control", "http://127.0.0.1:80", "status", status=1))
        self.assertIn("cannot read the token in /nowhere", self.err("--token-file", "/nowhere", "status", status=1))
        self.assertIn("holds no token", self.err("--token-file", self.file("t", "two\nlines\n"), "status", status=1))
        self.assertIn("needs a file that holds a token", self.err("status", "--token-file", status=2))

    def test_the_token_goes_along(self):
        self.routes["GET /v1/status"] = {}
        self.out("status", "--token-file", self.file("t", "slt_abc\n"))
        self.assertEqual(self.asked().headers["Authorization"], "Bearer slt_abc")


class Help(ControlTest):
    def test_every_command_has_a_page(self):
        for noun in ("site", "wan", "slice", "host", "network", "local-network", "session"):
            self.assertIn("FIELD", self.out(noun, "--help"))
            for command in ("create", "set", "list", "show", "delete", "history"):
                self.assertIn(f"usage: sluice {noun} {command} ", self.out(noun, command, "--help"))
        for command in ("apply", "diff", "get", "status", "topology", "top", "events", "history", "audit", "token create",
                        "token list", "token delete"):
            self.assertIn(f"usage: sluice {command} ", self.out(*command.split(), "--help"))

    def test_fields_come_from_the_tables(self):
        page = self.out("slice", "create", "--help")
        self.assertIn("bandwidth", page)
        self.assertIn("where it comes out", page)
        self.assertIn("each of endpoints", page)
        self.assertIn("kind: virtual-dedicated-network", self.out("network", "--help"))

    def test_help_may_come_first(self):
        for words in ((), ("slice",), ("slice", "create"), ("apply",), ("dp",), ("dp", "put", "port")):
            self.assertEqual(self.out("help", *words), self.out(*words, "--help"))
        self.assertIn('there is no "bogus" here', self.err("help", "bogus", status=2))

    def test_what_is_not_there(self):
        self.assertIn("there are site, wan, slice", self.err("history", "bogus", status=2))
        self.assertIn('there is no "bogus" here', self.err("bogus", status=2))
        self.assertIn('slice has no command "bogus"', self.err("slice", "bogus", status=2))
        self.assertIn("usage: sluice", self.err("slice", status=2))


if __name__ == "__main__":
    unittest.main()
