"""Models: a table of all models, and details of one or two."""

import streamlit as st

from emomusic.app.frame import require_app, shown_errors

require_app("models")

st.title("How good are the models?", anchor=False)

with shown_errors():
    # Imported after the title, because these load pandas and Plotly
    from emomusic.app.models.table import choose_models
    from emomusic.app.models.tabs import show_tabs

    if (chosen := choose_models()) is not None:
        show_tabs(chosen)
