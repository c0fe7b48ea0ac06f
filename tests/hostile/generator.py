"""Hostile files from a seed: files that ask for much time or memory, and damaged variants of intact files."""

from __future__ import annotations

import io
import json
import random
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from functools import cache, partial

import av
import numpy as np
import pillow_heif
from PIL import Image

from tests.films import CODECS as FILM_CODECS
from tests.films import write_frames
from tests.songs.songs import CODECS, song_bytes
from tests.songs.tables import mood_table

File = tuple[str, bytes]
"""Name and content."""

# Pictures

PICTURES = {
    "jpg": ("JPEG", {}),
    "progressive.jpg": ("JPEG", {"progressive": True}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {}),
    "gif": ("GIF", {}),
    "bmp": ("BMP", {}),
    "lzw.tiff": ("TIFF", {"compression": "tiff_lzw"}),
    "jpeg.tiff": ("TIFF", {"compression": "jpeg"}),
    "heic": ("HEIF", {}),
    "avif": ("AVIF", {}),
}
SIDE = 7071  # 50 megapixels


@cache
def picture(ending: str, side: int = 64) -> bytes:
    """An intact picture of coarse noise."""
    pillow_heif.register_heif_opener()
    fmt, options = PICTURES[ending]
    noise = np.random.default_rng(0).integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((side, side)).save(buffer := io.BytesIO(), fmt, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *, colour: int = 2, bits: int = 8, num_rows: int | None = None) -> bytes:
    """A black PNG, which may have fewer rows than it claims. `colour` is PNG's code."""
    packer = zlib.compressobj(9)
    row = bytes(1 + width * bits // 8 * {0: 1, 2: 3, 6: 4}[colour])
    num_left, body = height if num_rows is None else num_rows, []
    block = row * max(2**22 // len(row), 1)
    while num_left > 0:
        part = block[: num_left * len(row)]
        body.append(packer.compress(part))
        num_left -= len(part) // len(row)
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    pixels = png_chunk(b"IDAT", b"".join(body) + packer.flush())
    return b"\x89PNG\r\n\x1a\n" + header + pixels + png_chunk(b"IEND", b"")


def jpeg_with_scans(number: int, side: int = 1000) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    Image.new("RGB", (side, side), "grey").save(buffer := io.BytesIO(), "JPEG", progressive=True)
    data = buffer.getvalue()
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + (number - data.count(b"\xff\xda")) * last + b"\xff\xd9"


def tiff(side: int, *, tile: tuple[int, int] | None = None, bits: int = 8, packing: int = 8) -> bytes:
    """A TIFF of RGBA pixels that has nearly none of them. `packing` is TIFF's code, 8 for deflate."""
    tags = [(256, 4, 1, side), (257, 4, 1, side), (259, 3, 1, packing), (262, 3, 1, 2), (277, 3, 1, 4), (338, 3, 1, 2)]
    at = 8 + 2 + 12 * (len(tags) + 1 + (4 if tile else 3)) + 4
    tags += [(258, 3, 4, at)]
    places = [(322, 4, 1, tile[0]), (323, 4, 1, tile[1]), (324, 4, 1, at + 8), (325, 4, 1, 99)] if tile else []
    tags += places or [(273, 4, 1, at + 8), (278, 4, 1, side), (279, 4, 1, 99)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    body = struct.pack("<4H", *[bits] * 4) + zlib.compress(bytes(9999))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + body


def text_bomb() -> bytes:
    """A PNG with 100 MB of text."""
    chunk = png_chunk(b"zTXt", b"comment\0\0" + zlib.compress(bytes(100_000_000), 9))
    data = picture("png")
    return data[:33] + chunk + data[33:]


PICTURE_BOMBS: dict[str, Callable[[], bytes]] = {
    "scans.jpg": lambda: jpeg_with_scans(5388),
    "many-scans.jpg": lambda: jpeg_with_scans(100, SIDE),
    "column.png": lambda: png(1, 49_999_999, colour=0),
    "row.png": lambda: png(49_999_999, 1, colour=0),
    "large.png": lambda: png(8_000, 6_251, num_rows=9),
    "endless.png": lambda: png(2**31 - 1, 2**31 - 1, num_rows=0),
    "deep.png": lambda: png(SIDE, SIDE, colour=6, bits=16),
    "text.png": text_bomb,
    "tile.tiff": lambda: tiff(SIDE, tile=(16, 2**24)),
    "wide-tile.tiff": lambda: tiff(64, tile=(2**20, 2**12)),
    "strip.tiff": lambda: tiff(SIDE),
    "deep.tiff": lambda: tiff(SIDE, bits=16),
    "zstd.tiff": lambda: tiff(SIDE, packing=50_000),
}

# Songs

SONGS = tuple(CODECS)


def wav(samples: bytes, *, tag: int = 1, channels: int = 1, rate: int = 16_000, bits: int = 16) -> bytes:
    width = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, min(rate * width, 2**32 - 1), min(width, 65_535), bits)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _checksums(bits: int, polynomial: int) -> list[int]:
    table = []
    for byte in range(256):
        value = byte << bits - 8
        for _ in range(8):
            value = value << 1 ^ (polynomial if value >> bits - 1 else 0)
        table.append(value & (1 << bits) - 1)
    return table


_CRC8, _CRC16 = _checksums(8, 0x107), _checksums(16, 0x18005)


def flac_frame(number: int, size: int, rate: int, channels: int = 1) -> bytes:
    """A frame of a constant sound: a few bytes for up to 65,536 samples."""
    coded = chr(number).encode("utf-8", "surrogatepass") if number < 0x10000 else chr(number).encode()
    head = b"\xff\xf8\x7d" + bytes([channels - 1 << 4 | 8]) + coded + struct.pack(">HH", size - 1, rate)
    check = 0
    for byte in head:
        check = _CRC8[check ^ byte]
    body = head + bytes([check]) + (b"\0" + struct.pack(">h", 9000 - number % 2 * 18_000)) * channels
    check = 0
    for byte in body:
        check = (check << 8 & 0xFF00) ^ _CRC16[check >> 8 ^ byte]
    return body + struct.pack(">H", check)


def flac(num_bytes: int, *, size: int, rates: tuple[int, ...], channels: int = 1, announced_s: int = 0) -> bytes:
    """A FLAC file of constant frames, whose rates take turns."""
    form = rates[0] << 44 | channels - 1 << 41 | 15 << 36 | announced_s * rates[0]
    info = struct.pack(">HH", 16, 65_535) + bytes(6) + form.to_bytes(8, "big") + bytes(16)
    length = len(flac_frame(0, size, rates[0], channels)) + 2
    frames = (flac_frame(number, size, rates[number % len(rates)], channels) for number in range(num_bytes // length))
    return b"fLaC\x80" + len(info).to_bytes(3, "big") + info + b"".join(frames)


@cache
def song(ending: str) -> bytes:
    """An intact song of 3 s."""
    from emomusic.media.images import encode_png

    cover = encode_png(np.zeros((8, 8, 3), np.uint8)) if ending in ("mp3", "flac") else None
    return song_bytes(ending, 3, cover=cover)


SONG_BOMBS: dict[str, Callable[[], bytes]] = {
    "jumps.flac": lambda: flac(100_000, size=16, rates=(8000, 44_100, 16_000)),
    "long-jumps.flac": lambda: flac(100_000, size=65_535, rates=(4000, 48_000)),
    "announced-jumps.flac": lambda: flac(400_000, size=16, rates=(8000, 44_100), announced_s=3600),
    "long.flac": lambda: flac(400_000, size=65_535, rates=(65_000,), channels=8, announced_s=99_999),
    "slow.flac": lambda: flac(100_000, size=65_535, rates=(4000,)),
    "short-frames.flac": lambda: flac(400_000, size=16, rates=(44_100,), announced_s=600),
    "nested.mp3": lambda: b"ID3\4\0\0\0\0\0\0" * 100_000,
    "nested-ape.mp3": lambda: (b"APETAGEX" + bytes(24)) * 30_000,
    "large-tag.mp3": lambda: b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(9999),
    "fast.wav": lambda: wav(bytes(range(256)) * 99, rate=2**31 - 1),
    "channels.wav": lambda: wav(bytes(range(256)) * 99, channels=500),
}

# Films, tables, profiles and archives

FILMS = tuple(FILM_CODECS)


@cache
def film(ending: str) -> bytes:
    """An intact film of two shots with sound, where the format has any."""
    shades = (0, 99, 180, 240) * 5
    frames = [np.full((48, 64, 3), shade, np.uint8) for shade in shades]
    write_frames(out := io.BytesIO(), frames, ending=ending, audio=FILM_CODECS[ending][1])
    return out.getvalue()


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(buffer, "JPEG")
    return buffer.getvalue()


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


def gif_of(width: int, height: int) -> bytes:
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    image = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\x00"
    return screen + image * 2 + b";"


def large_film() -> bytes:
    """A film of 5000x5000 pixels."""
    buffer = io.BytesIO()
    write_frames(buffer, [np.zeros((5000, 5000, 3), np.uint8)] * 2, ending="mp4")
    return buffer.getvalue()


FILM_BOMBS: dict[str, Callable[[], bytes]] = {
    "wide.gif": lambda: gif_of(4097, 2304),  # just above the limit
    "large.mp4": large_film,
    "claims.mov": lambda: jpeg_film([jpeg_claiming(65_500, 65_500)] * 9),
}


@cache
def table() -> bytes:
    return mood_table().to_csv(index=False).encode()


def profile(value: str = "0.5") -> bytes:
    """A profile whose numbers have this value."""
    numbers = [1 / 32] * 1024  # of length 1
    fields = {"format": "emomusic face profile", "version": 2, "model": "emonet_photo", "model_sha256": "0" * 64}
    faces = {"neutral": "NUMBERS"}
    text = json.dumps({**fields, "shots": {"neutral": 1}, "faces": faces, "identity": numbers})
    return text.replace('"NUMBERS"', f"[{', '.join([value] * 7)}]").encode()


@cache
def archive(ending: str) -> bytes:
    """An archive with a picture."""
    with ExitStack() as stack:
        out = io.BytesIO()
        if ending == "zip":
            stack.enter_context(zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)).writestr("a.png", picture("png"))
        else:
            info = tarfile.TarInfo("a.png")
            info.size = len(picture("png"))
            mode = f"w{ending.removeprefix('tar').replace('.', ':')}"
            tar = stack.enter_context(tarfile.open(fileobj=out, mode=mode))  # type: ignore[call-overload]
            tar.addfile(info, io.BytesIO(picture("png")))
    return out.getvalue()


def _zip_of(name: str, num_bytes: int) -> bytes:
    with (
        zipfile.ZipFile(out := io.BytesIO(), "w", zipfile.ZIP_DEFLATED, compresslevel=1) as holder,
        holder.open(name, "w") as member,
    ):
        for _ in range(num_bytes // 2**20):
            member.write(bytes(2**20))
    return out.getvalue()


ARCHIVES = ("zip", "tar", "tar.gz", "tar.xz")
TABLE_BOMBS: dict[str, Callable[[], bytes]] = {
    "rows.csv": lambda: b"title,artist,mood\n" + b"a,b,sad\n" * 4_900_000,
    "cell.csv": lambda: b"title,artist,mood\n" + b"a" * 20_000_000 + b",b,sad\n",
    "columns.csv": lambda: b"a," * 2_000_000 + b"\n" + b"1," * 2_000_000,
    "quote.csv": lambda: b'title,artist,mood\n"' + b"a,b,sad\n" * 1_000_000,
    "zeros.csv": lambda: bytes(20_000_000),
    "blank.csv": lambda: b"title,artist,mood\n" + b"\n" * 20_000_000,
}
PROFILE_BOMBS: dict[str, Callable[[], bytes]] = {
    "large.json": lambda: profile("1e308"),
    "huge.json": lambda: profile("1e999"),
    "nan.json": lambda: profile("NaN"),
    "nested.json": lambda: b"[" * 500_000,
    "long.json": lambda: b'{"format": "' + b"a" * 50_000_000 + b'"}',
}
ARCHIVE_BOMBS: dict[str, Callable[[], bytes]] = {
    "film.zip": lambda: _zip_of("a.mp4", 501 * 2**20),
    "picture.zip": lambda: _zip_of("a.png", 100 * 2**20),
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


Makes = dict[str, Callable[[], bytes]]

KINDS: dict[str, tuple[Makes, Makes]] = {
    "pictures": (PICTURE_BOMBS, {name: partial(picture, name) for name in PICTURES}),
    "songs": (SONG_BOMBS, {name: partial(song, name) for name in SONGS}),
    "films": (FILM_BOMBS, {name: partial(film, name) for name in FILMS}),
    "tables": (TABLE_BOMBS, {"csv": table}),
    "profiles": (PROFILE_BOMBS, {"json": profile}),
    "archives": (ARCHIVE_BOMBS, {name: partial(archive, name) for name in ARCHIVES}),
}
"""The files that ask for much, and the intact ones, of each kind."""


def hostile_files(kind: str, number: int, seed: int = 0) -> Iterator[File]:
    """All files of a kind that ask for much, and damaged ones up to this number."""
    bombs, intact = KINDS[kind]
    for name, make in bombs.items():
        yield name, make()
    rng = random.Random(seed)
    contents = {name: make() for name, make in intact.items()}
    names = list(contents)
    for count in range(number - len(bombs)):
        name = names[count % len(names)]
        yield f"{count:03d}.{name}", damaged(contents[name], list(contents.values()), rng)


def is_one_sentence(message: str) -> bool:
    """Whether a message is one short sentence without a path. Quoted names and numbers may have points."""
    text = re.sub(r"\d\.\d|'[^']*'", "0", message)
    return re.fullmatch(r"[0A-Z][^.!?\n/\\]*\.", text) is not None and len(text) < 160
