"""Keras weights rearranged for the compiled scorer: halves for the single tanh, bias and input in one matrix."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Weights = Mapping[str, NDArray[np.float32]]
Folded = dict[str, NDArray[np.float32]]


def fold_autoencoder(weights: Weights) -> Folded:
    """Return the bottleneck's matrices, each to be multiplied from the left onto feature-major columns.

    `encoder_*` [4H, H+7] acts on (state, input, 1), `latent` [8, 2H+1] on (both final states, 1), `decoder_input_*`
    [4H, 9] on (z, 1), `decoder_*` [4H, H] on the state, `output_*` [2, H] on a state, `output_bias` [2, 1].
    The rows of the three sigmoid gates are halved: sigma(x) = .5 + .5 tanh(x/2).
    """
    units = weights["encoder/forward/recurrent_kernel"].shape[0]
    folded: Folded = {"latent": np.vstack([weights["latent/kernel"], weights["latent/bias"]]).T}
    for index, direction in enumerate(("forward", "backward")):
        encoder = _lstm(weights, f"encoder/{direction}")
        decoder = _lstm(weights, f"decoder/{direction}")
        folded[f"encoder_{direction}"] = encoder
        folded[f"decoder_{direction}"] = decoder[:, :units]
        folded[f"decoder_input_{direction}"] = decoder[:, units:]
        folded[f"output_{direction}"] = weights["output/kernel"][index * units : (index + 1) * units].T
    folded["output_bias"] = weights["output/bias"][:, None]
    return {name: np.ascontiguousarray(matrix, np.float32) for name, matrix in folded.items()}


def fold_blind_spot(weights: Weights) -> Folded:
    """Return the blind-spot autoencoder's matrices: `sides_*` [4H, H+7], `output_*` [2, H] and `output_bias` [2, 1]."""
    units = weights["sides/forward/recurrent_kernel"].shape[0]
    folded: Folded = {"output_bias": weights["output/bias"][:, None]}
    for index, direction in enumerate(("forward", "backward")):
        folded[f"sides_{direction}"] = _lstm(weights, f"sides/{direction}")
        folded[f"output_{direction}"] = weights["output/kernel"][index * units : (index + 1) * units].T
    return {name: np.ascontiguousarray(matrix, np.float32) for name, matrix in folded.items()}


def _lstm(weights: Weights, block: str) -> NDArray[np.float32]:
    """Return [4H, H + inputs + 1] in Keras' gate order (input, forget, cell, output), sigmoid gates halved."""
    matrix = np.vstack(
        [weights[f"{block}/recurrent_kernel"], weights[f"{block}/kernel"], weights[f"{block}/bias"]]
    ).T.copy()
    units = len(matrix) // 4
    matrix[: 2 * units] *= 0.5
    matrix[3 * units :] *= 0.5
    return matrix
