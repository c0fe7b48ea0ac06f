"""The deployment files: what the Dockerfile, compose.yaml and kubernetes.yaml contain."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from emomusic.ui.core.capacity import LIVE_PER_CORE
from emomusic.ui.live.ice import ice_settings
from emomusic.ui.server.drain import drain_seconds

KUBERNETES = "1.32"
STOP_S = 5.0  # emomusic/ui/server/drain.py ends the process this long after the drain


@pytest.fixture
def dockerfile(root: Path) -> str:
    return (root / "deploy" / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture
def services(root: Path) -> dict[str, Any]:
    return yaml.safe_load((root / "deploy" / "compose.yaml").read_text(encoding="utf-8"))["services"]


@pytest.fixture
def manifests(root: Path) -> dict[str, Any]:
    documents = yaml.safe_load_all((root / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8"))
    return {document["kind"]: document for document in documents}


# Dockerfile


def instruction(dockerfile: str, name: str) -> str:
    """The arguments of the last instruction of a kind."""
    return re.findall(rf"^{name} (.+(?:(?<=\\)\n.+)*)", dockerfile, re.MULTILINE)[-1]


def test_the_image_runs_locked_libraries_as_a_numeric_user_on_one_pinned_base(dockerfile: str):
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", instruction(dockerfile, "USER"))
    assert instruction(dockerfile, "RUN python -m pip").endswith("-r requirements-serve.txt")
    (base,) = set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE))
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+", base)


def test_signals_reach_python_and_the_health_check_asks_whether_it_is_ready(root: Path, dockerfile: str):
    command = json.loads(instruction(dockerfile, "CMD"))
    assert command[0] == "python"
    assert (root / command[-1]).is_file()
    assert instruction(dockerfile, "STOPSIGNAL") == "SIGTERM"
    health = json.loads(instruction(dockerfile, "HEALTHCHECK").partition("CMD")[2])
    assert health[:2] == ["python", "-c"]
    compile(health[2], "HEALTHCHECK", "exec")
    assert "/ready" in health[2]
    assert f"STREAMLIT_SERVER_PORT={instruction(dockerfile, 'EXPOSE')}" in dockerfile


def test_the_build_context_is_an_allow_list_with_every_file_of_the_wheel(root: Path):
    lines = (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    assert rules[0] == "*"
    assert {path.partition("/")[0] for path in allowed} == {
        *("app.py", "emomusic", "pages", "models", "data", ".streamlit", "LICENSE", "SHA256SUMS"),
        "requirements-serve.txt",
    }
    bundled = runpy.run_path(str(root / "hatch_build.py"))["bundled_files"](root)[0]
    assert bundled
    assert [name for name in bundled if not {name, *map(str, Path(name).parents)} & allowed] == []


# compose.yaml


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


def test_replicas_have_time_to_drain_and_caddy_knows_them(root: Path, services: dict[str, Any]):
    app, caddy = services["app"], services["caddy"]
    assert float(app["stop_grace_period"].removesuffix("s")) > drain_seconds({}) + STOP_S
    assert app["environment"]["EMOMUSIC_DRAIN_S"] == f"${{EMOMUSIC_DRAIN_S:-{drain_seconds({}):.0f}}}"
    replicas = int(re.sub(r"\D", "", app["deploy"]["replicas"]))
    expected = " ".join(f"emomusic-app-{number + 1}:8501" for number in range(replicas))
    assert caddy["environment"]["EMOMUSIC_UPSTREAMS"] == f"${{EMOMUSIC_UPSTREAMS:-{expected}}}"
    used = set(re.findall(r"\{\$(\w+)", (root / "deploy" / "Caddyfile").read_text(encoding="utf-8")))
    assert used == caddy["environment"].keys()


def test_compose_and_kubernetes_have_turn_servers(services: dict[str, Any], manifests: dict[str, Any]):
    compose = re.sub(r"\$\{.+?\}", "turn.example.org", services["app"]["environment"]["EMOMUSIC_ICE"])
    for text in (compose, manifests["ConfigMap"]["data"]["EMOMUSIC_ICE"]):
        settings = ice_settings({"EMOMUSIC_ICE": text, "EMOMUSIC_TURN_SECRET": "north"}, nearby=False)
        assert settings.hosts == ("turn.example.org",)


def test_the_example_has_every_required_variable_of_compose_and_no_unknown_one(root: Path):
    text = (root / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    example = (root / "deploy" / ".env.example").read_text(encoding="utf-8")
    names = set(re.findall(r"^(\w+)=", example, re.MULTILINE))
    assert set(re.findall(r"\$\{(\w+):\?", text)) <= names <= set(re.findall(r"\$\{(\w+)", text))
    assert re.findall(r"^\w*SECRET=(.+)$", example, re.MULTILINE) == []


# kubernetes.yaml


def test_the_manifests_fit_the_schema_of_kubernetes(manifests: dict[str, Any]):
    ours = {kind: manifest for kind, manifest in manifests.items() if not manifest["apiVersion"].startswith("traefik")}
    assert len(ours) == 6
    for manifest in ours.values():
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_a_pod_has_few_rights_and_time_to_drain(manifests: dict[str, Any], dockerfile: str):
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    context = pod["securityContext"]
    assert f"{context['runAsUser']}:{context['runAsGroup']}" == instruction(dockerfile, "USER")
    assert (context["runAsNonRoot"], context["seccompProfile"]) == (True, {"type": "RuntimeDefault"})
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    paths = [container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")]
    assert paths == ["/ready", "/ready", "/_stcore/health"]
    pause_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
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
