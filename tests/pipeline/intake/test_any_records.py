"""Whatever files hold: each record is stored, known or in quarantine, and nothing is raised."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_files import LENIENT, NOW
from made_records import KEYS, Made, folders, lines

from pipeline.store import Store
from training.faults import DataFault

ROOT = Path(__file__).parents[3]


def take_all(store: Store, folder: Path, made: Sequence[Made]) -> int:
    """Take in all files but those that are refused as a whole; return how many were read."""
    names = {each.name for each in made}
    while True:
        before = store.counts()
        patterns = {key: sorted(n for n in names if n.startswith(f"{key}/")) for key in KEYS}
        try:
            found = LENIENT.read_all(store, patterns, folder, NOW)
        except DataFault as fault:
            refused = next(name for name in names if str(fault).startswith(f"{name}: "))
            names.remove(refused)
            assert not any(each.seen for each in store.counts().files if each.file == refused)
            continue
        taken = [getattr(found, key) for key in KEYS]
        assert all(each.seen == each.stored + each.known + each.quarantined for each in taken)
        after, refused = store.counts(), sum(each.quarantined for each in taken)
        # Pairs whose documents arrived are read again, and leave the quarantine.
        left = before.quarantined + refused - after.quarantined
        assert left >= 0
        assert after.seen - before.seen == sum(each.seen for each in taken) - left
        return sum(each.seen for each in taken)


def must_add_up(store: Store, made: Sequence[Made]) -> None:
    """Compare the counts with each other, with what is stored, and with what the files hold."""
    counts, faults = store.counts(), store.quarantine()
    assert counts.seen == counts.stored + counts.known + counts.quarantined
    assert counts.quarantined == counts.quarantine == len(faults)
    assert all(fault.file and fault.reason for fault in faults)
    for each in counts.files:
        assert each.seen == each.stored + each.known + each.quarantined
    kept = {
        "pair": store.count_pairs(),
        "traffic": store.count_traffic() - store.count_served(),
        "served": store.count_served(),
    }
    for kind, rows in kept.items():
        stored = sum(each.stored for each in counts.files if each.kind == kind)
        # A pair with several positives is one record.
        assert stored == rows or (kind == "pair" and stored < rows)
    read = {each.file: each for each in counts.files if each.kind != "served"}
    for each in made:
        if each.records is not None and each.name in read:
            # A line that is cut twice is two records, and a last one that has no end waits. Where
            # a document arrived that a pair names, all others of the file are known.
            found, spare = read[each.name], 0 if each.whole else 1
            assert found.seen >= each.records - spare
            assert found.stored + found.quarantined <= each.records + spare


def try_files(made: Sequence[Made]) -> int:
    """Take in files that grow after they were read; return how many records were read."""
    with tempfile.TemporaryDirectory() as place, Store.open("sqlite://") as store:
        folder = Path(place)
        for each in made:
            (folder / each.name).parent.mkdir(exist_ok=True)
            (folder / each.name).write_bytes(each.begun)
        read = take_all(store, folder, made)
        for each in made:
            if each.more:
                with (folder / each.name).open("ab") as file:
                    file.write(each.more)
        read += take_all(store, folder, made)
        must_add_up(store, made)
        before = store.counts()
        assert take_all(store, folder, made) == 0, "nothing is read twice"
        assert store.counts() == before
        return read


def any_files(examples: int, most: int) -> int:
    """Try files of generated kinds; return how many records were read."""
    read = []

    @settings(max_examples=examples, database=None, suppress_health_check=list(HealthCheck))
    @given(folders(most))
    def tried(made: Sequence[Made]) -> None:
        read.append(try_files(made))

    tried()
    return sum(read)


def test_any_records_of_any_kind_and_type_are_stored_known_or_set_aside():
    assert any_files(examples=60, most=12) > 100


@pytest.mark.slow
def test_ten_thousand_records_of_any_kind_are_stored_known_or_set_aside():
    assert any_files(examples=600, most=40) >= 10_000


PEAK = """
import re, sys
from datetime import UTC, datetime
from pathlib import Path
from pipeline.intake import Intake
from pipeline.store import Store
folder = Path(sys.argv[1])
with Store.open(f"sqlite:///{folder}/store.db") as store:
    patterns = {key: [f"{key}.jsonl"] for key in sys.argv[2:]}
    Intake(max_bad_share=1.0).read_all(store, patterns, folder, datetime(2024, 5, 31, tzinfo=UTC))
    held = re.search("VmHWM:\\s*([0-9]+)", Path("/proc/self/status").read_text())
    print(store.counts().seen, int(held[1]) // 1024)
"""


def peak(folder: Path, written: Mapping[str, Sequence[bytes]], most: int) -> tuple[int, int]:
    """Read the first lines of each kind in a process; return records and its peak in MiB."""
    folder.mkdir()
    for key, some in written.items():
        (folder / f"{key}.jsonl").write_bytes(b"\n".join(some[:most]) + b"\n")
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(folder), *written],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    read, held = done.stdout.split()
    return int(read), int(held)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
def test_ten_thousand_bad_records_need_hardly_more_memory_than_a_thousand(tmp_path):
    written: dict[str, list[bytes]] = {key: [] for key in KEYS}

    @settings(max_examples=130, database=None, suppress_health_check=list(HealthCheck))
    @given(st.fixed_dictionaries({key: st.lists(lines(key), min_size=20) for key in KEYS}))
    def drawn(some: Mapping[str, list[bytes]]) -> None:
        for key, more in some.items():
            written[key] += more

    drawn()
    assert all(len(some) >= 2_600 for some in written.values())
    few, small = peak(tmp_path / "few", written, 260)
    many, large = peak(tmp_path / "many", written, 2_600)
    assert many > 9_000
    assert large - small < 25, f"{few} records: {small} MiB, {many} records: {large} MiB"
