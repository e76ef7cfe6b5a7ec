"""What is installed with anchorhold: licences and vulnerabilities, checked and not assumed."""

import re
import runpy
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
LICENCES = runpy.run_path(str(ROOT / ".ci" / "licences.py"))
AUDIT = runpy.run_path(str(ROOT / ".ci" / "audit.py"))


def of(name, licence):
    return {"Name": name, "Version": "1", "License": licence}


def test_a_licence_that_nobody_allowed_is_named():
    refused = LICENCES["refused"]
    allowed = ("MIT", "Apache-2.0 AND MIT", "MIT License; BSD License")
    assert refused([of("a", each) for each in allowed]) == []
    assert refused([of("d", "GPL-3.0-only"), of("e", "MIT AND AGPL-3.0"), of("f", "UNKNOWN")]) == [
        "d 1: GPL-3.0-only",
        "e 1: MIT AND AGPL-3.0",
        "f 1: UNKNOWN",
    ]


def test_each_extra_for_users_brings_its_packages_and_tools_are_left_out():
    extras = LICENCES["users_extras"]()
    assert extras == {"demo", "lora", "serve", "ray", "postgres"}
    brought = LICENCES["brought"]("anchorhold", extras)
    assert {"torch", "mlflow", "lancedb", "ray", "psycopg-binary", "peft", "markupsafe"} <= brought
    assert not {"pytest", "ruff", "sphinx"} & brought


def test_a_package_that_the_service_does_not_know_does_not_pass_for_checked():
    skipped = {"name": "torch", "skip_reason": "Dependency not found on PyPI"}
    sound = {"name": "rich", "version": "1", "vulns": []}
    fault = {"id": "CVE-1", "fix_versions": ["2"]}
    hit = {"name": "jinja2", "version": "1", "vulns": [fault]}
    told = AUDIT["told"]
    assert told({"dependencies": [skipped]}) == ([], ["torch"], 0)
    assert told({"dependencies": [skipped, sound, hit]}) == (
        ["jinja2 1: CVE-1, fixed in 2"],
        ["torch"],
        2,
    )
    assert told(None) == ([], [], 0)


def test_actions_of_the_example_are_pinned_by_commit():
    workflow = yaml.safe_load((ROOT / "examples" / "deploy" / "github-actions.yml").read_text())
    used = [step["uses"] for step in workflow["jobs"]["cycle"]["steps"] if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each) for each in used)
