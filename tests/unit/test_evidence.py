"""From standardised features to what networks and tails read, and from there to words."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.evidence import (
    LATTICE_TAIL,
    LEVEL_TAIL,
    NETWORK_INPUTS,
    PARTS,
    RESIDUAL_EVIDENCE,
    SIGNAL,
    SLOW_EVIDENCE,
    TEXTURE_TAIL,
    read,
)
from detectors.explain import explain, words_for
from detectors.features.catalogue import FAST, RESIDUAL, SLOW
from detectors.networks import LARGEST_LOGIT, logit
from detectors.surprise import GRID

KEYS = [feature.key for feature in FAST]
HEART_MEAN, BREATH_MEAN = KEYS.index("heart_rate 60 mean"), KEYS.index("resp_rate 60 mean")


def usual(count: int = 1) -> np.ndarray:
    return np.zeros((count, len(FAST)), np.float32)


def as_is(columns: int = SIGNAL.columns) -> np.ndarray:
    """A surprise table by which every value is as surprising as it is large."""
    return np.repeat(GRID[:, None], columns, axis=1).astype(np.float32)


def groups_of(r: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return name -> (upward, downward surprise) of the first window, where there is any."""
    high, low = np.split(read(SIGNAL, as_is(), r).groups[0], 2)
    found = zip(SIGNAL.group_names, zip(high.tolist(), low.tolist(), strict=True), strict=True)
    return {name: pair for name, pair in found if pair != (0, 0)}


def test_every_part_pairs_what_both_channels_have() -> None:
    for part, features, shared in ((SIGNAL, FAST, 18), (RESIDUAL_EVIDENCE, RESIDUAL, 14), (SLOW_EVIDENCE, SLOW, 39)):
        assert part.features == features
        assert part.pairs.shape == (2, shared)
        for heart, breath in part.pairs.T:
            assert features[heart].channel == "heart_rate"
            assert features[breath] == features[heart]._replace(channel="resp_rate")
        places = np.concatenate(part.members)
        assert sorted(places.tolist()) == list(range(part.columns))  # every column in one group
    assert NETWORK_INPUTS["slow"] == SIGNAL.inputs + SLOW_EVIDENCE.inputs
    assert {name: part.columns for name, part in PARTS.items()} == {"signal": 82, "residual": 58, "slow": 186}


def test_joint_features_are_what_both_channels_share() -> None:
    r = usual(3)
    r[:, HEART_MEAN], r[:, BREATH_MEAN] = [3, 3, -3], [2, -2, -2]
    joint = SIGNAL.with_joint(r)
    pair = SIGNAL.pairs[0].tolist().index(HEART_MEAN)
    up, down = joint[:, len(FAST) + pair], joint[:, len(FAST) + 18 + pair]
    assert up.tolist() == [2, -2, -3]
    assert down.tolist() == [-3, -3, 2]


def test_groups_hold_the_largest_surprise_each_way() -> None:
    r = usual()
    r[0, HEART_MEAN] = 4
    r[0, KEYS.index("heart_rate 60 slope")] = -3
    r[0, KEYS.index("both 60 correlation")] = -2
    found = groups_of(r)
    assert found["level heart_rate 60"] == (4, 3)
    assert found["coupling both 60"] == (0, 2)
    assert set(found) == {"level heart_rate 60", "level joint 60", "coupling both 60"}


def test_both_channels_high_is_a_joint_surprise() -> None:
    r = usual()
    r[0, [HEART_MEAN, BREATH_MEAN]] = [4, 3]
    assert groups_of(r)["level joint 60"][0] == 3
    r[0, [HEART_MEAN, BREATH_MEAN]] = [-4, -3]
    assert groups_of(r)["level joint 60"][0] == 3


def test_networks_read_limited_columns_and_the_roots_of_groups() -> None:
    r = usual()
    r[0, HEART_MEAN] = 9
    found = read(SIGNAL, as_is(), r)
    assert found.inputs.shape == (1, SIGNAL.inputs)
    assert found.inputs.dtype == np.float32
    assert found.inputs[0, HEART_MEAN] == 3  # 6 / 2
    level = SIGNAL.columns + SIGNAL.group_names.index("level heart_rate 60")
    assert found.inputs[0, level] == 3  # the root of 9
    r[0, HEART_MEAN] = 14
    assert read(SIGNAL, as_is(), r).inputs[0, level] == pytest.approx(np.sqrt(12))


def test_what_is_not_known_is_usual() -> None:
    assert not read(SIGNAL, as_is(), usual() * np.nan).groups.any()


def test_the_tail_of_levels_hears_each_channel_both_ways_and_nothing_else() -> None:
    for place, value in ((HEART_MEAN, 5), (HEART_MEAN, -5), (BREATH_MEAN, -5)):
        r = usual()
        r[0, place] = value
        assert LEVEL_TAIL.of_hour(read(SIGNAL, as_is(), r)).tolist() == [5]
    r = usual()
    r[0, KEYS.index("heart_rate 60 log_variance")] = 9
    assert LEVEL_TAIL.of_hour(read(SIGNAL, as_is(), r)).tolist() == [0]


def test_the_tail_of_texture_hears_both_channels_unlike_usual_in_the_same_way_and_nothing_else() -> None:
    heart, breath = (KEYS.index(f"{channel} 60 log_difference_power") for channel in ("heart_rate", "resp_rate"))
    for one, other, heard in ((-6, -5, 5), (5, 6, 5), (-6, 5, 0), (-6, 0, 0)):
        r = usual()
        r[0, heart], r[0, breath] = one, other
        assert TEXTURE_TAIL.of_hour(read(SIGNAL, as_is(), r)).tolist() == [heard]


def test_the_tail_of_lattices_hears_a_peak_in_windows_of_any_length_and_no_want_of_one() -> None:
    r = usual()
    r[0, KEYS.index("both 60 joint_lattice")] = 7
    assert LATTICE_TAIL.of_hour(read(SIGNAL, as_is(), r)).tolist() == [7]
    r[0, KEYS.index("both 60 joint_lattice")] = -7
    assert LATTICE_TAIL.of_hour(read(SIGNAL, as_is(), r)).tolist() == [0]
    slow_keys = [feature.key for feature in SLOW]
    for minutes in (180, 360):
        long = np.zeros((1, len(SLOW)), np.float32)
        long[0, slow_keys.index(f"both {minutes} heart_rate_lattice")] = 6
        found = read(SLOW_EVIDENCE, as_is(SLOW_EVIDENCE.columns), long)
        assert (LATTICE_TAIL.of_half_day(found).tolist(), LEVEL_TAIL.of_half_day(found).tolist()) == ([6], [0])


def test_a_network_is_two_rectified_layers_and_a_limited_sum() -> None:
    weights = {
        "hidden_0/kernel": np.float32([[1, -1], [0, 2]]), "hidden_0/bias": np.float32([0, 1]),
        "hidden_1/kernel": np.float32([[1], [1]]), "hidden_1/bias": np.float32([-1]),
        "logit/kernel": np.float32([[2]]), "logit/bias": np.float32([0.5]),
    }  # fmt: skip
    inputs = np.float32([[3, 1], [-2, 0], [100, 0]])
    # (3, 1) -> (3, 0) -> 2 -> 4.5; (-2, 0) -> (0, 3) -> 2 -> 4.5
    assert logit(weights, inputs).tolist() == [4.5, 4.5, LARGEST_LOGIT]


# --- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "high", "words"),
    [
        ("level heart_rate 60", True, "heart rate higher than this patient's usual (last hour)"),
        ("level resp_rate 360", False, "breathing lower than this patient's usual (last six hours)"),
        ("difference heart_rate 180", False, "heart rate calmer from minute to minute than usual (last three hours)"),
        (
            "level joint 1080",
            True,
            "heart rate and breathing together both unlike usual in the same way (last half day)",
        ),
        ("lattice both 360", True, "heart rate against breathing on values that this monitor does not write"),
        ("step joint 60", True, "heart rate and breathing together jumped suddenly (last hour)"),
        ("rhythm both 360", False, "heart rate against breathing unlike usual (last six hours)"),
    ],
)
def test_a_finding_says_channel_direction_and_time(group: str, high: bool, words: str) -> None:
    assert words_for(group, high=high).startswith(words)


HEART_IS_HIGH = "heart rate higher than this patient's usual (last hour)"
NAMES = ("level heart_rate 60", "difference resp_rate 60", "shape heart_rate 60")


@pytest.mark.parametrize(
    ("high", "low", "said"),
    [
        ([5, 0, 0], [0, 0, 0], HEART_IS_HIGH),
        ([0, 0, 0], [5, 0, 0], "heart rate lower than this patient's usual (last hour)"),
        (
            [5, 2, 3],
            [0, 0, 0],
            f"{HEART_IS_HIGH}; breathing more restless from minute to minute than usual (last hour)",
        ),
        ([5, 1.4, 0], [0, 0, 0], HEART_IS_HIGH),
        ([0.5, 0, 0], [0, 0, 0], HEART_IS_HIGH),
    ],
    ids=["high", "low", "one a channel", "too little for a second", "a first one always"],
)
def test_the_most_surprising_findings_are_said_one_a_channel(high: list[float], low: list[float], said: str) -> None:
    assert explain(NAMES, np.float32([*high, *low])) == said
