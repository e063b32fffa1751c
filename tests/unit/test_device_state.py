from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.verdicts import DeviceState
from detectors.device_state import Evidence, after_enrolment, decide, dwell_after, standing_in_words, visible_state

E, B, S = DeviceState.ENROLLING, DeviceState.BENIGN, DeviceState.SUSPECT
Q, P = DeviceState.QUARANTINED, DeviceState.PROBATION
U, I = DeviceState.UNSCORED, DeviceState.INVALID_INPUT  # noqa: E741 - the initial of the state

STANDINGS = st.sampled_from([E, B, S, Q, P])
SHARES = st.floats(0, 1)


@pytest.mark.parametrize(
    ("standing", "share", "calm", "clean", "enrolled", "expected"),
    [
        pytest.param(E, 0.50, 0, 0, False, E, id="enrolling stays at the limit"),
        pytest.param(E, 0.51, 0, 0, False, Q, id="enrolling is quarantined above the limit"),
        pytest.param(B, 0.25, 0, 0, True, B, id="benign stays at half the limit"),
        pytest.param(B, 0.26, 0, 0, True, S, id="benign is suspect above half"),
        pytest.param(B, 0.51, 0, 0, True, Q, id="benign is quarantined at once above the limit"),
        pytest.param(S, 0.10, 29, 0, True, S, id="suspect stays before 30 calm minutes"),
        pytest.param(S, 0.10, 30, 0, True, B, id="suspect is benign after 30 calm minutes"),
        pytest.param(S, 0.51, 0, 0, True, Q, id="suspect is quarantined above the limit"),
        pytest.param(Q, 0.00, 0, 119, True, Q, id="quarantine lasts 120 clean minutes"),
        pytest.param(Q, 0.00, 0, 120, True, P, id="quarantine ends in probation"),
        pytest.param(Q, 0.00, 0, 120, False, E, id="a void enrolment begins again after quarantine"),
        pytest.param(P, 0.25, 0, 119, True, P, id="probation lasts 120 clean minutes"),
        pytest.param(P, 0.00, 0, 120, True, B, id="probation ends benign"),
        pytest.param(P, 0.26, 0, 0, True, Q, id="probation ends in quarantine above half"),
    ],
)
def test_each_row_of_the_table(
    standing: DeviceState, share: float, calm: int, clean: int, enrolled: bool, expected: DeviceState
) -> None:
    after, reason = decide(standing, Evidence(share, calm, clean, enrolled))
    assert after is expected
    assert bool(reason) == (after is not standing)


@pytest.mark.parametrize(("share", "expected"), [(0.0, B), (0.25, B), (0.26, S), (0.5, S), (0.51, Q)])
def test_the_end_of_enrolment_is_benign_only_without_a_vote(share: float, expected: DeviceState) -> None:
    assert after_enrolment(share)[0] is expected


@given(STANDINGS, SHARES, st.integers(0, 500), st.integers(0, 500), st.booleans())
def test_a_decision_never_makes_benign_what_is_flagged_or_has_no_profile(
    standing: DeviceState, share: float, calm: int, clean: int, enrolled: bool
) -> None:
    after, _ = decide(standing, Evidence(share, calm, clean, enrolled))
    if after is B and standing is not B:
        assert standing in {S, P}
        assert calm >= 30 or clean >= 120
    if share > 0.5:
        assert after in {Q, P, E} if standing is Q else after is Q
    if after is P and standing is not P:
        assert enrolled


def test_calm_minutes_need_a_vote_below_a_quarter_and_start_again() -> None:
    assert dwell_after(S, 7, 0, 0.124, flagged=True) == (8, 0)
    assert dwell_after(S, 7, 0, 0.125, flagged=False) == (0, 0)


@pytest.mark.parametrize("standing", [Q, P])
def test_a_flag_starts_the_clean_minutes_again(standing: DeviceState) -> None:
    assert dwell_after(standing, 0, 118, 0.3, flagged=False) == (0, 119)
    assert dwell_after(standing, 0, 118, 0.0, flagged=True) == (0, 0)


def test_silence_hides_the_standing_after_thirty_minutes() -> None:
    assert visible_state(B, B, scored=False, unscored_min=29) is B
    assert visible_state(B, B, scored=False, unscored_min=30) is U


@given(st.sampled_from(list(DeviceState)), STANDINGS, st.integers(0, 1000))
def test_overlays_are_lifted_by_a_scored_window_and_by_nothing_else(
    state: DeviceState, standing: DeviceState, unscored_min: int
) -> None:
    assert visible_state(state, standing, scored=True, unscored_min=0) is standing
    silent = visible_state(state, standing, scored=False, unscored_min=unscored_min)
    if state in {U, I}:
        assert silent is state


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (B, "vote 0.40, limit 0.50"),
        (S, "vote 0.40, 7 of 30 calm minutes"),
        (Q, "vote 0.40, 9 of 120 clean minutes"),
        (P, "vote 0.40, 9 of 120 clean minutes"),
    ],
)
def test_people_are_told_the_vote_how_far_it_is_and_why(standing: DeviceState, words: str) -> None:
    known = Evidence(0.4, 7, 9, enrolled=True)
    assert standing_in_words(standing, known, "") == words
    assert standing_in_words(standing, known, "breathing calmer") == f"{words}: breathing calmer"
