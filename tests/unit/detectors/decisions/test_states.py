"""Every row of the device's state table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.messages.verdicts import DeviceState
from detectors.decisions.states import DecisionBasis, decide, dwell_after, state_in_words, visible_state

E, B, S = DeviceState.ENROLLING, DeviceState.BENIGN, DeviceState.SUSPECT
Q, P = DeviceState.QUARANTINED, DeviceState.PROBATION
U, I = DeviceState.UNSCORED, DeviceState.INVALID_INPUT  # noqa: E741 - the initial of the state

STANDINGS = st.sampled_from([E, B, S, Q, P])
KNOWN = st.builds(
    DecisionBasis, flagged=st.booleans(), near=st.booleans(), calm_min=st.integers(0, 500), clean_min=st.integers(0, 500),
    enrolled=st.booleans(),
)  # fmt: skip


def known(
    *, flagged: bool = False, near: bool = False, calm: int = 0, clean: int = 0, enrolled: bool = True
) -> DecisionBasis:
    return DecisionBasis(flagged, near or flagged, calm, clean, enrolled)


@pytest.mark.parametrize(
    ("standing", "on", "expected"),
    [
        pytest.param(E, known(enrolled=False), E, id="enrolling goes on without a profile"),
        pytest.param(
            E, known(near=True, enrolled=False), E, id="a rule that is near its limit leaves an enrolment alone"
        ),
        pytest.param(E, known(flagged=True, enrolled=False), Q, id="a rule over its limit ends an enrolment"),
        pytest.param(E, known(), B, id="the first verdict after the enrolment is benign"),
        pytest.param(E, known(near=True), S, id="or suspect"),
        pytest.param(E, known(flagged=True), Q, id="or a quarantine"),
        pytest.param(B, known(), B, id="benign stays"),
        pytest.param(B, known(near=True), S, id="benign is suspect near the limit"),
        pytest.param(B, known(flagged=True), Q, id="benign is quarantined at once over the limit"),
        pytest.param(S, known(near=True, calm=0), S, id="suspect stays near the limit"),
        pytest.param(S, known(calm=15), S, id="suspect stays before 30 calm minutes"),
        pytest.param(S, known(calm=30), B, id="suspect is benign after 30 calm minutes"),
        pytest.param(S, known(flagged=True), Q, id="suspect is quarantined over the limit"),
        pytest.param(Q, known(flagged=True), Q, id="quarantine goes on while flagged"),
        pytest.param(Q, known(clean=105), Q, id="quarantine lasts 120 clean minutes"),
        pytest.param(Q, known(clean=120), P, id="quarantine ends in probation"),
        pytest.param(Q, known(clean=120, enrolled=False), E, id="a void enrolment begins again after quarantine"),
        pytest.param(P, known(clean=105), P, id="probation lasts 120 clean minutes"),
        pytest.param(P, known(clean=120), B, id="probation ends benign"),
        pytest.param(P, known(near=True, clean=105), Q, id="probation ends in quarantine near the limit"),
        pytest.param(P, known(flagged=True), Q, id="probation ends in quarantine over the limit"),
    ],
)
def test_each_row_of_the_table(standing: DeviceState, on: DecisionBasis, expected: DeviceState) -> None:
    after, reason = decide(standing, on)
    assert after is expected
    assert bool(reason) == (after is not standing)


@given(STANDINGS, KNOWN)
def test_a_decision_never_makes_benign_what_is_flagged_or_has_no_profile(
    standing: DeviceState, on: DecisionBasis
) -> None:
    after, _ = decide(standing, on)
    if after is B and standing is not B:
        assert on.enrolled or standing in {P, S}
        assert not on.flagged
        assert standing is E or on.calm_min >= 30 or on.clean_min >= 120
    if on.flagged and standing is not Q:
        assert after is Q
    if standing is Q and on.clean_min < 120:
        assert after is Q


def test_calm_minutes_come_fifteen_a_decision_and_start_again_near_the_limit() -> None:
    assert dwell_after(S, 15, 0, flagged=False, near=False) == (30, 0)
    assert dwell_after(S, 15, 0, flagged=False, near=True) == (0, 0)
    assert dwell_after(B, 15, 15, flagged=False, near=False) == (0, 0)


@pytest.mark.parametrize("standing", [Q, P])
def test_a_flag_starts_the_clean_minutes_again(standing: DeviceState) -> None:
    assert dwell_after(standing, 0, 105, flagged=False, near=True) == (0, 120)
    assert dwell_after(standing, 0, 105, flagged=True, near=True) == (0, 0)


def test_silence_hides_the_standing_after_45_minutes() -> None:
    assert visible_state(B, B, scored=False, unscored_min=44) is B
    assert visible_state(B, B, scored=False, unscored_min=45) is U


@given(st.sampled_from(list(DeviceState)), STANDINGS, st.integers(0, 1000))
def test_overlays_are_lifted_by_a_decision_and_by_nothing_else(
    state: DeviceState, standing: DeviceState, unscored_min: int
) -> None:
    assert visible_state(state, standing, scored=True, unscored_min=0) is standing
    silent = visible_state(state, standing, scored=False, unscored_min=unscored_min)
    if state in {U, I}:
        assert silent is state


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (E, "enrolled, the first verdict is awaited"),
        (B, "below the limit"),
        (S, "close to the limit, 15 of 30 calm minutes"),
        (Q, "over the limit, 45 of 120 clean minutes since"),
        (P, "on probation, 45 of 120 clean minutes"),
    ],
)
def test_people_are_told_where_a_device_stands_how_long_still_and_why(standing: DeviceState, words: str) -> None:
    on = known(calm=15, clean=45)
    assert state_in_words(standing, on, "") == words
    assert state_in_words(standing, on, "breathing calmer") == f"{words}: breathing calmer"
