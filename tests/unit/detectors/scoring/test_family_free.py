"""The score that no attack had to be learnt for."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.scoring.components import GROUPS, family_free, group_values
from detectors.scoring.tails import fast_columns


def u_of(**groups: float) -> np.ndarray:
    """Return u of one decision: the first column of each of these groups, all others 0."""
    u = np.zeros((1, len(fast_columns())))
    for group, value in groups.items():
        place = next(at for at, column in enumerate(fast_columns()) if column.group == group.replace("_", "-"))
        u[0, place] = value
    return u


def test_every_column_belongs_to_one_of_seven_groups() -> None:
    assert {column.group for column in fast_columns()} == set(GROUPS)
    assert len(GROUPS) == 7


def test_a_groups_value_is_its_largest() -> None:
    u = np.zeros((1, len(fast_columns())))
    places = [place for place, column in enumerate(fast_columns()) if column.group == "noise"]
    u[0, places] = np.arange(len(places))
    assert group_values(u)[0, GROUPS.index("noise")] == len(places) - 1


@pytest.mark.parametrize("group", ["level", "spread"])
def test_a_mere_change_of_level_or_spread_is_a_patient_not_an_attack(group: str) -> None:
    assert family_free(u_of(**{group: 30.0}))[0] == 0
    assert family_free(u_of(**{group: 30.0, "noise": 2.0}))[0] == 2.0 + 4.0
    assert family_free(u_of(**{group: 30.0, "lattice": 3.0}))[0] == 3.0 + 6.0
    assert family_free(u_of(**{group: 30.0, "calm": 3.0}))[0] == 3.0
    assert family_free(u_of(**{group: 5.0, "noise": 4.0}))[0] == 9.0


def test_the_three_largest_groups_are_added() -> None:
    assert family_free(u_of(noise=4.0, calm=3.0, coupling=2.0, flat_tailed=1.0))[0] == 9.0
