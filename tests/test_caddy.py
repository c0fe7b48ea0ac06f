"""The committed Caddyfile: facts, and Caddy in front of two small servers."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.servers import Reply, Request, reserved_port, serve
from tests.waiting import wait_until

pytestmark = pytest.mark.slow  # starts Caddy

needs_caddy = pytest.mark.skipif(shutil.which("caddy") is None, reason="Caddy is not installed")


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


@dataclass
class Site:
    """Caddy in front of two replicas."""

    url: str
    replicas: dict[str, Replica]
    log: Path


@contextmanager
def run_caddy(root: Path, folder: Path, urls: list[str]) -> Iterator[tuple[str, Path]]:
    words = ["caddy", "run", "--config", str(root / "deploy" / "Caddyfile"), "--adapter", "caddyfile"]
    log = folder / "caddy.log"
    with reserved_port() as port, log.open("wb") as lines:
        environment = os.environ | dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
        environment |= {
            "EMOMUSIC_SITE": f"http://127.0.0.1:{port}",
            "EMOMUSIC_SITE_OPTIONS": "bind 127.0.0.1",
            "EMOMUSIC_UPSTREAMS": " ".join(url.removeprefix("http://") for url in urls),
            "EMOMUSIC_COOKIE_SECRET": "key",
        }
        with subprocess.Popen(words, env=environment, stdout=lines, stderr=lines) as caddy:
            try:
                wait_until(lambda: answers(port))
                yield f"http://127.0.0.1:{port}", log
            finally:
                caddy.kill()


def answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def site(root: Path, tmp_path: Path) -> Iterator[Site]:
    replicas = {name: Replica(name) for name in ("one", "two")}
    with ExitStack() as stack:
        urls = [stack.enter_context(serve(replica.answer)).url for replica in replicas.values()]
        url, log = stack.enter_context(run_caddy(root, tmp_path, urls))
        yield Site(url, replicas, log)


@needs_caddy
def test_visitors_stay_on_their_replica_and_share_both(site: Site):
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


@needs_caddy
def test_a_draining_replica_gets_no_new_visitors(site: Site):
    site.replicas["one"].is_ready = False
    wait_until(lambda: "unexpected status code" in site.log.read_text(encoding="utf-8"))
    assert {requests.get(site.url).text for _ in range(20)} == {"two"}


@needs_caddy
def test_metrics_sockets_of_other_sites_and_what_visitors_do_stay_hidden(site: Site):
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
