"""What the paper's autoencoder reads, whom the study takes, and how finished stages are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pytest

from contracts.errors import Misconfigured
from contracts.event_time import to_event_minute
from experiments.common.stages import Stages
from experiments.paper.inputs import (
    ATTACKS,
    attacked_windows,
    balanced_weights,
    clean_windows,
    in_trial,
    last_day,
    min_max,
    raw_features,
    rows_of,
)
from experiments.paper.patients import FULL, PaperPlan, chosen_patients, onset_min, synthetic_patients
from experiments.paper.study import study_options
from replay.recording import Recording
from replay.sources.synthetic import synthetic_recording


@pytest.fixture(scope="module")
def recording() -> Recording:
    return synthetic_recording(3, 0, 400)


def test_the_calendar_is_read_as_the_paper_reads_it():
    minute = to_event_minute(datetime(2183, 2, 28, 23, 59, tzinfo=UTC))  # a Friday
    features = raw_features(np.array([[80, 18], [81, 19]], np.float32), np.array([minute, minute + 1]))
    assert features.tolist() == [[80, 18, 23, 28, 4], [81, 19, 0, 1, 5]]


def test_a_clean_recording_fills_its_scale_and_an_attack_leaves_it(recording):
    scale = min_max(recording)
    values = clean_windows(recording, scale, 1).values[..., :2]
    assert (values.min(), values.max()) == (0.0, 1.0)
    assert attacked_windows(recording, scale, "data-poisoning-2", 1, 1).values[..., 0].max() > 1.5
    assert scale.span[3] == 1.0  # one day: a feature that never changes


def test_attacked_windows_end_after_the_onset_and_all_hold_a_poisoned_minute(recording):
    scale = min_max(recording)
    clean = clean_windows(recording, scale, 5)
    assert (clean.end_minute % 5 == 0).all()
    assert not clean.poisoned.any()
    for attack in ATTACKS:
        attacked = attacked_windows(recording, scale, attack, 1, 5)
        assert attacked.poisoned.all()
        assert attacked.end_minute.min() >= recording.first_event_minute + onset_min(recording)
        assert set(attacked.end_minute) <= set(clean.end_minute)


def test_a_trial_holds_clean_windows_of_the_attacked_hours_only(recording):
    scale = min_max(recording)
    clean, attacked = clean_windows(recording, scale, 5), attacked_windows(recording, scale, ATTACKS[0], 1, 5)
    rows = np.concatenate([rows_of(clean, np.zeros(len(clean)), 0, 0), rows_of(attacked, np.ones(len(attacked)), 0, 1)])
    trial = rows[in_trial(rows)]
    assert sorted(trial["end_minute"][trial["case"] == 0]) == sorted(attacked.end_minute)
    assert balanced_weights(trial).tolist() == [4.0] * len(attacked) + [1.0] * len(attacked)
    assert rows["end_minute"][last_day(rows, 0, 1)].tolist() == attacked.end_minute.tolist()


def test_synthetic_patients_are_as_long_as_the_papers_five():
    patients = synthetic_patients(FULL)
    assert [one.minutes for one in patients] == [10_081, 10_080, 10_080, 10_080, 10_080]
    assert len({one.device_id for one in patients}) == 5


def test_the_five_recordings_with_most_valid_minutes_are_taken_and_cut():
    plan = PaperPlan(minutes=5 * 500)
    given = [synthetic_recording(5, index, 420 + 20 * index) for index in range(7)]
    taken = chosen_patients(given, plan)
    assert [one.device_id for one in taken] == [one.device_id for one in given[2:]]
    assert [one.minutes for one in taken] == [460, 480, 500, 500, 500]


def test_too_few_or_too_short_recordings_are_refused(recording):
    silent = replace(recording, device_id="silent", heart_rate_bpm=np.full(400, np.nan))
    with pytest.raises(Misconfigured, match="1 of 3 recordings can be used"):
        chosen_patients([recording, silent, synthetic_recording(3, 1, 200)], FULL)


@dataclass(frozen=True)
class Sum:
    total: np.ndarray


def test_a_finished_stage_is_kept_and_a_changed_option_removes_it(tmp_path, recording):
    options = study_options(FULL, [recording])
    assert Stages(tmp_path).begin(options) == []
    Stages(tmp_path).keep("first stage", Sum(np.arange(3)))
    again = Stages(tmp_path)
    assert again.begin(options) == []
    assert again.find("first stage", Sum).total.tolist() == [0, 1, 2]
    assert again.find("second stage", Sum) is None
    assert again.begin(study_options(replace(FULL, seed=9), [recording])) == ["seed"]
    assert again.find("first stage", Sum) is None


def test_other_values_in_a_recording_are_a_changed_option(recording):
    other = replace(recording, resp_rate_bpm=recording.resp_rate_bpm + 1)
    assert study_options(FULL, [recording]) != study_options(FULL, [other])
    assert study_options(FULL, [recording]) == study_options(FULL, [replace(recording)])


def test_a_damaged_stage_counts_as_not_finished(tmp_path):
    stages = Stages(tmp_path)
    stages.begin({})
    stages.keep("stage", Sum(np.arange(3)))
    file = tmp_path / "stage.npz"
    file.write_bytes(file.read_bytes()[:-30])
    assert stages.find("stage", Sum) is None
    (tmp_path / "stage.npz").write_bytes(b"")
    assert stages.find("stage", Sum) is None
