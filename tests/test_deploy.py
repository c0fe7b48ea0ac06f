"""The deployment files: what the Dockerfile, compose.yaml and kubernetes.yaml contain."""

import re
import runpy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from emomusic.server.settings import settings

pytestmark = pytest.mark.slow  # reads the schema of Kubernetes

KUBERNETES = "1.32"
STOP_S = 5.0  # emomusic/server/drain.py ends the process this long after the drain


@pytest.fixture
def manifests(root: Path) -> dict[str, Any]:
    documents = yaml.safe_load_all((root / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8"))
    return {document["kind"]: document for document in documents}


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


def test_replicas_have_time_to_drain_and_caddy_knows_them(root: Path):
    services = yaml.safe_load((root / "deploy" / "compose.yaml").read_text(encoding="utf-8"))["services"]
    app, caddy = services["app"], services["caddy"]
    assert float(app["stop_grace_period"].removesuffix("s")) > settings({}).drain_s + STOP_S
    assert app["environment"]["EMOMUSIC_DRAIN_S"] == f"${{EMOMUSIC_DRAIN_S:-{settings({}).drain_s:.0f}}}"
    replicas = int(re.sub(r"\D", "", app["deploy"]["replicas"]))
    expected = " ".join(f"emomusic-app-{number + 1}:8501" for number in range(replicas))
    assert caddy["environment"]["EMOMUSIC_UPSTREAMS"] == f"${{EMOMUSIC_UPSTREAMS:-{expected}}}"
    used = set(re.findall(r"\{\$(\w+)", (root / "deploy" / "Caddyfile").read_text(encoding="utf-8")))
    assert used == caddy["environment"].keys()


# kubernetes.yaml


def test_the_manifests_fit_the_schema_of_kubernetes(manifests: dict[str, Any]):
    ours = {kind: manifest for kind, manifest in manifests.items() if not manifest["apiVersion"].startswith("traefik")}
    assert len(ours) == 6
    for manifest in ours.values():
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_a_pod_has_few_rights_and_time_to_drain(manifests: dict[str, Any], root: Path):
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    context = pod["securityContext"]
    users = re.findall(r"^USER (.+)", (root / "deploy" / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert f"{context['runAsUser']}:{context['runAsGroup']}" == users[-1]
    assert (context["runAsNonRoot"], context["seccompProfile"]) == (True, {"type": "RuntimeDefault"})
    assert container["securityContext"]["readOnlyRootFilesystem"]
    paths = [container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")]
    assert paths == ["/ready", "/ready", "/_stcore/health"]
    pause_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain_s = settings(manifests["ConfigMap"]["data"]).drain_s
    assert pod["terminationGracePeriodSeconds"] > pause_s + drain_s + STOP_S
