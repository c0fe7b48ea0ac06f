"""emomusic/face/runtime.py: ONNX Runtime keeps no record of its use."""

import os
import subprocess
import sys
from pathlib import Path


def test_the_networks_write_no_file(root: Path, tmp_path: Path) -> None:
    """ONNX Runtime's telemetry writes a database into the home folder and a file into the temporary one."""
    code = "from emomusic.face.detection import MtcnnDetector; MtcnnDetector().warm_up()"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], cwd=root, env=environment, check=True, timeout=120)
    assert list(tmp_path.rglob("*")) == []
