"""A run is as on a quiet day, or the judgement says what is not: one thing is made wrong at a time."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
from chaos.site.ward import Expected
from chaos.verdict.judgement import GATE_SLACK_S, OnRecord, Stamped, changes_of, judge
from msgspec.structs import replace
from on_record import Read

from contracts.messages.federation import AcceptedUpdate, ModelUpdate, RoundPhase, RoundRecord
from contracts.messages.verdicts import DeviceState, DeviceStatus

QUIET = ("enrolling", "benign", "benign", "quarantined")


def expected() -> Expected:
    lines = {("a", 1, minute): (0.5 * minute, False, state) for minute, state in enumerate(QUIET)}
    end = {"state": "quarantined", "state_since": 3, "finished": True, "applied_through": 3, "minutes": 4}
    return Expected(
        lines, {"a": [(1, "benign"), (3, "quarantined")]}, {"a": end}, {"a": [False, False, True]}, {"a": 3}
    )


def status(state: DeviceState, applied_through: int, **changes: object) -> DeviceStatus:
    made = DeviceStatus(
        device_id="a", epoch=1, applied_through=applied_through, vitals_offset=1, session_id=1, state=state, reason="",
        state_since=applied_through, enrolled=True, enrolment_share=1.0, score=0.1, threshold=4.0, scores={},
        flagged=False, flagged_share=0.0, received_at=1.0, batch_interval_s=1.0, finished=applied_through == 3,
        bundle_sha="b", worker_id="w", minutes=applied_through + 1, windows=0, flagged_windows=0,
    )  # fmt: skip
    return replace(made, **changes)


def round_record(number: int, phase: RoundPhase, model: str, **changes: object) -> RoundRecord:
    accepted = AcceptedUpdate(update_sha256=f"u{number}", samples=2, loss=1.0, key_id="k")
    made = RoundRecord(
        round=number, phase=phase, task="reconstruction", lease_token=1, model_sha256=model, gated_at=0.0, deadline_at=1.0,
        cohort=["a"], excluded={}, accepted=["a"], updates={"a": accepted},
        new_model_sha256=f"m{number}" if phase is RoundPhase.COMMITTED else None,
    )  # fmt: skip
    return replace(made, **changes)


def update(number: int, **changes: object) -> ModelUpdate:
    made = ModelUpdate(
        device_id="a", round=number, lease_token=1, base_sha256="m", update_sha256=f"u{number}", sample_count=2,
        loss_before=1.0, loss_after=1.0, train_s=0.5, sent_at=0.0,
    )  # fmt: skip
    return replace(made, **changes)


def found() -> OnRecord:
    read = Read(dict(expected().lines))
    statuses = [Stamped(10.0, status(DeviceState.BENIGN, 1)), Stamped(50.0, status(DeviceState.QUARANTINED, 3))]
    rounds = [
        Stamped(30.0, round_record(1, RoundPhase.AGGREGATING, "m0")),
        Stamped(31.0, round_record(1, RoundPhase.COMMITTED, "m0")),
        Stamped(40.0, round_record(2, RoundPhase.AGGREGATING, "m1")),
        Stamped(41.0, round_record(2, RoundPhase.COMMITTED, "m1")),
        Stamped(60.0, round_record(3, RoundPhase.SKIPPED, "m2", accepted=[], updates={})),
    ]
    return OnRecord(read, statuses, rounds, [update(1), update(2)], 0)


def test_a_run_as_on_a_quiet_day_has_no_fault():
    judgement = judge(expected(), found())
    assert judgement.faults == []
    counts = judgement.counts
    assert (counts["minutes"], counts["rounds committed"], counts["updates in models"], counts["trainings"]) == (
        4,
        2,
        2,
        2,
    )


def test_the_changes_of_state_are_read_off_the_verdicts():
    assert changes_of(expected().lines, "a") == [(1, "benign"), (3, "quarantined")]


def lost(run: OnRecord) -> None:
    del run.scores.lines["a", 1, 0]


def made_up(run: OnRecord) -> None:
    run.scores.lines["a", 1, 9] = (0.0, False, "quarantined")


def other_score(run: OnRecord) -> None:
    run.scores.lines["a", 1, 1] = (0.6, False, "benign")


def later_change(run: OnRecord) -> None:
    run.scores.lines["a", 1, 1] = (0.5, False, "enrolling")


def twice(run: OnRecord) -> None:
    run.scores.contradictions.append(("a", 1, 2))


def counted_twice(run: OnRecord) -> None:
    run.statuses.append(Stamped(51.0, status(DeviceState.QUARANTINED, 3, minutes=5)))


def no_status(run: OnRecord) -> None:
    run.statuses.clear()


def two_ends(run: OnRecord) -> None:
    run.rounds.append(Stamped(61.0, round_record(2, RoundPhase.COMMITTED, "m1", new_model_sha256="other")))


def missing_round(run: OnRecord) -> None:
    run.rounds[4] = Stamped(60.0, round_record(4, RoundPhase.SKIPPED, "m2"))


def left_open(run: OnRecord) -> None:
    run.rounds.insert(4, Stamped(55.0, round_record(3, RoundPhase.COLLECTING, "m2")))
    run.rounds[5] = Stamped(60.0, round_record(4, RoundPhase.SKIPPED, "m2"))


def broken_chain(run: OnRecord) -> None:
    run.rounds[3] = Stamped(41.0, round_record(2, RoundPhase.COMMITTED, "m0"))


def trained_twice(run: OnRecord) -> None:
    run.updates.append(update(2, train_s=0.7, update_sha256="again"))


def poisoned(run: OnRecord) -> None:
    run.updates[1] = update(2, sample_count=3)


def unknown_update(run: OnRecord) -> None:
    del run.updates[1]


def taken_long_after(run: OnRecord) -> None:
    for at, phase in ((2, RoundPhase.AGGREGATING), (3, RoundPhase.COMMITTED)):
        run.rounds[at] = Stamped(51.0 + GATE_SLACK_S, round_record(2, phase, "m1"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lost, "minutes without a verdict"),
        (made_up, "verdicts on minutes that were not sent"),
        (other_score, "verdicts that differ"),
        (later_change, "devices whose state changed otherwise"),
        (twice, "minutes judged twice and differently"),
        (counted_twice, "a ended otherwise"),
        (no_status, "a has no status"),
        (two_ends, "rounds that ended in two ways"),
        (missing_round, "rounds that are missing"),
        (left_open, "rounds that were left open"),
        (broken_chain, "round 2 does not go on from the model before it"),
        (trained_twice, "rounds that a device trained twice"),
        (poisoned, "updates of poisoned or unknown minutes in a model"),
        (unknown_update, "updates of poisoned or unknown minutes in a model"),
        (taken_long_after, "after their device had lost its place"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_wrong_is_said(wrong: Callable[[OnRecord], None], said: str) -> None:
    run = deepcopy(found())
    wrong(run)
    assert said in "; ".join(judge(expected(), run).faults)


def test_an_update_that_was_sent_again_was_not_trained_again():
    run = found()
    run.updates.append(update(2, lease_token=2, nonce="other"))
    assert judge(expected(), run).faults == []
