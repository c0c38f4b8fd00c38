#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The OpenAPI document and every call in it. A table has a case, or some, for each operation and each parameter of a query:
what the document names and the table has not fails the test. What is sent and what is answered is held against the
document's own schemas, and one who may less than x-least-role says is refused.

(Debian has no package that checks OpenAPI 3.1; http/openapi_check.py looks at the document's structure.)"""
import os
import sys
import unittest
import urllib.parse

import jsonschema

import api
from api import OPERATOR, VIEWER, slice_

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "http"))
import openapi_check  # noqa: E402

MAC = "02:00:00:00:00:"
PLACE = {"site": "gj", "port": "p1"}
GROUND = api.world() + [
    {"kind": "slice", "name": "core", "service": "l3", "endpoints": [{"site": "gj", "port": "p2", "vlan": 9, "gateway": "198.18.9.1/24"}]},
    *({"kind": "host", "name": f"h{i}", "site": "gj", "port": "p2", "vlan": 8, "mac": MAC + f"0{i}"} for i in (1, 2))]
# type: path, body of POST and PUT, body of PATCH
TYPES = {
    "Site": ("sites", {"name": "x", "ports": [{"name": "p"}]}, {"description": "d"}),
    "Wan": ("wans", {"name": "x", "site": "gj", "addresses": ["198.18.5.1/24"]}, {"provider": "d"}),
    "Slice": ("slices", {k: v for k, v in slice_("x", "gj/p1/10", "bs/p1/10").items() if k != "kind"}, {"description": "d"}),
    "Host": ("hosts", {"name": "x", **PLACE, "mac": MAC + "09"}, {"vlan": 7}),
    "VirtualDedicatedNetwork": ("virtual-dedicated-networks", {"name": "x", "hosts": ["h1", "h2"]}, {"description": "d"}),
    "LocalDataNetwork": ("local-data-networks", {"name": "x", "slice": "core", "prefixes": ["198.19.0.0/16"]}, {"dnn": "edge"}),
    "Session": ("sessions", {"name": "x", "site": "gj", "slice": "core", "ue": {"ipv4": "198.18.77.1"}, "pdrs": [
        {"id": 1, "precedence": 10, "source": "core", "far": 1}], "fars": [{"id": 1, "action": "drop"}]}, {"dnn": "edge"}),
    "Tenant": ("tenants", {k: v for k, v in api.grant("x").items() if k != "kind"}, {"description": "d"}),
}


def intents():
    """(operationId, query, parameters of the path, body, status) of every type of intents."""
    for one, (_, body, patch) in TYPES.items():
        x, changed = {"name": "x"}, {**body, **patch}
        yield from [
            ("create" + one, {"dry_run": "1"}, {}, body, 200), ("create" + one, {"wait": "0", "check": "0"}, {}, body, 201), ("create" + one, {}, {}, body, 409),
            ("get" + one, {}, x, None, 200), ("get" + one, {}, {"name": "none"}, None, 404), ("list" + one + "s", {}, {}, None, 200),
            ("list" + one + "s", {"limit": "1", "after": "a", "tenant": "", "state": "pending", "site": "gj"}, {}, None, 200),
            ("patch" + one, {"dry_run": "1", "wait": "0"}, x, patch, 200), ("patch" + one, {"check": "true"}, x, patch, 200),
            ("put" + one, {"dry_run": "1", "wait": "0"}, x, body, 200), ("put" + one, {"check": "false"}, x, changed, 200),
            ("history" + one, {"limit": "1"}, x, None, 200), ("history" + one, {"before": "1000000"}, x, None, 200),
            ("delete" + one, {"dry_run": "1", "wait": "0"}, x, None, 200), ("delete" + one, {"check": "1"}, x, None, 204), ("delete" + one, {}, x, None, 404)]


OTHERS = [
    ("apply", {"dry_run": "1", "wait": "0"}, {}, {"documents": GROUND, "prune": "all"}, 200),
    ("apply", {"check": "1"}, {}, {"documents": GROUND, "prune": True}, 200), ("apply", {}, {}, {"documents": [{"kind": "slice", "name": "a b"}]}, 422),
    ("listHistory", {"limit": "1", "before": "1000000", "kind": "slice"}, {}, None, 200), ("listAudit", {"limit": "5", "before": "1000000"}, {}, None, 200),
    ("createToken", {}, {}, {"name": "t", "role": "viewer", "expires_s": 60}, 201), ("listTokens", {}, {}, None, 200),
    ("deleteToken", {}, {"id": "{token}"}, None, 204), ("deleteToken", {}, {"id": "none"}, None, 404),
    ("getOpenapi", {}, {}, None, 200), ("getStatus", {}, {}, None, 200), ("getHealth", {}, {}, None, 200), ("getKernel", {}, {}, None, 200), ("getTopology", {}, {}, None, 200),
    ("getCounters", {"type": "port", "limit": "5"}, {}, None, 200), ("getCounters", {"type": "port", "after": "a"}, {}, None, 200),
    ("getCounters", {"type": "port", "key": "p1"}, {}, None, 404),  # there is no dataplane
    ("streamEvents", {"event": "intent.created"}, {}, None, 200), ("getMetrics", {}, {}, None, 200),
    ("getHealthz", {}, {}, None, 200), ("getReadyz", {}, {}, None, 503),  # the same
    ("getSliceMetrics", {"page": "0", "pages": "2"}, {}, None, 200),
    ("smartxBoxes", {}, {}, None, 200), ("smartxLatency", {}, {}, None, 200), ("smartxControllers", {}, {}, None, 200),
    ("smartxSliceCreate", {}, {}, {"slice_id": "951", "location": "gj", "port": "p1"}, 201), ("smartxSlices", {}, {}, None, 200),
    ("smartxAccessCreate", {}, {}, {"slice_id": "951", "mac": MAC + "77", "location": "gj"}, 201), ("smartxAccessSlices", {}, {}, None, 200),
    ("smartxAccessDelete", {}, {"name": MAC + "77"}, None, 200), ("smartxSliceDelete", {}, {"name": "951"}, None, 200),
]


class Schema:
    """JSON Schema 2020-12 of the document, by python3-jsonschema."""

    def __init__(self, document):
        self.resolver = jsonschema.RefResolver("", document)

    def wrong(self, value, schema):
        """What is wrong with it, a list."""
        check = jsonschema.Draft202012Validator(schema, resolver=self.resolver)
        return [f"{error.json_path}: {error.message:.200}" for error in check.iter_errors(value)]


class OpenApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.control = api.Control().start()
        cls.document = cls.control.get("/v1/openapi.json").json
        cls.schema = Schema(cls.document)
        cls.operations = {one["operationId"]: (method.upper(), path, one) for path, item in cls.document["paths"].items()
                          for method, one in item.items()}

    @classmethod
    def tearDownClass(cls):
        cls.control.close()

    def setUp(self):
        answer = self.control.apply(GROUND, prune="all")
        self.assertEqual(answer.status, 200, answer)
        self.token = None

    def target(self, name, query, values):
        path = self.operations[name][1]
        for parameter, value in values.items():
            value = value.replace("{token}", self.token or "none")
            path = path.replace("{%s}" % parameter, urllib.parse.quote(value, safe=""))
        self.assertNotIn("{", path, name)
        return path + ("?" + urllib.parse.urlencode(query) if query else "")

    def call(self, name, query, values, body, uid=0):
        method, target = self.operations[name][0], self.target(name, query, values)
        if name != "streamEvents":
            return self.control.request(method, target, body, uid=uid)
        conn = self.control.connection(uid, timeout=10)  # it has no end: a line of it will do
        self.addCleanup(conn.close)
        conn.request(method, target)
        return self.First(conn.getresponse())

    class First:
        def __init__(self, response):
            self.status, self.headers, self.json, self.text = response.status, response.headers, None, response.fp.readline().decode()

        def __repr__(self):
            return f"{self.status} {self.text}"

    def answer_fits(self, name, answer):
        responses = self.operations[name][2]["responses"]
        self.assertIn(str(answer.status), responses, f"{name}: a status that the document has not")
        response = responses[str(answer.status)]
        for header in ("ETag", "Location"):
            if answer.headers.get(header) is not None:
                self.assertIn(header, response.get("headers", {}), f"{name}: {answer.status} has {header}")
        if "$ref" in response:
            self.assertGreaterEqual(answer.status, 400, f"{name}: {answer.status} is not in the document")
            response = self.document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
        content = response.get("content")
        if not content:
            self.assertEqual(answer.text, "", name)
            return
        (kind, one), = content.items()
        self.assertEqual(answer.headers["Content-Type"].split(";")[0], kind.split(";")[0], name)
        if "json" in kind:
            self.assertEqual(self.schema.wrong(answer.json, one["schema"]), [], f"{name}: {answer}")

    def body_fits(self, name, body):
        described = self.operations[name][2].get("requestBody")
        self.assertEqual(body is not None, described is not None, name)
        if body is not None:
            for kind, one in described["content"].items():
                self.assertEqual(self.schema.wrong(body, one["schema"]), [], f"{name} {kind}")

    def test_document_is_openapi(self):
        self.assertEqual(openapi_check.check(self.document), [])

    def test_every_schema_is_one_of_json_schema(self):
        found = list(self.schemas(self.document))
        self.assertGreater(len(found), 300)
        for schema in found:
            jsonschema.Draft202012Validator.check_schema(schema)

    def schemas(self, at):
        for name, value in at.items() if isinstance(at, dict) else enumerate(at):
            if name == "schema":
                yield value
            elif name == "schemas":
                yield from value.values()
            elif isinstance(value, (dict, list)):
                yield from self.schemas(value)

    def test_every_call_is_answered_as_the_document_says(self):
        called, parameters = set(), set()
        for name, query, values, body, status in [*OTHERS, *intents()]:
            with self.subTest(operation=name, query=query):
                self.assertIn(name, self.operations, "the table has it, the document has not")
                if status < 400:
                    self.body_fits(name, body)
                answer = self.call(name, query, values, body)
                self.assertEqual(answer.status, status, f"{name}: {answer}")
                self.answer_fits(name, answer)
                if name == "createToken":
                    self.token = answer.json["id"]
                called.add(name)
                parameters |= {(name, one) for one in query}
        self.assertEqual(sorted(self.operations.keys() - called), [], "operations without a case")
        named = {(name, one["name"]) for name, (_, _, operation) in self.operations.items()
                 for one in operation["parameters"] if one["in"] == "query"}
        self.assertEqual(sorted(named - parameters), [], "parameters of queries without a case")

    def test_a_query_that_is_not_understood_changes_nothing(self):
        """dry_run=yes applied an empty set of documents with prune=all."""
        before = self.control.get("/v1/sites").text
        cases, tried = {case[0]: case for case in [*OTHERS, *intents()]}, 0
        for name, (method, _, operation) in self.operations.items():
            _, _, values, body, _ = cases[name]
            wrong = [("nonsense", "1")]
            for one in operation["parameters"]:
                if one["in"] == "query":
                    kind = one["schema"].get("type")
                    wrong += [(one["name"], text) for text in {"boolean": ("yes", "on", "True", "TRUE", "2", " 1", "1 "),
                                                              "integer": ("x", "1e3", "+1", " 1", "0x1", "1.0", "")}.get(kind, ())]
                    wrong += [(one["name"], text) for text in ("nosuch", "", "APPLIED")] if "enum" in one["schema"] else []
            for parameter, text in wrong:
                answer = self.control.request(method, self.target(name, {parameter: text}, values), {"documents": [], "prune": "all"} if name == "apply" else body)
                self.assertEqual(answer.status, 400, f"{name} {parameter}={text!r}: {answer}")
                self.assertEqual(answer.json["field"], parameter, f"{name} {parameter}={text!r}: {answer}")
                tried += 1
        self.assertGreater(tried, 250)
        self.assertEqual(self.control.get("/v1/sites").text, before)

    def test_roles_are_as_the_document_says(self):
        cases, seen = {case[0]: case for case in [*OTHERS, *intents()]}, set()
        for name, (_, _, operation) in self.operations.items():
            role = operation["x-least-role"]
            uid = {"admin": OPERATOR, "operator": VIEWER, "tenant": VIEWER}.get(role)
            if uid:
                _, query, values, body, _ = cases[name]
                answer = self.call(name, query, values, body, uid=uid)
                self.assertEqual(answer.status, 403, f"{name}: {answer}")
                self.answer_fits(name, answer)
                seen.add(role)
        self.assertEqual(seen, {"admin", "operator", "tenant"})

    def test_checker_finds_what_does_not_fit(self):
        good = TYPES["Slice"][1]
        schema = {"$ref": "#/components/schemas/slice"}
        self.assertEqual(self.schema.wrong(good, schema), [])
        for bad in ({**good, "colour": 1}, {**good, "mtu": "big"}, {**good, "service": "l4"}, {"endpoints": []}, [], {**good, "vni": 0},
                    {**good, "endpoints": [{"site": "gj"}]}):
            self.assertTrue(self.schema.wrong(bad, schema), bad)


if __name__ == "__main__":
    unittest.main()
