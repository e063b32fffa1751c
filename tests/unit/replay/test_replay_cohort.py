"""Copies get ids of their own, and an attack strikes the device that it names and no other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contracts.errors import Misconfigured
from replay.attacks import AttackSpec
from replay.cohort import assemble
from replay.options import ReplayOptions
from replay.recording import Recording


def recording(device_id: str) -> Recording:
    values = np.full(200, 70.0)
    return Recording(device_id, 0, values, values / 4, None)


def test_repeat_makes_new_devices_of_the_same_recording() -> None:
    patients = assemble([recording("p000020"), recording("b")], [], ReplayOptions(repeat=3))
    assert [patient.device_id for patient in patients] == ["b", "b-r2", "b-r3", "p000020", "p000020-r2", "p000020-r3"]


def test_an_attack_strikes_one_copy_only() -> None:
    spec = AttackSpec("data-poisoning-2", "a-r2", onset_min=50, duration_min=20)
    patients = {patient.device_id: patient for patient in assemble([recording("a")], [spec], ReplayOptions(repeat=2))}
    assert patients["a"].injections == ()
    np.testing.assert_array_equal(patients["a"].recording.heart_rate_bpm, 70.0)
    changed = np.flatnonzero(patients["a-r2"].recording.heart_rate_bpm != 70.0)
    assert changed.size
    assert {50 <= minute < 70 for minute in changed} == {True}


def test_an_attack_on_a_device_that_is_not_replayed_lists_those_that_are() -> None:
    with pytest.raises(Misconfigured, match=r"'x'.*a, a-r2"):
        assemble(
            [recording("a")], [AttackSpec("backdoor-1", "x", onset_min=0, duration_min=5)], ReplayOptions(repeat=2)
        )


def test_two_recordings_of_one_id_are_refused() -> None:
    with pytest.raises(Misconfigured, match="both device a"):
        assemble([recording("a"), recording("a")], [])


def test_a_copy_whose_id_would_be_too_long_is_refused() -> None:
    with pytest.raises(Misconfigured, match="not a device id"):
        assemble([recording("a" * 62)], [], ReplayOptions(repeat=2))


@pytest.mark.parametrize("options", [ReplayOptions(minutes=50), ReplayOptions(start_min=70)])
def test_an_attack_that_the_slice_leaves_out_is_refused(options: ReplayOptions) -> None:
    spec = AttackSpec("backdoor-2", "a", onset_min=50, duration_min=20)
    with pytest.raises(Misconfigured, match="from minute 50 to 70, outside what is replayed"):
        assemble([recording("a")], [spec], options)


def test_an_attack_that_reaches_into_the_slice_is_injected() -> None:
    spec = AttackSpec("backdoor-2", "a", onset_min=50, duration_min=20)
    (patient,) = assemble([recording("a")], [spec], ReplayOptions(start_min=69, minutes=1))
    assert patient.injections[0].spec == spec


def test_nothing_to_replay_is_said() -> None:
    with pytest.raises(Misconfigured, match="nothing to replay"):
        assemble([], [])


def test_a_donor_is_any_device_of_the_replay_and_gives_what_it_recorded() -> None:
    donor = replace(recording("b"), heart_rate_bpm=np.full(200, 95.0))
    specs = [AttackSpec("bias", "b", 0), AttackSpec("spoof", "a", 50, 20, donor="b")]
    patients = {patient.device_id: patient for patient in assemble([recording("a"), donor], specs)}
    np.testing.assert_array_equal(patients["a"].recording.heart_rate_bpm[49:71], [70.0, *[95.0] * 20, 70.0])
    assert patients["b"].recording.heart_rate_bpm[60] == 107.0


def test_a_donor_that_is_not_replayed_is_refused_with_the_devices() -> None:
    with pytest.raises(Misconfigured, match="spoof names the donor 'x', which is not here; devices: a, a-r2"):
        assemble([recording("a")], [AttackSpec("spoof", "a", 50, donor="x")], ReplayOptions(repeat=2))


@pytest.mark.parametrize("onsets", [(50, 50), (20, 50)])
def test_two_attacks_that_the_truth_could_not_tell_apart_are_refused(onsets: tuple[int, int]) -> None:
    specs = [AttackSpec("bias", "a", onset, channels=only) for onset, only in zip(onsets, ("hr", "rr"), strict=True)]
    with pytest.raises(Misconfigured, match="bias strikes a twice from minute 50 of the replay on: let one begin"):
        assemble([recording("a")], specs, ReplayOptions(start_min=50))


def test_one_attack_may_strike_a_device_again_later() -> None:
    specs = [AttackSpec("bias", "a", onset, 10) for onset in (20, 50)]
    (patient,) = assemble([recording("a")], specs)
    assert [injection.spec.onset_min for injection in patient.injections] == [20, 50]


def test_copies_of_a_device_with_a_name_are_told_apart_by_it() -> None:
    named = replace(recording("icu-03"), label="ICU_03")
    patients = assemble([named, recording("b")], [], ReplayOptions(repeat=2))
    labels = {patient.device_id: patient.recording.label for patient in patients}
    assert labels == {"b": None, "b-r2": None, "icu-03": "ICU_03", "icu-03-r2": "ICU_03 (2)"}


def test_the_name_of_a_copy_is_no_longer_than_a_name_may_be() -> None:
    named = replace(recording("a"), label="x" * 120)
    labels = [patient.recording.label or "" for patient in assemble([named], [], ReplayOptions(repeat=2))]
    assert [(len(label), label[-4:]) for label in labels] == [(120, "xxxx"), (120, " (2)")]
