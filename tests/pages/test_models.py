import json
import re
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from emomusic import assets
from emomusic.affect import EMOTIONS
from emomusic.app.models.training import TrainingState
from emomusic.assets import ModelKind
from emomusic.errors import ModelError
from emomusic.faces.fer2013 import LabelledFaces, Split
from emomusic.results import overview
from emomusic.results.overview import Benchmark
from emomusic.server import shared
from emomusic.server.sessions import WHEN_GONE
from emomusic.songs.playground import NUM_EPOCHS, LabelledSongs
from tests.fakes import FakeClassifier, FakeDetector, make_face
from tests.model_files import LABELS, place_checkout, place_face_model
from tests.pages.screen import charts, choose, click, page_of, state_of, text_of


@pytest.fixture
def app(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_networks: None) -> AppTest:
    monkeypatch.setattr(assets, "ROOT", place_checkout(root, tmp_path))
    monkeypatch.setitem(overview.DEFAULTS, ModelKind.FACE, "vgg9")  # one of the synthetic models
    votes = np.zeros((len(LABELS), 10), np.uint8)
    votes[np.arange(400), LABELS[:400]] = 10  # no majority on the last pictures
    monkeypatch.setattr("emomusic.results.predictions.read_votes", lambda split: (None, votes))
    return page_of("models")


def opened(
    app: AppTest, *names: str, view: str = "Overview", on: Benchmark = Benchmark.LABELS, cell: str = ""
) -> AppTest:
    app.query_params["kind"] = on
    if names:
        app.query_params["model"] = list(names)
    choose(app, cell=cell, face_view=view)
    return app.run()


def test_the_table_has_all_models_on_one_benchmark(app: AppTest) -> None:
    opened(app, view="Details", on=Benchmark.PHOTOGRAPHS)
    assert re.search(r"40.0.*31.0 to 50.0", app.header[0].value)  # of the default model
    table = app.dataframe[0].value
    names = ["Nine-layer network", "Capstone network", "FER2013 champion", "Four-class network"]
    assert list(table["Model"]) == names
    assert list(table["Published"]) == ["—", "58 to 63 %", "—", "72 %"]
    assert list(table["Range"]) == ["31.0 to 50.0", "—", "—", "—"]
    for benchmark, num_measured, has_errors in ((Benchmark.VOTES, 2, False), (Benchmark.LABELS, 4, True)):
        app.selectbox(key="kind").set_value(benchmark).run()
        table = app.dataframe[0].value
        assert len(table["Right"].dropna()) == num_measured
        assert ("Calibration error" in table) is has_errors
        assert f"{table['Right'][0]:.1f}" in app.header[0].value


def test_the_pictures_with_a_majority_of_votes_are_the_examples_of_people_s_votes(app: AppTest) -> None:
    opened(app, view="Confusions", on=Benchmark.VOTES, cell="happy called happy")
    num_happy = int((LABELS[:400] == EMOTIONS.index("happy")).sum())
    assert f"of the {num_happy} happy faces" in text_of(app)
    opened(app, view="Thresholds", on=Benchmark.VOTES)
    assert "of 400 faces" in text_of(app)
    assert "on average" in text_of(app)
    opened(app, "emonet", view="Confusions", on=Benchmark.VOTES)  # without votes
    assert "not measured here" in app.error[0].value
    opened(app, "vgg9", "mobilenet_quadrants", view="Confusions", on=Benchmark.VOTES)
    assert [chart["data"][0]["x"] for chart in charts(app)] == [["happy", "tense", "sad", "neutral"]] * 2
    assert "400 faces" in text_of(app)  # of McNemar's test


def test_collections_of_posed_faces_are_a_test_set_where_a_model_has_them(app: AppTest, tmp_path: Path) -> None:
    opened(app, on=Benchmark.POSED)  # a link that this copy does not know
    assert Benchmark.POSED not in app.selectbox(key="kind").options
    one = {"n": 100, "missed": 0, "persons": 9, "people": "nine", "is_trained": False, "accuracy": 0.75}
    one |= {"accuracy_interval": [0.65, 0.83], "recall": dict.fromkeys(EMOTIONS, 0.7) | {"fear": 0.1}}
    other = one | {"n": 300, "people": "", "accuracy": 0.25, "accuracy_interval": [0.2, 0.3]}
    change_metrics(tmp_path / "models" / "face" / "vgg9", collections={"strong": one, "weak": other})
    opened(app, on=Benchmark.POSED)
    assert re.search(r"37\.5.* 400 posed .*10\.0.* of fear", app.header[0].value)
    assert "worst for 9 persons of weak" in text_of(app)
    assert list(app.dataframe[0].value.columns) == ["recall of", "nine", "9 persons of weak"]
    opened(app, on=Benchmark.POSED, view="Details")
    assert list(app.dataframe[0].value["Right"].dropna()) == [37.5]
    assert not {"Mean F1", "Calibration error"} & set(app.dataframe[0].value)
    change_metrics(tmp_path / "models" / "face" / "emonet", collections={"weak": one})
    opened(app, "emonet", "vgg9", on=Benchmark.LABELS)  # one look compares the rows of two models
    (rows, own), (others, every) = (
        (chart["layout"]["yaxis"]["tickvals"], chart["data"][0]["y"]) for chart in charts(app)
    )
    assert rows == others == every
    assert set(own) < set(every)


def test_models_of_one_kind_are_not_those_of_another(app: AppTest) -> None:
    opened(app, "emonet")
    app.selectbox(key="kind").set_value(Benchmark.VOTES).run()
    assert app.query_params["model"] == "emonet"
    app.selectbox(key="kind").set_value(Benchmark.FEATURES).run()
    assert "model" not in app.query_params
    assert not app.exception


def test_all_sets_have_the_same_tabs_and_say_what_was_not_measured(app: AppTest) -> None:
    titles = [tab.label for tab in opened(app).tabs]
    for benchmark, view in (
        (Benchmark.PHOTOGRAPHS, "Confusions"),
        (Benchmark.FEATURES, "Try your face"),
        (Benchmark.VOTES, "Confusions"),
    ):
        opened(app, view=view, on=benchmark)
        assert [tab.label for tab in app.tabs] == titles
        assert [info.value for info in app.info if "not measured" in info.value] == (
            [] if benchmark is Benchmark.VOTES else [f"{view}: not measured for {benchmark}."]
        )
    assert not app.exception


def test_only_models_with_figures_are_compared_and_the_accuracy_is_said_once(app: AppTest) -> None:
    opened(app, on=Benchmark.VOTES)
    assert app.selectbox(key="models-second-face").options == ["Four-class network"]
    page = "\n".join([app.header[0].value, text_of(app), *(html.proto.body for html in app.get("html"))])
    assert "right on 80.0" in app.header[0].value
    assert "<strong>" not in page  # the accuracy in large type
    assert re.search(r"mean recall<b>[\d.]+.%</b><small>[\d.]+.% to [\d.]+.%.*calibration error.*Brier score", page)
    opened(app, on=Benchmark.PHOTOGRAPHS)  # no answers are saved, so there are no ranges
    figures = next(html.proto.body for html in app.get("html") if "mean recall" in html.proto.body)
    assert "Brier" not in figures


def test_the_cells_of_a_matrix_say_shares_or_counts(app: AppTest) -> None:
    opened(app, view="Confusions")

    def texts() -> list[str]:
        return [note["text"] for note in charts(app)[0]["layout"]["annotations"]]

    shares = texts()
    app.segmented_control(key="cells").set_value("Counts").run()
    counts, num = texts(), len(EMOTIONS)
    assert [sum(map(int, counts[num * row : num * (row + 1)])) for row in range(num)] == [int(n) for n in counts[49:56]]
    assert shares[49:] == counts[49:]
    assert shares[:49] != counts[:49]


def change_metrics(folder: Path, **changes: Any) -> None:
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(metrics | changes))


def test_a_damaged_model_is_left_out_and_named_with_its_problem(app: AppTest, tmp_path: Path) -> None:
    (tmp_path / "models" / "face" / "emonet" / "metrics.json").write_text("{")
    change_metrics(tmp_path / "models" / "face" / "vgg9", wild={"n": 90, "accuracy": 0.4})
    opened(app, view="Details", on=Benchmark.PHOTOGRAPHS)
    assert not app.error
    (warning,) = app.warning
    assert re.search(r"\*\*vgg9\*\* \(.*missed.*; \*\*emonet\*\* \(expected", warning.value)
    assert len(app.dataframe[0].value) == 2
    assert app.header[0].value.startswith("Capstone network")


def test_missing_files_of_one_model_do_not_hide_the_other(app: AppTest, tmp_path: Path) -> None:
    for file in ("predictions.npz", "CARD.md", "history.csv"):
        (tmp_path / "models" / "face" / "emonet" / file).unlink()
    for view, num_charts in (("Confusions", 1), ("Details", 0), ("Learning", 2)):
        opened(app, "vgg9", "emonet", view=view)
        assert len(app.error) == 2  # above the tabs and in the tab
        assert len(charts(app)) == num_charts


def test_with_the_dataset_mistakes_have_pictures(app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path))
    (tmp_path / "fer2013.csv").touch()
    place_face_model(tmp_path, "elsewhere", skill=1.0, labels=LABELS[::-1].copy())
    images = np.random.default_rng(0).integers(0, 256, (len(LABELS), 48, 48), np.uint8)
    faces = LabelledFaces(images, LABELS.astype(np.uint8), np.zeros(len(LABELS), np.bool_))
    monkeypatch.setattr("emomusic.app.models.pictures.read_fer2013", lambda *_: {Split.TEST: faces})
    opened(app, "vgg9", view="Mistakes")
    captions = [caption.value for caption in app.caption if "called **" in caption.value]
    assert len(captions) == 24
    confidences = [int(re.findall(r"(\d+) %", caption)[-1]) for caption in captions]
    assert confidences == sorted(confidences, reverse=True)
    assert all(caption.split("  \n")[0] not in caption.split("**")[1] for caption in captions)
    opened(app, "elsewhere", view="Mistakes")
    assert not [caption for caption in app.caption if "called **" in caption.value]
    menu = opened(app, "vgg9", view="Confusions").selectbox(key="cell")
    opened(app, "vgg9", view="Confusions", cell="happy called happy")
    menu.set_value(None).run()  # a click before the browser knows of the cell
    assert "faces happy" in text_of(app)
    assert all(c.value.startswith("happy  \ncalled **happy**") for c in app.caption if "called **" in c.value)
    opened(app, "vgg9", view="Thresholds")
    assert {c.value.split()[0] for c in app.caption if "called **" in c.value} == {"angry"}


def test_without_the_dataset_the_surest_mistakes_are_counted(app: AppTest) -> None:
    opened(app, "vgg9", view="Mistakes")
    assert re.search(r"The surest ones: .* called .* \d", text_of(app))
    assert not re.search("EMOMUSIC_DATA|Kaggle|called \\*", text_of(app))


class FakeNetwork:
    """Predicts the same class for every face."""

    def __init__(self, name: str, label: int = 3, num_classes: int = 7) -> None:
        self.spec = SimpleNamespace(name=name, side=48, classes=EMOTIONS)
        self.answer = np.eye(num_classes, dtype=np.float32)[[label]]

    def adjusted_probabilities(self, crops: Sequence[np.ndarray]) -> np.ndarray:
        return np.repeat(self.answer, len(crops), axis=0)


def test_every_model_receives_the_largest_face(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def classifier(name: str) -> FakeNetwork:
        if name == "emonet":
            raise ModelError("expected its weights. Received: none")
        return FakeNetwork(name, 0, 4) if name == "mobilenet_quadrants" else FakeNetwork(name)

    detector = FakeDetector([make_face(), make_face(x=100, width=80, height=90)])
    monkeypatch.setattr(shared, "load_networks", lambda **_: (detector, FakeClassifier()))
    monkeypatch.setattr("emomusic.app.models.try_face.load_classifier", classifier)
    opened(app, view="Try your face", on=Benchmark.PHOTOGRAPHS)
    assert WHEN_GONE in text_of(app)
    app.button(key="sample-eileen-collins-1999").click().run()
    assert "2 of 2 say happy" in text_of(app)
    assert "largest face" in text_of(app)
    assert [len(chart["data"][0]["y"]) for chart in charts(app)] == [7, 7, 4]
    assert re.search(r"\*\*FER2013 champion\*\* failed.*\nexpected its weights", text_of(app))
    app.run()
    assert detector.num_calls == 1  # a rerun uses the stored answers
    assert len(charts(app)) == 3
    detector.faces = []
    app.button(key="sample-joe-biden-2010").click().run()
    assert "No face" in text_of(app)


def test_a_training_steps_plays_rests_and_begins_anew(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    songs = LabelledSongs(random.random((80, 9)), np.arange(80) % 4, are_predicted=False)
    monkeypatch.setattr("emomusic.app.models.training._load_songs", lambda: songs)
    opened(app, view="Learning", on=Benchmark.FEATURES)
    for key, epoch in (("step", 1), ("play", 11), ("play", 11)):  # the second one pauses
        click(app, f"train-{key}")
        assert f"Epoch **{epoch}** of" in text_of(app)
    assert "Epoch **11** of" in text_of(app.run())
    monkeypatch.setattr("emomusic.app.models.training._EPOCHS", NUM_EPOCHS)
    click(app, "train-play")
    assert f"Epoch **{NUM_EPOCHS}** of" in text_of(app)
    assert app.button(key="train-step").disabled
    assert not state_of(app, TrainingState).is_playing  # it rests at the end
    app.selectbox(key="wrong").set_value("50").run()
    assert "Epoch **0** of" in text_of(app)
