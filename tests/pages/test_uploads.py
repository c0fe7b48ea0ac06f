"""emomusic/ui/uploads.py: what is said of files that went with their session."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile

from emomusic.ui.uploads import say_what_is_lost

LOST, READ, HERE = DeletedFile("lost"), DeletedFile("read"), SimpleNamespace(file_id="here")


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        (None, ""),
        (HERE, ""),
        (LOST, "The file listed here is not in memory any more"),
        ([], ""),
        ([HERE, READ], ""),
        ([LOST], "The file listed here is not in memory any more"),
        ([HERE, LOST, READ], "1 of the files listed here is not in memory any more"),
        ([LOST, DeletedFile("too")], "2 of the files listed here are not in memory any more"),
    ],
)
def test_files_that_went_with_their_session_are_told(
    monkeypatch: pytest.MonkeyPatch, listed: object, said: str
) -> None:
    told: list[str] = []
    monkeypatch.setattr(st, "session_state", {"uploader": listed})
    monkeypatch.setattr(st, "info", lambda words, icon: told.append(words))
    say_what_is_lost("uploader", known={"read"})
    assert [words.partition(", because")[0] for words in told] == ([said] if said else [])
