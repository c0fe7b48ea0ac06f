"""The persons who taught the app their face: in the memory of the session, until they are forgotten or it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from emomusic.affect import Emotion
from emomusic.app import state
from emomusic.app.frame import download_button
from emomusic.app.picture_chooser import PictureState
from emomusic.app.state import CameraState, page_state
from emomusic.app.uploads import show_uploader
from emomusic.faces.identity import describe_persons
from emomusic.faces.profile import MAX_BYTES, FaceProfile, KnownFace, apply_profiles, learn_profile
from emomusic.faces.reading import FaceReading, PictureReading, load_networks
from emomusic.media.images import Box, RgbImage
from emomusic.text import join_names

_MOST = 8


@dataclass
class PersonsState:
    """The known persons, and the number of changes: readings with another one are out of date."""

    known: tuple[KnownFace, ...] = ()
    version: int = 0

    def change(self, known: tuple[KnownFace, ...]) -> None:
        """Replace the persons."""
        self.known, self.version = known, self.version + 1


def with_persons(image: RgbImage, reading: PictureReading) -> PictureReading:
    """The reading of a picture in which the persons of this session are read with their profile."""
    return apply_profiles(image, reading, page_state(PersonsState).known)


def show_known(faces: Sequence[FaceReading]) -> None:
    """Tell which faces were read with a profile, or that they are other people's."""
    if known := [f"face {face.number}" for face in faces if face.is_known]:
        st.caption(f":material/face: Read with a profile: {join_names(known)}")
    elif page_state(PersonsState).known and faces:
        st.caption(":material/face: The profile is of another person. These faces are read without it.")


def choose_persons() -> None:
    """Show a menu to use, download and forget profiles."""
    with st.popover("This is me", icon=":material/face:", key="persons"):
        if not page_state(PersonsState).known:
            st.markdown("EmoMusic reads your face better after a short lesson with your camera, or with its profile.")
            view = {state.LIVE_VIEW: state.LIVE_TEACH}
            st.page_link("pages/live.py", label="Teach it my face", icon=":material/school:", query_params=view)
        show_persons()


def add_person(profile: FaceProfile) -> KnownFace:
    """Keep a profile, with the newest seven of other persons. An earlier one of the same person is gone.

    Raises:
        ProfileError: the profile is of another model.
    """
    person = KnownFace(profile, load_networks()[1])
    here = page_state(PersonsState)
    others = [each for each in here.known if not profile.is_same_person(each.profile)]
    here.change((*others, person)[-_MOST:])
    return person


def learn_person(crops: Mapping[Emotion, RgbImage]) -> KnownFace:
    """Learn the face of a person from one crop of each emotion, and keep the profile. Raises as `learn_profile`."""
    classifier = load_networks()[1]
    whole = [(crop, Box(0, 0, crop.shape[1], crop.shape[0])) for crop in crops.values()]
    descriptors = np.concatenate([describe_persons(crop, [box]) for crop, box in whole])
    faces = {emotion: classifier.describe([crop]) for emotion, crop in crops.items()}
    return add_person(learn_profile(faces, descriptors, classifier))


def forget_persons() -> None:
    """Delete all profiles of this session, with the pictures of the lesson and the readings that they changed."""
    if (session := page_state(CameraState).session) is not None:
        session.forget_persons()
    page_state(PersonsState).change(())
    for _, result in page_state(PictureState).results.values():
        if hasattr(result, "forget_persons"):
            result.forget_persons()


def show_persons() -> None:
    """Show the persons of this session, and how to download, load and forget their profiles."""
    here = page_state(PersonsState)
    for number, person in enumerate(here.known, 1):
        learned = [emotion.adjective for emotion in Emotion if emotion in person.profile.shots]
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**Person {number}:** {join_names(learned)}", width="content")
            name = f"emomusic-face-{number}.json"
            make = partial(_profile_of, number - 1)
            download_button("Download", here, make, name, type="tertiary", key=f"person-{number}")
    if here.known:
        st.button("Forget", icon=":material/delete:", on_click=forget_persons, key="persons-forget")
    show_uploader(
        "Load a profile (JSON)",
        state.PROFILE_UPLOAD,
        _load,
        type="json",
        max_upload_size=max(MAX_BYTES // 2**20, 1),
    )
    st.caption("A profile holds numbers, no picture. It stays in the memory of this visit unless you download it.")


def _profile_of(position: int, persons: PersonsState) -> bytes:
    return persons.known[position].profile.to_json()


def _load(files: Sequence[UploadedFile]) -> None:
    for file in files:
        add_person(FaceProfile.from_json(file.getvalue()))
