# SPDX-License-Identifier: BSD-3-Clause
"""The document that control/http makes of a table of routes and of the intents' types."""
import copy
import unittest

import openapi_check
from http_rig import ServerTest


class Document(ServerTest):
    def setUp(self):
        self.document = self.ask("GET", "/v1/openapi.json").json

    def test_document_is_openapi(self):
        self.assertEqual(openapi_check.check(self.document), [])

    def test_all_routes_are_in_it(self):
        paths = self.document["paths"]
        self.assertEqual(sorted(paths["/v1/names/{name}"]), ["delete", "get", "patch", "put"])
        self.assertIn("/v1/stream", paths)

    def test_headers_are_those_that_a_method_takes(self):
        of = {method: sorted(one["name"] for one in operation["parameters"] if one["in"] == "header")
              for method, operation in self.document["paths"]["/v1/names/{name}"].items()}
        self.assertEqual(of, {"get": ["If-None-Match"], "put": ["Idempotency-Key", "If-Match", "If-None-Match"], "patch": ["Idempotency-Key", "If-Match"],
                              "delete": ["Idempotency-Key", "If-Match"]})

    def test_role_none_needs_no_token_and_the_rest_do(self):
        self.assertEqual(self.document["paths"]["/open"]["get"]["security"], [])
        self.assertNotIn("security", self.document["paths"]["/v1/small"]["get"])

    def test_bodies_and_answers_have_their_types(self):
        put = self.document["paths"]["/v1/names/{name}"]["put"]
        self.assertEqual(put["requestBody"]["content"]["application/json"]["schema"], {"$ref": "#/components/schemas/slice"})
        self.assertIn("application/merge-patch+json", self.document["paths"]["/v1/names/{name}"]["patch"]["requestBody"]["content"])
        self.assertIn("text/event-stream", self.document["paths"]["/v1/stream"]["get"]["responses"]["200"]["content"])
        self.assertNotIn("content", self.document["paths"]["/v1/names/{name}"]["delete"]["responses"]["204"])

    def test_intents_are_described_to_the_last_field(self):
        schemas = self.document["components"]["schemas"]
        self.assertLessEqual({"site", "wan", "slice", "host", "virtual-dedicated-network", "local-data-network", "session"}, set(schemas))
        self.assertEqual(schemas["slice"]["properties"]["service"]["enum"], ["l2", "l3"])
        self.assertIn("site", schemas["slice"]["properties"]["endpoints"]["items"]["properties"])
        self.assertIn("capacity_bps", schemas["wan"]["properties"])
        self.assertIn("device", schemas["wan"]["properties"])

    def test_checker_finds_what_is_wrong(self):
        def wrong(change):
            document = copy.deepcopy(self.document)
            change(document)
            self.assertTrue(openapi_check.check(document))

        wrong(lambda d: d["components"]["schemas"].pop("slice"))
        wrong(lambda d: d["paths"]["/v1/names/{name}"]["get"]["parameters"].clear())
        wrong(lambda d: d["paths"]["/open"]["get"].update(operationId="small"))
        wrong(lambda d: d["paths"]["/v1/small"]["get"]["responses"].pop("200"))
        wrong(lambda d: d["components"]["schemas"]["slice"].update(type="strange"))


if __name__ == "__main__":
    unittest.main()
