import itertools
import math
from collections.abc import Set
from dataclasses import astuple, replace
from datetime import date

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from emomusic.affect import BETTER_POINTS, REPORT_MOODS, AffectPoint, Emotion, Mood
from emomusic.songs.catalogue import ARTIST_WINDOW, normalize_text
from emomusic.songs.genres import included_kinds
from emomusic.songs.journey import step_reason
from emomusic.songs.queue import SongQueue
from emomusic.songs.recommend import JOURNEY_STEPS as PAGE
from emomusic.songs.recommend import Recommender, one_song_each
from emomusic.songs.request import Policy, Request, nearest_emotion, target_of
from emomusic.songs.song import Pick

from .tables import ids, recommender_over, song_table, track_id

SUMMER, ADVENT = date(2026, 6, 15), date(2026, 12, 15)

COORDINATES = st.floats(-1, 1)
POINTS = st.builds(AffectPoint, COORDINATES, COORDINATES)
REQUESTS = st.builds(
    Request,
    point=POINTS,
    emotion=st.none() | st.sampled_from(Emotion),
    mood=st.none() | st.sampled_from(Mood),
    policy=st.sampled_from(Policy),
    seed=st.integers(0, 2**32),
    hide_explicit=st.booleans(),
    today=st.sampled_from([SUMMER, date(2026, 10, 31), ADVENT]),
)
GENRES = st.frozensets(st.sampled_from(["jazz", "comedy", "no such genre"]), max_size=2)
HAPPY, SAD, ANGRY = (Request(emotion.point, emotion) for emotion in (Emotion.HAPPY, Emotion.SAD, Emotion.ANGRY))


def test_match_takes_the_mood_of_the_named_emotion_and_the_other_policies_the_mood_of_their_table() -> None:
    for emotion, mood in ((Emotion.HAPPY, Mood.HAPPY), (Emotion.ANGRY, Mood.ENERGETIC), (Emotion.SAD, Mood.SAD)):
        point = emotion.point
        assert target_of(Request(point, emotion)) == (point, mood)
    for second, mood in ((Emotion.SURPRISE, Mood.HAPPY), (Emotion.SAD, Mood.CALM)):  # of faces that are mostly neutral
        point = second.point
        near = AffectPoint(0.2 * point.valence, 0.2 * point.arousal)
        assert target_of(Request(near, Emotion.NEUTRAL)) == (near, mood)
    for emotion in Emotion:
        mood = REPORT_MOODS[emotion]
        assert target_of(Request(AffectPoint(0.1, 0.1), emotion, policy=Policy.REPORT)) == (mood.point, mood)
        point, mood = target_of(Request(AffectPoint(0.1, 0.1), emotion, policy=Policy.SOOTHE))
        assert point == BETTER_POINTS[emotion]
        assert mood is point.quadrant.mood
        journey = Request(emotion.point, emotion, policy=Policy.JOURNEY)
        is_there = emotion in (Emotion.HAPPY, Emotion.SURPRISE)  # a journey leads to another mood than the own one
        assert target_of(journey)[0] == (Mood.CALM.point if is_there else point)
    for policy in Policy:
        chosen = Request(Emotion.ANGRY.point, Emotion.ANGRY, Mood.SAD, policy)
        assert target_of(chosen) == (Mood.SAD.point, Mood.SAD)
    assert nearest_emotion(AffectPoint(-0.55, -0.3)) is Emotion.SAD
    assert target_of(Request(AffectPoint(-0.5, 0.6), policy=Policy.SOOTHE))[1] is Mood.CALM


def test_popularity_and_closeness_both_count_and_unknown_popularity_is_the_median() -> None:
    for popularity, first in (((48, 52), 0), ((0, 100), 1)):
        table = song_table(2).assign(popularity=popularity)
        table[["valence", "energy"]] = [(0.9, 0.75), (0.6, 0.6)]  # both happy
        songs = recommender_over(table).songs(Request(Emotion.HAPPY.point), 2)
        assert all(song.likeliest_mood is song.mood for song in songs)
        assert songs[0].song.id == track_id(first)
    table = song_table(3).assign(popularity=[None, 20, 60], valence=0.75, energy=0.7)
    assert ids(recommender_over(table).songs(HAPPY, 3)) == [track_id(2), track_id(0), track_id(1)]
    for unknown in (table.drop(columns="popularity"), table.assign(popularity=None)):
        assert len(recommender_over(unknown).songs(HAPPY, 3)) == 3


def test_a_guest_counts_as_artist_versions_as_one_song_and_the_nearest_follow_if_none_fits() -> None:
    table = song_table(12, num_artists=1)
    table["artists"] = ["Eagles", "Eagles;Guest", *[f"Artist {number}" for number in range(10)]]
    table.loc[0, "title"] = "Desperado - 2013 Remaster"
    table.loc[1, "title"] = "Desperado (Live)"
    songs = recommender_over(table.assign(energy=0.3)).songs(Request(AffectPoint(0, -0.1)), 12)
    assert len(songs) == 11
    assert sum("Desperado" in pick.song.title for pick in songs) == 1
    table = song_table(6).assign(genres=["opera", "opera", "opera", "pop", "pop", "pop"], popularity=50)
    table[["valence", "energy"]] = [(0.1, 0.2), (0.62, 0.38), (0.52, 0.62), (0.9, 0.8), (0.8, 0.7), (0.9, 0.7)]
    request = Request(AffectPoint(0, 0), mood=Mood.HAPPY, genres=frozenset({"opera"}))
    songs = recommender_over(table).songs(request, 6)
    assert ids(songs) == [track_id(2)]  # the others are quiet
    table.loc[2, "genres"] = "pop"
    songs = recommender_over(table).songs(request, 6)
    assert ids(songs) == [track_id(1), track_id(0)]  # without a lively song, quiet ones are better than none
    assert {song.mood for song in songs} == {Mood.HAPPY}
    assert [song.likeliest_mood for song in songs] == [Mood.CALM, Mood.SAD]
    for song in songs:
        assert song.likeliest_mood is not song.mood
        assert song.reason.startswith("Nearest to happy: ")
        assert f"{song.likeliest_mood} (" in song.reason
    table.loc[2, "genres"] = "opera"
    songs = recommender_over(table).songs(replace(request, genres=frozenset({"pop"})), 6)
    assert all(song.likeliest_mood is song.mood for song in songs)


@pytest.mark.parametrize("emotion", Emotion)
def test_a_journey_goes_from_the_face_to_the_target_in_like_steps(recommender: Recommender, emotion: Emotion) -> None:
    request = Request(emotion.point, emotion, policy=Policy.JOURNEY)
    target, mood = target_of(request)
    songs = recommender.songs(request, 10)
    points = [request.point, *(pick.point for pick in songs), target]
    first, *steps, last = (before.distance(after) for before, after in itertools.pairwise(points))
    assert first < 0.1
    assert last < 0.15
    assert max(steps) <= 1.6 * np.mean(steps)
    if request.point.distance(target) > 0.5:
        assert len(songs) >= 9
    assert songs[-1].likeliest_mood is mood
    assert len({name for pick in songs for name in pick.song.artists}) >= len(songs)
    waypoints = np.linspace(astuple(request.point), astuple(target), len(songs))
    distances = np.linalg.norm(np.array([astuple(pick.point) for pick in songs]) - waypoints, axis=1)
    assert [song.score for song in songs] == pytest.approx(np.exp(-0.5 * (distances / 0.45) ** 2), abs=1e-5)
    for step, song in enumerate(songs, 1):
        assert song.reason.startswith(f"Step {step} of {len(songs)}: ")
        assert " from " in song.reason or " still " in song.reason
    assert songs[-1].reason.endswith("close to the target")


@pytest.mark.parametrize("num_heard", range(1, 7))
def test_a_journey_that_goes_on_repeats_no_song(num_heard: int) -> None:
    recommender, request = recommender_over(song_table(40)), replace(ANGRY, policy=Policy.JOURNEY)
    heard = recommender.songs(request, 10)[:num_heard]
    further = [pick for pick in recommender.walk(request, heard) if pick.is_step]
    assert {*ids(heard)}.isdisjoint(ids(further))
    assert [pick.number for pick in further[:2]] == [num_heard + 1, num_heard + 2]


def test_reasons_name_the_mood_and_the_character_of_the_song_and_steps_what_changes(recommender: Recommender) -> None:
    point = AffectPoint(-0.1, 0.2)
    songs = recommender.songs(Request(point, Emotion.NEUTRAL), 20)
    assert {song.mood for song in songs} == {Mood.CALM}
    for song in songs:
        probability = recommender.probabilities[recommender.catalogue.row_of(song.song.id)].max()
        closeness = math.exp(-0.5 * (point.distance(song.point) / 0.45) ** 2)
        assert song.score == pytest.approx(0.4 * probability + 0.6 * closeness, abs=1e-5)
        assert f"calm ({100 * probability:.0f} %)" in song.reason
    table = song_table(2)
    table[["valence", "energy"]] = [(0.65, 0.35), (0.2, 0.65)]
    reasons = {pick.song.id: pick.reason for pick in recommender_over(table).songs(Request(AffectPoint(0, 0)), 2)}
    assert reasons[track_id(0)].endswith("bright and quiet")
    assert reasons[track_id(1)].endswith("dark and lively")
    start, far = AffectPoint(0, 0), AffectPoint(-1, -1)
    near = step_reason([start, AffectPoint(0.1, -0.1)], 1, far)
    assert near == "Step 1 of 1: still mild and even, a little brighter and quieter"
    assert step_reason([start, AffectPoint(0, 0.5)], 1, far).endswith("from mild and even to mild and lively")


MANY_KINDS = recommender_over(
    song_table(300, num_artists=100).assign(
        genres=["rock;jazz", "comedy", "pop"] * 100, kind=[None, "speech", "christmas", None, None, "halloween"] * 50
    )
)


@settings(deadline=None)
@given(request=REQUESTS, genres=GENRES, num_songs=st.integers(1, 24))
@example(request=Request(AffectPoint(0.0, 0.0)), genres=frozenset({"no such genre"}), num_songs=4)
@example(request=Request(AffectPoint(0, 0), policy=Policy.JOURNEY), genres=frozenset({"no such genre"}), num_songs=4)
def test_filtered_lists_are_reproducible(request: Request, genres: frozenset[str], num_songs: int) -> None:
    request, recommender = replace(request, genres=genres), MANY_KINDS
    songs = recommender.songs(request, num_songs)
    assert songs == recommender.songs(request, num_songs)
    assert len(set(ids(songs))) == len(songs)
    for first in range(len(songs)):
        artists = [name.casefold() for pick in songs[first : first + ARTIST_WINDOW] for name in pick.song.artists]
        assert len(artists) == len(set(artists))
    assert all(0.0 <= pick.score <= 1.0 for pick in songs)
    assert not (request.hide_explicit and any(pick.song.explicit for pick in songs))
    assert all(not genres or not genres.isdisjoint(pick.song.genres) for pick in songs)
    table = recommender.catalogue.table
    kinds = [kind.value for kind in included_kinds(genres, request.today)]
    passes = ~(table["explicit"] & request.hide_explicit) & (table["kind"].isna() | table["kind"].isin(kinds))
    if genres:
        passes &= table["genres"].str.split(";").map(genres.isdisjoint).eq(False)
    most = min(num_songs, int(passes.sum()))
    assert len(songs) == most or (request.policy is Policy.JOURNEY and 1 <= len(songs) < most)


def test_songs_for_changing_moods_are_the_best_of_each_and_differ_or_are_none() -> None:
    recommender = recommender_over(song_table(120))
    requests = [HAPPY, SAD, HAPPY, ANGRY, SAD]
    songs = one_song_each(requests, recommender)
    assert [song and song.mood for song in songs] == [Mood.HAPPY, Mood.SAD, Mood.HAPPY, Mood.ENERGETIC, Mood.SAD]
    assert ids(songs)[:2] == [recommender.songs(request, 10)[0].song.id for request in (HAPPY, SAD)]
    assert ids(one_song_each([HAPPY] * 25, recommender)) == ids(recommender.songs(HAPPY, 25))
    strict = replace(HAPPY, hide_explicit=True)
    assert [pick and pick.song.explicit for pick in one_song_each([strict] * 8, recommender)] == [False] * 8
    songs = one_song_each([HAPPY, SAD, HAPPY, HAPPY], recommender_over(song_table(2)))
    assert [song is None for song in songs] == [False, False, True, True]
    assert one_song_each([], recommender_over(song_table(2))) == []


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
    assert all(song.likeliest_mood is mood for song in songs[PAGE:])
    assert np.mean([point.distance(song.point) for song in songs[PAGE:]]) < 0.4


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
    table = song_table(num_songs)
    table["energy"] /= 2.5  # all quiet
    queue = SongQueue(recommender_over(table), Request(SAD.point, SAD.emotion, policy=policy))
    assert sorted(ids(played(queue, 99))) == sorted(table["id"])
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
