#!/usr/bin/env bash
# cv2.split raises SystemError if another thread calls gc.get_objects(), as memory profilers do.
#
# One expects that a look at the objects of a program changes nothing. OpenCV makes the tuple of channels first, and gives
# up the GIL while it copies each channel. A thread that lists all objects meanwhile holds the unfinished tuple too, and
# Python refuses to fill a tuple that others hold: "bad argument to internal function". The film that is decoded, or the
# photo, is lost. It happens in servers that are watched by a profiler of memory or leaks.
# Workaround: cv2.extractChannel for each channel, which returns one array and gives the same pixels.
# Prints how many of 2,000 splits failed, and how many extractions. Fails if no split fails or an extraction does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import gc
import sys
import threading

import cv2
import numpy as np

image, done = np.zeros((480, 640, 3), np.uint8), threading.Event()


def list_objects():
    while not done.is_set():
        gc.get_objects()


def failures(channels):
    failed, messages = 0, set()
    for _ in range(2000):
        try:
            channels()
        except SystemError as error:
            failed += 1
            messages.add(str(error))
    return failed, messages


watcher = threading.Thread(target=list_objects)
watcher.start()
split, messages = failures(lambda: cv2.split(image))
extracted, _ = failures(lambda: [cv2.extractChannel(image, channel) for channel in range(3)])
done.set()
watcher.join()
print(f"OpenCV {cv2.__version__}: {split} splits failed {messages}, {extracted} extractions")
sys.exit(not (split > 0 and extracted == 0))
PYTHON
