"""Channels, ramp and donor work the same way for every attack, and attacks add up in their order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from contracts.errors import Misconfigured
from replay.attacks import ATTACKS, AttackSpec, inject, inject_all
from replay.recording import Recording
from replay.sources.synthetic import synthetic_recording

PATIENT = synthetic_recording(3, 0, 2000)
OTHER = synthetic_recording(3, 1, 2000)
NAN = float("nan")


def bed(heart: list[float], breath: list[float], device: str = "bed-1") -> Recording:
    return Recording(device, 0, np.array(heart, float), np.array(breath, float))


def spec(name: str, onset: int = 1500, **choices: Any) -> AttackSpec:
    return AttackSpec(name, **{"device": PATIENT.device_id, "onset_min": onset, "seed": 5, **choices})


@pytest.mark.parametrize("name", ATTACKS)
def test_a_seed_decides_everything(name: str) -> None:
    one, same = (inject(PATIENT, spec(name, ramp_min=20)) for _ in range(2))
    np.testing.assert_array_equal(one.recording.heart_rate_bpm, same.recording.heart_rate_bpm)
    np.testing.assert_array_equal(one.recording.resp_rate_bpm, same.recording.resp_rate_bpm)
    assert one.poisoned.any()


@pytest.mark.parametrize("name", ["data-poisoning-1", "dropout", "jittered-replay", "mirror-flip", "spoof", "stuck-at"])
def test_another_seed_decides_otherwise(name: str) -> None:
    one, other = (inject(PATIENT, spec(name, seed=seed, level="medium")).recording for seed in (1, 2))
    assert not np.array_equal(one.heart_rate_bpm, other.heart_rate_bpm, equal_nan=True)


@pytest.mark.parametrize("name", [name for name in ATTACKS if name != "time-shift"])
def test_one_channel_is_attacked_as_if_both_were_and_the_other_is_left(name: str) -> None:
    both, heart, breath = (
        inject(PATIENT, spec(name, channels=channels)).recording for channels in ("both", "hr", "rr")
    )
    np.testing.assert_array_equal(heart.heart_rate_bpm, both.heart_rate_bpm)
    np.testing.assert_array_equal(heart.resp_rate_bpm, PATIENT.resp_rate_bpm)
    np.testing.assert_array_equal(breath.heart_rate_bpm, PATIENT.heart_rate_bpm)
    np.testing.assert_array_equal(breath.resp_rate_bpm, both.resp_rate_bpm)


def test_truth_of_one_channel_is_that_channels() -> None:
    recording = bed([70, 70, NAN, 70], [16, NAN, 16, 16])
    injection = inject(recording, AttackSpec("bias", "bed-1", 1, channels="hr"))
    np.testing.assert_array_equal(injection.recording.heart_rate_bpm, [70, 82, NAN, 82])
    np.testing.assert_array_equal(injection.poisoned, [False, True, False, True])


def test_a_ramp_fades_an_attack_in_minute_by_minute() -> None:
    recording = bed([70] * 6, [15] * 6)
    injection = inject(recording, AttackSpec("bias", "bed-1", 1, level="strong", ramp_min=4))
    np.testing.assert_array_equal(injection.recording.heart_rate_bpm, [70, 73, 76, 79, 82, 82])
    np.testing.assert_array_equal(injection.recording.resp_rate_bpm, [15, 16, 17, 18, 19, 19])


def test_a_ramp_of_one_minute_is_at_once() -> None:
    at_once, ramped = (inject(PATIENT, spec("amplitude", ramp_min=ramp)).recording for ramp in (0, 1))
    np.testing.assert_array_equal(at_once.heart_rate_bpm, ramped.heart_rate_bpm)


def test_gaps_come_as_a_whole_and_more_often_as_the_ramp_goes_on() -> None:
    recording = Recording(PATIENT.device_id, 0, np.full(20_000, 70.0), np.full(20_000, 16.0))
    full = inject(recording, spec("dropout", 0)).poisoned
    ramped = inject(recording, spec("dropout", 0, ramp_min=20_000))
    np.testing.assert_array_equal(np.isnan(ramped.recording.heart_rate_bpm), ramped.poisoned)
    np.testing.assert_array_equal(np.isnan(ramped.recording.resp_rate_bpm), ramped.poisoned)
    assert full[ramped.poisoned].all()
    starts = np.flatnonzero(np.diff(full.astype(int)) == 1) + 1
    ends = np.flatnonzero(np.diff(full.astype(int)) == -1) + 1
    for start, end in zip(starts, ends, strict=False):
        assert ramped.poisoned[start:end].all() or not ramped.poisoned[start:end].any()
    kept = [ramped.poisoned[part].sum() / full[part].sum() for part in np.array_split(np.arange(20_000), 4)]
    assert kept[0] < 0.35
    assert kept[3] > 0.65


def test_a_donors_minutes_are_sent_as_they_are_when_raw_and_start_over_at_its_end() -> None:
    donor = bed([90, 91, 92], [20, NAN, 22], "bed-2")
    recording = bed([70] * 7, [15] * 7)
    injection = inject(recording, AttackSpec("spoof", "bed-1", 2, donor="bed-2"), donor)
    np.testing.assert_array_equal(injection.recording.heart_rate_bpm, [70, 70, 92, 90, 91, 92, 90])
    np.testing.assert_array_equal(injection.recording.resp_rate_bpm, [15, 15, 22, 20, NAN, 22, 20])
    np.testing.assert_array_equal(injection.poisoned, [False, False, True, True, True, True, True])


def test_a_donor_is_aligned_to_the_own_mean_then_to_the_sd_too() -> None:
    own = [60.0, 80.0] * 30  # mean 70, sd 10
    donor = bed([0.0] * 60 + [98, 102, 98, 102], [16.0] * 64, "bed-2")  # mean 100, sd 2; breathing like a machine
    recording = bed([*own, 70, 70, 70, 70], [12.0, 16.0] * 32)
    sent = {
        level: inject(recording, AttackSpec("spoof", "bed-1", 60, level=level), donor).recording
        for level in ("subtle", "medium", "strong")
    }
    np.testing.assert_array_equal(sent["strong"].heart_rate_bpm[60:], [98, 102, 98, 102])
    np.testing.assert_array_equal(sent["medium"].heart_rate_bpm[60:], [68, 72, 68, 72])
    np.testing.assert_array_equal(sent["subtle"].heart_rate_bpm[60:], [60, 80, 60, 80])
    np.testing.assert_array_equal(sent["subtle"].resp_rate_bpm[60:], [14.0] * 4)


def test_without_a_donor_a_synthetic_patient_is_drawn_by_the_seed() -> None:
    raw = inject(PATIENT, spec("spoof")).recording.heart_rate_bpm[1500:]
    assert abs(np.nanmean(raw) - np.nanmean(PATIENT.heart_rate_bpm)) > 1
    aligned = inject(PATIENT, spec("spoof", level="subtle")).recording.heart_rate_bpm[1500:]
    past = PATIENT.heart_rate_bpm[780:1500]
    assert np.nanmean(aligned) == pytest.approx(np.nanmean(past), abs=0.3)
    assert np.nanstd(aligned) == pytest.approx(np.nanstd(past), rel=0.15)


def test_a_donor_gives_what_it_recorded_whatever_happens_to_it() -> None:
    first = AttackSpec("data-poisoning-2", OTHER.device_id, 0)
    recordings, injections = inject_all([PATIENT, OTHER], [first, spec("spoof", donor=OTHER.device_id)])
    sent, recorded = recordings[0].heart_rate_bpm[1500:], OTHER.heart_rate_bpm[1500:]
    np.testing.assert_allclose(sent, np.where(np.isnan(PATIENT.heart_rate_bpm[1500:]), NAN, recorded), atol=0.5)
    assert list(injections) == [OTHER.device_id, PATIENT.device_id]


def test_attacks_on_one_device_build_on_one_another_and_each_tells_its_own_truth() -> None:
    recording = bed([70] * 6, [15] * 6)
    specs = [AttackSpec("bias", "bed-1", 1, 4), AttackSpec("data-poisoning-2", "bed-1", 3, channels="rr")]
    (after,), injections = inject_all([recording], specs)
    np.testing.assert_array_equal(after.heart_rate_bpm, [70, 82, 82, 82, 82, 70])
    np.testing.assert_array_equal(after.resp_rate_bpm, [15, 19, 19, 38, 38, 30])
    truth = [np.flatnonzero(injection.poisoned).tolist() for injection in injections["bed-1"]]
    assert truth == [[1, 2, 3, 4], [3, 4, 5]]


def test_a_minute_that_an_earlier_attack_lost_stays_lost() -> None:
    recording = Recording("bed-1", 0, np.full(300, 70.0), np.full(300, 15.0))
    (after,), injections = inject_all([recording], [AttackSpec("dropout", "bed-1", 0), AttackSpec("bias", "bed-1", 0)])
    lost = injections["bed-1"][0].poisoned
    np.testing.assert_array_equal(np.isnan(after.heart_rate_bpm), lost)
    np.testing.assert_array_equal(injections["bed-1"][1].poisoned, ~lost)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (spec("time-shift", channels="rr"), "changes the heart rate only: channels=rr leaves it nothing"),
        (spec("bias", channels="pulse"), "channels=pulse; use both, hr, rr"),
        (spec("bias", ramp_min=-1), r"ramp -1; it is 0 \(at once\) or more"),
        (spec("bias", donor="bed-2"), "bias takes no donor: leave donor=bed-2 out, or use spoof"),
        (spec("spoof", donor=PATIENT.device_id), "the donor is another device; its own past is replay"),
        (spec("spoof", donor="bed-2"), "takes its data from 'bed-2', which is not given"),
    ],
)
def test_a_choice_that_an_attack_does_not_have_is_refused(wrong: AttackSpec, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        inject(PATIENT, wrong)


def change(name: str, level: str, recording: Recording) -> float:
    """Mean change in bpm plus mean change in breaths/min; a lost minute counts as a change of all its value."""
    onset = 1500
    after = inject(recording, replace(spec(name, onset), level=level), OTHER).recording
    return sum(
        float(np.nanmean(np.abs(np.where(np.isnan(new), 0.0, new) - old)[onset:]))
        for old, new in (
            (recording.heart_rate_bpm, after.heart_rate_bpm),
            (recording.resp_rate_bpm, after.resp_rate_bpm),
        )
    )


@pytest.mark.parametrize(
    "name", [name for name in ATTACKS if name not in {"motif", "replay", "jittered-replay", "stuck-at", "time-shift"}]
)
def test_a_higher_level_changes_more(name: str) -> None:
    subtle, medium, strong = (change(name, level, PATIENT) for level in ("subtle", "medium", "strong"))
    assert 0 < subtle < medium < strong


@pytest.mark.parametrize("name", ["motif", "stuck-at"])
def test_a_higher_level_leaves_less_variety(name: str) -> None:
    subtle, medium, strong = (
        len(np.unique(inject(PATIENT, spec(name, level=level)).recording.heart_rate_bpm[1500:]))
        for level in ("subtle", "medium", "strong")
    )
    assert subtle > medium > strong
