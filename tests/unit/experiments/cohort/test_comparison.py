"""A cohort compared with itself is near, with a changed one far; real records are placed among their likes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from wfdb_records import write_database

from experiments.cohort import comparison as cohort_comparison
from experiments.cohort import groups as cohort_groups
from experiments.cohort.comparison import CohortPlan, compare, groups_for, place, steps_of
from experiments.cohort.files import report_document
from experiments.cohort.groups import Group, charted, cut_to_lengths, measure, read_groups
from experiments.cohort.page import findings
from replay.sources.synthetic import synthetic_cohort

PLAN = CohortPlan(seed=3, patients=40, days=1, deteriorating_share=0.25, draws=100)


@pytest.fixture(scope="module")
def others():
    """Patients of another seed: strangers from the same population, all on tenths so that no one is left out."""
    return synthetic_cohort(4, 40, 1440, resolution_bpm=0.1, deteriorating_share=0.25)


def distances(recordings, scale="minute"):
    report = compare(PLAN, [Group("ward", scale, tuple(recordings))])
    return {one.statistic.name: one.distance for one in report.comparisons[0]}


def test_strangers_of_the_same_population_are_near(others):
    apart = distances(others)
    assert len(apart) == 34
    # one in twenty exceeds chance by chance; statistics hang together, so a few more may
    assert sum(one.size != "none seen" for one in apart.values()) <= 5
    assert sum(one.size == "large" for one in apart.values()) <= 1


def test_a_cohort_is_at_no_distance_from_itself(others, monkeypatch):
    monkeypatch.setattr(cohort_comparison, "synthetic_cohort", lambda *_, **__: others)
    monkeypatch.setattr(cohort_groups, "cut_to_lengths", lambda recordings, *_: list(recordings))
    assert max(max(one.ks, one.wasserstein) for one in distances(others).values()) < 1e-12


def test_a_shifted_and_noisier_cohort_is_far_in_what_was_changed_and_only_there(others):
    noise = np.random.default_rng(1)
    changed = [
        replace(
            one,
            heart_rate_bpm=one.heart_rate_bpm + 45,
            resp_rate_bpm=np.maximum(4.0, one.resp_rate_bpm + noise.normal(0, 6, one.minutes)),
        )
        for one in others
    ]
    apart = distances(changed)
    for name in ("hr_mean", "rr_step_sd", "rr_whole_share", "rr_autocorrelation_1_min"):
        assert apart[name].size == "large", name
    assert apart["hr_mean"].wasserstein > 1.0
    unchanged, plain = (
        ("hr_within_sd", "hr_step_sd", "hr_autocorrelation_60_min", "rr_missing_share"),
        distances(others),
    )
    assert [apart[name].ks for name in unchanged] == pytest.approx([plain[name].ks for name in unchanged], abs=0.03)


def test_charts_of_the_same_population_are_near_and_halved_swings_are_far(others):
    charts = [charted(one, at) for at, one in enumerate(others)]
    assert all(one.charted for one in charts)
    assert sum(one.size != "none seen" for one in distances(charts, "hourly").values()) <= 3
    calm = [
        charted(replace(one, heart_rate_bpm=80 + (one.heart_rate_bpm - np.nanmedian(one.heart_rate_bpm)) / 4), at)
        for at, one in enumerate(others)
    ]
    apart = distances(calm, "hourly")
    assert apart["hr_within_sd"].size == apart["hr_step_sd"].size == "large"


def test_a_chart_holds_one_whole_number_an_hour_and_lines_between(others):
    chart = charted(others[0], 20)
    spots = np.trim_zeros(np.nan_to_num(np.round(others[0].heart_rate_bpm[20::60])))
    assert spots.all()  # no hour without a value in this patient
    np.testing.assert_array_equal(chart.heart_rate_bpm[::60], spots)
    assert chart.heart_rate_bpm[30] == np.round((spots[0] + spots[1]) / 2)
    assert chart.resolution_bpm == 1.0


def test_pieces_have_the_lengths_asked_for_in_turn(others):
    pieces = cut_to_lengths(others[:5], [100, 2000, 300], np.random.default_rng(0))
    assert [one.minutes for one in pieces] == [100, 1440, 300, 100, 1440]


def test_a_few_monitor_records_are_placed_and_those_of_the_same_population_are_ordinary(tmp_path):
    groups = groups_for(PLAN, [write_database(tmp_path)])
    heard: list[str] = []
    report = compare(PLAN, groups, heard.append)
    assert [member.device_id for member in report.members] == ["p000020", "s00001"]
    assert len(heard) == steps_of(groups)
    assert report.comparisons == ((),)
    for member in report.members:
        assert len(member.places) >= 32
        assert len(member.outside) <= 5
        assert all(0 <= one.percentile <= 100 for one in member.places)


def test_a_patient_that_no_one_resembles_is_an_unusual_member(others):
    frantic = replace(others[0], heart_rate_bpm=np.random.default_rng(0).uniform(40, 250, 1440))
    member = place(measure(Group("x", "minute", (frantic,)), others, np.random.default_rng(0)))
    assert {"hr_within_sd", "hr_step_sd"} <= {one.statistic.name for one in member.outside}
    assert member.members_as_far_out < 0.1


def test_a_monitor_on_tenths_is_held_against_such_monitors_only(tmp_path):
    (records,) = read_groups([write_database(tmp_path)], 1440)
    cohort = synthetic_cohort(5, 24, 1440)
    grids = {one.resolution_bpm for one in measure(records, cohort, np.random.default_rng(0)).synthetic}
    assert grids == {0.1}


def test_the_same_plan_gives_the_same_numbers_and_words(others):
    group = Group("ward", "minute", tuple(others))
    one, other = (compare(PLAN, [group]) for _ in range(2))
    assert report_document(one, "x") == report_document(other, "x")
    assert findings(one)[0].startswith("ward, 40 real against")


def test_words_name_what_is_far_and_which_way(others):
    faster = [replace(one, heart_rate_bpm=one.heart_rate_bpm + 60) for one in others]
    told = " ".join(findings(compare(PLAN, [Group("ward", "minute", tuple(faster))])))
    assert "Large in ward: HR: mean of the stay (synthetic lower: " in told
