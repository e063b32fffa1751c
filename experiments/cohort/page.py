"""The cohort report as one page: findings, pictures, distances by group, and places of single records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import matplotlib as mpl

from experiments.cohort.comparison import CohortReport, Comparison
from experiments.cohort.groups import Measured
from experiments.cohort.membership import Membership
from experiments.cohort.pictures import pictures
from experiments.cohort.words import findings, number, place_word
from experiments.report.figures import STYLE, to_svg
from experiments.report.numbers import with_interval
from experiments.report.page import Cover, Section, page_of
from experiments.report.tables import Table

TITLE: Final = "Synthetic cohort against real recordings"
INTRO: Final = (
    "A part of the detector's references and limits rests on synthetic patients. This page holds them against real "
    "recordings: statistic by statistic for whole groups, and record by record for real minutes."
)
READING: Final = (
    "KS is the Kolmogorov-Smirnov distance (0 equal, 1 fully apart) with its 95 % bootstrap interval; by chance is what 95 % of "
    "random splits of the same patients stay below, and a distance up to it counts as none seen; up to 0.2 is small, from 0.35 "
    "large. W is the first Wasserstein distance in pooled standard deviations. Values are medians over patients (10th to 90th "
    "percentile). Synthetic patients are cut to the real lengths, charts are compared at one whole number an hour."
)
_MARKS: Final = {"large": False, "none seen": True}


def build_page(report: CohortReport, command: str) -> str:
    """Return the page; blocks for some seconds, as it draws every figure."""
    plan = report.plan
    cards = (
        (str(plan.patients), "synthetic patients"),
        (f"{plan.days} days", "each, minute by minute"),
        (f"{plan.deteriorating_share:.0%}", "of them deteriorate"),
        (str(plan.seed), "seed"),
        (str(sum(len(measured.group.recordings) for measured in report.measured)), "real recordings"),
        (str(len(report.measured)), "sources and scales"),
    )
    with mpl.rc_context(STYLE):
        return page_of(Cover(TITLE, INTRO, cards), list(_sections(report)), command)


def _sections(report: CohortReport) -> Iterator[Section]:
    yield Section("findings", "What is found", "\n".join(findings(report)))
    for picture in pictures(report):
        svg = to_svg(picture.figure, picture.name, picture.caption)
        yield Section(f"picture-{picture.name}", picture.title, picture.caption, (svg,), reading_first=False)
    compared = zip(report.measured, report.comparisons, strict=True)
    yield Section("distances", "Distances", READING, [_distances(*pair) for pair in compared if pair[1]])
    yield Section("places", "Single records", "", [_places(member) for member in report.members])


def _distances(measured: Measured, comparisons: Sequence[Comparison]) -> Table:
    left_out = f"; {measured.group.left_out} left out" if measured.group.left_out else ""
    return Table(
        ("statistic", "n real", "n synthetic", "real", "synthetic", "KS", "by chance", "W", "difference"),
        tuple(map(_distance_row, comparisons)),
        tuple(_MARKS.get(one.distance.size) for one in comparisons),
        f"{measured.group.name}: {len(measured.group.recordings)} real recordings{left_out}",
    )


def _distance_row(one: Comparison) -> tuple[str, ...]:
    apart = one.distance
    return (
        one.statistic.axis,
        str(one.n_real),
        str(one.n_synthetic),
        _spread(one.real_quantiles),
        _spread(one.synthetic_quantiles),
        with_interval(apart.ks, *apart.ks_interval, ".2f"),
        f"{apart.ks_by_chance:.2f}",
        with_interval(apart.wasserstein, *apart.wasserstein_interval, ".2f"),
        apart.size,
    )


def _places(member: Membership) -> Table:
    rows = [
        (
            place.statistic.axis,
            number(place.value),
            str(place.n_synthetic),
            number(place.median),
            f"{number(place.low)} to {number(place.high)}",
            f"{place.percentile:.0f}",
            place_word(place),
        )
        for place in member.places
    ]
    head = ("statistic", "the record", "n synthetic", "median", "central 95 %", "percentile", "lies")
    caption = f"{member.device_id} ({member.minutes} minutes) among synthetic patients of its length"
    return Table(head, tuple(rows), tuple(not place.outside for place in member.places), caption)


def _spread(quantiles: Sequence[float]) -> str:
    low, middle, high = (number(value) for value in quantiles)
    return f"{middle} ({low} to {high})"
