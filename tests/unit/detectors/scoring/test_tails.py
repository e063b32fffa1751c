"""One-sided columns of both channels, and how rare they are."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.scoring.tails import SHARES, Tails, fast_columns, one_sided, slow_columns
from detectors.statistics.base import NETWORK
from detectors.statistics.registry import columns

NORMAL = np.quantile(np.random.default_rng(0).standard_normal(400_000), SHARES)
TAILS = Tails(NORMAL[:, None], np.array([0.5]))


def rare(value: float) -> float:
    return float(TAILS.of(np.array([[value]]))[0, 0])


def r_of(**values: float) -> np.ndarray:
    """Return one row of standardised statistics, 0 but for these, named heart_level_60 and so on."""
    row = np.zeros((1, len(columns())))
    for name, value in values.items():
        channel, statistic, minutes = name.split("_")
        for place, column in enumerate(columns()):
            if (column.channel, column.statistic.replace(" ", ""), str(column.minutes)) == (
                channel,
                statistic,
                minutes,
            ):
                row[0, place] = value
    return row


def column(statistic: str, side: int, smallest: bool, minutes: int = 60) -> int:
    return next(
        place
        for place, one in enumerate(fast_columns())
        if (one.statistic, one.side, one.is_smallest, one.minutes) == (statistic, side, smallest, minutes)
    )


def test_there_are_32_columns_of_the_hour_and_43_of_six() -> None:
    assert (len(fast_columns()), len(slow_columns())) == (32, 43)
    assert {columns()[one.heart].residual for one in (*fast_columns(), *slow_columns())} & {NETWORK} == set()


@pytest.mark.parametrize(
    ("heart", "breath", "j", "g"),
    [
        pytest.param(4.0, 9.0, 4.0, 6.0 + 0.2, id="both high"),
        pytest.param(9.0, 0.0, 0.0, 0.0, id="one alone"),
        pytest.param(9.0, -2.0, -2.0, -0.1, id="one high, one low"),
        pytest.param(-16.0, -4.0, -16.0, -0.25, id="both low: ties at nothing are broken by no more than this"),
        pytest.param(100.0, 16.0, 16.0, 40.0 + 0.25, id="the tie-breaker ends at 5"),
    ],
)
def test_both_channels_together(heart: float, breath: float, j: float, g: float) -> None:
    found = one_sided(r_of(heart_level_60=heart, breath_level_60=breath), fast_columns())[0]
    assert found[column("level", +1, True)] == pytest.approx(j)
    assert found[column("level", +1, False)] == pytest.approx(g)
    mirrored = one_sided(r_of(heart_level_60=-heart, breath_level_60=-breath), fast_columns())[0]
    assert mirrored[column("level", -1, True)] == pytest.approx(j)
    assert mirrored[column("level", -1, False)] == pytest.approx(g)


def test_a_number_of_both_channels_is_taken_as_it_is() -> None:
    found = one_sided(r_of(both_coupling_60=3.0), fast_columns())[0]
    sides = [found[place] for place, one in enumerate(fast_columns()) if one.statistic == "coupling"]
    assert sides == [3.0, -3.0]


def test_u_is_the_decades_of_rarity() -> None:
    assert rare(NORMAL[0]) == pytest.approx(-np.log10(0.5))
    assert rare(-9.0) == pytest.approx(-np.log10(0.5))
    assert rare(float(np.quantile(NORMAL, 1.0))) == pytest.approx(-np.log10(0.002))
    assert rare(2.326) == pytest.approx(2.0, abs=0.02)
    assert rare(1.645) == pytest.approx(-np.log10(0.05), abs=0.02)


def test_beyond_what_was_seen_it_goes_on_by_the_decade_and_ends_at_40() -> None:
    last = float(NORMAL[-1])
    assert rare(last + 1.0) == pytest.approx(-np.log10(0.002) + 2.0)
    assert rare(1e6) == 40.0
    assert rare(last + 0.01) >= rare(last)
