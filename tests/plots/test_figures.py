"""Figures and annotated images show their input data."""

import numpy as np
import pytest

from emomusic.affect import EMOTIONS, AffectPoint, Emotion, EmotionProbabilities, Mood
from emomusic.face.reading import PictureReading, read_faces
from emomusic.plots.affect import FacePoint, SongPoint, circumplex
from emomusic.plots.colours import EMOTION_COLOURS, write_in
from emomusic.plots.face import probability_bars
from emomusic.plots.picture import annotated_picture, annotated_preview, face_label, framed_face
from tests.fakes import FakeClassifier, FakeDetector, make_face


def test_the_bars_are_the_probabilities_in_the_order_of_the_emotions() -> None:
    values = np.array([0.05, 0.0, 0.004, 0.8, 0.1, 0.026, 0.02], np.float32)
    (bars,) = probability_bars(EmotionProbabilities(values)).data
    assert list(bars.y) == [emotion.value for emotion in EMOTIONS]
    assert list(bars.x) == pytest.approx(100 * values)
    assert list(bars.text) == ["5 %", "0 %", "<1 %", "80 %", "10 %", "3 %", "2 %"]
    assert list(bars.marker.color) == list(EMOTION_COLOURS.values())


def test_faces_and_songs_are_drawn_at_their_coordinates() -> None:
    faces = [FacePoint("1", AffectPoint(0.5, 0.25), Emotion.HAPPY)]
    songs = [SongPoint(1, "A, B", AffectPoint(-0.5, 0.75), Mood.ENERGETIC)]
    figure = circumplex(faces, songs)
    traces = {trace.name: trace for trace in figure.data}
    assert (traces["faces"].x[0], traces["faces"].y[0]) == (0.5, 0.25)
    assert (traces["songs"].x[0], traces["songs"].y[0]) == (-0.5, 0.75)
    assert "lines" not in traces["songs"].mode


def test_overlapping_faces_are_drawn_side_by_side() -> None:
    places = [(0.5, 0.5), (0.5, 0.5), (0.52, 0.5), (-0.5, 0.0)]
    faces = [FacePoint(str(n), AffectPoint(x, y), Emotion.HAPPY) for n, (x, y) in enumerate(places)]
    (trace,) = [trace for trace in circumplex(faces).data if trace.name == "faces"]
    shown = np.column_stack([trace.x, trace.y])
    apart = np.linalg.norm(shown[:, None] - shown[None], axis=2)[np.triu_indices(4, 1)]
    assert apart.min() > 0.15
    np.testing.assert_allclose(shown[3], places[3], atol=1e-9)
    np.testing.assert_allclose(shown[:3].mean(axis=0), np.mean(places[:3], axis=0), atol=1e-9)
    assert [tuple(row[1:]) for row in trace.customdata] == [pytest.approx(place) for place in places]  # hover text
    assert trace.marker.opacity == 1


def test_text_without_its_own_colour_takes_the_colour_of_the_page() -> None:
    figure = circumplex([FacePoint("1", AffectPoint(0, 0), Emotion.SAD)])
    figure.add_annotation(text="own", font={"color": "white"})
    (faces,) = [trace for trace in figure.data if trace.name == "faces"]
    own = faces.textfont.color
    write_in(figure, "#123456")
    assert figure.layout.font.color == "#123456"
    assert figure.layout.hoverlabel.font.color == "#123456"
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        assert (axis.tickfont.color, axis.title.font.color) == ("#123456", "#123456")
    assert [note.font.color for note in figure.layout.annotations] == ["#123456"] * 4 + ["white"]
    assert faces.textfont.color == own


def test_a_chart_that_already_has_the_text_colour_is_unchanged() -> None:
    figure = circumplex([FacePoint("1", AffectPoint(0, 0), Emotion.SAD)])
    as_made = figure.to_json()
    write_in(figure, None)  # the theme is unknown
    assert figure.to_json() == as_made
    write_in(figure, "#123456")
    figure.layout.xaxis.tickfont.color = "white"
    write_in(figure, "#123456")  # another session
    assert figure.layout.xaxis.tickfont.color == "white"
    write_in(figure, "#654321")
    assert figure.layout.xaxis.tickfont.color == "#654321"


def test_path_joins_the_songs_with_a_line() -> None:
    songs = [SongPoint(n, "x", AffectPoint(n / 10, 0), Mood.CALM) for n in range(3)]
    (trace,) = [trace for trace in circumplex([], songs, path=True).data if trace.name == "songs"]
    assert "lines" in trace.mode
    assert list(trace.text) == ["0", "1", "2"]


def test_the_empty_plane_shows_all_emotions() -> None:
    dots, names = circumplex([]).data
    assert list(dots.text) == [emotion.value for emotion in EMOTIONS]
    assert (dots.x, dots.y) == (names.x, names.y)


def test_an_annotated_image_is_marked_at_the_face() -> None:
    image = np.full((200, 300, 3), 90, np.uint8)
    reading = read_faces(image, FakeDetector([make_face(x=100, y=60, width=80, height=90)]), FakeClassifier())
    marked = annotated_picture(image, reading)
    changed = np.argwhere((marked != image).any(axis=2))
    assert marked.shape == image.shape
    assert changed[:, 0].max() >= 145
    assert changed[:, 1].min() >= 60
    assert (marked[100:120, 120:150] == image[100:120, 120:150]).all()
    assert face_label(1, reading.faces[0]) == "1 happy 80 %"


@pytest.mark.parametrize(
    ("image", "place", "preview"),
    [
        ((1600, 1600), (800, 200), (400, 400)),  # two image pixels per page pixel
        ((1000, 1600), (1100, 520), (875, 1400)),  # below the size that Streamlit shrinks
        ((48, 48), (1100, 520), (520, 520)),  # except for images that the label would hide
    ],
)
def test_a_preview_has_up_to_two_image_pixels_per_page_pixel(
    image: tuple[int, int], place: tuple[int, int], preview: tuple[int, int]
) -> None:
    reading = PictureReading(image[1], image[0], (), 0.0, 0.0)
    assert annotated_preview(np.zeros((*image, 3), np.uint8), reading, *place).shape == (*preview, 3)


def test_labels_have_the_same_size_on_every_preview() -> None:
    (face,) = read_faces(np.zeros((100, 160, 3), np.uint8), FakeDetector([make_face()]), FakeClassifier()).faces

    def drawn(height: int) -> float:
        """Page pixels covered by frame and label in a preview of this height."""
        reading = PictureReading(1600, 1600, (face,), 0.0, 0.0)
        preview = annotated_preview(np.zeros((1600, 1600, 3), np.uint8), reading, 800, height)
        return float(preview.any(axis=2).mean()) * height * height

    assert drawn(200) == pytest.approx(drawn(800), rel=0.3)


def test_a_small_copy_has_the_same_marks_and_continues_the_numbering() -> None:
    picture = np.zeros((1600, 1600, 3), np.uint8)
    reading = read_faces(picture, FakeDetector([make_face(400, 400, 600, 700)]), FakeClassifier())
    original = annotated_preview(picture, reading, 480, 300)
    small = annotated_preview(np.zeros((960, 960, 3), np.uint8), reading, 480, 300)
    np.testing.assert_array_equal(original, small)
    assert (original != annotated_preview(picture, reading, 480, 300, first=12)).any()


def test_only_the_chosen_face_has_a_label() -> None:
    picture = np.zeros((900, 900, 3), np.uint8)
    boxes = [make_face(100 + 260 * number, 400, 160, 200) for number in range(3)]
    reading = read_faces(picture, FakeDetector(boxes), FakeClassifier())

    def columns_with_tags(**chosen: int) -> list[bool]:
        """Whether anything is drawn above the frame of each face."""
        drawn = annotated_preview(picture, reading, 900, 900, first=7, **chosen).any(axis=2)
        return [bool(drawn[:390, box.box.x : box.box.right].any()) for box in boxes]

    assert columns_with_tags() == [True, True, True]
    assert columns_with_tags(only=8) == [False, True, False]


@pytest.mark.parametrize("face", [30, 900])
def test_a_face_of_any_size_is_framed_in_its_colour(face: int) -> None:
    picture = np.full((1000, 1000, 3), 90, np.uint8)
    (reading,) = read_faces(picture, FakeDetector([make_face(40, 40, face, face)]), FakeClassifier()).faces
    framed = framed_face(picture, reading, 192)
    assert framed.shape == (192, 192, 3)
    assert framed.dtype == np.uint8
    colour = [int(EMOTION_COLOURS[Emotion.HAPPY][start : start + 2], 16) for start in (1, 3, 5)]
    for corner in ((0, 0), (5, 100), (191, 191)):
        assert framed[corner].tolist() == colour
    assert framed[6:186, 6:186].min() == framed[6:186, 6:186].max() == 90
