"""The names of what a visitor's session remembers, in one place."""

from __future__ import annotations

import streamlit as st

PICTURE = "picture"  # the Picture on the screen, or absent
OWN = "own"  # the visitor's own Picture, also while a sample is shown; None where it was taken away again
OWN_FILE = "own_file"  # the number under which Streamlit's store holds that too, or absent
VISIT = "visit"  # which page is on the screen, and how many pages were before it
WRITTEN = "written"  # what stands in the address by name, with the visit on which `ui.address` wrote it
READING = "reading"  # the Seen of that picture: nothing is computed twice
UPLOAD = "upload"
CAMERA = "camera"
SOURCE = "source"
SAMPLE = "sample"  # also in the address, so that a link can name a sample
WHO = "who"  # in the address alone, beside a sample: whose music, what a face is said to show, what mood is asked for
SAYS = "says"
MOOD = "mood"
POLICY = "policy"  # also in the address
HIDE_EXPLICIT = "hide_explicit"
SEED = "seed"
ADVENTURE = "adventure"
GENRES = "genres"
DECADES = "decades"
TEMPO = "tempo"

# The live page
LIVE = "live"  # the LiveSession, running or over; absent before the first start
LIVE_ATTEMPT = "live_attempt"  # names the question to the browser for its camera; absent before the first
LIVE_ANSWER = "live_answer"  # the Problem the browser has with its camera, or "" where it lends it
LIVE_STREAM = "live_stream"
LIVE_VISIT = "live_visit"  # the visit on which the stream stood on the page last
LIVE_CAMERA = "live_camera"
LIVE_CONSENT = "live_consent"
LIVE_MOOD = "live_mood"  # the Listener whose mood was kept for songs, or "nobody" where there was no face to keep
LIVE_VIEW = "shown"  # also in the address
LIVE_MIRROR = "live_mirror"
LIVE_BOXES = "live_boxes"
LIVE_LANDMARKS = "live_landmarks"
LIVE_SMOOTHING = "live_smoothing"
LIVE_PACE = "live_pace"
LIVE_INTERVAL = "live_interval"


def put(key: str, value: object) -> None:
    """Set one of these: for the `on_click` of a button."""
    st.session_state[key] = value


def fresh(key: str) -> str:
    """The name of a widget under its key, another one after each `renew`."""
    number = st.session_state.get(f"{key}-renewed", 0)
    return f"{key}-{number}" if number else key


def renew(key: str) -> None:
    """Let a widget begin anew, with its default.

    A value that is set here never reaches a widget out of sight, in a menu that is closed: the browser sends what it
    knew of it with the next run. Under another name it is another widget.
    """
    st.session_state[f"{key}-renewed"] = st.session_state.get(f"{key}-renewed", 0) + 1


def listener(picture: str) -> str:
    """Whom of a picture the music is for; the picture by its digest."""
    return f"who-{picture}"


def manual_emotion(scope: str) -> str:
    """What the visitor says a face shows, when the network got it wrong."""
    return f"said-emotion-{scope}"


def manual_mood(scope: str) -> str:
    """The mood of music the visitor asks for instead."""
    return f"said-mood-{scope}"


def player(place: str, number: int, track: str) -> str:
    """The player of one song in a list; another song at its place has another."""
    return f"player-{place}-{number}-{track}"


def player_at(place: str, number: int) -> str:
    """Which song's player stood at a place of a list last, and at which of two."""
    return f"player-at-{place}-{number}"


def songs_page(request_key: str) -> str:
    """How often "More songs" was pressed for one list of songs."""
    return f"songs-page-{request_key}"


# The gallery
GALLERY = "gallery"  # what hangs there, or could not be read: a dict by the id of its file
GALLERY_FILES = "gallery_files"
GALLERY_SOURCE = "gallery_source"
GALLERY_RESULT = "wall"  # in the address alone: "samples" where they hang
GALLERY_CHOSEN = "gallery_chosen"  # on which wall a face was chosen last, its picture and its place in that


def gallery_listener(wall: str) -> str:
    """Whom of a wall the music is for; the wall by its digest."""
    return f"gallery-who-{wall}"


# "How it works"
HOW_STEP = "step"  # in the address alone: the key of the step on the screen
HOW_WALK = "how_walk"  # the Walk of the picture on the screen: what each step computed


def how_widget(name: str, *scope: str) -> str:
    """A widget of "How it works"; what belongs to one picture or one step names it in `scope`."""
    return "-".join(("how", name, *scope))


# The music page. The first four stand in the address too.
MUSIC_TABLE = "table"
MUSIC_VIEW = "view"
MUSIC_TRACK = "track"  # the id of the song whose mood is asked for
MUSIC_QUERY = "find"  # what was searched for
MUSIC_RECCOBEATS = "reccobeats"
MUSIC_COVERS = "covers"
MUSIC_UPLOAD = "music_upload"
MUSIC_OWN = "music_own"  # what the visitor's own CSV became: a SongTable, or why it could not be read


def music_widget(name: str, *scope: str) -> str:
    """A widget of the music page; what belongs to one table or one song names it in `scope`."""
    return "-".join(("music", name, *scope))


# The models page. All but the last stand in the address too.
MODELS_KIND = "kind"
MODELS_FACES = "faces"  # the one or two face models looked at
MODELS_SONGS = "songs"  # and mood models
MODELS_FACE_VIEW = "face_view"
MODELS_SONG_VIEW = "song_view"
MODELS_CLASSES = "classes"
MODELS_CELL = "cell"  # of the confusion matrix of seven emotions, as "fear called sad"
MODELS_FOUR_CELL = "four_cell"  # and of that of four classes
MODELS_SONG_CELL = "song_cell"  # and of that of moods

MODELS_ASKED = "models_asked"  # what every model said of the visitor's picture


def models_widget(name: str, *scope: str) -> str:
    """A widget of the models page; what belongs to one model names it in `scope`."""
    return "-".join(("models", name, *scope))
