"""The device state machine: pure functions from where a device stands and what is known to where it stands next.

`standing` is what the votes say (enrolling, benign, suspect, quarantined, probation); `state`, which the world sees,
is the standing or one of two overlays: unscored and invalid_input. Only benign trains.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from contracts.verdicts import DeviceState

VOTE_LIMIT: Final = 0.5
SUSPECT_ABOVE: Final = VOTE_LIMIT / 2
CALM_BELOW: Final = VOTE_LIMIT / 4
CALM_MIN: Final = 30
CLEAN_MIN: Final = 120
UNSCORED_AFTER_MIN: Final = 30
DECISION_EVERY_MIN: Final = 5

_ENROLLING, _BENIGN, _SUSPECT = DeviceState.ENROLLING, DeviceState.BENIGN, DeviceState.SUSPECT
_QUARANTINED, _PROBATION = DeviceState.QUARANTINED, DeviceState.PROBATION
_OVER_LIMIT: Final = f"over the limit {VOTE_LIMIT:.2f}"
_OVER_HALF: Final = f"over half the limit ({SUSPECT_ABOVE:.2f})"


class Evidence(NamedTuple):
    """What a decision rests on.

    `share` is the vote; `calm_min` and `clean_min` the dwell counters of `dwell_after`; `enrolled` whether the device
    has its own profile.
    """

    share: float
    calm_min: int
    clean_min: int
    enrolled: bool


def dwell_after(
    standing: DeviceState, calm_min: int, clean_min: int, share: float, *, flagged: bool
) -> tuple[int, int]:
    """Return (calm_min, clean_min) after one scored minute.

    Calm: scored minutes in a row with a vote below a quarter, while suspect. Clean: unflagged scored minutes in a row,
    while quarantined or on probation. Minutes without a score add nothing: silence earns no trust.
    """
    if standing is _SUSPECT:
        return (calm_min + 1 if share < CALM_BELOW else 0), 0
    if standing is _QUARANTINED or standing is _PROBATION:
        return 0, (0 if flagged else clean_min + 1)
    return 0, 0


def decide(standing: DeviceState, known: Evidence) -> tuple[DeviceState, str]:
    """Return (standing, reason in words) at a decision; the same standing and "" when nothing changes."""
    if standing is _QUARANTINED:
        return _leave_quarantine(known)
    if standing is _PROBATION:
        return _leave_probation(known)
    if known.share > VOTE_LIMIT:
        return _QUARANTINED, f"vote {known.share:.2f} {_OVER_LIMIT}"
    if standing is _BENIGN and known.share > SUSPECT_ABOVE:
        return _SUSPECT, f"vote {known.share:.2f} {_OVER_HALF}"
    if standing is _SUSPECT and known.calm_min >= CALM_MIN:
        return _BENIGN, f"vote below {CALM_BELOW:.3f} for {CALM_MIN} minutes"
    return standing, ""


def after_enrolment(share: float) -> tuple[DeviceState, str]:
    """Return (standing, reason) at the minute that freezes the profile: benign only without a vote against it."""
    if share > VOTE_LIMIT:
        return _QUARANTINED, f"vote {share:.2f} {_OVER_LIMIT}"
    if share > SUSPECT_ABOVE:
        return _SUSPECT, f"profile frozen, vote {share:.2f} {_OVER_HALF}"
    return _BENIGN, "profile frozen"


def visible_state(state: DeviceState, standing: DeviceState, *, scored: bool, unscored_min: int) -> DeviceState:
    """Return the published state after a minute: a scored window lifts both overlays, 30 minutes without one set one.

    `unscored_min` counts event minutes since the last scored one (0 for a device that was never scored).
    """
    if scored:
        return standing
    if state is DeviceState.INVALID_INPUT:
        return state
    if state is DeviceState.UNSCORED or unscored_min >= UNSCORED_AFTER_MIN:
        return DeviceState.UNSCORED
    return standing


def standing_in_words(standing: DeviceState, known: Evidence, explanation: str) -> str:
    """Say in a few words for people why an enrolled device stands where it stands."""
    said = f"vote {known.share:.2f}"
    if standing is _SUSPECT:
        said += f", {known.calm_min} of {CALM_MIN} calm minutes"
    elif standing is _BENIGN:
        said += f", limit {VOTE_LIMIT:.2f}"
    else:
        said += f", {known.clean_min} of {CLEAN_MIN} clean minutes"
    return f"{said}: {explanation}" if explanation else said


def _leave_quarantine(known: Evidence) -> tuple[DeviceState, str]:
    if known.clean_min < CLEAN_MIN:
        return _QUARANTINED, ""
    if known.enrolled:
        return _PROBATION, f"{CLEAN_MIN} clean minutes"
    return _ENROLLING, f"{CLEAN_MIN} clean minutes; the void enrolment begins again"


def _leave_probation(known: Evidence) -> tuple[DeviceState, str]:
    if known.share > SUSPECT_ABOVE:
        return _QUARANTINED, f"vote {known.share:.2f} {_OVER_HALF} on probation"
    if known.clean_min >= CLEAN_MIN:
        return _BENIGN, f"{CLEAN_MIN} clean minutes on probation"
    return _PROBATION, ""
