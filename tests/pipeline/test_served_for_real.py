"""The real MiniLM behind HTTP: what users ask leads by `watch` alone to a new version, and back."""

import itertools
import json
import queue
import random
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
from made_streams import write_lines
from serving import wait_until_ready

from pipeline import Workspace
from pipeline.demo.demo import NEW_PACKAGES, OLD_PACKAGES
from pipeline.demo.docstrings import documentation_pairs
from pipeline.store import Store
from pipeline.workspace import load_settings
from training.evaluation import EvaluationSet

PATIENCE = 300
"""Seconds: other work may take the processors."""
SETTINGS = """
[model]
name = "documentation-search"
base = {base}
max_length = 64

[data]
history = ["history/*.jsonl"]
pairs = ["pairs/*.jsonl"]
corpus = ["corpus/*.jsonl"]

[anchors.scientific-python]
path = "anchors/scientific-python"

[observe]
minimum_window = 100

[holdout]
share = 0.25

[finetune]
epochs = 1

[gate]
min_gain = 0.02

[index]
mode = "rebuild"

[canary]
share = 0.5
minimum = 15
margin = 0.5            # few users show no less
settle_minutes = 0.05
maximum_hours = 0.05
max_seconds = 10.0

[guard]
settle_minutes = 0.05

[serve]
port = 0

[log]
flush_seconds = 0.1

[watch]
every = "8s"
jitter = 0.0
"""


class Story:
    """A workspace that knows some packages, and questions about these and about others."""

    def __init__(self, space, base):
        known = shuffled(documentation_pairs(OLD_PACKAGES, most=630))
        new = shuffled(documentation_pairs(NEW_PACKAGES, most=720))
        history, anchor, others, self.known = cut(known, 250, 150, 150)
        self.labelled, self.new, self.tried, self.later = cut(new, 420, 120, 80)
        self.space, self.right = space, {}
        for each in (*self.known, *self.new, *self.tried, *self.later):
            self.right[each.query] = each.id
        documents = [
            {"id": each.id, "text": each.positive}
            for each in (*self.known, *self.new, *self.tried, *self.later)
        ]
        write_lines(space / "corpus" / "pages.jsonl", documents)
        write_lines(space / "history" / "before.jsonl", labels(history))
        EvaluationSet.from_pairs("anchor/scientific-python", anchor, others).save(
            space / "anchors" / "scientific-python"
        )
        text = SETTINGS.format(base=json.dumps(str(base)))
        (space / "anchorhold.toml").write_text(text, encoding="utf-8")

    def labels_arrive(self):
        """Let the answers to questions about the other packages arrive, at once."""
        write_lines(self.space / "labelled.jsonl", labels(self.labelled))
        (self.space / "pairs").mkdir()
        (self.space / "labelled.jsonl").rename(self.space / "pairs" / "new.jsonl")


def shuffled(pairs):
    random.Random(0).shuffle(pairs)
    return pairs


def cut(pairs, *sizes):
    places = list(itertools.accumulate(sizes, initial=0))
    return [pairs[start:end] for start, end in zip(places, [*places[1:], None], strict=True)]


def fired(result):
    return {each["trigger"] for each in result["decision"]["signals"] if each["fired"]}


def labels(pairs):
    return [
        {"id": each.id, "query": each.query, "positive": each.positive, "source": each.source}
        for each in pairs
    ]


@contextmanager
def command(space, name, *arguments):
    """Run a command of `anchorhold` while the block runs, and end it in order."""
    messages = space.parent / f"{name}.txt"
    with messages.open("wb") as said, subprocess.Popen(
        [sys.executable, "-m", "pipeline", name, "-w", space, "--json", *arguments],
        stdout=subprocess.PIPE, stderr=said, text=True,
    ) as process:  # fmt: skip
        try:
            yield process, messages
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, messages.read_text(errors="replace")
        finally:
            process.kill()


class Watcher:
    """What `anchorhold watch` tells."""

    def __init__(self, process):
        self.events = queue.Queue()

        def read():
            for line in process.stdout:
                self.events.put(json.loads(line))

        threading.Thread(target=read, daemon=True).start()

    def runs(self, seconds):
        """Return the results of the cycles that end within some seconds."""
        found = []
        deadline = time.monotonic() + seconds
        while True:
            try:
                event = self.events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return found
            assert event["event"] not in ("failed", "busy"), event["message"]
            if event["event"] == "run":
                found.append(event["result"])

    def until(self, holds, meanwhile=None):
        """Return the first result for which something holds, and those before it."""
        before = []
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if meanwhile:
                meanwhile()
            for result in self.runs(0.1):
                if holds(result):
                    return result, before
                before.append(result)
        raise AssertionError([each["outcome"] for each in before])


class Users:
    """Users of the service, each of whom asks once."""

    def __init__(self, client, right):
        self.client, self.right, self.numbers = client, right, itertools.count()

    def ask(self, query):
        user = f"user {next(self.numbers)}"
        answer = self.client.post("/search", json={"query": query, "k": 3, "user": user})
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert answer.headers["x-anchorhold-version"] == str(found["version"])
        return found

    def tell(self, found, **what):
        answer = self.client.post("/feedback", json={"query_id": found["query_id"], **what})
        assert answer.status_code == 202, answer.text

    def ask_and_click(self, pairs):
        """Ask, click the right document where it is shown, and return which versions answered."""
        versions = set()
        for each in pairs:
            found = self.ask(each.query)
            versions.add(found["version"])
            if self.right[each.query] in [result["id"] for result in found["results"]]:
                self.tell(found, clicked=[self.right[each.query]])
        return versions

    def ask_and_complain(self, pair):
        found = self.ask(pair.query)
        self.tell(found, feedback={found["results"][0]["id"]: -1})

    def index(self):
        return self.client.get("/info").json()["index_version"]


def address_of(messages):
    """Return where the service listens."""
    deadline = time.monotonic() + PATIENCE
    while not (found := re.search(r"http://[\d.:]+", messages.read_text(errors="replace"))):
        assert time.monotonic() < deadline, messages.read_text(errors="replace")
        time.sleep(0.1)
    return found[0]


@pytest.mark.slow
def test_what_users_ask_over_http_leads_by_watch_alone_to_another_version_and_back(
    tmp_path, minilm
):
    space = tmp_path / "space"
    story = Story(space, minilm)
    with command(space, "watch") as (watching, _):
        watcher = Watcher(watching)
        first, _ = watcher.until(lambda result: True)
        assert (first["outcome"], first["champion"]["version"]) == ("bootstrapped", 1)
        with command(space, "serve") as (_, messages):
            url = address_of(messages)
            wait_until_ready(url, 1)
            with httpx.Client(base_url=url, timeout=60) as client:
                follow(story, watcher, Users(client, story.right), url)
    with Store.open(load_settings(space).store_url) as store:
        moves = [(each.action, each.version) for each in store.promotions()]
        reason = store.promotions()[-1].reason
    assert moves == [("bootstrap", 1), ("promote", 2), ("rollback", 1)]
    assert reason.startswith("by itself: success fell from")
    with Workspace.open(space) as workspace:
        assert [each.version for each in workspace.index_status().indexes] == [1, 2]


def follow(story, watcher, users, url):
    """Let users ask, and see what becomes of it."""
    users.ask_and_click(story.known)
    quiet, _ = watcher.until(lambda result: result["decision"]["signals"])
    assert (quiet["outcome"], fired(quiet)) == ("quiet", set())

    story.labels_arrive()
    assert users.ask_and_click(story.new) == {1}
    drifted, before = watcher.until(lambda result: result["training"])
    assert {each["outcome"] for each in before} <= {"quiet"}
    assert fired(drifted) & {"embedding_shift", "out_of_distribution"}
    assert drifted["awaiting_canary"], drifted["verdict"]["reasons"]
    assert (drifted["champion"]["version"], drifted["candidate"]["version"]) == (1, 2)
    assert [each["version"] for each in drifted["index"]["built"]][-1] == 2
    assert drifted["plan"]["verdict"]

    deadline = time.monotonic() + PATIENCE
    while users.ask(story.known[0].query)["version"] == 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert users.ask_and_click(story.tried) == {1, 2}
    promoted, before = watcher.until(lambda result: result["canary"]["state"] != "running")
    assert {each["outcome"] for each in before} <= {"quiet"}
    assert promoted["canary"]["state"] == "promoted", promoted["canary"]
    assert promoted["champion"]["version"] == 2
    wait_until_ready(url, 2)
    assert (users.ask(story.new[0].query)["version"], users.index()) == (2, 2)

    asked = itertools.cycle(story.later)
    back, before = watcher.until(
        lambda result: result["rolled_back"], lambda: users.ask_and_complain(next(asked))
    )
    assert {each["outcome"] for each in before} <= {"quiet"}
    assert (back["rolled_back"]["version"], back["champion"]["version"]) == (2, 1)
    wait_until_ready(url, 1)
    assert (users.ask(story.new[0].query)["version"], users.index()) == (1, 1)
