"""Moods in the files' own fields: no other field changes."""

import os
from collections.abc import Callable
from pathlib import Path

import mutagen
import pytest
from mutagen.apev2 import APEv2
from mutagen.id3 import ID3, TALB, TIT2, TSOP, TXXX

from emomusic.media.tags import read_mood
from emomusic.songs.library import Changes, Library
from emomusic.songs.library_tags import TaggedLibrary
from tests.songs.libraries import hear
from tests.songs.songs import CODECS, TAGS, tone, write_song


def ape(path: Path) -> None:
    ID3(path).delete()
    tags = APEv2()
    tags["Title"], tags["Mood"] = "A Tone", "Dreamy"
    tags.save(path)


ID3V1 = b"TAG" + "Кино".encode("cp1251").ljust(125, b"\0")


def with_id3v1(path: Path) -> None:
    """Give the file an old tag at its end too, in the encoding of a country."""
    path.write_bytes(path.read_bytes() + ID3V1)


def ape_with_id3v1(path: Path) -> None:
    ape(path)
    with_id3v1(path)


def sorted_by(path: Path) -> None:
    """Give a tag of version 2.3 a field of 2.4, as iTunes does."""
    tags = ID3(path)
    tags.update_to_v23()
    tags.add(TSOP(encoding=1, text="Tone, A"))
    tags.save(path, v2_version=3)


def id3(version: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        tags = ID3(path)
        tags.setall("TXXX", [TXXX(encoding=1, desc="Own", text=["a", "b/c", "long " * 99])])
        tags.setall("TALB", [TALB(encoding=0, text="Waves")])
        if version == 3:
            tags.update_to_v23()
        tags.save(path, v2_version=version, v23_sep=None, padding=lambda info: 0 if version == 3 else 4000)

    return write


def extend(path: Path) -> None:
    """Give the tag an extended header."""
    content, rest = path.read_bytes(), b"\0\0\0\6\1\0"
    length = sum(digit << 7 * place for place, digit in enumerate(reversed(content[6:10]))) + len(rest)
    sizes = bytes(length >> 7 * place & 0x7F for place in (3, 2, 1, 0))
    path.write_bytes(content[:5] + b"\x40" + sizes + rest + content[10:])


def own_text(path: Path) -> None:
    """Give the tag a mood as programs write it that know no TMOO."""
    tags = mutagen.File(path).tags
    tags.add(TXXX(encoding=1, desc="MOOD", text=["Dreamy", "Dark"]))
    tags.save(path)


def older(path: Path) -> None:
    """Give the tag version 2.3."""
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    file.tags.add(TIT2(encoding=1, text="A Tone"))
    file.tags.update_to_v23()
    file.tags.save(path, v2_version=3)


FILES: dict[str, Callable[[Path], None]] = {
    **{f"song.{ending}": lambda path: None for ending in CODECS},
    "v23.mp3": id3(3),
    "v24.mp3": id3(4),
    "extended.mp3": extend,
    "bare.mp3": lambda path: ID3(path).delete(),
    "ape.mp3": ape,
    "ape old.mp3": ape_with_id3v1,
    "old.mp3": with_id3v1,
    "sorted.mp3": sorted_by,
    "v23.wav": older,
    "v23.aiff": older,
    "own.mp3": own_text,
    "own.aiff": own_text,
}


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    for name, alter in FILES.items():
        path = tmp_path / "music" / name
        path.parent.mkdir(exist_ok=True)
        write_song(path, path.suffix[1:], tone(1), tags=TAGS)
        alter(path)
        os.utime(path, ns=(10**18, 10**18 + len(name)))
    return tmp_path / "music"


@pytest.fixture
def tagged(tmp_path: Path, songs: Path) -> TaggedLibrary:
    with TaggedLibrary(tmp_path / "library.sqlite", create=True) as library:
        library.add([songs])
        assert hear(library) == []
        return TaggedLibrary(library.path)


def state(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode) for path in folder.iterdir()}


def others(path: Path) -> dict[str, str]:
    """All fields but the mood, as mutagen has them."""
    tags = APEv2(path) if path.name.startswith("ape") else mutagen.File(path).tags
    field, _ = read_mood(path)
    return {str(name): repr(value) for name, value in dict(tags or {}).items() if str(name).lower() != field.lower()}


def test_moods_are_shown_before_they_are_written(tagged: TaggedLibrary, songs: Path):
    before, fields = state(songs), {path.name: others(path) for path in songs.iterdir()}
    shown = list(tagged.tag([songs]))
    assert state(songs) == before
    assert {Path(each.path).name: each.after for each in shown} == dict.fromkeys(FILES, "energetic")
    assert {each.before for each in shown} == {None, "Dreamy", "Dreamy; Dark"}
    assert list(tagged.tag([songs], write=True)) == shown
    for path in songs.iterdir():
        assert read_mood(path)[1] == "energetic"
        assert others(path) == fields[path.name]
        assert path.stat().st_mtime_ns != before[path.name][1]  # players look at it
        assert path.stat().st_mode == before[path.name][2]
        assert path.read_bytes().endswith(ID3V1) is path.name.endswith("old.mp3")
    assert read_mood(songs / "song.m4a")[0] == "----:com.apple.iTunes:MOOD"
    assert mutagen.File(songs / "song.flac")["mood"] == ["energetic"]
    for name in ("v23.mp3", "v23.wav", "v23.aiff", "sorted.mp3"):
        tags = mutagen.File(songs / name).tags
        assert (tags.version, str(tags["TXXX:MOOD"])) == ((2, 3, 0), "energetic")
    assert str(ID3(songs / "bare.mp3")["TMOO"]) == "energetic"
    assert list(tagged.tag([songs])) == []
    assert tagged.update() == Changes()  # no song is heard again


def test_a_file_that_cannot_be_tagged_is_left_and_named(tagged: TaggedLibrary, songs: Path):
    path = songs / "song.flac"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b" ")  # changed since it was analysed
    (songs / "song.ogg").unlink()
    results = list(tagged.tag([songs], write=True))
    assert sum(isinstance(each, str) for each in results) == 2
    assert len(results) == len(FILES)
    assert path.read_bytes() == content[:-1] + b" "
    assert not [path for path in songs.iterdir() if path.name.startswith(".")]
    with Library(tagged.path) as library:
        assert len(library.songs()) == len(FILES)
