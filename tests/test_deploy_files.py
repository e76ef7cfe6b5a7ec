"""The files of examples/deploy: valid for those who read them, and their commands work."""

import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml
from deploy_files import (
    DEPLOY,
    MANIFESTS,
    ROOT,
    UNITS,
    commands,
    compose,
    copied,
    dockerfile,
    is_ignored,
    last,
    objects,
    pods,
    tracked,
    workflow,
)
from shown_commands import parsed

PARTS = [(name, call) for name, calls in commands().items() for call in calls]
"""(file, call) for every call of anchorhold in the files."""


@pytest.mark.parametrize(("file", "call"), PARTS, ids=[f"{a} {b[0]}" for a, b in PARTS])
def test_each_command_is_one_that_the_parser_takes(file, call):
    if call != ["--help"]:
        assert parsed(call).command.name == call[0]


def test_every_file_that_starts_something_is_looked_at():
    starting = {"crontab", "github-actions.yml", "compose.yaml", "Dockerfile"}
    starting |= {"run.yaml", "serve.yaml", "rayjob.yaml"}
    starting |= {unit.name for unit in UNITS if unit.suffix == ".service"}
    assert set(commands()) == starting


def test_the_settings_are_ones_that_a_workspace_takes(tmp_path):
    from pipeline.workspace import load_settings

    shutil.copy(DEPLOY / "anchorhold.toml", tmp_path)
    settings = load_settings(tmp_path)
    assert settings.store_url == "postgresql://anchorhold@postgres/anchorhold"
    assert not settings.tables.serve.is_loopback


def test_cron_gets_five_times_a_command_and_no_bare_percent_sign():
    lines = (DEPLOY / "crontab").read_text(encoding="utf-8").splitlines()
    variables = [line for line in lines if re.match(r"\w+=", line)]
    entries = [line for line in lines if line and line[0] != "#" and line not in variables]
    assert len(entries) == 2
    for entry in entries:
        *times, command = entry.split(maxsplit=5)
        assert all(re.fullmatch(r"\*|\d+", each) for each in times)
        assert command.startswith("anchorhold ")
        assert "%" not in command, "cron would take it as the end of the line"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_accepts_the_unit(unit, tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    program = tmp_path / "anchorhold"
    program.symlink_to("/bin/true")
    for each in UNITS:  # a timer needs its service
        text = each.read_text(encoding="utf-8").replace("/opt/anchorhold/bin", str(tmp_path))
        (tmp_path / each.name.replace("@", "@support-search")).write_text(text, encoding="utf-8")
    checked = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / unit.name.replace("@", "@support-search")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.name)
def test_kubernetes_knows_every_field_of_the_manifest(file):
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is missing")
    for each in yaml.safe_load_all(file.read_text(encoding="utf-8")):
        if each["kind"] != "RayJob":
            validate.validate(each, "1.34", strict=True)
        for pod in pods(each):  # of a RayJob too, whose own schema is KubeRay's
            made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": pod}
            validate.validate(made, "1.34", strict=True)


def test_the_ray_job_has_the_fields_that_kuberay_requires():
    # Its schema is in no package; https://ray-project.github.io/kuberay/reference/api/
    (job,) = [each for each in objects() if each["kind"] == "RayJob"]
    assert job["apiVersion"] == "ray.io/v1"
    spec = job["spec"]
    assert set(spec) <= {
        "entrypoint", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished", "backoffLimit",
        "rayClusterSpec",
    }  # fmt: skip
    assert set(spec["rayClusterSpec"]) == {"rayVersion", "headGroupSpec", "workerGroupSpecs"}
    assert set(spec["rayClusterSpec"]["headGroupSpec"]) == {"rayStartParams", "template"}
    (workers,) = spec["rayClusterSpec"]["workerGroupSpecs"]
    assert set(workers) == {
        "groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template",
    }  # fmt: skip
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]
    starts = [spec["rayClusterSpec"]["headGroupSpec"]["rayStartParams"], workers["rayStartParams"]]
    assert all(isinstance(value, str) for each in starts for value in each.values())
    pinned = f"ray=={spec['rayClusterSpec']['rayVersion']}"
    assert pinned in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()


def test_manifests_name_only_what_there_is():
    kustomization = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text(encoding="utf-8"))
    assert all((DEPLOY / each).is_file() for each in kustomization["resources"])
    (generated,) = kustomization["configMapGenerator"]
    assert all((DEPLOY / each).is_file() for each in generated["files"])
    claims = {
        each["metadata"]["name"] for each in objects() if each["kind"] == "PersistentVolumeClaim"
    }
    for pod in pods(objects()):
        volumes = {each["name"]: each for each in pod["volumes"]}
        assert volumes["workspace"]["persistentVolumeClaim"]["claimName"] in claims
        assert volumes["settings"]["configMap"]["name"] == generated["name"]
        for container in pod["containers"]:
            assert {each["name"] for each in container["volumeMounts"]} <= set(volumes)
    (deployment,) = [each for each in objects() if each["kind"] == "Deployment"]
    (service,) = [each for each in objects() if each["kind"] == "Service"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert labels == deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"]


def test_no_pod_runs_as_root_or_holds_a_secret_in_its_manifest():
    for pod in pods(objects()):
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            assert not any("value" in each for each in container.get("env", ()))


def test_kustomize_renders_the_manifests_with_the_settings():
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    rendered = subprocess.run(
        ["kubectl", "kustomize", DEPLOY], capture_output=True, text=True, check=True
    ).stdout
    found = {each["kind"]: each for each in yaml.safe_load_all(rendered)}
    kinds = {"ConfigMap", "PersistentVolumeClaim", "CronJob", "Deployment", "Service"}
    assert set(found) == kinds
    told = found["ConfigMap"]["data"]["anchorhold.toml"]
    assert tomllib.loads(told)["model"]["name"] == "support-search"
    images = {each["image"] for pod in pods(found) for each in pod["containers"]}
    assert all(image.startswith("registry.example/") for image in images), images


@pytest.mark.parametrize(
    ("schema", "file"),
    [("compose-spec", "compose.yaml"), ("github-workflows", "github-actions.yml")],
)
def test_the_file_is_valid_by_the_published_schema(schema, file):
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is missing")
    asked = ["--builtin-schema", f"vendor.{schema}", DEPLOY / file]
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *asked],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout


def test_the_composition_is_closed_to_other_machines_and_waits_for_what_it_needs():
    services = compose()["services"]
    for name, service in services.items():
        assert all(each.startswith("127.0.0.1:") for each in service.get("ports", ())), name
        assert "build" in service or name == "postgres"
    for name in ("mlflow", "watch", "serve"):
        for needed, how in services[name]["depends_on"].items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in services[needed]
    assert set(services["serve"]["depends_on"]) == {"postgres", "mlflow"}
    targets = {each["build"]["target"] for each in services.values() if "build" in each}
    assert targets <= set(dockerfile())
    secrets = re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    assert {"POSTGRES_PASSWORD", "ANCHORHOLD_TOKEN"} <= set(secrets)


def test_the_workflow_may_only_read_and_keeps_its_secrets_as_secrets():
    assert workflow()["permissions"] == {"contents": "read"}
    (job,) = workflow()["jobs"].values()
    given = [value for step in job["steps"] for value in step.get("env", {}).values()]
    assert given
    assert all(re.fullmatch(r"\$\{\{ secrets\.\w+ \}\}", each) for each in given)


def test_the_image_copies_what_there_is_and_nothing_else_reaches_the_daemon():
    sources = {source for stage in dockerfile().values() for source in copied(stage)}
    for source in sources:
        files = tracked(source)
        assert files, source
        assert not [file for file in files if is_ignored(file)]
    for private in (".git/config", ".env", "examples/deploy/.env", "docs/index.md", "tests/x.py"):
        assert is_ignored(private)
    assert is_ignored("pipeline/__pycache__/x.pyc")


@pytest.mark.parametrize("target", ["anchorhold", "service", "ray"])
def test_the_image_runs_as_a_user_without_rights_and_holds_no_secret(target):
    stage = dockerfile()[target]
    assert last(stage, "USER") == "10001"
    assert last(stage, "WORKDIR") == "/workspace"
    for name, value in stage:
        if name in ("ENV", "ARG"):
            assert not re.search("PASSWORD|TOKEN|SECRET|_KEY", value), value


def test_the_last_stage_is_the_one_without_a_service():
    *_, (name, stage) = dockerfile().items()
    assert name == "anchorhold"
    assert not last(stage, "HEALTHCHECK")
    assert last(dockerfile()["service"], "HEALTHCHECK")


def test_hadolint_has_no_doubts_about_the_image():
    if not shutil.which("hadolint"):
        pytest.skip("hadolint is not installed")
    # Versions of Debian packages are not pinned: the base image is.
    subprocess.run(["hadolint", "--ignore", "DL3008", DEPLOY / "Dockerfile"], check=True)
