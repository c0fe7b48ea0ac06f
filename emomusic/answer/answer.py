"""`Answer`: the faces, the listener, the visitor's corrections, the songs, and all sentences and files.

answer = Answer(faces, EVERYONE, says={Who.face(1): Emotion.SAD})
answer.sentence                                # "Together: between happy and sad"
request = answer.request(Policy.SOOTHE)
answer = replace(answer, songs=SongQueue(recommender, request))
answer.record(picks), answer.csv(), answer.card()
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

from emomusic.affect import EMOTIONS, AffectPoint, Emotion, EmotionProbabilities, Mood, describe, describe_mood
from emomusic.export import faces_record, group_record, picture_record, song_record
from emomusic.faces.reading import PictureReading
from emomusic.faces.table import FACE_COLUMNS, NEUTRAL, NO_FACES, Faces
from emomusic.faces.who import EACH, EVERYONE, NOBODY, Kind, Who
from emomusic.marks.card import PICTURE_SIZE, card_title, draw_card, framed
from emomusic.marks.drawing import annotated_picture, annotated_preview
from emomusic.media.images import RgbImage, encode_png, read_image
from emomusic.songs.queue import SongQueue
from emomusic.songs.recommend import JOURNEY_STEPS
from emomusic.songs.request import Policy, Request, nearest_emotion, start_mood, target_of
from emomusic.songs.song import Pick
from emomusic.text import csv_text, pluralize

_MOST_TURNS = 24  # persons with songs in turn

# The meaning of `affect.BETTER_POINTS` for a listener
_BETTER = {
    Emotion.ANGRY: "Quiet songs to release tension.",
    Emotion.DISGUST: "Pleasant songs for other thoughts.",
    Emotion.FEAR: "Soft, friendly songs for comfort.",
    Emotion.HAPPY: "Lively songs to keep the mood.",
    Emotion.SAD: "Soft, warm songs to console.",
    Emotion.SURPRISE: "Easy songs to settle.",
    Emotion.NEUTRAL: "Brighter songs for more energy.",
}


class AnsweredPhoto(Protocol):
    """A photo that was read. The pages have their own, and tests simple ones."""

    name: str  # the name of the file
    reading: PictureReading
    preview: bytes  # JPEG in screen size
    portraits: tuple[bytes, ...]  # JPEG of each face
    note: str  # what of its file was read, and how


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer of one run of a page.

    Attributes:
        estimates: the faces as the app reads them; none for a mood.
        who: the listener.
        says: the emotions that the visitor chose, by listener.
        mood: the mood of the songs that the visitor chose; None for the policy's.
        moment: the probabilities of a moment of a stream, if `who` is one.
        photos: the photos that were read, in the order of the faces' sources.
        unread: the name and the reason of each photo that cannot be read.
        songs: the songs; None before they are chosen, and without a listener.
    """

    estimates: Faces = NO_FACES
    who: Who = NOBODY
    says: Mapping[Who, Emotion] = field(default_factory=dict)
    mood: Mood | None = None
    moment: EmotionProbabilities | None = None
    photos: Sequence[AnsweredPhoto] = ()
    unread: Sequence[tuple[str, str]] = ()
    songs: SongQueue | None = None

    # Faces

    @cached_property
    def faces(self) -> Faces:
        """The faces, as corrected."""
        return self.estimates.corrected({who: said for who, said in self.says.items() if who.kind is Kind.FACE})

    @cached_property
    def shown(self) -> Faces:
        """The faces of the listener."""
        return self.faces.where(self.who)

    @property
    def chosen(self) -> list[int]:
        """The numbers of the faces of a chosen face or person; none for everyone."""
        return [] if self.is_of_all else self.shown.number.tolist()

    @property
    def is_of_all(self) -> bool:
        """Whether no face and no person is chosen."""
        return self.who.kind not in (Kind.FACE, Kind.PERSON)

    @property
    def emotion(self) -> Emotion | None:
        """The emotion of the listener that the visitor chose."""
        return self.says.get(self.who)

    @cached_property
    def probabilities(self) -> EmotionProbabilities | None:
        """The emotions of the listener, as corrected; None without a face and a choice."""
        if self.moment is not None:
            return self.moment
        if self.emotion is not None and self.who.kind is not Kind.FACE:
            return EmotionProbabilities.certain(self.emotion)
        return self.shown[0].probabilities if self.who.kind is Kind.FACE else self.shown.mean()

    @property
    def is_sure(self) -> bool:
        """Whether a face of the listener is clear, or the visitor chose its emotion. Else songs are for neutral."""
        return self.moment is not None or self.emotion is not None or bool(self.shown.is_sure.any())

    @property
    def is_one(self) -> bool:
        """Whether it is about a single photo, which was read."""
        return len(self.photos) == 1 and not self.unread

    def readings(self, faces: Faces) -> list[PictureReading]:
        """The readings of the photos with these faces."""
        return [replace(photo.reading, faces=faces[faces.source == row]) for row, photo in enumerate(self.photos)]

    @property
    def portraits(self) -> list[bytes]:
        """JPEG of each face by its number, also of removed ones."""
        return [portrait for photo in self.photos for portrait in photo.portraits]

    def persons(self, most: int) -> dict[str, Faces]:
        """The faces of the first persons in several photos by name, and those of all who are alone."""
        persons = [who for who in self.faces.persons() if who.kind is Kind.PERSON][:most]
        found = {who.text: self.faces.where(who) for who in persons}
        alone = self.faces[self.faces.person == 0]
        return {**found, "In one photo": alone} if len(alone) else found

    # Sentences

    @property
    def sentence(self) -> str:
        """The emotion of the listener: "Together: mostly happy, a little sad"."""
        if self.moment is not None:
            return describe(self.moment)
        if not len(self.faces) or self.probabilities is None:
            return "No face found" if self.photos or self.mood is None else f"{self.mood.capitalize()} songs"
        if self.emotion is not None:
            return f"{'Together: ' if self.is_of_all else ''}{self.emotion.adjective}, as you say".capitalize()
        return sentence_of(self.shown, is_everyone=self.is_of_all)

    @property
    def name(self) -> str:
        """The name of the listener, whose emotions may be those of all."""
        return EVERYONE.text if self.who == EACH else self.who.text

    @property
    def place(self) -> str:
        """The listener's place on the plane: "Face 2: unpleasant and awake, valence -0.51, arousal 0.59"."""
        assert self.probabilities is not None  # the pages show it only then
        point = self.probabilities.point
        words = point.quadrant.description
        return f"{self.name}: {words}, valence {point.valence:z.2f}, arousal {point.arousal:z.2f}"

    @property
    def counts(self) -> str:
        """The number of faces with each emotion: "3 faces in 2 photos: 2 happy, 1 sad."."""
        counts = Counter(self.faces.emotions)
        shown = ", ".join(f"{counts[emotion]} {emotion.adjective}" for emotion in EMOTIONS if counts[emotion])
        num_faces, num_photos = pluralize(len(self.faces), "face"), pluralize(len(self.photos), "photo")
        return f"{num_faces} in {num_photos}{': ' if shown else ''}{shown}."

    @property
    def choices(self) -> list[str]:
        """The visitor's choices by hand: an emotion, a mood."""
        return [name for name in (self.emotion and self.emotion.adjective, self.mood) if name]

    def reason(self, request: Request) -> str:
        """Why the songs of a request have their mood: "Sad songs because: sad 53 %, neutral 36 %"."""
        mood = target_of(request)[1]
        if request.turns:
            return "A song for each face in turn."
        if request.policy is Policy.JOURNEY:
            way = f"From {start_mood(request)} to {mood} songs, in steps from the face to the target on the plane."
            num_steps = (
                JOURNEY_STEPS
                if self.songs is None
                else sum(pick.is_step for pick in self.songs.playlist(JOURNEY_STEPS))
            )
            return (
                way
                if num_steps == JOURNEY_STEPS
                else f"{way} This music has {pluralize(num_steps, 'song')} for the way."
            )
        if request.mood is not None:
            return f"You chose {mood} songs."
        if request.policy is Policy.SOOTHE:
            return _BETTER[request.emotion or nearest_emotion(request.point)]
        if self.emotion is not None:
            return f"You say {self.emotion.adjective}: {mood} songs."
        if not self.is_sure:
            return f"{'The face is' if len(self.shown) == 1 else 'The faces are'} unclear: {mood} songs."
        assert self.probabilities is not None  # absent only with a mood
        return describe_mood(self.probabilities, mood).capitalize()

    # Songs

    @property
    def has_listener(self) -> bool:
        """Whether enough is known to choose songs."""
        return self.probabilities is not None or self.mood is not None

    def request(self, policy: Policy = Policy.MATCH) -> Request:
        """The request for songs, without the visitor's music. There must be a listener."""
        if self.probabilities is not None:
            shares = self.probabilities if self.is_sure else NEUTRAL
            turns = self._turns if self.who == EACH and self.emotion is None else ()
            return Request(shares.point, emotion=shares.emotion, mood=self.mood, policy=policy, turns=turns)
        assert self.mood is not None
        return Request(self.mood.point, mood=self.mood, policy=policy)

    @property
    def _turns(self) -> tuple[tuple[str, AffectPoint, Emotion], ...]:
        """The name, the place and the emotion of each person, for songs in turn."""
        found = [(who.text.lower(), self.faces.where(who).for_songs()) for who in self.faces.persons()[:_MOST_TURNS]]
        return tuple((name, shares.point, shares.emotion) for name, shares in found if shares is not None)

    # Files

    def record(self, picks: Iterable[Pick]) -> str:
        """The faces as the app reads them, the songs and the request for them, as JSON. There must be songs."""
        assert self.songs is not None
        request, songs = self.songs.request, [*picks]
        if self.is_one:
            (photo,) = self.photos
            (reading,) = self.readings(self.estimates)
            found = picture_record(photo.name, reading, songs, request)
        else:
            read = zip(self.photos, self.readings(self.estimates), strict=True)
            pictures = [faces_record(photo.name, reading) for photo, reading in read]
            found = {
                "pictures": pictures + [{"image": name, "error": reason} for name, reason in self.unread],
                "group": group_record(self.estimates, request),
                "songs": [song_record(song) for song in songs],
            }
        return json.dumps({**found, "request": self._asked(request)}, ensure_ascii=False, indent=2)

    def _asked(self, request: Request) -> dict[str, Any]:
        """The request for songs for JSON: the listener, the visitor's choices and the options."""
        target, mood = target_of(request)
        return {
            "who": self.who.text,
            "manual_emotion": self.emotion and self.emotion.value,
            "manual_mood": self.mood and self.mood.value,
            "policy": request.policy.value,
            "mood": mood.value,
            "valence": target.valence,
            "arousal": target.arousal,
            "genres": sorted(request.genres),
            "hide_explicit": request.hide_explicit,
            "seed": request.seed,
        }

    def csv(self) -> str:
        """The faces of the photos, as the app reads them."""
        number, *others = FACE_COLUMNS
        columns, faces = [number, "picture", *others], self.estimates
        names = [self.photos[source].name for source in faces.source.tolist()]
        rows = (row | {"picture": name} for row, name in zip(faces.rows(), names, strict=True))
        return csv_text(columns, ([row[column] for column in columns] for row in rows))

    def card(self, *, with_faces: bool = True) -> bytes:
        """The card to send, of the day of the request, as PNG. There must be emotions, and songs or none that fits."""
        assert self.probabilities is not None
        assert self.songs is not None
        pick, pictures = self.songs.current, list[RgbImage]()
        if with_faces and self.is_one:
            (photo,), (reading,) = self.photos, self.readings(self.faces)
            pictures = [annotated_preview(read_image(photo.preview), reading, *PICTURE_SIZE)]
        elif with_faces:
            portraits = self.portraits
            pictures = [framed(read_image(portraits[face.number - 1]), face.emotion) for face in self.faces]
        title = card_title(self.probabilities.emotion, self.songs.request.today, pick)
        return encode_png(draw_card(title, self.sentence, self.probabilities, pick, pictures))

    def annotated(self, image: RgbImage) -> bytes:
        """The single photo, given in full size, with its faces, as PNG."""
        return encode_png(annotated_picture(image, self.readings(self.faces)[0]))


def sentence_of(faces: Faces, *, is_everyone: bool = False) -> str:
    """The emotion of faces: "Probably happy"; of several as everyone: "Together: mostly happy, a little sad"."""
    shares, is_group = faces.mean(), len(faces) > 1
    if shares is None:
        return "No face found"
    words = describe(shares, of_group=is_group, is_clear=bool(faces.is_sure.any()))
    return f"Together: {words.lower()}" if is_everyone and is_group else words
