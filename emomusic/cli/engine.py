"""The networks and the recommender of `analyze`, loaded on first use."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emomusic.face.classifier import EmotionClassifier
    from emomusic.face.detection import MtcnnDetector
    from emomusic.face.film import FilmNetworks
    from emomusic.music.recommend import Recommender


class Engine:
    """The networks and the recommender, loaded once, for the first readable file."""

    def __init__(self, model: str | None) -> None:
        self._model = model

    @cached_property
    def networks(self) -> tuple[MtcnnDetector, EmotionClassifier]:
        """The networks for pictures."""
        from emomusic.face.model_files import DEFAULT_MODEL
        from emomusic.face.reading import load_networks

        return load_networks(self._model or DEFAULT_MODEL)

    @cached_property
    def film_networks(self) -> FilmNetworks:
        """The networks for films."""
        from emomusic.face.film import FilmNetworks
        from emomusic.face.identity import FaceIdentifier

        return FilmNetworks(*self.networks, FaceIdentifier())

    @cached_property
    def recommender(self) -> Recommender:
        """Recommends the songs."""
        from emomusic.music.recommend import load_recommender

        return load_recommender()
