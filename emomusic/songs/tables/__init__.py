"""Tables, exports and playlists of songs as people own them, read by their meaning."""

from emomusic.songs.tables.files import MAX_UPLOAD_BYTES
from emomusic.songs.tables.reader import TableReading, read_table
from emomusic.songs.tables.table import Chosen, UnknownColumnsError

__all__ = ["MAX_UPLOAD_BYTES", "Chosen", "TableReading", "UnknownColumnsError", "read_table"]
