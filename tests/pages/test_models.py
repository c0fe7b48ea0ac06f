"""pages/models.py under AppTest: on models of our own without weights, and on those that ship."""

import base64
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.elements.lib import policies
from streamlit.testing.v1 import AppTest

from emomusic import assets
from emomusic.affect import EMOTIONS, FOUR_CLASSES
from emomusic.errors import ModelError
from emomusic.face import model_files
from emomusic.face.classifier import EmotionClassifier
from emomusic.face.fer2013 import SplitPictures
from emomusic.ui.core import engine, state
from emomusic.ui.core.frame import enter_app
from emomusic.ui.models import try_it
from emomusic.ui.models.confusion import cell_at
from emomusic.ui.models.table import FOUR_LEGEND, keep_last
from emomusic.ui.models.try_it import Asked, ModelAnswer
from tests.fakes import FakeDetector, make_face
from tests.model_files import LABELS, place_checkout, place_face_model
from tests.pages.screen import text_of

SECONDS = 120


@pytest.fixture
def app(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    monkeypatch.setattr(assets, "ROOT", place_checkout(root, tmp_path))
    monkeypatch.setattr(model_files, "DEFAULT_MODEL", "vgg9")  # of these, whichever the app's is
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "none"))
    enter_app()  # as if a visitor had come through the front door before
    yield AppTest.from_file(str(root / "pages/models.py"), default_timeout=SECONDS)
    st.cache_resource.clear()  # the fakes, before another file's tests


def charts(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def opened(app: AppTest, *names: str, view: str = "Confusions", kind: str = "Face models") -> AppTest:
    is_face = kind == "Face models"
    app.query_params[state.MODELS_KIND] = kind
    if names:
        app.query_params[state.MODELS_FACES if is_face else state.MODELS_SONGS] = list(names)
    app.query_params[state.MODELS_FACE_VIEW if is_face else state.MODELS_SONG_VIEW] = view
    app.run()
    assert not app.exception
    return app


def test_the_first_look_answers_in_a_sentence_above_one_table_and_a_matrix(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert app.header[0].value.startswith("vgg9 is right on ")
    table = app.dataframe[0].value
    assert list(table["model"]) == ["vgg9", "cnn_capstone", "emonet", "mobilenet_quadrants"]
    assert list(table["report"]) == ["—", "58 to 63 %", "—", "72 %"]
    assert np.isnan(table["accuracy"][3])  # four classes only: nothing over seven
    assert table["wild"][0] == 40
    assert np.isnan(table["wild"][2])
    assert [text.endswith(" of four") for text in table["interval"]] == [False, False, False, True]
    (matrix,) = charts(app)
    assert matrix["data"][0]["type"] == "heatmap"
    assert "What vgg9 gets wrong most" in text_of(app)


def test_two_models_are_compared_by_what_only_one_has_right(app: AppTest) -> None:
    opened(app, "vgg9", "cnn_capstone")
    assert app.header[0].value == "vgg9 is better than cnn_capstone, beyond chance"
    assert "McNemar's exact test, p < 0.001" in text_of(app)
    assert len(charts(app)) == 2
    app.multiselect(key=state.MODELS_FACES).set_value(["vgg9", "emonet"]).run()
    assert app.header[0].value == "Between vgg9 and emonet, chance could be all there is"
    assert "emonet alone" in text_of(app)


def test_a_model_of_four_classes_is_shown_and_compared_in_four(app: AppTest) -> None:
    opened(app, "vgg9", "mobilenet_quadrants")
    assert "both judged in four classes" in text_of(app)
    assert "because mobilenet_quadrants knows no more" in text_of(app)
    shares = {row["model"]: f"{row['four']:.1f}" for _, row in app.dataframe[0].value.iterrows()}
    assert (
        f"Right in four classes: vgg9 on {shares['vgg9']} of 100 faces, mobilenet_quadrants on "
        f"{shares['mobilenet_quadrants']}." in text_of(app)
    )
    assert text_of(app).count("judged in seven emotions") == 1
    assert [chart["data"][0]["x"] for chart in charts(app)] == [["Q1", "Q2", "Q3", "N"]] * 2
    app.session_state[state.MODELS_FACE_VIEW] = "Figures"
    app.multiselect(key=state.MODELS_FACES).set_value(["mobilenet_quadrants"]).run()
    assert not app.exception
    assert list(app.dataframe[1].value["report"]) == pytest.approx([86, 77, 54, 61])


def test_models_judged_on_other_pictures_are_said_to_be_so(app: AppTest, tmp_path: Path) -> None:
    place_face_model(tmp_path, "elsewhere", skill=2.0, labels=LABELS[::-1].copy())
    opened(app, "vgg9", "elsewhere")
    assert app.header[0].value == "These two cannot be compared"


@pytest.mark.parametrize(
    ("view", "words", "num_charts"),
    [
        ("Figures", "Over all classes", 1),
        ("Learning", "was kept after epoch 2 of 3", 4),
        ("Sureness", "and right on ", 4),
        ("Mistakes", "EMOMUSIC_DATA", 0),
        ("Try your face", "The same cut-out goes to every model", 0),
        ("Card", "In a test.", 0),
    ],
)
def test_only_the_open_tab_is_made(app: AppTest, view: str, words: str, num_charts: int) -> None:
    opened(app, "vgg9", "emonet", view=view)
    assert words in text_of(app)
    assert len(charts(app)) == num_charts


@pytest.mark.parametrize(
    ("view", "words", "num_charts"),
    [
        ("Confusions", "Of the first of five deals", 1),
        ("Figures", "Of the first of five deals", 1),
        ("Folds", "One split tells little", 1),
        ("Sureness", "Of the first of five deals", 2),
    ],
)
def test_mood_models_are_shown_the_same_way(app: AppTest, view: str, words: str, num_charts: int) -> None:
    opened(app, view=view, kind="Mood models")
    assert app.header[0].value.startswith("ensemble is right on 83.9 of 100 songs")
    assert list(app.dataframe[0].value["report"][:2]) == ["—", "50 %"]
    assert 50 < app.dataframe[0].value["macro_f1"][0] < 100  # percent, as the tab of figures has it
    assert words in text_of(app)
    assert len(charts(app)) == num_charts


def test_mood_models_are_compared_on_the_same_songs(app: AppTest) -> None:
    opened(app, "ensemble", "mlp", view="Folds", kind="Mood models")
    assert "Of the same 686 songs" in text_of(app)
    assert len(charts(app)[0]["data"]) == 6


def heading(app: AppTest) -> str:
    return str(app.header[0].value)


def go_back(app: AppTest, before: dict[str, list[str]]) -> AppTest:
    """As a browser does: with the address of a step before."""
    app.query_params.clear()
    app.query_params.update(before)
    return app.run()


def test_every_choice_is_an_address_and_going_back_to_it_shows_it_again(app: AppTest) -> None:
    steps = []

    def step() -> None:
        assert not app.exception
        steps.append((dict(app.query_params), heading(app), len(charts(app))))

    app.run()
    step()
    app.multiselect(key=state.MODELS_FACES).set_value(["vgg9", "emonet"]).run()
    step()
    app.segmented_control(key=state.MODELS_CLASSES).set_value("Four classes").run()
    step()
    app.multiselect(key=state.MODELS_FACES).set_value(["emonet"]).run()
    step()
    app.selectbox(key=state.MODELS_FOUR_CELL).set_value("Q1 called Q1").run()
    step()
    app.segmented_control(key=state.MODELS_KIND).set_value("Mood models").run()
    step()
    app.multiselect(key=state.MODELS_SONGS).set_value(["mlp"]).run()
    step()
    assert steps[0][0] == {}
    assert len({json.dumps(address) for address, *_ in steps}) == len(steps)
    for address, words, num_charts in reversed(steps[:-1]):
        go_back(app, address)
        assert not app.exception
        assert (dict(app.query_params), heading(app), len(charts(app))) == (address, words, num_charts)
    assert app.multiselect(key=state.MODELS_FACES).value == ["vgg9"]


def test_a_quick_choice_counts_before_the_address_was_told_of_the_last(app: AppTest) -> None:
    app.run()
    before = dict(app.query_params)
    app.multiselect(key=state.MODELS_FACES).set_value(["vgg9", "emonet"]).run()
    app.query_params.clear()
    app.query_params.update(before)
    app.multiselect(key=state.MODELS_FACES).set_value(["vgg9", "cnn_capstone"]).run()
    assert "vgg9 is better than cnn_capstone" in heading(app)
    assert app.query_params[state.MODELS_FACES] == ["vgg9", "cnn_capstone"]


def test_no_widget_is_given_two_values(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit logs it once a process: a default beside a value that was set."""
    logged: list[object] = []
    monkeypatch.setattr(policies, "_shown_default_value_warning", False)
    monkeypatch.setattr(policies._LOGGER, "warning", lambda *words: logged.append(words))
    app.query_params[state.MODELS_CELL] = "fear called sad"
    opened(app, "vgg9", "emonet")
    app.session_state[state.MODELS_FACES] = ["emonet"]  # as a click on a row does
    app.run()
    assert heading(app).startswith("emonet is right on")
    assert logged == []


def test_a_cell_of_the_address_is_looked_into(app: AppTest) -> None:
    app.query_params[state.MODELS_CELL] = "happy called happy"
    opened(app, "vgg9")
    assert app.selectbox(key=state.MODELS_CELL).value == "happy called happy"
    assert "**vgg9** knows" in text_of(app)
    matrix, bars = charts(app)
    assert len(matrix["layout"]["shapes"]) == 1
    assert len(bars["data"][0]["y"]) == 7
    app.segmented_control(key=state.MODELS_CLASSES).set_value("Four classes").run()
    assert not app.exception
    assert app.selectbox(key=state.MODELS_FOUR_CELL).value is None
    app.segmented_control(key=state.MODELS_KIND).set_value("Mood models").run()
    assert app.selectbox(key=state.MODELS_SONG_CELL).value is None
    assert not app.exception


def test_matrices_side_by_side_have_one_shade_for_one_share(app: AppTest) -> None:
    opened(app, "vgg9", "emonet")
    shades = []
    for chart in charts(app):
        heat, cells = chart["data"]
        shares = np.array([float(share) for _, share in cells["customdata"]]).reshape(7, 7)
        off = ~np.eye(7, dtype=bool)
        shade = np.frombuffer(base64.b64decode(heat["z"]["bdata"]), heat["z"]["dtype"]).reshape(7, 7)
        shades.append((shade[off], shares[off] / 100))
    darkest = max(0.05, *(shares.max() for _, shares in shades))
    for shade, shares in shades:
        assert shade == pytest.approx(-np.maximum(shares / darkest, 1e-3), abs=0.02)


def test_a_click_means_the_cell_under_it() -> None:
    classes = ("a", "b", "c")
    assert cell_at([{"curve_number": 1, "point_index": 5}], classes) == "b called c"
    assert cell_at([{"curve_number": 0, "point_index": 5}], classes) is None
    assert cell_at([{"curve_number": 1, "point_index": 9}], classes) is None
    assert cell_at([], classes) is None


@pytest.mark.parametrize(
    ("before", "now", "kept"),
    [
        (["a"], ["a", "b"], ["a", "b"]),
        (["a", "b"], ["a", "b", "c"], ["b", "c"]),
        (["b", "a"], ["a", "b", "c"], ["a", "c"]),
        (["a", "b"], ["b"], ["b"]),
        (["a"], [], []),
        ([], ["a", "b", "c", "d"], ["c", "d"]),
    ],
)
def test_of_more_than_two_rows_the_last_clicked_stay(before: list[str], now: list[str], kept: list[str]) -> None:
    assert keep_last(before, now) == kept


def test_an_address_with_unknown_names_shows_the_first_look(app: AppTest) -> None:
    opened(app, "../../etc/passwd", view="No such tab")
    assert app.header[0].value.startswith("vgg9 is right on ")


def test_without_a_model_the_page_says_how_to_make_one(app: AppTest, tmp_path: Path) -> None:
    for spec in (tmp_path / "models" / "face").glob("*/spec.json"):
        spec.unlink()
    app.run()
    assert not app.exception
    assert "make train" in text_of(app)


def change_metrics(folder: Path, **changes: Any) -> None:
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(metrics | changes))


def test_what_ours_had_that_a_report_had_not_is_told_beside_its_figure(app: AppTest, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "face" / "mobilenet_quadrants"
    opened(app, "mobilenet_quadrants")
    assert "Ours learnt from" not in text_of(app)
    config = json.loads((folder / "metrics.json").read_text())["config"]
    change_metrics(folder, config=config | {"teachers": ["vgg9"], "distillation_weight": 0.5})
    app.run()
    words = "Ours learnt from the answers of vgg9 beside the labels, of which the report does not tell."
    assert words in text_of(app)
    app.multiselect(key=state.MODELS_FACES).set_value(["vgg9", "mobilenet_quadrants"]).run()
    assert words in text_of(app)


def test_it_is_told_that_figures_on_the_test_pictures_were_in_view_of_decisions(app: AppTest) -> None:
    app.run()
    (caption,) = [caption.value for caption in app.caption if caption.value.startswith("Judged on")]
    assert "one to judge by (PrivateTest); the figures on the last were in view of a few decisions" in caption


def test_a_damaged_model_is_left_out_and_named_with_what_is_wrong(app: AppTest, tmp_path: Path) -> None:
    (tmp_path / "models" / "face" / "emonet" / "metrics.json").write_text("{")
    change_metrics(tmp_path / "models" / "face" / "vgg9", wild={"n": 90, "accuracy": 0.4})
    app.run()
    assert not app.exception
    assert not app.error
    (warning,) = app.warning
    assert re.match(r"Left out: \*\*vgg9\*\* \(.*four.*; \*\*emonet\*\* \(expected figures in", warning.value)
    assert list(app.dataframe[0].value["model"]) == ["cnn_capstone", "mobilenet_quadrants"]
    assert app.header[0].value.startswith("cnn_capstone is right on ")


def test_a_damaged_mood_model_leaves_the_folds_of_the_others_to_be_seen(
    app: AppTest, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "models" / "music").unlink()
    shutil.copytree(root / "models" / "music", tmp_path / "models" / "music")
    (tmp_path / "models" / "music" / "mlp" / "metrics.json").write_text("{}")
    (tmp_path / "models" / "music" / "mlp" / "predictions.npz").unlink()
    opened(app, view="Folds", kind="Mood models")
    assert not app.error
    assert "**mlp**" in app.warning[0].value
    assert len(charts(app)[0]["data"]) == 5


def test_where_every_model_is_damaged_the_page_is_one_sentence(app: AppTest, tmp_path: Path) -> None:
    for metrics in (tmp_path / "models" / "face").glob("*/metrics.json"):
        metrics.write_text("{")
    app.run()
    assert not app.exception
    (error,) = app.error
    assert "expected figures in" in error.value
    assert not app.warning
    assert not app.info
    app.segmented_control(key=state.MODELS_KIND).set_value("Mood models").run()
    assert not app.error
    assert app.header[0].value.startswith("ensemble is right on ")


def test_what_cannot_be_said_of_a_model_leaves_the_rest_to_be_seen(app: AppTest, tmp_path: Path) -> None:
    (tmp_path / "models" / "face" / "emonet" / "predictions.npz").unlink()
    opened(app, "vgg9", "emonet", view="Learning")
    (error,) = app.error
    assert "expected predictions in" in error.value
    assert len(charts(app)) == 4
    assert "**emonet** is right on" in text_of(app)


@pytest.mark.parametrize(
    ("view", "cell", "num_charts", "words"),
    [
        ("Confusions", "happy called happy", 3, "**vgg9** knows"),
        ("Figures", None, 1, "Over all classes"),
        ("Sureness", None, 2, "**vgg9** is "),
        ("Card", None, 0, "In a test."),
    ],
)
def test_of_two_models_one_without_its_files_leaves_the_other_to_be_seen(
    app: AppTest, tmp_path: Path, view: str, cell: str | None, num_charts: int, words: str
) -> None:
    for file in ("predictions.npz", "CARD.md"):
        (tmp_path / "models" / "face" / "emonet" / file).unlink()
    if cell is not None:
        app.query_params[state.MODELS_CELL] = cell
    opened(app, "emonet", "vgg9", view=view)
    assert len(app.error) == 2  # of the comparison above the tabs, and of the tab
    assert len(charts(app)) == num_charts
    assert words in text_of(app)


@pytest.mark.parametrize("names", [("vgg9",), ("vgg9", "emonet")])
def test_a_damaged_dataset_leaves_the_matrix(app: AppTest, tmp_path: Path, names: tuple[str, ...]) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "fer2013.csv").write_text("emotion,pixels\n0,1 2 3\n", encoding="utf-8")
    app.query_params[state.MODELS_CELL] = "happy called happy"
    opened(app, *names)
    assert {"fer2013.csv" in error.value for error in app.error} == {True}
    assert len(charts(app)) == 2 * len(names)


def test_a_model_judged_on_fewer_pictures_is_named_below_the_table(app: AppTest, tmp_path: Path) -> None:
    app.run()
    assert "Judged on FER2013 PrivateTest (n = 420), kept apart" in text_of(app)
    assert "one to choose by (PublicTest) and one to judge by (PrivateTest)" in text_of(app)
    place_face_model(tmp_path, "abrupt", skill=2.0, labels=LABELS[:256])
    app.run()
    assert "(n = 420), but abrupt on FER2013 PrivateTest (n = 256), kept apart" in text_of(app)


def test_the_captions_say_what_flatters_the_figures(app: AppTest) -> None:
    app.run()
    assert (
        "the photographs also chose how faces are found and cut out, and had a say in which network is used, which "
        "flatters their figures a little" in text_of(app)
    )
    app.segmented_control(key=state.MODELS_KIND).set_value("Mood models").run()
    assert "chosen on the same songs, which flatters it a little" in app.header[0].value


@pytest.mark.parametrize("view", ["Confusions", "Figures"])
def test_four_classes_are_told_from_the_quarters_of_the_plane(app: AppTest, view: str) -> None:
    opened(app, "vgg9", view=view)
    assert FOUR_LEGEND not in text_of(app)
    app.segmented_control(key=state.MODELS_CLASSES).set_value("Four classes").run()
    assert not app.exception
    assert text_of(app).count(FOUR_LEGEND) == 1
    assert "with the class of its likeliest emotion" in text_of(app)


def test_the_legend_of_the_four_classes_is_the_table_they_come_from() -> None:
    _, *parts = re.split(r": |; |\.", FOUR_LEGEND)
    told = {
        name: quadrant
        for quadrant, *names in (re.split(r", | and | ", part) for part in parts if part)
        for name in names
    }
    assert told == {emotion.value: quadrant.value for emotion, quadrant in FOUR_CLASSES.items()}


def loss_tops(app: AppTest) -> list[float]:
    axes = [chart["layout"]["yaxis"] for chart in charts(app)]
    return [axis["range"][1] for axis in axes if axis["title"]["text"] == "loss"]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ("cnn_capstone", None),
        ("softer", "not on one scale: their labels left different room for doubt."),
        ("mobilenet_quadrants", "not on one scale: they tell apart different classes."),
    ],
)
def test_losses_have_one_axis_only_where_they_are_on_one_scale(
    app: AppTest, tmp_path: Path, other: str, words: str | None
) -> None:
    place_face_model(tmp_path, "softer", skill=1.0, label_smoothing=0.05)
    history = tmp_path / "models" / "face" / other / "history.csv"
    history.write_text(history.read_text().replace("1.8", "1.2").replace("1.7", "1.3"))
    opened(app, "vgg9", other, view="Learning")
    tops = loss_tops(app)
    if words is None:
        assert tops == pytest.approx([1.89, 1.89])
        assert "not on one scale" not in text_of(app)
    else:
        assert tops == pytest.approx([1.89, 1.68])
        assert words in text_of(app)


def test_a_training_without_a_history_leaves_the_other_to_be_seen(app: AppTest, tmp_path: Path) -> None:
    (tmp_path / "models" / "face" / "vgg9" / "history.csv").unlink()
    opened(app, "vgg9", "mobilenet_quadrants", view="Learning")
    (error,) = app.error
    assert "expected the history of a training in" in error.value
    assert len(charts(app)) == 2
    assert "**mobilenet_quadrants** was kept after epoch 2 of 3" in text_of(app)
    assert "not on one scale" not in text_of(app)  # of one alone


def test_a_kept_epoch_that_never_was_is_one_sentence(app: AppTest, tmp_path: Path) -> None:
    change_metrics(tmp_path / "models" / "face" / "vgg9", best_epoch=4)
    opened(app, "vgg9", view="Learning")
    assert "epoch 4 of 3" in app.error[0].value


def test_a_damaged_dataset_is_one_sentence_in_its_tab(app: AppTest, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "fer2013.csv").write_text("emotion,pixels\n0,1 2 3\n", encoding="utf-8")
    opened(app, "vgg9", view="Mistakes")
    assert not app.exception
    (error,) = app.error
    assert "fer2013.csv" in error.value


def test_where_the_dataset_is_the_surest_mistakes_are_shown(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "fer2013.csv").touch()
    place_face_model(tmp_path, "abrupt", skill=1.0, labels=LABELS[:256])
    place_face_model(tmp_path, "elsewhere", skill=1.0, labels=LABELS[::-1].copy())
    images = np.random.default_rng(0).integers(0, 256, (len(LABELS), 48, 48), np.uint8)
    monkeypatch.setattr(
        "emomusic.ui.models.mistakes.read_split", lambda path, split: SplitPictures(images, LABELS.astype(np.uint8))
    )
    opened(app, "vgg9", view="Mistakes")
    captions = [caption.value for caption in app.caption if "called **" in caption.value]
    assert len(captions) == 24
    sure = [int(caption.split("\n")[-1].split(" %")[0]) for caption in captions]
    assert sure == sorted(sure, reverse=True)
    assert all(words.split("  \n")[0] not in words.split("**")[1] for words in captions)
    app.multiselect(key=state.MODELS_FACES).set_value(["abrupt", "elsewhere"]).run()
    assert not app.exception
    assert len([caption for caption in app.caption if "called **" in caption.value]) == 24
    assert [info.value for info in app.info] == ["elsewhere was judged on other pictures than those in fer2013.csv."]
    assert FOUR_LEGEND not in text_of(app)
    app.multiselect(key=state.MODELS_FACES).set_value(["mobilenet_quadrants"]).run()
    assert FOUR_LEGEND in text_of(app)


@dataclass
class FakeNetwork:
    """Says the same of every face; knows as many classes as it is told."""

    name: str
    num_classes: int = 7

    def __post_init__(self) -> None:
        self.spec = SimpleNamespace(name=self.name, side=48)

    def of_photographs(self, inputs: np.ndarray) -> np.ndarray:
        assert inputs.shape == (1, 48, 48, 1)
        return np.eye(self.num_classes, dtype=np.float32)[[3 if self.num_classes == 7 else 0]]


def ask(app: AppTest, monkeypatch: pytest.MonkeyPatch, detector: FakeDetector) -> AppTest:
    def classifier(name: str, folder: Path, changed: float) -> FakeNetwork:
        assert (folder, changed) == (assets.ROOT / f"models/face/{name}", (folder / "metrics.json").stat().st_mtime)
        if name == "emonet":
            raise ModelError("expected its weights. Received: none")
        return FakeNetwork(name, 4 if name == "mobilenet_quadrants" else 7)

    monkeypatch.setattr(engine, "load_networks", lambda: (detector, FakeNetwork("vgg9")))
    st.cache_resource.clear()  # another test's networks
    monkeypatch.setattr("emomusic.ui.models.try_it._classifier", classifier)
    app.query_params[state.SAMPLE] = "eileen-collins-1999"
    opened(app, view="Try your face")
    assert detector.num_calls == 0  # choosing a picture starts nothing
    app.button(key=state.models_widget("ask")).click().run()
    assert not app.exception
    return app


def test_the_face_is_shown_with_all_of_its_pixels(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[bytes, Any]] = []
    image = st.image
    monkeypatch.setattr(
        st, "image", lambda data, **options: (shown.append((data, options["width"])), image(data, **options))[1]
    )
    ask(app, monkeypatch, FakeDetector([make_face(x=100, width=400, height=400)]))
    face = app.session_state[state.MODELS_ASKED].face
    with Image.open(io.BytesIO(face)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (240, 240))
    assert [width for data, width in shown if data == face] == ["stretch"]


def test_one_face_goes_through_every_model(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = FakeDetector([make_face(), make_face(x=100, width=80, height=90)])
    ask(app, monkeypatch, detector)
    assert "All 2 models of seven emotions say happy." in text_of(app)
    assert "The largest of the faces was taken." in text_of(app)
    assert [len(chart["data"][0]["y"]) for chart in charts(app)] == [7, 7, 4]
    assert "**emonet** gave no answer  \nexpected its weights" in text_of(app)
    assert text_of(app).count("ms here, alone") == 3
    assert text_of(app).count(FOUR_LEGEND) == 1
    app.run()
    assert detector.num_calls == 1  # a rerun asks nobody again
    assert len(charts(app)) == 3


@pytest.mark.parametrize(
    ("winners", "words"),
    [
        ([], "No model of seven emotions answered."),
        ([3], "One model alone."),
        ([3, 3], "All 2 models of seven emotions say happy."),
        ([3, 4, 3], "The models of seven emotions differ: 2 say happy, 1 says sad."),
    ],
)
def test_it_is_said_how_many_models_agree(winners: list[int], words: str) -> None:
    rows = np.eye(7, dtype=np.float32)
    seven = [ModelAnswer(f"model{number}", tuple(EMOTIONS), rows[winner], 1.0) for number, winner in enumerate(winners)]
    others = [
        ModelAnswer("four", ("Q1", "Q2", "Q3", "N"), np.eye(4, dtype=np.float32)[0], 1.0),
        ModelAnswer("none", tuple(EMOTIONS), None, 0.0, "damaged"),
    ]
    assert try_it._agreement(Asked("digest", b"", 1, (*seven, *others))) == words


def test_a_model_trained_anew_is_loaded_anew(app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(try_it, "engine", lambda: SimpleNamespace(networks=lambda: (None, FakeNetwork("vgg9"))))
    monkeypatch.setattr(EmotionClassifier, "load", lambda name: loaded.append(name) or FakeNetwork(name))
    folder = tmp_path / "models" / "face" / "emonet"
    for changed in (1.0, 1.0, 2.0):
        try_it._classifier("emonet", folder, changed)
    assert loaded == ["emonet"] * 2


def test_a_picture_without_a_face_is_answered_kindly(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(app, monkeypatch, FakeDetector())
    assert "No face found" in text_of(app)
    assert not charts(app)


def test_the_page_draws_without_tensorflow_and_its_first_look_without_scikit_learn(root: Path) -> None:
    code = f"""
import sys
from streamlit.testing.v1 import AppTest
from emomusic.ui.core.frame import enter_app
enter_app()  # the front door would begin to load the networks
heavy = ("tensorflow", "keras", "mtcnn")
app = AppTest.from_file({str(root / "pages/models.py")!r}, default_timeout=120)
app.run()
assert not app.exception and app.dataframe and app.get("plotly_chart")
print([name for name in (*heavy, "sklearn", "scipy") if name in sys.modules])
for view in ("Figures", "Learning", "Sureness", "Mistakes", "Try your face", "Card"):
    app.query_params["face_view"] = view
    app.session_state["face_view"] = view
    app.run()
    assert not app.exception
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]
