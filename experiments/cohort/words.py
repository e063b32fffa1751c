"""What a cohort report says in words: which distances are large, and whether real records are ordinary members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from experiments.cohort.comparison import CohortReport, Comparison
from experiments.cohort.distances import Size
from experiments.cohort.groups import Measured
from experiments.cohort.membership import Membership, Place

SIZES: Final[tuple[Size, ...]] = ("large", "moderate", "small", "none seen")
UNUSUAL_BELOW: Final = 0.05


def findings(report: CohortReport) -> list[str]:
    """Return one or two sentences a compared group and a placed record, the most telling first in each."""
    groups = [
        sentence
        for measured, comparisons in zip(report.measured, report.comparisons, strict=True)
        if comparisons
        for sentence in _of_group(measured, comparisons)
    ]
    return [*groups, *(_of_member(member) for member in report.members)]


def number(value: float) -> str:
    """Return three significant digits, without an exponent for what people measure."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def direction(comparison: Comparison) -> str:
    """Return how the median synthetic patient differs from the median real one."""
    real, synthetic = comparison.real_quantiles[1], comparison.synthetic_quantiles[1]
    if synthetic == real:
        return f"equal in the median, {number(real)}, but spread otherwise"
    return f"{'higher' if synthetic > real else 'lower'}: {number(synthetic)} against {number(real)}"


def _of_group(measured: Measured, comparisons: Sequence[Comparison]) -> list[str]:
    by_size = {size: [one for one in comparisons if one.distance.size == size] for size in SIZES}
    counts = ", ".join(f"{len(by_size[size])} {size}" for size in SIZES)
    sides = f"{len(measured.group.recordings)} real against {len(measured.synthetic)} synthetic patients"
    told = [f"{measured.group.name}, {sides}: of {len(comparisons)} distances {counts}."]
    for size in ("large", "moderate"):
        if by_size[size]:
            far = sorted(by_size[size], key=lambda one: -one.distance.ks)
            named = "; ".join(f"{one.statistic.label} (synthetic {direction(one)})" for one in far)
            told.append(f"{size.capitalize()} in {measured.group.name}: {named}.")
    return told


def _of_member(member: Membership) -> str:
    outside = "; ".join(f"{one.statistic.label} (percentile {one.percentile:.0f})" for one in member.outside)
    verdict = "an unusual member" if member.members_as_far_out < UNUSUAL_BELOW else "an ordinary member"
    return (
        f"{member.device_id} is {verdict}: {len(member.outside)} of {len(member.places)} statistics lie outside the central "
        f"95 % of the synthetic patients{': ' + outside if outside else ''}; the median synthetic patient has "
        f"{member.outside_expected:.0f} outside, and {100 * member.members_as_far_out:.0f} % have at least as many."
    )


def place_word(place: Place) -> str:
    """Return whether the value lies inside the central 95 %, and if not on which side."""
    if not place.outside:
        return "inside"
    return "below" if place.value < place.low else "above"
