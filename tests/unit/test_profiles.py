"""What an enrolment teaches, and what it cannot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from real_stay import LIMIT, rows_of

from detectors.chunks import MinuteChunk
from detectors.features.catalogue import FEATURES
from detectors.featurise import all_features, minute_features
from detectors.guards import PULSE_LIMIT_BPM
from detectors.knowledge import Situation
from detectors.model import Model
from detectors.profiles import enrolment_features, flat_features
from detectors.windows import decision_ends, windows_at


def test_a_profile_holds_what_the_enrolment_taught(model: Model, stay: MinuteChunk) -> None:
    rows = rows_of(stay, 0, 600)
    profile = model.freeze(rows, [0.4] * 20, 600)
    measure, windows = enrolment_features(rows, model.reconstructor, model.knowledge.population)
    assert len(windows) == len(decision_ends(rows)) > 100
    expected = model.knowledge.expectations["600"].of_device(windows, flat_features(windows))
    stick = model.yardstick(profile)
    np.testing.assert_array_equal(stick.centre, expected[0])
    np.testing.assert_array_equal(stick.spread, expected[1])
    for kept, learnt in zip(stick.measure, measure, strict=True):
        np.testing.assert_array_equal(kept, learnt)
    cut = windows_at(rows, decision_ends(rows))
    np.testing.assert_array_equal(windows, all_features(model.reconstructor, cut, [measure]))
    _, mean_square = minute_features(model.reconstructor, cut, [measure])
    np.testing.assert_allclose(profile.residual_rms, np.sqrt(mean_square.mean(axis=0)), rtol=1e-4)
    assert (profile.situation, profile.threshold, profile.pulse_limit_bpm) == ("600", LIMIT, PULSE_LIMIT_BPM)
    assert (profile.first_event_minute, profile.bundle_sha) == (int(rows.event_minute[0]), "one")
    assert stick.scales is model.knowledge.situations["600"].scales


def test_a_longer_enrolment_has_a_calibration_of_its_own(model: Model, stay: MinuteChunk) -> None:
    situations = dict(model.knowledge.situations) | {"1440": Situation(model.knowledge.situations["600"].scales, 1.7)}
    longer = Model(model.reconstructor, replace(model.knowledge, situations=situations), "one")
    assert longer.freeze(rows_of(stay, 0, 700), [], 1440).threshold == 1.7


@pytest.mark.parametrize("minutes", [1, 40, 80])
def test_what_a_short_enrolment_cannot_tell_stays_as_the_population_has_it(
    model: Model, stay: MinuteChunk, minutes: int
) -> None:
    rows = rows_of(stay, 0, minutes)
    stick = model.yardstick(model.freeze(rows, [], 120))
    centre, spread = model.knowledge.expectations["600"].of_population()
    np.testing.assert_array_equal(stick.centre, centre)
    np.testing.assert_array_equal(stick.spread, spread)
    if minutes < 60:
        np.testing.assert_array_equal(stick.measure.residual_rms, model.knowledge.population.residual_rms)
    assert stick.measure.median[0] == np.float32(np.median(rows.values[:, 0]))


def test_a_channel_that_stood_still_is_known_by_its_like_minutes(model: Model, stay: MinuteChunk) -> None:
    rows = rows_of(stay, 0, 300)
    values = rows.values.copy()
    values[:, 1] = 14.0  # ventilated
    measure, windows = enrolment_features(replace(rows, values=values), model.reconstructor, model.knowledge.population)
    flat = flat_features(windows)
    assert {feature.channel for feature, still in zip(FEATURES, flat, strict=True) if still} == {"resp_rate", "both"}
    assert measure.grid_bpm[1] == 1.0
    assert not flat_features(windows[:0]).any()
