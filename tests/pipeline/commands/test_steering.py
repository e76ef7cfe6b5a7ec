"""Names, settings and texts of users never steer the terminal, whatever command shows them."""

import json
import re
import subprocess
import sys

import pytest
from conftest import name_corpus
from made_streams import TRAVEL, sentences, write_lines

STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202etxet"
CALLS = [
    ["status"],
    ["quarantine", "--file", EVIL],
    ["quarantine"],
    ["check"],
    ["run"],
    ["doctor", "--quick"],
    ["compare", "1", "2"],
    ["evaluate"],
    ["gc", "--dry-run"],
    ["accept", "--reason", EVIL],
    ["accept", "--undo", "--reason", EVIL],
    ["discard", "--source", EVIL, "--reason", EVIL],
    ["discard", "--source", f"{EVIL}?", "--reason", EVIL],
    ["discard", "--file", "nothing", "--reason", EVIL],
    ["discard", "--id", EVIL, "--reason", EVIL],
    ["rollback", "--reason", EVIL],
    ["status"],
    ["promote", EVIL, "--reason", EVIL],
    ["promote", "2", "--force", "--reason", EVIL],
    ["index", "build"],
    ["index", "status"],
    ["search", f"fly {EVIL}"],
    ["export", EVIL, "x"],
    ["report", EVIL],
    ["settings"],
    ["candidate", EVIL],
    ["backtest", EVIL],
    ["judge", EVIL, "2", "--result"],
    ["generate"],
    ["check", "--log", EVIL],
    ["status", EVIL],
    [EVIL],
]
RUN = """
import json, sys, traceback
from pipeline.commands import cli
for call in json.load(sys.stdin):
    sys.argv = ["anchorhold", *call]
    try:
        cli.main()
    except SystemExit as end:
        assert end.code in (0, 2, None), (call, end.code)
    print("--", file=sys.stderr)
"""


@pytest.fixture
def hostile(turned):
    """A workspace whose sources, texts, file names and settings hold escapes."""
    name_corpus(turned)
    settings = turned / "anchorhold.toml"
    base = json.loads(settings.read_text().partition("base = ")[2].partition("\n")[0])
    written = settings.read_text().replace(json.dumps(base), json.dumps(f"{base}{EVIL}"))
    written += f"\n[promotion]\ncommand = {json.dumps([EVIL])}\n"
    settings.write_text(written, encoding="utf-8")
    pairs = [
        {**each, "source": EVIL, "query": f"{each['query']} {EVIL}"}
        for each in sentences(TRAVEL, 40, 21)
    ]
    write_lines(turned / "pairs" / "evil.jsonl", pairs)
    with (turned / "pairs" / "evil.jsonl").open("a") as file:
        file.write(json.dumps({"query": EVIL, EVIL: 1}) + "\n")
    write_lines(turned / "traffic" / "t.jsonl", [{"text": f"pepper {n} {EVIL}"} for n in range(60)])
    documents = [{"id": f"{EVIL}{n}", "text": f"fly {n} {EVIL}"} for n in range(5)]
    write_lines(turned / "corpus" / "documents.jsonl", documents)
    return turned


@pytest.mark.slow
def test_no_command_lets_a_text_of_a_user_steer_the_terminal(hostile):
    at = ["--workspace", str(hostile)]
    calls = [[*call, *at] for call in CALLS] + [[*call, *at, "--json"] for call in CALLS[:3]]
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr.splitlines().count("--") == len(calls)
    told = done.stdout + done.stderr
    assert told.count("owned") > 10, "the texts are shown"
    found = STEERING.search(told)
    assert not found, repr(told[max(0, found.start() - 300) : found.end() + 100])


def test_a_failure_that_nobody_expected_steers_no_terminal_either(tmp_path):
    code = (
        "import sys\nfrom pipeline.commands import cli\n"
        f"def fail(*_, **__):\n    raise RuntimeError({EVIL!r})\n"
        "cli.app = fail\ncli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "RuntimeError: " in done.stderr
    assert not STEERING.search(done.stderr)


@pytest.mark.slow
def test_quiet_and_verbose_change_what_is_said_and_not_the_result(turned):
    def said(*options):
        call = [sys.executable, "-m", "pipeline", "status", "-w", turned, *options]
        return subprocess.run(call, capture_output=True, text=True, check=True)

    plain, quiet, verbose = said(), said("-q"), said("-v")
    shown = [
        each.stdout.partition("trained")[2].partition("days ago")[2] for each in (plain, quiet)
    ]
    assert shown[0] == shown[1]
    assert quiet.stderr == ""
    assert len(verbose.stderr) >= len(plain.stderr)
    both = [sys.executable, "-m", "pipeline", "status", "-q", "-v"]
    assert subprocess.run(both, capture_output=True, check=False).returncode == 2
