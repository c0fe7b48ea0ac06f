"""Run the steps of deploy/Dockerfile without Docker, start the server in the result, and check it.

    sudo python -m scripts.build_root > report.json

This needs Linux, root, debootstrap and the network. It does not build the image: Debian's packages replace the base
image, and namespaces replace the container. `not_tested` in the report lists the differences. The exit status is 1 if
a check fails.

The options `--bind` and the variables PIP_*, SSL_CERT_FILE and *_proxy reach pip, for a mirror of PyPI.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from emomusic.assets import ROOT
from emomusic.errors import EmomusicError
from scripts.dockerfile import Stage, context_files, read_dockerfile, substitute

_BASE = re.compile(r"python:(?P<python>\d+\.\d+)-slim-(?P<suite>[a-z]+)")
_PACKAGES = "python3,python3-venv,python3-pip,python-is-python3,ca-certificates"
_START_S, _DRAIN_S, _STOP_S = 180.0, 20.0, 5.0  # the last two: EMOMUSIC_DRAIN_S and the bound of emomusic/ui/server
_TMP_MB = 2048
_NOT_TESTED = (
    "The image was not built: no Docker daemon took part.",
    "The base is debootstrap with Debian's Python and pip, not the image python:*-slim. Its Python has another patch "
    "version and lies in /usr/bin instead of /usr/local/bin.",
    "Layers, LABEL, EXPOSE, STOPSIGNAL and the schedule of HEALTHCHECK have no effect here; its command was run.",
    "The server ran in namespaces for mounts and processes, without cgroup limits, seccomp and dropped capabilities.",
)


class BuildError(EmomusicError):
    """This machine cannot run the steps."""


def _run(words: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a command with its output on stderr, because stdout is the report."""
    return subprocess.run([str(word) for word in words], check=True, stdout=sys.stderr, **options)


def _bootstrap(stages: Sequence[Stage], folder: Path, mirror: str) -> Path:
    """A Debian root with the Python version of the base image."""
    match = _BASE.fullmatch(stages[-1].base)
    if match is None or any(stage.base != stages[-1].base for stage in stages):
        raise BuildError(
            f"expected every stage to start from the same python:X.Y-slim-SUITE. "
            f"Received: {', '.join(stage.base for stage in stages)}. Change deploy/Dockerfile or this script"
        )
    base = folder / "base"
    if not (base / "usr/bin/python3").exists():
        _run(["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", match["suite"], base, mirror])
    if not (base / f"usr/bin/python{match['python']}").exists():
        raise BuildError(f"expected Python {match['python']} in Debian {match['suite']}. Received: another version")
    return base


def _pip_environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith("PIP_") or name == "SSL_CERT_FILE" or name.lower().endswith("_proxy")
    }


def _in_root(root: Path, words: Sequence[str], *, workdir: str, binds: Sequence[Path]) -> None:
    """Run a build step as root in a changed root folder; the paths in `binds` are visible there."""
    script = 'set -e; root=$1; workdir=$2; shift 2; mount -t proc proc "$root/proc"; '
    created: list[Path] = []
    for bind in binds:
        target = root / bind.relative_to("/")
        if not target.exists():
            created.append(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.mkdir() if bind.is_dir() else target.touch()
        script += f'mount --bind "{bind}" "$root{bind}"; '
    script += 'exec chroot "$root" sh -c \'cd "$1"; shift; exec "$@"\' sh "$workdir" "$@"'
    try:
        _run(["unshare", "--mount", "sh", "-c", script, "sh", root, workdir, *words])
    finally:
        for target in created:
            target.rmdir() if target.is_dir() else target.unlink()


def _copy(sources: Sequence[str], target: Path, *, origin: Path, context: bool) -> None:
    """COPY: the contents of folders, and files under their names."""
    for source in sources:
        if not context:
            shutil.copytree(origin / source.lstrip("/"), target, symlinks=True, dirs_exist_ok=True)
            continue
        prefix = "" if source == "." else source
        for name in context_files(ROOT):
            if name == prefix or not prefix or name.startswith(f"{prefix}/"):
                inside = Path(name).name if name == prefix else name.removeprefix(f"{prefix}/")
                (target / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, target / inside)


def build(stages: Sequence[Stage], base: Path, folder: Path, binds: Sequence[Path]) -> Path:
    """The root of the last stage, after all its steps."""
    roots: dict[str, Path] = {}
    for stage in stages:
        root = roots[stage.name] = folder / f"stage-{stage.name}"
        if root.exists():
            shutil.rmtree(root)
        _run(["cp", "--archive", "--reflink=auto", base, root])
        values = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
        workdir = "/"
        for step in stage.instructions:
            print(f"{stage.name}: {step.name} {step.text}", file=sys.stderr)
            if step.name == "WORKDIR":
                workdir = substitute(step.text, values)
                (root / workdir.lstrip("/")).mkdir(parents=True, exist_ok=True)
            elif step.name == "ENV":
                values |= {name: substitute(value, values) for name, value in step.pairs().items()}
            elif step.name == "COPY":
                origin, sources, target = step.copy()
                inside = root / str(Path(workdir, target)).lstrip("/")
                inside.mkdir(parents=True, exist_ok=True)
                _copy(sources, inside, origin=roots[origin] if origin else ROOT, context=origin is None)
            elif step.name == "RUN":
                environment = [f"{name}={value}" for name, value in (_pip_environment() | values).items()]
                words = ["env", "-i", *environment, "sh", "-ec", step.text]
                _in_root(root, words, workdir=workdir, binds=binds)
    return roots[stages[-1].name]


def _container(root: Path, stage: Stage, words: Sequence[str], **environment: str) -> list[str]:
    """A command that runs `words` like a container: read-only root, tmpfs in /tmp, process 1, the image's user."""
    script = (
        'set -e; root=$1; user=$2; workdir=$3; shift 3; mount --bind "$root" "$root"; '
        'mount -o remount,bind,ro "$root"; mount -t proc proc "$root/proc"; mount -t sysfs -o ro sysfs "$root/sys"; '
        f'mount -t tmpfs -o size={_TMP_MB}m,mode=1777,noexec,nosuid,nodev tmpfs "$root/tmp"; '
        'exec chroot --userspec="$user" "$root" env -i "$@"'
    )
    values = {**stage.environment(), **environment}
    settings = [f"--chdir={stage.last('WORKDIR').text}", *(f"{name}={value}" for name, value in values.items())]
    space = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    user, workdir = stage.last("USER").text, stage.last("WORKDIR").text
    return [*space, "sh", "-c", script, "sh", str(root), user, workdir, *settings, *words]


def _get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
    except OSError:
        return 0, ""


@contextlib.contextmanager
def _server(root: Path, stage: Stage, port: int, log: Path) -> Iterator[int]:
    """The running CMD; yields the number of its process."""
    environment = {"STREAMLIT_SERVER_PORT": str(port), "STREAMLIT_SERVER_ADDRESS": "127.0.0.1"}
    with log.open("wb") as lines:
        words = _container(root, stage, stage.last("CMD").command(), **environment)
        parent = subprocess.Popen(words, stdout=lines, stderr=lines)
        try:
            children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
            while not (found := children.read_text().split()) and parent.poll() is None:
                time.sleep(0.05)
            yield int(found[0]) if found else 0
        finally:
            parent.kill()  # ends process 1 too (--kill-child)
            parent.wait(10)


def _wait_until_ready(url: str, process: int) -> float:
    began_s = time.monotonic()
    while (elapsed_s := time.monotonic() - began_s) < _START_S and Path(f"/proc/{process}").exists():
        if _get(f"{url}/ready")[0] == 200:
            break
        time.sleep(0.2)
    return elapsed_s


def _stop(process: int) -> float:
    """Seconds from SIGTERM to the end of the process."""
    began_s = time.monotonic()
    os.kill(process, signal.SIGTERM)
    while Path(f"/proc/{process}").exists() and time.monotonic() - began_s < 2 * _DRAIN_S:
        time.sleep(0.05)
    return time.monotonic() - began_s


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def check(root: Path, stage: Stage, folder: Path) -> tuple[dict[str, bool], dict[str, Any]]:
    """Facts about the server in this root: passed checks, and measurements."""
    port, log = _free_port(), folder / "server.log"
    url = f"http://127.0.0.1:{port}"
    checks: dict[str, bool] = {}
    with _server(root, stage, port, log) as process:
        start_s = _wait_until_ready(url, process)
        checks["ready"] = _get(f"{url}/ready")[0] == 200
        checks["alive"] = _get(f"{url}/_stcore/health")[0] == 200
        page = _get(f"{url}/")
        checks["page"] = page[0] == 200 and '<div id="root">' in page[1]
        checks["metrics"] = "emomusic_visitors" in _get(f"{url}/metrics")[1]
        status = Path(f"/proc/{process}/status").read_text() if process else ""
        checks["user_is_not_root"] = f"Uid:\t{stage.last('USER').text.partition(':')[0]}\t" in status
        checks["is_process_1"] = bool(re.search(r"^NSpid:\t\d+\t1$", status, re.MULTILINE))
        mounts = Path(f"/proc/{process}/mountinfo").read_text() if process else ""
        checks["root_is_read_only"] = bool(re.search(r" / ro[ ,]", mounts))
        health = _container(root, stage, stage.last("HEALTHCHECK").command(), STREAMLIT_SERVER_PORT=str(port))
        checks["healthcheck"] = subprocess.run(health, stdout=sys.stderr).returncode == 0
        inside = Path(f"/proc/{process}/root/tmp")
        left = sorted(path.relative_to(inside).as_posix() for path in inside.rglob("*")) if process else []
        stop_s = _stop(process) if process else 0.0
    checks["sigterm_ends_it_in_time"] = bool(process) and stop_s < _DRAIN_S + _STOP_S + 1
    text = log.read_text(errors="replace")
    checks["log_without_refused_writes"] = not re.search(r"Read-only file system|Permission denied", text)
    checks["no_tensorflow"] = not any(root.glob("opt/venv/lib/python*/site-packages/tensorflow*"))

    words = ["python", "-m", "emomusic", "analyze", "data/samples/grace-hopper-1984.jpg", "--json"]
    result = subprocess.run(_container(root, stage, words), stdout=subprocess.PIPE)
    faces = [face for each in json.loads(result.stdout or b"[]") for face in each.get("faces", [])]
    checks["analyze_finds_a_face"] = result.returncode == 0 and len(faces) == 1
    return checks, {"start_s": round(start_s, 1), "stop_s": round(stop_s, 1), "files_in_tmp": left}


def _size_mb(path: Path) -> int:
    """Space on the disk, hard links counted once."""
    words = ["du", "--summarize", "--block-size=1M", str(path)]
    return int(subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[0])


def _changed_since(root: Path, marker: Path) -> list[str]:
    words = ["find", str(root), "-xdev", "-newer", str(marker), "-not", "-type", "d"]
    found = subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()
    return [str(Path(path).relative_to(root)) for path in found]


def _report(folder: Path, mirror: str, binds: Sequence[Path]) -> dict[str, Any]:
    stages = read_dockerfile(ROOT / "deploy" / "Dockerfile")
    began_s = time.monotonic()
    root = build(stages, _bootstrap(stages, folder, mirror), folder, binds)
    build_s = time.monotonic() - began_s
    marker = folder / "built"
    marker.touch()
    checks, measured = check(root, stages[-1], folder)
    checks["nothing_written_outside_tmp"] = not _changed_since(root, marker)
    (packages,) = root.glob("opt/venv/lib/python*/site-packages")
    sizes: Mapping[str, Path] = {
        "root": root,
        "debian_and_python": folder / "base",
        "site_packages": packages,
        "app": root / "app",
    }
    return {
        "image_built": False,
        "not_tested": list(_NOT_TESTED),
        "base_image": stages[-1].base,
        "passed": all(checks.values()),
        "checks": checks,
        **measured,
        "build_s": round(build_s),
        "size_mb": {name: _size_mb(path) for name, path in sizes.items()},
    }


def main() -> int:
    """Build, check and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="keep the roots here; a later run reuses the base")
    parser.add_argument("--mirror", default="http://deb.debian.org/debian", help="of Debian's packages")
    parser.add_argument("--bind", type=Path, action="append", default=[], help="a path that RUN steps may read")
    options = parser.parse_args()
    try:
        if os.geteuid() != 0 or not (shutil.which("debootstrap") and shutil.which("unshare")):
            raise BuildError("expected root, debootstrap and unshare. Received: one is missing. Install it or use sudo")
        with contextlib.ExitStack() as stack:
            folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            folder.mkdir(parents=True, exist_ok=True)
            report = _report(folder.resolve(), options.mirror, options.bind)
    except (EmomusicError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(report, indent=2))
    return 0 if report["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
