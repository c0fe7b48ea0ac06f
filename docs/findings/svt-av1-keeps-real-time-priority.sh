#!/usr/bin/env bash
# After a thread of root has encoded AV1 with PyAV, it has the highest real-time priority, and so have its new processes.
#
# One expects an encoder to leave the thread as it was that calls it. SVT-AV1 sets SCHED_FIFO 99 where it may, which means
# for root outside of containers without CAP_SYS_NICE, and does not set it back. The caller's later threads and processes
# inherit it. One that computes then takes a core from all others: a test suite whose second test encoded AV1 started its
# servers and browsers like this, and all other processes of the computer stood still for minutes.
# Workaround: os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0)) afterwards, or encode in a process of its own.
# Prints the policies (0 usual, 1 SCHED_FIFO). Fails if the priority no longer stays. Needs Linux and root.
set -euo pipefail
if [ "$(uname)" != Linux ] || [ "$(id -u)" != 0 ]; then echo "needs Linux and root" >&2; exit 2; fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
"$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import io
import os
import subprocess
import sys

import av
import numpy as np

before = os.sched_getscheduler(0)
with av.open(io.BytesIO(), "w", format="mp4") as container:
    stream = container.add_stream("libsvtav1", rate=10)
    stream.width, stream.height, stream.pix_fmt = 128, 128, "yuv420p"
    for _ in range(3):
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((128, 128, 3), np.uint8))))
    container.mux(stream.encode())
after, priority = os.sched_getscheduler(0), os.sched_getparam(0).sched_priority
child = int(subprocess.run([sys.executable, "-c", "import os; print(os.sched_getscheduler(0))"], capture_output=True).stdout)
print(f"PyAV {av.__version__}: policy before {before}, after {after} with priority {priority}, of a new process {child}")
sys.exit(not (before == 0 and after == child == os.SCHED_FIFO and priority == 99))
PYTHON
