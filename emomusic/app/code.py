"""The screen as code: the command, the Python and the call of the HTTP API that give what a page shows."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import streamlit as st

from emomusic.affect import MOOD_POINTS, Mood
from emomusic.app.choices import (
    BENCHMARK,
    DESTINATION,
    FILM_SAMPLE,
    GENRES,
    MODELS,
    MOOD,
    MUSIC_QUERY,
    MUSIC_TRACK,
    POLICIES,
    POLICY,
    SAMPLE,
    SAYS,
    WHO,
    Address,
    Choice,
    names_on,
)
from emomusic.app.picture_chooser import ALL_SAMPLES, GROUP, SAMPLES
from emomusic.app.state import page_state
from emomusic.faces.who import Who
from emomusic.results.overview import DEFAULTS, Benchmark
from emomusic.songs.catalogue import normalize_text
from emomusic.songs.recommend import JOURNEY_STEPS
from emomusic.songs.request import Policy, destination_of
from emomusic.songs.search import terms_in

_SAMPLES = "data/samples"
_MOST_FACES = 500  # faces of a picture that the code may name


@dataclass(frozen=True, slots=True)
class Code:
    """A screen as code.

    Attributes:
        command: for a shell, in the folder of the checkout.
        python: prints an emotion, songs or a figure.
        curl: the call of the HTTP API; empty where it has none.
    """

    command: str
    python: str
    curl: str = ""


class _Screen:
    """The values of a page's choices, which the code is made from."""

    def __init__(self, chosen: Mapping[str, Sequence[str]], *, posed: bool = False) -> None:
        self._chosen, self.posed = chosen, posed

    def all(self, choice: Choice) -> list[str]:
        """The values of a choice."""
        return [*self._chosen.get(choice.name, ())]

    def one(self, choice: Choice) -> str:
        """The value of a choice; empty without one."""
        return next(iter(self.all(choice)), "")

    @property
    def picture(self) -> str:
        """The file of the sample, or a name for one's own."""
        sample = self.one(SAMPLE)
        return f"{_SAMPLES}/{sample}.jpg" if sample in SAMPLES else "photo.jpg"

    @property
    def songs(self) -> dict[str, str | list[str]]:
        """The options for songs, by the name that commands, API and library share."""
        policy, end = POLICIES.get(self.one(POLICY), Policy.MATCH).value, self.one(DESTINATION)
        options: dict[str, str | list[str]] = {} if policy == Policy.MATCH else {"policy": policy}
        if policy == Policy.JOURNEY and destination_of(end) is not None:
            options["to"] = end
        return options | ({"genres": genres} if (genres := self.all(GENRES)) else {})

    def command(self, *words: str, **more: str | list[str]) -> str:
        """A command with these words and the options for songs; a journey of another length has other songs."""
        parts = ["emomusic", *words]
        for name, value in (self.songs | more).items():
            parts += [f"--{name}", *([value] if isinstance(value, str) else value)]
        return shlex.join([*parts, "--songs", str(JOURNEY_STEPS), "--json"])

    def recommend(self, target: str) -> str:
        """The lines that print songs for an expression of Python."""
        options = "".join(f", {name}={value!r}" for name, value in self.songs.items())
        songs = f"recommend_songs({target}{options}, num_songs={JOURNEY_STEPS})"
        return f"for pick in {songs}:\n    print(pick.song.full_name)"

    def without_picture(self, target: str, *names: str, **options: str) -> Code:
        """The code of songs for an expression of Python, with what it imports and the options of the command."""
        imported = ", ".join([*names, "recommend_songs"])
        python = f"from emomusic import {imported}\n\n{self.recommend(target)}"
        return Code(self.command("recommend", **options), python)


def _of_picture(screen: _Screen) -> Code:
    says, mood = screen.one(SAYS), screen.one(MOOD)
    if screen.one(SAMPLE) == ALL_SAMPLES and not (says or mood):
        return _of_all(screen)
    if mood in [*Mood]:
        point, plain = Mood(mood).point, _Screen({GENRES.name: screen.all(GENRES)})
        options = {"valence": str(point.valence), "arousal": str(point.arousal), "policy": Policy.MATCH.value}
        return plain.without_picture(f"AffectPoint({point.valence}, {point.arousal})", "AffectPoint", **options)
    if says:
        return screen.without_picture(repr(says), emotion=says)
    call = f"read_picture({screen.picture!r}{', posed=True' if screen.posed else ''})"
    numbers = range(1, _MOST_FACES + 1)
    face = next((number for number in numbers if Who.face(number).text == screen.one(WHO)), None)
    target = "reading" if face is None else f"reading.faces[{face - 1}]"
    python = f"""from emomusic import read_picture, recommend_songs

reading = {call}
print(*reading.faces.emotions)
{screen.recommend(target)}"""
    more: dict[str, str | list[str]] = {"songs": str(JOURNEY_STEPS)}
    if screen.posed:
        more["posed"] = "true"
    query = urlencode(screen.songs | more, doseq=True)
    curl = f'curl -H "Authorization: Bearer $TOKEN" --data-binary @{screen.picture} "$EMOMUSIC/api/analyze?{query}"'
    posed = ["--posed"] if screen.posed else []
    has_api = "to" not in screen.songs and target == "reading"
    return Code(screen.command("analyze", screen.picture, *posed), python, curl if has_api else "")


def _of_all(screen: _Screen) -> Code:
    """The code of the samples as one group."""
    files = [f"{_SAMPLES}/{name}.jpg" for name in SAMPLES if name != GROUP]
    python = f"""from emomusic import read_picture, recommend_songs
from emomusic.faces.table import Faces

files = {files!r}
faces = Faces.joined([read_picture(file).faces for file in files])
print(faces.mean().emotion)
{screen.recommend("faces.for_songs()")}"""
    return Code(screen.command("analyze", *files), python)


def _of_film(screen: _Screen) -> Code:
    film = f"{_SAMPLES}/faces.mp4" if screen.one(FILM_SAMPLE) else "film.mp4"
    python = f"""from emomusic.faces.reading import load_networks
from emomusic.media.film_file import FilmFile
from emomusic.stream.film import FilmReading

with open({film!r}, "rb") as file, FilmFile(file) as opened:
    reading = FilmReading(opened)
    for _ in reading.read(opened, load_networks()):
        pass
for scene in reading.scenes():
    print(scene.probabilities.emotion)"""
    return Code(screen.command("analyze", film), python)


def _of_music(screen: _Screen) -> Code:
    genres, track, words = _Screen({GENRES.name: screen.all(GENRES)}), screen.one(MUSIC_TRACK), screen.one(MUSIC_QUERY)
    if not (track or words):
        return genres.without_picture("'neutral'", emotion="neutral")
    load = "from emomusic.songs.recommend import load_recommender\n"
    if track:
        python = f"""from emomusic.songs.mood import MOODS
{load}
songs = load_recommender()
row = songs.catalogue.row_of({track!r})
print(songs.catalogue.song(row).full_name, MOODS[songs.moods[row]])"""
    else:
        python = f"""{load.rstrip()}
from emomusic.songs.search import search

print(len(search(load_recommender(), {words!r}).rows))"""
    terms, _ = terms_in(normalize_text(words).split())
    target: dict[str, str | list[str]] = {"like": track or words}
    if terms and not track:
        point = MOOD_POINTS[next((term.mood for term in terms if term.mood is not None), Mood.HAPPY)]
        target = {"valence": str(point.valence), "arousal": str(point.arousal)}
        target |= {"genres": named} if (named := [term.genre for term in terms if term.genre]) else {}
    return Code(genres.command("recommend", **target), python)


def _of_models(screen: _Screen) -> Code:
    benchmark = Benchmark(screen.one(BENCHMARK) or Benchmark.VOTES)
    names = screen.all(MODELS) or [DEFAULTS[benchmark.kind]]
    python = f"""from emomusic.assets import ModelKind
from emomusic.records import read_record
from emomusic.results.overview import Benchmark, evaluation

for name in {names!r}:
    found = evaluation(read_record(ModelKind({benchmark.kind.value!r}), name), Benchmark({benchmark.value!r}))
    print(name, found and f"{{found.accuracy:.4f}}")"""
    return Code("emomusic models --json", python)


_OF: Mapping[str, Callable[[_Screen], Code]] = {
    "photo": _of_picture,
    "how_it_works": _of_picture,
    "live": _of_picture,
    "film": _of_film,
    "music": _of_music,
    "models": _of_models,
}


def code_of(page: str, chosen: Mapping[str, Sequence[str]]) -> Code:
    """The code of a page with these values of its choices, by their names."""
    return _OF[page](_Screen(chosen, posed=page == "live"))


def show_code(page: str) -> None:
    """Show the code of the shown page in a menu."""
    chosen = page_state(Address).chosen
    names = [*names_on(page), DESTINATION.name, GENRES.name]
    code = code_of(page, {name: chosen[name] for name in names if name in chosen})
    with st.popover("This screen as code", icon=":material/code:", key="code"):
        for title, language, text in (
            ("Command", "bash", code.command),
            ("Python", "python", code.python),
            ("HTTP API, where the server has one", "bash", code.curl),
        ):
            if text:
                st.caption(title)
                st.code(text, language=language, wrap_lines=True)
