"""Decoders of uploads in a child: harmless stand-ins ask for too much, and only the child ends."""

import os
import signal
import time
from collections.abc import Generator
from typing import Any

import pytest

from emomusic.errors import DatasetError
from emomusic.media import child
from emomusic.media.child import read_in_child


def allocating(_: bytes, __: str) -> Generator[bytes, Any, None]:
    yield bytes(2 * 2**30)


def sleeping(_: bytes, __: str) -> Generator[bytes, Any, None]:
    time.sleep(600)
    yield b""


def raising(_: bytes, __: str) -> Generator[bytes, Any, None]:
    yield str([][1]).encode()


def ending(_: bytes, __: str) -> Generator[bytes, Any, None]:
    os.kill(os.getpid(), signal.SIGABRT)
    yield b""


def refusing(_: bytes, name: str) -> Generator[bytes, Any, None]:
    raise DatasetError(f"{name}: expected another file.")
    yield b""


def answering(data: bytes, name: str) -> Generator[bytes, Any, None]:
    asked = yield data[::-1]
    yield f"{name} {asked}".encode()


@pytest.mark.parametrize(
    ("reader", "words"),
    [
        (allocating, "more than 1 GB"),
        (sleeping, "takes more than"),
        (raising, "is damaged"),
        (ending, "more than 1 GB"),
        (refusing, "expected another file"),
    ],
)
def test_a_reader_that_asks_for_too_much_ends_alone_and_others_are_answered(reader: Any, words: str) -> None:
    def found(name: str) -> Generator[bytes, Any, None]:
        return read_in_child(f"{__name__}:{name}", b"abc", "mine.xlsx", DatasetError, "list")

    with pytest.raises(DatasetError, match=words) as caught:
        next(found(reader.__name__))
    assert "mine.xlsx" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    answers = found("answering")
    assert next(answers) == b"cba"
    assert answers.send([1, 2]) == b"mine.xlsx [1, 2]"
    assert list(answers) == []


def test_a_child_that_waits_is_the_next_one() -> None:
    name = f"{__name__}:answering"
    child.prepare(name)
    spare = child._spares[name]
    answers = read_in_child(name, b"abc", "a.ods", DatasetError, "list")
    assert next(answers) == b"cba"
    assert name not in child._spares
    answers.close()
    assert spare.wait(30) is not None
