"""The likelihood that the network is trained by, as part of a TensorFlow program (`detectors.network.density` in numpy)."""

from __future__ import annotations

from typing import Any, Final

from detectors.network.density import LOG_WIDTH_RANGE, NEIGHBOUR_SHARE
from detectors.network.layout import CHANNELS, COMPONENTS, TRAINED
from detectors.training.tensorflow import tf

_FLOOR: Final = 1e-7
"""Probability that no value falls short of: a single wild one must not decide a step."""


def log_probability(z: Any, half_cell: Any, shift: Any, shape: Any) -> Any:
    """Return float32[B, 50, 2], the log probability of the grid cells of the trained minutes.

    `z` [B, 60, 2] in scaled units, `half_cell` [B, 2] half a grid step there, `shift` [B, 50, 2] and `shape`
    [B, 22] the network's two outputs.
    """
    value, before, after = (z[:, TRAINED.start + move : TRAINED.stop + move] for move in (0, -1, 1))
    half = half_cell[:, None]
    logs, offset, log_width = _split(shape)
    share = tf.nn.softmax(logs)[:, None]
    place = NEIGHBOUR_SHARE * (before + after) + shift
    width = tf.exp(tf.clip_by_value(log_width, *LOG_WIDTH_RANGE))[:, None]
    # The cell's two edges on the side of the small tail, where their difference keeps its digits.
    centre = -tf.abs((value - place)[..., None] - offset[:, None]) / width
    reach = half[..., None] / width
    within = tf.sigmoid(centre + reach) - tf.sigmoid(centre - reach)
    probability = tf.reduce_sum(share[..., :COMPONENTS] * within, -1)
    for mass, near in enumerate((before, after), COMPONENTS):
        probability += tf.where(tf.abs(value - near) < half, share[..., mass], 0.0)
    return tf.math.log(probability * (1 - 1e-5) + _FLOOR)


def expected_value(z: Any, shift: Any, shape: Any) -> Any:
    """Return float32[B, 50, 2], the densities' means in the trained minutes. Arguments as of `log_probability`."""
    before, after = (z[:, TRAINED.start + move : TRAINED.stop + move] for move in (-1, 1))
    logs, offset, _ = _split(shape)
    share = tf.nn.softmax(logs)
    components = share[..., :COMPONENTS]
    moved = tf.reduce_sum(components * offset, -1)[:, None]
    place = NEIGHBOUR_SHARE * (before + after) + shift
    near = share[:, None, :, COMPONENTS] * before + share[:, None, :, COMPONENTS + 1] * after
    return tf.reduce_sum(components, -1)[:, None] * place + moved + near


def _split(shape: Any) -> Any:
    """Return logs of the shares [B, 2, 5], offsets [B, 2, 3] and log widths [B, 2, 3]."""
    parts = tf.reshape(shape, (-1, CHANNELS, 3 * COMPONENTS + 2))
    return tf.split(parts, (COMPONENTS + 2, COMPONENTS, COMPONENTS), axis=-1)
