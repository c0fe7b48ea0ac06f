"""What the visitor taught the app: in the memory of the session, until it is forgotten or the session ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from emomusic.affect import Emotion, Mood
from emomusic.app.charts import show_sharp
from emomusic.app.frame import download_button, escape_markdown
from emomusic.app.state import CameraState, page_state, remove_item
from emomusic.app.uploads import show_uploader
from emomusic.faces.classifier import load_classifier
from emomusic.faces.identity import describe_crops
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.faces.profile import FaceProfile, OwnClasses, learn_classes, learn_profile
from emomusic.media.images import encode_jpeg, shrink
from emomusic.stream.reader import SeenFace
from emomusic.text import join_names

_MOST, _PORTRAIT_SIDE = 8, 96
_FILE = "emomusic-face-"  # begins the name of a saved profile, before its own name


@dataclass(eq=False)
class NamedProfile:
    """A profile of the session.

    Attributes:
        profile: the profile.
        name: the name of the person, or of own classes together.
        picture: a picture of the person as JPEG, of about 100 pixels; empty without one.
    """

    profile: FaceProfile
    name: str
    picture: bytes = b""


@dataclass
class ProfilesState:
    """The profiles, the newest last, and how many there were."""

    named: tuple[NamedProfile, ...] = ()
    num_added: int = 0

    @property
    def persons(self) -> tuple[FaceProfile, ...]:
        """The profiles of persons."""
        return tuple(one.profile for one in self.named if one.profile.shots)

    @property
    def classes(self) -> OwnClasses | None:
        """The newest own classes; None before they are taught."""
        return next((one.profile.classes for one in self.named[::-1] if one.profile.classes is not None), None)


def add_profile(profile: FaceProfile, name: str = "", picture: bytes = b"") -> None:
    """Keep a profile, with the newest seven others. Earlier ones of the same person, and earlier classes, are gone.

    Raises:
        ProfileError: the profile is of another model.
    """
    profile.require_model(load_classifier(DEFAULT_MODEL))
    here = page_state(ProfilesState)
    are_classes = not profile.shots
    before = [
        one for one in here.named if profile.is_same_person(one.profile) or (are_classes and not one.profile.shots)
    ]
    if not before:
        here.num_added += 1
    names = [name, *(one.name for one in before), f"{'Classes' if are_classes else 'Person'} {here.num_added}"]
    others = [one for one in here.named if one not in before]
    here.named = (*others, NamedProfile(profile, next(filter(None, names)), picture))[-_MOST:]


def learn_person(shots: Mapping[Emotion, SeenFace]) -> FaceProfile:
    """Learn the face of a person from a lesson, and keep the profile. Raises as `learn_profile`."""
    classifier = load_classifier(DEFAULT_MODEL)
    descriptors = describe_crops([shot.around for shot in shots.values()])
    crops = {emotion: classifier.describe([shot.crop]) for emotion, shot in shots.items()}
    profile = learn_profile(crops, descriptors, classifier)
    add_profile(profile, picture=encode_jpeg(shrink(shots[Emotion.NEUTRAL].around, _PORTRAIT_SIDE)[0]))
    return profile


def learn_own(shots: Mapping[str, Sequence[SeenFace]], moods: Mapping[str, Mood]) -> None:
    """Learn own classes from a lesson, and keep the profile. Raises as `learn_classes`."""
    classifier = load_classifier(DEFAULT_MODEL)
    described = {name: classifier.describe([shot.crop for shot in taken]) for name, taken in shots.items()}
    add_profile(learn_classes(described, moods, classifier))


def forget_profile(number: int) -> None:
    """Delete a profile by its identity, if it is there, with the lesson's pictures."""
    here = page_state(ProfilesState)
    session = page_state(CameraState).session
    if session is not None:
        session.forget_profiles()
    here.named = tuple(one for one in here.named if id(one) != number)


def show_profiles() -> None:
    """Show the profiles of this session, to name, download and forget them, and how to load one."""
    for one in page_state(ProfilesState).named:
        number = id(one)  # a key by position would give a second click to the next profile
        learned = [emotion.adjective for emotion in Emotion if emotion in one.profile.shots]
        if one.profile.classes is not None:
            learned += [escape_markdown(name) for name in one.profile.classes.moods]
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"profile-{number}"):
            portrait = st.container(width="content")
            options: dict[str, Any] = {"max_chars": 40, "width": 150, "label_visibility": "collapsed"}
            one.name = st.text_input("Name", one.name, key=f"profile-name-{number}", **options).strip() or one.name
            if one.picture:
                with portrait:
                    show_sharp(one.picture, alt=one.name, width=48)
            st.caption(f"Knows {join_names(learned)}", width="content")
            options = {"type": "tertiary", "key": f"profile-download-{number}"}
            download_button("Download", one.profile, FaceProfile.to_json, f"{_FILE}{one.name}.json", **options)
            label, forget = f"Forget {escape_markdown(one.name)}", f"profile-forget-{number}"
            st.button(label, on_click=remove_item, args=(forget_profile, number), type="tertiary", key=forget)
    show_uploader("Load a profile (JSON)", "profile_upload", _load, type="json", max_upload_size=1)
    st.caption("A profile holds numbers, no picture. It stays in the memory of this visit unless you download it.")


def _load(files: Sequence[UploadedFile]) -> None:
    for file in files:
        name = Path(file.name).stem.removeprefix(_FILE) if file.name.startswith(_FILE) else ""
        add_profile(FaceProfile.from_json(file.getvalue()), name)
