"""scripts/load_test.py: simulated visitors against a real server."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from time import monotonic

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from emomusic.face.images import read_image
from scripts.load.page import Page
from scripts.load.photos import Photos
from scripts.load.report import summarize
from scripts.load.scenarios import Load, limit, steady
from scripts.load.servers import ServerError, run_replica
from scripts.load.visitor import Habits, Journal, Outcome, Visitor

BROKEN = """
import streamlit as st

with st.container(key="photo-preview"):
    st.write("a page")
raise RuntimeError("the page fails")
"""
WRONG = """
import streamlit as st

st.error("the page shows an error")
"""
FULL = """
import streamlit as st

with st.container(key="busy"):
    st.title("Later")
"""
ANSWERING = """
import streamlit as st

st.write("a page that answers")
"""


@pytest.fixture(scope="module")
def photos() -> Photos:
    return Photos(variants=1)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def script(folder: Path, text: str) -> Path:
    path = folder / "page.py"
    path.write_text(text, encoding="utf-8")
    return path


def visit(address: str, photos: Photos, threads: ThreadPoolExecutor) -> Journal:
    """The journal of a visitor who stays half a second after the page is open."""
    journal = Journal()
    visitor = Visitor(0, address, photos, journal, Habits(think_s=60), threads)
    asyncio.run(visitor.stay(monotonic() + 0.5))
    return journal


def test_three_visitors_receive_photos_and_songs_without_errors(photos: Photos) -> None:
    load = Load(visitors=3, seconds=10, replicas=1, habits=Habits(think_s=0.3), behind_proxy=False)
    report = steady(load, photos)
    assert report["errors"] == {}
    assert report["refused"] == report["interrupted"] == 0
    actions = report["actions"]
    assert actions["open"]["count"] == 3
    assert min(actions["photo"]["count"], actions["song"]["count"]) > 0
    assert actions["photo"]["p95_s"] > actions["photo"]["p50_s"] * 0.99 > 0
    assert report["answers"]["count"] == actions["photo"]["count"] + actions["song"]["count"]
    metrics = report["metrics near the end"]["replica 1"]
    assert metrics["emomusic_visitors"] == 3
    assert metrics["emomusic_readings_total"] > 3  # every photo is new to the app
    assert set(report["processes"]) == {"replica 1", "visitors"}
    assert report["processes"]["replica 1"]["cpu_s"] > 0


@pytest.mark.parametrize(
    ("text", "result", "reason"),
    [(BROKEN, "error", "RuntimeError"), (WRONG, "error", "error message"), (FULL, "refused", "")],
    ids=["an exception", "an error message", "a full server"],
)
def test_a_page_without_an_answer_is_not_counted_as_one(
    text: str, result: str, reason: str, tmp_path: Path, photos: Photos, threads: ThreadPoolExecutor
) -> None:
    with run_replica("server", script=script(tmp_path, text)) as server:
        first = visit(server.address, photos, threads).outcomes[0]
    assert (first.action, first.result) == ("open", result)
    assert reason in first.reason


def test_a_visitor_reconnects_to_a_server_that_was_killed_and_restarted(
    tmp_path: Path, photos: Photos, threads: ThreadPoolExecutor
) -> None:
    page, journal = script(tmp_path, ANSWERING), Journal()

    async def outlive(address: str) -> None:
        visitor = Visitor(0, address, photos, journal, Habits(think_s=600, retries=True), threads)
        stay = asyncio.create_task(visitor.stay(monotonic() + 60))
        await until(lambda: any(outcome.action == "open" for outcome in journal.outcomes))
        server.kill()
        port = int(address.rsplit(":", 1)[1])
        with run_replica("restarted", script=page, port=port):
            await until(lambda: any(outcome.action == "reconnect" for outcome in journal.outcomes))
            stay.cancel()
            await asyncio.gather(stay, return_exceptions=True)

    with run_replica("server", script=page) as server:
        asyncio.run(outlive(server.address))
    assert [(outcome.action, outcome.result) for outcome in journal.outcomes] == [
        ("open", "answered"),
        ("reconnect", "answered"),
    ]


async def until(holds: object) -> None:
    """Wait until a function is true."""
    assert callable(holds)
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.05)


def test_photos_differ_in_digest_and_can_be_read(photos: Photos) -> None:
    supplied = list(islice(photos.supply(random.Random(1)), 40))
    assert len({hashlib.sha256(photo).digest() for photo in supplied}) == 40
    assert {read_image(photo).ndim for photo in supplied[:3]} == {3}


def new_run(*fragments: str) -> ForwardMsg:
    message = ForwardMsg()
    message.new_session.initialize.session_id = "session"
    message.metadata.run.fragment_ids.extend(fragments)
    return message


def text(path: list[int], body: str, fragment: str = "", *, hash_: str = "") -> ForwardMsg:
    message = ForwardMsg(hash=hash_)
    message.delta.new_element.markdown.body = body
    message.delta.fragment_id = fragment
    message.metadata.delta_path.extend(path)
    message.metadata.cacheable = bool(hash_)
    return message


def container(path: list[int], key: str) -> ForwardMsg:
    message = ForwardMsg()
    message.delta.add_block.id = f"$$ID-0a1b-{key}"
    message.metadata.delta_path.extend(path)
    return message


def finished(status: ForwardMsg.ScriptFinishedStatus.ValueType = ForwardMsg.FINISHED_SUCCESSFULLY) -> ForwardMsg:
    return ForwardMsg(script_finished=status)


def page_of(*messages: ForwardMsg) -> Page:
    page = Page()
    for message in messages:
        page.receive(message)
    return page


def test_elements_that_a_run_does_not_send_disappear_at_its_end() -> None:
    first = [new_run(), container([0, 0], "old"), text([0, 0, 0], "a"), text([0, 1], "b"), finished()]
    page = page_of(*first, new_run(), text([0, 1], "c"))
    assert page.is_running
    assert page.find("markdown", inside="old") is not None
    page.receive(finished(ForwardMsg.FINISHED_EARLY_FOR_RERUN))
    assert page.is_running
    assert page.has_key("old")
    page.receive(finished())
    assert not page.is_running
    assert not page.has_key("old")
    assert page.find("markdown", after_run=1) is not None


def test_a_run_of_a_fragment_keeps_the_rest_of_the_page() -> None:
    first = [new_run(), text([0, 0], "page"), text([0, 1], "old", "f"), text([0, 2], "old", "f"), finished()]
    fragment_run = [new_run("f"), text([0, 1], "new", "f"), finished(ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)]
    page = page_of(*first, *fragment_run)
    bodies = [shown.element.markdown.body for shown in page.elements() if shown.element]
    assert bodies == ["page", "new"]


def test_an_element_replaces_a_container_with_its_children() -> None:
    page = page_of(new_run(), container([0, 0], "busy"), text([0, 0, 0], "inside"), text([0, 0], "instead"))
    assert not page.has_key("busy")
    assert len(list(page.elements())) == 1


def test_a_cached_message_is_shown_at_its_new_position() -> None:
    page = page_of(new_run(), text([0, 0], "long", hash_="h"), finished())
    assert page.cached_hashes == ["h"]
    again = ForwardMsg(ref_hash="h", hash="h")
    again.metadata.delta_path.extend([0, 5])
    for message in (new_run(), again, finished()):
        page.receive(message)
    assert [shown.element.markdown.body for shown in page.elements() if shown.element] == ["long"]
    for _ in range(3):
        page.receive(new_run())
        page.receive(finished())
    assert page.cached_hashes == []


def test_late_answers_count_for_durations_only() -> None:
    outcomes = [
        Outcome(0, "photo", "answered", 0.0, 2.0),
        Outcome(0, "song", "answered", 9.0, 3.0),
        Outcome(1, "song", "error", 1.0, 30.0, "no answer"),
        Outcome(1, "open", "answered", 0.0, 1.0),
        Outcome(2, "open", "refused", 0.0, 1.0),
    ]
    report = summarize(outcomes, 0.0, 10.0)
    assert report["answers_per_s"] == 0.1
    assert report["answers"]["count"] == 2
    assert report["actions"]["song"] == {"count": 1, "p50_s": 3.0, "p95_s": 3.0, "max_s": 3.0}
    assert report["errors"] == {"song: no answer": 1}
    assert report["refused"] == 1


def test_the_limit_is_the_number_of_visitors_that_the_app_admits(
    photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOMUSIC_MAX_VISITORS", "2")
    load = Load(visitors=6, replicas=1, habits=Habits(think_s=1), behind_proxy=False, step=2, step_s=4)
    report = limit(load, photos)
    assert report["visitors present when the app refused newcomers"] == 2
    assert report["visitors present when answers became slow"] is None
    assert report["refused"] == report["refusals"]["count"] == 4
    assert [step["came"] for step in report["steps"]] == [2, 4, 6]
    assert report["errors"] == {}
    assert report["replicas still running"] == 1
    assert report["answers a newcomer after the load"]


def test_several_replicas_need_a_proxy(photos: Photos) -> None:
    load = Load(replicas=2, behind_proxy=False)
    for scenario in (steady, limit):
        with pytest.raises(ServerError, match="Received: 2"):
            scenario(load, photos)
