#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The commands of `sluice` that change things, its help and its errors, against a scripted server: what they send,
print and leave with."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake import SLUICE, CliTest, Refusal  # noqa: E402

CHANGED = {"created": 1, "updated": 0, "unchanged": 0}


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
        self.assertIn("/run/sluice-dataplane/dataplane.sock", self.out("--help", env={"SLUICE_SOCKET": ""}))

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
