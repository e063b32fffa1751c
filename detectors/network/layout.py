"""Names and shapes of the network's weights, and which minutes of a window it learns from and gives scores for."""

from __future__ import annotations

from typing import Final

CHANNELS: Final = 2
UNITS: Final = 32
EMBEDDING: Final = 16
COMPONENTS: Final = 3
LOCATION_HIDDEN: Final = 48
SHAPE_HIDDEN: Final = 32
CONTEXT_SIZE: Final = 13 * CHANNELS + 1
"""Numbers that an enrolment says of a device (`network.context`)."""

STEP_INPUTS: Final = 3 * CHANNELS
NEIGHBOURS: Final = 4 * CHANNELS
SHAPE_OUTPUTS: Final = CHANNELS * (3 * COMPONENTS + 2)

TRAINED: Final = range(8, 58)
"""Minutes of a window of 60 that are learnt from: each has some past and some future."""
EMITTED: Final = range(38, 53)
"""Minutes that a decision judges."""

CONTEXT_STATISTICS: Final = ("context_mean", "context_sd")
"""Weights that standardise the context and are never trained."""
CONTEXT_REACH: Final = 4.0
LEAST_CONTEXT_SD: Final = 1e-3

ARCHITECTURE: Final = f"density-bi-lstm-{UNITS}-{EMBEDDING}-{COMPONENTS} dnn-64-32-1 x 2"

Shapes = dict[str, tuple[int, ...]]


def network_shapes() -> Shapes:
    """Return name -> shape of every weight. An LSTM's gates are in Keras' order: input, forget, cell, output."""
    seen = 2 * UNITS + NEIGHBOURS + EMBEDDING
    return {
        **lstm_shapes("forward", STEP_INPUTS + EMBEDDING, UNITS),
        **lstm_shapes("backward", STEP_INPUTS + EMBEDDING, UNITS),
        **dense_shapes("embedding", CONTEXT_SIZE, EMBEDDING),
        **dense_shapes("location_hidden", seen, LOCATION_HIDDEN),
        **dense_shapes("location", LOCATION_HIDDEN, CHANNELS),
        **dense_shapes("shape_hidden", EMBEDDING, SHAPE_HIDDEN),
        **dense_shapes("shape", SHAPE_HIDDEN, SHAPE_OUTPUTS),
        **dict.fromkeys(CONTEXT_STATISTICS, (CONTEXT_SIZE,)),
    }


def lstm_shapes(block: str, inputs: int, units: int) -> Shapes:
    """Return name -> shape of the weights of an LSTM that reads in one direction."""
    return {
        f"{block}/kernel": (inputs, 4 * units),
        f"{block}/recurrent_kernel": (units, 4 * units),
        f"{block}/bias": (4 * units,),
    }


def bidirectional_shapes(block: str, inputs: int, units: int) -> Shapes:
    """Return name -> shape of a bidirectional LSTM's weights."""
    return {
        **lstm_shapes(f"{block}/forward", inputs, units),
        **lstm_shapes(f"{block}/backward", inputs, units),
    }


def dense_shapes(block: str, inputs: int, outputs: int) -> Shapes:
    """Return name -> shape of a dense layer's weights."""
    return {f"{block}/kernel": (inputs, outputs), f"{block}/bias": (outputs,)}
