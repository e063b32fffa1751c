"""What a bundle makes of patients and attacks that no training has met: the measurements behind the canary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.bundle import Bundle
from detectors.knowledge import ENROLMENTS_MIN, SITUATIONS
from detectors.scoring.runtime import Reconstructor
from detectors.training.canary import unpacked
from detectors.training.canary_figures import Outcomes, Rebuilt
from detectors.training.card import found_after_min
from detectors.training.cohort import Injector, Stay
from detectors.training.judging import Judged, judge, raw_scores, weeks_of
from detectors.training.pool import Pool, pool
from detectors.training.series import ScaledWindows, enrolment_rows, own_scale, rows_of, windows_between
from detectors.training.trace_jobs import AttackTraceTask, CleanTraceTask, Means, attacked_traces, clean_traces
from detectors.training.workfolder import Arrays, WorkFolder

Floats = NDArray[np.float64]
Report = Callable[[float, str], None]

STRIDE: Final = 7
FOUND_WITHIN_MIN: Final = 240


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Patients left alone, patients to attack, the (attack, level) pairs, and the canary set of the bundle that runs."""

    clean: Sequence[Stay]
    attacked: Sequence[Stay]
    cases: tuple[tuple[str, str], ...]
    inject: Injector
    canary: dict[str, NDArray[Any]]
    seed: int


def rebuilt(reconstructor: Reconstructor, held_out: HeldOut) -> Rebuilt:
    """Try a bottleneck on clean windows and on the canary set. Blocks for seconds.

    What the canary set lacks comes out as NaN, which no verdict passes.
    """
    clean = [window_losses(reconstructor, _windows_after_enrolment(stay)) for stay in held_out.clean]
    canary = [window_losses(reconstructor, _canary_windows(held_out.canary, kind)) for kind in ("clean", "attacked")]
    loss = np.array([one.mean() if len(one) else np.nan for one in clean], float)
    return Rebuilt(loss, *(one if len(one) else np.array([np.nan]) for one in canary))


def outcomes(bundle: Bundle, held_out: HeldOut, work: WorkFolder, processes: int, report: Report) -> Outcomes:
    """Try a bundle; equal arguments give equal figures, so that two bundles' are paired. Blocks for minutes."""

    def make() -> Arrays:
        with pool(bundle.autoencoder, bundle.blind_spot, processes) as workers:
            fleet = _clean_fleet(bundle, workers, held_out, lambda share, text: report(0.5 * share, text))
            found = _found(bundle, workers, held_out, lambda share, text: report(0.5 + 0.5 * share, text))
        false = [sum(one.episodes(limit) for one, limit in device) for device in fleet]
        weeks = [weeks_of([one for one, _ in device]) for device in fleet]
        return {"false_exclusions": np.array(false, float), "weeks": np.array(weeks, float), "found": found}

    return Outcomes(**work.stage("outcomes", make), attacks=tuple(f"{name} {level}" for name, level in held_out.cases))


def window_losses(reconstructor: Reconstructor, windows: ScaledWindows) -> Floats:
    """Return the bottleneck's mean squared error of each window over both channels, float64[k], in scaled units."""
    usual = np.ones((len(windows), 4), np.float32)
    found = reconstructor.residuals(windows.z, windows.event_minute, usual).mean_square
    losses: Floats = found[:, :2].mean(axis=1, dtype=np.float64)
    return losses


def _windows_after_enrolment(stay: Stay) -> ScaledWindows:
    rows, length = rows_of(stay.recording), ENROLMENTS_MIN[0]
    return windows_between(rows, own_scale(rows, length), enrolment_rows(rows, length), len(rows), STRIDE)


def _canary_windows(canary: dict[str, NDArray[Any]], kind: str) -> ScaledWindows:
    try:
        return unpacked(canary, kind)
    except KeyError:
        return ScaledWindows(np.empty((0, 60, 2), np.float32), np.empty((0, 60), np.int64))


def _clean_fleet(
    bundle: Bundle, workers: Pool, held_out: HeldOut, report: Report
) -> list[list[tuple[Judged, float]]]:  # fmt: skip
    """Return how each clean device is judged in every situation, with the situation's threshold."""
    known = bundle.knowledge
    means = Means(known.expectations, known.population)
    tasks = [CleanTraceTask(stay.recording, SITUATIONS, means) for stay in held_out.clean]
    fleet = []
    for done, traces in enumerate(workers.map(clean_traces, tasks), 1):
        fleet.append([
            (judge(trace, raw_scores(known.tables, known.networks, trace), known.situations[name].scales),
             known.situations[name].threshold)
            for name, trace in traces.items() if len(trace)
        ])  # fmt: skip
        report(done / len(tasks), f"{done} of {len(tasks)} clean devices judged")
    return fleet


def _found(bundle: Bundle, workers: Pool, held_out: HeldOut, report: Report) -> Floats:
    """Return float64[devices, cases]: whether each attack was found within FOUND_WITHIN_MIN of its onset."""
    known, length = bundle.knowledge, ENROLMENTS_MIN[-1]
    means = Means(known.expectations, known.population)
    tasks = [
        AttackTraceTask(stay.recording, held_out.cases, length, held_out.inject, means, (held_out.seed, 4, index))
        for index, stay in enumerate(held_out.attacked)
    ]
    found = np.full((len(tasks), len(held_out.cases)), np.nan)
    for place, attacked in enumerate(workers.map(attacked_traces, tasks)):
        delays = [found_after_min(known, str(length), one) for one in attacked]
        found[place] = np.array(delays) <= FOUND_WITHIN_MIN
        report((place + 1) / len(tasks), f"{place + 1} of {len(tasks)} attacked devices judged")
    return found
