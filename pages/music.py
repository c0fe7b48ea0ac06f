"""Music: songs on the valence-energy plane, differences between moods, and the mood of one song."""

import streamlit as st

from emomusic.app import state
from emomusic.app.frame import require_app, shown_errors

require_app("music")

# On a phone, the tabs wrap so that the open tab is visible. The notice stays below the screen while a tab changes.
# First, because a late style would move the tabs
st.html(
    f"""<style>
.st-key-{state.MUSIC_TAB} {{ min-height: 100vh; }}
@media (max-width: 640px) {{ .st-key-{state.MUSIC_TAB} > div > [role="tablist"] {{ flex-wrap: wrap; }} }}
</style>"""
)
st.title("What does a mood sound like?", anchor=False)
st.markdown("Choose songs on the plane to hear them.")

with shown_errors():
    # Imported after the title, because these load pandas and Plotly
    from emomusic.app.music.catalogues import choose_table, explain_numbers, show_summary
    from emomusic.app.music.tabs import show_tabs

    if (songs := choose_table()) is not None:
        explanation = show_summary(songs)
        show_tabs(songs)
        with explanation:  # the last, because the first count of versions takes half a second
            explain_numbers(songs)
