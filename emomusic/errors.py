"""Errors caused by input, files or the network. Caller mistakes raise `ValueError`.

A message for operators states what was expected, what was received and what to do: "expected a network. Received: ….
Restore the file". A message for visitors of the pages begins with their input: "'a.txt' is a text; choose JPEG or PNG".
"""


class EmomusicError(Exception):
    """Base of all errors that a user can fix."""


class ImageError(EmomusicError):
    """A picture cannot be read: wrong format, damaged, or too large."""


class FilmError(EmomusicError):
    """A film cannot be read: wrong format, damaged, encrypted, or too large."""


class AudioError(EmomusicError):
    """An audio file cannot be read: wrong format, damaged, encrypted, silent, or too short."""


class LibraryError(EmomusicError):
    """The library of the user's music is damaged or cannot be written."""


class AssetError(EmomusicError):
    """A bundled or downloaded file is absent or damaged."""


class DatasetError(EmomusicError):
    """A dataset has an unexpected column, label or value."""


class ModelError(EmomusicError):
    """A trained model is absent, damaged, or does not fit this version."""


class ProfileError(EmomusicError):
    """A face profile is damaged, of another model, or lacks a neutral face; so are one's own classes."""


class SpotifyError(EmomusicError):
    """Spotify, or a service for its tracks, refused or failed."""


class CapacityError(EmomusicError):
    """The visitor, or all visitors together, would store more than this server has room for."""


class BatchError(EmomusicError):
    """A batch cannot start or go on: its results cannot be read or written, or its workers do not start."""


class SettingsError(EmomusicError):
    """A setting in the environment or the secrets is invalid, or a folder for data is missing."""
