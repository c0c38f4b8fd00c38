#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The commands of `sluice` against a scripted server: what they send, print and leave with."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake import SLUICE, CliTest, Events, Refusal, load_tests  # noqa: E402,F401 (load_tests is unittest's hook)

CHANGED = {"created": 1, "updated": 0, "unchanged": 0}
COUNTERS = {"in_packets": 1234567, "in_bytes": 98765432, "out_packets": 0, "out_bytes": 0, "dropped": 3}


class Put(CliTest):
    def put(self, *words):
        self.fake.handlers["put"] = CHANGED
        self.assertEqual(self.out("dp", "put", *words), "1 created, 0 updated, 0 unchanged\n")
        return self.ask("put")

    def test_values_become_the_types_of_their_fields(self):
        self.assertEqual(self.put("slice", "name=blue", "vni=100", "kind=l2"),
                         {"type": "slice", "objects": [{"name": "blue", "vni": 100, "kind": "l2"}]})

    def test_booleans_and_values_that_hold_an_equals_sign(self):
        self.assertEqual(self.put("port", "name=1", "device=net_af_packet0,iface=wan0", "tap=yes")["objects"],
                         [{"name": "1", "device": "net_af_packet0,iface=wan0", "tap": True}])

    def test_a_number_out_of_range_is_left_to_the_server(self):
        self.assertEqual(self.put("attachment", "name=a", "slice=s", "port=p", "vlan=-5")["objects"][0]["vlan"], -5)

    def test_vias_in_all_their_forms(self):
        via = self.put("route", "table=underlay", "prefix=203.0.113.0/24", "via=198.18.0.1@wan0",
                       "via=fd00::1@wan:1@x,weight=3", "via=@wan0", "via=198.18.0.9", "via=tunnel:a:b,weight=2",
                       "via=attachment:at", 'via={"address":"1.2.3.4"}', 'via=[{"port":"p"},{"port":"q"}]',
                       "via=10.0.0.2@attachment:at:1@x,weight=5", "via=10.0.0.2@tunnel:t",
                       "via=tunnel:t,mac=02:00:00:00:00:01,weight=4", "via=@attachment:at,weight=2")
        self.assertEqual(via["objects"][0]["via"], [
            {"address": "198.18.0.1", "port": "wan0"}, {"address": "fd00::1", "port": "wan:1@x", "weight": 3},
            {"port": "wan0"}, {"address": "198.18.0.9"}, {"tunnel": "a:b", "weight": 2}, {"attachment": "at"},
            {"address": "1.2.3.4"}, {"port": "p"}, {"port": "q"},
            {"address": "10.0.0.2", "attachment": "at:1@x", "weight": 5}, {"address": "10.0.0.2", "tunnel": "t"},
            {"tunnel": "t", "mac": "02:00:00:00:00:01", "weight": 4}, {"attachment": "at", "weight": 2}])

    def test_objects_within_objects_are_json_or_field_by_field(self):
        rules = [{"id": 1, "precedence": 1, "source": "access", "gtpu": "n3", "far": 1}]
        self.assertEqual(self.put("session", "name=s1", "slice=net", "ue.ipv4=10.60.0.1", "bar.packets=5",
                                  'ue.framed=["10.1.0.0/16"]', "pdrs=" + json.dumps(rules), "fars=[]")["objects"],
                         [{"name": "s1", "slice": "net", "ue": {"ipv4": "10.60.0.1", "framed": ["10.1.0.0/16"]},
                           "bar": {"packets": 5}, "pdrs": rules, "fars": []}])

    def test_a_field_within_that_is_not_there_or_twice(self):
        self.assertIn('session has no field "ue.mac"', self.refused("session", "ue.mac=1"))
        self.assertIn("ipv4 is given twice", self.refused("session", "ue.ipv4=1", "ue.ipv4=2"))

    def test_chosen_values_are_shown(self):
        self.fake.handlers["put"] = {**CHANGED, "chosen": [{"session": "s1", "pdr": 1, "teid": 77}]}
        out = self.out("dp", "put", "slice", "name=blue", "vni=1")
        self.assertIn("chosen:\nsession  pdr  teid\ns1         1    77\n", out)

    def test_json_gives_the_raw_answer(self):
        self.fake.handlers["put"] = CHANGED
        self.assertEqual(json.loads(self.out("--json", "dp", "put", "slice", "name=b", "vni=1")), CHANGED)

    def refused(self, *words):
        err = self.err("dp", "put", *words, status=2)
        self.assertEqual(self.fake.asked, [])
        self.assertIn("sluice dp put --help", err)
        return err

    def test_an_unknown_field_names_those_there_are(self):
        err = self.refused("slice", "nmae=blue")
        self.assertIn('slice has no field "nmae"; its fields are name, vni, kind, max_macs', err)
        self.assertNotIn("static_macs", err)

    def test_fields_of_answers_cannot_be_put(self):
        self.assertIn('mac has no field "learned"', self.refused("mac", "learned=true"))

    def test_a_value_that_cannot_be_one(self):
        for words, want in ((("slice", "vni=many"), "1 to 16777215"), (("slice", "vni=99999999999999999999"), "1 to"),
                            (("port", "tap=maybe"), "true | false"), (("route", "via="), "ADDRESS@PORT"),
                            (("route", "via=1.2.3.4,weight=x"), "weight=N"),
                            (("route", "via=tunnel:t,weight=1,weight=2"), "weight=N"),
                            (("route", "via=tunnel:t,color=red"), "mac=MAC"), (("route", "via=tunnel:t,mac"), "mac=MAC"),
                            (("route", "via={"), "ADDRESS@PORT"), (("session", "pdrs=1,"), "precedence"),
                            (("session", "bar.packets=few"), "path  bar.packets")):
            err = self.refused(*words)
            self.assertIn("  want  ", err)
            self.assertIn(want, err)
            self.assertIn(f"  path  {words[1].split('=')[0]}\n", err)

    def test_words_without_an_equals_sign(self):
        self.assertIn('"blue" is not field=value; to name the slice write name=blue', self.refused("slice", "blue"))

    def test_a_field_given_twice(self):
        self.assertIn("vni is given twice", self.refused("slice", "vni=1", "vni=2"))

    def test_missing_and_unknown_types(self):
        self.assertIn("TYPE is missing; there are port, address,", self.refused())
        self.assertIn('there is no type "slcie"; there are port, address,', self.refused("slcie", "name=x"))
        self.assertIn("give the fields of the slice", self.refused("slice"))

    def file(self, value):
        path = os.path.join(self.fake.dir, "objects.json")
        with open(path, "w") as out:
            out.write(value if isinstance(value, str) else json.dumps(value))
        return path

    def test_files_hold_an_array_an_object_or_a_list(self):
        one = {"name": "blue", "vni": 1}
        for value in ([one], one, {"objects": [one]}):
            self.fake.asked.clear()
            self.fake.handlers["put"] = CHANGED
            self.out("dp", "put", "slice", "-f", self.file(value))
            self.assertEqual(self.ask("put"), {"type": "slice", "objects": [one]})
        self.fake.asked.clear()
        self.out("dp", "put", "slice", "--file=-", stdin=json.dumps([one]))
        self.assertEqual(self.ask("put")["objects"], [one])

    def test_large_files_go_in_one_message_with_count_and_time(self):
        objects = [{"slice": "blue", "mac": "02:00:00:%02x:%02x:%02x" % (i >> 16, i >> 8 & 255, i & 255)} for i in range(50000)]
        self.fake.handlers["put"] = lambda params: {"created": len(params["objects"]), "updated": 0, "unchanged": 0}
        out, err = self.run_cli("dp", "put", "mac", "-f", self.file(objects))
        self.assertRegex(out, r"^50,000 created, 0 updated, 0 unchanged in \d+\.\d\d s \(\S+ [kM]? ?a second\)\n$")
        self.assertEqual(err, "sending 50,000 objects…\n")
        self.assertEqual(len(self.ask("put")["objects"]), 50000)

    def test_a_message_over_the_sockets_limit_is_not_sent(self):
        err = self.err("dp", "put", "port", "-f", self.file([{"name": "x" * (17 << 20)}]), status=1)
        self.assertIn("error: the request is over 16 MiB", err)
        self.assertEqual(self.fake.asked, [])

    def test_files_that_are_missing_or_wrong(self):
        self.assertIn("error: /nowhere.json: No such file", self.err("dp", "put", "slice", "-f", "/nowhere.json", status=1))
        self.assertRegex(self.err("dp", "put", "slice", "-f", self.file('[{"name":\n 5 6}]'), status=1),
                         r"error: \S+objects.json:2:\d+: ")
        self.assertIn("not both", self.refused("slice", "name=x", "-f", "y"))

    def test_apply_sends_a_transaction(self):
        ops = [{"op": "put", "type": "slice", "objects": [{"name": "blue", "vni": 1}]}]
        for value in (ops, {"ops": ops}):
            self.fake.asked.clear()
            self.fake.handlers["transaction"] = {"created": 1, "deleted": 2}
            self.assertEqual(self.out("dp", "apply", self.file(value)), "1 created, 2 deleted\n")
            self.assertEqual(self.ask("transaction"), {"ops": ops})
        self.assertIn("a transaction is", self.err("dp", "apply", self.file({"x": 1}), status=1))
        self.err("dp", "apply", status=2)


class Delete(CliTest):
    def keys(self, *words):
        self.fake.asked.clear()
        self.fake.handlers["delete"] = {"deleted": 1}
        self.assertEqual(self.out("dp", "delete", *words), "1 deleted\n")
        return self.ask("delete")

    def test_keys_of_one_word(self):
        self.assertEqual(self.keys("slice", "blue", "red"), {"type": "slice", "keys": ["blue", "red"]})

    def test_keys_of_two_words_however_quoted(self):
        for words in (("blue t1", "blue t2"), ("blue", "t1", "blue", "t2"), ("blue t1", "blue", "t2")):
            self.assertEqual(self.keys("member", *words)["keys"], ["blue t1", "blue t2"])

    def test_the_place_of_an_address_is_one_word(self):
        self.assertEqual(self.keys("address", "wan0", "198.18.0.1/24")["keys"], ["wan0 198.18.0.1/24"])

    def test_missing_ok(self):
        self.assertEqual(self.keys("slice", "blue", "--missing-ok"), {"type": "slice", "keys": ["blue"], "missing_ok": True})

    def test_half_a_key(self):
        err = self.err("dp", "delete", "member", "blue", "t1", "red", status=2)
        self.assertIn('a key here has 2 words (slice tunnel), and "red" is not all of one', err)
        self.assertIn("give the keys to delete: name", self.err("dp", "delete", "slice", status=2))

    def test_words_behind_two_dashes_are_no_options(self):
        self.assertEqual(self.keys("slice", "--", "--json")["keys"], ["--json"])


class Show(CliTest):
    SESSION = {"name": "s1", "slice": "net", "ue": {"ipv4": "10.60.0.1"}, "pdrs": [
        {"id": 1, "source": "access", "teid": 77, "far": 1, "filters": ["permit out ip from any to assigned"]},
        {"id": 2, "source": "core", "far": 2, "qers": [1, 2]}], "fars": [
            {"id": 1, "action": "drop"}, {"id": 2, "action": "forward", "outer_header": {"teid": 7, "peer": "1.2.3.4"}}]}

    def test_a_session_is_shown_rule_by_rule(self):
        self.fake.handlers["get"] = self.SESSION
        self.assertEqual(self.out("dp", "get", "session", "s1"),
                         "name   s1\nslice  net\nue     ipv4=10.60.0.1\n"
                         "pdrs   id=1 source=access teid=77 far=1 filters=\"permit out ip from any to assigned\"\n"
                         "       id=2 source=core far=2 qers=1,2\n"
                         "fars   id=1 action=drop\n"
                         "       id=2 action=forward outer_header={teid=7 peer=1.2.3.4}\n")

    def test_a_list_of_sessions_has_a_line_each(self):
        self.fake.handlers["list"] = {"objects": [self.SESSION]}
        self.assertEqual(self.out("dp", "list", "session", "ue.ipv4=10.60.0.1"),
                         "name  slice  ue         pdrs  fars\ns1    net    10.60.0.1  1 2   1 2\n")
        self.assertEqual(self.ask("list")["match"], {"ue": {"ipv4": "10.60.0.1"}})

    def test_vias_are_shown_as_they_are_written(self):
        self.fake.handlers["get"] = {"table": "blue", "prefix": "10.0.0.0/8", "via": [
            {"address": "10.1.0.2", "attachment": "at", "weight": 1}, {"attachment": "at", "weight": 2}, {"port": "p"},
            {"address": "10.1.0.3", "tunnel": "t1", "mac": "02:00:00:00:00:01", "weight": 9}]}
        self.assertEqual(self.out("dp", "get", "route", "blue", "10.0.0.0/8").split("\n", 2)[2],
                         "via     10.1.0.2@attachment:at\n        attachment:at,weight=2\n        @p\n"
                         "        10.1.0.3@tunnel:t1,mac=02:00:00:00:00:01,weight=9\n")

    def test_get(self):
        self.fake.handlers["get"] = {"table": "underlay", "prefix": "10.0.0.0/8", "via": [
            {"address": "198.18.0.1", "port": "wan0", "weight": 1}, {"tunnel": "t1", "weight": 9}]}
        self.assertEqual(self.out("dp", "get", "route", "underlay", "10.0.0.0/8"),
                         "table   underlay\nprefix  10.0.0.0/8\nvia     198.18.0.1@wan0\n        tunnel:t1,weight=9\n")
        self.assertEqual(self.ask("get"), {"type": "route", "key": "underlay 10.0.0.0/8"})
        self.assertEqual(json.loads(self.out("dp", "get", "route", "a b", "--json")), self.fake.handlers["get"])
        self.assertIn("give the key of one slice: name", self.err("dp", "get", "slice", "a", "b", status=2))

    def test_list_aligns_and_follows_cursors(self):
        pages = {None: {"objects": [{"name": "blue", "vni": 7, "kind": "l2"}], "cursor": "x"},
                 "x": {"objects": [], "cursor": "y"},
                 "y": {"objects": [{"name": "red", "vni": 16777215, "kind": "l2", "new_field": "later"}]}}
        self.fake.handlers["list"] = lambda params: pages[params.get("cursor")]
        self.assertEqual(self.out("dp", "list", "slice"),
                         "name  vni  kind\nblue    7  l2\n\n"
                         "name       vni  kind  new_field\nred   16777215  l2    later\n")
        self.assertEqual([params.get("cursor") for _, params in self.fake.asked], [None, "x", "y"])

    def test_list_json_is_one_document_over_all_pages(self):
        pages = {None: {"objects": [], "cursor": "x"}, "x": {"objects": [{"name": "a"}], "cursor": "y"},
                 "y": {"objects": [{"name": "b"}]}}
        self.fake.handlers["list"] = lambda params: pages[params.get("cursor")]
        self.assertEqual(json.loads(self.out("dp", "list", "slice", "--json")), {"objects": [{"name": "a"}, {"name": "b"}]})

    def test_list_matches_and_limits(self):
        self.fake.handlers["list"] = {"objects": [{"slice": "blue", "mac": "02:00:00:00:00:01", "learned": True}] * 3, "cursor": "x"}
        self.out("dp", "list", "mac", "slice=blue", "learned=true", "tunnel=", "-n", "3")
        self.assertEqual(self.ask("list"), {"type": "mac", "limit": 3, "match": {"slice": "blue", "learned": True, "tunnel": None}})

    def test_list_of_nothing(self):
        self.fake.handlers["list"] = {"objects": []}
        self.assertEqual(self.run_cli("dp", "list", "slice"), ("", "no slice\n"))
        self.assertEqual(json.loads(self.out("--json", "dp", "list", "slice")), {"objects": []})

    def test_what_comes_over_the_socket_cannot_drive_the_terminal(self):
        self.fake.handlers["list"] = {"objects": [{"name": "a\033[2Jb", "device": "x\ny"}]}
        self.assertEqual(self.out("dp", "list", "port"), "name     device\na?[2Jb  x?y\n".replace("name     ", "name    "))

    def test_schema(self):
        self.fake.handlers["schema"] = {"$defs": {"slice": {
            "description": "a private network", "required": ["name", "vni"], "x-key": ["name"], "properties": {
                "name": {"type": "string", "description": "its name"},
                "vni": {"type": "integer", "minimum": 1, "maximum": 16777215, "description": "in tunnels"},
                "kind": {"enum": ["l2", "l3"], "default": "l2"}}}}}
        self.assertEqual(self.out("dp", "schema", "slice"),
                         "slice: a private network\n"
                         "  name  key       string                its name\n"
                         "  vni   required  1 to 16777215         in tunnels\n"
                         "  kind            l2 | l3 (default l2)\n")
        self.assertEqual(json.loads(self.out("dp", "schema", "--json")), self.fake.handlers["schema"])
        self.assertIn('no type "x"', self.err("dp", "schema", "x", status=1))

    def test_hello(self):
        self.fake.handlers["hello"] = {"product": "sluice", "version": "0.1.0", "api": "1"}
        self.assertEqual(self.out("dp", "hello"), "product  sluice\nversion  0.1.0\napi      1\n")


class Count(CliTest):
    def test_stats_are_grouped_and_aligned(self):
        self.fake.handlers["stats"] = {"type": "slice", "objects": {"blue": COUNTERS}}
        self.assertEqual(self.out("dp", "stats", "slice", "blue"),
                         "slice  in_packets    in_bytes  out_packets  out_bytes  dropped\n"
                         "blue    1,234,567  98,765,432            0          0        3\n")
        self.assertEqual(self.ask("stats"), {"type": "slice", "keys": ["blue"]})
        self.assertEqual(json.loads(self.out("dp", "stats", "slice", "--json")), self.fake.handlers["stats"])

    def test_overview_leaves_out_what_is_not_counted(self):
        def stats(params):
            if params["type"] in ("meter", "session"):
                raise Refusal(-32602, "not counted")
            return {"type": params["type"], "objects": {"x": {"in_packets": 5}} if params["type"] == "port" else {}}
        self.fake.handlers["stats"] = stats
        self.assertEqual(self.out("dp", "stats"), "port  in_packets\nx              5\n")
        self.assertEqual(json.loads(self.out("dp", "stats", "--json"))["port"], {"x": {"in_packets": 5}})

    def test_many_counters_of_few_stand_upright(self):
        self.fake.handlers["stats"] = {"objects": {"box": {f"c{i}": i * 1000 for i in range(8)}}}
        self.assertEqual(self.table(self.out("dp", "stats", "box"))[:3], [["box", "box"], ["c0", "0"], ["c1", "1,000"]])

    def test_nested_counters_are_flattened(self):
        self.fake.handlers["stats"] = {"objects": {"s1": {"ul": 1, "urr": {"7": {"volume": 9}}}}}
        self.assertEqual(self.table(self.out("dp", "stats", "slice")), [["slice", "ul", "urr.7.volume"], ["s1", "1", "9"]])

    def test_watch_shows_rates_beside_totals(self):
        asked = []

        def stats(params):
            asked.append(1)
            return {"objects": {"blue": {"in_packets": 1000 * len(asked), "in_bytes": 1000000 * len(asked), "dropped": 9 - len(asked)}}}
        self.fake.handlers["stats"] = stats
        first, second = self.out("dp", "stats", "slice", "--watch", "0.5", "--count", "2").split("\n\n")
        self.assertEqual(self.table(first)[1], ["blue", "1,000", "-", "1,000,000", "-", "8", "-"])
        header, row = self.table(second)
        self.assertEqual(header, ["slice", "in_packets", "pkt/s", "in_bytes", "bit/s", "dropped", "/s"])
        self.assertEqual(row[:2], ["blue", "2,000"])
        self.assertTrue(1.5 <= float(row[2]) <= 2 and row[3] == "k", row)  # 1,000 in a little more than 0.5 s
        self.assertTrue(12 <= float(row[5]) <= 16 and row[6] == "M", row)
        self.assertEqual(row[-2:], ["7", "-"])  # it went down: no rate

    def test_watch_json_is_a_line_a_picture(self):
        self.fake.handlers["stats"] = {"type": "slice", "objects": {}}
        lines = self.out("dp", "stats", "slice", "--watch=0.1", "--count=3", "--json").splitlines()
        self.assertEqual([json.loads(line) for line in lines], [self.fake.handlers["stats"]] * 3)

    def test_watch_ends_when_the_daemon_does(self):
        answers = iter([{"objects": {"a": {"x": 1}}}, "hang up"])
        self.fake.handlers["stats"] = lambda params: next(answers)
        self.assertIn("closed the connection", self.run_cli("dp", "stats", "slice", "--watch", "0.1", status=1)[1])

    def test_wrong_words_of_stats(self):
        self.assertIn("there are box, worker, stage, port", self.err("dp", "stats", "nope", status=2))
        self.assertIn("--count goes with --watch", self.err("dp", "stats", "--count", "2", status=2))
        self.assertIn("wants seconds", self.err("dp", "stats", "--watch=soon", status=2))

    def test_drops_most_first_with_their_reasons(self):
        self.fake.handlers.update({"drops": {"runt": 2, "no_route": 12345, "tx_full": 0},
                                   "drops.help": {"runt": "too short", "no_route": "no way"}})
        self.assertEqual(self.out("dp", "drops"), "reason    packets  why\nno_route   12,345  no way\nrunt            2  too short\n")
        self.assertEqual(self.table(self.out("dp", "drops", "blue", "--all"))[-1], ["tx_full", "0", "-"])
        self.assertEqual(self.fake.asked[-1], ("drops", {"slice": "blue", "all": True}))
        self.assertEqual(json.loads(self.out("dp", "drops", "--json")), self.fake.handlers["drops"])

    def test_no_drops(self):
        self.fake.handlers["drops"] = {}
        self.assertEqual(self.out("dp", "drops"), "no drops\n")
        self.assertEqual(self.out("dp", "drops", "blue"), "no drops in slice blue\n")

    def test_drops_watch_counts_a_new_reason_from_zero(self):
        answers = iter([{}, {"runt": 100}])
        self.fake.handlers.update({"drops": lambda params: next(answers), "drops.help": {}})
        row = self.table(self.out("dp", "drops", "-w", "0.2", "-c", "2"))[-1]
        self.assertEqual(row[:2], ["runt", "100"])
        self.assertTrue(300 <= float(row[2]) <= 500, row)


class Tables(CliTest):
    FDB = {"id": 1, "name": "fdb", "help": "where a MAC is", "size": 1048576, "entries": 2, "direct_counters": True,
           "match_fields": [{"id": 1, "name": "slice", "bitwidth": 16, "match_type": "exact"},
                            {"id": 2, "name": "mac", "bitwidth": 48, "match_type": "exact"}],
           "actions": [{"id": 1, "name": "to_tunnel", "params": [{"id": 1, "name": "tunnel", "bitwidth": 16}]}]}

    def test_list_of_tables(self):
        self.fake.handlers["table.list"] = {"tables": [self.FDB]}
        self.assertEqual(self.table(self.out("dp", "table"))[1],
                         ["fdb", "2", "1,048,576", "slice:exact", "mac:exact", "to_tunnel", "where", "a", "MAC", "is"])
        self.assertEqual(json.loads(self.out("dp", "table", "--json")), {"tables": [self.FDB]})

    def test_description_of_one(self):
        self.fake.handlers["table.list"] = {"tables": [self.FDB]}
        self.assertEqual(self.out("dp", "table", "fdb", "--describe"),
                         "fdb: where a MAC is\n2 of 1,048,576 entries, direct counters\n\n"
                         "match\n  slice  16 bits, exact\n  mac    48 bits, exact\n\nactions\n  to_tunnel  tunnel\n")
        self.assertEqual(json.loads(self.out("dp", "table", "fdb", "-d", "--json")), self.FDB)
        self.assertIn('no table "x"; there are fdb', self.err("dp", "table", "x", "-d", status=1))

    def test_entries_over_pages(self):
        def entry(mac):
            return {"match": {"slice": "1", "mac": mac}, "action": "to_tunnel", "params": {"tunnel": "t1", "x": "2"}, "counters": {"in_packets": 3}}
        pages = {None: {"entries": [entry("02::01")], "cursor": "c"}, "c": {"entries": [entry("02::02")]}}
        self.fake.handlers["table.read"] = lambda params: pages[params.get("cursor")]
        self.assertEqual(self.table(self.out("dp", "table", "fdb")), [
            ["slice", "mac", "action", "params", "in_packets"],
            ["1", "02::01", "to_tunnel", "tunnel=t1", "x=2", "3"], ["1", "02::02", "to_tunnel", "tunnel=t1", "x=2", "3"]])
        self.assertEqual(len(json.loads(self.out("dp", "table", "fdb", "--json"))["entries"]), 2)
        self.assertEqual(len(json.loads(self.out("dp", "table", "fdb", "--limit", "1", "--json"))["entries"]), 1)

    def test_no_entries(self):
        self.fake.handlers["table.read"] = {"entries": []}
        self.assertEqual(self.run_cli("dp", "table", "fdb"), ("", "fdb has no entries\n"))


ARP = "ffffffffffff020000000001" + "8100000a" + "0806" + "0001080006040001" + "020000000001c6120001" + "000000000000c6120002"
VXLAN = ("02000000000a02000000000b0800" + "4500006e00000000401100000a0000010a000002" + "c00012b5005a0000" + "0800000000006400"
         + "020000000002020000000001" + "86dd" + "6000000000000640" + "20010db8000000000000000000000001" + "20010db8000000000000000000000002"
         + "04d20050000000000000000050020000")


class Follow(CliTest):
    def packet(self, data, **more):
        return {"event": "trace.packet", "worker": 1, "port": "lan0", "length": 110, "time_ns": 1700000000123456789, "bytes": data,
                "steps": [{"stage": "parse", "text": "VLAN 10"}, {"stage": "drop", "text": "no_route: no way"}], **more}

    def test_trace_shows_stages_and_decisions(self):
        end = {"event": "trace.end", "packets": 1, "reason": "count"}
        self.fake.handlers["trace"] = Events({"armed": 1}, self.packet(ARP), end)
        self.assertEqual(self.out("dp", "trace", "-n", "1"),
                         "#1  22:13:20.123456  port lan0  worker 1  110 bytes\n"
                         "    02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff vlan 10 ARP who has 198.18.0.2\n"
                         "    parse  VLAN 10\n    drop   no_route: no way\n\n1 packet traced (count)\n")
        self.assertEqual(self.ask("trace"), {"count": 1})

    def test_trace_reads_into_tunnels_and_stops_where_bytes_do(self):
        end = {"event": "trace.end", "packets": 0, "reason": "timeout"}
        cuts = [self.packet(VXLAN[:n]) for n in range(0, len(VXLAN) + 1)]
        self.fake.handlers["trace"] = Events({"armed": 1}, *cuts, end)
        out = self.out("dp", "trace", "--hex")
        self.assertIn("02:00:00:00:00:0b > 02:00:00:00:00:0a IPv4 10.0.0.1 > 10.0.0.2 UDP 49152 > 4789 VXLAN 100 | "
                      "02:00:00:00:00:01 > 02:00:00:00:00:02 IPv6 2001:db8::1 > 2001:db8::2 TCP 1234 > 80\n", out)
        self.assertIn("    0000   02 00 00 00 00 0a 02 00  00 00 00 0b 08 00 45 00\n", out)

    def test_trace_filters(self):
        self.fake.handlers["trace"] = Events({"armed": 3}, {"event": "trace.end", "packets": 0, "reason": "timeout"})
        out = self.out("dp", "trace", "-n", "3", "--port", "wan0", "--slice", "blue", "--mac", "02:00:00:00:00:01",
                       "--ip", "fd00::1", "--dropped", "--timeout", "5")
        self.assertEqual(out, "0 packets traced (timeout)\n")
        self.assertEqual(self.ask("trace"), {"count": 3, "port": "wan0", "slice": "blue", "mac": "02:00:00:00:00:01", "ip": "fd00::1",
                                             "dropped": True, "timeout_s": 5})

    def test_trace_json_and_events_that_overtake_the_answer(self):
        end = {"event": "trace.end", "packets": 1, "reason": "count"}
        self.fake.handlers["trace"] = Events({"armed": 1}, end, before=[self.packet(ARP)])
        lines = [json.loads(line) for line in self.out("dp", "trace", "--json").splitlines()]
        self.assertEqual(lines, [self.packet(ARP), end])

    def test_trace_wrong_words(self):
        self.assertIn("filters are options", self.err("dp", "trace", "blue", status=2))
        self.assertIn("--count wants an integer 1 to 1000", self.err("dp", "trace", "-n", "0", status=2))
        self.assertIn("--port needs a value: PORT", self.err("dp", "trace", "--port", status=2))
        self.assertIn("there are --count, --port, --slice,", self.err("dp", "trace", "--prot", "x", status=2))

    def test_watch_prints_events(self):
        self.fake.handlers["watch"] = Events({}, {"event": "link.up", "port": "wan0", "speed_mbps": 10000},
                                             {"event": "mac.moved", "slice": "blue", "from": {"tunnel": "t1"}})
        lines = self.out("dp", "watch", "link", "mac.moved", "-n", "2").splitlines()
        self.assertRegex(lines[0], r"^\d\d:\d\d:\d\d  link.up +port=wan0 speed_mbps=10000$")
        self.assertTrue(lines[1].endswith('slice=blue from={"tunnel":"t1"}'), lines)
        self.assertEqual(self.ask("watch"), {"events": ["link", "mac.moved"]})

    def test_watch_all_as_json_until_the_time_is_over(self):
        self.fake.handlers["watch"] = Events({}, {"event": "link.up", "port": "wan0"})
        self.assertEqual(json.loads(self.out("dp", "watch", "--timeout", "1", "--json")), {"event": "link.up", "port": "wan0"})
        self.assertEqual(self.ask("watch"), {"events": ["link", "mac"]})


class Mistakes(CliTest):
    def test_errors_name_the_field(self):
        def refuse(params):
            raise Refusal(-32602, "vlan is out of range", path="objects[0].vlan", want="1 to 4094", got=5000, extra=["x"])
        self.fake.handlers["put"] = refuse
        self.assertEqual(self.err("dp", "put", "slice", "name=a", "vni=1", status=1),
                         "error: vlan is out of range\n  path  objects[0].vlan\n  want  1 to 4094\n  got   5000\n  extra [\"x\"]\n")

    def test_errors_name_who_is_in_the_way(self):
        for detail in ({"by": "member blue t1"}, {"with": "slice red"}, {"limit": 16383}):
            def refuse(params, detail=detail):
                raise Refusal(-32002, "no", **detail)
            self.fake.handlers["delete"] = refuse
            (name, value), = detail.items()
            self.assertEqual(self.err("dp", "delete", "slice", "blue", status=1), f"error: no\n  {name:5} {value}\n")

    def test_json_has_the_error_on_stdout_too(self):
        def refuse(params):
            raise Refusal(-32001, "there is no slice blue", path="key", got="blue")
        self.fake.handlers["get"] = refuse
        out, err = self.run_cli("--json", "dp", "get", "slice", "blue", status=1)
        self.assertEqual(json.loads(out)["error"]["code"], -32001)
        self.assertTrue(err.startswith("error: there is no slice blue\n"))

    def test_nobody_listens(self):
        path = os.path.join(self.fake.dir, "nobody")
        err = self.err("--socket", path, "dp", "hello", status=1)
        self.assertIn(f"error: cannot reach the dataplane at {path}: No such file or directory", err)
        self.assertIn(f"sluice-dataplane --socket {path}", err)
        self.assertIn("File name too long", self.err("--socket", "x" * 200, "dp", "hello", status=1))

    def test_socket_option_wins_over_the_environment(self):
        self.fake.handlers["hello"] = {"product": "sluice"}
        for words in (("--socket", self.fake.path, "dp", "hello"), ("dp", "hello", f"--socket={self.fake.path}")):
            self.assertIn("sluice", self.out(*words, env={"SLUICE_SOCKET": "/nowhere"}))
        self.assertIn("/run/sluice/dataplane.sock", self.out("--help", env={"SLUICE_SOCKET": ""}))

    def test_a_server_that_hangs_up_or_talks_nonsense(self):
        self.fake.handlers["hello"] = "hang up"
        self.assertIn("closed the connection", self.err("dp", "hello", status=1))
        for nonsense in (b"what?\n", b"[]\n", b'{"id":1}\n', b"\n"):
            self.fake.handlers["hello"] = nonsense
            self.assertIn("does not speak JSON-RPC", self.err("dp", "hello", status=1))

    def test_commands_that_are_not_there(self):
        self.assertIn('there is no "pd" here', self.err("pd", status=2))
        self.assertIn('dp has no command "puts"', self.err("dp", "puts", status=2))
        self.assertIn("usage: sluice", self.err(status=2))
        self.assertIn("trace", self.err("dp", status=2))
        self.assertIn("--socket needs", self.err("dp", "hello", "--socket", status=2))
        self.assertIn("--missing-ok takes no value", self.err("dp", "delete", "slice", "x", "--missing-ok=1", status=2))

    def test_output_that_cannot_be_written(self):
        self.fake.handlers["hello"] = {"product": "sluice"}
        with open("/dev/full", "w") as full, tempfile.TemporaryFile("w+") as err:
            status = subprocess.run([SLUICE, "--socket", self.fake.path, "dp", "hello"], stdout=full, stderr=err).returncode
            err.seek(0)
            self.assertEqual((status, err.read()), (1, "error: cannot write to standard output\n"))


class Help(CliTest):
    def test_every_level_has_its_page_and_needs_no_daemon(self):
        commands = ("put", "apply", "get", "list", "delete", "stats", "drops", "table", "trace", "watch", "schema", "hello")
        env = {"SLUICE_SOCKET": "/nowhere"}
        self.assertIn("dp", self.out("--help", env=env))
        page = self.out("dp", "--help", env=env)
        for command in commands:
            self.assertIn(f"\n  {command} ", page)
            self.assertIn(f"usage: sluice dp {command}", self.out("dp", command, "-h", env=env))

    def test_types_and_fields_come_from_the_api(self):
        self.assertRegex(self.out("dp", "put", "--help"), r"\n  member +slice tunnel +a slice stretched")
        page = self.out("dp", "put", "slice", "--help")
        self.assertRegex(page, r"\n  vni +required +1 to 16777215 +its network identifier")
        self.assertRegex(page, r"\n  kind +l2 \| l3 +l2 +a bridge")
        self.assertRegex(self.out("dp", "put", "address", "--help"), r"key: +port\|attachment prefix")

    def test_no_line_ends_in_a_blank(self):
        for words in (("--help",), ("dp", "--help"), ("dp", "trace", "--help"), ("dp", "put", "tunnel", "--help")):
            self.assertNotRegex(self.out(*words), r"(?m) $")

    def test_version(self):
        self.assertRegex(self.out("--version"), r"^sluice \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    unittest.main()
