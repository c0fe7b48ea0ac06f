import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from emomusic import assets
from emomusic.affect import EMOTIONS
from emomusic.app import state
from emomusic.app.frame import enter_app
from emomusic.app.models.confusion import cell_at
from emomusic.app.models.table import ModelsState, keep_last
from emomusic.app.sessions import WHEN_GONE
from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.faces.fer2013 import SplitPictures
from emomusic.results.findings import FOUR_LEGEND
from emomusic.server import shared
from tests.fakes import FakeDetector, make_face
from tests.model_files import LABELS, place_checkout, place_face_model
from tests.pages.screen import state_of, text_of

SECONDS = 120
VGG9 = "Nine-layer network (vgg9)"


@pytest.fixture
def app(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    monkeypatch.setattr(assets, "ROOT", place_checkout(root, tmp_path))
    monkeypatch.setattr(model_files, "DEFAULT_MODEL", "vgg9")  # one of the synthetic models
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "none"))
    enter_app()
    st.cache_resource.clear()  # remove results of other tests
    yield AppTest.from_file(str(root / "pages/models.py"), default_timeout=SECONDS)
    st.cache_resource.clear()  # remove the fakes


def charts(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def opened(app: AppTest, *names: str, view: str = "Confusions", kind: str = "Face models") -> AppTest:
    is_face = kind == "Face models"
    app.query_params[state.MODELS_KIND] = kind
    if names:
        app.query_params[state.MODELS_FACES if is_face else state.MODELS_SONGS] = list(names)
    app.query_params[state.MODELS_FACE_TAB if is_face else state.MODELS_SONG_TAB] = view
    app.run()
    assert not app.exception
    return app


def test_the_page_opens_with_the_answer_the_table_and_the_samples(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert "40.0" in app.header[0].value  # of the default model, on photographs
    assert re.search("31.0 to 50.0", app.header[0].value)
    assert heading(app) == VGG9
    table = app.dataframe[0].value
    names = [re.findall(r"(\w+)\)?$", label)[0] for label in table["Model"]]
    assert names == ["vgg9", "cnn_capstone", "emonet", "mobilenet_quadrants"]
    assert list(table.columns[:3]) == ["Model", "On photographs", "95 % interval"]
    assert list(table["Published"]) == ["—", "58 to 63 %", "—", "72 %"]
    assert list(table["On photographs"].dropna()) == [40]  # of seven emotions
    assert list(table["In four classes"].dropna()) == [60]
    assert list(table["95 % interval"]) == ["31.0 to 50.0", "—", "—", "—"]
    assert np.isnan(table["By FER2013's labels"][3])  # it has four classes only
    assert list(table["By people's votes"].dropna()) == [80]
    assert WHEN_GONE in text_of(app)
    assert not charts(app)


def test_two_models_are_compared_with_mcnemars_test_and_a_third_is_refused_aloud(app: AppTest) -> None:
    opened(app, "vgg9", "cnn_capstone")
    assert re.search("Nine-layer.*better.*Capstone", heading(app))
    assert "p < 0.001" in text_of(app)
    assert len(charts(app)) == 2
    state_of(app, ModelsState).left_out = ["vgg9"]  # as a click on a third row does
    app.multiselect(key=state.MODELS_FACES).set_value(["cnn_capstone", "emonet"]).run()
    assert any(VGG9 in caption.value and "Two" in caption.value for caption in app.caption)
    app.multiselect(key=state.MODELS_FACES).set_value(["vgg9", "emonet"]).run()
    assert re.search("Nine-layer.* and FER2013 champion .*chance", heading(app))
    assert not any("Two models fit" in caption.value for caption in app.caption)


def test_a_model_of_four_classes_is_compared_over_four_classes(app: AppTest) -> None:
    opened(app, "vgg9", "mobilenet_quadrants")
    assert state.MODELS_CLASSES not in [control.key for control in app.segmented_control]
    assert re.search("four classes: Nine-layer .* Four-class", text_of(app))
    assert text_of(app).count("in seven emotions") == 1
    assert [chart["data"][0]["x"] for chart in charts(app)] == [["happy", "tense", "sad", "neutral"]] * 2
    opened(app, "mobilenet_quadrants", view="Figures")
    assert list(app.dataframe[1].value["report"]) == pytest.approx([86, 77, 54, 61])


def test_only_the_open_tab_is_computed(app: AppTest) -> None:
    for view, words, num_charts in (
        ("Figures", "Over all classes", 1),
        ("Learning", "epoch 2 of 3", 4),
        ("Confidence", "0 is perfect", 4),
    ):
        opened(app, "vgg9", "emonet", view=view)
        assert words in text_of(app)
        assert len(charts(app)) == num_charts
    for view, words, num_charts in (("Folds", "single split", 1), ("Confidence", "first of five", 2)):
        opened(app, view=view, kind="Mood models")
        assert "83.9" in app.header[0].value
        assert heading(app).startswith("Ensemble")
        assert list(app.dataframe[0].value["Published"][:2]) == ["—", "50 %"]
        assert words in text_of(app)
        assert len(charts(app)) == num_charts


def test_the_sound_model_has_a_row_beside_the_published_figure(app: AppTest) -> None:
    metrics = assets.read_metrics(assets.folder_of(assets.ModelKind.SOUND, "musicnn"))
    app.query_params[state.MODELS_SOUND_CELL] = "calm called sad"
    opened(app, kind="Sound models")
    row = app.dataframe[0].value.iloc[0]
    assert row["Published"] == "76.4 %"
    assert (row["Right moods"], row["Mean F1"]) == pytest.approx((100 * metrics["accuracy"], 100 * metrics["macro_f1"]))
    matrix, bars = charts(app)
    assert matrix["data"][0]["x"] == bars["data"][0]["y"]
    assert f"{metrics['confusion'][3][2]} of the {sum(metrics['confusion'][3])} calm songs" in text_of(app)
    for view, num_charts in (("Figures", 1), ("Confidence", 2)):
        app.query_params[state.MODELS_SOUND_TAB] = view
        app.run()
        assert not app.exception
        assert len(charts(app)) == num_charts


def test_photographs_have_a_chart_by_pose_size_and_sharpness_and_one_by_emotion(app: AppTest) -> None:
    opened(app, "vgg9", view="Photographs")
    groups, recall = charts(app)
    assert groups["layout"]["yaxis"]["ticktext"][:2] == ["towards the camera, 60", "turned away, 28"]
    assert recall["data"][0]["y"] == list(EMOTIONS)
    assert "25.0 of 100 (turned away, 7 of 28)" in text_of(app)
    assert any("without disgust" in caption.value for caption in app.caption)
    assert app.table[0].value.loc["calibration error", VGG9] == "0.080"


def heading(app: AppTest) -> str:
    """The heading of the chosen models; the first one is the answer about the default model."""
    return str(app.header[1].value)


def go_back(app: AppTest, before: dict[str, list[str]]) -> AppTest:
    """Rerun with an earlier address, as the browser's Back button does."""
    app.query_params.clear()
    app.query_params.update(before)
    return app.run()


def test_every_choice_changes_the_address_and_back_restores_it(app: AppTest) -> None:
    opened(app)
    steps = [(dict(app.query_params), heading(app), len(charts(app)))]
    for kind, key, value in (
        ("multiselect", state.MODELS_FACES, ["vgg9", "emonet"]),
        ("segmented_control", state.MODELS_CLASSES, "Four classes"),
        ("multiselect", state.MODELS_FACES, ["emonet"]),
        ("selectbox", state.MODELS_FOUR_CELL, "happy called happy"),
        ("segmented_control", state.MODELS_KIND, "Mood models"),
        ("multiselect", state.MODELS_SONGS, ["mlp"]),
    ):
        getattr(app, kind)(key=key).set_value(value).run()
        assert not app.exception
        steps.append((dict(app.query_params), heading(app), len(charts(app))))
    assert len({json.dumps(address) for address, *_ in steps}) == len(steps)
    for address, words, num_charts in reversed(steps[:-1]):
        go_back(app, address)
        assert not app.exception
        assert (dict(app.query_params), heading(app), len(charts(app))) == (address, words, num_charts)
    assert app.multiselect(key=state.MODELS_FACES).value == ["vgg9"]


def test_a_click_selects_the_cell_under_it() -> None:
    classes = ("a", "b", "c")
    assert cell_at([{"curve_number": 1, "point_index": 5}], classes) == "b called c"
    assert cell_at([{"curve_number": 0, "point_index": 5}], classes) is None
    assert cell_at([{"curve_number": 1, "point_index": 9}], classes) is None
    assert cell_at([], classes) is None


@pytest.mark.parametrize(
    ("before", "now", "kept"),
    [
        (["a", "b"], ["a", "b", "c"], ["b", "c"]),
        (["b", "a"], ["a", "b", "c"], ["a", "c"]),
        (["a", "b"], ["b"], ["b"]),
        ([], ["a", "b", "c", "d"], ["c", "d"]),
    ],
)
def test_the_last_two_clicked_rows_stay_selected(before: list[str], now: list[str], kept: list[str]) -> None:
    assert keep_last(before, now) == kept


def test_an_address_with_unknown_names_shows_the_default_view(app: AppTest) -> None:
    opened(app, "../../etc/passwd", view="No such tab")
    assert heading(app) == VGG9


def test_the_page_without_a_model_has_one_line(app: AppTest, tmp_path: Path) -> None:
    for spec in (tmp_path / "models" / "face").glob("*/spec.json"):
        spec.unlink()
    app.run()
    assert not app.exception
    assert app.info
    assert "make" not in text_of(app)


def change_metrics(folder: Path, **changes: Any) -> None:
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(metrics | changes))


def test_a_damaged_model_is_left_out_and_named_with_its_problem(app: AppTest, tmp_path: Path) -> None:
    (tmp_path / "models" / "face" / "emonet" / "metrics.json").write_text("{")
    change_metrics(tmp_path / "models" / "face" / "vgg9", wild={"n": 90, "accuracy": 0.4})
    app.run()
    assert not app.exception
    assert not app.error
    (warning,) = app.warning
    assert re.search(r"\*\*vgg9\*\* \(.*missed.*; \*\*emonet\*\* \(expected", warning.value)
    assert len(app.dataframe[0].value) == 2
    assert heading(app).startswith("Capstone network")


def test_the_page_shows_one_error_if_every_model_is_damaged(app: AppTest, tmp_path: Path) -> None:
    for metrics in (tmp_path / "models" / "face").glob("*/metrics.json"):
        metrics.write_text("{")
    app.run()
    assert not app.exception
    (error,) = app.error
    assert "expected" in error.value
    assert not app.warning
    assert not app.info
    app.segmented_control(key=state.MODELS_KIND).set_value("Mood models").run()
    assert not app.error
    assert heading(app).startswith("Ensemble")


@pytest.mark.parametrize(
    ("view", "cell", "num_charts", "words"),
    [
        ("Confusions", "happy called happy", 3, "happy faces"),
        ("Card", None, 0, "In a test."),
        ("Learning", None, 2, "epoch 2 of 3"),
    ],
)
def test_missing_files_of_one_model_do_not_hide_the_other(
    app: AppTest, tmp_path: Path, view: str, cell: str | None, num_charts: int, words: str
) -> None:
    for file in ("predictions.npz", "CARD.md", "history.csv"):
        (tmp_path / "models" / "face" / "emonet" / file).unlink()
    if cell is not None:
        app.query_params[state.MODELS_CELL] = cell
    opened(app, "emonet", "vgg9", view=view)
    assert len(app.error) == 2  # above the tabs and in the tab
    assert len(charts(app)) == num_charts
    assert words in text_of(app)


def test_a_damaged_dataset_does_not_hide_the_matrices(app: AppTest, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "fer2013.csv").write_text("emotion,pixels\n0,1 2 3\n", encoding="utf-8")
    app.query_params[state.MODELS_CELL] = "happy called happy"
    opened(app, "vgg9", "emonet")
    assert {"fer2013.csv" in error.value for error in app.error} == {True}
    assert len(charts(app)) == 4


def test_the_most_confident_mistakes_are_shown_with_the_dataset(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "fer2013.csv").touch()
    place_face_model(tmp_path, "abrupt", skill=1.0, labels=LABELS[:256])
    place_face_model(tmp_path, "elsewhere", skill=1.0, labels=LABELS[::-1].copy())
    images = np.random.default_rng(0).integers(0, 256, (len(LABELS), 48, 48), np.uint8)
    monkeypatch.setattr(
        "emomusic.app.models.photographs.read_split", lambda path, split: SplitPictures(images, LABELS.astype(np.uint8))
    )
    opened(app, "vgg9", view="Mistakes")
    captions = [caption.value for caption in app.caption if "called **" in caption.value]
    assert len(captions) == 24
    confidences = [int(re.findall(r"(\d+) %", caption)[-1]) for caption in captions]
    assert confidences == sorted(confidences, reverse=True)
    assert all(caption.split("  \n")[0] not in caption.split("**")[1] for caption in captions)
    app.multiselect(key=state.MODELS_FACES).set_value(["abrupt", "elsewhere"]).run()
    assert not app.exception
    assert len([caption for caption in app.caption if "called **" in caption.value]) == 24
    (info,) = app.info
    assert "elsewhere" in info.value


def test_without_the_dataset_the_mistakes_are_changed_answers_about_the_samples(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Moody(FakeNetwork):
        """Calls bright faces happy and dark ones sad."""

        def of_photographs(self, inputs: np.ndarray) -> np.ndarray:
            return np.eye(7, dtype=np.float32)[np.where(inputs.mean(axis=(1, 2, 3)) > 50, 3, 4)]

    monkeypatch.setattr(shared, "load_networks", lambda: (FakeDetector([make_face()]), Moody("vgg9")))
    monkeypatch.setattr("emomusic.app.models.photographs.classifier", Moody)
    st.cache_resource.clear()
    opened(app, view="Mistakes")
    (found,) = re.findall(r"dark ([1-8]) of 8", text_of(app))
    tiles = [caption.value for caption in app.caption if caption.value.startswith("dark")]
    assert len(tiles) == int(found)
    assert all("happy → **sad**" in tile for tile in tiles)
    assert not re.search("EMOMUSIC_DATA|Kaggle", text_of(app))


@dataclass
class FakeNetwork:
    """Predicts the same class for every face."""

    name: str
    num_classes: int = 7

    def __post_init__(self) -> None:
        self.spec = SimpleNamespace(name=self.name, side=48, classes=EMOTIONS)

    def of_photographs(self, inputs: np.ndarray) -> np.ndarray:
        assert inputs.shape == (1, 48, 48, 1)
        return np.eye(self.num_classes, dtype=np.float32)[[3 if self.num_classes == 7 else 0]]


def ask(app: AppTest, monkeypatch: pytest.MonkeyPatch, detector: FakeDetector) -> AppTest:
    def classifier(name: str) -> FakeNetwork:
        if name == "emonet":
            raise ModelError("expected its weights. Received: none")
        return FakeNetwork(name, 4 if name == "mobilenet_quadrants" else 7)

    monkeypatch.setattr(shared, "load_networks", lambda: (detector, FakeNetwork("vgg9")))
    st.cache_resource.clear()  # remove networks of other tests
    monkeypatch.setattr("emomusic.app.models.try_it.classifier", classifier)
    app.query_params[state.SAMPLE] = "eileen-collins-1999"
    opened(app, view="Try your face")
    assert detector.num_calls == 0  # the choice of a picture alone starts no detection
    app.button(key=state.models_widget("ask")).click().run()
    assert not app.exception
    return app


def test_every_model_receives_the_largest_face(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = FakeDetector([make_face(), make_face(x=100, width=80, height=90)])
    ask(app, monkeypatch, detector)
    assert re.search(r"All 2 .* happy\.", text_of(app))
    assert "largest face" in text_of(app)
    assert [len(chart["data"][0]["y"]) for chart in charts(app)] == [7, 7, 4]
    assert re.search(r"\*\*FER2013 champion .*\nexpected its weights", text_of(app))
    assert len(re.findall(r"\d ms ", text_of(app))) == 3
    assert [caption.value for caption in app.caption].count(FOUR_LEGEND) == 1
    app.run()
    assert detector.num_calls == 1  # a rerun uses the stored answers
    assert len(charts(app)) == 3


def test_a_picture_without_a_face_has_a_message_and_no_chart(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(app, monkeypatch, FakeDetector())
    assert "No face" in text_of(app)
    assert not charts(app)
