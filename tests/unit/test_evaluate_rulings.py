"""From votes to delays, false exclusions and episodes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.training.judging import Judged
from detectors.votes import KINDS
from experiments.grid_cells import found_by_shares
from experiments.grid_clean import episodes_of, excluded_episodes, fleet_of, runs_of
from experiments.grid_rulings import delay_of, false_exclusions, rulings_from

ORDER = list(KINDS)


def judged(first_min: int = 0, **votes: list[float]) -> Judged:
    length = len(next(iter(votes.values())))
    block = np.arange(length) + first_min // 5
    return Judged(block, {kind: np.array(votes.get(kind, [-np.inf] * length)) for kind in KINDS})


def test_the_delay_runs_from_the_onset_to_the_first_exclusion_and_names_who_found_it():
    votes = judged(first_min=990, hour=[0, 0, 0, 0, 2, 2], half_day=[0, 0, 0, 0, 2, 0], replay=[0, 0, 0, 0, 0, 2])
    delay, found_by = delay_of(votes, 1000, 1.0, ORDER)
    assert delay == 10
    assert found_by == (1 << ORDER.index("hour")) + (1 << ORDER.index("half_day"))


def test_who_is_excluded_at_the_onset_is_not_at_risk_and_who_never_is_takes_forever():
    assert math.isnan(delay_of(judged(first_min=990, hour=[0, 2, 2]), 1000, 1.0, ORDER)[0])
    assert delay_of(judged(first_min=990, hour=[2, 0, 2]), 1000, 1.0, ORDER)[0] == 0
    assert delay_of(judged(first_min=990, hour=[2, 0, 0]), 1000, 1.0, ORDER) == (math.inf, 0)


def test_a_vote_that_does_not_count_finds_nothing():
    votes = judged(first_min=1000, hour=[5, 5])
    assert delay_of(votes, 1000, 1.0, ["half_day"])[0] == math.inf


def test_exclusions_close_together_are_one_and_late_ones_are_not_in_the_first_days():
    week = [0.0] * (7 * 288)
    for at in (100, 110, 300, 6 * 288 + 5):
        week[at] = 2.0
    assert false_exclusions(judged(hour=week), 1.0, ORDER) == (3, 1.0, 2)


def test_a_fleet_counts_devices_with_any_exclusion_and_what_guards_did():
    calm, hit = [0.0] * 2016, [0.0] * 100 + [2.0] * 3 + [0.0] * 1913
    found = fleet_of("x", 1440, [judged(hour=calm), judged(hour=hit), judged(replay=hit)], 1.0, ORDER, ("replay",))
    assert (found.devices, found.device_weeks, found.episodes, found.by_guards) == (3, 3.0, 2, 1)
    assert found.per_device_week.value == pytest.approx(2 / 3)
    assert found.devices_with_any.value == pytest.approx(2 / 3)


def test_devices_found_by_several_votes_are_shared_between_them():
    hour, replay = 1 << ORDER.index("hour"), 1 << ORDER.index("replay")
    assert found_by_shares([hour, hour, hour | replay, replay]) == {"hour": 0.625, "replay": 0.375}
    assert found_by_shares([]) == {}


def test_runs_of_a_deterioration_closer_than_four_hours_are_one_episode():
    minutes = np.zeros(2000, np.bool_)
    minutes[100:110] = minutes[300:310] = minutes[900:950] = True
    assert runs_of(minutes) == [(100, 310), (900, 950)]
    assert runs_of(np.zeros(5, np.bool_)) == []


def test_an_episode_is_excluded_during_or_soon_after_it_and_not_before_the_device_is_judged():
    votes = judged(first_min=500, hour=[0.0] * 200)
    minutes = np.zeros(1600, np.bool_)
    minutes[100:200] = minutes[600:660] = minutes[1200:1300] = True
    excluded = np.zeros(200, np.bool_)
    excluded[(770 - 500) // 5] = True  # 110 minutes after the second episode
    found = episodes_of(votes, minutes, 0, "sepsis", tenths=True, excluded=excluded)
    assert [one.excluded for one in found] == [True, False]
    shares = excluded_episodes(found)
    assert shares["sepsis"].value == shares["tenths"].value == 0.5
    assert shares["whole"].n == 0


def test_delays_are_those_of_the_wanted_cases_and_monitors_that_were_at_risk():
    cases = [("a", "strong"), ("b", "strong")]
    rows = [(0, True, 5.0, 1), (0, False, 7.0, 1), (1, True, 9.0, 1), (0, True, math.nan, 0)]
    rulings = rulings_from(rows, [])
    assert rulings.delays_of(cases, [("a", "strong")]).tolist() == [5.0]
    assert rulings.delays_of(cases, [("a", "strong")], tenths=None).tolist() == [5.0, 7.0]
    assert rulings.delays_of(cases, [("c", "strong")]).tolist() == []
