"""Genres of the bundled catalogue, in families as people name them."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from emomusic.errors import DatasetError


@dataclass(frozen=True, slots=True)
class GenreFamily:
    """A group of related genres.

    Attributes:
        key: in URLs and on the command line; differs from all genre names.
        title: display name.
        genres: names in the catalogue. Each genre belongs to one family.
    """

    key: str
    title: str
    genres: tuple[str, ...]


def _family(key: str, title: str, genres: str) -> GenreFamily:
    return GenreFamily(key, title, tuple(genres.split()))


# Sorted by the songs of each genre, not by its name: "emo" of this dataset holds mostly emo rap, "world-music" worship
# songs, "happy" happy hardcore, "romance" Russian romances, "garage" garage rock and "hardcore" hip-hop and punk.
GENRE_FAMILIES: tuple[GenreFamily, ...] = (
    _family("pop-music", "Pop", "pop dance british indie-pop synth-pop power-pop swedish german french party chill"),
    _family(
        "rock-music",
        "Rock",
        "rock alt-rock alternative indie garage grunge hard-rock psych-rock rock-n-roll rockabilly goth",
    ),
    _family("hip-hop-rnb", "Hip-hop and R&B", "hip-hop r-n-b soul funk emo sad trip-hop gospel"),
    _family(
        "electronic-music",
        "Electronic",
        "electronic edm electro house deep-house progressive-house chicago-house techno minimal-techno detroit-techno "
        "trance dubstep dub drum-and-bass breakbeat idm hardstyle club disco groove happy",
    ),
    _family(
        "metal-punk",
        "Metal and punk",
        "metal heavy-metal black-metal death-metal metalcore grindcore industrial punk punk-rock hardcore ska",
    ),
    _family("jazz-blues", "Jazz and blues", "jazz blues"),
    _family("classical-ambient", "Classical and ambient", "classical opera piano guitar ambient new-age study"),
    _family(
        "folk-country", "Folk and country", "folk country bluegrass honky-tonk acoustic singer-songwriter songwriter"
    ),
    _family(
        "latin-music",
        "Latin",
        "latin latino reggaeton salsa tango spanish brazil samba mpb pagode sertanejo forro",
    ),
    _family("asian-pop", "Asian pop", "k-pop j-pop j-rock j-idol j-dance mandopop cantopop anime"),
    _family("world", "World", "world-music afrobeat reggae dancehall indian iranian turkish malay romance"),
    _family("soundtracks", "Soundtracks", "pop-film show-tunes disney"),
    _family("special", "Comedy, sleep and children", "comedy sleep children kids"),
)

GENRES: tuple[str, ...] = tuple(sorted(genre for family in GENRE_FAMILIES for genre in family.genres))
"""All genres of the bundled catalogue."""

_GENRES_OF_FAMILY = {family.key: family.genres for family in GENRE_FAMILIES}


def genres_of(names: Iterable[str]) -> frozenset[str]:
    """Genres of names of genres or keys of families, in any case.

    Raises:
        DatasetError: a name is unknown; the message suggests similar names.
    """
    genres: set[str] = set()
    for name in names:
        key = "-".join(name.casefold().split())
        if key in GENRES:
            genres.add(key)
        elif key in _GENRES_OF_FAMILY:
            genres.update(_GENRES_OF_FAMILY[key])
        else:
            known = [*GENRES, *_GENRES_OF_FAMILY]
            similar = difflib.get_close_matches(key, known) or list(_GENRES_OF_FAMILY)
            raise DatasetError(f"expected a genre such as {', '.join(similar)}. Received: {name[:60]!r}")
    return frozenset(genres)


def names_of(genres: Collection[str]) -> list[str]:
    """Shortest names of a set of genres: keys of complete families, then single genres. Inverse of `genres_of`."""
    whole = [family for family in GENRE_FAMILIES if set(family.genres) <= set(genres)]
    covered = {genre for family in whole for genre in family.genres}
    return [family.key for family in whole] + sorted(set(genres) - covered)
