"""Fifteen numbers that say how an hour of reconstruction residuals differs from a device's usual ones.

One implementation, in TensorFlow operations, serves training and the compiled scorer. It is feature-major: the batch is
the last axis, so that every step is a run over contiguous memory.
"""

from __future__ import annotations

from typing import Any, Final

from detectors.preprocessing import WINDOW_MIN
from detectors.scoring.tensorflow_runtime import tf

RMS_FLOOR: Final = 0.2  # below it a device is no judge: a paced or ventilated patient leaves next to no residual
TINY: Final = 1e-4


def residual_features(residual: Any, residual_rms: Any) -> Any:
    """Return float32[15, B] from residuals float32[60, 2, B] and the device's usual RMS float32[2, B] (scaled units).

    Order of `weight_layout.RESIDUAL_FEATURES`. The mean is taken through asinh and the squares through log(x + 1e-4), so that no
    attack, however strong, lies far outside what the classifier has seen. The dispersion is the logarithm of the standard
    deviation: beside the mean it tells a lifted course from a lifted flat line, which the mean square alone cannot.
    """
    r = residual / (residual_rms + RMS_FLOOR)
    square = r * r
    mean = tf.reduce_mean(r, 0)
    centred = r - mean
    variance = tf.reduce_mean(centred * centred, 0) + TINY
    half = WINDOW_MIN // 2
    per_channel = [
        tf.math.log(tf.reduce_mean(square, 0) + TINY),
        tf.math.log(tf.reduce_max(square, 0) + TINY),
        tf.math.log(_lower_median(square) + TINY),
        tf.math.asinh(mean),
        tf.math.log((tf.reduce_mean(square[half:], 0) + TINY) / (tf.reduce_mean(square[:half], 0) + TINY)),
        tf.reduce_sum(centred[1:] * centred[:-1], 0) / (WINDOW_MIN * variance),
        0.5 * tf.math.log(variance),
    ]
    covariance = tf.reduce_mean(centred[:, 0] * centred[:, 1], 0)
    correlation = covariance * tf.math.rsqrt(variance[0] * variance[1])
    return tf.concat([*per_channel, correlation[None]], 0)


def _lower_median(square: Any) -> Any:
    """Return the 30th smallest of 60 values >= 0, exactly, without a sort (which would cost a fifth of the scoring).

    The bits of floats >= 0 rise with their values, so the answer's bits are found one by one, from the highest.
    """
    bits = tf.bitcast(square, tf.int32)
    rank = WINDOW_MIN // 2

    def settle_bit(position: Any, found: Any) -> tuple[Any, Any]:
        candidate = found | tf.bitwise.left_shift(tf.ones_like(found), position)
        below = tf.reduce_sum(tf.cast(bits < candidate, tf.int32), 0)
        return position - 1, tf.where(below < rank, candidate, found)

    start = (tf.constant(30), tf.zeros_like(bits[0]))
    _, found = tf.while_loop(lambda position, _: position >= 0, settle_bit, start, maximum_iterations=31)
    return tf.bitcast(found, tf.float32)
