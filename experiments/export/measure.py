"""Exported files beside the detector's own arithmetic: how far apart they are on simulated patients, and how long a window takes."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from contracts.errors import Misconfigured
from detectors.array_types import Weights
from detectors.baseline.profile import profile_of
from detectors.bundle.bundle import Bundle
from detectors.minutes.cleaning import clean
from detectors.minutes.windows import usable_decisions
from detectors.network.layout import EMITTED
from detectors.network.runtime import DensityNetwork
from detectors.statistics.windows import WINDOW, rows_of_stream
from experiments.export.graph import INPUTS, OUTPUT, PRECISIONS, float32_model, int8_model
from replay.recording import Recording
from replay.sources.synthetic import synthetic_stays

ENROLMENT_MIN: Final = 1440
DAY_MIN: Final = 1440
AGREES: Final = 1e-4
"""Largest difference of probabilities between the float32 file and the detector's own network."""
BATCHES: Final = (1, 32)
MIDDLE: Final = (0.05, 0.5, 0.95)
LEAST_SQUARE: Final = 1e-4
POPULATION: Final = 60_000  # far from the seeds of training, evaluation and the federations
_WHOLE: Final = 500

Floats = NDArray[np.float32]
Inputs = Mapping[str, Floats]
Report = Callable[[str, float, str], None]


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """Simulated devices in tenths and in whole numbers, days each, and how often a call is timed."""

    seed: int = 1
    devices: tuple[int, int] = (16, 8)
    days: int = 4
    timed_rounds: int = 20
    timed_calls: int = 20


FULL: Final = ExportPlan()
QUICK: Final = ExportPlan(devices=(2, 1), days=2, timed_rounds=5, timed_calls=5)


@dataclass(frozen=True, slots=True)
class Latency:
    """Microseconds of processor time a window: median of all calls, and the middle 90 % of them."""

    median_us: float
    low_us: float
    high_us: float
    calls: int


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Against the detector's own network: probabilities, normal scores, and the logarithm of their mean square a block.

    Largest and mean differences; `log_square_in_sd` is the mean one in standard deviations over a device's own blocks.
    """

    probability_largest: float
    score_largest: float
    score_mean: float
    log_square_largest: float
    log_square_mean: float
    log_square_in_sd: float


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file, and what was measured of it."""

    precision: str
    content: bytes
    latency: Mapping[int, Latency]
    fidelity: Fidelity

    @property
    def name(self) -> str:
        """The file's name."""
        return f"network-{self.precision}.onnx"


@dataclass(frozen=True, slots=True)
class ExportResults:
    """Both files, and on what they were measured."""

    files: tuple[ExportedFile, ...]
    plan: ExportPlan
    blocks: int
    bundle_sha256: str
    machine: str


STAGES: Final = ("scores", "latency")


def run_export(bundle: Bundle, plan: ExportPlan, report: Report) -> ExportResults:
    """Export and measure. Blocks for a minute. Raises Misconfigured when the float32 file does not agree."""
    weights = bundle.parameters.network
    float32 = float32_model(weights)
    contents = dict(zip(PRECISIONS, (float32, int8_model(float32)), strict=True))
    devices = [device_inputs(recording) for recording in patients(plan)]
    fidelities = {}
    for done, (precision, content) in enumerate(contents.items(), 1):
        fidelities[precision] = fidelity(content, weights, devices)
        report(STAGES[0], done / len(contents), f"{precision} compared")
    if fidelities[PRECISIONS[0]].probability_largest > AGREES:
        raise Misconfigured(
            f"ONNX Runtime {onnxruntime.__version__} computes something else than the detector (largest difference "
            f"{fidelities[PRECISIONS[0]].probability_largest:.1g}); install the version that uv.lock names"
        )
    taken = latencies(contents, devices[0], plan)
    report(STAGES[1], 1.0, f"{len(contents)} files timed")
    files = [
        ExportedFile(precision, content, {batch: taken[precision, batch] for batch in BATCHES}, fidelities[precision])
        for precision, content in contents.items()
    ]
    blocks = sum(len(inputs["z"]) for inputs in devices)
    return ExportResults(tuple(files), plan, blocks, bundle.sha256, _machine())


def patients(plan: ExportPlan) -> list[Recording]:
    """Return the simulated devices, none of whom deteriorates: first those in tenths, then those in whole numbers."""
    drawn = zip(plan.devices, (0.1, 1.0), (0, _WHOLE), strict=True)
    return [
        stay.recording
        for count, grid_bpm, beyond in drawn
        for stay in synthetic_stays(
            POPULATION + plan.seed + beyond, count, plan.days * DAY_MIN, resolution_bpm=grid_bpm
        )
    ]


def device_inputs(recording: Recording) -> dict[str, Floats]:
    """Return the network's inputs at every usable decision after a device's first day, by their names."""
    minutes = clean(recording.first_event_minute, recording.heart_rate_bpm, recording.resp_rate_bpm)
    rows = rows_of_stream(minutes.values, minutes.weight, profile_of(minutes, ENROLMENT_MIN))
    usable = usable_decisions(minutes)
    usable[: ENROLMENT_MIN // len(EMITTED)] = False
    arrays: tuple[NDArray[Any], ...] = (rows.z[:, WINDOW], rows.weight[:, WINDOW], rows.context, rows.half_cell)
    return {name: np.ascontiguousarray(array[usable], np.float32) for name, array in zip(INPUTS, arrays, strict=True)}


def session_of(content: bytes) -> Any:
    """Return a session of one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def probabilities(session: Any, inputs: Inputs) -> Floats:
    """Return float32[B, 15, 2], each window in a call of its own.

    The int8 form finds its scales a call, so what shares a call with a window changes its result a little.
    """
    singly = ({name: array[at : at + 1] for name, array in inputs.items()} for at in range(len(inputs["z"])))
    return np.concatenate([session.run([OUTPUT], window)[0] for window in singly])


def fidelity(content: bytes, weights: Weights, devices: Sequence[Inputs]) -> Fidelity:
    """Return how far a file is from the detector's own network over all windows of all devices."""
    session, ours = session_of(content), DensityNetwork(weights)
    apart: dict[str, list[NDArray[np.floating]]] = {"probability": [], "score": [], "log_square": [], "in_sd": []}
    for inputs in devices:
        below = probabilities(session, inputs)
        exact = ours.normal_scores(*(inputs[name] for name in INPUTS))
        apart["probability"].append(np.abs(below - ndtr(exact)))
        apart["score"].append(np.abs(ndtri(below) - exact))
        own = _log_square(exact, inputs)
        apart["log_square"].append(np.abs(_log_square(ndtri(below), inputs) - own))
        apart["in_sd"].append(apart["log_square"][-1].mean(axis=0) / own.std(axis=0))
    largest = {name: float(max(part.max() for part in parts)) for name, parts in apart.items()}
    mean = {name: float(np.concatenate([part.ravel() for part in parts]).mean()) for name, parts in apart.items()}
    return Fidelity(
        largest["probability"],
        largest["score"],
        mean["score"],
        largest["log_square"],
        mean["log_square"],
        mean["in_sd"],
    )


def _log_square(scores: Floats, inputs: Inputs) -> Floats:
    """Return [B, 2]: the logarithm of the mean square of a block's scores, measured minutes alone."""
    weight = inputs["weight"][:, EMITTED.start : EMITTED.stop]
    mean = (weight * np.square(scores)).sum(axis=1) / np.maximum(weight.sum(axis=1), 1)
    logarithm: Floats = np.log(mean + LEAST_SQUARE)
    return logarithm


def latencies(contents: Mapping[str, bytes], inputs: Inputs, plan: ExportPlan) -> dict[tuple[str, int], Latency]:
    """Return by precision and batch what a window takes on one thread. Files take turns, so that noise hits both."""
    sessions = {precision: session_of(content) for precision, content in contents.items()}
    seconds: dict[tuple[str, int], list[float]] = {}
    for _ in range(plan.timed_rounds):
        for precision, session in sessions.items():
            for batch in BATCHES:
                part = {name: array[:batch] for name, array in inputs.items()}
                seconds.setdefault((precision, batch), []).extend(_timed(session, part, plan.timed_calls))
    return {key: _latency(taken, key[1]) for key, taken in seconds.items()}


def _timed(session: Any, inputs: Inputs, calls: int) -> list[float]:
    seconds = []
    session.run([OUTPUT], inputs)
    for _ in range(calls):
        begun = time.thread_time()
        session.run([OUTPUT], inputs)
        seconds.append(time.thread_time() - begun)
    return seconds


def _latency(seconds: Sequence[float], batch: int) -> Latency:
    low, median, high = np.quantile(np.array(seconds) / batch * 1e6, MIDDLE)
    return Latency(float(median), float(low), float(high), len(seconds))


def _machine() -> str:
    """Return the processor's name, its cores, and the versions that decide the speed."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = (line.partition(":") for line in cpuinfo.read_text(encoding="utf-8").splitlines())
        name = next((value.strip() for key, _, value in lines if key.strip() == "model name"), name)
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}, ONNX Runtime {onnxruntime.__version__}"
