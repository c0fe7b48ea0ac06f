import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emomusic.affect import EMOTIONS
from emomusic.errors import DatasetError
from emomusic.media.images import encode_png, read_image
from emomusic.training.labelled import LabelledPictures, labelled_pictures


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


KDEF = "AM10DIFL.JPG AM10HAHR.JPG AM11NES.JPG AM11SAS.JPG AF02SUS.JPG BF01ANS.jpg AF01AFS.JPG"
RAFD = " ".join(
    f"Rafd090_0{person}_Caucasian_female_{emotion}_frontal.jpg"
    for person, emotion in ((1, "angry"), (2, "surprised"), (3, "disgusted"), (4, "happy"))
)
NIMSTIM = "01F_AN_C.BMP 02F_HA_O.BMP 23M_SP_O.bmp 03M_FE_C.BMP"
JAFFE = "KA.DI2.43.tiff NA.HA3.204.tiff NA.NE1.199.tiff UY-SU2-150.tiff KA.AN1.39.tiff KM.FE1.23.tiff"


@pytest.mark.parametrize(
    ("kind", "files", "emotions"),
    [
        ("rafd", RAFD, "angry surprise disgust happy"),
        ("nimstim", NIMSTIM, "angry happy surprise fear"),
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


def test_folders_that_negate_an_emotion_are_none_of_it(tmp_path: Path):
    found = labelled_pictures(put(tmp_path, "happy/a.png", "not happy/b.png", "Non_Happy/c.png", "no-smile/d.png"))
    assert (listed(found), found.skipped) == ({"a.png": "happy"}, 3)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("KDEF/AF01/AF01ANS.JPG", "--names kdef"),
        ("01F_AN_O.BMP a.txt", "--names nimstim"),
        ("archive/test/sad/a.png archive/train/sad/b.png", "in archive/test, archive/train"),
        ("images/a.png labels/a.txt data.yaml", "in a.txt, data.yaml"),
        ("data/a.jpg data/label.lst", "in label.lst"),
        ("a.png X.npy", "in X.npy"),
    ],
)
def test_what_to_choose_is_said(tmp_path: Path, names: str, said: str):
    with pytest.raises(DatasetError, match=said):
        labelled_pictures(put(tmp_path, *names.split()))


def test_a_name_of_several_pictures_means_the_nearest(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    for part, label in (("test", "sad"), ("train", "happy")):
        (put(tmp_path, f"{part}/a.png") / part / "a.png").write_text(part)
        (tmp_path / part / "labels.csv").write_text(f"image,label\na.png,{label}\n")
    found = {path.parent.name: emotion.value for path, emotion in labelled_pictures(tmp_path).pictures}
    assert found == {"test": "sad", "train": "happy"}
    for part in found:
        (tmp_path / part / "labels.csv").rename(tmp_path / f"{part}.csv")
    with pytest.raises(DatasetError, match=r"test\.csv, train\.csv"):
        labelled_pictures(tmp_path)
    assert "a.png" in caplog.text
    (tmp_path / "test/a.png").write_text("train")  # a copy
    assert len(labelled_pictures(tmp_path).pictures) == 1


COCO = {
    "images": [{"id": 1, "file_name": "a b.png"}, {"id": 2, "file_name": "c.png"}],
    "annotations": [{"image_id": number, "category_id": label} for number, label in ((1, 5), (2, 5), (2, 6))],
    "categories": [{"id": 5, "name": "happy"}, {"id": 6, "name": "sad"}],
}


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(json.dumps(COCO), id="COCO, with two faces in c.png"),
        pytest.param(json.dumps({"a b.png": "happy"}), id="names and labels"),
        pytest.param(json.dumps({"version": 1, "data": [{"image": "a b.png", "label": "happy"}]}), id="a list inside"),
        pytest.param(json.dumps({"id": "a b", "label": "happy"}), id="one line without an ending"),
    ],
)
def test_lists_in_json_are_read(tmp_path: Path, rows: str):
    (put(tmp_path, "images/a b.png", "images/c.png") / "list.json").write_text(rows)
    assert listed(labelled_pictures(tmp_path)) == {"a b.png": "happy"}
    (tmp_path / "list.json").rename(tmp_path / "broken.txt")
    (tmp_path / "broken.json").write_text(rows.replace("happy", "joy", 1)[:-2])
    with pytest.raises(DatasetError, match=r"broken\.json"):
        labelled_pictures(tmp_path)
    (tmp_path / "broken.txt").write_text("\na b.png, happy\n\n")  # with blank lines, and a space in the name
    assert listed(labelled_pictures(tmp_path)) == {"a b.png": "happy"}


def listed(found: LabelledPictures) -> dict[str, str]:
    return {path.name: emotion.value for path, emotion in found.pictures if isinstance(path, Path)}


def test_the_list_of_raf_db_is_read(tmp_path: Path):
    put(tmp_path, *(f"Image/aligned/test_000{number}_aligned.jpg" for number in (1, 2, 3)))
    put(tmp_path, "EmoLabel/list_patition_label.txt")
    (tmp_path / "EmoLabel/list_patition_label.txt").write_text("test_0001.jpg 4\ntest_0002.jpg 7\ntrain_0001.jpg 1\n")
    found = labelled_pictures(tmp_path, labels="raf-db")
    assert listed(found) == {"test_0001_aligned.jpg": "happy", "test_0002_aligned.jpg": "neutral"}
    with pytest.raises(DatasetError, match="--labels"):
        labelled_pictures(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("has_names", [True, False])
def test_the_votes_of_fer_plus_beside_its_pictures_are_read(tmp_path: Path, encoding: str, has_names: bool):
    votes = {
        "a": "4,0,0,1,3,2,0,0,0,0",
        "b": "0,8,2,0,0,0,0,0,0,0",
        "c": "0,0,0,0,0,0,0,9,1,0",
        "d": "1,0,1,0,0,1,7,0,0,0",
    }
    put(tmp_path, *(f"FER2013Valid/fer{name}.png" for name in votes))
    rows = [f'fer{name}.png,"(0, 0, 48, 48)",{given}' for name, given in votes.items()]
    if has_names:
        head = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
        rows = [
            head,
            *(f"PublicTest,fer{name}.png,{given}" for name, given in votes.items()),
            f"PublicTest,,{votes['a']}",
        ]
    (tmp_path / "FER2013Valid/label.csv").write_text("\n".join(rows), encoding=encoding)
    found = labelled_pictures(tmp_path)
    assert listed(found) == {"ferb.png": "happy", "ferd.png": "fear"}
    assert found.skipped == 2  # without a majority, and contempt


def test_a_folder_without_such_pictures_is_told_and_of_tables_alone_one_has_to_be_chosen(tmp_path: Path):
    put(tmp_path / "folder", "contempt/a.png")
    for options in ({}, {"names": "kdef"}, {"labels": "raf-db"}):
        with pytest.raises(DatasetError, match="Received: none"):
            labelled_pictures(tmp_path / "folder", **options)
    shutil.rmtree(tmp_path / "folder")
    put(tmp_path, "fer2013.csv", "fer2013new.csv")
    with pytest.raises(DatasetError, match="--fer2013"):
        labelled_pictures(tmp_path)


def test_the_last_pictures_of_the_films_of_ck_plus_have_its_emotions(tmp_path: Path):
    put(tmp_path, *(f"images/S005/00{film}/S005_00{film}_0000000{n}.png" for film in (1, 2) for n in (1, 2)))
    for film, label in ((1, 3), (2, 2)):
        name = f"Emotion/S005/00{film}/S005_00{film}_00000002_emotion.txt"
        (put(tmp_path, name) / name).write_text(f"   {label}.0000000e+00\n")
    found = labelled_pictures(tmp_path, labels="ck+")
    assert listed(found) == {"S005_001_00000002.png": "disgust"}
    assert found.skipped == 1
    with pytest.raises(DatasetError, match="folders named S005"):
        labelled_pictures(tmp_path / "images", labels="ck+")


@pytest.mark.parametrize("kind", ["csv", "tsv", "npy", "json", "jsonl", "columns"])
def test_the_lists_of_affectnet_are_read(tmp_path: Path, kind: str):
    put(tmp_path, "images/12/0.jpg", "images/12/1.jpg", "images/12/2.jpg")
    if kind == "npy":
        (tmp_path / "annotations").mkdir()
        for name, label in (("0", "1"), ("1", "7"), ("2", "6")):
            np.save(tmp_path / f"annotations/{name}_exp.npy", np.array(label))
    elif kind == "columns":  # of Roboflow
        rows = "12/0.jpg,0,1,0\n12/1.jpg,0,0,1\n12/2.jpg,1,0,0\n"
        (tmp_path / "_classes.csv").write_text(f"filename, Anger, Happy, Contempt\n{rows}")
    elif kind.startswith("json"):
        rows = [{"file_name": f"12/{n}.jpg", "label": label} for n, label in enumerate((1, 7, 6))]
        lines = "\n".join(map(json.dumps, rows))
        (tmp_path / f"metadata.{kind}").write_text(lines if kind == "jsonl" else json.dumps(rows, indent=1))
    else:
        rows = (f"12/{n}.jpg,5,{label}" for n, label in enumerate(("1", "7", "6")))
        text = "\n".join(["subDirectory_filePath,face_x,expression", *rows])
        (tmp_path / f"labels.{kind}").write_text(text if kind == "csv" else f"sep=,\n{text}".replace(",", "\t"))
    found = labelled_pictures(tmp_path, labels="affectnet")
    assert listed(found) == {"0.jpg": "happy", "2.jpg": "angry"}
    assert found.skipped == 1


def test_folders_in_other_languages_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    put(tmp_path, "happy/a.png", "Wut/a.png", "Wut/b.png")
    assert labelled_pictures(tmp_path).skipped == 2
    assert "Wut (2)" in caplog.text
    with pytest.raises(DatasetError, match="Freude, Wut"):
        labelled_pictures(put(tmp_path / "all", "Wut/a.png", "Freude/a.png"))


def test_a_table_of_pixels_is_read(tmp_path: Path):
    pixels = " ".join(["7"] * 48 * 48)
    rows = "".join(f"{number},{pixels},Training\n" for number in (3, 7, 5))
    (tmp_path / "ck.csv").write_text("emotion,pixels,Usage\n" + rows)
    found = labelled_pictures(tmp_path / "ck.csv", labels="ck+")
    assert [emotion.value for _, emotion in found.pictures] == ["happy", "surprise"]
    (tmp_path / "deep.csv").write_text(f"emotion,pixels\n3,{pixels.replace('7', '300')}\n")
    with pytest.raises(DatasetError, match="deep"):
        labelled_pictures(tmp_path / "deep.csv", labels="ck+")
    assert (read_image(found.pictures[0][0]) == 7).all()


@pytest.mark.parametrize("is_named", [True, False])
def test_a_parquet_file_with_pictures_is_read(tmp_path: Path, is_named: bool):
    picture = encode_png(np.zeros((8, 8, 3), np.uint8))
    table = pa.table({"image": [{"bytes": picture, "path": None}] * 3, "label": [0, 1, 1] if is_named else [1, 2, 9]})
    names = {"info": {"features": {"label": {"names": ["happy", "sad"]}}}}
    pq.write_table(
        table.replace_schema_metadata({"huggingface": json.dumps(names)} if is_named else {}), tmp_path / "a.parquet"
    )
    found = labelled_pictures(tmp_path / "a.parquet", labels=None if is_named else "affectnet")
    assert [emotion.value for _, emotion in found.pictures] == ["happy", "sad", "sad"][: 3 if is_named else 2]
    assert found.pictures[0][0] == picture
