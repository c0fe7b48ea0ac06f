"""scripts/load_test.py: simulated visitors against a real server."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import pytest

from scripts.load_test import Load, make_photos, measure
from scripts.load_visitor import Journal, Visitor
from scripts.servers import run_replica

CASES = (
    ("raise RuntimeError('the page fails')", "error", "RuntimeError"),
    ("st.error('the page shows an error')", "error", "error message"),
    ("st.container(key='busy').title('Later')", "refused", ""),
    ("st.title('A page')", "answered", ""),
)


@pytest.mark.slow
def test_two_visitors_receive_photos_and_songs_without_errors() -> None:
    report = measure(Load(visitors=2, seconds=15, replicas=1, think=0.3, arrive_within=1, interval=10))
    assert report["errors"] == {}
    assert report["refusals"]["count"] == 0
    assert report["answers"]["count"] > 0
    assert report["answers"]["max_s"] >= report["answers"]["p95_s"] >= report["answers"]["p50_s"] > 0
    assert {row["present"] for row in report["intervals"]} <= {0, 1, 2}
    assert report["MB"]["replica 1"] > 100


def test_a_page_without_an_answer_is_not_counted_as_one(tmp_path: Path) -> None:
    page, script = tmp_path / "page.py", tmp_path / "script"
    page.write_text(f"import streamlit as st\nexec(open({str(script)!r}).read())\n", encoding="utf-8")
    with run_replica("server", script=page) as server:
        for text, result, reason in CASES:
            script.write_text(text, encoding="utf-8")
            journal = Journal()
            visitor = Visitor(0, server.address, make_photos()[:1], journal, 60)
            with ThreadPoolExecutor(1) as thread:  # the worker's own thread can have Playwright's event loop
                thread.submit(lambda visitor=visitor: asyncio.run(visitor.stay(monotonic() + 0.5))).result()
            first = journal.outcomes[0]
            assert (first.action, first.result) == ("open", result)
            assert reason in first.reason
