"""The deployment files: what the Dockerfile, compose.yaml and kubernetes.yaml contain."""

from __future__ import annotations

import re
import runpy
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from emomusic.ui.core.capacity import LIVE_PER_CORE
from emomusic.ui.server.drain import drain_seconds
from scripts.dockerfile import DockerfileError, Ignored, Stage, context_files, read_dockerfile, substitute

KUBERNETES = "1.32"
STOP_S = 5.0  # emomusic/ui/server/drain.py ends the process this long after the drain


@pytest.fixture
def stages(root: Path) -> list[Stage]:
    return read_dockerfile(root / "deploy" / "Dockerfile")


@pytest.fixture
def services(root: Path) -> dict[str, Any]:
    return yaml.safe_load((root / "deploy" / "compose.yaml").read_text(encoding="utf-8"))["services"]


@pytest.fixture
def manifests(root: Path) -> dict[str, Any]:
    documents = yaml.safe_load_all((root / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8"))
    return {document["kind"]: document for document in documents}


# Dockerfile


def test_the_image_runs_as_a_numeric_user_who_is_not_root(stages: list[Stage]):
    user, group = stages[-1].last("USER").text.split(":")
    assert int(user) > 0
    assert int(group) > 0


def test_the_image_installs_the_locked_libraries_of_the_server(stages: list[Stage]):
    commands = [step.text for stage in stages for step in stage.all("RUN")]
    assert [command for command in commands if "requirements" in command] == [
        command for command in commands if command.endswith("-r requirements-serve.txt")
    ]
    assert any("requirements-serve.txt" in command for command in commands)


def test_every_stage_has_the_same_pinned_base(stages: list[Stage]):
    (base,) = {stage.base for stage in stages}
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+", base)


def test_signals_reach_python_without_a_shell(root: Path, stages: list[Stage]):
    command = stages[-1].last("CMD").command()
    assert command[0] == "python"
    assert (root / command[-1]).is_file()
    assert stages[-1].last("STOPSIGNAL").text == "SIGTERM"


def test_the_health_check_asks_whether_the_server_is_ready(stages: list[Stage]):
    command = stages[-1].last("HEALTHCHECK").command()
    assert command[:2] == ["python", "-c"]
    compile(command[2], "HEALTHCHECK", "exec")
    assert "/ready" in command[2]
    port = stages[-1].environment()["STREAMLIT_SERVER_PORT"]
    assert stages[-1].last("EXPOSE").text == port


def test_the_build_context_has_every_path_that_the_dockerfile_copies(root: Path, stages: list[Stage]):
    files = set(context_files(root))
    copied = [
        source for stage in stages for step in stage.all("COPY") for source in step.copy()[1] if not step.copy()[0]
    ]
    assert copied
    assert [path for path in copied if path != "." and path not in files] == []


def test_the_build_context_has_every_file_of_the_wheel(root: Path):
    bundled_files = runpy.run_path(str(root / "hatch_build.py"))["bundled_files"]
    modules = {path.relative_to(root).as_posix() for path in (root / "emomusic").rglob("*.py")}
    files = set(context_files(root))
    assert (modules | set(bundled_files(root)[0])) - files == set()


def test_the_build_context_has_no_tests_documents_or_secrets(root: Path):
    folders = {"emomusic", "pages", "models", "data", ".streamlit"}
    files = {"app.py", "LICENSE", "SHA256SUMS", "requirements-serve.txt"}
    found = list(context_files(root))
    assert {path.partition("/")[0] for path in found} == folders | files
    assert [path for path in found if path.endswith((".keras", ".pyc", "secrets.toml"))] == []


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("README.md", True),
        ("kept/a/b.py", False),
        ("kept/a/b.pyc", True),
        ("kept.py", True),
        ("half/one.toml", False),
        ("half/two.toml", True),
        ("cache/x", True),
        ("kept/deep/cache/x", True),
    ],
)
def test_the_last_matching_rule_decides(path: str, ignored: bool):
    rules = Ignored("# comment\n*\n!kept\n!half/one.toml\n\n**/*.pyc\n**/cache\n")
    assert rules(path) is ignored


def test_folders_without_files_of_the_context_are_skipped():
    rules = Ignored("*\n!kept\n!half/one.toml\n")
    assert [folder for folder in ("kept", "half", "other") if rules.skips(folder)] == ["other"]


def test_variables_have_their_values():
    assert substitute("${A}/$B:${C}", {"A": "1", "B": "2"}) == "1/2:"


@pytest.mark.parametrize("text", ["RUN true", "FROM a\nADD x y"])
def test_an_unknown_instruction_is_refused(tmp_path: Path, text: str):
    (tmp_path / "Dockerfile").write_text(text, encoding="utf-8")
    with pytest.raises(DockerfileError, match=r"Received: (RUN|ADD)"):
        read_dockerfile(tmp_path / "Dockerfile")


def test_a_command_in_shell_form_is_refused(tmp_path: Path):
    (tmp_path / "Dockerfile").write_text("FROM a\nCMD python -m x\n", encoding="utf-8")
    with pytest.raises(DockerfileError, match="JSON array"):
        read_dockerfile(tmp_path / "Dockerfile")[0].last("CMD").command()


# compose.yaml


def seconds(duration: str) -> float:
    assert duration.endswith("s")
    return float(duration[:-1])


@pytest.mark.parametrize("name", ["app", "caddy", "coturn"])
def test_a_container_has_few_rights_and_limits(services: dict[str, Any], name: str):
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert set(service.get("cap_add", [])) <= {"NET_BIND_SERVICE"}
    assert "no-new-privileges:true" in service["security_opt"]
    assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys()
    assert service["restart"] == "unless-stopped"
    assert ":" in service["image"] or "build" in service


def test_a_replica_has_time_to_drain(services: dict[str, Any]):
    assert seconds(services["app"]["stop_grace_period"]) > drain_seconds({}) + STOP_S
    assert services["app"]["environment"]["EMOMUSIC_DRAIN_S"] == f"${{EMOMUSIC_DRAIN_S:-{drain_seconds({}):.0f}}}"


def test_caddy_knows_every_replica_of_compose(services: dict[str, Any]):
    replicas = int(re.sub(r"\D", "", services["app"]["deploy"]["replicas"]))
    expected = " ".join(f"emomusic-app-{number + 1}:8501" for number in range(replicas))
    assert services["caddy"]["environment"]["EMOMUSIC_UPSTREAMS"] == f"${{EMOMUSIC_UPSTREAMS:-{expected}}}"


def test_compose_sets_every_variable_of_the_caddyfile(root: Path, services: dict[str, Any]):
    used = set(re.findall(r"\{\$(\w+)", (root / "deploy" / "Caddyfile").read_text(encoding="utf-8")))
    assert used == services["caddy"]["environment"].keys()


def test_the_example_has_every_required_variable_of_compose_and_no_unknown_one(root: Path):
    text = (root / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    example = (root / "deploy" / ".env.example").read_text(encoding="utf-8")
    names = set(re.findall(r"^(\w+)=", example, re.MULTILINE))
    assert set(re.findall(r"\$\{(\w+):\?", text)) <= names <= set(re.findall(r"\$\{(\w+)", text))
    assert re.findall(r"^\w*SECRET=(.+)$", example, re.MULTILINE) == []


def test_git_ignores_the_secrets_of_compose(root: Path):
    assert subprocess.run(["git", "check-ignore", "-q", "deploy/.env"], cwd=root).returncode == 0


def test_the_files_that_compose_mounts_exist(root: Path, services: dict[str, Any]):
    mounted = [volume.partition(":")[0] for service in services.values() for volume in service.get("volumes", [])]
    files = [path for path in mounted if path.startswith("./")]
    assert len(files) == 2
    assert [path for path in files if not (root / "deploy" / path).is_file()] == []


# kubernetes.yaml


def test_the_manifests_fit_the_schema_of_kubernetes(manifests: dict[str, Any]):
    ours = {kind: manifest for kind, manifest in manifests.items() if not manifest["apiVersion"].startswith("traefik")}
    assert len(ours) == 6
    for manifest in ours.values():
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_no_manifest_has_a_namespace_or_a_secret(manifests: dict[str, Any]):
    assert "Secret" not in manifests
    assert [kind for kind, manifest in manifests.items() if "namespace" in manifest["metadata"]] == []


def test_a_pod_has_few_rights_limits_and_probes(manifests: dict[str, Any]):
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"].keys() == {"cpu", "memory"}
    paths = [container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")]
    assert paths == ["/ready", "/ready", "/_stcore/health"]
    assert pod["volumes"] == [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}}]


def test_a_pod_runs_as_the_user_of_the_image(manifests: dict[str, Any], stages: list[Stage]):
    context = manifests["Deployment"]["spec"]["template"]["spec"]["securityContext"]
    assert f"{context['runAsUser']}:{context['runAsGroup']}" == stages[-1].last("USER").text


def test_a_pod_has_time_to_drain(manifests: dict[str, Any]):
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    pause_s = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain_s = drain_seconds(manifests["ConfigMap"]["data"])
    assert pod["terminationGracePeriodSeconds"] > pause_s + drain_s + STOP_S


def test_pods_scale_with_live_sessions_and_end_slowly(manifests: dict[str, Any]):
    spec = manifests["HorizontalPodAutoscaler"]["spec"]
    (pods,) = [metric["pods"] for metric in spec["metrics"] if metric["type"] == "Pods"]
    assert pods["metric"]["name"] == "emomusic_live_sessions"
    (container,) = manifests["Deployment"]["spec"]["template"]["spec"]["containers"]
    limit = int(container["resources"]["limits"]["cpu"]) * LIVE_PER_CORE
    assert int(pods["target"]["averageValue"].removesuffix("m")) / 1000 < limit
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] >= 600
    assert "replicas" not in manifests["Deployment"]["spec"]


def test_traefik_keeps_visitors_on_a_pod_and_hides_the_metrics(manifests: dict[str, Any]):
    (route,) = manifests["IngressRoute"]["spec"]["routes"]
    assert "!PathPrefix(`/metrics`)" in route["match"]
    (service,) = route["services"]
    assert service["name"] == manifests["Service"]["metadata"]["name"]
    assert service["sticky"]["cookie"]["httpOnly"] is True
