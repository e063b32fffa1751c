"""A change within an enrolment is said, and a quiet one is not."""

from __future__ import annotations

import numpy as np

from detectors.explanations.enrolment import enrolment_warning
from detectors.statistics.registry import columns

rng = np.random.default_rng(3)
VALUES = np.round(rng.normal([80.0, 16.0], [3.0, 1.0], (600, 2)), 1)
STATISTICS = rng.normal(0, 1, (36, len(columns())))
KEEP = np.ones(36, np.bool_)
APART = np.full(len(columns()), 1.0)
ENERGY = next(
    place for place, column in enumerate(columns()) if column.statistic == "energy" and column.channel == "breath"
)


def test_nothing_is_said_of_an_enrolment_that_stays_as_it_was() -> None:
    assert enrolment_warning(VALUES, STATISTICS, KEEP, APART) == ""


def test_a_new_monitor_shows_in_the_grid() -> None:
    values = VALUES.copy()
    values[300:, 1] = np.round(values[300:, 1])
    assert enrolment_warning(values, STATISTICS, KEEP, APART) == (
        "enrolment looks unusual: breathing partly in whole numbers, partly in tenths, as if the monitor was changed"
    )


def test_ventilation_that_begins_shows_in_a_statistic() -> None:
    statistics = STATISTICS.copy()
    statistics[18:, ENERGY] -= 30
    said = enrolment_warning(VALUES, statistics, KEEP, APART)
    assert said.startswith("enrolment looks unusual: breathing ")
    assert said.endswith(" towards its end")
    assert enrolment_warning(VALUES, statistics, KEEP, 2 * APART) == ""


def test_decisions_that_do_not_count_are_left_out() -> None:
    statistics = STATISTICS.copy()
    statistics[30:, ENERGY] += 400
    keep = KEEP.copy()
    keep[30:] = False
    assert enrolment_warning(VALUES, statistics, keep, APART) == ""
    assert enrolment_warning(VALUES, statistics[:9], KEEP[:9], APART) == ""
