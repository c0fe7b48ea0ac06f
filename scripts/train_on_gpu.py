"""Train the last stage of the preset `faces` on a GPU, with pictures and augmentation on it, in seconds.

    KERAS_BACKEND=jax python -m scripts.train_on_gpu fer2013.csv POSED_FACES START.keras OUT.npz
        [--leave-out COLLECTION] [--all]

The recipe is that of `train face --network emonet_photo --preset faces`. START.keras is a model of the preset `photo`.
The changes of pictures are drawn in JAX: rotation, zoom, shift, mirror image, lost detail, tones, JPEG by its quantised
cosines, and erased rectangles. OUT.npz has the averaged weights as `<layer>/<number>`, before the initial weights take
their share. This is the tidied code that gave the weights in use, with `--all`, which holds out nobody, and the numbers
for people whom the network has not met, with `--leave-out cfee` and `--leave-out taiwan`. It needs JAX and Keras, not
TensorFlow.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import jax
import jax.numpy as jnp
import keras
import numpy as np

from emomusic.affect import EMOTIONS
from emomusic.faces.detection import MtcnnDetector
from emomusic.faces.fer2013 import SIDE, Split, read_split
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.training.ferplus import vote_shares
from emomusic.training.networks import NETWORKS
from emomusic.training.posed import read_posed_faces
from emomusic.training.presets import PRESETS

CONFIG = PRESETS["faces"][-1]
_CHUNK = 80  # steps in one compiled loop
_ROWS, _COLUMNS = (jnp.asarray(each - (SIDE - 1) / 2, jnp.float32) for each in np.mgrid[:SIDE, :SIDE])
_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
_STEPS = jnp.asarray(np.tile(_LUMINANCE, (SIDE // 8, SIDE // 8)), jnp.float32)
_WAVE = [[np.sqrt((1 + (k > 0)) / 8) * np.cos((2 * n + 1) * k * np.pi / 16) for n in range(8)] for k in range(8)]
_COSINES = jnp.asarray(np.kron(np.eye(SIDE // 8), np.array(_WAVE)), jnp.float32)


def detail_maps() -> jax.Array:
    """Matrices that reduce or blur a picture when applied to its rows and columns; the first changes nothing."""
    eye = np.eye(SIDE, dtype=np.float32)
    maps = [eye]
    for side in range(SIDE // 3, SIDE, 2):
        smaller = cv2.resize(eye, (SIDE, side), interpolation=cv2.INTER_AREA)
        maps.append(cv2.resize(np.eye(side, dtype=np.float32), (side, SIDE), interpolation=cv2.INTER_LINEAR) @ smaller)
    maps += [cv2.GaussianBlur(eye, (1, 5), 0, sigmaY=sigma) for sigma in np.linspace(0.4, 1.4, 16)]
    return jnp.asarray(np.stack(maps))


def sample(images: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Images read at positions, between pixels linearly, with repeated borders."""
    rows, columns = (jnp.clip(each, 0, SIDE - 1.001) for each in (rows, columns))
    top, left = jnp.floor(rows).astype(jnp.int32), jnp.floor(columns).astype(jnp.int32)
    down, right = rows - top, columns - left
    flat, places = images.reshape(len(images), -1), (top * SIDE + left).reshape(len(images), -1)

    def pixels(offset: int) -> jax.Array:
        return jnp.take_along_axis(flat, places + offset, axis=1).reshape(rows.shape)

    upper = (1 - right) * pixels(0) + right * pixels(1)
    return (1 - down) * upper + down * ((1 - right) * pixels(SIDE) + right * pixels(SIDE + 1))


def augment(key: jax.Array, images: jax.Array, maps: jax.Array) -> jax.Array:
    """Images, shape (n, side, side), 0 to 255, changed as by `training.augmentation`."""
    by, keys = CONFIG.augmentation, iter(jax.random.split(key, 20))

    def draw(low: float = -1.0, high: float = 1.0) -> jax.Array:
        return jax.random.uniform(next(keys), (len(images), 1, 1), minval=low, maxval=high)

    angle, zoom = draw() * by.rotation_degrees * jnp.pi / 180, jnp.exp(draw(*np.log(by.scale)))
    columns, rows = _COLUMNS - draw() * by.shift * SIDE, _ROWS - draw() * by.shift * SIDE
    mirror = jnp.where(draw(0) < by.flip, -1.0, 1.0)
    across = (jnp.cos(angle) * columns + jnp.sin(angle) * rows) / zoom * mirror
    images = sample(
        images, (jnp.cos(angle) * rows - jnp.sin(angle) * columns) / zoom + (SIDE - 1) / 2, across + (SIDE - 1) / 2
    )
    chosen = jax.random.randint(next(keys), (len(images),), 1, len(maps))
    lost = maps[jnp.where(draw(0)[:, 0, 0] < by.low_resolution, chosen, 0)]
    tones = jnp.clip(jnp.einsum("bij,bjk,blk->bil", lost, images, lost) / 255, 0, 1)
    tones = tones ** jnp.exp(draw() * np.log1p(by.gamma))
    tones = (tones - 0.5) * (1 + draw() * by.contrast) + 0.5 + draw() * by.contrast / 2
    images = jnp.clip(tones, 0, 1) * 255
    quality = draw(25, 80)
    steps = jnp.maximum(_STEPS * jnp.where(quality < 50, 50 / quality, 2 - quality / 50), 1)
    waves = jnp.round(jnp.einsum("ij,bjk,lk->bil", _COSINES, images - 128, _COSINES) / steps) * steps
    packed = jnp.clip(jnp.einsum("ji,bjk,kl->bil", _COSINES, waves, _COSINES) + 128, 0, 255)
    images = jnp.where(draw(0) < by.jpeg, packed, images)
    area, aspect = draw(0.02, 0.2) * SIDE * SIDE, jnp.exp(draw() * np.log(2.5))
    height, width = jnp.sqrt(area * aspect), jnp.sqrt(area / aspect)
    top, left = (draw(0) * (SIDE - each) - (SIDE - 1) / 2 for each in (height, width))
    inside = (top <= _ROWS) & (top + height > _ROWS) & (left <= _COLUMNS) & (left + width > _COLUMNS)
    return jnp.where(inside & (draw(0) < by.erase), draw(0, 255), images)


def compiled(model: keras.Model, images: np.ndarray, targets: np.ndarray) -> Any:
    """A function that trains for some steps; its state are weights, other variables, momenta and averages."""
    maps, pictures, wanted = detail_maps(), jnp.asarray(images), jnp.asarray(targets)
    is_kernel = ["kernel" in variable.path for variable in model.trainable_variables]

    def loss(weights: Any, state: Any, x: jax.Array, y: jax.Array) -> tuple[jax.Array, Any]:
        answers, state = model.stateless_call(weights, state, x[..., None], training=True)
        return -(y * jax.nn.log_softmax(answers.astype(jnp.float32))).sum(axis=1).mean(), state

    @jax.jit
    def run(carry: Any, steps: Any) -> tuple[Any, jax.Array]:
        def step(carry: Any, inputs: Any) -> tuple[Any, jax.Array]:
            weights, state, momenta, average = carry
            chosen, rate, share, key = inputs
            changes, order = jax.random.split(key)
            partner = jax.random.permutation(order, len(chosen))
            x, y = jnp.round(augment(changes, pictures[chosen].astype(jnp.float32), maps)), wanted[chosen]
            x, y = share * x + (1 - share) * x[partner], share * y + (1 - share) * y[partner]
            y = y * (1 - CONFIG.label_smoothing) + CONFIG.label_smoothing / len(EMOTIONS)
            (value, state), gradients = jax.value_and_grad(loss, has_aux=True)(weights, state, x, y)
            momenta = [0.9 * momentum + gradient for momentum, gradient in zip(momenta, gradients, strict=True)]
            weights = [
                weight - rate * (gradient + 0.9 * momentum + CONFIG.weight_decay * kernel * weight)
                for weight, gradient, momentum, kernel in zip(weights, gradients, momenta, is_kernel, strict=True)
            ]
            average = [
                CONFIG.ema_momentum * mean + (1 - CONFIG.ema_momentum) * weight
                for mean, weight in zip(average, weights, strict=True)
            ]
            return (weights, state, momenta, average), value

        return jax.lax.scan(step, carry, steps)

    return run


def train(images: np.ndarray, targets: np.ndarray, epoch: np.ndarray, start: keras.Model) -> dict[str, np.ndarray]:
    """The averaged weights after all epochs; `epoch` has the positions of the pictures of one."""
    keras.utils.set_random_seed(CONFIG.seed)
    built = NETWORKS[DEFAULT_MODEL].build(CONFIG.precision)
    for layer in start.layers:
        if layer.name != "dropout":
            built.get_layer(layer.name).set_weights(layer.get_weights())
    logits = keras.layers.Activation("linear", dtype="float32")(built.get_layer("logits").output)
    model = keras.Model(built.inputs, logits)
    run = compiled(model, images, targets)
    weights = [jnp.array(variable.value) for variable in model.trainable_variables]
    state = [jnp.array(variable.value) for variable in model.non_trainable_variables]
    carry = (weights, state, [jnp.zeros_like(weight) for weight in weights], [jnp.array(weight) for weight in weights])
    chunks = max(1, round(len(epoch) / CONFIG.batch_size / _CHUNK))
    total = CONFIG.epochs * chunks * _CHUNK
    warm, step = max(1, int(total * CONFIG.warmup)), np.arange(total)
    falling = 1e-3 + (1 - 1e-3) * (1 + np.cos(np.pi * (step - warm) / (total - warm))) / 2
    rates = CONFIG.learning_rate * np.where(step < warm, 1 / 25 + (1 - 1 / 25) * step / warm, falling)
    rng, key = np.random.default_rng(CONFIG.seed), jax.random.PRNGKey(CONFIG.seed)
    for number in range(CONFIG.epochs):
        order = np.resize(rng.permutation(epoch), (chunks, _CHUNK, CONFIG.batch_size))
        for chunk, chosen in enumerate(order):
            key, own = jax.random.split(key)
            first = (number * chunks + chunk) * _CHUNK
            shares = rng.beta(CONFIG.mixup, CONFIG.mixup, _CHUNK)
            keys = jax.random.split(own, _CHUNK)
            rate = jnp.asarray(rates[first : first + _CHUNK], jnp.float32)
            carry, values = run(carry, (jnp.asarray(chosen), rate, jnp.asarray(shares, jnp.float32), keys))
        print(f"epoch {number + 1}: loss {float(values.mean()):.3f}", flush=True)
    for variable, value in zip(model.trainable_variables, carry[3], strict=True):
        variable.assign(value)
    for variable, value in zip(model.non_trainable_variables, carry[1], strict=True):
        if variable.name != "seed_generator_state":
            variable.assign(value)
    return {
        f"{layer.name}/{number}": np.asarray(weight, np.float16)
        for layer in built.layers
        if layer.name != "dropout"
        for number, weight in enumerate(layer.get_weights())
    }


def main() -> None:
    """Write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fer2013", type=Path)
    parser.add_argument("posed_faces", type=Path)
    parser.add_argument("start", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--leave-out", default="", help="a collection")
    parser.add_argument("--all", action="store_true", help="hold out no person")
    options = parser.parse_args()
    faces = read_split(options.fer2013, Split.TRAIN)
    posed = read_posed_faces(options.posed_faces, MtcnnDetector())
    posed = posed.where(posed.collections != options.leave_out)
    if not options.all:
        posed, _ = posed.split()
    labelled, votes = np.eye(len(EMOTIONS), dtype=np.float32)[faces.labels], vote_shares(faces.images)
    votes = np.where(votes.any(axis=1, keepdims=True), votes, labelled)
    counts = np.bincount(faces.labels)
    times = np.round((counts.max() / counts) ** CONFIG.oversampling).astype(int)
    epoch = np.repeat(np.arange(len(faces.labels)), times[faces.labels])
    epoch = np.concatenate([epoch, np.tile(len(faces.labels) + np.arange(len(posed)), CONFIG.posed)])
    targets = np.concatenate([CONFIG.votes * votes + (1 - CONFIG.votes) * labelled, posed.shares])
    start = keras.saving.load_model(options.start, compile=False, safe_mode=True)
    np.savez(options.out, **train(np.concatenate([faces.images, posed.images]), targets, epoch, start))


if __name__ == "__main__":
    main()
