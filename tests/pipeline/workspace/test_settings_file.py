"""The settings file: one that cannot be used is refused by file, key, value and what is allowed."""

import importlib.util
import subprocess
import sys

import pytest

from pipeline.workspace.settings_fault import SettingsFault
from pipeline.workspace.settings_file import load_settings
from pipeline.workspace.trigger_tables import BUILT_IN_TRIGGERS

MINIMAL = '[model]\nname = "search"\nbase = "models/base"\n\n[data]\n'
FULL = """\
[model]
name = "search"
base = "models/base"

[data]
pairs = ["pairs/*.jsonl"]

[anchors."support.2023"]
path = "anchors/support"
max_drop = 0.05

[gate]
max_drop = 0
approval = true

[merge]
shares = [0.4, 0.8]

[triggers.model_age]
enabled = false
maximum_days = 90

[triggers.fresh_data]
"""


def settings(folder, text):
    (folder / "anchorhold.toml").write_text(text, encoding="utf-8")
    return load_settings(folder)


def refused(folder, text):
    with pytest.raises(SettingsFault) as fault:
        settings(folder, text)
    return fault.value


def test_the_least_settings_switch_every_trigger_on_and_take_each_default(tmp_path):
    found = settings(tmp_path, MINIMAL)
    assert {trigger.name for trigger in found.triggers} == set(BUILT_IN_TRIGGERS)
    assert found.triggers == tuple(worker() for worker in BUILT_IN_TRIGGERS.values())
    assert found.tables.gate.max_drop == 0.02
    assert found.tables.anchors == {}


def test_a_settings_file_saved_on_windows_is_read(tmp_path):
    given = settings(tmp_path, MINIMAL)
    (tmp_path / "anchorhold.toml").write_bytes(MINIMAL.replace("\n", "\r\n").encode("utf-8-sig"))
    assert load_settings(tmp_path).digest == given.digest


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "latin-1"])
def test_a_settings_file_in_another_encoding_is_refused_in_one_sentence(tmp_path, encoding):
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    text = mark + MINIMAL + '[anchors.a]\npath = "gr\u00f6\u00dfe"\n'
    (tmp_path / "anchorhold.toml").write_bytes(text.encode(encoding))
    with pytest.raises(SettingsFault) as fault:
        load_settings(tmp_path)
    assert "\n" not in str(fault.value)
    said = "written in UTF-16; save it as UTF-8" if "16" in encoding else "cannot be read as UTF-8"
    assert said in str(fault.value)


def test_each_key_reaches_the_worker_that_it_sets(tmp_path):
    found = settings(tmp_path, FULL)
    assert found.tables.data.pairs == ["pairs/*.jsonl"]
    assert found.tables.anchors["support.2023"].max_drop == 0.05
    assert found.tables.gate.approval
    assert found.tables.merge.shares == (0.4, 0.8)
    assert found.tables.triggers["model_age"].trigger.maximum_days == 90


def test_the_digest_of_a_file_is_the_same_in_every_version(tmp_path):
    # A changed digest is a reason to check old data again. This one was made by version 0.1.0
    # before settings were read by one model.
    found = settings(tmp_path, FULL)
    assert found.digest == "0b2c5e25e4aca81f504601d10422b5c2e06281044a7c9bd88fbeb21e6af8f5e2"


def test_how_long_old_files_stay_is_no_reason_to_check_old_data_again(tmp_path):
    before = settings(tmp_path, FULL).digest
    found = settings(tmp_path, FULL + '\n[keep]\nruns = "all"\ncycles = 0\n')
    assert (found.tables.keep.runs, found.tables.keep.cycles) == ("all", 0)
    assert found.digest == before


def test_a_folder_is_named_as_text_or_as_a_path(tmp_path):
    assert settings(tmp_path, MINIMAL) == load_settings(str(tmp_path))


def test_a_folder_without_settings_says_how_to_make_them(tmp_path):
    with pytest.raises(SettingsFault, match=r"no anchorhold\.toml.*anchorhold init"):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    ("added", "key", "message"),
    [
        ("[gate]\nmax_dorp = 0.1\n", "gate.max_dorp", "(did you mean max_drop?); allowed: "),
        ("[gate]\nmax_drop = 'much'\n", "gate.max_drop", 'is "much"; allowed: number in [0, 1)'),
        ("[gate]\nmax_drop = true\n", "gate.max_drop", "is true; allowed: number"),
        ("[gate]\nconfidence = 1.4\n", "gate.confidence", "is 1.4; allowed: number in (0.5, 1)"),
        ("[gate]\nconfidence = nan\n", "gate.confidence", "is NaN; allowed: number"),
        ("[observe]\nwindow = 20.0\n", "observe.window", "is 20.0; allowed: whole number"),
        ("[finetune]\nprecision = 'fp8'\n", "finetune.precision", 'allowed: "auto", "fp32" or "b'),
        ("[finetune]\nprocesses = 3\n", "finetune", "batch_size is 32, not a multiple of the 3"),
        ("[merge]\nshares = [0.5, 2]\n", "merge", "holds 2.0; each share must lie in (0, 1)"),
        ("[memory]\ngenerated_sources = ['a', 1]\n", "memory.generated_sources.1", "list of texts"),
        ("[keep]\ncycles = 'many'\n", "keep.cycles", 'allowed: whole number, at least 0 or "all"'),
        ("[keep]\ncycles = -1\n", "keep.cycles", "is -1; allowed: whole number, at least 0 or"),
        ("[gaet]\n", "gaet", "(did you mean gate?); allowed: model, data"),
        ("[gate]\n[gates]\n", "gates", "unknown table [gates] (did you mean gate?)"),
        (
            "[memory]\ngenerated_sources = 'bot'\n",
            "memory.generated_sources",
            'is "bot"; allowed: list of texts, such as ["bot"]',
        ),
        ("[[gate]]\n", "gate", "is [{}]; allowed: a table"),
        ("[[anchors]]\n", "anchors", "allowed: a table"),
        ("[anchors]\nold = 'x'\n", "anchors.old", 'is "x"; allowed: a table'),
        ("[anchors.old]\n", "anchors.old.path", "is missing"),
        ("[anchors.old]\npath = 3\n", "anchors.old.path", "is 3; allowed: text, not empty"),
        ("[anchors.'a/b']\npath = 'x'\n", "anchors.a/b", "name of an anchor set, letters, digits"),
        ("[[triggers]]\n", "triggers", "allowed: a table"),
        ("[triggers]\nmodel_age = 3\n", "triggers.model_age", "is 3; allowed: a table"),
        ("[triggers.modelage]\n", "triggers.modelage", "did you mean model_age?); built in: emb"),
        (
            "[triggers.model_age]\nenabled = 'no'\n",
            "triggers.model_age.enabled",
            'is "no"; allowed: true or false',
        ),
        (
            "[triggers.model_age]\nhours = 1\n",
            "triggers.model_age.hours",
            "allowed: enabled, maximum_days",
        ),
        (
            "[triggers.model_age]\nenabled = false\nmaximum_days = -1\n",
            "triggers.model_age.maximum_days",
            "is -1; allowed: number above 0",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_is_allowed(tmp_path, added, key, message):
    fault = refused(tmp_path, MINIMAL + added)
    assert fault.keys == (key,)
    assert str(fault).startswith(f"{tmp_path / 'anchorhold.toml'}: ")
    assert message in str(fault)


def test_all_mistakes_of_a_file_are_named_at_once_a_line_each(tmp_path):
    fault = refused(
        tmp_path,
        '[model]\nname = "s"\n[gate]\nmax_drop = 2\nmax_dorp = 1\n[finetune]\nepochs = 0\n'
        "[triggers.model_age]\nenabled = 1\nhours = 1\n[triggers.rain]\nmillimetres = 2\n",
    )
    assert set(fault.keys) == {
        "model.base",
        "data",
        "gate.max_drop",
        "gate.max_dorp",
        "finetune.epochs",
        "triggers.model_age.enabled",
        "triggers.model_age.hours",
        "triggers.rain",
    }
    assert len(str(fault).splitlines()) == len(fault.keys)


def test_a_missing_table_or_key_is_named(tmp_path):
    fault = refused(tmp_path, '[model]\nname = "search"\n')
    assert fault.keys == ("model.base", "data")
    assert "model.base is missing" in str(fault)


def test_a_table_whose_name_is_misspelt_is_told_once(tmp_path):
    fault = refused(tmp_path, MINIMAL.replace("[model]", "[modle]"))
    assert fault.keys == ("modle",)
    assert "unknown table [modle] (did you mean model?)" in str(fault)


@pytest.mark.parametrize("text", [b"[model\n", b"[model]\nname = '\xff'\n", b"a = 1\na = 2\n"])
def test_a_file_that_is_no_toml_is_named(tmp_path, text):
    (tmp_path / "anchorhold.toml").write_bytes(text)
    with pytest.raises(SettingsFault, match=r"anchorhold\.toml: (not TOML|cannot be read)"):
        load_settings(tmp_path)


def test_a_trigger_that_is_switched_off_is_not_checked_and_keeps_its_keys(tmp_path):
    found = settings(tmp_path, FULL)
    assert "model_age" not in {trigger.name for trigger in found.triggers}
    assert not found.tables.triggers["model_age"].enabled


def test_a_setting_that_needs_a_package_names_the_extra_that_brings_it(tmp_path, monkeypatch):
    needs = MINIMAL + "[finetune]\nadapter_rank = 8\n"
    assert settings(tmp_path, needs).tables.finetune.adapter_rank == 8
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    fault = refused(tmp_path, needs)
    assert fault.keys == ("finetune.adapter_rank",)
    assert "anchorhold[lora]" in str(fault)


def test_settings_are_read_without_the_libraries_of_models_and_statistics(tmp_path):
    (tmp_path / "anchorhold.toml").write_text(MINIMAL)
    code = (
        "import sys; from pipeline.workspace import load_settings; load_settings(sys.argv[1]); "
        "heavy = {'torch', 'transformers', 'mlflow', 'sklearn', 'scipy.stats', 'tomlkit'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("[0]", "model.dimensions holds 0; each must be at least 1"),
        ('["128"]', 'model.dimensions.0 is "128"'),
        ("128", "model.dimensions is 128; allowed: list of whole numbers"),
    ],
)
def test_a_length_that_no_vector_has_is_refused(tmp_path, value, said):
    text = MINIMAL.replace("\n\n[data]", f"\ndimensions = {value}\n\n[data]")
    assert said in str(refused(tmp_path, text))
