"""Weights on the wire: named float32 arrays as safetensors bytes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from contracts.errors import InvalidMessage

Weights = Mapping[str, NDArray[np.float32]]


def encode_weights(weights: Weights) -> bytes:
    """Return the arrays (any shapes, cast to float32) as safetensors bytes, tensors in order of name."""
    return save({name: np.ascontiguousarray(weights[name], dtype=np.float32) for name in sorted(weights)})


def decode_weights(blob: bytes) -> dict[str, NDArray[np.float32]]:
    """Return the named arrays, or raise InvalidMessage for anything but float32 tensors.

    The format's header is checked against the bytes present, so a lying header cannot make this allocate more.
    """
    try:
        arrays = load(blob)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InvalidMessage("bad_update", f"not safetensors ({type(error).__name__})") from None
    for name, array in arrays.items():
        if array.dtype != np.float32:
            raise InvalidMessage("bad_update", f"{name} is {array.dtype}, not float32")
    return arrays
