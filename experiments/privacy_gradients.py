"""The gradient that every single window has on the federated autoencoder's weights: what a look into an update starts from."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.preprocessing import WINDOW_MIN
from detectors.scoring.tensorflow_runtime import tf
from detectors.weight_layout import REACH_Z, UNITS, autoencoder_shapes
from transport.weights import Weights

Floats = NDArray[np.float32]
SHAPES: Final = autoencoder_shapes()
SIZES: Final = [int(np.prod(shape)) for shape in SHAPES.values()]


def flat(weights: Weights) -> Floats:
    """Return the autoencoder's weights as float32[d], in the order of its layout."""
    return np.concatenate([np.asarray(weights[name], np.float32).ravel() for name in SHAPES])


def tensors(vector: NDArray[np.floating[Any]]) -> dict[str, NDArray[Any]]:
    """Return a vector [d] as the layout's named tensors."""
    parts = np.split(vector, np.cumsum(SIZES)[:-1])
    return {name: part.reshape(shape) for (name, shape), part in zip(SHAPES.items(), parts, strict=True)}


class WindowGradients:
    """Compiles once for each number of windows. The network is `detectors.autoencoders.bottleneck`'s, written out.

    Written out, because the weights then stay shared, and each window's own gradient is a product of what went into a layer and of
    the loss's slope at what came out; a tape alone gives the sum over all windows.
    """

    def __init__(self) -> None:
        self._whole = tf.function(_whole, jit_compile=True, autograph=False)
        self._decoder = tf.function(_decoder, jit_compile=True, autograph=False)

    def whole(self, weights: Floats, window_z: Floats, calendar: Floats) -> tuple[Floats, Floats]:
        """Return each window's gradient of its own mean squared error: on the weights float32[n, d], on itself float32[n, 60, 2].

        `weights` float32[d], `window_z` float32[n, 60, 2] in scaled units, `calendar` float32[n, 60, 4]. A window is both the input
        and the target. Blocks; the first call with a number of windows compiles for seconds.
        """
        on_weights, on_window = self._whole(*(tf.constant(one, tf.float32) for one in (weights, window_z, calendar)))
        return on_weights.numpy(), on_window.numpy()

    def decoder(self, weights: Floats, latent: Floats, target: Floats) -> tuple[Floats, Floats]:
        """Return the part of the gradient from the latent's bias on, float32[n, k], and what is rebuilt, float32[n, 60, 2].

        `latent` float32[n, 8], `target` float32[n, 60, 2]. In the target the gradient is linear (affine). Blocks, as above.
        """
        on_weights, rebuilt = self._decoder(*(tf.constant(one, tf.float32) for one in (weights, latent, target)))
        return on_weights.numpy(), rebuilt.numpy()


def _whole(weights: Any, window: Any, calendar: Any) -> tuple[Any, Any]:
    named = _named(weights)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(window)
        by_minute = tf.transpose(tf.concat([window, calendar], -1), (1, 0, 2))
        seen = tf.stack([by_minute, by_minute[::-1]], 1)  # minute, direction, window, input
        gates = tf.matmul(seen, named["encoder/kernel"]) + named["encoder/bias"]
        tape.watch(gates)
        states = _lstm(gates, named["encoder/recurrent_kernel"])
        last = tf.concat([states[-1, 0], states[-1, 1]], -1)
        latent = tf.matmul(last, named["latent/kernel"]) + named["latent/bias"]
        tape.watch(latent)
        loss, decoded = _decoded(named, latent, window, tape)
    on_gates, on_latent, on_window = tape.gradient(loss, [gates, latent, window])
    encoder = [*_lstm_parts(seen, states, on_gates), tf.einsum("ni,no->nio", last, on_latent)]
    return _rows([*encoder, on_latent, *_decoder_parts(tape, loss, latent, decoded)]), on_window


def _decoder(weights: Any, latent: Any, target: Any) -> tuple[Any, Any]:
    named = _named(weights)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(latent)
        loss, decoded = _decoded(named, latent, target, tape)
    parts = [tape.gradient(loss, latent), *_decoder_parts(tape, loss, latent, decoded)]
    return _rows(parts), decoded[3]


def _decoded(named: dict[str, Any], latent: Any, target: Any, tape: Any) -> tuple[Any, tuple[Any, Any, Any, Any]]:
    """Return the loss, summed over windows, and the decoder's gates, states, raw output and rebuilt windows."""
    step = tf.matmul(latent, named["decoder/kernel"]) + named["decoder/bias"]
    gates = tf.tile(step[None], (WINDOW_MIN, 1, 1, 1))
    tape.watch(gates)
    states = _lstm(gates, named["decoder/recurrent_kernel"])
    raw = tf.matmul(_in_order(states), named["output/kernel"]) + named["output/bias"]
    tape.watch(raw)
    rebuilt = tf.transpose(REACH_Z * tf.tanh(raw), (1, 0, 2))
    return tf.reduce_sum(tf.reduce_mean(tf.square(target - rebuilt), (1, 2))), (gates, states, raw, rebuilt)


def _decoder_parts(tape: Any, loss: Any, latent: Any, decoded: tuple[Any, Any, Any, Any]) -> list[Any]:
    gates, states, raw, _ = decoded
    on_gates, on_raw = tape.gradient(loss, [gates, raw])
    repeated = tf.tile(latent[None, None], (WINDOW_MIN, 2, 1, 1))
    output = tf.einsum("tni,tno->nio", _in_order(states), on_raw)
    return [*_lstm_parts(repeated, states, on_gates), output, tf.reduce_sum(on_raw, 0)]


def _in_order(states: Any) -> Any:
    """Return both directions' states side by side, [minute, window, 2 units]."""
    return tf.concat([states[:, 0], states[::-1, 1]], -1)


def _lstm(gates: Any, recurrent: Any) -> Any:
    """Return the states [minute, direction, window, units] for the gates' inputs; both directions run side by side."""
    nothing = tf.zeros((2, gates.shape[2], UNITS))

    def step(before: tuple[Any, Any], given: Any) -> tuple[Any, Any]:
        put_in, forget, cell, put_out = tf.split(given + tf.matmul(before[0], recurrent), 4, axis=-1)
        memory = tf.sigmoid(forget) * before[1] + tf.sigmoid(put_in) * tf.tanh(cell)
        return tf.sigmoid(put_out) * tf.tanh(memory), memory

    return tf.scan(step, gates, (nothing, nothing))[0]


def _lstm_parts(inputs: Any, states: Any, slopes: Any) -> list[Any]:
    """Return kernel, recurrent kernel and bias gradients a window, forward then backward."""
    before = tf.concat([tf.zeros_like(states[:1]), states[:-1]], 0)
    kernel = tf.einsum("tdni,tdng->dnig", inputs, slopes)
    recurrent = tf.einsum("tdni,tdng->dnig", before, slopes)
    return [part[way] for way in range(2) for part in (kernel, recurrent, tf.reduce_sum(slopes, 0))]


def _rows(parts: list[Any]) -> Any:
    return tf.concat([tf.reshape(part, (part.shape[0], -1)) for part in parts], 1)


def _named(weights: Any) -> dict[str, Any]:
    """Return the network's tensors; both directions of an LSTM stacked, ready to be multiplied side by side."""
    parts = zip(SHAPES.items(), tf.split(weights, SIZES), strict=True)
    single = {name: tf.reshape(part, shape) for (name, shape), part in parts}
    pairs = {
        f"{block}/{part}": tf.stack([single[f"{block}/forward/{part}"], single[f"{block}/backward/{part}"]])
        for block in ("encoder", "decoder")
        for part in ("kernel", "recurrent_kernel", "bias")
    }
    pairs |= {name: pairs[name][:, None] for name in ("encoder/bias", "decoder/bias")}
    return pairs | {name: single[name] for name in single if name.startswith(("latent", "output"))}
