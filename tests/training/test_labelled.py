from pathlib import Path

import pytest

from emomusic.affect import EMOTIONS
from emomusic.errors import DatasetError
from emomusic.training.labelled import LABELS, labelled_pictures


def put(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.mark.parametrize(
    "folders",
    [
        "angry disgust fear happy sad surprise neutral",
        "Anger Disgusted Fearful Happiness Sadness Surprised Neutral",
        "mad disgust afraid joy sadness astonished neutrality",
        "AN DI FE HA SA SU NE",
        "0_anger 1_disgust 2_fear 3_happiness 4_sadness 5_surprise 6_neutral",
    ],
)
def test_folders_have_any_usual_name_of_an_emotion(tmp_path: Path, folders: str):
    put(tmp_path, *(f"{folder}/a.png" for folder in folders.split()))
    assert {emotion for _, emotion in labelled_pictures(tmp_path).pictures} == set(EMOTIONS)


@pytest.mark.parametrize(
    ("labels", "numbers"),
    [
        ("fer2013", {0: "angry", 1: "disgust", 2: "fear", 3: "happy", 4: "sad", 5: "surprise", 6: "neutral"}),
        ("raf-db", {1: "surprise", 2: "fear", 3: "disgust", 4: "happy", 5: "sad", 6: "angry", 7: "neutral"}),
        (
            "affectnet",
            {0: "neutral", 1: "happy", 2: "sad", 3: "surprise", 4: "fear", 5: "disgust", 6: "angry", 7: None},
        ),
        ("ck+", {0: "neutral", 1: "angry", 2: None, 3: "disgust", 4: "fear", 5: "happy", 6: "sad", 7: "surprise"}),
    ],
)
def test_numbers_mean_what_their_data_set_says(tmp_path: Path, labels: str, numbers: dict[int, str | None]):
    put(tmp_path, *(f"{number}/a.png" for number in [*numbers, 9]))
    found = labelled_pictures(tmp_path, labels=labels)
    assert {int(path.parent.name): emotion.value for path, emotion in found.pictures} == {
        number: emotion for number, emotion in numbers.items() if emotion is not None
    }
    assert found.skipped == 1 + list(numbers.values()).count(None)


def test_numbers_without_a_data_set_are_refused_with_the_choices(tmp_path: Path):
    with pytest.raises(DatasetError) as error:
        labelled_pictures(put(tmp_path, "0/a.png", "1/a.png"))
    assert all(labels in str(error.value) for labels in LABELS)


def test_other_classes_are_skipped_and_counted_and_mixtures_left_out(tmp_path: Path):
    put(tmp_path, "happy/a.png", "contempt/a.png", "contempt/b.png", "unknown/a.png", "happily_surprised/a.png")
    found = labelled_pictures(tmp_path)
    assert (len(found.pictures), found.skipped) == (1, 3)


KDEF = "AM10DIFL.JPG AM10HAHR.JPG AM11NES.JPG AM11SAS.JPG AF02SUS.JPG BF01ANS.jpg AF01AFS.JPG"
JAFFE = "KA.DI2.43.tiff NA.HA3.204.tiff NA.NE1.199.tiff UY-SU2-150.tiff KA.AN1.39.tiff KM.FE1.23.tiff"


@pytest.mark.parametrize(
    ("kind", "files", "emotions"),
    [
        ("kdef", KDEF, "disgust happy neutral sad surprise angry fear"),
        ("jaffe", JAFFE, "disgust happy neutral surprise angry fear"),
    ],
)
def test_names_of_files_tell_emotion_and_person(tmp_path: Path, kind: str, files: str, emotions: str):
    names = files.split()
    found = labelled_pictures(put(tmp_path, *(f"{name[1:4]}/{name}" for name in names), "x/Thumb.jpg"), names=kind)
    expected = dict(zip(names, emotions.split(), strict=True))
    assert {path.name: emotion.value for path, emotion in found.pictures} == expected
    assert (found.persons, found.skipped) == (4, 1)


@pytest.mark.parametrize("options", [{}, {"names": "kdef"}, {"labels": "raf-db"}])
def test_a_folder_without_such_pictures_is_told(tmp_path: Path, options: dict[str, str]):
    put(tmp_path, "contempt/a.png")
    with pytest.raises(DatasetError, match="Received: none"):
        labelled_pictures(tmp_path, **options)
