"""The mirror game: its start, the running round in large type, and the result."""

from __future__ import annotations

import math
import random
from base64 import b64encode

import streamlit as st

from emomusic.affect import EMOTIONS, share_text
from emomusic.app.frame import download_button, shown_errors
from emomusic.app.live.session import live_fragment, show_trouble, with_session
from emomusic.charts.face import expression_uri
from emomusic.colours import EMOTION_COLOURS
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.marks.drawing import face_strip
from emomusic.records import read_face_record
from emomusic.results.overview import Benchmark, answer, evaluation
from emomusic.server.live import LiveSession
from emomusic.server.sessions import WHEN_GONE
from emomusic.stream.game import MAX_POINTS, ROUND_S, Attempt, GamePhase, GameView, MirrorGame
from emomusic.text import pluralize

_KEY = "N"  # space and enter press the focused button
_AT_ONCE_S = 0.5
_PLAYERS_KEY = "live_players"
_PLAYERS = ("One player", "Two players")


def show_game(session: LiveSession, result: GameView | None) -> None:
    """Show the game next to the video, or its result."""
    if session.game is None:
        _show_start(session)
    elif result is not None:
        _show_points(session, result)
    else:
        _show_round()


def _show_start(session: LiveSession) -> None:
    faces = "".join(f'<img src="{expression_uri(emotion)}" alt="">' for emotion in EMOTIONS)
    st.html(f'<div class="live-moving">{faces}</div>')
    st.header(f"Seven faces, {ROUND_S:.0f} seconds for each", anchor=False)
    st.markdown(f"Show the emotion that is named. Up to {MAX_POINTS} points: 70 for the highest bar, 30 for speed.")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.segmented_control(
            "Players",
            _PLAYERS,
            default=_PLAYERS[0],
            required=True,
            label_visibility="collapsed",
            key=_PLAYERS_KEY,
            persist_state="session",
        )
        _show_button("Start the game", "start", session)
    if not session.is_on:
        st.caption("Press START to switch the camera on.")
    st.caption(
        "Your best picture of each round stays in this server's memory until you play again, press START again, open "
        f"another page, or {WHEN_GONE}. In a class, play with volunteers."
    )


@with_session
def _start_game(session: LiveSession) -> None:
    """Start a game with as many players as before, else as chosen: perhaps after the last run of the page."""
    chosen = _PLAYERS.index(st.session_state.get(_PLAYERS_KEY) or _PLAYERS[0]) + 1
    num_players = chosen if session.game is None else session.game.num_players
    session.observe(MirrorGame(random.sample(EMOTIONS, len(EMOTIONS)), num_players=num_players), session.lesson)


def _show_button(label: str, key: str, session: LiveSession) -> None:
    """Show a button that starts a game, also by a key."""
    st.button(
        label,
        icon=":material/sports_esports:",
        type="primary",
        shortcut=_KEY if session.is_on else None,
        disabled=not session.is_on,
        on_click=_start_game,
        key=f"live-game-{key}",
    )


@live_fragment(0.25)
def _show_round(session: LiveSession) -> None:
    """Show the current round."""
    view = None if session.game is None else session.game.view()
    if view is None or view.phase is GamePhase.OVER:
        st.rerun()
    show_trouble(session, session.view())
    # Apart from the bars, which change more often
    st.html(_task_html(view))
    st.html(_round_html(view))
    with st.container(horizontal=True):
        st.button("Next", icon=":material/skip_next:", shortcut=_KEY, on_click=_skip, key="live-game-next")
        end = with_session(lambda session: session.observe(None, session.lesson))
        st.button("End the game", type="tertiary", on_click=end, key="live-game-end")


@with_session
def _skip(session: LiveSession) -> None:
    if session.game is not None:
        session.game.skip()


def _task_html(view: GameView) -> str:
    """The named emotion with its drawing; before the round nothing is named."""
    emotion, picture = view.rounds[-1][0].emotion, ""
    if view.phase is GamePhase.WAITING:
        text = f"Waiting for {'a face' if len(view.now) == 1 else 'two faces'}"
    elif view.phase is GamePhase.COUNTING:
        text = f"{math.ceil(view.left_s)}"
    else:
        picture, text = f'<img src="{expression_uri(emotion)}" alt="">', f"Look {emotion.adjective}"
    return f'<div class="game game-row">{picture}<p class="game-large">{text}</p></div>'


def _round_html(view: GameView) -> str:
    """The number of the round, the seconds left, and the bar of each player."""
    clock = {GamePhase.SHOWING: f"{math.ceil(view.left_s)}", GamePhase.RESULT: "Time is up"}.get(view.phase, "")
    players = "".join(_player_html(view, player) for player in range(len(view.now)))
    return (
        f'<div class="game"><div class="game-row"><p class="game-large">{clock}</p>'
        f"<p>Round {len(view.rounds)} of {view.num_rounds}</p></div>"
        f'<div class="game-row">{players}</div></div>'
    )


def _player_html(view: GameView, player: int) -> str:
    name, attempt, now = _names(view)[player], view.rounds[-1][player], view.now[player]
    emotion, is_result = attempt.emotion, view.phase is GamePhase.RESULT
    share = attempt.share if is_result else 0.0 if now is None else now[emotion]
    words = f"+{attempt.points}" if is_result else "no face" if now is None else now.emotion.adjective
    return (
        f"<div><p>{name}: {pluralize(view.points[player], 'point')}</p>"
        f'<div class="game-bar" role="meter" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{100 * share:.0f}" '
        f'aria-label="{name}: {emotion}"><div style="width:{100 * share:.0f}%;background:{EMOTION_COLOURS[emotion]}">'
        f"</div></div><p>{emotion} {share_text(share)} · {words}</p></div>"
    )


def _names(view: GameView) -> tuple[str, ...]:
    return ("You",) if len(view.now) == 1 else ("Left", "Right")


def _show_points(session: LiveSession, view: GameView) -> None:
    points = " · ".join(f"{name} {total}" for name, total in zip(_names(view), view.points, strict=True))
    if view.winner is not None:
        points = f"{_names(view)[view.winner]} wins: {points}"
    picture, song = "", ""
    if (strongest := view.strongest) is not None:
        picture = _picture(strongest)
        song = f"<p>Strongest face: {strongest.emotion} {share_text(strongest.share)}. Its song:</p>"
    of = f"of {MAX_POINTS * len(view.rounds)} points"
    st.html(f'<div class="game game-row">{picture}<div><p class="game-large">{points}</p><p>{of}</p>{song}</div></div>')
    _show_button("Play again", "again", session)


def show_rounds(game: MirrorGame) -> None:
    """Show every round with the players' pictures, and which emotions are hard."""
    view = game.view()
    st.header("Your faces", anchor=False)
    cards = "".join(
        f'<figure><figcaption><img src="{expression_uri(attempts[0].emotion)}" alt="">{attempts[0].emotion}'
        f'</figcaption><div class="game-faces">{"".join(map(_attempt_html, attempts, _names(view)))}</div></figure>'
        for attempts in view.rounds
    )
    st.html(f'<div class="game-cards">{cards}</div>')
    if view.strongest is not None:
        download_button(
            "All faces (PNG)",
            game,
            lambda game: face_strip(game.view().rounds),
            "emomusic-faces.png",
            icon=":material/download:",
            key="live-game-strip",
        )
    st.header("Hard for the model too", anchor=False)
    with shown_errors():
        record = read_face_record(DEFAULT_MODEL)
        if (found := evaluation(record, Benchmark.VOTES)) is not None:
            st.markdown(f"{answer(record, found, Benchmark.VOTES)} The Models page has all figures.")


def _attempt_html(attempt: Attempt, name: str) -> str:
    if attempt.probabilities is None:
        return f'<div class="game-face">{name}: no face</div>'
    reached_s = attempt.reached_s
    when = "" if reached_s is None else f" after {reached_s:.1f} s" if reached_s > _AT_ONCE_S else " from the start"
    return (
        f'<div class="game-face">{_picture(attempt)}{name}: <b>{pluralize(attempt.points, "point")}</b><br>'
        f"{share_text(attempt.share)}{when}</div>"
    )


def _picture(attempt: Attempt) -> str:
    source = f"data:image/jpeg;base64,{b64encode(attempt.picture).decode()}"
    return f'<img src="{source}" alt="The best moment of {attempt.emotion}">'
