"""A song of any source, its audio features, its analysis, and the reason for its choice.

Definitions of the features: Spotify Web API, "Get Track's Audio Features" (closed to new apps since November 2024).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from emomusic.affect import AffectPoint, Mood, Quadrant
from emomusic.media.formats import LONGEST_S

UNKNOWN_ARTIST = "Unknown artist"
"""The artist of a song without artists in its tags or its table."""

# Checked when a stored song is read
_Share = Annotated[float, Meta(ge=0, le=1)]
_Level = Annotated[float, Meta(ge=-1, le=1)]


@dataclass(frozen=True, slots=True)
class Feature:
    """One of the nine audio features of a song.

    Attributes:
        name: column in our tables, with the unit as suffix.
        source_name: Spotify's name, column in published tables.
        low: smallest valid value.
        high: largest valid value.
        unit: "dB", "BPM", or empty for a value from 0 to 1.
        description: plain explanation.
    """

    name: str
    source_name: str
    low: float
    high: float
    unit: str
    description: str

    @property
    def label(self) -> str:
        """Display name."""
        return self.source_name.capitalize()

    @property
    def titled(self) -> str:
        """Display name with the unit: "Tempo (BPM)"."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def num_digits(self) -> int:
        """Number of displayed decimals."""
        return {"BPM": 0, "dB": 1}.get(self.unit, 2)


# Order of the model inputs; `MoodClassifier.load` refuses a model with another order.
_FEATURES = (
    Feature("danceability", "danceability", 0.0, 1.0, "", "suitability for dancing: steady, strong beat"),
    Feature("energy", "energy", 0.0, 1.0, "", "intensity: fast, loud, noisy"),
    Feature("valence", "valence", 0.0, 1.0, "", "positivity: from sad or angry to cheerful"),
    Feature("acousticness", "acousticness", 0.0, 1.0, "", "probability of acoustic instruments"),
    Feature("instrumentalness", "instrumentalness", 0.0, 1.0, "", "probability of a song without vocals"),
    Feature("liveness", "liveness", 0.0, 1.0, "", "probability of a live recording"),
    Feature("speechiness", "speechiness", 0.0, 1.0, "", "share of spoken words"),
    # Loud masters exceed full scale, 0 dB: up to 1.3 dB in data_moods.csv, 4.5 dB in larger tables
    Feature("loudness_db", "loudness", -60.0, 6.0, "dB", "mean loudness relative to full scale"),
    # Spotify writes 0 if it finds no beat
    Feature("tempo_bpm", "tempo", 0.0, 300.0, "BPM", "estimated beats per minute"),
)

FEATURES: Mapping[str, Feature] = {feature.name: feature for feature in _FEATURES}
FEATURE_NAMES: tuple[str, ...] = tuple(FEATURES)
FEATURE_LABELS: tuple[str, ...] = tuple(feature.label for feature in _FEATURES)


class Player(StrEnum):
    """What plays a song."""

    SPOTIFY = "spotify"
    """Spotify's player, by the id of the song."""
    LIBRARY = "library"
    """The browser: a file of the user's library, at `Song.path`."""
    UPLOAD = "yours"
    """The browser: an uploaded file in the memory of the session, under the id of the song."""
    BUNDLED = "bundled"
    """The browser: a bundled file, at `Song.path`."""
    NONE = "none"
    """Nothing: a row of a table without a Spotify id."""


class Trait(StrEnum):
    """A trait that is heard in a song, such as an instrument. A song may have several."""

    VOICE = "voice"
    INSTRUMENTAL = "instrumental"
    FEMALE_VOICE = "female-voice"
    MALE_VOICE = "male-voice"
    GUITAR = "guitar"
    PIANO = "piano"
    SLOW = "slow"
    FAST = "fast"

    @property
    def label(self) -> str:
        """Display name."""
        return self.value.replace("-", " ")


class Hearing(Struct, frozen=True, omit_defaults=True, gc=False):
    """The sound of a song, as a network hears it.

    Attributes:
        probabilities: those of the quadrants "Q1" to "Q4"; their sum is 1.
        valence: -1 to 1, the mean over the corners of the quadrants, as is `arousal`.
        tags: the strongest five, with their probabilities.
        timeline: time in seconds, valence and arousal of each patch of 3 s that was heard; empty if it was not stored.
        features: numbers of the model, shape (128,), float16, as bytes: near if songs sound alike; empty if unknown.
        traits: the traits heard in the song; empty if none is clear, or if they were not analysed.
    """

    probabilities: dict[str, _Share]
    valence: _Level
    arousal: _Level
    tags: tuple[tuple[str, float], ...]
    timeline: tuple[tuple[float, float, float], ...] = ()
    features: bytes = b""
    traits: tuple[Trait, ...] = ()

    @property
    def point(self) -> AffectPoint:
        """The place on the affect plane."""
        return AffectPoint(self.valence, self.arousal)

    @property
    def quadrant(self) -> Quadrant:
        """The most probable quadrant."""
        return Quadrant(max(self.probabilities, key=self.probabilities.__getitem__))

    @property
    def mood(self) -> Mood:
        """The most probable mood, that of the quadrant."""
        return self.quadrant.mood

    @property
    def moods(self) -> dict[str, float]:
        """Probability of each mood, in the order of the quadrants."""
        return {Quadrant(name).mood: share for name, share in self.probabilities.items()}


class Song(Struct, frozen=True, omit_defaults=True, gc=False):
    """A song of any source. Unknown fields are None. The library and the list of bundled songs store it as it is.

    Attributes:
        id: Spotify id of 22 characters if Spotify plays it, otherwise unique in its source. It tells nothing else.
        title: name of the song.
        artists: at least one, main artist first.
        player: what plays it.
        danceability: 0 to 1, as the next six; see `FEATURES`. NaN if unknown, as in all features: of an audio
            file, and of a song with a mood only, just valence and energy are known.
        loudness_db: mean loudness, dB relative to full scale.
        tempo_bpm: beats per minute; 0 if no beat was found.
        explicit: whether the lyrics are marked explicit.
        album: name of the album.
        genres: names in the table or the tags, empty if unknown.
        popularity: 0 to 100, on the date of the table.
        duration_s: length in seconds.
        year: year of release.
        mood: label from a labelled table.
        path: the path of an audio file, or its name.
        licence: that of a bundled song.
        source: address of a bundled song.
        key: the key of a bundled song in which it is clear: "D minor".
        hearing: what was heard, of an audio file.
    """

    id: str
    title: str
    artists: Annotated[tuple[str, ...], Meta(min_length=1)]
    player: Player
    danceability: float = math.nan
    energy: _Share = math.nan
    valence: _Share = math.nan
    acousticness: float = math.nan
    instrumentalness: float = math.nan
    liveness: float = math.nan
    speechiness: float = math.nan
    loudness_db: float = math.nan
    tempo_bpm: float = math.nan
    explicit: bool | None = None
    album: str | None = None
    genres: tuple[str, ...] = ()
    popularity: int | None = None
    duration_s: Annotated[float, Meta(ge=0, le=LONGEST_S)] | None = None
    year: Annotated[int, Meta(ge=1860, le=2100)] | None = None
    mood: Mood | None = None
    path: str | None = None
    licence: str | None = None
    source: str | None = None
    key: str | None = None
    hearing: Hearing | None = None

    def __hash__(self) -> int:
        return hash((self.id, self.player))

    @property
    def is_on_spotify(self) -> bool:
        """Whether Spotify's player plays the song."""
        return self.player is Player.SPOTIFY

    @property
    def is_audio(self) -> bool:
        """Whether the browser's own player plays the song."""
        return self.player in (Player.LIBRARY, Player.UPLOAD, Player.BUNDLED)

    @property
    def byline(self) -> str:
        """Artists joined by commas: "Dan + Shay, Justin Bieber"."""
        return ", ".join(self.artists)

    @property
    def full_name(self) -> str:
        """Title and artists: "Yellow, Coldplay"."""
        return f"{self.title}, {self.byline}"


@dataclass(frozen=True, slots=True)
class Pick:
    """A song that was chosen for a mood.

    Attributes:
        song: the song.
        mood: target mood; on a journey, the mood of its step.
        score: 0 to 1, higher is better. The order also depends on popularity and seed.
        reason: short explanation.
        likeliest_mood: most probable mood. Another one than `mood` if too few songs fit.
        number: in the order of the choice, counted from 1. It stays if the order of a queue changes.
        is_step: whether the song is a step of a journey.
        point: place of the song on the affect plane (`place.PlaceModel`); None if its mood is unknown.
    """

    song: Song
    mood: Mood
    score: float
    reason: str
    likeliest_mood: Mood
    number: int = field(default=0, compare=False)
    is_step: bool = field(default=False, compare=False)
    point: AffectPoint | None = field(default=None, compare=False)
