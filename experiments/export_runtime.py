"""Exported models at work: one thread, a window at a time as on a device, and in the detector in place of its own autoencoders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from detectors.features.residual import residual_features
from detectors.preprocessing import WINDOW_MIN, calendar_features
from detectors.scoring.runtime import Rebuilding, Residuals
from detectors.training.trace_jobs import Means
from detectors.training.traces import Tracer
from detectors.weight_layout import CHANNELS
from experiments.export_graphs import INPUT

Floats = NDArray[np.float32]


def session_of(model: bytes) -> Any:
    """Return an ONNX Runtime session of a model on one thread of the processor."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def inputs_of(window_z: Floats, event_minute: NDArray[np.int64]) -> Floats:
    """Return a model's input float32[B, 60, 6] from scaled channels float32[B, 60, 2] and event minutes int64[B, 60]."""
    return np.concatenate([window_z, calendar_features(event_minute)], axis=-1)


def rebuilt_singly(session: Any, inputs: Floats) -> Floats:
    """Return float32[B, 60, 2], each window rebuilt in a call of its own.

    The int8 form finds its scales a call, so what shares a call with a window changes its result a little.
    """
    nothing = np.empty((0, WINDOW_MIN, CHANNELS), np.float32)
    return np.concatenate([nothing, *(session.run(None, {INPUT: inputs[at : at + 1]})[0] for at in range(len(inputs)))])


class ExportedResiduals:
    """Both exported autoencoders in the place of `scoring.runtime.Reconstructor`; owned by one process."""

    def __init__(self, bottleneck: bytes, blind_spot: bytes) -> None:
        self._sessions = (session_of(bottleneck), session_of(blind_spot))

    def residuals(self, window_z: Floats, event_minute: NDArray[np.int64], residual_rms: Floats) -> Residuals:
        """See `Reconstructor.residuals`."""
        if not len(window_z):
            return Residuals(np.empty((0, 4), np.float32), np.empty((0, 30), np.float32))
        inputs = inputs_of(window_z, event_minute)
        mean_square, features = [], []
        for place, session in enumerate(self._sessions):
            residual = window_z - rebuilt_singly(session, inputs)
            mean_square.append(np.square(residual).mean(axis=1))
            usual = residual_rms[:, 2 * place : 2 * place + 2].T
            features.append(residual_features(np.ascontiguousarray(residual.transpose(1, 2, 0)), usual).numpy().T)
        return Residuals(np.concatenate(mean_square, axis=1), np.concatenate(features, axis=1))


@dataclass(frozen=True, slots=True)
class ExportedMeans(Means):
    """What a tracer needs, exported models (ONNX bytes) included: it rebuilds with these, not with the worker's own."""

    bottleneck: bytes
    blind_spot: bytes

    def tracer(self, reconstructor: Rebuilding) -> Tracer:  # noqa: ARG002 - exported models stand in for it
        """Return a tracer for this process."""
        exported = ExportedResiduals(self.bottleneck, self.blind_spot)
        return Tracer(exported, dict(self.expectations), self.population)
