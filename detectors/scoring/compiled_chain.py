"""Both autoencoders as one XLA program: window -> reconstructions -> residuals -> 15 features each.

Both LSTM directions advance in one loop, the four gates take one tanh, the output projection happens inside the loop
and the batch is the last axis throughout. Unrolled loops would compile for tens of seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from detectors.features.residual import residual_features
from detectors.preprocessing import WINDOW_MIN
from detectors.scoring.tensorflow_runtime import tf
from detectors.weight_layout import REACH_Z

INPUT_ROWS: Final = 7  # two channels, four calendar rows, a row of ones for the bias

Matrices = Mapping[str, Any]


@cache
def compiled_chain(batch: int) -> Any:
    """Return a function (bottleneck, blind spot, window [60, 7, batch], residual_rms [4, batch]) -> (mean_square [4, batch], features [30, batch]).

    Both autoencoders are given as tensors laid out as in `folding`, and answered for in the order of `weight_layout.AUTOENCODERS`,
    heart before breathing. One function a process: whatever weights come next, of the same shapes, nothing is compiled again.
    """

    def score(bottleneck: Matrices, blind_spot: Matrices, window: Any, residual_rms: Any) -> tuple[Any, Any]:
        return _score(bottleneck, blind_spot, tf.ensure_shape(window, (WINDOW_MIN, INPUT_ROWS, batch)), residual_rms)

    return tf.function(score, jit_compile=True, autograph=False)


def _score(bottleneck: Matrices, blind_spot: Matrices, window: Any, residual_rms: Any) -> tuple[Any, Any]:
    mean_square, features = [], []
    for place, rebuilt in enumerate((reconstruct(bottleneck, window), fill_in(blind_spot, window))):
        residual = window[:, :2] - rebuilt
        mean_square.append(tf.reduce_mean(residual * residual, 0))
        features.append(residual_features(residual, residual_rms[2 * place : 2 * place + 2]))
    return tf.concat(mean_square, 0), tf.concat(features, 0)


def reconstruct(matrices: Matrices, window: Any) -> Any:
    """Return the rebuilt channels float32[60, 2, B] of windows float32[60, 7, B]."""
    state = _encode(matrices, window)
    ones = tf.ones_like(state[:1])
    z = tf.matmul(matrices["latent"], tf.concat([state, ones], 0))
    return _decode(matrices, tf.concat([z, ones], 0))


def fill_in(matrices: Matrices, window: Any) -> Any:
    """Return each minute as the blind-spot autoencoder guesses it from the minutes on both sides, float32[60, 2, B]."""
    forward, backward = matrices["sides_forward"], matrices["sides_backward"]
    zero = _zero_state(forward, window)

    def step(t: Any, hf: Any, cf: Any, hb: Any, cb: Any, out_f: Any, out_b: Any) -> tuple[Any, ...]:
        out_f = out_f.write(t, tf.matmul(matrices["output_forward"], hf))
        out_b = out_b.write(WINDOW_MIN - 1 - t, tf.matmul(matrices["output_backward"], hb))
        hf, cf = _cell(tf.matmul(forward, tf.concat([hf, window[t]], 0)), cf)
        hb, cb = _cell(tf.matmul(backward, tf.concat([hb, window[WINDOW_MIN - 1 - t]], 0)), cb)
        return t + 1, hf, cf, hb, cb, out_f, out_b

    *_, out_f, out_b = _sixty_times(step, (zero, zero, zero, zero, *_outputs(window.shape[-1])))
    return REACH_Z * tf.tanh(out_f.stack() + out_b.stack() + matrices["output_bias"])


def _encode(matrices: Matrices, window: Any) -> Any:
    """Return both directions' final states float32[2H, B]."""
    forward, backward = matrices["encoder_forward"], matrices["encoder_backward"]
    zero = _zero_state(forward, window)

    def step(t: Any, hf: Any, cf: Any, hb: Any, cb: Any) -> tuple[Any, ...]:
        hf, cf = _cell(tf.matmul(forward, tf.concat([hf, window[t]], 0)), cf)
        hb, cb = _cell(tf.matmul(backward, tf.concat([hb, window[WINDOW_MIN - 1 - t]], 0)), cb)
        return t + 1, hf, cf, hb, cb

    _, hf, _, hb, _ = _sixty_times(step, (zero, zero, zero, zero))
    return tf.concat([hf, hb], 0)


def _decode(matrices: Matrices, z: Any) -> Any:
    """Return the rebuilt channels float32[60, 2, B] from (z, 1) float32[9, B]."""
    forward, backward = matrices["decoder_forward"], matrices["decoder_backward"]
    input_f = tf.matmul(matrices["decoder_input_forward"], z)
    input_b = tf.matmul(matrices["decoder_input_backward"], z)
    zero = _zero_state(forward, z)

    def step(t: Any, hf: Any, cf: Any, hb: Any, cb: Any, out_f: Any, out_b: Any) -> tuple[Any, ...]:
        hf, cf = _cell(tf.matmul(forward, hf) + input_f, cf)
        hb, cb = _cell(tf.matmul(backward, hb) + input_b, cb)
        out_f = out_f.write(t, tf.matmul(matrices["output_forward"], hf))
        out_b = out_b.write(WINDOW_MIN - 1 - t, tf.matmul(matrices["output_backward"], hb))
        return t + 1, hf, cf, hb, cb, out_f, out_b

    *_, out_f, out_b = _sixty_times(step, (zero, zero, zero, zero, *_outputs(z.shape[-1])))
    return REACH_Z * tf.tanh(out_f.stack() + out_b.stack() + matrices["output_bias"])


def _outputs(batch: int) -> list[Any]:
    return [tf.TensorArray(tf.float32, WINDOW_MIN, element_shape=(2, batch)) for _ in range(2)]


def _cell(gates: Any, cell: Any) -> tuple[Any, Any]:
    """One LSTM step from pre-activations [4H, B] (sigmoid gates halved) and cell state [H, B]: (state, cell state)."""
    take_in, forget, content, give_out = tf.split(tf.tanh(gates), 4, axis=0)
    cell = 0.5 * ((1.0 + forget) * cell + (1.0 + take_in) * content)
    return 0.5 * (1.0 + give_out) * tf.tanh(cell), cell


def _zero_state(gates: Any, columns: Any) -> Any:
    return tf.zeros((gates.shape[0] // 4, columns.shape[-1]))


def _sixty_times(step: Any, state: tuple[Any, ...]) -> Any:
    start = (tf.constant(0), *state)
    return tf.while_loop(lambda t, *_: t < WINDOW_MIN, step, start, maximum_iterations=WINDOW_MIN)
