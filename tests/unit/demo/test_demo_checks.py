"""The demo's verdict, on runs made by hand."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from contracts.messages.federation import RoundPhase, RoundRecord
from contracts.messages.truth import TruthInterval
from contracts.messages.verdicts import DeviceState, DeviceStatus
from detectors.explanations.words import RULES_IN_WORDS
from fedsecure.demo.observing.checks import Check, judge
from fedsecure.demo.observing.observation import DeviceTrace, Observation, StateSeen

CLEAN = ["c1", "c2", "c3"]
ONSET = 760
QUARANTINED_AT = 110.0
PLANNED_MIN = 3


def round_record(number: int, gated_at: float, cohort: list[str], **changes: Any) -> RoundRecord:
    everybody = ["bad", *CLEAN]
    fields: dict[str, Any] = {
        "round": number,
        "phase": RoundPhase.COMMITTED,
        "task": "t",
        "lease_token": 1,
        "model_sha256": "ab",
        "gated_at": gated_at,
        "deadline_at": gated_at + 8,
        "cohort": cohort,
        "excluded": {d: "quarantined" for d in everybody if d not in cohort},
        "accepted": list(cohort),
    }
    return RoundRecord(**(fields | changes))


def seen(
    state: DeviceState, event_minute: int, at: float, reason: str = "over the limit: heart rate restless"
) -> StateSeen:
    return StateSeen(device_id="bad", state=state, at=at, event_minute=event_minute, reason=reason)


def streamed(device_id: str, status: DeviceStatus) -> DeviceTrace:
    """A device of which every planned minute was sent and judged."""
    trace = DeviceTrace(device_id=device_id, status=status)
    for minute in range(PLANNED_MIN):
        trace.vitals[minute] = (80.0, None)
        trace.verdicts[minute] = (None, None, False, DeviceState.BENIGN)
    return trace


@pytest.fixture
def good(device_status: Any) -> Observation:
    """A run as it should be: quarantined 70 minutes after onset, the next round without it and with all others."""
    status = device_status(finished=True)
    return Observation(
        started_at=0.0,
        planned_devices=["bad", *CLEAN],
        planned_minutes=PLANNED_MIN,
        devices={name: streamed(name, status) for name in ("bad", *CLEAN)},
        truth=[
            TruthInterval(
                device_id="bad",
                session_id=1,
                attack="data-poisoning-2",
                level="strong",
                seed=7,
                first_event_minute=ONSET,
                end_event_minute=ONSET + 300,
                poisoned="1" * 300,
            )
        ],
        states=[seen(DeviceState.BENIGN, 600, 75.0), seen(DeviceState.QUARANTINED, ONSET + 70, QUARANTINED_AT)],
        rounds={
            1: round_record(1, 80.0, ["bad", *CLEAN]),
            2: round_record(2, 109.0, ["bad", *CLEAN], accepted=CLEAN),
            3: round_record(3, 119.0, CLEAN),
        },
    )


def broken(observation: Observation) -> list[str]:
    return [check.name for check in judge(observation) if not check.passed]


def check(observation: Observation, name: str) -> Check:
    return next(each for each in judge(observation) if each.name == name)


def test_a_run_as_it_should_be_passes_and_says_after_how_many_minutes(good: Observation) -> None:
    assert broken(good) == []
    assert check(good, "was_quarantined").detail == (
        "70 min after onset, found by network and statistics: over the limit: heart rate restless"
    )
    assert check(good, "sat_out_the_next_round").detail == "round 3: excluded, quarantined"


def test_the_round_that_was_open_at_the_quarantine_is_not_the_next_one(good: Observation) -> None:
    good.rounds[3] = round_record(3, 119.0, ["bad", *CLEAN])
    assert broken(good) == ["sat_out_the_next_round"]


def test_a_quarantine_before_the_onset_is_no_detection(good: Observation) -> None:
    good.states = [seen(DeviceState.QUARANTINED, ONSET - 1, 90.0)]
    assert check(good, "was_quarantined").detail.startswith("quarantined before its onset only")
    assert not check(good, "was_quarantined").passed


def test_a_quarantine_in_the_minute_of_the_onset_counts(good: Observation) -> None:
    good.states = [seen(DeviceState.QUARANTINED, ONSET, QUARANTINED_AT)]
    assert check(good, "was_quarantined").detail.startswith("0 min after onset, ")


@pytest.mark.parametrize("rule", RULES_IN_WORDS)
def test_a_rule_that_found_an_attack_is_told_from_network_and_statistics(good: Observation, rule: str) -> None:
    good.states = [seen(DeviceState.QUARANTINED, ONSET + 20, QUARANTINED_AT, f"over the limit: {RULES_IN_WORDS[rule]}")]
    assert check(good, "was_quarantined").detail.startswith("20 min after onset, found by a rule: over the limit: ")


def test_an_attack_that_nobody_saw_fails_all_three(good: Observation) -> None:
    good.states = [seen(DeviceState.BENIGN, 600, 75.0)]
    assert broken(good) == ["was_quarantined", "sat_out_the_next_round", "clean_devices_took_part"]


def test_without_a_round_after_the_quarantine_nothing_was_sat_out(good: Observation) -> None:
    del good.rounds[3]
    assert broken(good) == ["sat_out_the_next_round", "clean_devices_took_part"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"cohort": ["c1", "c2"], "accepted": ["c1", "c2"], "excluded": {"c3": "suspect"}}, "c3 (suspect)"),
        ({"accepted": ["c1", "c2"]}, "c3 (no accepted update)"),
        ({"phase": RoundPhase.SKIPPED, "reason": "no_quorum"}, "no_quorum"),
    ],
    ids=["not invited", "no update", "not committed"],
)
def test_every_clean_device_must_have_trained_in_the_next_round(
    good: Observation, changes: dict[str, Any], told: str
) -> None:
    good.rounds[3] = replace(good.rounds[3], **changes)
    assert broken(good) == ["clean_devices_took_part"]
    assert told in check(good, "clean_devices_took_part").detail


def test_a_second_attacked_device_that_is_not_found_yet_is_not_held_against_the_first(good: Observation) -> None:
    good.truth.append(replace(good.truth[0], device_id="c3"))
    good.rounds[3] = round_record(3, 119.0, ["c1", "c2", "c3"])
    of_first = [each for each in judge(good) if each.device_id == "bad"]
    assert all(each.passed for each in of_first)
    assert broken(good) == ["was_quarantined", "sat_out_the_next_round", "clean_devices_took_part"]


def test_a_run_without_attacks_proves_nothing(good: Observation) -> None:
    good.truth = []
    assert broken(good) == ["attacks_were_injected"]


def test_a_device_that_was_not_judged_to_its_end_is_named(good: Observation, device_status: Any) -> None:
    good.devices["c2"].status = device_status(finished=False)
    del good.devices["c3"]
    assert check(good, "streamed_to_the_end").detail == "no final status of c2; no final status of c3"


def test_a_minute_that_was_sent_and_not_judged_fails_the_run(good: Observation) -> None:
    del good.devices["c2"].verdicts[1]
    assert broken(good) == ["streamed_to_the_end"]
    assert check(good, "streamed_to_the_end").detail == "c2: 2 of 3 minutes judged"


def test_a_verdict_on_a_minute_that_nobody_sent_does_not_make_up_for_a_lost_one(good: Observation) -> None:
    verdicts = good.devices["c2"].verdicts
    verdicts[99] = verdicts.pop(1)
    assert check(good, "streamed_to_the_end").detail == "c2: 2 of 3 minutes judged"


def test_a_planned_minute_that_was_never_sent_fails_the_run(good: Observation) -> None:
    del good.devices["c3"].vitals[2], good.devices["c3"].verdicts[2]
    assert broken(good) == ["streamed_to_the_end"]
    assert check(good, "streamed_to_the_end").detail == "c3: 2 of 3 planned minutes sent"
