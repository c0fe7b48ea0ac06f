"""The persons who taught the app their face: in the memory of the session, until they are forgotten or it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from emomusic.affect import Emotion
from emomusic.app.charts import show_sharp
from emomusic.app.frame import download_button, escape_markdown
from emomusic.app.state import CameraState, page_state, remove_item
from emomusic.app.uploads import show_uploader
from emomusic.faces.identity import describe_crops
from emomusic.faces.learned import MAX_BYTES, FaceProfile, learn_profile
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.faces.profile import KnownFace
from emomusic.faces.reading import load_classifier
from emomusic.media.images import encode_jpeg, shrink
from emomusic.stream.reader import SeenFace
from emomusic.text import join_names

_MOST, _PORTRAIT_SIDE = 8, 96
_FILE = "emomusic-face-"  # begins the name of a saved profile, before that of the person


@dataclass
class PersonsState:
    """The known persons."""

    known: tuple[KnownFace, ...] = ()


def add_person(profile: FaceProfile, name: str = "", picture: bytes = b"") -> KnownFace:
    """Keep a profile, with the newest seven of other persons. An earlier one of the same person is gone.

    Raises:
        ProfileError: the profile is of another model.
    """
    here = page_state(PersonsState)
    others = [person for person in here.known if not profile.is_same_person(person.profile)]
    names = {person.name for person in others}
    before = [person.name for person in here.known if person.name not in names]
    numbered = (f"Person {number}" for number in range(1, _MOST + 2))
    name = next(free for free in (name, *before, *numbered) if free and free not in names)
    person = KnownFace(profile, load_classifier(DEFAULT_MODEL), name, picture)
    here.known = (*others, person)[-_MOST:]
    return person


def learn_person(shots: Mapping[Emotion, SeenFace]) -> KnownFace:
    """Learn the face of a person from a lesson, and keep the profile. Raises as `learn_profile`."""
    classifier = load_classifier(DEFAULT_MODEL)
    descriptors = describe_crops([shot.around for shot in shots.values()])
    crops = {emotion: classifier.describe([shot.crop]) for emotion, shot in shots.items()}
    profile = learn_profile(crops, descriptors, classifier)
    return add_person(profile, picture=encode_jpeg(shrink(shots[Emotion.NEUTRAL].around, _PORTRAIT_SIDE)[0]))


def forget_person(number: int) -> None:
    """Delete a profile by its identity, if it is there, with the lesson's pictures."""
    here = page_state(PersonsState)
    if (session := page_state(CameraState).session) is not None:
        session.forget_persons()
    here.known = tuple(person for person in here.known if id(person) != number)


def show_persons(persons: PersonsState) -> None:
    """Show the persons of this session, to name, download and forget them, and how to load a profile."""
    for person in persons.known:
        number = id(person)  # a key by position would give a second click to the next person
        learned = [emotion.adjective for emotion in Emotion if emotion in person.profile.shots]
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"person-{number}"):
            if person.picture:
                show_sharp(person.picture, alt=person.name, width=48)
            key = f"person-name-{number}"
            options: dict[str, Any] = {"on_change": _rename, "args": (number, key), "label_visibility": "collapsed"}
            st.text_input("Name", person.name, max_chars=40, width=150, key=key, **options)
            st.caption(join_names(learned).capitalize(), width="content")
            options = {"type": "tertiary", "key": f"person-download-{number}"}
            download_button("Download", person.profile, FaceProfile.to_json, f"{_FILE}{person.name}.json", **options)
            label, forget = f"Forget {escape_markdown(person.name)}", f"person-forget-{number}"
            st.button(label, on_click=remove_item, args=(forget_person, number), type="tertiary", key=forget)
    show_uploader(
        "Load a profile (JSON)",
        "profile_upload",
        _load,
        type="json",
        max_upload_size=max(MAX_BYTES // 2**20, 1),
    )
    st.caption("A profile holds numbers, no picture. It stays in the memory of this visit unless you download it.")


def _rename(number: int, key: str) -> None:
    name, known = str(st.session_state[key]).strip(), page_state(PersonsState).known
    if name and name not in {person.name for person in known if id(person) != number}:
        for person in known:
            if id(person) == number:
                person.name = name


def _load(files: Sequence[UploadedFile]) -> None:
    for file in files:
        name = Path(file.name).stem.removeprefix(_FILE) if file.name.startswith(_FILE) else ""
        add_person(FaceProfile.from_json(file.getvalue()), name)
