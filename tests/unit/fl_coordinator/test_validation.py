"""What devices find of a candidate decides whether it becomes the current model, and a minority of liars decides nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.configuration.settings import Settings
from contracts.messages.federation import MOST_LOSS, AcceptedMeasurement, AcceptedUpdate, RoundPhase, RoundRecord
from fl_coordinator.errors import IllegalTransition
from fl_coordinator.gate.selection import Selection
from fl_coordinator.rounds import transitions, validation
from fl_coordinator.rounds.acceptance import is_accepted, median_change, relative_change

TERMS = Settings(round_quorum=3, model_tolerance=0.015625, validation_deadline_s=5.0)
DEVICES = tuple("abcdefg")


def aggregating(cohort=DEVICES, excluded=None) -> RoundRecord:
    selection = Selection(100.0, tuple(cohort), excluded or {})
    record = transitions.propose(7, TERMS, lease_token=3, model_sha256="m", selection=selection)
    record = transitions.open_collection(record, TERMS.round_quorum, 100.0)
    for device_id in cohort:
        update = AcceptedUpdate(update_sha256=f"of {device_id}", samples=5, loss=0.5, key_id="k")
        record = transitions.accept(record, device_id, update)
    return transitions.close_collection(record, TERMS.round_quorum, 110.0)


def validating(cohort=DEVICES, settings: Settings = TERMS) -> RoundRecord:
    return validation.open_validation(aggregating(cohort), settings, "new", 0.5, 111.0)


def found(before: float, after: float) -> AcceptedMeasurement:
    return AcceptedMeasurement(loss_before=before, loss_after=after, samples=16, key_id="k")


def decided(*losses: tuple[float, float]) -> RoundRecord:
    record = validating(DEVICES[: max(len(losses), 3)])
    for device_id, (before, after) in zip(DEVICES, losses, strict=False):
        record = validation.measure(record, device_id, found(before, after))
    return validation.decided(record, TERMS.round_quorum, 112.0)


def test_devices_are_asked_about_the_candidate_with_a_deadline_and_the_tolerance():
    record = validating(DEVICES[:3])
    assert (record.phase, record.candidate_sha256, record.new_model_sha256) == (RoundPhase.VALIDATING, "new", None)
    assert (record.validators, record.tolerance) == (["a", "b", "c"], 0.015625)
    assert (record.validating_since, record.deadline_at) == (111.0, 116.0)
    assert not validation.is_measured(record)


@pytest.mark.parametrize(
    ("losses", "phase", "change"),
    [
        ([(1.0, 0.9), (1.0, 0.9), (2.0, 1.0)], RoundPhase.COMMITTED, -0.1),
        ([(1.0, 1.015625), (1.0, 1.0), (2.0, 4.0)], RoundPhase.COMMITTED, 0.015625),  # as much as is tolerated
        ([(1.0, 1.03), (1.0, 1.03), (2.0, 1.0)], RoundPhase.REJECTED, 0.03),
        ([(1.0, MOST_LOSS)] * 2 + [(MOST_LOSS, 0.0)], RoundPhase.REJECTED, 1.0),
        ([(1.0, 1.0), (1.0, 1.0), (1.0, 1.5), (1.0, 1.5)], RoundPhase.REJECTED, 0.5),
    ],
)
def test_what_most_devices_find_no_worse_is_committed_and_all_else_rejected_with_the_figures(losses, phase, change):
    record = decided(*losses)
    assert record.phase is phase
    assert record.change == pytest.approx(change)
    assert record.new_model_sha256 == ("new" if phase is RoundPhase.COMMITTED else None)
    assert (record.reason, record.candidate_sha256) == ("worse" if phase is RoundPhase.REJECTED else "", "new")
    assert len(record.measurements) == len(losses)


def test_fewer_measurements_than_the_quorum_accept_nothing():
    record = decided((1.0, 0.5), (1.0, 0.5))
    assert (record.phase, record.reason, record.new_model_sha256) == (RoundPhase.SKIPPED, "too_few_measurements", None)


def test_without_a_device_that_may_not_count_any_more_the_rest_is_aggregated_again_or_too_few():
    record = validation.measure(validating(DEVICES[:4]), "a", found(1.0, 1.0))
    record = transitions.drop(record, "a", "suspect")
    again = validation.without_the_dropped(record, 3, 112.0)
    assert (again.phase, again.accepted, again.candidate_sha256) == (RoundPhase.AGGREGATING, ["b", "c", "d"], None)
    assert (again.validators, again.measurements) == ([], {})
    assert validation.open_validation(again, TERMS, "newer", 0.5, 113.0).validators == ["b", "c", "d"]
    assert validation.without_the_dropped(record, 4, 112.0).reason == "no_quorum"


def test_those_whose_updates_were_put_out_by_the_others_and_those_not_drawn_judge_too_the_rest_does_not():
    """An attacked majority of a quorum could put the others out of the model, but not out of its judgement."""
    record = aggregating(DEVICES[:5], {"x": "quarantined"})
    for device_id, reason in (("a", "camp"), ("b", "norm"), ("c", "no_data")):
        record = transitions.drop(record, device_id, reason)
    assert validation.validators_of(record, 64) == ["a", "b", "d", "e"]
    drawn = TERMS.model_copy(update={"round_target": 3, "round_over_selection": 1.0})
    record = transitions.propose(7, drawn, lease_token=3, model_sha256="m", selection=Selection(1.0, DEVICES, {}))
    assert validation.validators_of(record, 64) == sorted(set(DEVICES) - set(record.cohort))


def test_of_many_devices_as_many_as_wanted_are_asked_by_lot():
    few = TERMS.model_copy(update={"validators": 3})
    assert len(validating(settings=few).validators) == 3
    assert validating(settings=few).validators == validating(settings=few).validators


def test_a_device_is_heard_once_and_only_if_it_was_asked():
    record = validation.measure(validating(DEVICES[:3]), "a", found(1.0, 1.0))
    for device_id in ("a", "g"):
        with pytest.raises(IllegalTransition):
            validation.measure(record, device_id, found(1.0, 1.0))
    dropped = validation.drop_validators(record, ["a", "b"])
    assert (dropped.validators, dropped.measurements) == (["c"], {})


losses = st.floats(min_value=0, max_value=MOST_LOSS)


@given(before=losses, after=losses)
def test_a_change_is_bounded_and_finite_and_0_where_nothing_changed(before, after):
    assert -1.0 <= relative_change(before, after) <= 1.0
    assert relative_change(before, before) == 0.0


@given(
    honest=st.lists(st.floats(min_value=0.5, max_value=1.0), min_size=1, max_size=9),
    lies=st.lists(st.floats(-1, 1), max_size=9),
)
def test_liars_pass_a_worse_model_only_as_a_majority(honest, lies):
    """Every honest device finds the candidate half as bad again. The breakdown point is half of those who answer."""
    accepted = is_accepted(median_change([*honest, *lies]), 0.02)
    assert not accepted or sum(lie <= 0.02 for lie in lies) > (len(honest) + len(lies)) / 2


@given(
    honest=st.lists(st.floats(min_value=-1.0, max_value=0.0), min_size=1, max_size=9),
    lies=st.lists(st.floats(-1, 1), max_size=9),
)
def test_liars_hold_up_a_better_model_only_as_half_of_those_who_answer(honest, lies):
    accepted = is_accepted(median_change([*honest, *lies]), 0.02)
    assert accepted or sum(lie > 0.02 for lie in lies) >= (len(honest) + len(lies)) / 2
