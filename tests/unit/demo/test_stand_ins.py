"""The patients in the places of the demo's records show what the demo is to show, with the detector that ships."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.messages.verdicts import DeviceState
from detectors import Detector, Verdicts
from detectors.explanations.words import RULES_IN_WORDS
from fedsecure.demo import plan
from fedsecure.demo.plan import DEFAULT_DURATION_MIN, DEFAULT_ONSET_MIN, ENROLMENT_MIN, RECORDING_MIN, DemoOptions
from replay.attacks import inject, parse_attack
from replay.demo_records import all_synthetic, stand_in
from replay.recording import Recording

OFFLINE = all_synthetic()


def judged(recording: Recording) -> Verdicts:
    shown = recording.sliced(0, RECORDING_MIN)
    return Detector.load().score(
        shown.device_id,
        shown.first_event_minute,
        shown.heart_rate_bpm,
        shown.resp_rate_bpm,
        pulse_bpm=shown.pulse_bpm,
        enrolment_min=ENROLMENT_MIN,
    )


@pytest.mark.parametrize("name", OFFLINE.stand_ins)
def test_a_patient_that_is_not_attacked_stays_benign(name: str) -> None:
    states = judged(stand_in(name)).state
    assert {*states} == {DeviceState.ENROLLING, DeviceState.BENIGN}
    assert states.index(DeviceState.BENIGN) < DEFAULT_ONSET_MIN - 120


def test_the_demos_attack_is_found_by_network_and_statistics_while_it_lasts() -> None:
    spec = parse_attack(plan.attacks_of(DemoOptions(Path("report")), OFFLINE)[0])
    verdicts = judged(inject(stand_in("s00001"), spec).recording)
    first = verdicts.state.index(DeviceState.QUARANTINED)
    assert DEFAULT_ONSET_MIN <= first < DEFAULT_ONSET_MIN + min(150, DEFAULT_DURATION_MIN)
    reasons = [change.reason for change in verdicts.transitions if change.after == DeviceState.QUARANTINED]
    assert reasons
    assert not any(words in reason for reason in reasons for words in RULES_IN_WORDS.values())
