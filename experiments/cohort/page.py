"""The cohort report as one page: findings in words, pictures, distances by group, and places of single records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from experiments.cohort.comparison import DAY_MIN, CohortReport, Comparison, Membership, Place, is_few
from experiments.cohort.distances import Size
from experiments.cohort.figures import coupling_figure, distribution_figure, gap_figure, memory_figure
from experiments.cohort.groups import Measured
from experiments.cohort.traces import deterioration_figure, example_figure
from experiments.report.figures import STYLE, to_svg
from experiments.report.numbers import with_interval
from experiments.report.page import Cover, Section, page_of, said
from experiments.report.tables import Table, table_of

SIZES: Final[tuple[Size, ...]] = ("large", "moderate", "small", "none seen")
UNUSUAL_BELOW: Final = 0.05
sentence: Final = partial(said, "experiments.cohort")


def findings(report: CohortReport) -> list[str]:
    """Return one or two sentences a compared group and a placed record, the most telling first in each."""
    compared = zip(report.measured, report.comparisons, strict=True)
    groups = [text for pair in compared if pair[1] for text in _of_group(*pair)]
    return [*groups, *(sentence("member", member=member, unusual_below=UNUSUAL_BELOW) for member in report.members)]


def number(value: float) -> str:
    """Return three significant digits, without an exponent for what people measure."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def direction(comparison: Comparison) -> str:
    """Return how the median synthetic patient differs from the median real one."""
    real, synthetic = comparison.real_quantiles[1], comparison.synthetic_quantiles[1]
    if synthetic == real:
        return f"equal in the median, {number(real)}, but spread otherwise"
    return f"{'higher' if synthetic > real else 'lower'}: {number(synthetic)} against {number(real)}"


def _of_group(measured: Measured, comparisons: Sequence[Comparison]) -> Iterator[str]:
    by_size = {size: [row for row in comparisons if row.distance.size == size] for size in SIZES}
    counts = [f"{len(of_size)} {size}" for size, of_size in by_size.items()]
    sides = {"group": measured.group, "synthetic": len(measured.synthetic), "distances": len(comparisons)}
    yield sentence("group", counts=counts, **sides)
    for size in SIZES[:2]:
        if by_size[size]:
            far = sorted(by_size[size], key=lambda row: -row.distance.ks)
            named = [f"{row.statistic.label} (synthetic {direction(row)})" for row in far]
            yield sentence("apart", group=measured.group, size=size, statistics=named)


SHORTEST_WITH_MEMORY_MIN: Final = 6 * 60
_MARKS: Final = {"large": False, "none seen": True}


def build_page(report: CohortReport, command: str) -> str:
    """Return the page. Blocks for some seconds, as it draws every figure."""
    plan = report.plan
    cards = (
        (str(plan.patients), "synthetic patients"),
        (f"{plan.days} days", "each, minute by minute"),
        (f"{plan.deteriorating_share:.0%}", "of them deteriorate"),
        (str(plan.seed), "seed"),
        (str(sum(len(measured.group.recordings) for measured in report.measured)), "real recordings"),
        (str(len(report.measured)), "sources and scales"),
    )
    cover = Cover("Synthetic cohort against real recordings", sentence("intro"), cards)
    with mpl.rc_context(STYLE):
        return page_of(cover, list(_sections(report)), command)


def _sections(report: CohortReport) -> Iterator[Section]:
    yield Section("findings", "What is found", "\n".join(findings(report)))
    yield from _pictures(report)
    compared = zip(report.measured, report.comparisons, strict=True)
    yield Section("distances", "Distances", sentence("distances"), [_distances(*pair) for pair in compared if pair[1]])
    yield Section("places", "Single records", "", [_places(member) for member in report.members])


def _pictures(report: CohortReport) -> Iterator[Section]:
    """Every figure in its order, drawn in the matplotlib style that is set while it is asked for."""
    long = [
        (at, measured)
        for at, measured in enumerate(report.measured)
        if min(recording.minutes for recording in measured.group.recordings) >= SHORTEST_WITH_MEMORY_MIN
    ]
    few = [(at, measured) for at, measured in long if is_few(measured.group)]
    for at, measured in few:
        figure = example_figure(measured, np.random.default_rng(report.plan.seed))
        yield _picture("examples", f"Real beside synthetic: {measured.group.name}", figure, at)
    for at, measured in enumerate(report.measured):
        per = "minute by minute" if measured.group.scale == "minute" else "charted about hourly"
        title = f"Distributions: {measured.group.name}, {per}"
        yield _picture("distributions", title, distribution_figure(measured), at, group=measured.group)
        if (at, measured) in long:
            yield _picture("memory", f"Memory: {measured.group.name}", memory_figure(measured), at)
    if long:
        figure = coupling_figure([measured for _, measured in long])
        yield _picture("coupling", "Heart rate with respiratory rate", figure)
    for at, measured in few:
        yield _picture("gaps", f"Gaps: {measured.group.name}", gap_figure(measured), at)
    figure = deterioration_figure(report.plan.seed, report.plan.days * DAY_MIN)
    yield _picture("deteriorations", "Genuine deterioration", figure)


def _picture(kind: str, title: str, figure: Figure, at: int | None = None, **values: Any) -> Section:
    """Return the section of a figure. The block of its kind in words.jinja says what it shows."""
    name, reading = kind if at is None else f"{kind}-{at}", sentence(kind, **values)
    return Section(f"picture-{name}", title, reading, (to_svg(figure, name, reading),), reading_first=False)


def _distances(measured: Measured, comparisons: Sequence[Comparison]) -> Table:
    left_out = f"; {measured.group.left_out} left out" if measured.group.left_out else ""
    rows = (
        {
            "statistic": row.statistic.axis,
            "n real": str(row.n_real),
            "n synthetic": str(row.n_synthetic),
            "real": _spread(row.real_quantiles),
            "synthetic": _spread(row.synthetic_quantiles),
            "KS": with_interval(row.distance.ks, *row.distance.ks_interval, ".2f"),
            "by chance": f"{row.distance.ks_by_chance:.2f}",
            "W": with_interval(row.distance.wasserstein, *row.distance.wasserstein_interval, ".2f"),
            "difference": row.distance.size,
        }
        for row in comparisons
    )
    caption = f"{measured.group.name}: {len(measured.group.recordings)} real recordings{left_out}"
    return table_of(rows, [_MARKS.get(row.distance.size) for row in comparisons], caption)


def _places(member: Membership) -> Table:
    rows = (
        {
            "statistic": place.statistic.axis,
            "the record": number(place.value),
            "n synthetic": str(place.n_synthetic),
            "median": number(place.median),
            "central 95 %": f"{number(place.low)} to {number(place.high)}",
            "percentile": f"{place.percentile:.0f}",
            "lies": _side(place),
        }
        for place in member.places
    )
    caption = f"{member.device_id} ({member.minutes} minutes) among synthetic patients of its length"
    return table_of(rows, [not place.outside for place in member.places], caption)


def _side(place: Place) -> str:
    """Return whether the value lies inside the central 95 %, and if not on which side."""
    if not place.outside:
        return "inside"
    return "below" if place.value < place.low else "above"


def _spread(quantiles: Sequence[float]) -> str:
    low, middle, high = (number(value) for value in quantiles)
    return f"{middle} ({low} to {high})"
