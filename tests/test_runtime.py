import os
import threading
from pathlib import Path

import pytest

from emomusic import runtime
from emomusic.assets import models_dir
from emomusic.errors import ModelError
from tests.waiting import PATIENCE_S, run_python


def test_the_networks_write_no_file(tmp_path: Path) -> None:
    """ONNX Runtime's telemetry writes a database into the home folder and a file into the temporary one."""
    code = "from emomusic.faces.detection import MtcnnDetector; MtcnnDetector().warm_up()"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    assert run_python("-c", code, env=environment).returncode == 0
    assert list(tmp_path.rglob("*")) == []


def test_a_call_does_not_wait_for_busy_threads() -> None:
    release = threading.Event()
    calls = range(runtime.num_cores())  # as many as there are threads
    busy = threading.Thread(target=runtime.map_threads, args=(lambda _: release.wait(PATIENCE_S), calls))
    busy.start()
    assert runtime.map_threads(str, range(5)) == ["0", "1", "2", "3", "4"]
    release.set()
    busy.join()


def test_containers_limit_cores_and_a_damaged_network_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content, expected in (("max 100000", 8), ("150000 100000", 2), ("50000 100000", 1), ("1600000 100000", 8)):
        (tmp_path / "cpu.max").write_text(content, encoding="ascii")
        monkeypatch.setattr(runtime, "_QUOTA", tmp_path / "cpu.max")
        monkeypatch.setattr(runtime.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
        assert runtime.num_cores() == expected
    path = tmp_path / "network.onnx"
    for content in (None, (models_dir() / "detector" / "pnet.onnx").read_bytes()[:-9]):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ModelError, match=r"expected a network.*network\.onnx"):
            runtime.Network(path)


def test_all_work_follows_the_cores_of_this_process(root: Path) -> None:
    asking = [
        path.name for path in (root / "emomusic").rglob("*.py") if "cpu_count" in path.read_text(encoding="utf-8")
    ]
    assert asking == ["runtime.py"]
    code = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from emomusic.media import images
print([images._decoding.acquire(blocking=False) for _ in range(2)])
"""
    if hasattr(os, "sched_setaffinity"):
        assert run_python("-c", code).stdout.split() == ["[True,", "False]"]
