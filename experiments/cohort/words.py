"""What a cohort report says in words: which distances are large, and whether real records are ordinary members."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from experiments.cohort.comparison import CohortReport, Comparison
from experiments.cohort.distances import Size
from experiments.cohort.groups import Measured
from experiments.report.page import said

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
