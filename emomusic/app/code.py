"""The screen as code: the command, the Python and the call of the HTTP API that give the songs that a page shows.

The code is written from what the page answers: the request of its queue, the source of its songs, and its answer.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import streamlit as st

from emomusic.answer.answer import Answer
from emomusic.app.choices import (
    BENCHMARK,
    FILM_SAMPLE,
    MODELS,
    MUSIC_QUERY,
    MUSIC_TAB,
    MUSIC_TRACK,
    SAMPLE,
    WHAT_IF,
    Source,
)
from emomusic.app.picture_chooser import SAMPLES
from emomusic.app.queues import PageQueue, PlayerState
from emomusic.app.sources import your_music
from emomusic.app.state import MusicState, page_state
from emomusic.results.overview import DEFAULTS, Benchmark
from emomusic.server.photos import Photos, PictureState
from emomusic.songs.genres import names_of
from emomusic.songs.recommend import JOURNEY_STEPS
from emomusic.songs.request import Policy, Request

_SAMPLES = "data/samples"

_LOADS: Mapping[Source, tuple[str, str]] = {
    Source.SPOTIFY: ("from emomusic.songs.recommend import load_recommender", "load_recommender()"),
    Source.BUNDLED: ("from emomusic.songs.local_songs import load_bundled_recommender", "load_bundled_recommender()"),
    Source.OWN: ("from emomusic.songs.local_songs import load_library_recommender", "load_library_recommender()"),
    Source.TABLE: (
        "from pathlib import Path\n\nfrom emomusic.songs.recommend import load_recommender\n"
        "from emomusic.songs.tables import read_table",
        'read_table(Path("table.csv").read_bytes(), name="table.csv", known=load_recommender()).recommender',
    ),
}
"""The Python code that loads the songs of a source: its imports, and the expression."""

_SOURCES: Mapping[Source, list[str]] = {
    Source.SPOTIFY: [],
    Source.BUNDLED: ["--source", "bundled"],
    Source.OWN: ["--source", "library"],
}
"""The options of commands for a source; a table has none."""


@dataclass(frozen=True, slots=True)
class Code:
    """A screen as code.

    Attributes:
        command: for a shell, in the folder of the checkout; empty where no command gives these songs.
        python: prints an emotion, songs or a figure.
        curl: the call of the HTTP API; empty where it has none.
    """

    command: str = ""
    python: str = ""
    curl: str = ""


def code_of_request(request: Request, source: Source) -> Code:
    """The code of songs for a request, whose listener is given by numbers."""
    command, point = "", request.point
    if source in _SOURCES and not request.turns and request.mood is None:  # which no command has
        words = [] if request.emotion is None else [f"--emotion={request.emotion}"]
        words += [f"--valence={point.valence!r}", f"--arousal={point.arousal!r}", *_SOURCES[source]]
        command = _command("recommend", *words, *_option_words(request))
    imports, songs = _LOADS[source]
    return Code(command, f"{_imports(request, imports)}\n\n{_loop(_request_text(request), songs)}")


def code_of_picture(request: Request, source: Source, file: str, target: str, *, posed: bool) -> Code:
    """The code of songs for the faces of a picture.

    Args:
        request: the request of the page.
        source: where its songs come from.
        file: the picture.
        target: the expression for the emotions of the listener, of `reading`.
        posed: whether the faces are read as posed.
    """
    plain = code_of_request(request, source)
    imports, songs = _LOADS[source]
    text = _request_text(request, "shares.point", "shares.emotion")
    python = f"""from emomusic import read_picture
{_imports(request, imports)}

reading = read_picture({file!r}{", posed=True" if posed else ""})
print(*reading.faces.emotions)
shares = {target}
{_loop(text, songs)}"""
    is_whole = target == _ALL_FACES and source is Source.SPOTIFY and request.mood is None and not request.traits
    if not is_whole or request.turns:
        return replace(plain, python=python)
    words = ["--posed"] if posed else []
    query: dict[str, object] = {"songs": JOURNEY_STEPS, "policy": request.policy.value, "seed": request.seed}
    query["genres"] = names_of(request.genres)
    query |= {name: "true" for name, is_on in (("posed", posed), ("hide_explicit", request.hide_explicit)) if is_on}
    call = f'curl -H "Authorization: Bearer $TOKEN" --data-binary @{file} '
    curl = f'{call}"$EMOMUSIC/api/analyze?{urlencode(query, doseq=True)}"' if request.destination is None else ""
    return Code(_command("analyze", file, *words, *_option_words(request)), python, curl)


_ALL_FACES = "reading.faces.for_songs()"


def _command(*words: str) -> str:
    """A command; a journey of another length has other songs."""
    return shlex.join(["emomusic", *words, "--songs", str(JOURNEY_STEPS), "--json"])


def _option_words(request: Request) -> list[str]:
    """The options of commands for a request, without its listener."""
    words = [] if request.policy is Policy.MATCH else ["--policy", request.policy.value]
    if request.destination is not None:
        words.append(f"--to={request.destination.valence!r},{request.destination.arousal!r}")
    words += ["--genres", *names_of(request.genres)] if request.genres else []
    words += ["--traits", *sorted(request.traits)] if request.traits else []
    words += ["--seed", str(request.seed)] if request.seed else []
    return words + (["--hide-explicit"] if request.hide_explicit else [])


def _imports(request: Request, imports: str) -> str:
    """The imports of the Python for a request."""
    genres = ["from emomusic.songs.genres import genres_of"] if request.genres else []
    affect = "from emomusic.affect import AffectPoint, Emotion, Mood"
    song = ["from emomusic.songs.song import Trait"] if request.traits else []
    return "\n".join([affect, *genres, imports, "from emomusic.songs.request import Policy, Request", *song])


def _request_text(request: Request, point: str = "", emotion: str = "") -> str:
    """The expression of Python for a request, with its listener as numbers or as expressions."""
    end = request.destination
    parts = {
        "emotion": emotion or (f"Emotion({request.emotion.value!r})" if request.emotion else ""),
        "mood": f"Mood({request.mood.value!r})" if request.mood else "",
        "policy": f"Policy({request.policy.value!r})" if request.policy is not Policy.MATCH else "",
        "destination": f"AffectPoint({end.valence!r}, {end.arousal!r})" if end else "",
        "seed": str(request.seed) if request.seed else "",
        "hide_explicit": "True" if request.hide_explicit else "",
        "genres": f"genres_of({names_of(request.genres)!r})" if request.genres else "",
        "traits": f"frozenset(map(Trait, {sorted(map(str, request.traits))!r}))" if request.traits else "",
    }
    lines = [point or f"AffectPoint({request.point.valence!r}, {request.point.arousal!r})"]
    lines += [f"{name}={value}" for name, value in parts.items() if value]
    if request.turns:
        turns = [
            f"        ({name!r}, AffectPoint({point.valence!r}, {point.arousal!r}), Emotion({emotion.value!r})),\n"
            for name, point, emotion in request.turns
        ]
        lines.append(f"turns=(\n{''.join(turns)}    )")
    return "Request(\n" + "".join(f"    {line},\n" for line in lines) + ")"


def _loop(request: str, songs: str) -> str:
    """The lines that print the songs for a request."""
    return f"""request = {request}
for pick in {songs}.songs(request, {JOURNEY_STEPS}):
    print(pick.song.full_name)"""


def _source_of(queue: PageQueue) -> Source:
    return queue.music.played


def of_photo() -> Code:
    """The code of the Photo page: of its picture, or of a mood."""
    queue, shown = page_state(PlayerState).queues.get("photo"), page_state(PictureState)
    if queue is None or queue.is_list:
        return Code(python="from emomusic import read_picture\n\nprint(*read_picture('photo.jpg').faces.emotions)")
    answer, photos = shown.kept(Answer, shown.digest), shown.kept(Photos, shown.digest)
    if answer is None or photos is None or len(shown.pictures) != 1 or not photos.photos:
        return code_of_request(queue.request, _source_of(queue))
    (photo,), picture = photos.photos, shown.pictures[0]
    file = f"{_SAMPLES}/{shown.sample}.jpg" if shown.sample in SAMPLES else "photo.jpg"
    is_as_read = not (photo.num_marked or photos.removed or picture.turns or answer.says or queue.request.turns)
    shares = {_ALL_FACES: photo.reading.faces.for_songs()}
    shares |= {f"reading.faces[{row}].for_songs": face.for_songs for row, face in enumerate(photo.reading.faces)}
    wanted = (queue.request.point, queue.request.emotion)
    fits = [target for target, of in shares.items() if of is not None and (of.point, of.emotion) == wanted]
    if is_as_read and fits and queue.request.mood is None:
        return code_of_picture(queue.request, _source_of(queue), file, fits[0], posed=photo.is_posed)
    return code_of_request(queue.request, _source_of(queue))


def of_live() -> Code:
    """The code of the Live page: of what plays, or of a snapshot before."""
    queues = page_state(PlayerState).queues
    queue = queues.get("live") or queues.get("session")
    if queue is not None:
        return code_of_request(queue.request, _source_of(queue))
    music = your_music()
    return code_of_picture(music.asked(Request()), music.played, "photo.jpg", _ALL_FACES, posed=True)


def of_how_it_works() -> Code:
    """The code of How it works: of the songs for its face, or of its picture."""
    shown, queue = page_state(PictureState), page_state(PlayerState).queues.get("how")
    if queue is not None and isinstance(queue.key, tuple) and isinstance(queue.key[1], Request):
        return code_of_request(queue.key[1], _source_of(queue))
    file = f"{_SAMPLES}/{SAMPLE.value}.jpg" if SAMPLE.value in SAMPLES else "photo.jpg"
    posed = bool(shown.first and shown.first.is_posed)
    music = your_music()
    return code_of_picture(music.asked(Request()), music.played, file, _ALL_FACES, posed=posed)


def of_film() -> Code:
    """The code of the Film page: a song for each scene."""
    film = f"{_SAMPLES}/faces.mp4" if FILM_SAMPLE.value else "film.mp4"
    music = your_music()
    asked = music.asked(Request())
    imports, songs = _LOADS[music.played]
    request = _request_text(asked, "scene.point", "scene.emotion").replace("\n", "\n    ")
    python = f"""{_imports(asked, imports)}
from emomusic.faces.reading import load_networks
from emomusic.media.film_file import FilmFile
from emomusic.songs.recommend import one_song_each
from emomusic.stream.film import FilmReading

with open({film!r}, "rb") as file, FilmFile(file) as opened:
    reading = FilmReading(opened)
    for _ in reading.read(opened, load_networks()):
        pass
requests = [
    {request}
    for scene in reading.scenes()
]
for pick in one_song_each(requests, {songs}):
    print(pick and pick.song.full_name)"""
    return Code(_command("analyze", film) if music.played is Source.SPOTIFY else "", python)


def of_music() -> Code:
    """The code of the Music page: of the songs that its list shows."""
    music, mine = your_music(), page_state(MusicState)
    asked = music.asked(Request(), music.shown)
    imports, load = _LOADS[music.shown]
    lines, words = [], (MUSIC_QUERY.value or "").strip()
    if asked.genres or asked.traits or asked.hide_explicit:
        genres, traits = f"genres_of({names_of(asked.genres)!r})", f"frozenset(map(Trait, {sorted(asked.traits)!r}))"
        lines.append(f"songs = songs.passing_songs({genres}, {traits}, {asked.hide_explicit})")
    rows = "songs.examples()"
    if MUSIC_TAB.value == WHAT_IF and MUSIC_TRACK.value:
        lines.append(f"row = songs.catalogue.row_of({MUSIC_TRACK.value!r})")
        lines.append("print(songs.catalogue.song(row).full_name, songs.mood_of(row))")
        rows = "songs.similar(row, songs.catalogue.features[row])"
    elif mine.row is not None:
        rows = f"songs.near({mine.row})"
    elif words:
        rows = f"songs.unique(search(songs, {words!r}).rows)[:{JOURNEY_STEPS}]"
    song = "from emomusic.songs.genres import genres_of\nfrom emomusic.songs.song import Trait\n" if lines else ""
    python = "\n".join(
        [
            f"{imports}\n{song}from emomusic.songs.search import search\n",
            f"songs = {load}",
            *lines,
            f"for pick in songs.picks({rows}):",
            "    print(pick.song.full_name)",
        ]
    )
    return Code(python=python)


def of_models() -> Code:
    """The code of the Models page: the figures of the compared models."""
    benchmark = Benchmark(BENCHMARK.value or Benchmark.VOTES)
    names = [*MODELS.values] or [DEFAULTS[benchmark.kind]]
    python = f"""from emomusic.assets import ModelKind
from emomusic.records import read_record
from emomusic.results.overview import Benchmark, evaluation

for name in {names!r}:
    found = evaluation(read_record(ModelKind({benchmark.kind.value!r}), name), Benchmark({benchmark.value!r}))
    print(name, found and f"{{found.accuracy:.4f}}")"""
    return Code("emomusic models --json", python)


def show_code(page: str) -> None:
    """Show the code of the shown page in a menu: what the function with the name of the page writes."""
    code: Code = globals()[f"of_{page}"]()
    with st.popover("This screen as code", icon=":material/code:", key="code"):
        for title, language, text in (
            ("Command", "bash", code.command),
            ("Python", "python", code.python),
            ("HTTP API, where the server has one", "bash", code.curl),
        ):
            if text:
                st.caption(title)
                st.code(text, language=language, wrap_lines=True)
