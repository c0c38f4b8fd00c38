#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""`sluice apply`, `diff`, `get`, `events`, `top`: documents in files, where their mistakes are said to be, and what comes
back, against a scripted server."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake import SLUICE  # noqa: E402
from fake_control import ControlTest, Raw, problem  # noqa: E402

DONE = {"revision": 3, "created": 1, "updated": 0, "unchanged": 0, "deleted": 0,
        "changes": [{"kind": "slice", "name": "air", "effect": "created"}], "settled": True, "refused": []}
TWO = """# a comment
kind: slice
name: air
bandwidth: {committed_bps: 100M}
---
kind: site
name: gj
ports:
  - name: lan0
    mtu: 9000
  - name: lan1
    mtu: 1
"""


class Documents(ControlTest):
    def documents(self, text, name="a.yaml"):
        self.routes["POST /v1/apply"] = DONE
        self.out("apply", "-f", self.file(name, text))
        return self.asked().body["documents"]

    def test_several_in_a_file(self):
        self.assertEqual(self.documents(TWO), [
            {"kind": "slice", "name": "air", "bandwidth": {"committed_bps": 100000000}},
            {"kind": "site", "name": "gj", "ports": [{"name": "lan0", "mtu": 9000}, {"name": "lan1", "mtu": 1}]}])

    def test_lists_and_what_list_prints(self):
        one = {"kind": "slice", "name": "air"}
        for text in (json.dumps([one]), json.dumps({"items": [one]}), json.dumps({"documents": [one]}), json.dumps(one),
                     "- kind: slice\n  name: air\n", "---\n---\nkind: slice\nname: air\n...\n---\n# nothing\n"):
            self.assertEqual(self.documents(text), [one], text)
            self.assertEqual(self.documents(text, "a.txt"), [one], text)

    def test_scalars_are_those_of_yaml_1_2(self):
        self.assertEqual(self.documents('kind: x\na: [1, -2, 0x1F, 1.5, 1e3, true, "true", ~, null, "5", yes, 02:00:00:00:00:01, 1.2.3.4]\n'
                                        'b: |\n  two\n  lines\nc: "\\u00e9\\t"\nd: \'it\'\'s\'\ne:\n'),
                         [{"kind": "x", "a": [1, -2, 31, 1.5, 1000.0, True, "true", None, None, "5", "yes", "02:00:00:00:00:01",
                                              "1.2.3.4"], "b": "two\nlines\n", "c": "é\t", "d": "it's", "e": None}])

    def test_json_keeps_its_escapes(self):
        self.assertEqual(self.documents('{"kind":"x","a":"\\ud83d\\ude00\\/"}', "a.json"), [{"kind": "x", "a": "\U0001f600/"}])

    def test_directories_and_standard_input(self):
        for name in ("d/2.yaml", "d/1.json", "d/3.yml"):
            self.file(name, f"{{\"kind\": \"site\", \"name\": \"{name[2]}\"}}")
        self.file("d/README.md", "no: [")
        self.file("d/.hidden.yaml", "no: [")
        self.routes["POST /v1/apply"] = DONE
        self.out("apply", os.path.join(self.control.dir, "d"), "-f", "-", stdin="kind: site\nname: 0\n")
        self.assertEqual([d["name"] for d in self.asked().body["documents"]], [0, "1", "2", "3"])

    def test_what_is_refused_in_files(self):
        bomb = "a: &a [x,x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)},*{chr(97 + i)}]\n" for i in range(20))
        for text, place, says in ((bomb, ":1:4", "anchors, aliases and tags are not taken"), ("kind: x\na: *b\n", ":2:4", "anchors"),
                                  ("kind: x\na: !!str 5\n", ":2:4", "tags"), ("&k kind: x\n", ":1:1", "anchors"),
                                  ("kind: x\nkind: y\n", ":2:1", "there already"), ("kind: x\n? [a]\n: b\n", ":2:3", "plain text"),
                                  ("kind: x\na: [1,\n", ":3:1", "flow"), ("kind: x\n\tb: 1\n", ":2:1", "tab character"),
                                  ("a: " + "[" * 40 + "]" * 40, ":1:", "nested too deep"), ("kind: \x01\n", ":1:", "control char"),
                                  ("just text\n", ":1: document 1", "want an intent"), ("- kind: x\n- 5\n", ":2: document 2", "got 5"),
                                  ("", "", "there is no document"), ("# nothing\n", "", "there is no document")):
            path = self.file("bad.yaml", text)
            err = self.err("apply", "-f", path, status=1)
            self.assertIn(path + place, err, text[:60])
            self.assertIn(says, err, text[:60])
        for text, says in (('{"kind": "x",}', ":1:"), ('{"a":1,"a":2}', "duplicate"), ("kind: x\n", "want JSON")):
            self.assertIn(says, self.err("apply", "-f", self.file("bad.json", text), status=1))
        self.assertIn("No such file", self.err("apply", "-f", "/nowhere.yaml", status=1))
        self.assertIn("no .yaml", self.err("apply", "-f", os.path.dirname(self.file("empty/x.txt", "")), status=1))
        self.assertIn("give a file", self.err("apply", status=2))
        self.assertEqual(self.control.asked, [])

    def test_bytes_that_are_no_text(self):
        path = self.file("bad.yaml", "")
        for raw in (b"kind: \xff\xfe\n", b"kind: a\x00b\n", b"\xef\xbb\xbf\xff"):
            with open(path, "wb") as file:
                file.write(raw)
            self.assertIn(path, self.err("apply", "-f", path, status=1))


class Apply(ControlTest):
    def test_what_changed_is_told(self):
        self.routes["POST /v1/apply"] = DONE
        self.assertEqual(self.out("apply", self.file("a.yaml", TWO)), "slice air created\n1 created, 0 updated, 0 unchanged, 0 deleted\n")
        self.assertEqual(self.asked().query, "wait=5")

    def test_a_mistake_is_where_it_stands(self):
        path = self.file("a.yaml", TWO)
        self.file("0.yaml", "kind: site\nname: w\n")
        self.routes["POST /v1/apply"] = problem(422, "documents[2].ports[1].mtu: want integer 68 to 9600, got 1",
                                                field="documents[2].ports[1].mtu", want="integer 68 to 9600", got="1")
        self.assertEqual(self.err("apply", "-f", os.path.join(self.control.dir, "0.yaml"), "-f", path, status=1),
                         f"error: {path}:12: document 2, site gj: ports[1].mtu: want integer 68 to 9600, got 1\n"
                         "  field ports[1].mtu\n  want  integer 68 to 9600\n  got   1\n")

    def test_a_mistake_in_a_list_and_in_json(self):
        self.routes["POST /v1/apply"] = problem(409, "the VNI is taken", field="documents[1].vni", **{"with": "slice a"})
        path = self.file("l.yaml", "- kind: slice\n  name: a\n- kind: slice\n  name: b\n  vni: 5\n")
        self.assertIn(f"{path}:5: document 2, slice b: the VNI is taken", self.err("apply", path, status=1))
        path = self.file("l.json", '[{"kind": "slice", "name": "a"},\n{"kind": "slice", "name": "b",\n\n"vni": 5}]')
        self.assertIn(f"{path}:4: document 2, slice b: the VNI is taken", self.err("apply", path, status=1))
        self.routes["POST /v1/apply"] = problem(422, "documents[0].name: missing", field="documents[0].name")
        self.assertIn(f"{path}:1: document 1, slice a: name: missing", self.err("apply", path, status=1))
        self.routes["POST /v1/apply"] = problem(422, "odd", field="documents[77].name")
        self.assertIn("error: odd\n  field documents[77].name", self.err("apply", path, status=1))

    def test_what_the_dataplane_refused_fails(self):
        self.routes["POST /v1/apply"] = {**DONE, "refused": [{"kind": "site", "name": "gj", "reason": "no such device"}]}
        path = self.file("a.yaml", TWO)
        out, err = self.run_cli("apply", path, status=1)
        self.assertIn("1 created", out)
        self.assertIn(f"error: {path}:6: document 2, site gj: the dataplane refused site gj: no such device", err)
        self.routes["POST /v1/apply"] = {**DONE, "settled": False}
        self.assertIn("not all of it is applied yet", self.run_cli("apply", path)[1])
        self.run_cli("apply", path, "-w", "1", status=1)
        self.run_cli("--json", "apply", path)
        self.run_cli("--json", "apply", path, "-w", "1", status=1)

    def test_prune(self):
        self.routes["POST /v1/apply"] = DONE
        path = self.file("a.yaml", TWO)
        for words, prune in (([], None), (["--prune"], True), (["--prune=all"], "all")):
            self.out("apply", path, *words)
            self.assertEqual(self.asked().body.get("prune"), prune)
        self.assertIn("--prune takes", self.err("apply", path, "--prune=some", status=2))

    def test_many_changes_are_not_all_listed(self):
        self.routes["POST /v1/apply"] = {**DONE, "changes": [{"kind": "slice", "name": str(i), "effect": "updated"} for i in range(1060)]}
        out = self.out("apply", self.file("a.yaml", TWO)).splitlines()
        self.assertEqual((len(out), out[50]), (52, "… and 1,010 more"))


class Diff(ControlTest):
    def diff(self, before, after, status=1):
        self.routes["POST /v1/apply"] = {"dry_run": True, "changes": [
            {"kind": "slice", "name": "air", "effect": "updated", "before": before, "after": after}]}
        return self.out("diff", "-f", self.file("a.yaml", TWO), status=status)

    def test_differences_leave_with_1(self):
        ends = [{"site": str(i), "port": "p"} for i in range(12)]
        out = self.diff({"name": "air", "vni": 1, "endpoints": ends}, {"endpoints": ends[:6] + ends[7:], "vni": 2, "name": "air"})
        self.assertEqual(out, f"--- slice air (now)\n+++ slice air ({self.control.dir}/a.yaml)\n@@ -1,5 +1,5 @@\n name: air\n-vni: 1\n+vni: 2\n"
                         " endpoints:\n - site: \"0\"\n   port: p\n@@ -12,8 +12,6 @@\n - site: \"4\"\n   port: p\n - site: \"5\"\n"
                         "-  port: p\n-- site: \"6\"\n   port: p\n - site: \"7\"\n   port: p\n")
        self.assertEqual(self.asked().query, "dry_run=1")

    def test_patch_takes_what_it_prints(self):
        before = {"name": "air", "a": list(range(30)), "b": [1, 2, 3], "c": 5}
        after = {"name": "air", "a": [x for x in range(30) if x not in (3, 17)] + [99], "b": [2, 3, 4], "d": "x"}
        out = self.diff(before, after)
        def text(json_):
            lines = []
            for key, value in json_.items():
                lines += [f"{key}: {value}"] if not isinstance(value, list) else [f"{key}:"] + [f"- {v}" for v in value]
            return "".join(line + "\n" for line in lines)
        path = self.file("target", text(before))
        subprocess.run(["patch", "-s", path], input=out, text=True, check=True)
        with open(path) as file:
            self.assertEqual(file.read(), text(after))

    def test_lines_are_counted_on_both_sides(self):
        ends = [{"site": str(i), "port": "p"} for i in range(6)]
        out = self.diff({"name": "air", "description": "d", "vni": 1, "endpoints": ends}, {"name": "air", "vni": 1, "endpoints": ends[:-1]})
        self.assertEqual([line for line in out.splitlines() if line.startswith("@@")], ["@@ -1,5 +1,4 @@", "@@ -11,6 +10,4 @@"])

    def test_created_and_deleted(self):
        self.assertIn("--- slice air (not there)", self.diff(None, {"name": "air"}))
        self.assertIn("+++ slice air (deleted)\n@@ -1,1 +0,0 @@\n-name: air\n", self.diff({"name": "air"}, None))

    def test_no_difference_leaves_with_0_and_errors_with_2(self):
        self.routes["POST /v1/apply"] = {"dry_run": True, "changes": []}
        path = self.file("a.yaml", TWO)
        self.assertEqual(self.run_cli("diff", "-f", path), ("", ""))
        self.routes["POST /v1/apply"] = problem(422, "no")
        self.err("diff", "-f", path, status=2)
        self.err("diff", "-f", "/nowhere", status=2)
        self.err("diff", "-f", path, status=2, env={"SLUICE_CONTROL": "/nowhere"})


class Get(ControlTest):
    WORLD = [{"kind": "slice", "name": "air", "description": "yes", "tenant": "12:30", "endpoints": [{"site": "gj", "port": "p"}],
              "bandwidth": {"committed_bps": 5, "peak_bps": 6}},
             {"kind": "slice", "name": "0x10", "description": "- a: b\n# c\t\"é\"", "extra": [], "tap": True}]

    def setUp(self):
        super().setUp()
        for path in ("sites", "wans", "hosts", "virtual-dedicated-networks", "local-data-networks", "sessions", "tenants"):
            self.routes[f"GET /v1/{path}"] = {"items": []}
        items = [{**one, "meta": {"revision": 1}, "status": {"state": "applied"}} for one in self.WORLD]
        self.routes["GET /v1/slices"] = {"items": items}
        self.routes["GET /v1/slices/air"] = items[0]
        self.routes["POST /v1/apply"] = DONE

    def test_what_it_prints_apply_takes(self):
        for words in ([], ["slice"], ["slices", "-o", "yaml"], ["-o", "json"], ["--json"]):
            out = self.out("get", *words)
            self.out("apply", "-f", "-", stdin=out)
            self.assertEqual(self.asked().body["documents"], self.WORLD, out)

    def test_one(self):
        out = self.out("get", "slice", "air")
        self.assertTrue(out.startswith('kind: slice\nname: air\ntenant: "12:30"\ndescription: "yes"\nbandwidth:\n  committed_bps: 5\n'), out)
        self.assertEqual(self.run_cli("get", "host"), ("", "there is nothing yet\n"))
        self.assertEqual(json.loads(self.out("get", "host", "-o", "json")), [])

    def test_words_that_make_no_sense(self):
        for words in (["bogus"], ["slice", "a", "b"], ["slice", ""], ["-o", "xml"]):
            self.err("get", *words, status=2)


def sse(*events):
    return "".join(f": beat\n\nid: {i}\nevent: {e['event']}\ndata: {json.dumps(e)}\n\n" for i, e in events).encode()


class Events(ControlTest):
    LINK = {"id": 1, "at": "2026-01-01T00:00:00Z", "level": "info", "event": "link.up", "port": "lan0"}
    BAD = {"id": 2, "at": "2026-01-01T00:00:01Z", "level": "warn", "event": "intent.refused", "reason": "a b"}

    def test_the_kept_ones(self):
        self.routes["GET /v1/events"] = Raw(sse(("x", {"event": "gap"}), ("1", self.LINK), ("2", self.BAD)), 200, "text/event-stream", cut=True)
        # the scripted server cuts the stream: what had come is told all the same
        out, err = self.run_cli("events", status=1)
        self.assertEqual(out, "2026-01-01T00:00:00Z  link.up  port=lan0\n2026-01-01T00:00:01Z  warn intent.refused  reason=a b\n")
        self.assertIn("cannot reach", err)
        self.assertEqual(self.asked().headers["Last-Event-ID"], "0-0")

    def test_followed_over_a_cut_from_where_it_was(self):
        def stream(asked):
            last = asked.headers["Last-Event-ID"]
            return Raw(sse(("7-1", self.LINK)) if last is None else sse(("7-2", self.BAD)), 200, "text/event-stream", cut=last is None)
        self.routes["GET /v1/events"] = stream
        out, err = self.run_cli("events", "-f", "-n", "2", "--event", "link", "-e", "in tent")
        self.assertEqual(out.count("\n"), 2)
        self.assertIn("trying again", err)
        self.assertEqual((self.asked().headers["Last-Event-ID"], self.asked().query), ("7-1", "event=link,in%20tent"))

    def test_lines_may_end_with_cr_lf(self):
        def stream(asked):
            last = asked.headers["Last-Event-ID"]
            text = sse(("7-1", self.LINK)) if last is None else sse(("7-2", self.BAD))
            return Raw(text.replace(b"\n", b"\r\n"), 200, "text/event-stream", cut=last is None)
        self.routes["GET /v1/events"] = stream
        self.assertEqual(self.run_cli("events", "-f", "-n", "2")[0].count("\n"), 2)
        self.assertEqual(self.asked().headers["Last-Event-ID"], "7-1")

    def test_lines_in_pieces_and_of_several_data(self):
        self.routes["GET /v1/events"] = Raw(b"\xef\xbb\xbfevent: x\r\nid\r\nfoo: bar\r\n\r\ndata: {\"event\":\r\ndata:\"two\"}\r\n\r\n"
                                            b"data: not json\n\ndata: {\"event\":\"three\"}\n\n", 200, "text/event-stream")
        self.assertEqual(json.loads(self.out("events", "-f", "-n", "1", "--json")), {"event": "two"})
        self.assertEqual(self.out("events", "-f", "-n", "2"), "two\nthree\n")

    def test_refused(self):
        self.routes["GET /v1/events"] = problem(400, "too many filters")
        self.assertEqual(self.err("events", "-f", status=1), "error: too many filters\n")
        self.assertIn("--event link", self.err("events", "link", status=2))

    def test_an_event_without_an_end_is_not_kept(self):
        self.routes["GET /v1/events"] = Raw(b"data: " + b"x" * (5 << 20), 200, "text/event-stream")
        self.assertIn("an event is larger than 4 MiB", self.err("events", status=1))


class Look(ControlTest):
    def test_top_the_busiest_first(self):
        def object_(bytes_, packets):
            return {"in_bytes": {"total": 1, "rate": bytes_}, "in_packets": {"total": 1, "rate": packets}}
        self.routes["GET /v1/counters"] = {"dataplane": "up", "counters": {"slice": {"a": object_(1, 2), "b": object_(125000, 3), "c": object_(0, 0)}}}
        rows = self.table(self.out("top"))
        self.assertEqual([row[0] for row in rows[1:]], ["b", "a", "c"])
        self.assertEqual(rows[1][1:4], ["1.00", "M", "3"])
        self.assertIn("and 2 more", self.out("top", "slices", "-n", "1"))
        self.assertEqual(len(self.out("top", "-c", "2", "-w", "0.1", "--json").splitlines()), 2)
        self.assertIn("no port", self.out("top", "ports"))
        self.assertEqual(self.asked().query, "type=port&limit=10000")
        self.err("top", "bogus", status=2)

    def test_status_and_topology_of_an_empty_answer(self):
        self.routes["GET /v1/status"] = {}
        self.assertIn("NOT as wanted", self.out("status"))
        self.routes["GET /v1/topology"] = {"nodes": [5, {"kind": "wan"}], "edges": [None, {"kind": "endpoint"}]}
        self.assertIn("WANs", self.out("topology"))

    def test_unknown_words_take_a_line(self):
        for words, says in ((["stauts"], 'did you mean "status"?'), (["slcie", "list"], 'did you mean "slice"?'),
                            (["list", "wans"], "sluice wan list"), (["slice", "crate"], 'did you mean "create"?'),
                            (["frobnicate"], 'there is no "frobnicate" here: sluice --help'), (["dp", "puts"], 'did you mean "put"?')):
            err = self.err(*words, status=2)
            self.assertIn(says, err)
            self.assertEqual(err.count("\n"), 1, err)

    def test_all_faults_of_a_file_are_told_at_once(self):
        self.routes["POST /v1/apply"] = problem(422, "documents[0].vni: want integer", field="documents[0].vni", want="integer", got="x")
        path = self.file("bad.yaml", "kind: slice\nname: a\nvni: x\n---\nkind: slice\nname: b\nbandwidth: {committed_bps: 100Mbps}\n"
                                     "---\nkind: slcie\nname: c\n---\nkind: slice\nname: d\n---\nname: e\n---\nkind: 5\n")
        err = self.err("apply", "-f", path, status=1)
        self.assertIn(":3: document 1, slice a", err)
        self.assertRegex(err, r":7: document 2, slice b: .*also 100M.*got \"100Mbps\"")
        self.assertIn("document 3, slcie c: there is no such kind: want site, wan", err)
        self.assertRegex(err, "document 5, e: its kind is missing: want site, .* or tenant\n")
        self.assertRegex(err, "document 6: its kind is missing")
        self.assertNotIn("document 4", err)

    def test_byte_order_mark_and_tab(self):
        self.routes["POST /v1/apply"] = {"revision": 1, "created": 1, "updated": 0, "unchanged": 0, "deleted": 0, "changes": []}
        for name, text in (("bom.yaml", "\ufeffkind: slice\nname: a\n"), ("bom.json", "\ufeff" + '{"kind": "slice", "name": "a"}')):
            self.out("apply", "-f", self.file(name, text))
            self.assertEqual(self.asked().body["documents"], [{"kind": "slice", "name": "a"}])
        self.assertIn("spaces", self.err("apply", "-f", self.file("tab.yaml", "kind: slice\nname: a\nbandwidth:\n\tcommitted_bps: 5\n"), status=1))

    def test_status_begins_with_health(self):
        self.routes["GET /v1/status"] = {"dataplane": {"state": "down"}, "reconciler": {"synced": True, "desired": 27, "actual": 28},
                                         "store": {"revision": 3}}
        self.assertNotIn("well", self.out("status"))  # a control of before
        self.routes["GET /v1/health"] = {"health": "dataplane_down", "well": False, "text": "the dataplane is down"}
        out = self.out("status")
        self.assertTrue(out.startswith("NOT WELL: the dataplane is down\n"), out)
        self.assertIn("27 wanted; what is there is not known", out)
        self.routes["GET /v1/health"] = {"health": "well", "well": True, "text": ""}
        self.assertTrue(self.out("status").startswith("well\n"))

    def test_check_does_not_wait_for_a_control_that_hangs(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as silent:
            path = os.path.join(folder, "hangs.sock")
            silent.bind(path)
            silent.listen()
            begun = time.monotonic()
            self.err("status", "--check", status=4, env={"SLUICE_CONTROL": path})
            self.assertLess(time.monotonic() - begun, 15)  # not 30; the machine may be busy

    def test_check_waits_for_a_control_that_is_not_there_yet(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "later.sock")
            begun = time.monotonic()
            self.assertIn("start it:", self.err("status", "--check", "--wait", "2", status=4, env={"SLUICE_CONTROL": path}))
            self.assertGreater(time.monotonic() - begun, 0.9)

            def answer():
                time.sleep(1)
                with socket.socket(socket.AF_UNIX) as late:
                    late.bind(path)
                    late.listen()
                    while not done:
                        connection, _ = late.accept()
                        with connection:
                            connection.recv(4096)
                            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"well":true}')
                            done.append(True)
            done = []
            server = threading.Thread(target=answer)
            server.start()
            self.assertEqual(self.run_cli("status", "--check", "--wait", "20", env={"SLUICE_CONTROL": path}), ("well\n", ""))
            server.join()

    def test_check_leaves_with_what_it_found(self):
        self.routes["GET /v1/health"] = {"health": "well", "well": True, "text": ""}
        self.assertEqual(self.run_cli("status", "--check"), ("well\n", ""))
        ill = {"health": "no_link", "well": False, "text": "port lan has no link"}
        self.routes["GET /v1/health"] = ill
        self.assertEqual(self.run_cli("status", "--check", status=3), ("NOT WELL: port lan has no link\n", ""))
        self.assertEqual(json.loads(self.run_cli("status", "--check", "--json", status=3)[0]), ill)
        self.routes["GET /v1/health"] = lambda asked: {"well": len(self.control.asked) > 7, "text": "not yet"}
        self.assertEqual(self.out("status", "--check", "--wait", "20"), "well\n")
        self.err("status", "--check", status=4, env={"SLUICE_CONTROL": "/nowhere/control.sock"})
        self.routes["GET /v1/health"] = problem(401, "no")
        self.err("status", "--check", status=1)
        self.err("status", "--wait", "3", status=2)

    def test_status_tells_of_the_kernel(self):
        kernel = {"mirrored": True, "ready": True, "addresses": 2, "neighbors": 3, "routes": 100000}
        self.routes["GET /v1/status"] = {"kernel": kernel}
        self.assertIn("kernel      2 addresses, 3 neighbors, 100,000 routes\n", self.out("status"))
        self.routes["GET /v1/status"] = {"kernel": {**kernel, "ready": False, "routes_unusable": 4, "refused": 1, "tunnels": 1, "members": 2, "macs": 3000}}
        self.routes["GET /v1/kernel"] = {"refused_first": [{"type": "route", "key": "red 198.18.7.0/24", "reason": "no such network"}],
                                         "missing_first": [{"slice": "red", "reason": "no such namespace"}]}
        out = self.out("status")
        self.assertIn("kernel      still being read: 2 addresses, 3 neighbors, 100,000 routes (4 more by no link of ours), 1 REFUSED\n", out)
        self.assertIn("by EVPN: 1 tunnels, 2 members, 3,000 MACs\n", out)
        self.assertIn("  slice red: no such namespace\n", out)
        self.assertIn("  route red 198.18.7.0/24: no such network\n", out)
        self.routes["GET /v1/kernel"] = problem(403, "no")
        self.assertNotIn("no such network", self.out("status"))
        self.routes["GET /v1/status"] = {"kernel": {"mirrored": False}}
        self.assertIn("kernel      not mirrored\n", self.out("status"))

    def test_status_says_what_needs_a_person(self):
        def status(revision, refused=0, elsewhere=0):
            self.routes["GET /v1/status"] = {
                "site": "gj", "store": {"revision": revision}, "reconciler": {"synced": revision > 0, "desired": 9, "actual": 9, "refused": refused},
                "intents": {"sites": {"total": 2, "applied": 2 - elsewhere, "elsewhere": elsewhere}, "wans": {"total": 1, "refused": refused}}}
            return self.out("status")
        self.assertIn("objects     left as they are: there are no intents yet\n", status(0))
        fine = status(4, elsewhere=1)
        self.assertIn("objects     as wanted: 9 wanted, 9 there, 0 differing\n", fine)
        self.assertNotIn("NO INTENT", fine)
        self.assertNotIn("sluice wans", fine)
        self.assertLessEqual(max(map(len, fine.splitlines())), 80)
        self.assertIn("site        gj: NO INTENT describes it", status(4, elsewhere=2))
        refused = status(4, refused=1)
        self.assertIn("as wanted but for what is refused", refused)
        self.assertIn("sluice wans list state=refused; sluice wans show NAME", refused)

    def test_topology_has_rates_as_lists_have(self):
        rates = {"committed_bps": 100000000, "peak_bps": 300000000}
        self.routes["GET /v1/topology"] = {"nodes": [{"id": "slice:a", "kind": "slice", "name": "a", "bandwidth": rates}], "edges": []}
        self.assertIn("100 M/300 M", self.out("topology"))

    def test_tokens(self):
        self.routes["POST /v1/tokens"] = Raw(b'{"id":"1","name":"kr","token":"slt_x"}', 201)
        out, err = self.run_cli("token", "create", "kr", "role=tenant", "tenant=kr", "expires=2h")
        self.assertEqual(out, "slt_x\n")
        self.assertEqual(self.asked().body, {"name": "kr", "role": "tenant", "tenant": "kr", "expires_s": 7200})
        for words in (["kr"], ["role=admin"], ["kr", "role=admin", "expires=soon"], ["kr", "colour=red"]):
            self.err("token", "create", *words, status=2)
        self.routes["DELETE /v1/tokens/1"] = Raw(b"", 204)
        self.assertEqual(self.out("token", "delete", "1"), "token 1 deleted\n")
        self.routes["DELETE /v1/tokens/kr"] = problem(404, "there is no token with the id kr")
        out, err = self.run_cli("token", "delete", "1", "kr", "1", status=1)
        self.assertEqual(out, "token 1 deleted\n")
        self.assertEqual(err, "error: there is no token with the id kr\n  tokens are deleted by id, not by name: sluice token list\n")

    def test_progress_is_shown_on_a_terminal_only(self):
        seen = threading.Semaphore(0)

        def status(asked):
            seen.release()
            return {"reconciler": {"pending": 40}}

        def slow(asked):
            for _ in range(self.looks):  # the first one has been shown when there is another
                seen.acquire(timeout=20)
            time.sleep(1.5)
            return DONE
        self.routes["POST /v1/apply"] = slow
        self.routes["GET /v1/status"] = status
        self.looks = 0
        path = self.file("many.yaml", "".join(f"---\nkind: slice\nname: s{i}\n" for i in range(150)))
        self.assertEqual(self.run_cli("apply", path)[1], "")
        self.looks = 2
        done = subprocess.run(["script", "-qec", f"{SLUICE} apply {path}", "/dev/null"], env={**os.environ, "SLUICE_CONTROL": self.control.path},
                              capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
        self.assertIn("150 documents read from 1 file…", done.stdout)
        self.assertIn("applied 110 of 150", done.stdout)


if __name__ == "__main__":
    unittest.main()
