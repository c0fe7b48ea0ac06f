"""Training and evaluation of the head that hears mood; writes the files that the app shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emomusic.assets import SPEC, ModelKind, folder_of, models_dir, write_json
from emomusic.baselines import baselines_of
from emomusic.errors import DatasetError
from emomusic.media.audio_file import read_song
from emomusic.media.formats import AUDIO_ENDINGS, has_ending
from emomusic.media.sound import LEVEL_DB
from emomusic.metrics import expected_calibration_error, mistakes, score
from emomusic.runtime import num_cores
from emomusic.songs.cross_validation import CrossValidation, Examples, cross_validate, fill_card, train
from emomusic.songs.hearing import (
    HEAD,
    MODEL,
    NETWORK,
    QUADRANTS,
    SoundHead,
    directions,
    hear_windows,
    kernel,
    summary_of,
)

SEED = 0
_C = 0.003  # of ten folds, see docs/experiments.md, as the next two
_RIDGE = 0.1
_SHARPNESS = 5.0  # of the kernel's scores, which are shares of a quadrant
_MIN_SCALE = 1e-3  # of a feature that hardly changes
_KEPT = (NETWORK.name, "LICENSE")  # which the training does not write


def read_clips(folder: Path, on_progress: Callable[[int, int], None]) -> Examples:
    """Hear all audio files in `folder`/Q1 to `folder`/Q4.

    Args:
        folder: holds one folder for each quadrant.
        on_progress: takes the numbers of heard files and of all.

    Raises:
        DatasetError: a quadrant has no audio file.
        AudioError: a file cannot be decoded.
    """
    files = [
        (path, label)
        for label, quadrant in enumerate(QUADRANTS)
        for path in sorted((folder / quadrant).glob("*"))
        if has_ending(path.name, AUDIO_ENDINGS)
    ]
    labels = np.array([label for _, label in files], np.int64)
    if len(set(labels.tolist())) < len(QUADRANTS):
        raise DatasetError(f"expected audio files in {folder}/Q1 to Q4. Received: {len(files)} files")
    heard = []
    with ThreadPoolExecutor(num_cores(), thread_name_prefix="clips") as threads:
        for each in threads.map(_heard, [path for path, _ in files]):
            heard.append(each)
            on_progress(len(heard), len(files))
    summaries, checksums = zip(*heard, strict=True)
    return Examples(np.stack(summaries), labels, checksums)


def _heard(path: Path) -> tuple[npt.NDArray[np.float32], str]:
    features = hear_windows(read_song(path).windows)[2]
    return summary_of(features), hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def fit_head(summaries: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> SoundHead:
    """Fit standardization, logistic regression and kernel ridge regression, and average the logits of both.

    Args:
        summaries: shape (n, f).
        labels: shape (n,): positions in `QUADRANTS`.
    """
    from sklearn.linear_model import LogisticRegression

    mean, scale = summaries.mean(axis=0), np.maximum(summaries.std(axis=0), _MIN_SCALE)
    standardized = (summaries - mean) / scale
    linear = LogisticRegression(C=_C, max_iter=1000).fit(standardized, labels)
    clips = directions(standardized)
    similarities = kernel(clips, clips)
    targets = np.eye(len(QUADRANTS))[labels] - 1 / len(QUADRANTS)
    scores = np.linalg.solve(similarities + _RIDGE * np.eye(len(clips)), targets)
    weights = (linear.coef_.T / 2, linear.intercept_ / 2, scores * _SHARPNESS / 2)
    linear_weights, bias, kernel_weights = (each.astype(np.float32) for each in weights)
    return SoundHead(mean, scale, linear_weights, bias, clips, kernel_weights)


def cross_validate_head(clips: Examples) -> CrossValidation:
    """Result of repeated ten-fold cross-validation. `macro_f1` and `accuracy` are means over the repeats.

    Raises:
        DatasetError: a quadrant has fewer than ten clips.
    """
    found = cross_validate(MODEL, clips, QUADRANTS, lambda *known: fit_head(*known).probabilities, seed=SEED)
    f1s = [score(clips.labels, repeat.argmax(axis=1), QUADRANTS).macro_f1 for repeat in found.repeated_probabilities]
    mean, std = found.metrics["accuracy"].values()
    found.metrics.update(accuracy=mean, accuracy_std=std, macro_f1=float(np.mean(f1s)), macro_f1_std=float(np.std(f1s)))
    return found


def evaluate_sound(clips: Examples) -> dict[str, Any]:
    """Metrics on clips: of ten folds if the bundled head was fitted to some of them, otherwise of the bundled head.

    Returns:
        `model`, `n`, `folds` (0 for the bundled head), `accuracy`, `macro_f1`, `per_class`, `confusion` (rows are true)
        and `calibration_error`.
    """
    folder = folder_of(ModelKind.SOUND, MODEL)
    spec = json.loads((folder / SPEC).read_text(encoding="utf-8")) if (folder / SPEC).is_file() else {}
    if not spec or set(spec["clips"]) & set(clips.checksums):
        return cross_validate_head(clips).metrics
    probabilities = SoundHead.load(folder / HEAD).probabilities(clips.inputs)
    figures = score(clips.labels, probabilities.argmax(axis=1), QUADRANTS).as_dict()
    error = expected_calibration_error(clips.labels, probabilities)
    return {"model": MODEL, "n": len(clips.labels), "folds": 0, **figures, "calibration_error": error}


def train_sound(clips: Examples, out: Path) -> dict[str, Any]:
    """Cross-validate the head, fit it to all clips and write its files.

    Args:
        clips: of `read_clips`.
        out: folder for `head.npz`, `spec.json`, `metrics.json`, `predictions.npz` and `CARD.md`.

    Returns:
        Content of `metrics.json`.

    Raises:
        DatasetError: a quadrant has fewer than ten clips.
        ModelError: the folder contains other files or is not writable.
    """

    def save(new: Path) -> dict[str, Any]:
        fit_head(clips.inputs, clips.labels).save(new / HEAD)
        write_json(new / SPEC, {"name": MODEL, "classes": list(QUADRANTS), "clips": sorted(clips.checksums)})
        return {"bytes": sum(path.stat().st_size for path in (models_dir() / NETWORK, new / HEAD))}

    evaluate = partial(cross_validate_head, clips)
    return train(ModelKind.SOUND, out, [HEAD, *_KEPT], evaluate, save=save, card=_card)


def _card(metrics: dict[str, Any]) -> str:
    errors = mistakes(np.array(metrics["confusion"]), QUADRANTS)
    return fill_card(
        "sound_card.md",
        metrics,
        ".1%",
        "quadrant",
        published=baselines_of(ModelKind.SOUND, MODEL)[0].figure,
        level=LEVEL_DB,
        worst=f"{errors[0].predicted} for {errors[0].true}" if errors else "none",
    )
