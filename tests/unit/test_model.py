"""The trained detector's arithmetic, put together: features in order, scores on the common scale, reasons in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from random_bundle import random_knowledge
from real_stay import BUNDLE, engine, part, rows_of

from detectors.chunks import MinuteChunk
from detectors.evidence import RESIDUAL_EVIDENCE, SIGNAL, SLOW_EVIDENCE, Found, Part
from detectors.features.catalogue import FEATURES, MINUTE_PART, SLOW_PART
from detectors.featurise import all_features, half_day_features, minute_features
from detectors.guards import copied_share
from detectors.measure import measure_rows
from detectors.model import TAIL_ALLOWANCE, Model, WindowScores, on_common_scale
from detectors.preprocessing import usable_window_ends
from detectors.reading import Reading
from detectors.scorer import SCORED_KINDS
from detectors.scoring.runtime import Reconstructor
from detectors.windows import decision_ends, windows_at


def test_features_of_windows_stand_in_the_order_of_the_catalogue(reconstructor, stay: MinuteChunk) -> None:
    rows = rows_of(stay)
    ends = usable_window_ends(rows)[::37]
    windows, measure = windows_at(rows, ends), measure_rows(rows)
    minute, mean_square = minute_features(reconstructor, windows, [measure])
    half_day = half_day_features(windows, [measure])
    found = all_features(reconstructor, windows, [measure])
    assert found.shape == (len(ends), len(FEATURES))
    assert mean_square.shape == (len(ends), 4)
    np.testing.assert_array_equal(found[:, MINUTE_PART], minute)
    np.testing.assert_array_equal(found[windows.slow, SLOW_PART], half_day)
    assert np.isnan(np.delete(found[:, SLOW_PART], windows.slow, axis=0)).all()
    assert np.isfinite(half_day).all()
    lookup = [feature.key for feature in FEATURES].index("heart_rate 60 mean")
    z = (windows.values[:, :, 0] - measure.median[0]) / measure.scale[0]
    np.testing.assert_allclose(found[:, lookup], np.arcsinh(z.mean(axis=1)), atol=1e-5)


def test_the_tails_are_held_back_and_each_kind_has_its_own_map() -> None:
    scales = random_knowledge(3).situations["enrolling"].scales
    raw = np.array([[6.0, 40.0, 8.0, 0.0, np.nan]], np.float32)
    found = on_common_scale(raw, scales)
    assert found[0, :4].tolist() == pytest.approx([3.0, 3.0 - TAIL_ALLOWANCE, 0.5 - TAIL_ALLOWANCE, 0.5])
    assert np.isnan(found[0, 4])
    assert SCORED_KINDS == ("hour", "level", "texture", "half_day", "lattice")


def test_scores_of_a_window_do_not_depend_on_its_company(model: Model, stay: MinuteChunk) -> None:
    rows = rows_of(stay)
    ends = decision_ends(rows)[-9:]
    stick = model.yardstick(None)
    together = model.score(windows_at(rows, ends), [stick])
    for place, end in enumerate(ends):
        alone = model.score(windows_at(rows, np.array([end])), [stick])
        np.testing.assert_allclose(alone.g[0], together.g[place], atol=2e-3)
        np.testing.assert_allclose(alone.copied[0], together.copied[place])
        assert alone.reason(0) == together.reason(place)


def test_copies_are_looked_for_in_six_hours(model: Model, stay: MinuteChunk) -> None:
    rows = rows_of(stay)
    windows = windows_at(rows, decision_ends(rows)[-3:])
    stick = model.yardstick(None)
    six_hours = windows.slow_values[:, -360:].transpose(1, 2, 0)
    expected = copied_share(six_hours, np.repeat(stick.measure.grid_bpm[:, None], 3, axis=1))
    np.testing.assert_array_equal(model.score(windows, [stick]).copied, expected)


def found_in(part: Part, windows: int, **groups: float) -> Found:
    """Evidence of which only these groups (downwards where negative) of the last window say anything."""
    said = np.zeros((windows, 2 * len(part.group_names)), np.float32)
    for name, value in groups.items():
        place = part.group_names.index(name.replace("__", " "))
        said[-1, place + (value < 0) * len(part.group_names)] = abs(value)
    return Found(np.empty((windows, 0), np.float32), said)


def test_the_reason_names_a_channel_a_direction_and_a_time() -> None:
    reading = Reading(
        np.empty((2, 4), np.float32),
        found_in(SIGNAL, 2, level__heart_rate__60=2.0),
        found_in(RESIDUAL_EVIDENCE, 2, residual__resp_rate__60=-3.0),
        found_in(SLOW_EVIDENCE, 1, difference__resp_rate__360=-4.0),
        np.array([0]),
    )
    nothing = np.empty(0, np.float32)
    scores = WindowScores(reading.raw, nothing, nothing, reading)
    heart = "heart rate higher than this patient's usual (last hour)"
    assert scores.reason(1) == f"breathing more predictable than this patient usually is (last hour); {heart}"
    assert scores.reason(0) == "breathing calmer from minute to minute than usual (last six hours)"


def test_the_real_findings_are_said_of_real_windows(model: Model, stay: MinuteChunk) -> None:
    rows = rows_of(stay, 0, 480)
    values = rows.values.copy()
    values[-60:, 0] += 90
    windows = windows_at(replace(rows, values=values), np.array([len(rows) - 1]))
    assert "heart rate" in model.score(windows, [model.yardstick(None)]).reason(0)


def test_what_cannot_be_rebuilt_counts_against_the_device(model: Model, stay: MinuteChunk) -> None:
    broken = {name: np.full_like(array, np.nan) for name, array in BUNDLE.autoencoder.items()}
    bad = Model(Reconstructor(broken, BUNDLE.blind_spot, buckets=(32,)), model.knowledge, "bad")
    verdicts = engine(bad).apply([part(stay, 0, 70)])[0]
    assert np.isinf(verdicts.score[59:]).all()
    assert verdicts.flagged[59:].all()
    assert verdicts.windows == 11
