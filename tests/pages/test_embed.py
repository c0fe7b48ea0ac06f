"""emomusic/ui/songs/player.py: another song gets another frame."""

from streamlit.testing.v1 import AppTest

ONE, OTHER = "a" * 22, "b" * 22


def page() -> None:
    import streamlit as st

    from emomusic.ui.songs.player import show_player

    show_player(st.session_state.track, "a song", place=("songs", 1))


def test_the_player_of_another_song_uses_the_other_slot() -> None:
    """In the same slot, a slow server could load the old song into the new frame."""
    app = AppTest.from_function(page)
    slots = []
    for track in (ONE, ONE, OTHER, OTHER, ONE):
        app.session_state["track"] = track
        (outer,) = app.run().main.children.values()
        assert not app.exception
        (slot,) = (number for number, block in outer.children.items() if block.children[0].type != "empty")
        slots.append(slot)
    assert slots == [0, 0, 1, 1, 0]
