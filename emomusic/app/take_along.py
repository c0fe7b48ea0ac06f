"""The playlist to take along: links for Spotify, files, and a private playlist in the visitor's account.

To save it, the visitor signs in with Spotify in a new tab. The token is in the memory of the visitor's session only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from emomusic.app import state
from emomusic.app.choose import Listener
from emomusic.app.frame import download_button, error_text
from emomusic.app.secrets import spotify_credentials
from emomusic.compat import browser_token
from emomusic.errors import EmomusicError, SignInNeededError, SpotifyError
from emomusic.export import request_record
from emomusic.songs.request import Request
from emomusic.songs.song import Pick
from emomusic.songs.spotify.account import Account, Login, Logins, Service, redirect_uri_of
from emomusic.songs.spotify.embeds import songs_csv, songs_m3u, songs_txt, track_links
from emomusic.text import for_excel, pluralize

_COPY = st.components.v2.component(
    "emomusic_copy",
    html="""<button type="button"></button><span role="status"></span>""",
    css="""
:host { display: block; }
button {
  font: inherit; width: 100%; min-height: 2.5rem; padding: 0.25rem 0.75rem; cursor: pointer;
  color: var(--st-text-color); background: var(--st-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius, 0.6rem);
}
button:hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
button:focus-visible { outline: 3px solid; outline-offset: 2px; }
span { display: block; font-size: 0.875rem; min-height: 1.3em; margin-top: 0.25rem; }
""",
    js="""
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {  // no permission, or a page without HTTPS
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  const status = parentElement.querySelector("span");
  button.textContent = data.label;
  button.onclick = async () => {
    status.textContent = (await copy(data.text)) ? data.copied : data.failed;
  };
}
""",
)


def show_take_along(songs: Sequence[Pick], place: str, stem: str) -> None:
    """Show a menu with the playlist in several forms; nothing without songs."""
    if not songs:
        return
    with st.popover("Take it along", key=f"take-{place}"):
        st.markdown(f"**{pluralize(len(songs), 'song')}** of this list")
        if on_spotify := [pick for pick in songs if pick.song.is_on_spotify]:
            _COPY(
                data={
                    "label": "Copy for Spotify",
                    "text": track_links(on_spotify),
                    "copied": f"{pluralize(len(on_spotify), 'link')} copied.",
                    "failed": "The browser does not allow copying. Download the list instead.",
                },
                key=f"copy-{place}",
            )
            st.caption("Tip: paste the links into a playlist in Spotify's desktop app.")
            show_save(on_spotify, place)
        if any(pick.song.path is not None for pick in songs):  # no player opens links to Spotify
            download_button("Playlist (M3U)", lambda: songs_m3u(songs), f"{stem}.m3u", key=f"m3u-{place}")
        download_button("List (text)", lambda: songs_txt(songs), f"{stem}-songs.txt", key=f"txt-{place}")
        download_button("Songs (CSV)", lambda: for_excel(songs_csv(songs)), f"{stem}-songs.csv", key=f"csv-{place}")


def songs_json(record: dict[str, Any], listener: Listener, request: Request) -> str:
    """A record as JSON, together with the request for its songs."""
    asked = request_record(request, listener.name, manual_emotion=listener.manual_emotion, manual_mood=listener.mood)
    return json.dumps(record | {"request": asked}, ensure_ascii=False, indent=2)


_POLL_S = 1.0

SERVICE: Mapping[str, Any] = {}
"""Addresses of another Spotify, for tests: keyword arguments of `Service`."""


def show_save(songs: Sequence[Pick], place: str) -> None:
    """Show the button that saves a private playlist, or the way to sign in. Nothing without keys on this server."""
    try:
        if _logins() is None:
            return
    except EmomusicError as error:  # the address has no valid redirect, or the settings are damaged
        st.caption(error_text(error))
        return
    if isinstance(st.session_state.get(state.SPOTIFY_ACCOUNT), Account):
        st.button(
            "Save to Spotify",
            icon=":material/playlist_add_check:",
            help="Creates a private playlist in your account",
            on_click=_save,
            args=(songs,),
            key=f"save-{place}",
        )
    elif isinstance(login := st.session_state.get(state.SPOTIFY_LOGIN), Login):
        st.link_button("Continue at Spotify", login.url, icon=":material/open_in_new:", type="primary")
        _wait(login)
    else:
        st.button("Sign in to save to Spotify", icon=":material/login:", on_click=_start, key=f"sign-in-{place}")
    if note := st.session_state.get(state.SPOTIFY_NOTE):
        icon, sentence = note
        st.caption(f"{icon} {sentence}")


def finish_sign_in() -> bool:
    """Handle Spotify's redirect to the app, in the tab of the consent page.

    Returns:
        Whether this tab shows the result of a sign-in, instead of a page.
    """
    query = st.query_params
    if "state" in query and ("code" in query or "error" in query):
        answer = {name: query.get(name) for name in ("code", "error")}
        key = query["state"]
        st.query_params.clear()  # a rerun must not use the code again
        try:
            logins, browser = _logins(), browser_token()
            if logins is None or browser is None:
                raise SpotifyError("This server cannot finish the sign-in. Go back to the first tab and try again.")
            logins.finish(key, browser, **answer)
            problem = None
        except EmomusicError as error:
            problem = error_text(error)
        st.session_state[state.SPOTIFY_CALLBACK] = state.visit_number(), problem
    if state.SPOTIFY_CALLBACK not in st.session_state:
        return False
    visit, problem = st.session_state[state.SPOTIFY_CALLBACK]
    if visit != state.visit_number():  # the visitor opened another page in this tab
        del st.session_state[state.SPOTIFY_CALLBACK]
        return False
    st.title("Spotify sign-in", anchor=False)
    if problem is None:
        st.success("You are signed in. Close this tab and go back to EmoMusic.", icon=":material/check:")
    else:
        st.error(problem, icon=":material/error:")
        st.markdown("Close this tab and try again in the first one.")
    return True


def _logins() -> Logins | None:
    """The sign-ins of this app; None without keys.

    Raises:
        SettingsError: the settings are damaged.
        SpotifyError: Spotify accepts no redirect to this address.
    """
    credentials = spotify_credentials()
    return None if credentials is None else _shared_logins(credentials.client_id, redirect_uri_of(st.context.url or ""))


@st.cache_resource(max_entries=4, show_spinner=False)
def _shared_logins(client_id: str, redirect_uri: str) -> Logins:
    """One registry for all tabs, because a sign-in uses two."""
    return Logins(Service(client_id, redirect_uri, **SERVICE))


def _start() -> None:
    st.session_state.pop(state.SPOTIFY_NOTE, None)
    try:
        logins, browser = _logins(), browser_token()
    except EmomusicError as error:
        _note(error_text(error))
        return
    if logins is None or browser is None:
        _note("Sign-in needs cookies. Allow them and reload the page.")
        return
    st.session_state[state.SPOTIFY_LOGIN] = logins.start(browser)


@st.fragment(run_every=_POLL_S)
def _wait(login: Login) -> None:
    """Wait for the other tab, then show the page again."""
    st.caption("Spotify opens in a new tab. Come back here afterwards.")
    try:
        logins = _logins()
        account = None if logins is None else logins.take(login.state)
    except EmomusicError as error:
        st.session_state.pop(state.SPOTIFY_LOGIN, None)
        _note(error_text(error))
        st.rerun()
    if account is not None:
        st.session_state[state.SPOTIFY_ACCOUNT] = account
        st.session_state.pop(state.SPOTIFY_LOGIN, None)
        st.rerun()


def _save(songs: Sequence[Pick]) -> None:
    account: Account = st.session_state[state.SPOTIFY_ACCOUNT]
    moods = dict.fromkeys(song.mood for song in songs)
    name = f"EmoMusic: {' to '.join((next(iter(moods)), *list(moods)[1:][-1:]))}"
    try:
        url = account.save_playlist(name, [pick.song.id for pick in songs], description="Songs chosen by EmoMusic.")
    except SignInNeededError as error:
        del st.session_state[state.SPOTIFY_ACCOUNT]
        _note(error_text(error))
    except SpotifyError as error:
        _note(error_text(error))
    else:
        sentence = f"Saved {pluralize(len(songs), 'song')}: [open the playlist]({url})."
        st.session_state[state.SPOTIFY_NOTE] = ":material/check:", sentence


def _note(problem: str) -> None:
    st.session_state[state.SPOTIFY_NOTE] = ":material/error:", problem
