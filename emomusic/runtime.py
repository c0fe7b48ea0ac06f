"""Inference with ONNX Runtime.

Each call computes on the calling thread. Parallel calls give more pictures per second than several threads per call
(docs/decisions.md).
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.errors import ModelError

# ONNX Runtime would keep a record of its use in the home folder, to be sent to its makers.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

Float32Array = npt.NDArray[np.float32]
Item = TypeVar("Item")
Result = TypeVar("Result")

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


is_one_of_many = False
"""Whether this process shares the cores with others of its kind; it then computes on the calling thread."""


def num_cores() -> int:
    """The number of cores that this process may use, with the limit of its container rounded up."""
    if is_one_of_many:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = map(int, _QUOTA.read_text(encoding="ascii").split())
    except (OSError, ValueError):  # not Linux, or "max": no limit
        return cores
    return max(min(cores, math.ceil(quota / period)), 1)


class Network:
    """An exported network, safe to share between threads.

    Attributes:
        input_shapes: the shapes of the inputs; a string or None for an axis of any length.
        output_shape: the shape of the first output; a string or None for an axis of any length.
    """

    def __init__(self, model: Path | bytes) -> None:
        """Load a network.

        Args:
            model: path or content of an ONNX file.

        Raises:
            ModelError: the file is absent or is not a network.
        """
        import onnxruntime as ort

        # OpenCV's threads compete for the cores. One thread, a setting of the process, makes detection 20 % faster.
        cv2.setNumThreads(1)
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_cpu_mem_arena = False  # an arena never returns the memory of the largest picture
        options.log_severity_level = 3  # errors
        try:
            if isinstance(model, Path):
                model.open("rb").close()  # the message for an absent file
            # ONNX Runtime reads the file, because it keeps what it gets as bytes
            source = model if isinstance(model, bytes) else str(model)
            self._session: Any = ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except OSError as error:
            raise ModelError(f"expected a network. Received: {model!s} ({error.strerror}). Restore the file") from error
        except Exception as error:  # ONNX Runtime documents no base class of its exceptions
            source = "bytes" if isinstance(model, bytes) else str(model)
            reason = " ".join(str(error).split())[:200]
            raise ModelError(f"expected a network in ONNX format. Received: {source} ({reason})") from error
        self._inputs = [value.name for value in self._session.get_inputs()]
        self.input_shapes: list[list[int | str | None]] = [value.shape for value in self._session.get_inputs()]
        self.output_shape: tuple[int | str | None, ...] = tuple(self._session.get_outputs()[0].shape)

    def __call__(self, *inputs: npt.NDArray[Any]) -> list[Float32Array]:
        """All outputs for these inputs, in the order of the network."""
        outputs: list[Float32Array] = self._session.run(None, dict(zip(self._inputs, inputs, strict=True)))
        return outputs

    def map_outputs(self, batch: npt.NDArray[Any], *, min_part: int = 4) -> list[Float32Array]:
        """All outputs for a batch, computed in one part per core.

        Args:
            batch: shape (n, …), n at least 1.
            min_part: smallest part, because each thread has a cost.
        """
        num_parts = max(min(num_cores(), len(batch) // min_part), 1)
        parts = map_threads(self, np.array_split(batch, num_parts))
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def map_threads(compute: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """The results for all items, in order, computed on all cores.

    The calling thread computes the first item, and from the end each item that no other thread has begun. So busy
    threads delay no call, and the threads meet at one item. The longest items come first.
    """
    if num_cores() == 1 or not items:
        return [compute(item) for item in items]
    try:
        futures = [_threads().submit(compute, item) for item in items[1:]]
    except RuntimeError:  # the program ends
        return [compute(item) for item in items]
    first, rest = compute(items[0]), []
    for item, future in zip(reversed(items), reversed(futures), strict=False):
        rest.append(compute(item) if future.cancel() else future)
    return [first, *(result.result() if isinstance(result, Future) else result for result in reversed(rest))]


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(num_cores() - 1, 1), thread_name_prefix="inference")
