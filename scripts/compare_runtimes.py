"""Compare ONNX Runtime and OpenVINO on the exported networks.

Requires `pip install openvino`, which is no dependency of the project. Each measurement runs in its own process.

    python -m scripts.compare_runtimes            > docs/benchmarks/runtimes.json
    python -m scripts.compare_runtimes --wheels   lists the platforms with wheels on the package index
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

RUNTIMES = ("onnxruntime", "openvino")
_GLIBC = (17, 27, 28, 31, 34, 35)
PLATFORMS = {
    "Linux x86-64": [f"manylinux_2_{minor}_x86_64" for minor in _GLIBC],
    "Linux arm64": [f"manylinux_2_{minor}_aarch64" for minor in _GLIBC],
    "macOS arm64": ["macosx_14_0_arm64"],
    "macOS x86-64": ["macosx_13_0_x86_64"],
    "Windows x86-64": ["win_amd64"],
}
_RUNS = 15
_PLAIN_DETECTOR = "EMOMUSIC_PLAIN_DETECTOR"  # folder of models with PReLU as one operation, fastest in OpenVINO


class OpenVinoNetwork:
    """The interface of `runtime.Network`, run by OpenVINO in float32 on one thread per call."""

    def __init__(self, model: Path) -> None:
        import openvino as ov

        core = ov.Core()
        cores = len(os.sched_getaffinity(0))  # number of concurrent requests, each on one thread
        options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": cores, "NUM_STREAMS": cores}
        plain = Path(os.environ.get(_PLAIN_DETECTOR, "")) / model.name
        read = core.read_model(plain if plain.exists() else model)
        self.input_shape = tuple(size.get_length() if size.is_static else None for size in read.inputs[0].partial_shape)
        self.output_shape = tuple(
            size.get_length() if size.is_static else None for size in read.outputs[0].partial_shape
        )
        self._compiled = core.compile_model(read, "CPU", options)
        self._names = [port.get_any_name() for port in read.inputs]
        self._of_thread = threading.local()

    def __call__(self, *inputs: npt.NDArray[Any]) -> list[npt.NDArray[np.float32]]:
        """Run the network and return all outputs."""
        if not hasattr(self._of_thread, "request"):
            self._of_thread.request = self._compiled.create_infer_request()
        outputs = self._of_thread.request.infer(dict(zip(self._names, inputs, strict=True)))
        return [np.array(outputs[port]) for port in self._compiled.outputs]


def use(name: str) -> None:
    """Make EmoMusic run its networks with this runtime."""
    from emomusic.face import classifier, detection, runtime

    if name == "openvino":
        OpenVinoNetwork.map_batch = runtime.Network.map_batch  # type: ignore[attr-defined]
        for module in (runtime, classifier, detection):
            module.Network = OpenVinoNetwork  # type: ignore[attr-defined,misc,assignment]


def median_ms(run: Callable[[], object], runs: int = _RUNS) -> float:
    """Median duration of a call after one warm-up call."""
    from emomusic.cli.bench import _timed

    return _timed("", run, runs).median


def measure(what: str) -> dict[str, float]:
    """One group of measurements, in this process."""
    from emomusic.assets import data_dir
    from emomusic.cli.timing import resident_mb
    from emomusic.face.images import crop_face, read_image
    from emomusic.face.reading import load_networks, read_faces

    started = time.perf_counter()
    detector, classifier = load_networks()
    loaded = time.perf_counter()
    four = read_image(data_dir() / "samples" / "four-people.jpg")
    if what == "start":
        read_faces(four, detector, classifier)
        return {
            "load the networks, s": loaded - started,
            "first picture after loading, s": time.perf_counter() - loaded,
            "memory of the process after one picture, MB": resident_mb(),
        }
    if what == "faces":
        crops = [crop_face(four, face.box) for face in detector.detect(four)] * 2
        return {"8 faces with flip averaging, ms": median_ms(lambda: classifier.classify(crops))}
    if what == "sizes":
        rng = np.random.default_rng(0)
        sides = rng.integers(80, 420, (40, 2))
        first = []
        for height, width in sides.tolist():
            pixels = rng.normal(size=(1, 3, height, width)).astype(np.float32)
            started = time.perf_counter()
            detector._propose(pixels)
            cold_ms = 1000 * (time.perf_counter() - started)
            first.append((cold_ms, median_ms(lambda: detector._propose(pixels), 5)))  # noqa: B023  # called immediately
        return {
            "P-Net, size not seen before, ms": statistics.median(cold for cold, _ in first),
            "P-Net, the same size again, ms": statistics.median(warm for _, warm in first),
        }
    if what == "searches":
        figures = {"find 4 faces in 1200x376, ms": median_ms(lambda: detector.detect(four))}
        for num_threads in (1, 2, 4):
            with ThreadPoolExecutor(num_threads) as threads:
                list(threads.map(lambda _: detector.detect(four), range(num_threads)))
                started = time.perf_counter()
                list(threads.map(lambda _: detector.detect(four), range(24)))
                figures[f"searches a second, {num_threads} at once"] = 24 / (time.perf_counter() - started)
        return figures
    from emomusic.cli.bench_live import run_live_bench

    timings = run_live_bench(num_frames=300)["timings"]
    return {timing["step"]: timing["median"] for timing in timings if timing["step"].startswith(("readings", "from"))}


def measured(runtime: str, what: str, cores: int) -> dict[str, float]:
    """The same measurements in a new process on this number of cores."""
    command = [sys.executable, "-m", "scripts.compare_runtimes", "--measure", what, "--runtime", runtime]
    done = subprocess.run([*command, "--cores", str(cores)], stdout=subprocess.PIPE, check=True, text=True, timeout=600)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def wheels(package: str) -> dict[str, str]:
    """Wheels of the newest version by platform, for Python 3.11 and 3.13."""
    found = {}
    for name, platforms in PLATFORMS.items():
        versions = []
        for python in ("3.11", "3.13"):
            with tempfile.TemporaryDirectory() as folder:
                command = [*(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:")]
                command += ["--python-version", python, "-d", folder, package]
                command += [part for platform in platforms for part in ("--platform", platform)]
                done = subprocess.run(command, capture_output=True, check=False, timeout=600)
                names = [path.name.split("-")[1] for path in Path(folder).glob("*.whl")]
                versions.append(f"{python}: {names[0] if done.returncode == 0 and names else 'none'}")
        found[name] = ", ".join(versions)
    return found


def main() -> None:
    """Measure everything, or one group in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure")
    parser.add_argument("--runtime", choices=RUNTIMES)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--wheels", action="store_true")
    options = parser.parse_args()
    if options.wheels:
        print(json.dumps({package: wheels(package) for package in RUNTIMES}, indent=2))
        return
    if options.measure:
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: options.cores]))
        use(options.runtime)
        print(json.dumps(measure(options.measure)))
        return
    from scripts.export_detector import export_all

    table: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        export_all(Path(folder), plain_prelu=True)
        os.environ[_PLAIN_DETECTOR] = folder
        for what, cores in (("start", 2), ("faces", 1), ("faces", 2), ("sizes", 2), ("searches", 2), ("live", 2)):
            for runtime in RUNTIMES:
                for figure, value in measured(runtime, what, cores).items():
                    table.setdefault(f"{figure} ({cores} cores)", {})[runtime] = round(value, 2)
    print(json.dumps(table, indent=2))


if __name__ == "__main__":
    main()
