"""The deployment files: Caddy before two small servers; what Dockerfile, compose.yaml and kubernetes.yaml contain."""

import os
import re
import runpy
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kubernetes_validate
import pytest
import requests
import yaml

from emomusic.server.settings import settings
from tests.servers import Reply, Request, reserved_port, serve
from tests.waiting import wait_until

pytestmark = pytest.mark.slow  # starts Caddy, reads the schema of Kubernetes

needs_caddy = pytest.mark.skipif(shutil.which("caddy") is None, reason="Caddy is not installed")
KUBERNETES = "1.32"
STOP_S = 5.0  # emomusic/server/drain.py ends the process this long after the drain


@dataclass
class Replica:
    """A small server; `is_ready` is its answer to Caddy."""

    name: str
    is_ready: bool = True
    paths: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Reply:
        if request.path == "/ready":
            return Reply(status=200 if self.is_ready else 503)
        self.paths.append(request.path)
        if request.path.startswith("/broken"):
            return Reply(self.name.encode(), length=1000)
        return Reply(self.name.encode(), headers={"Server": "test"})


@pytest.fixture
def site(root: Path, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """Caddy in front of two replicas, and its log."""
    replicas, log = {name: Replica(name) for name in ("one", "two")}, tmp_path / "caddy.log"
    words = ["caddy", "run", "--config", str(root / "deploy" / "Caddyfile"), "--adapter", "caddyfile"]
    environment = os.environ | dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(tmp_path))
    with ExitStack() as stack:
        urls = [stack.enter_context(serve(replica.answer)).url for replica in replicas.values()]
        port, lines = stack.enter_context(reserved_port()), stack.enter_context(log.open("wb"))
        environment |= {
            "EMOMUSIC_SITE": f"http://127.0.0.1:{port}",
            "EMOMUSIC_SITE_OPTIONS": "bind 127.0.0.1",
            "EMOMUSIC_UPSTREAMS": " ".join(url.removeprefix("http://") for url in urls),
            "EMOMUSIC_COOKIE_SECRET": "key",
        }
        caddy = stack.enter_context(subprocess.Popen(words, env=environment, stdout=lines, stderr=lines))
        stack.callback(caddy.kill)
        wait_until(lambda: answers(port))
        yield SimpleNamespace(url=f"http://127.0.0.1:{port}", replicas=replicas, log=log)


def answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@needs_caddy
def test_visitors_share_both_replicas_stay_on_theirs_and_leave_a_draining_one(site: SimpleNamespace):
    seen = set()
    for _ in range(20):
        with requests.Session() as visitor:
            names = {visitor.get(f"{site.url}/page").text for _ in range(3)}
        assert len(names) == 1
        seen |= names
    assert seen == {"one", "two"}
    headers = requests.get(site.url).headers
    assert {"Server", "Via", "Strict-Transport-Security"} & set(headers) == set()
    assert headers["X-Content-Type-Options"] == "nosniff"
    site.replicas["one"].is_ready = False
    wait_until(lambda: "unexpected status code" in site.log.read_text(encoding="utf-8"))
    assert {requests.get(site.url).text for _ in range(20)} == {"two"}


@needs_caddy
def test_metrics_sockets_of_other_sites_and_what_visitors_do_stay_hidden(site: SimpleNamespace):
    with requests.Session() as visitor:
        for path in ("/METRICS", "/%6detrics", "/a/../metrics", "//metrics", "/_stcore/metrics"):
            request = visitor.prepare_request(requests.Request("GET", site.url))
            request.url = f"{site.url}{path}"
            assert visitor.send(request).status_code == 404
    assert [replica.paths for replica in site.replicas.values()] == [[], []]
    suffix = f"http://x{site.url.removeprefix('http://')}"
    for origin, status in ((site.url, 200), (None, 200), ("null", 403), (suffix, 403)):
        headers = {"Origin": origin} if origin else {}
        assert requests.get(f"{site.url}/_stcore/stream", headers=headers).status_code == status
    requests.get(f"{site.url}/broken/holiday.jpg?name=lovelace", headers={"User-Agent": "marker"})
    wait_until(lambda: '"level":"error"' in site.log.read_text(encoding="utf-8"))
    text = site.log.read_text(encoding="utf-8")
    assert [word for word in ("holiday", "lovelace", "marker", "remote_ip", "Cookie") if word in text] == []


@pytest.fixture
def manifests(root: Path) -> dict[str, Any]:
    documents = yaml.safe_load_all((root / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8"))
    return {document["kind"]: document for document in documents}


def test_the_build_context_has_every_file_of_the_wheel_and_replicas_time_to_drain(root: Path):
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
    services = yaml.safe_load((root / "deploy" / "compose.yaml").read_text(encoding="utf-8"))["services"]
    app, caddy = services["app"], services["caddy"]
    assert float(app["stop_grace_period"].removesuffix("s")) > settings({}).drain_s + STOP_S
    assert app["environment"]["EMOMUSIC_DRAIN_S"] == f"${{EMOMUSIC_DRAIN_S:-{settings({}).drain_s:.0f}}}"
    replicas = int(re.sub(r"\D", "", app["deploy"]["replicas"]))
    expected = " ".join(f"emomusic-app-{number + 1}:8501" for number in range(replicas))
    assert caddy["environment"]["EMOMUSIC_UPSTREAMS"] == f"${{EMOMUSIC_UPSTREAMS:-{expected}}}"
    used = set(re.findall(r"\{\$(\w+)", (root / "deploy" / "Caddyfile").read_text(encoding="utf-8")))
    assert used == caddy["environment"].keys()


def test_the_manifests_fit_kubernetes_and_a_pod_has_few_rights_and_time_to_drain(manifests: dict[str, Any], root: Path):
    ours = {kind: manifest for kind, manifest in manifests.items() if not manifest["apiVersion"].startswith("traefik")}
    assert len(ours) == 6
    for manifest in ours.values():
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
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
