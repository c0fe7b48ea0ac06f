import re
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from emomusic.affect import EmotionProbabilities, Quadrant
from emomusic.app.how_it_works import drawing
from emomusic.app.how_it_works.steps import STEPS, step_named
from emomusic.app.queues import PlayerState
from emomusic.errors import ImageError
from emomusic.faces.inspection import agreement
from emomusic.media.images import crop_face, encode_jpeg, to_network_input
from emomusic.server import walk as walk_module
from emomusic.server.photos import Picture, PictureState
from emomusic.server.walk import Walk, describe_agreement
from tests.films import SAMPLES
from tests.pages.screen import charts, images, queue_of, result_of, state_of, text_of, told

KEYS = [step.key for step in STEPS]


def at(app: AppTest, key: str, *, sample: str | None = "eileen-collins-1999") -> AppTest:
    app.query_params["step"] = key
    if sample:
        app.query_params["sample"] = sample
    return app.run()


def image_alts(app: AppTest) -> list[str]:
    """The alternative texts of the images of the step, without those of the samples."""
    return [image.alt for image in images(app) if not image.alt.startswith("Sample: ")]


def test_the_first_step_has_the_first_sample_and_follows_the_last_one_without_a_shortcut(app: AppTest) -> None:
    assert step_named("../../etc/passwd") is step_named(None) is STEPS[0]
    at(app, "picture", sample=None)
    assert told(app, "moments")["size"] == [626, 900]
    assert result_of(app, Walk).picture.name == "barack-obama-2009-speaking.jpg"
    assert set(app.query_params) == {"step"}  # the name of the sample in the URL could replace an upload in progress
    at(app, KEYS[-2])
    before = app.button(key="how-next")
    before.click().run()
    again = app.button(key="how-next")
    assert (again.disabled, again.proto.shortcut) == (False, "")
    assert again.proto.id == before.proto.id  # the same button keeps the focus
    again.click().run()
    assert app.title[0].value == STEPS[0].title


def test_the_photo_is_shown_before_its_boxes(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "mount", lambda *_, data, **__: pytest.fail("without boxes"))
    monkeypatch.setattr(walk_module, "read_for_visitor", Mock(side_effect=ImageError("not yet")))
    at(app, "picture", sample="four-people")
    assert image_alts(app) == ["The photo"]
    monkeypatch.undo()
    app.run()
    assert image_alts(app) == []
    data, trace = told(app, "moments"), result_of(app, Walk).trace
    assert re.search("1,200 .*376 .*1,353,600", data["moments"][1]["fact"])
    assert np.shape(data["numbers"]["rows"]) == (8, 8)
    kept = [moment["kept"] for moment in data["moments"][2:]]
    assert [*map(len, kept)] == [len(trace.proposals.kept), len(trace.refined.kept), len(trace.faces)]
    for (left, top, right, bottom), face in zip(sorted(kept[-1]), trace.faces, strict=True):
        box = [left, top, right - left, bottom - top]
        assert box == pytest.approx([face.box.x, face.box.y, face.box.width, face.box.height], abs=2)
    assert len(data["moments"][-1]["dots"]) == 5 * len(trace.faces)


@pytest.mark.parametrize(("key", "number"), [("picture", 0), ("proposals", 2), ("refined", 3), ("face", 4)])
def test_the_address_of_a_joined_step_leads_to_its_moment(app: AppTest, key: str, number: int) -> None:
    at(app, key)
    assert app.title[0].value == STEPS[0].title
    assert (told(app, "moments")["start"], app.query_params["step"]) == (number, key)
    assert app.button(key="how-back").disabled
    assert app.button(key="how-next").click().run().title[0].value == STEPS[1].title


@pytest.mark.parametrize("key", ["face", "songs"])
def test_a_photo_without_a_face_is_reported(app: AppTest, key: str) -> None:
    sky = encode_jpeg(np.full((240, 320, 3), (70, 130, 180), np.uint8))
    state_of(app, PictureState).own = (Picture.of("sky.jpg", sky),)
    at(app, key, sample=None)
    if step_named(key).needs_face:
        assert (len(app.info), image_alts(app)) == (1, [])
    else:
        assert "0 faces found" in told(app, "moments")["moments"][-1]["fact"]


def test_the_full_size_crop_is_discarded(app: AppTest) -> None:
    with Image.open(SAMPLES / "joe-biden-2010.jpg") as photo:
        sides = (1500, round(1500 * photo.height / photo.width))  # as large a face as in a photo of a phone
        picture = Picture.of("me.jpg", encode_jpeg(np.asarray(photo.convert("RGB").resize(sides))))
    state_of(app, PictureState).own = (picture,)
    at(app, "crop", sample=None)
    (face,) = result_of(app, Walk).faces
    full = crop_face(picture.decode().pixels, face.reading.face.box)
    assert len(full) > 500
    assert str(len(full)) in text_of(app)
    stored = [value for value in vars(face).values() if isinstance(value, bytes | np.ndarray)]
    assert sum(value.nbytes if isinstance(value, np.ndarray) else len(value) for value in stored) < 300_000
    # The grey face comes from the full crop, not from the displayed JPEG
    np.testing.assert_array_equal(face.grey, to_network_input([full], len(face.grey))[0, ..., 0])


def test_going_back_computes_nothing_again_and_a_bundled_song_is_drawn_with_its_moods(app: AppTest) -> None:
    at(app, "look")
    walk = result_of(app, Walk)
    (face,) = walk.faces
    assert describe_agreement(agreement(face.grad_cam, face.occlusion)) in text_of(app)
    before = walk.trace, face.levels, face.occlusion
    for key in ("face", "crop", "look"):
        at(app, key)
    assert result_of(app, Walk) is walk
    assert (walk.trace, face.levels, face.occlusion) == before
    sound, moods = charts(at(app, "sound"))
    assert sound["data"][0]["type"] == "heatmap"
    assert moods["data"][0]["y"][int(np.argmax(moods["data"][0]["x"]))] == "happy"


def shares(app: AppTest) -> np.ndarray:
    """The bars of the step, in percent."""
    return np.array(charts(app)[0]["data"][0]["x"])


def test_the_temperature_changes_what_the_network_claims_and_not_what_is_right(app: AppTest) -> None:
    at(app, "probabilities")
    face = result_of(app, Walk).faces[0]
    before = shares(app)
    np.testing.assert_allclose(before, 100 * face.reading.probabilities.values, atol=1e-3)
    pattern = r"it claims ([\d.]+)\s%.* and ([\d.]+)\s% are right"
    claimed, right = map(float, re.search(pattern, text_of(app)).groups())
    app.slider(key="how-temperature").set_value(4.0).run()
    assert (shares(app).argmax(), shares(app).sum()) == (before.argmax(), pytest.approx(100))
    assert shares(app).max() < before.max()
    less, still = map(float, re.search(pattern, text_of(app)).groups())
    assert less < claimed - 20
    assert still == right


@pytest.mark.parametrize(
    ("key", "slider", "words"),
    [
        ("cover", None, r"answer turns: (\w+) .* with the square (?!\1)"),
        ("people", ("how-guess", 30), "works worst"),
        ("place", ("how-mix", 50), "no emotion"),
        ("quadrant", None, r"A step of 0\.\d\d .* makes them (calm|happy|energetic|sad)"),
        ("band", None, r"valence 0\.00, arousal 0\.00.*hears valence 0\.27, arousal -0\.82"),
    ],
)
def test_a_step_tells_what_comes_of_a_try(app: AppTest, key: str, slider: tuple[str, int] | None, words: str) -> None:
    at(app, key, sample="eileen-collins-1999" if key == "place" else None)  # a happy face
    if slider is not None:
        assert not re.search(words, text_of(app))
        app.slider(key=slider[0]).set_value(slider[1]).run()
    assert re.search(words, text_of(app))


def test_songs_have_the_mood_of_the_emotion_and_not_of_the_quadrant(app: AppTest) -> None:
    at(app, "songs")
    assert "would play happy songs" in text_of(app)  # the report
    app.button(key="start-how").click().run()
    assert state_of(app, PlayerState).playing is queue_of(app, "how")
    (face,) = result_of(app, Walk).faces
    sad_then_neutral = np.array([0.03, 0.03, 0.03, 0.03, 0.43, 0.03, 0.42], np.float32)
    face.reading = replace(face.reading, probabilities=EmotionProbabilities(sad_then_neutral))
    assert face.reading.quadrant is Quadrant.N  # whose songs are calm
    assert re.search("Sad songs.*: sad 43 %", text_of(app.run()))
    assert {pick.likeliest_mood for pick in queue_of(app, "how").playlist(3)} == {"sad"}
    assert "This face gets sad songs, because its main emotion is sad" in text_of(at(app, "quadrant"))
    at(app, "songs")
    face.reading = replace(face.reading, is_sure=False)
    assert "unclear: calm songs" in text_of(app.run())
    assert {pick.likeliest_mood for pick in queue_of(app, "how").playlist(3)} == {"calm"}
