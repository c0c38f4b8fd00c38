# SPDX-License-Identifier: BSD-3-Clause
"""Prometheus itself, Debian's, scrapes sluice-control over TLS with the bearer token of a viewer, and tells what it
read: its target is up, and a counter of the dataplane is there with its labels. One without a token is down."""
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from api import TOP, Control, Program, null, own_network, site, slice_

with open(os.path.join(TOP, "scripts", "grafana", "sluice.json"), encoding="utf-8") as _file:
    DASHBOARD = json.load(_file)
CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ["{top}/scripts/prometheus/sluice-alerts.yml"]
scrape_configs:
  - job_name: sluice
    scheme: https
    tls_config: {{ca_file: {folder}/cert.pem}}
    authorization: {{credentials_file: {folder}/token}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
  - job_name: sluice-slices
    scheme: https
    metrics_path: /metrics/slices
    tls_config: {{ca_file: {folder}/cert.pem}}
    authorization: {{credentials_file: {folder}/token}}
    static_configs:
      - targets: ["127.0.0.1:{port}"]
        labels: {{__param_pages: "2", __param_page: "0", page: "0"}}
      - targets: ["127.0.0.1:{port}"]
        labels: {{__param_pages: "2", __param_page: "1", page: "1"}}
  - job_name: stranger
    scheme: https
    metrics_path: /metrics
    tls_config: {{ca_file: {folder}/cert.pem}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus(Program):
    def __init__(self, folder, port):
        super().__init__(folder, "prometheus")
        self.port = free_port()
        with open(os.path.join(folder, "prometheus.yml"), "w", encoding="utf-8") as file:
            file.write(CONFIG.format(top=TOP, folder=folder, port=port))

    def start(self):
        self.spawn(["prometheus", "--config.file", os.path.join(self.folder, "prometheus.yml"), "--storage.tsdb.path",
                    os.path.join(self.folder, "tsdb"), "--web.listen-address", f"127.0.0.1:{self.port}"])
        self.until(self.ready, 60)

    def ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def query(self, text):
        """{labels as sorted text: value} of an instant query."""
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": text})
        with urllib.request.urlopen(url, timeout=10) as answer:
            result = json.load(answer)["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in result]


class Scrape(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        own_network()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sluice-prometheus-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        cert, key = (os.path.join(self.folder, name) for name in ("cert.pem", "key.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=sluice", "-addext",
                        "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True, timeout=60)
        self.port = free_port()
        self.control = Control(dataplane=True, config={"listen": f"127.0.0.1:{self.port}",
                                                       "tls": {"certificate": cert, "key": key}})
        self.control.start()
        self.addCleanup(self.control.close)
        made = self.control.apply([site("gj", {"name": "p1", "device": null(0)}), slice_("blue", "gj/p1/10", tenant="kr", bandwidth={"committed_bps": 10**6}),
                                   slice_("red", "gj/p1/20", tenant="jp")], "?wait=20")
        self.assertEqual(made.status, 200, made)
        token = self.control.post("/v1/tokens", {"name": "prometheus", "role": "viewer"})
        self.assertEqual(token.status, 201, token)
        with open(os.path.join(self.folder, "token"), "w", encoding="utf-8") as file:
            file.write(token.json["token"])
        self.prometheus = Prometheus(self.folder, self.port)
        self.addCleanup(self.prometheus.kill)
        self.prometheus.start()

    def until(self, query, good, seconds=90):
        end = time.monotonic() + seconds
        while not good(found := self.prometheus.query(query)):
            self.assertLess(time.monotonic(), end, f"{query}: {found}")
            time.sleep(0.2)
        return found

    def test_prometheus_reads_what_is_told(self):
        self.until('up{job="sluice"}', lambda found: [value for _, value in found] == [1])
        self.until('up{job="sluice-slices"}', lambda found: [value for _, value in found] == [1, 1])
        (labels, value), = self.until('sluice_port_receive_packets_total{port="p1"}', lambda found: len(found) == 1)
        self.assertEqual((labels["instance"], value), (f"127.0.0.1:{self.port}", 0))
        self.until('sluice_intents{type="slices",state="applied"}', lambda found: found and found[0][1] == 2)
        # each slice on one page of the two, none on both
        pages = self.until('count by (slice) (sluice_slice_receive_packets_total{job="sluice-slices"})',
                           lambda found: len(found) == 2)
        self.assertEqual({(labels["slice"], value) for labels, value in pages}, {("blue", 1), ("red", 1)})
        self.until('rate(sluice_worker_loops_total[5s])', lambda found: found and found[0][1] > 0)
        self.until('up{job="stranger"}', lambda found: [value for _, value in found] == [0])

    def test_dashboard_counts_a_slice_once_though_two_jobs_tell_of_it(self):
        for job in ("sluice", "sluice-slices"):
            self.until(f'count(sluice_slice_receive_packets_total{{job="{job}"}})', lambda found: found and found[0][1] == 2)
            self.until(f'count(sluice_slice_meter_packets_total{{job="{job}",color="red"}})', lambda found: found and found[0][1] == 1)
        seen = 0
        for panel in DASHBOARD["panels"]:
            for target in panel.get("targets", []):
                if "sluice_slice_" not in target["expr"]:
                    continue
                # each series counts 1 instead of its rate, which is 0 here
                query, changed = re.subn(r"rate\((sluice_slice_\w+\{[^}]*\})\[\$__rate_interval\]\)", r"(\1 * 0 + 1)",
                                         target["expr"].replace("$instance", ".*"))
                self.assertEqual(changed, 1, target["expr"])
                values = {value for _, value in self.until(query, bool)}
                self.assertEqual(values, {8 if "* 8" in query else 1}, (panel["title"], query))
                seen += 1
        self.assertEqual(seen, 2)

    def test_alert_of_a_dead_dataplane_is_pending(self):
        self.until('sluice_dataplane_up', lambda found: found and found[0][1] == 1)
        self.control.dataplane.kill()
        self.until('sluice_dataplane_up', lambda found: found and found[0][1] == 0)
        self.until('ALERTS{alertname="SluiceDataplaneDown"}', lambda found: len(found) == 1)
        # what it counted is not told any more, instead of standing still
        self.until('sluice_port_receive_packets_total', lambda found: not found)


if __name__ == "__main__":
    unittest.main()
