"""Exported models one by one: how far from ours, how well the error alone tells attacked hours, how long a window takes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.preprocessing import WINDOW_MIN
from detectors.scoring.compiled_chain import INPUT_ROWS, fill_in, reconstruct
from detectors.scoring.folding import fold_autoencoder, fold_blind_spot
from detectors.scoring.tensorflow_runtime import tf
from detectors.training.cohort import AttackCase
from detectors.training.series import own_scale, rows_of, windows_between
from detectors.training.trace_jobs import ATTACK_MIN
from experiments.export_detection import ENROLMENT_MIN, Patients
from experiments.export_graphs import INPUT, PRECISIONS, Weights
from experiments.export_models import ExportedModel, ExportPlan
from experiments.export_runtime import inputs_of, rebuilt_singly, session_of
from experiments.grid_auc import window_auc
from experiments.grid_headline import Sighting
from experiments.grid_inject import inject_both
from experiments.grid_intervals import Estimate
from replay.recording import Recording

BATCHES: Final = (1, 32)
ATTACKED_EVERY: Final = 30  # windows, so minutes
CLEAN_EVERY: Final = 60
MIDDLE: Final = (0.05, 0.5, 0.95)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Model inputs float32[B, 60, 6] that no training saw, a list of devices each: wholly within attacks, and clean."""

    attacked: list[Floats]
    clean: list[Floats]

    def count(self) -> int:
        """Return the number of windows."""
        return sum(map(len, [*self.attacked, *self.clean]))


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Against our own scorer's reconstruction, in standard deviations of the device; `auc` of the mean square error alone."""

    largest: float
    mean: float
    auc: Estimate


@dataclass(frozen=True, slots=True)
class Latency:
    """Microseconds of processor time a window: median of all calls, and the middle 90 % of them.

    On one thread that is what a call takes on an idle core; other programs on the machine count for less than in wall time.
    """

    median_us: float
    low_us: float
    high_us: float
    calls: int


def held_out(patients: Patients, attacked: Sequence[Sighting]) -> HeldOut:
    """Return the windows of the study's patients, each in the scale of its device's first day; attacks as they were sighted."""
    by_device: dict[tuple[bool, int], list[Floats]] = {}
    for one in attacked:
        recording = patients.attacked[one.tenths][one.device]
        by_device.setdefault((one.tenths, one.device), []).append(_attacked_windows(recording, one))
    clean = [_clean_windows(one) for group in patients.clean.values() for one in group]
    return HeldOut([np.concatenate(parts) for parts in by_device.values()], clean)


def _attacked_windows(recording: Recording, sighting: Sighting) -> Floats:
    onset = sighting.onset_event_minute
    case = AttackCase(*sighting.case, onset - recording.first_event_minute, ATTACK_MIN, sighting.seed)
    heart, breath = inject_both(recording, case)
    rows = rows_of(replace(recording, heart_rate_bpm=heart, resp_rate_bpm=breath))
    first, end = np.searchsorted(rows.event_minute, [onset + WINDOW_MIN, onset + ATTACK_MIN])
    scale = own_scale(rows_of(recording), ENROLMENT_MIN)
    windows = windows_between(rows, scale, int(first), int(end), ATTACKED_EVERY)
    return inputs_of(windows.z, windows.event_minute)


def _clean_windows(recording: Recording) -> Floats:
    rows = rows_of(recording)
    windows = windows_between(rows, own_scale(rows, ENROLMENT_MIN), ENROLMENT_MIN + WINDOW_MIN, len(rows), CLEAN_EVERY)
    return inputs_of(windows.z, windows.event_minute)


def fidelity(model: ExportedModel, windows: HeldOut, plan: ExportPlan) -> dict[str, Fidelity]:
    """Return by precision how faithful and how telling the exported model is."""
    devices = [*windows.attacked, *windows.clean]
    ours = [rebuilt_by_us(model.name, model.weights, inputs) for inputs in devices]
    found = {}
    for precision in PRECISIONS:
        session = session_of(model.onnx[precision])
        rebuilt = [rebuilt_singly(session, inputs) for inputs in devices]
        apart = np.concatenate([np.abs(one - other).ravel() for one, other in zip(rebuilt, ours, strict=True)])
        errors = [
            np.square(inputs[:, :, :2] - one).mean(axis=(1, 2)) for inputs, one in zip(devices, rebuilt, strict=True)
        ]
        attacked, clean = errors[: len(windows.attacked)], errors[len(windows.attacked) :]
        rng = np.random.default_rng([plan.seed, 8])
        nothing = [np.empty(0, np.float32)] * len(attacked)
        found[precision] = Fidelity(
            float(apart.max()), float(apart.mean()), window_auc(attacked, nothing, clean, rng, plan.draws)
        )
    return found


def rebuilt_by_us(name: str, weights: Weights, inputs: Floats) -> Floats:
    """Return what the shipped scorer's own chain rebuilds, float32[B, 60, 2] of model inputs float32[B, 60, 6]."""
    fold, rebuild = {"bottleneck": (fold_autoencoder, reconstruct), "blind_spot": (fold_blind_spot, fill_in)}[name]
    matrices = {key: tf.constant(matrix) for key, matrix in fold(weights).items()}
    window = np.ones((WINDOW_MIN, INPUT_ROWS, len(inputs)), np.float32)
    window[:, :-1] = inputs.transpose(1, 2, 0)
    rebuilt: Floats = rebuild(matrices, tf.constant(window)).numpy().transpose(2, 0, 1)
    return rebuilt


def latencies(
    models: Sequence[ExportedModel], windows: Floats, plan: ExportPlan
) -> Mapping[tuple[str, int, str, int], Latency]:
    """Return by (name, units, precision, batch) what a window takes on one thread; variants take turns, so that noise hits all."""
    sessions = {
        (model.name, model.units, precision): session_of(model.onnx[precision])
        for model in models
        for precision in PRECISIONS
    }
    timed: dict[tuple[str, int, str, int], list[float]] = {}
    for _ in range(plan.timed_rounds):
        for key, session in sessions.items():
            for batch in BATCHES:
                timed.setdefault((*key, batch), []).extend(_timed(session, windows[:batch], plan.timed_calls))
    return {key: _latency(seconds, key[-1]) for key, seconds in timed.items()}


def _timed(session: Any, inputs: Floats, calls: int) -> list[float]:
    seconds = []
    session.run(None, {INPUT: inputs})
    for _ in range(calls):
        begun = time.thread_time()
        session.run(None, {INPUT: inputs})
        seconds.append(time.thread_time() - begun)
    return seconds


def _latency(seconds: Sequence[float], batch: int) -> Latency:
    low, median, high = np.quantile(np.array(seconds) / batch * 1e6, MIDDLE)
    return Latency(float(median), float(low), float(high), len(seconds))
