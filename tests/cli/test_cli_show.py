#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The commands of `sluice` that show things, once or for as long as one looks, against a scripted server."""
import json
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake import CliTest, Events, Refusal  # noqa: E402

COUNTERS = {"in_packets": 1234567, "in_bytes": 98765432, "out_packets": 0, "out_bytes": 0, "dropped": 3}


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
            return {"objects": {"blue": {"in_packets": 9000000 * len(asked), "in_bytes": 9000000000 * len(asked),
                                         "dropped": 9 - len(asked)}}}
        self.fake.handlers["stats"] = stats
        begin = time.monotonic()
        first, second = self.out("dp", "stats", "slice", "--watch", "0.5", "--count", "2").split("\n\n")
        slowest = 0.99 / (time.monotonic() - begin)  # rates are over 0.5 s and more, but not more than it lived
        self.assertEqual(self.table(first)[1], ["blue", "9,000,000", "-", "9,000,000,000", "-", "8", "-"])
        header, row = self.table(second)
        self.assertEqual(header, ["slice", "in_packets", "pkt/s", "in_bytes", "bit/s", "dropped", "/s"])
        self.assertEqual(row[:2], ["blue", "18,000,000"])
        self.assertTrue(9 * slowest <= float(row[2]) <= 18 and row[3] == "M", row)
        self.assertTrue(72 * slowest <= float(row[5]) <= 144 and row[6] == "G", row)
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
        answers = iter([{}, {"runt": 9000000}])
        self.fake.handlers.update({"drops": lambda params: next(answers), "drops.help": {}})
        begin = time.monotonic()
        row = self.table(self.out("dp", "drops", "-w", "0.2", "-c", "2"))[-1]
        slowest = 0.99 / (time.monotonic() - begin)
        self.assertEqual(row[:2], ["runt", "9,000,000"])
        self.assertTrue(9 * slowest <= float(row[2]) <= 45 and row[3] == "M", row)


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
        self.assertIn("--count is given twice", self.err("dp", "trace", "-n", "1", "--count", "2", status=2))
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


if __name__ == "__main__":
    unittest.main()
