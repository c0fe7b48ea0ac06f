"""The search of songs by title, artist, genre and mood, which mends typing errors."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emomusic.affect import Mood
from emomusic.songs.catalogue import Catalogue, normalize_text
from emomusic.songs.genres import GENRE_WORDS, GENRES, spans_of_genres
from emomusic.songs.listing import Rows, Songs
from emomusic.songs.mood import MOODS
from emomusic.songs.tables.fields import mood_words

_LEAST_LETTERS, _LONG = 4, 8  # letters of a word with a typing error, and with two
_FILLERS = frozenset({"a", "and", "by", "music", "of", "some", "song", "songs", "the", "tracks", "with"})
_MOST_MENDED, _RARE = 8, 10  # words, and songs with a word
_MOOD_NAMES = {mood.value: mood.value for mood in Mood}
_NAMES = {*_MOOD_NAMES, *(word for genre in GENRES for word in genre.split("-"))}


@dataclass(frozen=True, slots=True)
class Term:
    """A mood or a genre in the text of a search.

    Attributes:
        words: the words of the text: "hip hop".
        mood: the mood; None for a genre.
        genre: the name of the genre in the catalogue; empty for a mood.
    """

    words: str
    mood: Mood | None = None
    genre: str = ""

    @property
    def label(self) -> str:
        """The mood or the genre, for people."""
        return self.genre.replace("-", " ") if self.mood is None else self.mood.value


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The result of a search.

    Attributes:
        rows: the rows of the songs; those with all words in title and artists first, then the best known ones.
        terms: the moods and genres of the text. A song has one of these moods and one of these genres.
        text: what was searched: the text without typing errors.
        is_mended: whether the text had some.
    """

    rows: Rows
    terms: tuple[Term, ...]
    text: str
    is_mended: bool


def search(songs: Songs, text: str) -> Found:
    """Find songs by the words of title, artists, genres and moods. An empty text finds all.

    "sad jazz" finds sad songs of jazz, "hapy pharell" finds "Happy" and the happy songs of this artist.
    """
    plain = normalize_text(text).strip()
    words = plain.split()
    mended = " ".join(_mended(word, songs.catalogue) for word in words[:_MOST_MENDED]) if words else ""
    if len(words) > _MOST_MENDED:
        mended = " ".join(words)
    rows, terms = _find(songs, mended)
    other = None if rows.size else _mended_together(words[:_MOST_MENDED], songs.catalogue)
    if other:
        mended = other
        rows, terms = _find(songs, mended)
    return Found(rows, terms, mended, is_mended=bool(rows.size) and mended != " ".join(words))


def _find(songs: Songs, text: str) -> tuple[Rows, tuple[Term, ...]]:
    """The rows and the terms of a normalized text. Words such as "melancholic" are moods where no song has them."""
    catalogue, words = songs.catalogue, re.findall(r"[\w']+", text.replace("&", " and "))
    by_words = catalogue.matching(text)
    for moods in (_MOOD_NAMES, mood_words()):
        terms, others = terms_in(words, moods)
        found = catalogue.matching(" ".join(word for word in others if word not in _FILLERS))
        wanted = [MOODS.index(term.mood) for term in terms if term.mood is not None]
        if wanted:
            found &= np.isin(songs.moods, wanted)
        genres = [term.genre for term in terms if term.genre]
        if genres:
            found &= catalogue.passing(genres=genres)
        if terms and found.any():
            break
        terms, found = (), by_words if by_words.any() or terms else found
        if found.any():
            break
    if terms and not {*others} - _FILLERS:
        by_words = found  # a text of only moods and genres has no other matches
    order = songs.known_first[(found | by_words)[songs.known_first]]
    return order[np.argsort(~by_words[order], kind="stable")], terms


def terms_in(words: Sequence[str], moods: Mapping[str, str] = _MOOD_NAMES) -> tuple[tuple[Term, ...], list[str]]:
    """The moods and genres that words name, in their order, and the other words. `moods` has the words for moods."""
    terms = {place: Term(word, Mood(moods[word])) for place, word in enumerate(words) if word in moods}
    used = {*terms}
    for start, end, genre in spans_of_genres(words):
        if end - start > 1 or start not in used:  # "sad" and "happy" are genres too
            for place in range(start, end):
                terms.pop(place, None)
            terms[start] = Term(" ".join(words[start:end]), genre=genre)
            used.update(range(start, end))
    once = {terms[place].label: terms[place] for place in sorted(terms, reverse=True)}
    return tuple(reversed(once.values())), [word for place, word in enumerate(words) if place not in used]


def _mended(word: str, catalogue: Catalogue) -> str:
    """The word, or if no song has it and no word begins with it, the nearest one that is known.

    The names of moods and genres may miss their last letter: "jaz".
    """
    if word in GENRE_WORDS or word in mood_words():
        return word
    whole = [name for name in _NAMES if name[:-1] == word]
    if whole and catalogue.words[word] < _RARE:
        return whole[0]
    is_known = any(name.startswith(word) for name in catalogue.words)
    return word if is_known else _nearest(word, _NAMES) or _nearest(word, catalogue.words) or word


def _mended_together(words: list[str], catalogue: Catalogue) -> str | None:
    """Words that no song has together, with an error in one of them mended; None if no song matches then either."""
    for place, word in enumerate(words):
        before, after = words[:place], words[place + 1 :]
        near = None if word in _NAMES else _nearest(word, _NAMES)
        others = " ".join([*before, *after])
        if near is None and others:
            near = _nearest(word, catalogue.counts(others))
        if near and near != word:
            return " ".join([*before, near, *after])
    return None


def _nearest(word: str, names: Collection[str]) -> str | None:
    """The name with the fewest typing errors, of several the most frequent one; None if none is near."""
    from rapidfuzz import process  # no page needs it when the server starts
    from rapidfuzz.distance import OSA

    if len(word) < _LEAST_LETTERS:
        return None
    most = 1 + (len(word) >= _LONG)
    counts = names if isinstance(names, Counter) else Counter(names)
    near = process.extract(word, list(counts), scorer=OSA.distance, score_cutoff=most, limit=None)
    return min(near, key=lambda found: (found[1], -counts[found[0]]))[0] if near else None
