"""Knowledge comes back as it was stored, and whatever does not fit this version is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from random_bundle import random_knowledge

from detectors.knowledge import SITUATIONS, Knowledge, situation_for
from detectors.knowledge_file import ScaleKnots, Situations, decoded_knowledge, encoded_knowledge
from detectors.measure import Measure
from detectors.standardise import Expectations

Arrays = dict[str, np.ndarray]


@pytest.fixture
def stored() -> tuple[Arrays, Situations]:
    return encoded_knowledge(random_knowledge(1))


def alike(first: Any, second: Any) -> None:
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_knowledge_comes_back_as_it_was_stored(stored: tuple[Arrays, Situations]) -> None:
    made: Knowledge = random_knowledge(1)
    kept = decoded_knowledge(*stored)
    alike(kept.tables, made.tables)
    alike(kept.population._asdict(), made.population._asdict())
    assert kept.situations == made.situations
    assert kept.networks.keys() == made.networks.keys()
    for name in made.networks:
        alike(kept.networks[name], made.networks[name])
    for name in SITUATIONS:
        for field in fields(Expectations):
            expected = getattr(made.expectations[name], field.name)
            np.testing.assert_array_equal(getattr(kept.expectations[name], field.name), expected)


def test_names_are_sorted_and_tables_small(stored: tuple[Arrays, Situations]) -> None:
    arrays, _ = stored
    assert list(arrays) == sorted(arrays)
    assert {name: array.dtype for name, array in arrays.items() if array.dtype != np.float32} == dict.fromkeys(
        ("surprise/residual", "surprise/signal", "surprise/slow"), np.dtype(np.float16)
    )


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("network/signal/logit/bias", None, "wrong arrays: network/signal/logit/bias"),
        ("population/mean", lambda _: np.zeros(2, np.float32), "wrong arrays: population/mean"),
        ("surprise/slow", lambda array: array[:, 1:], "wrong arrays: surprise/slow"),
        ("expected/600/mean", lambda array: array[1:], "wrong arrays: expected/600/mean"),
        ("network/slow/hidden_0/kernel", lambda array: array.T, "wrong arrays: network/slow/hidden_0/kernel"),
        ("population/median", lambda array: array.astype(np.float64), "population/median is not finite float32"),
        ("network/signal/logit/bias", lambda array: array.astype(np.float16), "is not finite float32"),
        ("surprise/slow", lambda array: array.astype(np.float32), "surprise/slow is not finite float16"),
        ("surprise/slow", lambda array: array * np.float16(np.nan), "surprise/slow is not finite float16"),
        ("expected/enrolling/mean", lambda array: array * np.float32(np.inf), "expected/enrolling/mean is not finite"),
        ("population/scale", lambda array: array * 0, "population/scale is not above zero everywhere"),
        ("population/difference_sd", lambda array: -array, "population/difference_sd is not above zero everywhere"),
        ("population/grid_bpm", lambda array: array * 0, "population/grid_bpm is not above zero everywhere"),
        ("expected/600/spread", lambda array: array * 0, "expected/600/spread is not above zero everywhere"),
        ("expected/1440/wide_spread", lambda array: -array, "expected/1440/wide_spread is not above zero everywhere"),
        ("expected/enrolling/population_spread", lambda array: array * 0, "population_spread is not above zero"),
        ("expected/600/enrolment_variance", lambda array: array * 0, "enrolment_variance is not above zero"),
    ],
)
def test_arrays_that_do_not_fit_are_named(
    stored: tuple[Arrays, Situations], name: str, change: Callable[[np.ndarray], np.ndarray] | None, message: str
) -> None:
    arrays, situations = stored
    if change is None:
        del arrays[name]
    else:
        arrays[name] = change(arrays.get(name, np.empty(0)))
    with pytest.raises(ValueError, match=message):
        decoded_knowledge(arrays, situations)


def with_knots(raw: list[float], g: list[float]) -> Callable[[Situations], object]:
    return lambda situations: situations["600"].scales.update({"hour": ScaleKnots(raw, g)})


def with_limit(threshold: float) -> Callable[[Situations], object]:
    return lambda situations: situations.update({"600": replace(situations["600"], threshold=threshold)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda situations: situations.pop("1440"), "the situation 1440 is missing"),
        (lambda situations: situations["600"].scales.pop("hour"), "600 is missing or has other scores"),
        (
            lambda situations: situations["600"].scales.update(replay=ScaleKnots([0, 1], [0, 1])),
            "600 is missing or has other scores",
        ),
        (with_knots([0.0], [1.0]), "other than two or more knots"),
        (with_knots([0.0, 1.0], [1.0]), "other than two or more knots"),
        (with_knots([0.0, 0.0], [1.0, 2.0]), "600 does not rise"),
        (with_knots([0.0, 1.0], [2.0, 1.0]), "600 does not rise"),
        (with_limit(0.0), "the limit of the situation 600 is not above zero"),
        (with_limit(-1.0), "the limit of the situation 600 is not above zero"),
    ],
)
def test_situations_that_do_not_fit_are_refused(
    stored: tuple[Arrays, Situations], change: Callable[[Situations], object], message: str
) -> None:
    arrays, situations = stored
    change(situations)
    with pytest.raises(ValueError, match=message):
        decoded_knowledge(arrays, situations)


@pytest.mark.parametrize(("enrolment_min", "name"), [(120, "600"), (600, "600"), (1439, "600"), (1440, "1440")])
def test_the_longest_calibrated_enrolment_that_fits_is_taken(enrolment_min: int, name: str) -> None:
    assert situation_for(enrolment_min) == name


def test_the_population_is_a_measure() -> None:
    assert isinstance(decoded_knowledge(*encoded_knowledge(random_knowledge(2))).population, Measure)
