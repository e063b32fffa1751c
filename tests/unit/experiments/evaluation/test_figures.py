"""What flags come to, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from small_tables import table

from contracts.messages.verdicts import DeviceState
from detectors.training.scores.table import TEACHING, AttackDelays, attack_delays, rule_rows
from experiments.evaluation.judging.judged import Scored, benign_share, clean_states, exclusions, states_of
from experiments.evaluation.plan import BUDGETS
from experiments.evaluation.results.detection_rates import episodes_flagged, false_exclusions, rate, share_found
from experiments.evaluation.results.measures import core_differences, core_shares, curve, equal_budget, false_over_seeds

CASES = (("data-poisoning-1", "medium"), ("motif", "medium"), ("motif", "strong"))


def test_an_attack_is_found_at_the_last_minute_of_the_first_flagged_decision_after_its_onset():
    found = table(count=120, onsets=(900, 1001))
    flagged = np.zeros(len(found), np.bool_)
    trace = slice(int(found.start[2]), int(found.stop[2]))
    flagged[trace] = (found.minute[trace] < 1001) | (found.minute[trace] > 1050)
    delays = attack_delays(found, flagged, cases=1)
    assert delays.delay_min.tolist() == [[np.inf], [63.0]]  # decision 67 sees minutes up to 1064
    assert delays.patient.tolist() == [0, 0]
    assert share_found(delays, [0], 120).value == 0.5
    assert share_found(delays, [0], 60).value == 0.0


def test_onsets_that_only_teach_are_not_judged():
    found = table(count=120, onsets=(900, 1001))
    found.which[2] = TEACHING
    assert attack_delays(found, np.ones(len(found), np.bool_), cases=1).delay_min.shape == (1, 1)


def test_flags_less_than_four_hours_apart_are_one_exclusion():
    found = table(patients=2, count=682)
    flagged = np.zeros(len(found), np.bool_)
    flagged[[5, 100, 110, 126, 300]] = True  # 5 lies in the enrolment; 126 is exactly four hours after 110
    false = false_exclusions(found, flagged)
    assert (false.a_week.n, false.weeks, false.devices, false.of) == (2, 2.0, 1, 2)
    assert false.a_week.value == 1.0
    assert false.flagged == pytest.approx(4 / 1344)
    assert false.held == pytest.approx((10 + 16 + 16 + 16) / 1344)
    assert sum(events for _, events, _ in false.by_age) == 2
    assert sum(weeks for _, _, weeks in false.by_age) == pytest.approx(2.0)


def test_an_exclusion_says_when_how_long_and_what_fired():
    found = table(patients=1, count=682)
    flagged = np.zeros(len(found), np.bool_)
    flagged[[100, 103, 300]] = True
    first, second = exclusions(found, flagged, {"fast": np.arange(682.0)})
    assert first["device"] == "patient-0"
    assert first["hours"] == pytest.approx(1.0)  # four decisions
    assert first["fired"] == {"fast": 100.0}
    assert second["day"] == pytest.approx((15 * 300 + 59 - 200) / 1440)


def test_a_rate_without_events_has_an_upper_bound():
    assert rate(0, 10).low == 0
    assert rate(0, 10).high == pytest.approx(0.369, abs=1e-3)
    assert np.isnan(rate(0, 0).value)


def test_episodes_are_looked_for_in_the_two_hours_after_they_may_begin():
    found = table(patients=2, count=120)
    flagged = found.decision == 50
    at = int(found.event_minute[50])
    assert episodes_flagged(found, flagged, {"patient-0": at - 120, "patient-1": at + 1}) == (1, 2)
    assert episodes_flagged(found, flagged, {"patient-0": 10**9}) == (0, 0)


def test_rules_need_two_decisions_in_a_row():
    found = table(count=20)
    found.nats[[3, 4, 8]] = 26
    found.run[[11, 12, 13]] = 61
    rules = rule_rows(found)
    assert np.flatnonzero(rules["copy"]).tolist() == [4]
    assert np.flatnonzero(rules["frozen"]).tolist() == [12, 13]


def test_a_flag_costs_four_hours_of_benign():
    flagged = [place == 5 for place in range(40)]
    states = states_of(flagged, flagged)
    assert states[4] is DeviceState.BENIGN
    assert states[5:13] == [DeviceState.QUARANTINED] * 8  # the eighth clean decision after it ends the quarantine
    assert states[13:21] == [DeviceState.PROBATION] * 8
    assert states[21:] == [DeviceState.BENIGN] * 19


def test_a_device_over_the_limit_twice_by_itself_is_suspect_though_the_vote_is_not_over():
    found = table(count=40)
    quiet, alone = np.full(40, -1.0), np.full(40, -1.0)
    alone[[20, 21, 30]] = 1.5
    scored = Scored(quiet, alone, np.ones(40))
    states = clean_states(found, scored, scored.flagged, np.zeros(40))
    assert states == {DeviceState.BENIGN: 28, DeviceState.SUSPECT: 2}
    assert benign_share(states) == pytest.approx(28 / 30)
    near_rule = np.where(np.arange(40) == 25, 0.8, 0.0)
    assert clean_states(found, scored, scored.flagged, near_rule)[DeviceState.SUSPECT] == 4


def test_every_attack_counts_alike_whatever_its_onsets():
    delay = np.array([[60, 60, 30.0], [np.inf, 800, 30], [np.nan, 100, np.inf]])
    found = core_shares(AttackDelays(delay, np.array([0, 1, 2], np.int32)), CASES)
    assert found["medium_12h"].value == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert found["strong_2h"].value == pytest.approx(2 / 3)
    assert found["noise_medium_4h"].n == 2
    assert np.isnan(found["subtle_12h"].value)


def test_a_difference_is_paired_by_onset():
    more = AttackDelays(np.array([[60, 60, 30.0], [60, 60, 30]]), np.array([0, 1], np.int32))
    less = AttackDelays(np.array([[np.inf, 60, 30.0], [60, 60, 30]]), np.array([0, 1], np.int32))
    difference = core_differences(more, less, CASES)
    assert difference["medium_12h"].value == pytest.approx(1 / 4)
    assert difference["medium_12h"].low == 0
    assert difference["strong_2h"].value == 0


def test_the_curve_rises_to_the_share_found_within_twelve_hours():
    found = AttackDelays(np.array([[90.0], [np.inf], [np.nan]]), np.zeros(3, np.int32))
    line = curve(found, [0])
    assert (line[4], line[5], line[-1]) == (0.0, 0.5, 0.5)


def test_seeds_are_averaged_and_are_no_new_patients():
    found = table(patients=1, count=682)
    none, once = np.zeros(682, np.bool_), np.arange(682) == 100
    both = false_over_seeds([false_exclusions(found, none), false_exclusions(found, once)])
    assert both["events"] == [0, 1]
    assert both["a_week"]["value"] == 0.5
    assert both["weeks"] == 1.0
    assert both["a_week"]["high"] > rate(1, 2.0).high


def test_the_budget_with_the_nearest_number_of_false_exclusions_is_taken():
    events = dict.fromkeys(BUDGETS, 9.0) | {0.1: 3.0, 0.2: 5.0}
    assert equal_budget(events, 4.0) == 0.1
    assert equal_budget(events, 5.0) == 0.2
