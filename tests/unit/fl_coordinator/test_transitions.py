from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.configuration.settings import Settings
from contracts.messages.federation import AcceptedMeasurement, AcceptedUpdate, RoundPhase, RoundRecord
from fl_coordinator.errors import IllegalTransition
from fl_coordinator.gate.selection import Selection
from fl_coordinator.rounds import transitions, validation

TERMS = Settings(round_quorum=2, round_deadline_s=20.0)
DEVICES = ("a", "b", "c", "d")


def proposal(cohort=DEVICES, excluded=None) -> RoundRecord:
    selection = Selection(100.0, tuple(cohort), excluded or {})
    return transitions.propose(7, TERMS, lease_token=3, model_sha256="m", selection=selection)


def collecting(cohort=DEVICES, excluded=None) -> RoundRecord:
    return transitions.open_collection(proposal(cohort, excluded), TERMS.round_quorum, 100.0)


def accept(record: RoundRecord, device_id: str) -> RoundRecord:
    return transitions.accept(
        record, device_id, AcceptedUpdate(update_sha256=f"of {device_id}", samples=5, loss=0.5, key_id="k")
    )


def test_a_proposal_carries_the_gate_the_terms_and_the_deadline():
    record = proposal(("a", "b"), {"c": "stale"})
    assert (record.round, record.lease_token, record.model_sha256, record.task) == (7, 3, "m", "reconstruction")
    assert (record.phase, record.gated_at, record.deadline_at) == (RoundPhase.PROPOSED, 100.0, 120.0)
    assert (record.cohort, record.excluded, record.accepted) == (["a", "b"], {"c": "stale"}, [])


def test_a_cohort_below_the_quorum_is_never_asked():
    record = collecting(("a",))
    assert (record.phase, record.reason, record.ended_at) == (RoundPhase.SKIPPED, "no_quorum", 100.0)


def test_a_round_with_enough_answers_commits_a_model():
    record = accept(accept(collecting(), "b"), "a")
    record = transitions.close_collection(record, TERMS.round_quorum, 120.0)
    assert record.phase is RoundPhase.AGGREGATING
    assert record.excluded == {"c": "no_answer", "d": "no_answer"}
    record = transitions.commit(validation.open_validation(record, TERMS, "new", 0.5, 120.5), 121.0)
    assert (record.phase, record.new_model_sha256, record.loss, record.ended_at) == (
        RoundPhase.COMMITTED, "new", 0.5, 121.0,
    )  # fmt: skip
    assert record.accepted == ["a", "b"]


def test_an_accepted_device_that_is_dropped_later_can_cost_the_quorum():
    record = accept(accept(collecting(("a", "b")), "a"), "b")
    record = transitions.close_collection(transitions.drop(record, "a", "quarantined"), TERMS.round_quorum, 110.0)
    assert (record.phase, record.reason, record.new_model_sha256) == (RoundPhase.SKIPPED, "no_quorum", None)
    assert record.excluded == {"a": "quarantined"}


def test_a_dropped_device_cannot_come_back_in_the_same_round():
    record = transitions.drop(collecting(), "a", "suspect")
    with pytest.raises(IllegalTransition):
        accept(record, "a")


def test_who_was_not_asked_can_neither_be_accepted_nor_dropped():
    for step in (lambda record: accept(record, "x"), lambda record: transitions.drop(record, "x", "stale")):
        with pytest.raises(IllegalTransition):
            step(collecting())


# --- a target: more are asked than are needed ---------------------------------------------------------------------


def wanted(target: int, over_selection: float, cohort=DEVICES, number: int = 7) -> RoundRecord:
    terms = TERMS.model_copy(update={"round_target": target, "round_over_selection": over_selection})
    proposed = transitions.propose(
        number, terms, lease_token=3, model_sha256="m", selection=Selection(100.0, tuple(cohort), {"e": "stale"})
    )
    return transitions.open_collection(proposed, TERMS.round_quorum, 100.0)


def test_half_as_many_again_are_asked_by_lot_and_the_others_sit_out():
    record = wanted(2, 1.5)
    assert len(record.cohort) == 3
    (left_out,) = set(DEVICES) - set(record.cohort)
    assert record.excluded == {"e": "stale", left_out: "not_drawn"}
    assert wanted(2, 1.5).cohort == record.cohort
    assert {device for number in range(20) for device in wanted(2, 1.0, number=number).cohort} == set(DEVICES)


def test_the_first_answers_are_enough_and_who_is_slower_is_a_straggler():
    record = accept(accept(wanted(2, 2.0), "d"), "a")
    assert transitions.is_complete(record)
    record = transitions.close_collection(record, TERMS.round_quorum, 105.0)
    assert (record.phase, record.accepted) == (RoundPhase.AGGREGATING, ["a", "d"])
    assert record.excluded == {"e": "stale", "b": "straggler", "c": "straggler"}


def test_who_is_silent_until_the_deadline_is_no_straggler():
    record = transitions.close_collection(accept(wanted(2, 2.0), "a"), 1, 120.0)
    assert record.excluded == {"e": "stale", "b": "no_answer", "c": "no_answer", "d": "no_answer"}


def test_over_the_rounds_every_device_gets_its_turn_about_as_often_as_any_other():
    devices = [f"d{number:03}" for number in range(100)]
    turns = Counter(name for number in range(1, 401) for name in wanted(10, 1.0, devices, number).cohort)
    assert turns.keys() == set(devices)
    assert max(turns.values()) <= 3 * min(turns.values()), "of 40 turns each, the lot's own spread is six"
    together = sum({"d000", "d001"} <= set(wanted(10, 1.0, devices, number).cohort) for number in range(1, 401))
    assert together < 20, "who is asked in one round says nothing of who is asked beside him"


def test_whom_a_round_asked_can_be_drawn_again_from_its_record():
    record = wanted(10, 1.3, [f"d{number:03}" for number in range(100)], number=77)
    eligible = {*record.cohort, *(name for name, why in record.excluded.items() if why == "not_drawn")}
    assert len(eligible) == 100
    assert sorted(Random(record.round).sample(sorted(eligible), len(record.cohort))) == record.cohort


# --- a large round is not written again for each answer ------------------------------------------------------------


def times_written(devices: int) -> int:
    """How often a round is written while all its devices answer, one after the other and at once."""
    names = [f"d{number:05}" for number in range(devices)]
    record = published = wanted(devices, 1.0, names)
    written = 1
    for name in names:
        record = accept(record, name)
        if transitions.is_worth_a_record(record, published, 0.0):
            written, published = written + 1, record
    assert transitions.is_complete(record)
    return written


def test_a_small_round_is_written_for_each_answer_and_a_large_one_some_thirty_times():
    assert times_written(5) == 6
    assert times_written(31) == 32
    assert times_written(1000) <= 34


def test_what_has_come_is_written_within_a_second_however_little_it_is():
    published = wanted(1000, 1.0, [f"d{number:05}" for number in range(1000)])
    record = accept(published, "d00007")
    assert not transitions.is_worth_a_record(record, published, 0.9)
    assert transitions.is_worth_a_record(record, published, 1.0)
    assert not transitions.is_worth_a_record(record, record, 60.0)


# --- another coordinator goes on ----------------------------------------------------------------------------------


def test_a_resumed_round_keeps_what_was_accepted_and_takes_the_new_lease_and_time():
    record = transitions.resume(accept(collecting(), "b"), 9, 300.0)
    assert (record.lease_token, record.opened_with, record.deadline_at) == (9, 3, 300.0)
    assert (record.accepted, record.updates["b"].update_sha256) == (["b"], "of b")


def test_an_ended_round_is_not_resumed():
    with pytest.raises(IllegalTransition, match="nothing to resume"):
        transitions.resume(transitions.skip(collecting(), "no_quorum", 110.0), 9, 300.0)


Step = st.one_of(
    st.tuples(st.just("accept"), st.sampled_from([*DEVICES, "stranger"])),
    st.tuples(st.just("drop"), st.sampled_from(DEVICES)),
    st.tuples(st.just("measure"), st.sampled_from([*DEVICES, "stranger"])),
    st.tuples(st.sampled_from(["open", "close", "validate", "decide", "reject", "skip", "fail"]), st.just("")),
)


def apply(record: RoundRecord, step: str, device_id: str) -> RoundRecord:
    match step:
        case "accept":
            return accept(record, device_id)
        case "drop":
            return transitions.drop(record, device_id, "quarantined")
        case "open":
            return transitions.open_collection(record, TERMS.round_quorum, 101.0)
        case "close":
            return transitions.close_collection(record, TERMS.round_quorum, 102.0)
        case "measure":
            as_good = AcceptedMeasurement(loss_before=1.0, loss_after=1.0, samples=5, key_id="k")
            return validation.measure(record, device_id, as_good)
        case "validate":
            return validation.open_validation(record, TERMS, "new", 0.1, 103.0)
        case "decide":
            return validation.decided(record, TERMS.round_quorum, 103.5)
        case "reject":
            return transitions.reject(record, "not_finite", 103.5)
        case "skip":
            return transitions.skip(record, "redis_unavailable", 104.0)
        case _:
            return transitions.fail(record, "kafka_unavailable", 104.0)


@given(steps=st.lists(Step, max_size=20))
def test_whatever_happens_a_round_only_moves_along_its_phases_and_counts_only_whom_it_may(steps):
    record = proposal()
    dropped: set[str] = set()
    for step, device_id in steps:
        before = record
        try:
            record = apply(record, step, device_id)
        except IllegalTransition:
            assert record is before
            continue
        if step == "drop":
            dropped.add(device_id)
        assert record.phase is before.phase or record.phase in transitions.NEXT_PHASES[before.phase]
        assert set(record.accepted) <= set(record.cohort)
        assert not set(record.accepted) & (dropped | set(record.excluded))
        assert sorted(record.updates) == record.accepted
        assert (record.new_model_sha256 is not None) == (record.phase is RoundPhase.COMMITTED)
        assert set(record.measurements) <= set(record.validators) <= set(record.cohort)
        if record.phase is RoundPhase.COMMITTED:
            assert len(record.measurements) >= TERMS.round_quorum
        if record.phase is RoundPhase.AGGREGATING and before.phase is RoundPhase.COLLECTING:
            assert len(record.accepted) >= TERMS.round_quorum
            assert transitions.is_complete(record)


@given(answers=st.lists(st.sampled_from(DEVICES), max_size=12))
def test_repeated_answers_count_once_and_their_order_leaves_no_trace(answers):
    record = collecting()
    for device_id in answers:
        record = accept(record, device_id)
    assert record.accepted == sorted(set(answers))
    assert transitions.is_complete(record) == (set(answers) == set(DEVICES))
