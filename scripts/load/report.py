"""Figures of a load test from the journal of its visitors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from emomusic.cli.timing import spread
from scripts.load.visitor import ANSWERS, Outcome


def seconds_of(outcomes: Iterable[Outcome]) -> dict[str, float]:
    """Number, median, 95th percentile and maximum of durations; only the number without any."""
    values = [outcome.elapsed_s for outcome in outcomes]
    if not values:
        return {"count": 0}
    median, p95 = spread(values)
    return {"count": len(values), "p50_s": round(median, 3), "p95_s": round(p95, 3), "max_s": round(max(values), 3)}


def is_answer(outcome: Outcome) -> bool:
    """Whether the outcome is a photo or a song that the visitor received."""
    return outcome.result == "answered" and outcome.action in ANSWERS


def summarize(outcomes: Sequence[Outcome], began_s: float, ended_s: float) -> dict[str, Any]:
    """Counts, durations, errors and throughput.

    Args:
        outcomes: of all visitors.
        began_s: start of the measurement, on the monotonic clock.
        ended_s: its end. Later answers count for the durations but not for the throughput.
    """
    answered = [outcome for outcome in outcomes if outcome.result == "answered"]
    in_time = [outcome for outcome in answered if is_answer(outcome) and outcome.began_s + outcome.elapsed_s <= ended_s]
    errors = Counter(f"{outcome.action}: {outcome.reason}" for outcome in outcomes if outcome.result == "error")
    return {
        "seconds": round(ended_s - began_s, 1),
        "answers_per_s": round(len(in_time) / (ended_s - began_s), 3),
        "answers": seconds_of(filter(is_answer, answered)),
        "actions": {
            action: seconds_of(outcome for outcome in answered if outcome.action == action)
            for action in sorted({outcome.action for outcome in answered})
        },
        "errors": dict(errors.most_common()),
        "refused": sum(outcome.result == "refused" for outcome in outcomes),
        "refusals": seconds_of(outcome for outcome in outcomes if outcome.result == "refused"),
        "interrupted": sum(outcome.result == "interrupted" for outcome in outcomes),
    }
