"""Standardised features into raw scores: the networks and the tails, the same for the engine and for training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.evidence import (
    LATTICE_TAIL,
    LEVEL_TAIL,
    RESIDUAL_EVIDENCE,
    SIGNAL,
    SLOW_EVIDENCE,
    TEXTURE_TAIL,
    Found,
    read,
)
from detectors.features.catalogue import FAST_PART, RESIDUAL_PART
from detectors.networks import logit
from detectors.scorer import SCORED_KINDS

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_HOUR, _LEVEL, _TEXTURE, _HALF_DAY, _LATTICE = map(
    SCORED_KINDS.index, ("hour", "level", "texture", "half_day", "lattice")
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of B windows.

    `raw` float32[B, 5] in the order of `SCORED_KINDS` (NaN: not known), and the evidence it rests on; `slow` belongs to
    the windows `slow_at` int64[k].
    """

    raw: Floats
    signal: Found
    residual: Found
    slow: Found | None
    slow_at: Ints


def evidence_of(tables: Mapping[str, Floats], minute_r: Floats, slow_r: Floats, slow_at: Ints) -> Reading:
    """Read standardised features float32[B, 76] and, of the windows `slow_at`, float32[k, 108]; networks are still to speak."""
    signal = read(SIGNAL, tables["signal"], minute_r[:, FAST_PART])
    residual = read(RESIDUAL_EVIDENCE, tables["residual"], minute_r[:, RESIDUAL_PART])
    raw = np.full((len(minute_r), len(SCORED_KINDS)), np.nan, np.float32)
    raw[:, _LEVEL] = LEVEL_TAIL.of_hour(signal)
    raw[:, _TEXTURE] = TEXTURE_TAIL.of_hour(signal)
    slow = None
    if len(slow_at):
        slow = read(SLOW_EVIDENCE, tables["slow"], slow_r)
        raw[slow_at, _LEVEL] = np.maximum(raw[slow_at, _LEVEL], LEVEL_TAIL.of_half_day(slow))
        raw[slow_at, _LATTICE] = np.maximum(LATTICE_TAIL.of_hour(signal)[slow_at], LATTICE_TAIL.of_half_day(slow))
    return Reading(raw, signal, residual, slow, slow_at)


def network_inputs(reading: Reading) -> dict[str, Floats]:
    """Return what each network reads: signal and residual float32[B, *], slow float32[k, *] (the hour's signals beside the long ones)."""
    inputs = {"signal": reading.signal.inputs, "residual": reading.residual.inputs}
    if reading.slow is not None:
        hour = reading.signal.inputs[reading.slow_at]
        inputs["slow"] = np.concatenate([hour, reading.slow.inputs], axis=1)
    return inputs


def speak(networks: Mapping[str, Mapping[str, Floats]], reading: Reading) -> Floats:
    """Return the reading's scores float32[B, 5] with the networks' own filled in."""
    inputs = network_inputs(reading)
    raw = reading.raw.copy()
    raw[:, _HOUR] = (logit(networks["signal"], inputs["signal"]) + logit(networks["residual"], inputs["residual"])) / 2
    if "slow" in inputs:
        raw[reading.slow_at, _HALF_DAY] = logit(networks["slow"], inputs["slow"])
    return raw
