import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from prometheus_client import REGISTRY

from emomusic.server.shared import FairQueue, SharedDetector
from tests.fakes import FakeDetector, make_face
from tests.waiting import PATIENCE_S

IMAGE = np.zeros((120, 160, 3), np.uint8)


def counts() -> tuple[float, ...]:
    """The readings and the faces that the server has counted."""
    return tuple(REGISTRY.get_sample_value(f"emomusic_{each}_total") or 0.0 for each in ("readings", "faces"))


def test_a_visitor_with_many_photos_does_not_delay_another_by_all_of_them() -> None:
    queue, requests, served = FairQueue(1), ["gallery"] * 4 + ["photo"], []

    def ask(visitor: str) -> None:
        with queue.turn(visitor):
            served.append(visitor)

    with ThreadPoolExecutor(len(requests)) as threads, queue.turn("first"):
        for number, visitor in enumerate(requests, 1):
            threads.submit(ask, visitor)
            while len(queue) < number:
                threading.Event().wait(0.001)
    assert served == ["gallery", "photo", "gallery", "gallery", "gallery"]


def test_an_error_gives_the_turn_back() -> None:
    queue = FairQueue(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), queue.turn("a"):
            _ = 1 / 0
    assert len(queue) == 0
    with queue.turn("b"):
        pass


def test_a_search_waits_for_its_turn_and_a_follow_up_does_not() -> None:
    faces = [make_face(), make_face(x=90)]
    queue, detector = FairQueue(1), FakeDetector(faces)
    queued = SharedDetector(detector, lambda: queue.turn("a"))
    before = counts()
    with ThreadPoolExecutor(1) as threads:
        with queue.turn("b"):
            search = threads.submit(queued.detect, IMAGE)
            while not len(queue):
                threading.Event().wait(0.001)
            assert queued.detect_near(IMAGE, faces) == faces
            assert (detector.num_calls, detector.num_near_calls) == (0, 1)
        assert search.result(PATIENCE_S) == faces
    assert counts() == (before[0] + 2, before[1] + 4)
