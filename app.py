"""EmoMusic: the page list and what frames every page. Run it with `make run` or `streamlit run app.py`."""

import streamlit as st

from emomusic import ui

st.set_page_config(page_title="EmoMusic", page_icon=":material/music_note:", layout="wide")

page = st.navigation(
    [st.Page("pages/photo.py", title="Photo", icon=":material/add_a_photo:", default=True)], position="top"
)
page.run()
ui.show_notice()
