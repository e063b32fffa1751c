"""A threshold is raised from 100 clean device-days on, lowered from 500 on, and what excludes a clean device is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from plain_detector import level_model

from detectors.training.sites.calibration import LEAST_THRESHOLD, MOST_MOVED, calibrated_site
from detectors.training.sites.judging import JudgedDevice, judged_devices
from replay.recording import Recording

QUARTERS_A_DAY = 96


def device(score, *, name="a", rules=(), judged=None) -> JudgedDevice:
    """A device whose three kinds say what the score says; `rules` are (place, rule's place)."""
    score = np.asarray(score, np.float64)
    spoke = np.zeros((len(score), 4), np.bool_)
    for at, rule in rules:
        spoke[at, rule] = True
    judged = np.ones(len(score), np.bool_) if judged is None else np.asarray(judged)
    return JudgedDevice(name, judged, score, np.repeat(score[:, None], 3, axis=1), spoke, 15 * np.arange(len(score)))


def quiet(days: int, peaks: dict[int, float]) -> JudgedDevice:
    """So many judged days at a score of 0 and at these places another."""
    score = np.zeros(days * QUARTERS_A_DAY)
    for at, value in peaks.items():
        score[at] = value
    return device(score)


def test_a_device_counts_again_after_four_hours_and_never_within_them():
    found = calibrated_site([device([0, 2, 3, 0, *[0] * 15, 2.5, 0])], 1.0, 0.1)
    assert [peak.score for peak in found.excluded(1.0)] == [3, 2.5]
    assert [peak.event_minute for peak in found.excluded(1.0)] == [30, 285]
    assert [peak.score for peak in found.excluded(2.75)] == [3]
    assert found.weeks == pytest.approx(21 * 15 / 10_080)


def test_what_was_not_judged_is_no_time_and_no_exclusion():
    found = calibrated_site([device([9, 0, 0], judged=[False, True, True])], 1.0, 0.1)
    assert found.excluded(1.0) == []
    assert found.weeks == pytest.approx(2 * 15 / 10_080)


def test_a_rule_excludes_at_every_threshold_and_is_named():
    found = calibrated_site([device([0.2, 1.5, *[0] * 20], rules=[(0, 3)])], 1.0, 0.1)
    (peak,) = found.excluded(99.0)
    assert peak.rules == peak.fired(1.0) == ("pulse",)
    assert len(found.excluded(1.0)) == 1, "the score an event of its own only four hours away"


def test_the_scores_over_the_threshold_by_themselves_are_named_or_else_the_highest():
    own = device([1.4])
    one = replace(own, kinds=np.array([[2.0, 0.3, 1.9]]))
    (peak,) = calibrated_site([one], 1.0, 0.1).peaks
    assert peak.fired(1.4) == ("fast", "family_free")
    assert peak.fired(2.5) == ("fast",)


@pytest.mark.parametrize(
    ("days", "budget", "threshold", "decision"),
    [
        (99, 0.1, 1.0, "too few"),
        (100, 0.1, 1.9, "raised"),  # 14.3 weeks pay for one: midway between 2.4 and 1.4
        (100, 0.2, 1.0, "kept"),  # they pay for two
        (499, 0.1, 1.0, "kept"),  # 71.3 weeks pay for seven, and only four are over it
        (500, 0.1, 0.55, "lowered"),
    ],
)
def test_the_days_decide_which_way_a_threshold_may_go(days, budget, threshold, decision):
    high = {50: 2.4, 150: 1.4}
    if days > 400:
        high |= {250: 1.2, 350: 1.1} | {450 + 100 * place: 0.8 - 0.1 * place for place in range(6)}
    found = calibrated_site([quiet(days, high)], 1.0, budget)
    assert (found.decision, found.after) == (decision, pytest.approx(threshold))
    assert found.before == 1.0
    assert found.days == pytest.approx(days)


def test_patients_who_taught_the_bundle_lower_no_threshold():
    found = calibrated_site([quiet(500, {})], 1.0, 0.1, may_lower=False)
    assert (found.decision, found.after) == ("kept", 1.0)


def test_a_threshold_moves_by_a_factor_of_ten_at_most():
    places = {50 + 40 * place: 11.0 for place in range(30)}
    raised = calibrated_site([quiet(100, places)], 1.0, 0.1)
    assert (raised.decision, raised.after) == ("raised", 1.0 + MOST_MOVED)
    assert len(raised.excluded(raised.after)) == 30
    lowered = calibrated_site([quiet(500, {})], 1.5, 0.1)
    assert (lowered.decision, lowered.after) == ("lowered", 1.5 - MOST_MOVED)
    assert calibrated_site([quiet(500, {})], 0.9, 0.1).after == LEAST_THRESHOLD, "above 0, or rules would always speak"


def test_the_order_of_devices_changes_no_figure():
    one, two = quiet(60, {50: 3.0}), quiet(60, {70: 2.0})
    there, back = calibrated_site([one, two], 1.0, 0.1), calibrated_site([two, one], 1.0, 0.1)
    assert (there.weeks, there.after, there.decision) == (back.weeks, back.after, back.decision)


# --- as the engine judges ---------------------------------------------------------------------------------------------


def recording(name: str, minutes: int, racing: slice = slice(0), pulse_gap_bpm: float | None = None) -> Recording:
    rng = np.random.default_rng(len(name))
    heart = 80 + 4 * rng.standard_normal(minutes)
    heart[racing] += 30
    breath = 16 + rng.standard_normal(minutes)
    pulse = None
    if pulse_gap_bpm is not None:
        pulse = heart.copy()
        pulse[900:] += pulse_gap_bpm
    return Recording(name, 1_000_000, heart.round(1), breath.round(1), pulse)


def test_devices_are_judged_after_their_enrolment_and_the_short_ones_named():
    devices, short = judged_devices(
        level_model(), [recording("quiet", 1440), recording("racing", 1440, slice(1000, 1200)), recording("short", 800)]
    )
    assert [one.device_id for one in devices] == ["quiet", "racing"]
    assert short == ["short"]
    found = calibrated_site(devices, 2.0, 0.1)
    assert {peak.device_id for peak in found.excluded(2.0)} == {"racing"}
    (peak,) = found.excluded(2.0)
    assert peak.fired(2.0) == ("fast",)
    assert 1_001_060 <= peak.event_minute <= 1_001_260
    # ten hours of enrolment; the first decision that lies wholly after it is the 42nd, 15 min each
    assert int(devices[0].judged.sum()) == (1440 - 60) // 15 + 1 - 41


def test_every_device_is_given_the_enrolment_that_is_asked_for():
    devices, _ = judged_devices(level_model(), [recording("quiet", 1440)], 300)
    assert int(devices[0].judged.sum()) == (1440 - 60) // 15 + 1 - 21


def test_a_pulse_that_contradicts_the_heart_rate_is_told_as_the_rule_that_spoke():
    devices, _ = judged_devices(level_model(), [recording("deficit", 1440, pulse_gap_bpm=15.0)])
    found = calibrated_site(devices, 2.0, 0.1)
    assert {rule for peak in found.excluded(50.0) for rule in peak.rules} == {"pulse"}


def test_an_enrolment_that_repeats_itself_is_an_exclusion_by_the_copy_rule():
    own = recording("copied", 2000)
    own.heart_rate_bpm[400:480] = np.resize(own.heart_rate_bpm[400:420], 80)
    own.resp_rate_bpm[400:480] = np.resize(own.resp_rate_bpm[400:420], 80)
    devices, _ = judged_devices(level_model(), [own], 600)
    found = calibrated_site(devices, 2.0, 0.1)
    assert [peak.rules for peak in found.excluded(50.0)] == [("copy",)]


def test_more_devices_than_are_judged_at_once_come_out_in_their_order():
    names = [f"device-{place:02}" for place in range(18)]
    heard = []
    devices, _ = judged_devices(
        level_model(), [recording(name, 460) for name in names], 200, lambda share, text: heard.append((share, text))
    )
    assert [one.device_id for one in devices] == names
    assert heard == [(pytest.approx(16 / 18), "16 of 18 devices"), (1.0, "18 of 18 devices")]
