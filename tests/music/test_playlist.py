"""emomusic/music/playlist.py: playlists without repetition."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emomusic.affect import EMOTION_POINTS, QUADRANT_MOODS, AffectPoint, Emotion, Mood, quadrant_of
from emomusic.music.catalogue import Catalogue
from emomusic.music.playlist import one_song_each
from emomusic.music.recommend import Recommender, Song
from emomusic.music.request import Policy, Request
from tests.music.tables import FakeClassifier, song_table


@lru_cache
def recommender_of(num_songs: int) -> Recommender:
    return Recommender(Catalogue(song_table(num_songs)), FakeClassifier())


def request_of(emotion: Emotion, **options: object) -> Request:
    return Request(EMOTION_POINTS[emotion], emotion, **options)  # type: ignore[arg-type]


HAPPY, SAD, ANGRY = (request_of(emotion) for emotion in (Emotion.HAPPY, Emotion.SAD, Emotion.ANGRY))


class Recorded:
    """Records how many songs are wanted."""

    def __init__(self, recommender: Recommender) -> None:
        self._recommender = recommender
        self.counts: list[int] = []

    def songs(self, request: Request, count: int, /) -> Sequence[Song]:
        self.counts.append(count)
        return self._recommender.songs(request, count)


def ids(songs: Sequence[Song | None]) -> list[str]:
    return [song.track.id for song in songs if song is not None]


def test_no_request_has_no_song() -> None:
    assert one_song_each([], recommender_of(10)) == []


def test_the_first_song_of_a_request_is_its_best() -> None:
    recommender = recommender_of(60)
    songs = one_song_each([HAPPY, SAD], recommender)
    assert ids(songs) == [recommender.songs(HAPPY, 10)[0].track.id, recommender.songs(SAD, 10)[0].track.id]


def test_songs_have_the_mood_of_their_request_and_its_order() -> None:
    requests = [HAPPY, SAD, HAPPY, ANGRY, SAD]
    songs = one_song_each(requests, recommender_of(120))
    moods = [QUADRANT_MOODS[quadrant_of(request.point)] for request in requests]
    assert [song and song.mood for song in songs] == moods
    assert moods == [Mood.HAPPY, Mood.SAD, Mood.HAPPY, Mood.ENERGETIC, Mood.SAD]


def test_equal_requests_have_different_songs() -> None:
    recommender = recommender_of(60)
    songs = one_song_each([HAPPY] * 10, recommender)
    assert ids(songs) == [song.track.id for song in recommender.songs(HAPPY, 10)]


@pytest.mark.parametrize("count", [11, 25, 60])
def test_more_equal_requests_than_candidates_have_different_songs(count: int) -> None:
    recorded = Recorded(recommender_of(60))
    songs = one_song_each([HAPPY] * count, recorded)
    assert len(set(ids(songs))) == count
    assert max(recorded.counts) == count


def test_a_request_without_another_song_has_none() -> None:
    songs = one_song_each([HAPPY, SAD, HAPPY, HAPPY], recommender_of(2))
    assert [song is None for song in songs] == [False, False, True, True]


def test_filters_of_a_request_hold() -> None:
    strict = request_of(Emotion.HAPPY, hide_explicit=True)
    songs = one_song_each([strict] * 8, recommender_of(60))
    assert [song and song.track.explicit for song in songs] == [False] * 8
    assert one_song_each([request_of(Emotion.HAPPY, genres=frozenset({"polka"}))], recommender_of(20)) == [None]


POINTS = st.builds(AffectPoint, st.floats(-1, 1), st.floats(-1, 1))
REQUESTS = st.builds(Request, POINTS, policy=st.sampled_from(Policy), seed=st.integers(0, 3))


@given(st.lists(REQUESTS, max_size=14), st.integers(1, 12))
def test_no_song_occurs_twice(requests: list[Request], num_songs: int) -> None:
    songs = one_song_each(requests, recommender_of(num_songs))
    assert len(songs) == len(requests)
    assert len(set(ids(songs))) == len(ids(songs)) <= num_songs
    np.testing.assert_array_equal(ids(songs), ids(one_song_each(requests, recommender_of(num_songs))))
