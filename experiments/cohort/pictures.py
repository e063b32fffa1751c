"""Every figure of a cohort report in its order, each with a title and what it shows in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from experiments.cohort.comparison import DAY_MIN, CohortReport, is_few
from experiments.cohort.figures import coupling_figure, distribution_figure, gap_figure, memory_figure
from experiments.cohort.groups import Measured
from experiments.cohort.traces import deterioration_figure, example_figure

SHORTEST_WITH_MEMORY_MIN: Final = 6 * 60


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A figure; `name` is unique within a report, `caption` says in words what it shows."""

    name: str
    title: str
    caption: str
    figure: Figure


def pictures(report: CohortReport) -> Iterator[Picture]:
    """Yield the figures one by one, drawn in the matplotlib style that is set while they are asked for."""
    long = [
        one for one in report.measured if min(each.minutes for each in one.group.recordings) >= SHORTEST_WITH_MEMORY_MIN
    ]
    few = [(at, one) for at, one in enumerate(report.measured) if one in long and is_few(one.group)]
    for at, measured in few:
        yield _examples(report, at, measured)
    for at, measured in enumerate(report.measured):
        yield _distributions(at, measured)
        if measured in long:
            yield _memory(at, measured)
    if long:
        yield _coupling(long)
    for at, measured in few:
        yield _gaps(at, measured)
    yield _deteriorations(report)


def _coupling(long: Sequence[Measured]) -> Picture:
    return Picture(
        "coupling",
        "Heart rate with respiratory rate",
        "A dot a patient. To the right the two rise and fall together over hours; further up also from one value to the next.",
        coupling_figure(long),
    )


def _examples(report: CohortReport, at: int, measured: Measured) -> Picture:
    return Picture(
        f"examples-{at}",
        f"Real beside synthetic: {measured.group.name}",
        "Eight hours from the middle of each real record; beside it the synthetic patient whose level, spread, minute "
        "differences and memory rank nearest to it; below, two synthetic patients drawn at random.",
        example_figure(measured, np.random.default_rng(report.plan.seed)),
    )


def _distributions(at: int, measured: Measured) -> Picture:
    records = " Vertical lines: the real records." if len(measured.group.recordings) <= 3 else ""
    per = "minute by minute" if measured.group.scale == "minute" else "charted about hourly"
    return Picture(
        f"distributions-{at}",
        f"Distributions: {measured.group.name}, {per}",
        "For each statistic the share of patients at or below a value: the further apart the curves, the larger the "
        f"Kolmogorov-Smirnov distance.{records}",
        distribution_figure(measured),
    )


def _memory(at: int, measured: Measured) -> Picture:
    return Picture(
        f"memory-{at}",
        f"Memory: {measured.group.name}",
        "Autocorrelation by lag: median and 10th to 90th percentile of the patients.",
        memory_figure(measured),
    )


def _gaps(at: int, measured: Measured) -> Picture:
    return Picture(
        f"gaps-{at}",
        f"Gaps: {measured.group.name}",
        "Share of gaps that last longer than a length, all gaps of the synthetic patients against those of each real record.",
        gap_figure(measured),
    )


def _deteriorations(report: CohortReport) -> Picture:
    return Picture(
        "deteriorations",
        "Genuine deterioration",
        "One synthetic patient a kind, the one whose vital signs change by the median of fifteen, as medians of 30 minutes. "
        "Dashed: the same patient without it. Shaded: where the cohort says that the patient deteriorates.",
        deterioration_figure(report.plan.seed, report.plan.days * DAY_MIN),
    )
