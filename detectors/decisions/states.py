"""The device state machine: pure functions from a state and a decision to the next state.

`voted` is what the votes say (enrolling, benign, suspect, quarantined, probation); `state`, which the world sees,
is that or one of two overlays: unscored and invalid_input. Only benign trains.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from contracts.messages.verdicts import DeviceState

CALM_MIN: Final = 30
CLEAN_MIN: Final = 120
UNSCORED_AFTER_MIN: Final = 45
"""Event minutes without a decision after which nothing is known: decisions fall every 15 valid minutes, two may be missed."""
DECISION_MIN: Final = 15

_ENROLLING, _BENIGN, _SUSPECT = DeviceState.ENROLLING, DeviceState.BENIGN, DeviceState.SUSPECT
_QUARANTINED, _PROBATION = DeviceState.QUARANTINED, DeviceState.PROBATION

_IN_WORDS: Final = {
    _BENIGN: "below the limit",
    _SUSPECT: f"close to the limit, {{calm_min}} of {CALM_MIN} calm minutes",
    _QUARANTINED: f"over the limit, {{clean_min}} of {CLEAN_MIN} clean minutes since",
    _PROBATION: f"on probation, {{clean_min}} of {CLEAN_MIN} clean minutes",
    _ENROLLING: "enrolled, the first verdict is awaited",
}


class DecisionBasis(NamedTuple):
    """What a decision rests on.

    `flagged`: the vote is over the threshold; `near`: it is within the rule's margin, or each of the last two decisions is over.
    `calm_min` and `clean_min` are the dwell counters of `dwell_after`; `enrolled` whether the device has its own profile.
    """

    flagged: bool
    near: bool
    calm_min: int
    clean_min: int
    enrolled: bool


def dwell_after(voted: DeviceState, calm_min: int, clean_min: int, *, flagged: bool, near: bool) -> tuple[int, int]:
    """Return (calm_min, clean_min) after one decision, which covers 15 minutes.

    Calm: nothing near the threshold, while suspect. Clean: not flagged, while quarantined or on probation. Time without
    a decision adds nothing: silence earns no trust.

    >>> dwell_after(DeviceState.QUARANTINED, 0, 105, flagged=False, near=True)
    (0, 120)
    """
    if voted is _SUSPECT:
        return (0 if near else calm_min + DECISION_MIN), 0
    if voted is _QUARANTINED or voted is _PROBATION:
        return 0, (0 if flagged else clean_min + DECISION_MIN)
    return 0, 0


def decide(voted: DeviceState, basis: DecisionBasis) -> tuple[DeviceState, str]:
    """Return (voted state, reason in words) after a decision. When nothing changes they are the same state and "".

    >>> decide(DeviceState.BENIGN, DecisionBasis(flagged=True, near=True, calm_min=0, clean_min=0, enrolled=True))[1]
    'the vote is over the limit'
    """
    if voted is _QUARANTINED:
        return _leave_quarantine(basis)
    if voted is _PROBATION:
        return _leave_probation(basis)
    if basis.flagged:
        return _QUARANTINED, "the vote is over the limit"
    if not basis.enrolled:
        return voted, ""
    if voted is not _SUSPECT and basis.near:
        return _SUSPECT, "close to the limit"
    if voted is _SUSPECT and basis.calm_min < CALM_MIN:
        return _SUSPECT, ""
    if voted is _BENIGN:
        return _BENIGN, ""
    return (
        _BENIGN,
        "enrolled, first verdict" if voted is _ENROLLING else f"well below the limit for {CALM_MIN} minutes",
    )


def visible_state(state: DeviceState, voted: DeviceState, *, scored: bool, unscored_min: int) -> DeviceState:
    """Return the published state after a minute: a scored window lifts both overlays, 45 minutes without one set one.

    `unscored_min` counts event minutes since the last scored one; of a device never scored, since its first decision was due.

    >>> visible_state(DeviceState.BENIGN, DeviceState.BENIGN, scored=False, unscored_min=45).value
    'unscored'
    """
    if scored:
        return voted
    if state is DeviceState.INVALID_INPUT:
        return state
    if state is DeviceState.UNSCORED or unscored_min >= UNSCORED_AFTER_MIN:
        return DeviceState.UNSCORED
    return voted


def state_in_words(voted: DeviceState, basis: DecisionBasis, explanation: str) -> str:
    """Say in a few words for people why an enrolled device is in its state.

    >>> state_in_words(DeviceState.PROBATION, DecisionBasis(False, False, 0, 30, True), "")
    'on probation, 30 of 120 clean minutes'
    """
    said = _IN_WORDS[voted].format(calm_min=basis.calm_min, clean_min=basis.clean_min)
    return f"{said}: {explanation}" if explanation else said


def _leave_quarantine(basis: DecisionBasis) -> tuple[DeviceState, str]:
    if basis.clean_min < CLEAN_MIN:
        return _QUARANTINED, ""
    if basis.enrolled:
        return _PROBATION, f"{CLEAN_MIN} clean minutes"
    return _ENROLLING, f"{CLEAN_MIN} clean minutes; the void enrolment begins again"


def _leave_probation(basis: DecisionBasis) -> tuple[DeviceState, str]:
    if basis.near or basis.flagged:
        return _QUARANTINED, "close to the limit on probation"
    if basis.clean_min >= CLEAN_MIN:
        return _BENIGN, f"{CLEAN_MIN} clean minutes on probation"
    return _PROBATION, ""
