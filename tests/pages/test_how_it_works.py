"""pages/how_it_works.py under AppTest, with the real networks: every step of the table, and the states around them."""

import io
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities
from emomusic.explain import GradCam
from emomusic.face import model_files
from emomusic.face.images import crop_face, encode_jpeg, encode_png, read_image, to_network_input
from emomusic.face.inspection import occlude
from emomusic.face.reading import FaceReading
from emomusic.ui.core import state
from emomusic.ui.core.engine import engine
from emomusic.ui.core.frame import enter_app
from emomusic.ui.core.picture_chooser import Picture
from emomusic.ui.how_it_works import walk
from emomusic.ui.how_it_works.draw import describe_agreement, describe_fall
from emomusic.ui.how_it_works.steps import STEPS, Needs, step_named
from emomusic.ui.how_it_works.walk import Walk
from tests.pages.screen import text_of

SECONDS = 240
KEYS = [step.key for step in STEPS]


@cache
def opened(model: str) -> GradCam:
    import keras

    folder = model_files.model_folder(model)
    network = keras.saving.load_model(folder / model_files.WEIGHTS, compile=False, safe_mode=True)
    return GradCam(network, mirrored=model_files.read_spec(folder).mirrored)


@pytest.fixture(autouse=True)
def _grad_cam_without_a_process_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """tests/face/test_explain.py and the browser tests start the real one; each takes five seconds."""
    monkeypatch.setattr(walk, "grad_cam", lambda model, face, winner: opened(model).of(face, winner))


@pytest.fixture
def app(root: Path) -> AppTest:
    enter_app()  # as if a visitor had come through the front door before
    return AppTest.from_file(str(root / "pages/how_it_works.py"), default_timeout=SECONDS)


def at(app: AppTest, key: str, *, sample: str | None = "eileen-collins-1999") -> AppTest:
    app.query_params[state.HOW_STEP] = key
    if sample:
        app.query_params[state.SAMPLE] = sample
    return app.run()


def pictures(app: AppTest) -> list[str]:
    """The alternative texts of what the step shows; the samples in the chooser left out."""
    alts = [image.alt for element in app.get("image") for image in element.proto.imgs]
    return [alt for alt in alts if not alt.startswith("Sample: ")]


def percent(share: float) -> str:
    """No line ends before the sign."""
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def charts(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def alts(app: AppTest) -> list[str]:
    """The alternative texts of pictures and charts alike."""
    return pictures(app) + [chart.proto.alt for chart in app.get("plotly_chart")]


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


# The table


@pytest.mark.parametrize("step", STEPS, ids=KEYS)
def test_a_step_has_two_sentences_and_a_source(step: Any) -> None:
    assert len(step.sentences) == 2
    for sentence in step.sentences:
        assert re.fullmatch(r"[A-Z][^!]{20,160}\.", sentence)
        assert sentence.count(". ") == 0
    assert re.search(r"\b(19|20)\d\d\b", step.source)
    assert re.fullmatch(r"[a-z]+", step.key)


def test_no_two_steps_have_one_name() -> None:
    assert len({step.key for step in STEPS}) == len({step.title for step in STEPS}) == len(STEPS)
    assert [step_named(key).key for key in KEYS] == KEYS


@pytest.mark.parametrize("key", KEYS)
def test_every_step_shows_its_words_and_something_to_see(app: AppTest, key: str) -> None:
    at(app, key)
    assert not app.exception
    assert not app.error
    step = step_named(key)
    assert app.title[0].value == step.title
    text = text_of(app)
    for sentence in step.sentences:
        assert sentence in text
    assert step.source in text
    assert pictures(app) or charts(app)
    assert all(pictures(app))


# Getting about


def test_next_and_back_lead_through_all_steps(app: AppTest) -> None:
    at(app, "picture")
    buttons = {button.label: button for button in app.button}
    assert buttons["Back"].disabled
    assert buttons["Next"].proto.shortcut.lower().endswith("right")
    assert buttons["Back"].proto.shortcut.lower().endswith("left")
    titles = [app.title[0].value]
    for _ in STEPS[1:]:
        press(app, "Next")
        titles.append(app.title[0].value)
        assert KEYS[len(titles) - 1] in app.query_params[state.HOW_STEP]
    assert titles == [step.title for step in STEPS]
    press(app, "Back")
    assert app.title[0].value == STEPS[-2].title


def test_at_the_end_the_button_starts_again_and_the_key_does_nothing(app: AppTest) -> None:
    at(app, KEYS[-2])
    before = app.button(key=state.how_widget("next"))
    press(app, "Next")
    again = app.button(key=state.how_widget("next"))
    assert (again.label, again.disabled, again.proto.shortcut) == ("Start again", False, "")
    assert again.proto.id == before.proto.id  # the same one: it keeps the keyboard's focus
    again.click().run()
    assert app.title[0].value == STEPS[0].title


def test_any_step_can_be_chosen_from_the_list(app: AppTest) -> None:
    at(app, "picture")
    app.button(key=state.how_widget("go", "place")).click().run()
    assert app.title[0].value == step_named("place").title


@pytest.mark.parametrize("name", ["", "nonsense", "../../etc/passwd"])
def test_a_link_to_no_step_shows_the_first(app: AppTest, name: str) -> None:
    at(app, name)
    assert not app.exception
    assert app.title[0].value == STEPS[0].title


def test_without_a_picture_the_first_sample_is_shown_and_not_named(app: AppTest) -> None:
    """Named, it would take the place of a picture that was on its way meanwhile."""
    at(app, "picture", sample=None)
    assert not app.exception
    assert pictures(app) == ["The picture"]
    assert app.session_state[state.HOW_WALK].picture.name == "barack-obama-2012.jpg"
    assert set(app.query_params) == {state.HOW_STEP}


def test_the_chooser_stays_while_one_picture_takes_the_place_of_another(app: AppTest, root: Path) -> None:
    first = Picture.of("me.jpg", (root / "data/samples/grace-hopper-1984.jpg").read_bytes())
    app.session_state[state.PICTURE] = first
    at(app, "picture", sample=None)
    key = app.get("popover")[1].proto.id
    app.session_state[state.PICTURE] = None  # what the uploader says in between
    app.run()
    assert app.get("popover")[1].proto.id == key
    app.session_state[state.PICTURE] = Picture.of("me.jpg", (root / "data/samples/joe-biden-2010.jpg").read_bytes())
    app.run()
    assert app.get("popover")[1].proto.id != key


# The picture


def test_the_first_step_needs_no_network(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert STEPS[0].needs is Needs.PICTURE
    monkeypatch.setattr(walk, "engine", None)
    at(app, "picture", sample="four-people")
    assert not app.exception
    assert "1,200 by 376 points, 1,353,600 numbers" in text_of(app)


def test_a_visitors_own_picture_is_never_named_in_the_address(app: AppTest, root: Path) -> None:
    data = (root / "data/samples/grace-hopper-1984.jpg").read_bytes()
    app.session_state[state.PICTURE] = Picture.of("me.jpg", data)
    at(app, "face", sample=None)
    assert not app.exception
    assert "1 face found" in text_of(app)
    assert set(app.query_params) == {state.HOW_STEP}


def test_nothing_is_left_of_a_picture_that_another_page_has_replaced(root: Path) -> None:
    app = AppTest.from_file(str(root / "app.py"), default_timeout=SECONDS)
    app.run()
    app.session_state[state.HOW_WALK] = "the walk of the picture before"
    app.file_uploader(key=state.UPLOAD).upload("letter.jpg", b"Dear reader")
    app.run()
    assert state.HOW_WALK not in app.session_state


def test_a_picture_chosen_here_takes_the_place_of_the_last(app: AppTest) -> None:
    at(app, "face")
    first = app.session_state[state.HOW_WALK]
    app.button(key="sample-four-people").click().run()
    assert app.session_state[state.HOW_WALK] is not first
    assert "4 faces found" in text_of(app)
    assert "four-people" in app.query_params[state.SAMPLE]
    assert "face" in app.query_params[state.HOW_STEP]


@pytest.mark.parametrize("key", ["proposals", "face", "crop", "look", "songs"])
def test_a_picture_without_a_face_is_said_so(app: AppTest, key: str) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.full((240, 320, 3), (70, 130, 180), np.uint8)).save(buffer, "PNG")
    app.session_state[state.PICTURE] = Picture.of("sky.png", buffer.getvalue())
    at(app, key, sample=None)
    assert not app.exception
    if step_named(key).needs is Needs.FACE:
        assert "No face was found" in app.info[0].value
        assert pictures(app) == []
    else:
        assert len(pictures(app)) == 1


@pytest.mark.parametrize("shape", [(30, 3000), (3000, 30), (1, 800), (800, 1)])
def test_a_picture_may_be_long_and_narrow_but_no_stripe(app: AppTest, shape: tuple[int, int]) -> None:
    data = encode_png(np.full((*shape, 3), 128, np.uint8))
    app.session_state[state.PICTURE] = Picture.of("pole.png", data)
    at(app, "picture", sample=None)
    assert not app.exception
    assert [error.value[:27] for error in app.error] == (["This picture is a stripe: e"] if 1 in shape else [])


def test_an_unreadable_picture_is_one_message_and_the_way_goes_on(app: AppTest) -> None:
    app.session_state[state.PICTURE] = Picture.of("letter.jpg", b"Dear reader")
    at(app, "crop", sample=None)
    assert not app.exception
    assert "not a picture" in app.error[0].value
    app.button(key="sample-eileen-collins-1999").click().run()
    assert not app.error
    assert len(pictures(app)) == 3


def test_of_several_faces_one_can_be_chosen(app: AppTest) -> None:
    at(app, "place", sample="four-people")
    first = charts(app)
    press(app, "Face 3")
    assert not app.exception
    assert charts(app) != first
    assert "<b>3</b>" in json.dumps(charts(app))
    press(app, "Next")
    assert "<b>3</b>" in json.dumps(charts(app))


@pytest.mark.parametrize("step", STEPS, ids=KEYS)
def test_it_is_told_in_words_which_face_is_shown(app: AppTest, step: Any) -> None:
    at(app, step.key, sample="four-people")
    named = [alt.startswith("Face 1. ") for alt in alts(app)]
    assert named == [step.needs is Needs.FACE] * len(named)
    if step.needs is not Needs.FACE:
        return
    press(app, "Face 3")
    labels = [button.label for button in app.button if "Face " in button.label]
    assert labels == ["Face 1", "Face 2", ":primary[**Face 3, shown**]", "Face 4"]
    assert all(alt.startswith("Face 3. ") for alt in alts(app))


def test_of_a_single_face_no_number_is_told(app: AppTest) -> None:
    at(app, "crop")
    assert alts(app)[:2] == ["The face, cut out", "The face, without colours"]
    assert not [button for button in app.button if "Face " in button.label]


@pytest.mark.parametrize("key", ["picture", "proposals", "face", "crop", "maps", "look"])
def test_pictures_are_shown_with_all_of_their_pixels(app: AppTest, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a width in pixels, Streamlit shrinks them to as many; what is no JPEG it makes one of at every run."""
    shown: list[tuple[bytes, Any]] = []
    image = st.image
    monkeypatch.setattr(
        st, "image", lambda data, **options: (shown.append((data, options["width"])), image(data, **options))[1]
    )
    at(app, key)
    drawn = [*app.session_state[state.HOW_WALK].pictures.values()]
    assert drawn
    assert [width for data, width in shown if data in drawn] == ["stretch"] * len(drawn)
    formats = {Image.open(io.BytesIO(data)).format for data in drawn}
    assert formats == ({"PNG"} if key == "maps" else {"JPEG"})  # between the maps it is see-through


# Nothing twice, nothing invented


def large(root: Path, side: int) -> Picture:
    """A photograph with a face on most of it, as a telephone makes them."""
    with Image.open(root / "data/samples/joe-biden-2010.jpg") as picture:
        height = round(side * picture.height / picture.width)
        return Picture.of("me.jpg", encode_jpeg(np.asarray(picture.convert("RGB").resize((side, height)))))


def test_of_a_face_only_what_is_shown_and_asked_is_kept(app: AppTest, root: Path) -> None:
    picture = large(root, 3000)
    app.session_state[state.PICTURE] = picture
    at(app, "crop", sample=None)
    assert not app.exception
    (face,) = app.session_state[state.HOW_WALK].faces
    whole = crop_face(picture.read(), face.reading.face.box)
    assert len(whole) > 1000
    assert f"{len(whole):,} points a side become".replace(",", "") in text_of(app)
    held = [value for value in vars(face).values() if isinstance(value, bytes | np.ndarray)]
    assert sum(value.nbytes if isinstance(value, np.ndarray) else len(value) for value in held) < 300_000
    # What the network is asked is not made of what is shown
    np.testing.assert_array_equal(face.insight.face, to_network_input([whole], len(face.insight.face))[0, ..., 0])
    at(app, "look", sample=None)
    whole_insight, whole_occlusion = walk._explainer().look(whole), occlude(whole, engine().networks()[1])
    np.testing.assert_array_equal(face.insight.logits, whole_insight.logits)
    np.testing.assert_array_equal(face.insight.probabilities, whole_insight.probabilities)
    np.testing.assert_array_equal(face.occlusion.drops, whole_occlusion.drops)


def test_without_colours_a_face_is_as_the_network_gets_it(app: AppTest) -> None:
    at(app, "crop")
    drawn = app.session_state[state.HOW_WALK].pictures
    colour, grey = (read_image(drawn[f"1-crop-{name}"]) for name in ("colour", "grey"))
    assert np.ptp(grey.astype(int), axis=2).max() == 0
    expected = to_network_input([colour], len(colour))[0, ..., 0].astype(int)
    assert np.abs(grey[..., 0] - expected).mean() < 2  # of a JPEG


def test_going_back_computes_nothing_again(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    at(app, "look")
    walk: Walk = app.session_state[state.HOW_WALK]
    assert walk.picture.name == "eileen-collins-1999.jpg"
    face = walk.faces[0]
    before = (walk.stages, face.insight, face.occlusion, dict(walk.pictures))
    for key in ("face", "crop", "look"):
        at(app, key)
    assert app.session_state[state.HOW_WALK] is walk
    assert (walk.stages, walk.faces[0].insight, walk.faces[0].occlusion) == before[:3]
    for name, png in before[3].items():
        assert walk.pictures[name] is png


def test_all_steps_go_on_with_the_answer_that_is_explained(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reading may be less exact: with bfloat16 a face was 42 % neutral in one step and 41 in the next."""
    at(app, "probabilities", sample="morisot-self-portrait-1885")
    (face,) = app.session_state[state.HOW_WALK].faces
    explained = face.insight.probabilities
    assert f"→ {percent(explained.max())} after the adjustment" in text_of(app)
    off = FaceReading(face.reading.face, EmotionProbabilities.certain(Emotion.HAPPY))
    monkeypatch.setattr(face, "reading", off)
    at(app, "place", sample="morisot-self-portrait-1885")
    assert f"{EMOTIONS[explained.argmax()]} {percent(explained.max())}" in text_of(app)
    at(app, "quadrant", sample="morisot-self-portrait-1885")
    assert "N: " in text_of(app)
    at(app, "songs", sample="morisot-self-portrait-1885")
    assert "N → calm songs".replace(" ", "\N{NO-BREAK SPACE}") in text_of(app)


def test_the_figures_are_those_of_the_results(app: AppTest) -> None:
    at(app, "look")
    face = app.session_state[state.HOW_WALK].faces[0]
    assert describe_agreement(face.agreement) in text_of(app)
    assert f"falls from {percent(face.occlusion.probability)} to" in text_of(app)
    at(app, "probabilities")
    scores, mirrored, shares, *_ = charts(app)[0]["data"]
    np.testing.assert_allclose(scores["x"], face.insight.logits[0], atol=1e-3)
    np.testing.assert_allclose(mirrored["x"], face.insight.logits[1], atol=1e-3)
    # Percent; the reading may have been computed in bfloat16, what the step shows never is
    np.testing.assert_allclose(shares["x"], 100 * face.reading.probabilities.values, atol=2)
    assert f"temperature of {face.insight.temperature:.2f}" in text_of(app)
    assert f"{percent(face.insight.smoothing)} of every answer goes to all emotions alike" in text_of(app)
    # How the winner's share changes on the way, and by what
    winner = face.insight.winner
    settled = face.insight.calibrated
    assert (
        f"**{EMOTIONS[winner]}: {percent(face.insight.averaged[winner])} → {percent(settled[winner])} after doubt and "
        f"temperature → {percent(face.insight.probabilities[winner])} after the adjustment for photographs**"
    ) in text_of(app)


def test_the_heaviest_emotions_are_named_beside_their_lines(app: AppTest) -> None:
    at(app, "place", sample="morisot-self-portrait-1885")
    shares = app.session_state[state.HOW_WALK].faces[0].probabilities.as_dict()
    heaviest = sorted(shares, key=lambda name: -shares[name])[:3]
    assert ": " + ", ".join(f"{name} {percent(shares[name])}" for name in heaviest) + "; what" in text_of(app)


@pytest.mark.parametrize(
    ("side", "words"), [(16, "16 points a side, enlarged to 48"), (90, "90 points a side become 48")]
)
def test_a_face_smaller_than_what_the_network_sees_is_enlarged(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, side: int, words: str
) -> None:
    at(app, "picture")
    (face,) = app.session_state[state.HOW_WALK].faces
    monkeypatch.setattr(face, "side", side)
    at(app, "crop")
    assert words in text_of(app)


def test_the_songs_come_with_their_reasons(app: AppTest) -> None:
    at(app, "songs")
    songs = [markdown.value for markdown in app.markdown if re.match(r"\*\*\d\. \[", markdown.value)]
    assert len(songs) == 5
    assert all("the mood it answers" in song and "open.spotify.com/track/" in song for song in songs)
    assert "Q1 → happy songs".replace(" ", "\N{NO-BREAK SPACE}") in text_of(app)
    assert "Few songs" not in text_of(app)


def test_songs_are_not_called_what_the_model_finds_them_not_to_be(app: AppTest) -> None:
    at(app, "songs", sample="morisot-self-portrait-1885")
    assert "Probably sad" in text_of(app)
    assert "Few songs are found to be calm; these come nearest. The photo page plays them." in text_of(app)
    assert "the right mood" not in text_of(app)


def test_it_is_told_for_which_face_the_photo_page_plays_the_songs(app: AppTest) -> None:
    at(app, "songs", sample="four-people")
    assert "The photo page plays them for Face 1." in text_of(app)
    press(app, "Face 3")
    assert "The photo page plays them for Face 3." in text_of(app)


def test_each_way_from_scores_to_probabilities_has_its_source() -> None:
    named = re.findall(r"Guo|Patrini|Menon", step_named("probabilities").source)
    assert named == ["Guo", "Patrini", "Menon"]


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        (0.71, "The two maps agree: 0.71"),
        (0.3, "The two maps agree a little: 0.30"),
        (0.0, "hardly anything in common: 0.00"),
        (-0.42, "The two maps disagree: -0.42"),
        (None, "cannot be compared"),
    ],
)
def test_agreement_and_disagreement_are_both_said(figure: float | None, words: str) -> None:
    assert words in describe_agreement(figure)


@pytest.mark.parametrize(
    ("before", "lowest", "words"),
    [
        (
            0.98,
            0.61,
            f"With the place that matters most covered, “happy” falls from {percent(0.98)} to {percent(0.61)}.",
        ),
        (0.9812, 0.9788, f"Covering the place that matters most hardly changes “happy”: it stays at {percent(0.98)}."),
        (0.9812, 0.9812, "No place, when covered, takes anything from “happy”."),
        (0.4, 0.45, "No place, when covered, takes anything from “happy”."),
    ],
)
def test_what_covering_takes_is_told_as_it_is_rounded(before: float, lowest: float, words: str) -> None:
    assert describe_fall("happy", before, lowest) == words
