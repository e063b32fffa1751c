"""Names and shapes of every weight in a bundle, and of the features between its two networks; needs no TensorFlow."""

from __future__ import annotations

from typing import Final

CHANNELS: Final = 2
INPUTS: Final = 6
UNITS: Final = 32
LATENT: Final = 8
REACH_Z: Final = 2.0  # the largest |z| that the autoencoder can rebuild
HIDDEN: Final = (64, 32)
AUTOENCODERS: Final = ("bottleneck", "blind_spot")
CLASSIFIERS: Final = ("signal", "residual", "slow")
ARCHITECTURE: Final = f"bottleneck-{UNITS}-{LATENT} blind-spot-{UNITS} reach-{REACH_Z:g} dnn-{HIDDEN[0]}-{HIDDEN[1]}-1 x {len(CLASSIFIERS)}"

_PER_CHANNEL: Final = (
    "log_mean_square",
    "log_largest_square",
    "log_median_square",
    "mean",
    "log_ratio_of_halves",
    "lag1_autocorrelation",
    "log_dispersion",
)
RESIDUAL_FEATURES: Final = (
    *(f"{channel}_{name}" for name in _PER_CHANNEL for channel in ("heart_rate", "resp_rate")),
    "residual_correlation",
)

Shapes = dict[str, tuple[int, ...]]


def autoencoder_shapes(units: int = UNITS, latent: int = LATENT) -> Shapes:
    """Return name -> shape of the bottleneck's weights, in the order of Keras' `get_weights()`.

    Keras' gate order inside the last axis of an LSTM's weights is input, forget, cell, output.
    """
    return {
        **bidirectional_shapes("encoder", INPUTS, units),
        **dense_shapes("latent", 2 * units, latent),
        **bidirectional_shapes("decoder", latent, units),
        **dense_shapes("output", 2 * units, CHANNELS),
    }


def blind_spot_shapes(units: int = UNITS) -> Shapes:
    """Return name -> shape of the blind-spot autoencoder's weights, in the order of Keras' `get_weights()`."""
    return {**bidirectional_shapes("sides", INPUTS, units), **dense_shapes("output", 2 * units, CHANNELS)}


def classifier_shapes(feature_count: int) -> Shapes:
    """Return name -> shape of a classifier's weights, in the order of Keras' `get_weights()`."""
    widths = (feature_count, *HIDDEN, 1)
    names = [*(f"hidden_{index}" for index in range(len(HIDDEN))), "logit"]
    shapes: Shapes = {}
    for name, inputs, outputs in zip(names, widths[:-1], widths[1:], strict=True):
        shapes |= dense_shapes(name, inputs, outputs)
    return shapes


def bidirectional_shapes(block: str, inputs: int, units: int) -> Shapes:
    """Return name -> shape of a bidirectional LSTM's weights."""
    shapes: Shapes = {}
    for direction in ("forward", "backward"):
        shapes[f"{block}/{direction}/kernel"] = (inputs, 4 * units)
        shapes[f"{block}/{direction}/recurrent_kernel"] = (units, 4 * units)
        shapes[f"{block}/{direction}/bias"] = (4 * units,)
    return shapes


def dense_shapes(block: str, inputs: int, outputs: int) -> Shapes:
    """Return name -> shape of a dense layer's weights."""
    return {f"{block}/kernel": (inputs, outputs), f"{block}/bias": (outputs,)}
