import zipfile
from pathlib import Path

import pytest

from emomusic.batch.sources import find_items
from emomusic.media.encodings import names_of


@pytest.mark.parametrize(
    ("name", "code_page"),
    [
        ("Café été.jpg", "utf-8"),
        ("фото.jpg", "cp866"),
        ("фото/лето.jpg", "cp1251"),
        ("照片/微笑.jpg", "gbk"),
        ("快樂/小明.jpg", "big5"),
        ("ディズニー.jpg", "cp932"),
        ("가족 사진/우리집.jpg", "cp949"),
        ("Größe.jpg", "cp850"),
        ("Müller.jpg", "cp437"),
        ("Łódź żółty.jpg", "cp852"),
    ],
)
def test_a_name_without_the_flag_is_read_in_its_code_page(name: str, code_page: str):
    assert names_of([(name.encode(code_page).decode("cp437"), 0)]) == [name]


def test_names_of_an_archive_are_read_in_the_page_of_all_and_flagged_ones_stay(tmp_path: Path):
    class Old(zipfile.ZipInfo):
        def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802  as zipfile names it
            return self.filename.encode("gbk"), 0

    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        archive.writestr(Old("照片/微笑.jpg"), b"1")
        archive.writestr(Old("照片/小红.jpg"), b"22")
        archive.writestr("фото.jpg", b"333")
    names = [item.name.rpartition(".zip/")[2] for item in find_items([str(tmp_path / "faces.zip")])]
    assert names == ["照片/微笑.jpg", "照片/小红.jpg", "фото.jpg"]
