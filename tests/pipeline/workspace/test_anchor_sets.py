"""The anchor sets of a workspace: read with the slices that its settings name."""

import json

from made_streams import write_lines

from pipeline.workspace.settings_file import load_settings


def test_the_settings_of_an_anchor_set_name_its_columns(opened):
    root = opened.settings.root
    file = root / "anchors" / "bank" / "queries.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    write_lines(file, [{**row, "tier": "gold" if i < 80 else "tin"} for i, row in enumerate(rows)])
    settings = root / "anchorhold.toml"
    named = settings.read_text().replace(
        'path = "anchors/bank"', 'path = "anchors/bank"\nslices = ["tier"]'
    )
    settings.write_text(named)
    (bank,) = opened.following(load_settings(root)).anchor_sets.of(None)
    assert {name: len(queries) for name, queries in bank.slices.items()} == {
        "tier=gold": 80,
        "tier=tin": 20,
    }
