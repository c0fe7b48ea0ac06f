"""The answer to one song: the sentence of its mood, and the face that it fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emomusic.affect import AffectPoint, Emotion, describe_shares, list_shares, share_text
from emomusic.media.sound import PATCH_S
from emomusic.songs.request import nearest_emotion
from emomusic.songs.song import Hearing


@dataclass(frozen=True, eq=False)
class SongAnswer:
    """The answer to a song without a face.

    Attributes:
        hearing: what the whole song sounds like.
        path: the parts of the song over the plane: time in seconds, valence and arousal. Empty until it is known.
    """

    hearing: Hearing
    path: tuple[tuple[float, float, float], ...] = ()

    @property
    def point(self) -> AffectPoint:
        """The place of the whole song on the affect plane."""
        return AffectPoint(self.hearing.valence, self.hearing.arousal)

    @property
    def moods(self) -> Mapping[str, float]:
        """The probability of each mood."""
        return {str(mood): share for mood, share in self.hearing.moods.items()}

    @property
    def sentence(self) -> str:
        """The mood and the quadrant: "Mostly happy, perhaps calm: pleasant and awake (61 %)"."""
        quadrant = self.hearing.quadrant
        words = describe_shares([*self.moods], [*self.moods.values()])
        return f"{words}: {quadrant.description} ({share_text(self.hearing.probabilities[quadrant])})"

    @property
    def face(self) -> str:
        """The face that the song fits: "It fits a face that looks happy."."""
        emotion = nearest_emotion(self.point)
        looks = "that is at rest" if emotion is Emotion.NEUTRAL else f"that looks {emotion.adjective}"
        return f"It fits a face {looks}."

    @property
    def tags(self) -> str:
        """The strongest tags: "piano 61 %, slow 40 %"."""
        return list_shares(dict(self.hearing.tags))

    @property
    def note(self) -> str:
        """What the marks of the plane are."""
        return (
            f"The square is the whole song; the dots are {len(self.path)} parts of {PATCH_S:.0f} s, larger towards the "
            "end. A click on a dot plays from there. The Models page shows how often the sound model is right."
        )
