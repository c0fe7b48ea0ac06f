"""What can go wrong for a reason outside the code: a user's file, a disk, a network.

A caller's mistake is a plain `ValueError`; everything here has a message that tells a person what to do.
"""


class EmomusicError(Exception):
    """Root of all errors that a user can mend."""


class ImageError(EmomusicError):
    """A picture that cannot be used: not a picture, damaged, or too large."""


class AssetError(EmomusicError):
    """A file that ships or is downloaded is absent, damaged, or not what it should be."""


class DatasetError(EmomusicError):
    """A dataset that cannot be used: a column, a label or a value is not as expected."""


class ModelError(EmomusicError):
    """A trained model that is absent or does not fit this version."""


class SpotifyError(EmomusicError):
    """Spotify, or what we know of its ids, cannot be used as asked."""


class SettingsError(EmomusicError):
    """A setting in the environment or the secrets that cannot be used."""
