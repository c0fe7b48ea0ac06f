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
from emomusic.faces.profile import MAX_BYTES, FaceProfile, OwnClasses, learn_classes, learn_profile
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
    """The profiles, the newest last. One at most has own classes."""

    named: tuple[NamedProfile, ...] = ()

    @property
    def persons(self) -> tuple[FaceProfile, ...]:
        """The profiles of persons."""
        return tuple(one.profile for one in self.named if one.profile.shots)

    @property
    def classes(self) -> OwnClasses | None:
        """The own classes; None before they are taught."""
        return next((one.profile.classes for one in self.named if one.profile.classes is not None), None)


def add_profile(profile: FaceProfile, name: str = "", picture: bytes = b"") -> None:
    """Keep a profile, with the newest seven others. Earlier ones of the same person, and earlier classes, are gone.

    Raises:
        ProfileError: the profile is of another model.
    """
    profile.require_model(load_classifier(DEFAULT_MODEL))
    here = page_state(ProfilesState)
    others = [one for one in here.named if not _replaces(profile, one.profile)]
    names = {one.name for one in others}
    before = [one.name for one in here.named if one.name not in names]
    kind = "Person" if profile.shots else "Classes"
    numbered = (f"{kind} {number}" for number in range(1, _MOST + 2))
    name = next(free for free in (name, *before, *numbered) if free and free not in names)
    here.named = (*others, NamedProfile(profile, name, picture))[-_MOST:]


def _replaces(profile: FaceProfile, before: FaceProfile) -> bool:
    """Whether a new profile takes the place of an earlier one."""
    have_classes = profile.classes is not None and before.classes is not None
    return have_classes or profile.is_same_person(before)


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
    if (session := page_state(CameraState).session) is not None:
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
            if one.picture:
                show_sharp(one.picture, alt=one.name, width=48)
            key = f"profile-name-{number}"
            options: dict[str, Any] = {"on_change": _rename, "args": (number, key), "label_visibility": "collapsed"}
            st.text_input("Name", one.name, max_chars=40, width=150, key=key, **options)
            st.caption(f"Knows {join_names(learned)}", width="content")
            options = {"type": "tertiary", "key": f"profile-download-{number}"}
            download_button("Download", one.profile, FaceProfile.to_json, f"{_FILE}{one.name}.json", **options)
            label, forget = f"Forget {escape_markdown(one.name)}", f"profile-forget-{number}"
            st.button(label, on_click=remove_item, args=(forget_profile, number), type="tertiary", key=forget)
    show_uploader(
        "Load a profile (JSON)",
        "profile_upload",
        _load,
        type="json",
        max_upload_size=max(MAX_BYTES // 2**20, 1),
    )
    st.caption("A profile holds numbers, no picture. It stays in the memory of this visit unless you download it.")


def _rename(number: int, key: str) -> None:
    name, profiles = str(st.session_state[key]).strip(), page_state(ProfilesState).named
    if name and name not in {one.name for one in profiles if id(one) != number}:
        for one in profiles:
            if id(one) == number:
                one.name = name


def _load(files: Sequence[UploadedFile]) -> None:
    for file in files:
        name = Path(file.name).stem.removeprefix(_FILE) if file.name.startswith(_FILE) else ""
        add_profile(FaceProfile.from_json(file.getvalue()), name)
