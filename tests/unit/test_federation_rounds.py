from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.federation import RoundPhase, RoundRecord
from fl_coordinator import rounds
from fl_coordinator.errors import IllegalTransition
from fl_coordinator.selection import Selection

TERMS = rounds.RoundTerms(
    "reconstruction", quorum=2, deadline_s=20.0, local_epochs=1, batch_size=32, learning_rate=1e-3
)
DEVICES = ("a", "b", "c", "d")


def proposal(cohort=DEVICES, excluded=None) -> RoundRecord:
    selection = Selection(100.0, tuple(cohort), excluded or {})
    return rounds.propose(7, TERMS, lease_token=3, model_sha256="m", selection=selection)


def collecting(cohort=DEVICES, excluded=None) -> RoundRecord:
    return rounds.open_collection(proposal(cohort, excluded), TERMS.quorum, 100.0)


def test_a_proposal_carries_the_gate_the_terms_and_the_deadline():
    record = proposal(("a", "b"), {"c": "stale"})
    assert (record.round, record.lease_token, record.model_sha256, record.task) == (7, 3, "m", "reconstruction")
    assert (record.phase, record.gated_at, record.deadline_at) == (RoundPhase.PROPOSED, 100.0, 120.0)
    assert (record.cohort, record.excluded, record.accepted) == (["a", "b"], {"c": "stale"}, [])


def test_a_cohort_below_the_quorum_is_never_asked():
    record = collecting(("a",))
    assert (record.phase, record.reason, record.ended_at) == (RoundPhase.SKIPPED, "no_quorum", 100.0)


def test_a_round_with_enough_answers_commits_a_model():
    record = rounds.accept(rounds.accept(collecting(), "b"), "a")
    record = rounds.close_collection(record, TERMS.quorum, 120.0)
    assert record.phase is RoundPhase.AGGREGATING
    assert record.excluded == {"c": "no_answer", "d": "no_answer"}
    record = rounds.commit(record, "new", 0.5, 121.0)
    assert (record.phase, record.new_model_sha256, record.loss, record.ended_at) == (
        RoundPhase.COMMITTED, "new", 0.5, 121.0,
    )  # fmt: skip
    assert record.accepted == ["a", "b"]


def test_an_accepted_device_that_is_dropped_later_can_cost_the_quorum():
    record = rounds.accept(rounds.accept(collecting(("a", "b")), "a"), "b")
    record = rounds.close_collection(rounds.drop(record, "a", "quarantined"), TERMS.quorum, 110.0)
    assert (record.phase, record.reason, record.new_model_sha256) == (RoundPhase.SKIPPED, "no_quorum", None)
    assert record.excluded == {"a": "quarantined"}


def test_a_dropped_device_cannot_come_back_in_the_same_round():
    record = rounds.drop(collecting(), "a", "suspect")
    with pytest.raises(IllegalTransition):
        rounds.accept(record, "a")


def test_who_was_not_asked_can_neither_be_accepted_nor_dropped():
    for step in (lambda record: rounds.accept(record, "x"), lambda record: rounds.drop(record, "x", "stale")):
        with pytest.raises(IllegalTransition):
            step(collecting())


Step = st.one_of(
    st.tuples(st.just("accept"), st.sampled_from([*DEVICES, "stranger"])),
    st.tuples(st.just("drop"), st.sampled_from(DEVICES)),
    st.tuples(st.sampled_from(["open", "close", "commit", "skip", "fail"]), st.just("")),
)


def apply(record: RoundRecord, step: str, device_id: str) -> RoundRecord:
    match step:
        case "accept":
            return rounds.accept(record, device_id)
        case "drop":
            return rounds.drop(record, device_id, "quarantined")
        case "open":
            return rounds.open_collection(record, TERMS.quorum, 101.0)
        case "close":
            return rounds.close_collection(record, TERMS.quorum, 102.0)
        case "commit":
            return rounds.commit(record, "new", 0.1, 103.0)
        case "skip":
            return rounds.skip(record, "redis_unavailable", 104.0)
        case _:
            return rounds.fail(record, "kafka_unavailable", 104.0)


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
        assert record.phase is before.phase or record.phase in rounds.NEXT_PHASES[before.phase]
        assert set(record.accepted) <= set(record.cohort)
        assert not set(record.accepted) & (dropped | set(record.excluded))
        assert (record.new_model_sha256 is not None) == (record.phase is RoundPhase.COMMITTED)
        if record.phase is RoundPhase.AGGREGATING and before.phase is RoundPhase.COLLECTING:
            assert len(record.accepted) >= TERMS.quorum
            assert rounds.is_complete(record)


@given(answers=st.lists(st.sampled_from(DEVICES), max_size=12))
def test_repeated_answers_count_once_and_their_order_leaves_no_trace(answers):
    record = collecting()
    for device_id in answers:
        record = rounds.accept(record, device_id)
    assert record.accepted == sorted(set(answers))
    assert rounds.is_complete(record) == (set(answers) == set(DEVICES))
