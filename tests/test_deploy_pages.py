"""The pages about scheduling, containers and Kubernetes: what they tell to type, run where it can.

Docker needs a daemon and kubectl a cluster: of their commands, the files, targets and options are
checked.
"""

import os
import shlex
import shutil
import subprocess

import pytest
import yaml
from deploy_files import DEPLOY, ROOT, UNITS, compose, dockerfile
from shown_commands import blocks_with_commands

HOW_TO = ROOT / "docs" / "how-to"


def lines(page, program):
    """The words of each line of a page that begins with a program."""
    text = "\n".join(blocks_with_commands(HOW_TO / page))
    found = [line for line in text.splitlines() if line.startswith(f"{program} ")]
    assert found, f"{page} shows no {program}"
    return [shlex.split(line, comments=True) for line in found]


def needs(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


def test_the_crontab_of_the_page_is_that_of_the_file():
    (crontab, *_) = [
        block for block in blocks_with_commands(HOW_TO / "schedule.md") if "* * *" in block
    ]
    file = (DEPLOY / "crontab").read_text(encoding="utf-8").splitlines()
    assert set(crontab.splitlines()) <= set(file)


@pytest.mark.parametrize("page", ["schedule.md", "watch-a-workspace.md"])
def test_systemd_enables_the_units_that_the_page_names(page, tmp_path):
    needs("systemctl")
    system = tmp_path / "etc" / "systemd" / "system"
    system.mkdir(parents=True)
    for unit in UNITS:
        shutil.copy(unit, system)
    for _, enable, now, unit in lines(page, "systemctl"):
        assert now == "--now"
        subprocess.run(["systemctl", "--root", tmp_path, enable, unit], check=True)
        assert unit in {link.name for link in system.glob("*.wants/*")}


def test_docker_builds_targets_that_there_are_from_a_file_that_is_there():
    for words in lines("run-in-containers.md", "docker"):
        if words[1] == "build":
            assert (ROOT / words[words.index("--file") + 1]).is_file()
            assert words[-1] == "."
            target = words[words.index("--target") + 1] if "--target" in words else "anchorhold"
            assert target in dockerfile()
        if words[1:3] == ["compose", "exec"]:
            assert words[3] in compose()["services"]


def test_the_lines_before_docker_compose_make_what_it_asks_for(tmp_path):
    needs("openssl")
    (block,) = [
        block
        for block in blocks_with_commands(HOW_TO / "run-in-containers.md")
        if "docker compose up" in block
    ]
    shutil.copytree(DEPLOY, tmp_path / "examples" / "deploy")
    script = "".join(f"{line}\n" for line in block.splitlines() if not line.startswith("docker "))
    subprocess.run(["bash", "-euc", script], cwd=tmp_path, check=True)
    made = tmp_path / "examples" / "deploy"
    assert (made / "workspace" / "anchorhold.toml").is_file()
    keys = dict(line.split("=") for line in (made / ".env").read_text().splitlines())
    assert keys.pop("WORKSPACE_OWNER") == f"{os.getuid()}:{os.getgid()}"
    assert set(keys) == {"POSTGRES_PASSWORD", "ANCHORHOLD_TOKEN"}
    assert all(len(key) == 48 for key in keys.values())


def test_kubectl_takes_the_commands_of_the_page(tmp_path):
    needs("kubectl")
    (tmp_path / "keys.env").write_text("PGPASSWORD=hidden\nANCHORHOLD_TOKEN=also\n")
    made = []
    for words in lines("run-on-kubernetes.md", "kubectl"):
        for option in ("--kustomize", "--filename"):
            if option in words:
                assert (ROOT / words[words.index(option) + 1]).exists()
        if words[1:3] in (["create", "namespace"], ["create", "secret"]):
            told = subprocess.run(
                [*words, "--dry-run=client", "--output", "yaml"],
                cwd=tmp_path, capture_output=True, text=True, check=True,
            )  # fmt: skip
            made.append(yaml.safe_load(told.stdout))
    namespace, secret = made
    kustomization = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text(encoding="utf-8"))
    assert namespace["metadata"]["name"] == kustomization["namespace"]
    assert secret["metadata"]["namespace"] == kustomization["namespace"]
    assert set(secret["data"]) == {"PGPASSWORD", "ANCHORHOLD_TOKEN"}
    manifests = (DEPLOY / "kubernetes" / "run.yaml").read_text(encoding="utf-8")
    assert f"secretRef: {{name: {secret['metadata']['name']}}}" in manifests
