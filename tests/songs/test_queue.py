from collections.abc import Set
from datetime import date

import pytest

from emomusic.affect import AffectPoint, Emotion
from emomusic.songs.catalogue import normalize_text
from emomusic.songs.queue import SongQueue
from emomusic.songs.recommend import JOURNEY_STEPS as PAGE
from emomusic.songs.recommend import Recommender
from emomusic.songs.request import Policy, Request, target_of
from emomusic.songs.song import Pick

from .tables import ids, recommender_over, song_table

SAD = Request(point=Emotion.SAD.point, emotion=Emotion.SAD)
ANYWHERE = Request(point=AffectPoint(0.1, 0.1))


def queue_over(num_songs: int, *, skipped: Set[str] = frozenset()) -> SongQueue:
    """A queue over a table in which each song has its own artist."""
    return SongQueue(recommender_over(song_table(num_songs)), ANYWHERE, skipped=skipped)


def played(queue: SongQueue, num_songs: int) -> list[Pick]:
    """The next songs that are played, at most `num_songs`."""
    songs = []
    while len(songs) < num_songs and (current := queue.current) is not None:
        songs.append(current)
        queue.go_on()
    return songs


def numbers(songs: list[Pick]) -> list[int]:
    return [pick.number for pick in songs]


def test_a_journey_is_followed_by_songs_of_its_target_mood(recommender: Recommender) -> None:
    request = Request(point=SAD.point, emotion=SAD.emotion, policy=Policy.JOURNEY)
    point, mood = target_of(request)
    songs = played(SongQueue(recommender, request), 4 * PAGE)
    assert songs[:PAGE] == recommender.songs(request, PAGE)
    assert all(song.mood is mood for song in songs[PAGE:])
    matched = recommender.songs(Request(point=point, mood=mood), 4 * PAGE)
    assert set(ids(songs[PAGE:])) <= set(ids(matched))


def test_play_keeps_the_numbers_and_songs_it_jumps_over_and_the_day_changes_no_request() -> None:
    queue = queue_over(40)
    queue.go_on()
    before = (queue.current, queue.up_next(4))
    for number in (2, 99):  # the current one, and an unknown one
        queue.play(number)
        assert (queue.current, queue.up_next(4)) == before
    upcoming = {pick.number: pick for pick in queue.up_next(4)}
    queue.play(5)
    assert (queue.current, queue.current.number) == (upcoming[5], 5)
    after = queue.up_next(4)
    assert numbers(after) == [3, 4, 6, 7]
    assert after[:3] == [upcoming[3], upcoming[4], upcoming[6]]
    assert numbers(queue.playlist(6)) == [1, 2, 5, 3, 4, 6]
    days = (date(2025, 11, 30), date(2025, 12, 1))
    yesterday, today = (Request(point=ANYWHERE.point, today=day) for day in days)
    assert yesterday == today


@pytest.mark.parametrize(("num_songs", "policy"), [(1, Policy.JOURNEY), (10, Policy.MATCH), (13, Policy.JOURNEY)])
def test_a_small_catalogue_ends_after_all_of_its_songs(num_songs: int, policy: Policy) -> None:
    queue = SongQueue(recommender_over(song_table(num_songs)), Request(SAD.point, SAD.emotion, policy=policy))
    assert sorted(ids(played(queue, 99))) == sorted(song_table(num_songs)["id"])
    assert queue.current is None
    assert queue.up_next(4) == []
    assert len(queue.playlist(20)) == num_songs
    queue.go_on()
    assert queue.current is None


def test_a_queue_of_given_songs_has_only_these_without_repeats_and_skipped_artists() -> None:
    recommender = recommender_over(song_table(40))
    songs = recommender.songs(SAD, 5)
    skipped = {normalize_text(songs[1].song.artists[0])}
    queue = SongQueue(recommender, SAD, picks=[*songs, songs[0]], skipped=skipped)
    assert queue.request == SAD
    assert numbers(queue.playlist(20)) == [1, 3, 4, 5]
    assert played(queue, 99) == [songs[0], *songs[2:]]
    assert queue.current is None
    skipped.clear()
    assert queue.playlist(20) == songs


def test_a_skipped_song_returns_to_its_place_and_no_other_changes() -> None:
    skipped: set[str] = set()
    queue = queue_over(40, skipped=skipped)
    played(queue, 2)
    before = queue.playlist(8)
    for at in (2, 0, 4):  # the current one, an earlier one, an upcoming one
        skipped.add(before[at].song.id)
    assert numbers(queue.playlist(5)) == [2, 4, 6, 7, 8]
    assert (queue.current.number, numbers(queue.up_next(2))) == (4, [6, 7])
    skipped.clear()
    assert queue.playlist(8) == before
    assert (queue.current.number, numbers(queue.up_next(2))) == (3, [4, 5])
    skipped.add(before[2].song.id)
    queue.go_on()
    skipped.clear()
    assert queue.current.number == 5  # the song that plays goes on
    queue.go_back()
    assert queue.current.number == 4
    skipped.add(before[2].song.id)
    queue.go_back()
    assert queue.current.number == 2
