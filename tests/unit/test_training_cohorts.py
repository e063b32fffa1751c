"""Training refuses patients that it has met before, and leaves no half bundle behind."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.errors import Misconfigured
from detectors.training.cohort import AttackCase, Cohorts
from fedsecure.commands import train
from fedsecure.whole_folder import folder_that_appears_whole
from replay.sources.synthetic import synthetic_stays


def test_three_different_populations_are_accepted():
    Cohorts(*(synthetic_stays(seed, 2, 90) for seed in (1, 2, 3))).check_disjoint()


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ((1, 1, 2), "reference cohort and again in the calibration"),
        ((1, 2, 2), "calibration cohort and again in the test"),
    ],
)
def test_a_patient_in_two_cohorts_is_found(seeds, message):
    with pytest.raises(Misconfigured, match=message):
        Cohorts(*(synthetic_stays(seed, 2, 90) for seed in seeds)).check_disjoint()


def test_the_commands_own_cohorts_are_disjoint():
    sizes = {"reference": (3, 1), "calibration": (4, 1), "test": (2, 1)}
    for seed in range(4):
        train.cohorts_of(seed, sizes).check_disjoint()


def test_the_commands_injector_attacks_the_span_and_nothing_else():
    recording = synthetic_stays(5, 1, 300)[0].recording
    heart_rate, _ = train.inject_case(recording, AttackCase("data-poisoning-2", "strong", 100, 50, 1))
    changed = ~np.isclose(heart_rate, recording.heart_rate_bpm, equal_nan=True)
    assert changed[100:150].mean() > 0.8
    assert not changed[:100].any()
    assert not changed[150:].any()


def test_a_folder_with_something_in_it_is_not_overwritten(tmp_path):
    (tmp_path / "precious").touch()
    with pytest.raises(Misconfigured, match="not an empty folder"):
        train.train(tmp_path, seed=1, quick=True, patients=None, processes=1, work=None)


def test_an_interrupted_training_leaves_nothing(tmp_path):
    def interrupted():
        with folder_that_appears_whole(tmp_path / "bundle") as folder:
            (folder / "half").write_text("")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


def test_a_finished_training_appears_at_once(tmp_path):
    with folder_that_appears_whole(tmp_path / "bundle") as folder:
        (folder / "whole").write_text("")
        assert not (tmp_path / "bundle").exists()
    assert [path.name for path in (tmp_path / "bundle").iterdir()] == ["whole"]
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
