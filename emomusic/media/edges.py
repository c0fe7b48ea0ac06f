"""The ends of a song, and its place in an album. FFmpeg is not loaded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edges:
    """The ends of a song, and its place in an album.

    Attributes:
        lead_s: seconds of silence before it.
        tail_s: seconds of silence after it.
        rise_s: seconds after the first silence in which the song is soft, so that it begins earlier.
        join_s: seconds before the last silence in which the song is over by its loudness, so that the next one begins.
        album: title of the album, its artist, and the numbers of the disc and the track; None if one is unknown.
    """

    lead_s: float = 0.0
    tail_s: float = 0.0
    rise_s: float = 0.0
    join_s: float = 0.0
    album: tuple[str, str, int, int] | None = None

    def leads_to(self, other: Edges) -> bool:
        """Whether the other song is the next track of the same album, which may go on without a gap."""
        if self.album is None or other.album is None or self.album[:2] != other.album[:2]:
            return False
        (disc, track), (next_disc, next_track) = self.album[2:], other.album[2:]
        return (next_disc, next_track) in ((disc, track + 1), (disc + 1, 1))
