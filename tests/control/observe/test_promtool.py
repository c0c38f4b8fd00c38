# SPDX-License-Identifier: BSD-3-Clause
"""What Prometheus' own tool says of /metrics, of the alert rules and of the example of a configuration; and whether
the dashboard and the rules ask for nothing that /metrics does not tell. Run by meson: the program that writes
/metrics of a box with everything is its argument."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
SCRIPTS = os.path.join(TOP, "scripts")
PROGRAM = None
WORDS = re.compile(r"\b(?:sluice|process)_[a-z0-9_]+")


def promtool(*args, stdin=None, cwd=None):
    done = subprocess.run(["promtool", *args], input=stdin, cwd=cwd, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def metrics():
    with tempfile.TemporaryDirectory(prefix="sluice-promtool-") as folder:
        file = os.path.join(folder, "metrics")
        subprocess.run([PROGRAM], env={**os.environ, "METRICS_FILE": file}, check=True, stdout=subprocess.DEVNULL,
                       timeout=120)
        with open(file, encoding="utf-8") as text:
            return text.read()


class Promtool(unittest.TestCase):
    def test_metrics_are_clean(self):
        code, out = promtool("check", "metrics", stdin=metrics())
        self.assertEqual((code, out), (0, ""))

    def test_rules_are_sound_and_fire_as_they_should(self):
        code, out = promtool("check", "rules", os.path.join(SCRIPTS, "prometheus", "sluice-alerts.yml"))
        self.assertEqual(code, 0, out)
        code, out = promtool("test", "rules", os.path.join(HERE, "sluice-alerts.test.yml"))
        self.assertEqual(code, 0, out)

    def test_every_alert_has_a_test(self):
        with open(os.path.join(SCRIPTS, "prometheus", "sluice-alerts.yml"), encoding="utf-8") as text:
            alerts = re.findall(r"- alert: (\w+)", text.read())
        with open(os.path.join(HERE, "sluice-alerts.test.yml"), encoding="utf-8") as text:
            tested = set(re.findall(r"- alertname: (\w+)\n\s+eval_time: \w+\n\s+exp_alerts:", text.read()))
        self.assertGreater(len(alerts), 10)
        self.assertEqual([one for one in alerts if one not in tested], [])

    def test_example_of_a_configuration_is_sound(self):
        with tempfile.TemporaryDirectory(prefix="sluice-promtool-") as folder:
            for name in ("prometheus.yml", "sluice-alerts.yml"):
                with open(os.path.join(SCRIPTS, "prometheus", name), encoding="utf-8") as text, \
                        open(os.path.join(folder, name), "w", encoding="utf-8") as copy:
                    copy.write(text.read())
            for name in ("sluice-ca.pem", "sluice-token"):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as empty:
                    empty.write("")
            code, out = promtool("check", "config", "--syntax-only", "prometheus.yml", cwd=folder)
            self.assertEqual(code, 0, out)

    def test_dashboard_and_rules_ask_for_what_is_told(self):
        told = set(re.findall(r"^# TYPE (\S+) ", metrics(), re.MULTILINE))
        with open(os.path.join(SCRIPTS, "grafana", "sluice.json"), encoding="utf-8") as text:
            dashboard = json.load(text)
        asked = {}
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                for word in WORDS.findall(target["expr"]):
                    asked[word] = f"panel {panel['title']}"
        with open(os.path.join(SCRIPTS, "prometheus", "sluice-alerts.yml"), encoding="utf-8") as text:
            for word in WORDS.findall(re.sub(r"(?m)^\s*(#|summary|description).*$", "", text.read())):
                asked[word] = "sluice-alerts.yml"
        self.assertGreater(len(asked), 25)
        self.assertEqual({word: where for word, where in asked.items() if word not in told}, {})
        self.assertEqual(len({panel["id"] for panel in dashboard["panels"]}), len(dashboard["panels"]))


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
