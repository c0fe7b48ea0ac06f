"""Hostile files from a seed: files that ask for much time or memory, and damaged variants of intact files."""

import io
import random
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from fractions import Fraction
from functools import cache, partial

import av
import numpy as np
from PIL import Image

from tests.films import CODECS as FILM_CODECS
from tests.films import encoded, frames_bytes
from tests.media.test_survey import PICTURES as SURVEYED_PICTURES
from tests.songs.songs import CODECS, song_bytes
from tests.songs.tables import mood_table

Makes = dict[str, tuple[Callable[[], bytes], str]]
"""Functions that make files, and what their message has; "" where a result is fine too. By name."""
TEXTS = {
    "text": b"a text under another name\n" * 999,
    "list": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "concat": b"ffconcat version 1.0\nfile /etc/passwd\n",
}

SIDE = 7071  # 50 megapixels
NOISE = np.random.default_rng(0).integers(-9000, 9000, 48_000).astype("<i2").tobytes()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *, num_rows: int | None = None) -> bytes:
    """A black PNG of greys, which may have fewer rows than it claims."""
    packer = zlib.compressobj(1)
    row = bytes(1 + width)
    num_left, body = height if num_rows is None else num_rows, []
    block = row * max(2**22 // len(row), 1)
    while num_left > 0:
        part = block[: num_left * len(row)]
        body.append(packer.compress(part))
        num_left -= len(part) // len(row)
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = png_chunk(b"IDAT", b"".join(body) + packer.flush())
    return b"\x89PNG\r\n\x1a\n" + header + pixels + png_chunk(b"IEND", b"")


def jpeg_with_scans(number: int, side: int = 1000) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    data = encoded(Image.new("RGB", (side, side), "grey"), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + (number - data.count(b"\xff\xda")) * last + b"\xff\xd9"


def tiff(side: int, tile: tuple[int, int]) -> bytes:
    """A TIFF of RGBA pixels whose tiles are larger than the picture."""
    tags = [(256, 4, 1, side), (257, 4, 1, side), (259, 3, 1, 8), (262, 3, 1, 2), (277, 3, 1, 4), (338, 3, 1, 2)]
    at = 8 + 2 + 12 * (len(tags) + 5) + 4
    tags += [(258, 3, 4, at), (322, 4, 1, tile[0]), (323, 4, 1, tile[1]), (324, 4, 1, at + 8), (325, 4, 1, 99)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    body = struct.pack("<4H", 8, 8, 8, 8) + zlib.compress(bytes(9999))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + body


def text_bomb() -> bytes:
    """A PNG with 100 MB of text."""
    chunk = png_chunk(b"zTXt", b"comment\0\0" + zlib.compress(bytes(100_000_000), 9))
    data = png(64, 64)
    return data[:33] + chunk + data[33:]


PICTURE_BOMBS: Makes = {
    "scans.jpg": (lambda: jpeg_with_scans(5388), "over 100 scans"),
    "row.png": (lambda: png(49_999_999, 1), "too narrow"),
    "large.png": (lambda: png(16_000, 6_251, num_rows=9), "at most 100 megapixels"),
    "endless.png": (lambda: png(2**31 - 1, 2**31 - 1, num_rows=0), "at most 50 megapixels"),
    "text.png": (text_bomb, "damaged"),
    "tile.tiff": (lambda: tiff(SIDE, (16, 2**24)), "damaged"),
    "text.jpg": (partial(bytes, TEXTS["text"]), "not a picture; choose JPEG"),
    "eps.jpg": (
        lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%echo harm) (w) file",
        "not a picture",
    ),
    "song.jpg": (lambda: b"ID3\4\0\0", "is an audio file, not a picture"),
}

SONGS = tuple(CODECS)


def wav(samples: bytes, *, tag: int = 1, channels: int = 1, rate: int = 16_000, bits: int = 16) -> bytes:
    width = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, min(rate * width, 2**32 - 1), min(width, 65_535), bits)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


@cache
def song(ending: str) -> bytes:
    """An intact song of 3 s."""
    from emomusic.media.images import encode_png

    cover = encode_png(np.zeros((8, 8, 3), np.uint8)) if ending in ("mp3", "flac") else None
    return song_bytes(ending, 3, cover=cover)


def floats(value: float) -> bytes:
    return wav(np.full(32_000, value, "<f4").tobytes(), tag=3, bits=32)


SONG_BOMBS: Makes = {
    "nested.mp3": (lambda: b"ID3\4\0\0\0\0\0\0" * 100_000, "damaged"),
    "fast.wav": (lambda: wav(NOISE, rate=2**31 - 1), "damaged"),
    "channels.wav": (lambda: wav(NOISE * 4, channels=500), "damaged"),
    "says-wma.wav": (lambda: wav(NOISE, tag=0x161), "rare audio format"),
    "empty.wav": (lambda: wav(b""), "damaged"),
    "short.wav": (lambda: wav(NOISE[:16_000]), "shorter than a second"),
    "loud.wav": (lambda: floats(9000.0), ""),
    "silent.wav": (lambda: wav(bytes(96_000)), "silent"),
    "nan.wav": (lambda: floats(np.nan), "silent"),
    "encrypted.m4a": (lambda: song("m4a").replace(b"mp4a", b"enca"), "encrypted"),
    "film.m4a": (lambda: red_film(), "no sound|not an audio file"),
    "picture.wav": (lambda: png(64, 64), "not an audio file"),
    "nothing.mp3": (bytes, "is empty"),
    **{f"{name}.mp3": (partial(bytes, text), "not an audio file") for name, text in TEXTS.items()},
}

FILMS = tuple(FILM_CODECS)


@cache
def film(ending: str) -> bytes:
    """An intact film of two shots with sound, where the format has any."""
    shades = (0, 99, 180, 240) * 5
    frames = [np.full((48, 64, 3), shade, np.uint8) for shade in shades]
    return frames_bytes(frames, ending=ending, audio=FILM_CODECS[ending][1])


def jpeg() -> bytes:
    return encoded(Image.new("RGB", (40, 30), "red"), "JPEG")


def jpeg_film(payloads: Sequence[bytes], clock: Fraction = Fraction(1, 10)) -> bytes:
    """A film with these packets, announced with 40x30 pixels, one for each tick of the clock."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mov") as container:
        stream = container.add_stream("mjpeg", 10)
        stream.codec_context.time_base = clock
        stream.width, stream.height, stream.pix_fmt = 40, 30, "yuvj420p"
        for number, payload in enumerate(payloads):
            packet = av.Packet(payload)
            packet.pts = packet.dts = number
            packet.time_base, packet.stream, packet.is_keyframe = clock, stream, True
            container.mux(packet)
    return buffer.getvalue()


def jpeg_claiming(width: int, height: int) -> bytes:
    data = jpeg()
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def red_film(**options: str) -> bytes:
    return frames_bytes([np.full((60, 80, 3), (255, 0, 0), np.uint8)] * 20, options=options)


ENCRYPTION = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "01" * 16, "encryption_kid": "02" * 16}
FILM_BOMBS: Makes = {
    "picture.gif": (SURVEYED_PICTURES["GIF, animated"], "is a picture, not a film"),
    "large.mp4": (lambda: frames_bytes([np.zeros((5000, 5000, 3), np.uint8)] * 2), "too large"),
    "claims.mov": (lambda: jpeg_film([jpeg_claiming(65_500, 65_500)] * 9), "damaged"),
    "encrypted.mp4": (lambda: red_film(**ENCRYPTION), "encrypted"),
    "cut.mp4": (lambda: film("mp4")[: film("mp4").index(b"moov") - 4], "incomplete"),
    "no-index.mp4": (lambda: film("mp4").replace(b"moov", b"zzzz"), "incomplete"),
    "alias.mov": (lambda: film("mov").replace(b"url \0\0\0\1", b"alis\0\0\0\0"), ""),
    "sound.mp4": (lambda: song("m4a"), "not a film|has no video"),
    "head.mp4": (lambda: b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(500), "damaged"),
    "stream.ts": (lambda: (b"\x47\x40\x00\x10" + bytes(184)) * 10, "damaged"),
    "nothing.mp4": (bytes, "is empty"),
    **{f"{name}.mp4": (partial(bytes, text), "; choose MP4") for name, text in TEXTS.items()},
}


@cache
def table() -> bytes:
    return mood_table().to_csv(index=False).encode()


def zip_bytes(names: Iterable[tuple[str, bytes]], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in names:
            archive.writestr(name, data)
    return file.getvalue()


def tar_bytes(names: Iterable[tuple[str, bytes]], packing: str = "") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=f"w:{packing}") as archive:
        for name, data in names:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


@cache
def archive(ending: str) -> bytes:
    """An archive with a picture."""
    members = [("a.png", png(64, 64))]
    return zip_bytes(members) if ending == "zip" else tar_bytes(members, ending.removeprefix("tar").lstrip("."))


ARCHIVES = ("zip", "tar", "tar.gz", "tar.xz")
TABLE_BOMBS: Makes = {
    "rows.csv": (lambda: b"title,artist,mood\n" + b"a,b,sad\n" * 4_900_000, "250,000 rows"),
    "cell.csv": (lambda: b"title,artist,mood\n" + b"a" * 20_000_000 + b",b,sad\n", "more than 5,000 bytes"),
    "zeros.csv": (lambda: bytes(20_000_000), "not text"),
}
# Damage

_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF)


def damaged(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """A file with one kind of damage."""
    content = bytearray(data)
    at, length = rng.randrange(len(content)), rng.choice((1, 4, 64, len(content) // 4))
    kind = rng.randrange(7)
    if kind == 0:
        return bytes(content[:at])
    if kind == 1:  # anywhere, or in the head
        for _ in range(rng.choice((3, 20, 200))):
            content[rng.randrange(rng.choice((len(content), min(600, len(content)))))] = rng.randrange(256)
    elif kind == 2:  # extreme numbers in the head
        place = rng.randrange(min(200, len(content)))
        content[place : place + 4] = bytes([rng.choice(_EXTREMES)]) * 4
    elif kind == 3:
        content[at : at + length] = b""
    elif kind == 4:
        content[at:at] = content[at : at + length] * rng.choice((1, 9))
    elif kind == 5:
        content[at : at + length] = bytes(length)
    else:
        content[at:] = rng.choice(others)[at:] or rng.randbytes(999)
    return bytes(content)


KINDS: dict[str, tuple[Makes, dict[str, Callable[[], bytes]]]] = {
    "pictures": (PICTURE_BOMBS, SURVEYED_PICTURES),
    "songs": (SONG_BOMBS, {name: partial(song, name) for name in SONGS}),
    "films": (FILM_BOMBS, {name: partial(film, name) for name in FILMS}),
    "tables": (TABLE_BOMBS, {"csv": table}),
    "archives": ({}, {name: partial(archive, name) for name in ARCHIVES}),
}
"""The files that ask for much, and the intact ones, of each kind."""


def hostile_files(kind: str, number: int, seed: int = 0, but: Collection[str] = ()) -> Iterator[tuple[str, bytes, str]]:
    """Name, content and message of files of a kind that ask for much, but some, and of a number of damaged ones."""
    bombs, intact = KINDS[kind]
    for name, (make, message) in bombs.items():
        if name not in but:
            yield name, make(), message
    rng = random.Random(seed)
    contents = {name: make() for name, make in intact.items()}
    names = list(contents)
    for count in range(number):
        name = names[count % len(names)]
        yield f"{count:03d}.{name}", damaged(contents[name], list(contents.values()), rng), ""


def is_one_sentence(message: str) -> bool:
    """Whether a message is one short sentence without a path. Quoted names and numbers may have points."""
    text = re.sub(r"\d\.\d|'[^']*'", "0", message)
    if re.search(r"Error|Errno|\b0x", text):
        return False
    return re.fullmatch(r"[0A-Z][^.!?\n/\\]*\.", text) is not None and len(text) < 160
