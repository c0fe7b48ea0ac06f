"""EmoMusic: the list of pages and their frame. Start it with `make run` or `streamlit run app.py`."""

import streamlit as st

from emomusic.app.browser.runtime import show_runtime
from emomusic.app.choices import open_address
from emomusic.app.frame import is_loaded, require_server, show_notice, shown_errors, style_page
from emomusic.app.pages import PAGES
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

    links = [
        st.Page(
            f"pages/{page.name}.py",
            title=page.title,
            icon=f":material/{page.icon}:",
            url_path=page.path,
            default=page is PAGES[0],
        )
        for page in PAGES
    ]
    link = st.navigation(links, position="top")
    page = PAGES[links.index(link)]
    if link.url_path:
        st.set_page_config(page_title=f"{page.title} · EmoMusic")  # distinguishes tabs and bookmarks
    visit.enter(link.url_path)
    show_runtime(page, open_address(page.name, page.choices, visit))
    screen, notice = st.container(), st.container(key="notice")
    # In a row at the bottom of a phone. Without a height, it would push parts before its style hides it
    with st.container(key="pages", horizontal=True, height=1, border=False):
        for shown in links:
            st.page_link(shown)
    visit.bar = st.container()
    try:
        with screen, shown_errors(), capacity().work():
            link.run()
        with notice:
            from emomusic.app.code import show_code  # after the page, as it loads what pages load

            show_code(page.name)
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
