"""EmoMusic: the list of pages and their frame. Start it with `make run` or `streamlit run app.py`."""

import streamlit as st

from emomusic.app.browser.runtime import show_runtime
from emomusic.app.choices import open_address
from emomusic.app.frame import is_loaded, require_server, show_notice, shown_errors, style_page
from emomusic.app.state import Visit, page_state
from emomusic.server.capacity import capacity
from emomusic.server.visitor import admit_visitor


def show_app() -> None:
    """Show the page of the address in the frame of all pages."""
    require_server()
    style_page()
    visit = page_state(Visit)
    with shown_errors():
        admit_visitor()

    pages = [
        st.Page("pages/photo.py", title="Photo", icon=":material/add_a_photo:", url_path="start", default=True),
        st.Page("pages/live.py", title="Live", icon=":material/videocam:", url_path="live"),
        st.Page("pages/film.py", title="Film", icon=":material/movie:", url_path="film"),
        st.Page("pages/music.py", title="Music", icon=":material/library_music:", url_path="music"),
        st.Page("pages/models.py", title="Models", icon=":material/query_stats:", url_path="models"),
        st.Page("pages/how_it_works.py", title="How it works", icon=":material/school:", url_path="how_it_works"),
    ]
    page = st.navigation(pages, position="top")
    if page.url_path:
        st.set_page_config(page_title=f"{page.title} · EmoMusic")  # distinguishes tabs and bookmarks
    visit.enter(page.url_path)
    show_runtime(page.url_path, open_address(page.url_path or "photo", visit))
    screen, notice = st.container(), st.container(key="notice")
    # In a row at the bottom of a phone. Without a height, it would push parts before its style hides it
    with st.container(key="pages", horizontal=True, height=1, border=False):
        for shown in pages:
            st.page_link(shown)
    visit.bar = st.container()
    try:
        with screen, shown_errors(), capacity().work():
            page.run()
        with notice:
            from emomusic.app.code import show_code  # after the page, as it loads what pages load

            show_code(page.url_path or "photo")
            show_notice()
    finally:  # also if the page stops its run: the music goes on
        if is_loaded("emomusic.app.queues"):  # else nothing plays
            from emomusic.app.bar import show_bar

            show_bar()


if __name__ == "__main__":  # a visitor's run of a page
    show_app()
else:  # `streamlit run app.py` imports this file, because it finds `st.App` in it
    from emomusic.server.asgi import OPTIONS

    app = st.App(__file__, **OPTIONS)
