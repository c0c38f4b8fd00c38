# SPDX-License-Identifier: BSD-3-Clause
"""/healthz and /readyz without a token, the role metrics, /metrics on a plain listener of the loopback."""
import http.client
import time
import unittest

from api import Answer, Control, null, own_network, site, slice_

PORT = 9101


def setUpModule():
    own_network()


class Probes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.control = Control(dataplane=True, config={"metrics_listen": f"127.0.0.1:{PORT}",
                                                      "peers": [{"user": "0", "role": "admin"}, {"user": "7", "role": "none"},
                                                                {"user": "8", "role": "metrics"}]}).start()

    @classmethod
    def tearDownClass(cls):
        cls.control.close()

    def plain(self, path, method="GET", body=None):
        conn = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
        self.addCleanup(conn.close)
        conn.request(method, path, body)
        return Answer(conn.getresponse())

    def test_a_probes_need_no_role(self):
        self.control.until(lambda: self.control.get("/readyz", uid=7).status == 200)
        self.assertEqual(self.control.get("/healthz", uid=7).status, 200)
        self.assertEqual(self.control.get("/v1/status", uid=7).status, 401)

    def test_a_box_without_intents_is_well(self):
        self.control.until(lambda: self.control.get("/v1/status").json["dataplane"]["state"] == "up")
        self.control.until(lambda: self.control.get("/v1/health").json["well"])
        self.assertIs(self.control.get("/v1/status").json["reconciler"]["synced"], True)

    def test_role_metrics_reads_metrics_and_nothing_else(self):
        token = self.control.post("/v1/tokens", {"name": "scrape", "role": "metrics"}).json["token"]
        for who in ({"uid": 8}, {"uid": 7, "token": token}):
            for path in ("/metrics", "/metrics/slices"):
                self.assertEqual(self.control.get(path, **who).status, 200)
            for path in ("/v1/status", "/v1/slices", "/v1/sessions", "/v1/history", "/v1/events", "/v1/tokens", "/v1/topology",
                         "/v1/counters", "/v1/kernel", "/slices", "/v1/openapi.json", "/v1/nothing"):
                self.assertEqual(self.control.get(path, **who).status, 403, path)
            self.assertEqual(self.control.put("/v1/slices/x", {}, **who).status, 403)
            self.assertEqual(self.control.apply([], uid=who["uid"]).status, 403 if who["uid"] == 8 else 401)

    def test_role_metrics_sees_all_slices(self):
        self.assertEqual(self.control.put("/v1/sites/gj", site("gj", {"name": "lan", "device": null(7)})).status, 201)
        self.assertEqual(self.control.put("/v1/slices/blue", slice_("blue", "gj/lan/7", tenant="kr")).status, 201)
        self.control.until(lambda: "blue" in self.control.get("/metrics").text)
        want = {line.split(" ")[0] for line in self.control.get("/metrics").text.splitlines() if "blue" in line}
        got = {line.split(" ")[0] for line in self.control.get("/metrics", uid=8).text.splitlines() if "blue" in line}
        self.assertTrue(want)
        self.assertEqual(got, want)

    def test_plain_listener_has_metrics_and_nothing_else(self):
        self.assertIn("sluice_", self.plain("/metrics").text)
        self.assertEqual(self.plain("/metrics/slices").status, 200)
        self.assertEqual(self.plain("/healthz").status, 200)
        for path in ("/v1/slices", "/v1/status"):
            self.assertEqual(self.plain(path).status, 403)
        self.assertEqual(self.plain("/v1/apply", "POST", "{}").status, 403)

    def test_z_readyz_goes_with_the_dataplane(self):
        self.control.dataplane.stop()
        self.control.until(lambda: self.control.get("/readyz", uid=7).status == 503)
        self.assertIn("dataplane", self.control.get("/readyz", uid=7).json["detail"])
        self.assertEqual(self.control.get("/healthz", uid=7).status, 200)
        why = f"the dataplane is down: {self.control.dataplane.socket}: No such file or directory"
        self.control.until(lambda: self.control.get("/readyz").json["detail"] == why)
        time.sleep(1)  # it is tried on and on
        self.assertEqual(self.control.said().count(why), 1)
        self.assertEqual(self.control.get("/v1/health").json["not_well"][0]["text"], why)
        self.assertNotIn("directory", self.control.get("/readyz", uid=7).text)


class Refused(unittest.TestCase):
    def test_plain_listener_is_for_the_loopback(self):
        for address in ("0.0.0.0:9102", "[::]:9102"):
            control = Control(config={"metrics_listen": address})
            with self.assertRaisesRegex(RuntimeError, "plain HTTP is for this box alone; want 127.0.0.1:PORT"):
                control.start()


if __name__ == "__main__":
    unittest.main()
