# SPDX-License-Identifier: BSD-3-Clause
"""What the test_chaos_*.py beside it share: a box whose programs are killed, the intents that it should have, and the
objects that its dataplane should have. What a dataplane should have is told by another program than the one under test:
compile_tool makes the objects of the intents that the API shows, and what the dataplane lists is compared with them."""
import json
import os
import random
import signal
import subprocess
import sys
import time

import api

sys.path.insert(0, os.path.join(api.TOP, "bench", "lib"))
from rpc import Client  # noqa: E402

TOOL = os.path.join(api.BUILD, "tests", "control", "compile", "compile_tool")
QUICK = os.environ.get("SLUICE_QUICK") == "1"
KINDS = {"site": "sites", "wan": "wans", "slice": "slices", "host": "hosts", "virtual-dedicated-network": "virtual-dedicated-networks",
         "local-data-network": "local-data-networks", "session": "sessions"}
OBJECTS = ("port", "meter", "slice", "attachment", "tunnel", "address", "neighbor", "member", "route", "mac", "gtpu", "session")


def tool(words, text=None):
    # it runs thousands of times: LeakSanitizer has its turn in test_compile
    env = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
    return subprocess.run([TOOL, *words], input=text, check=True, capture_output=True, text=True, env=env).stdout


def texts(lines):
    """{"TYPE KEY": text} of compile_tool's lines."""
    found = {}
    for line in lines.splitlines():
        if not line.startswith("#") and line != "learned":
            if " {" not in line:
                raise AssertionError(f"compile_tool: {line}")
            head, text = line.split(" {", 1)
            found[head] = text
    return found


class Box(api.Control):
    """A control and its dataplane. kill(), start() and dataplane.kill(), dataplane.start() as often as one likes."""

    def __init__(self, **options):
        super().__init__(dataplane=True, **options)
        self.client = None
        self.lines, self.canonical = [], {}  # what the dataplane listed last, as it said it and as texts

    def until(self, ready, seconds=60):
        """As Program's, but looks often: these tests start programs a thousand times."""
        end = time.monotonic() + seconds
        while not ready():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.name} did not come up:\n{self.said()}")
            time.sleep(0.002)

    def close(self):
        self.forget()
        return super().close()

    def forget(self):
        if self.client:
            self.client.close()
        self.client = None

    # ---- what is ----

    def intents(self):
        """{(kind, name): intent} of all that the API shows, without how they stand."""
        out = {}
        for kind, path in KINDS.items():
            for one in self.all("/v1/" + path):
                one.pop("status")
                out[kind, one["name"]] = one
        return out

    def listed(self):
        """{"TYPE KEY": text} of all that the dataplane lists, but for what it learned."""
        if not self.client:
            self.client = Client(self.dataplane.socket)
        lines = []
        for kind in OBJECTS:
            cursor = {}
            while True:
                page = self.client.call("list", {"type": kind, **cursor})
                lines += [json.dumps({"type": kind, "object": one}) + "\n" for one in page["objects"]]
                if "cursor" not in page:
                    break
                cursor = {"cursor": page["cursor"]}
        if lines != self.lines:
            self.lines, self.canonical = lines, texts(tool(["--canonical"], "".join(lines))) if lines else {}
        return self.canonical

    def wanted(self, intents):
        """The same of what these intents are here."""
        path = os.path.join(self.folder, "intents.json")
        with open(path, "w", encoding="utf-8") as out:
            json.dump({"intents": [{k: v for k, v in one.items() if k != "meta"} for one in intents.values()]}, out)
        return texts(tool([path, self.site]))

    def settle(self, seconds=60):
        """Until control says that what was asked for so far is in, or refused. [(kind, name, why)] of what is refused."""
        answer = self.apply([], f"?wait={seconds}")
        if answer.status != 200 or not answer.json["settled"]:
            raise AssertionError(f"it does not settle: {answer}\n{self.said()}")
        return [(kind, one["name"], one["status"]["reason"]) for kind, path in KINDS.items()
                for one in self.get(f"/v1/{path}?state=refused&limit=1000").json["items"]]

    def check(self, test, what):
        """Settled, nothing is refused, and the dataplane has what the intents say and nothing else. The intents."""
        test.assertEqual(self.settle(), [], what)
        intents = self.intents()
        wanted = self.wanted(intents)
        if self.equal_within(wanted, 20) is None:  # leftovers go a moment after what was asked for has come
            listed = self.listed()
            differing = {key: (wanted.get(key), listed.get(key)) for key in wanted.keys() | listed.keys()
                         if wanted.get(key) != listed.get(key)}
            test.fail(f"{what}: {len(differing)} objects differ, as {{key: (wanted, listed)}}: {str(differing)[:3000]}\n"
                      f"{self.get('/v1/status').json['reconciler']}\n{self.said()}")
        return intents

    def equal_within(self, wanted, seconds):
        """Until the dataplane has these; how long it took, None: not within the time."""
        start = time.monotonic()
        while time.monotonic() < start + seconds:
            try:
                if self.listed() == wanted:
                    return time.monotonic() - start
            except (OSError, ConnectionError):
                self.forget()
            time.sleep(0.01)
        return None

    # ---- one request and a crash ----

    def request_and_kill(self, method, path, body, delay, victims=("control",)):
        """Sends a request, kills -9 after so many seconds and waits for the end. The Answer, when all of it had come;
        None: nobody knows."""
        conn = self.connection(timeout=20)
        try:
            conn.request(method, path, None if body is None else body if isinstance(body, (bytes, str)) else json.dumps(body),
                         {"Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json"})
            time.sleep(delay)
            if "dataplane" in victims:
                self.dataplane.process.send_signal(signal.SIGKILL)
            if "control" in victims:
                self.process.send_signal(signal.SIGKILL)
            try:
                answer = api.Answer(conn.getresponse())
            except (OSError, ValueError, api.http.client.HTTPException):
                answer = None
        finally:
            conn.close()
        if "control" in victims:
            self.kill()
        if "dataplane" in victims:
            self.forget()
            self.dataplane.kill()
        return answer


# ---- intents ----

def base(sites=("gj", "bs", "dj")):
    """Sites with a WAN each; the first one's box is ours, and its devices swallow everything."""
    out = []
    for n, name in enumerate(sites):
        device = (lambda number, ours=n == 0: {"device": api.null(number), "tap": False} if ours else {})
        ports = [{"name": f"p{p}", **device(p)} for p in range(2)]
        if n == 0:
            ports.append({"name": "n3", **device(2), "addresses": ["198.18.100.1/24"],
                          "neighbors": [{"address": "198.18.100.2", "mac": "02:00:00:00:0f:02"}]})
        others = [k for k in range(len(sites)) if k != n]
        out += [api.site(name, *ports, **({"gtpu": [{"name": "g3", "address": "198.18.100.1", "interface": "access"}]} if n == 0 else {})),
                api.wan(name + "-kt", name, mtu=1600, addresses=[f"198.18.0.{n + 1}/24"], capacity_bps=10 ** 9, **device(3), **(
                    {"neighbors": [{"address": f"198.18.0.{k + 1}", "mac": f"02:00:00:00:00:0{k + 1}"} for k in others]} if n == 0 else {}))]
    return out


def merged(document, patch):
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    out = dict(document) if isinstance(document, dict) else {}
    for field, value in patch.items():
        if value is None:
            out.pop(field, None)
        else:
            out[field] = merged(out.get(field), value)
    return out


def holds(asked, shown):
    """Does what is shown have all that was asked for? It may say more: defaults, and what was chosen. Of an empty list it
    says nothing."""
    if isinstance(asked, dict):
        return isinstance(shown, dict) and all(holds(value, shown.get(field, [])) for field, value in asked.items())
    if isinstance(asked, list):
        return isinstance(shown, list) and len(asked) == len(shown) and all(map(holds, asked, shown))
    return asked == shown


class Model:
    """What was asked for and acknowledged: {(kind, name): document}."""

    def __init__(self, documents=()):
        self.documents = {(one["kind"], one["name"]): one for one in documents}

    def after(self, method, path, body):
        """The model after this change."""
        out = Model()
        out.documents = dict(self.documents)
        words = path.split("?")[0].split("/")[2:]
        if words == ["apply"]:
            out.apply(body)
            return out
        kind = next(kind for kind, its in KINDS.items() if its == words[0])
        name = words[1] if words[1:] else body["name"]
        if method == "DELETE":
            del out.documents[kind, name]
        else:
            old = self.documents.get((kind, name), {})
            out.documents[kind, name] = {**(merged(old, body) if method == "PATCH" else body), "kind": kind, "name": name}
        return out

    def apply(self, body):
        named = {(one["kind"], one["name"]) for one in body["documents"]}
        prune, kinds = body.get("prune", False), {kind for kind, _ in named}
        for key in list(self.documents):
            if prune and key not in named and (prune == "all" or key[0] in kinds):
                del self.documents[key]
        self.documents |= {(one["kind"], one["name"]): one for one in body["documents"]}

    def differs(self, intents):
        """The keys whose intent is not as it was asked for."""
        return [key for key in self.documents.keys() | intents.keys()
                if key not in intents or key not in self.documents or not holds(self.documents[key], intents[key])]


def seeds(count):
    """Of the sequences of this run: SEED="1 2" or --seed replays some."""
    if "--seed" in sys.argv:
        at = sys.argv.index("--seed")
        os.environ["SEED"] = sys.argv[at + 1]
        del sys.argv[at:at + 2]
    if "SEED" in os.environ:
        return [int(one) for one in os.environ["SEED"].split()]
    first = random.SystemRandom().randrange(1 << 30)
    return list(range(first, first + count))
