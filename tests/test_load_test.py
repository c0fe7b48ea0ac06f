"""scripts/load_test.py: simulated visitors against a real server."""

from argparse import Namespace

import pytest

from scripts.load_test import measure


@pytest.mark.slow
def test_two_visitors_receive_photos_and_songs_without_errors() -> None:
    report = measure(Namespace(visitors=2, seconds=15, replicas=1, think=0.3, arrive_within=1, interval=10))
    assert report["errors"] == {}
    assert report["refusals"]["count"] == 0
    assert report["answers"]["count"] > 0
    assert report["answers"]["max_s"] >= report["answers"]["p95_s"] >= report["answers"]["p50_s"] > 0
    assert {row["present"] for row in report["intervals"]} <= {0, 1, 2}
    assert report["MB"]["replica 1"] > 100
