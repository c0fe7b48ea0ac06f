"""Music: songs on the valence-energy plane, differences between moods, and the mood of one song."""

import streamlit as st

from emomusic.ui.core.frame import require_app, shown_errors

require_app("music")

with st.container(key="music-answer"):
    st.title("What does a mood sound like?", anchor=False)
st.markdown("Choose songs on the plane to hear them.")

with shown_errors():
    # Imported after the title, because these load pandas and Plotly
    from emomusic.ui.music.song_table import choose_table, explain_numbers, show_summary
    from emomusic.ui.music.tabs import show_views

    songs, explanation = choose_table()
    if songs is not None:
        show_summary(songs)
        show_views(songs)
        with explanation:  # the last, because the first count of versions takes half a second
            explain_numbers(songs)
