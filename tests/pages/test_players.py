"""emomusic/ui/songs/players.py: another song gets another frame."""

from streamlit.testing.v1 import AppTest

ONE, OTHER = "a" * 22, "b" * 22


def page() -> None:
    import streamlit as st

    from emomusic.ui.songs.players import show_player

    show_player(st.session_state.track, "a song", place=("songs", 1))


def test_the_player_of_another_song_stands_at_another_place() -> None:
    """A busy server may be slow between two messages: at the old place the old frame would be given another address."""
    app = AppTest.from_function(page)
    places = []
    for track in (ONE, ONE, OTHER, OTHER, ONE):
        app.session_state["track"] = track
        (outer,) = app.run().main.children.values()
        assert not app.exception
        places.append(max(outer.children))  # the number of the last part: the player's
    assert places == [0, 0, 1, 1, 0]
