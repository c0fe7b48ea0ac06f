"""Write `data/band/`: the loops that a face conducts, from the notes in `scripts/band.toml`, and how the mixes sound.

    apt-get install fluidsynth fluid-soundfont-gm
    python -m scripts.build_band

Each layer of a style has a minor and a major version. All loops of a style have the same length and loudness.
"""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from scipy.signal import butter, resample_poly, sosfilt

from emomusic.assets import data_dir, write_checksums, write_json
from emomusic.media.sound import SAMPLE_RATE, Window
from emomusic.songs.hearing import load_sound_model

NOTES = Path(__file__).with_name("band.toml")
SOUNDFONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"
RATE, BIT_RATE = 48_000, 29_000  # bits of each channel
BARS, STEPS, TICKS = 8, 16, 24  # ticks of a step
TAIL_S, MARGIN_S = 6.0, 0.25
LOUDNESS_DB, SERVICE_DB = -20.0, -14.0  # LUFS
LAYERS = {"pad": 2, "bass": 1, "lead": 2, "drums": 1}  # channels
LOOPS = tuple(f"{layer}{version}" for layer in LAYERS for version in ("Minor", "Major"))
DRUMS = {"kick": 36, "snare": 38, "clap": 39, "closed": 42, "open": 46, "crash": 49, "ride": 51, "tambourine": 54}
ACCENTS = (12, -10, 0, -6)  # velocity of the steps of a beat
VALENCES, AROUSALS = (-0.6, -0.3, 0.0, 0.3, 0.6), (-0.3, -0.15, 0.0, 0.15, 0.3, 0.45, 0.6)  # most faces

Sound = npt.NDArray[np.float32]
"""Shape (n, channels)."""

Event = tuple[int, bytes]
"""Tick and MIDI message."""


def pitch_of(note: str, flats: str, *, lower: int) -> int:
    """The number of a note such as "C4", `lower` letters further down in the key."""
    octave, letter = divmod("CDEFGAB".index(note[0]) + 7 * int(note[1:]) - lower, 7)
    return 12 * (octave + 1) + (0, 2, 4, 5, 7, 9, 11)[letter] - ("CDEFGAB"[letter] in flats)


def melody(layer: Mapping[str, Any], flats: str, version: int) -> list[Event]:
    """The notes of one version, 0 for minor, on a channel for each of its programs."""
    programs = layer["programs"][version]
    lower, shift = (0, 0) if version else (2, 12 * layer["octaves"])
    events = [(0, bytes([0xC0 + channel, program])) for channel, program in enumerate(programs)]
    step = 0
    for token in layer["notes"].split():
        chord, length = token.split(":")
        velocity = layer["velocity"] + ACCENTS[step % 4] // 2
        for note in () if chord == "." else chord.split("+"):
            pitch = pitch_of(note, flats, lower=lower) + shift
            for channel in range(len(programs)):
                events.append((step * TICKS, bytes([0x90 + channel, pitch, velocity])))
                events.append(((step + int(length)) * TICKS - 1, bytes([0x80 + channel, pitch, 0])))
        step += int(length)
    return events


def beats(layer: Mapping[str, Any], version: int) -> list[Event]:
    """The pattern of one version of the drums in each bar, with a fill of the snare in the last one."""
    drums = layer["major" if version else "minor"]
    events = [(0, bytes([0xC9, layer["kits"][version]]))]
    for bar in range(BARS):
        for name in DRUMS.keys() & drums.keys():
            pattern = drums["fill"] if bar == BARS - 1 and name == "snare" else drums[name]
            for step in (step for step in range(STEPS) if pattern[step] == "x"):
                message = bytes([0x99, DRUMS[name], 100 + ACCENTS[step % 4]])
                events.append(((bar * STEPS + step) * TICKS, message))
    return events


def midi_of(events: list[Event], tempo_bpm: int) -> bytes:
    """A MIDI file of one track, with silence for the tail."""
    tempo = b"\xff\x51\x03" + round(60e6 / tempo_bpm).to_bytes(3)
    end = BARS * STEPS * TICKS + round(TAIL_S * tempo_bpm / 60 * 4 * TICKS)
    track, now = b"", 0
    for tick, message in [(0, tempo), *sorted(events, key=lambda event: event[0]), (end, b"\xff\x2f\x00")]:
        delta, now = tick - now, tick
        track += bytes([0x80 | delta >> 14, 0x80 | delta >> 7 & 0x7F, delta & 0x7F]) + message
    header = b"MThd" + (6).to_bytes(4) + b"\0\0\0\1" + (4 * TICKS).to_bytes(2)
    return header + b"MTrk" + len(track).to_bytes(4) + track


def loop_length(tempo_bpm: int) -> int:
    """Samples of a loop."""
    return BARS * STEPS // 4 * 60 * RATE // tempo_bpm


def render(events: list[Event], tempo_bpm: int, channels: int) -> Sound:
    """The seamless loop of some events, at `LOUDNESS_DB`: what sounds after its end is added to its start."""
    with tempfile.TemporaryDirectory() as folder:
        notes, sound = Path(folder) / "notes.mid", Path(folder) / "sound.raw"
        notes.write_bytes(midi_of(events, tempo_bpm))
        options = ["-o", "synth.chorus.active=0", "-g", "0.5", "-r", str(RATE), "-T", "raw", "-O", "float"]
        subprocess.run(["fluidsynth", "-qni", *options, "-F", sound, SOUNDFONT, notes], check=True)
        samples = np.fromfile(sound, np.float32).reshape(-1, 2)
    length = loop_length(tempo_bpm)
    loop, tail = samples[:length].copy(), samples[length : 2 * length]
    loop[: len(tail)] += tail
    loop = loop.reshape(length, channels, -1).mean(axis=2)
    return loop * np.float32(10 ** ((LOUDNESS_DB - loudness_db(loop)) / 20))


def loudness_db(sound: Sound) -> float:
    """Loudness of the whole sound in LUFS, by the filters of ITU-R BS.1770 at 48 kHz. Mono plays on two channels."""
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585]
    high_pass = [1, -2, 1, 1, -1.99004745483398, 0.99007225036621]
    power = np.mean(sosfilt([shelf, high_pass], sound, axis=0) ** 2)
    return float(-0.691 + 10 * np.log10(2 * power))


def write_loop(path: Path, loop: Sound) -> None:
    """Write an Opus file without tags, with a margin on both sides, which a player blends into its start."""
    margin, layout = round(MARGIN_S * RATE), ("mono", "stereo")[loop.shape[1] - 1]
    sound = np.concatenate([loop[-margin:], loop, loop[:margin]]).T
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as output:
        stream: Any = output.add_stream("libopus", rate=RATE, layout=layout, bit_rate=BIT_RATE * len(sound))
        stream.codec_context.open()
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), "fltp", layout)
        frame.sample_rate = RATE
        parts = av.AudioResampler(stream.format, layout, RATE, frame_size=stream.codec_context.frame_size)
        for part in [*parts.resample(frame), *parts.resample(None), None]:
            output.mux(stream.encode(part))


def levels_of(arousal: float) -> dict[str, float]:
    """The level of each layer: together they are as loud at every place."""
    levels = {
        "pad": 1 - 0.7 * ramp(arousal, 0, 0.4),
        "bass": 0.5 * ramp(arousal, 0.15, 0.5),
        "lead": 0.4 * ramp(arousal, 0.2, 0.6),
        "drums": 1.2 * ramp(arousal, 0, 0.6),
    }
    norm = math.hypot(*levels.values())
    return {layer: level / norm for layer, level in levels.items()}


def place_gains(valence: float, arousal: float) -> tuple[dict[str, float], float]:
    """The gain of each loop, and the cutoff of the low-pass filter in Hz: the law of `emomusic/app/browser/band.js`."""
    levels, angle = levels_of(arousal), ramp(valence, -0.5, 0.5) * math.pi / 2
    shares = {"Minor": math.cos(angle), "Major": math.sin(angle)}
    gains = {f"{layer}{version}": levels[layer] * shares[version] for layer in levels for version in shares}
    return gains, 700 * 22 ** ramp(arousal, -0.5, 0.6)


def ramp(value: float, start: float, end: float) -> float:
    """From 0 at `start` to 1 at `end`."""
    return min(max((value - start) / (end - start), 0.0), 1.0)


def mix(loops: Mapping[str, Sound], valence: float, arousal: float) -> Sound:
    """What plays at a place, shape (n, 2), from the loops by name."""
    gains, cutoff_hz = place_gains(valence, arousal)
    total = sum(np.float32(gains[name]) * np.broadcast_to(loop, (len(loop), 2)) for name, loop in loops.items())
    low_pass = butter(2, cutoff_hz, fs=RATE, output="sos")
    return np.asarray(sosfilt(low_pass, np.concatenate([total, total]), axis=0)[len(total) :], np.float32)


def hear(sound: Sound) -> tuple[float, float]:
    """The valence and arousal that the model of sound hears, at the loudness of music services."""
    louder = np.clip(sound * 10 ** ((SERVICE_DB - LOUDNESS_DB) / 20), -1, 1)
    mono = resample_poly(louder.mean(axis=1), SAMPLE_RATE, RATE).astype(np.float32)
    heard = load_sound_model().analyse([Window(0.0, mono)])
    return heard.valence, heard.arousal


def hear_axes(loops: Mapping[str, Sound]) -> dict[str, list[tuple[float, float]]]:
    """What the model of sound hears in the mixes of a style: means along both axes."""
    heard = np.array([[hear(mix(loops, valence, arousal)) for arousal in AROUSALS] for valence in VALENCES]).round(3)
    return {
        "valence": list(zip(VALENCES, heard[..., 0].mean(axis=1).round(3).tolist(), strict=True)),
        "arousal": list(zip(AROUSALS, heard[..., 1].mean(axis=0).round(3).tolist(), strict=True)),
    }


def read_files(style: str) -> dict[str, Sound]:
    """The files of a style, with their margins."""
    sounds = {}
    for name in LOOPS:
        with av.open(str(data_dir() / "band" / f"{style}-{name}.opus")) as file:
            sounds[name] = np.concatenate([frame.to_ndarray() for frame in file.decode(audio=0)], axis=1).T
    return sounds


def blended(files: Mapping[str, Sound]) -> dict[str, Sound]:
    """The loops as the browser plays them: the margin after the end is blended into the start."""
    margin = round(MARGIN_S * RATE)
    shares = np.linspace(0, 1, margin, endpoint=False)[:, None]
    loops = {name: sound[margin:-margin].copy() for name, sound in files.items()}
    for name, loop in loops.items():
        loop[:margin] = files[name][-margin:] * (1 - shares) + loop[:margin] * shares
    return loops


def build_style(folder: Path, name: str, notes: Mapping[str, Any]) -> dict[str, Any]:
    """Write the loops of a style and hear its mixes; its entry in `band.json`, with the means along both axes."""
    tempo_bpm, loops = notes["tempo_bpm"], {}
    for loop, (layer, version) in zip(LOOPS, itertools.product(LAYERS, (0, 1)), strict=True):
        part = notes[layer]
        events = beats(part, version) if layer == "drums" else melody(part, notes["flats"], version)
        loops[loop] = render(events, tempo_bpm, LAYERS[layer])
        write_loop(folder / f"{name}-{loop}.opus", loops[loop])
    curves = hear_axes(loops)
    print(name, curves)
    length_s = loop_length(tempo_bpm) / RATE
    return {"name": name, "key": notes["key"], "tempo_bpm": tempo_bpm, "length_s": length_s, "heard": curves}


def main() -> None:
    """Build all styles. With `--hear`, only hear the loops that ship again, with another model of sound."""
    folder = data_dir() / "band"
    if "--hear" in sys.argv:
        shipped = json.loads((folder / "band.json").read_text(encoding="utf-8"))["styles"]
        styles = [style | {"heard": hear_axes(blended(read_files(style["name"])))} for style in shipped]
    else:
        styles = [build_style(folder, *style) for style in tomllib.loads(NOTES.read_text(encoding="utf-8")).items()]
    write_json(folder / "band.json", {"loops": LOOPS, "margin_s": MARGIN_S, "styles": styles})
    write_checksums(folder)


if __name__ == "__main__":
    main()
