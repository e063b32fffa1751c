"""One device as it is judged minute by minute: enrolment, dwell, and the state the world sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from contracts.messages.verdicts import DeviceProfile, DeviceSnapshot, DeviceState
from detectors.baseline.own_past import enrolment_decisions
from detectors.decisions.states import DecisionBasis, decide, dwell_after, state_in_words, visible_state
from detectors.engine.arrays import STEPS_A_BPM, DecisionTick, RowBuffer, WaitingDecisions
from detectors.engine.chunks import FRESH, MinuteChunk, Transition
from detectors.engine.intake import EnrolmentRows, MinuteIntake, StreamMinutes
from detectors.explanations.words import unscored_in_words
from detectors.minutes.filling import Row
from detectors.minutes.sampling import FilledMinutes
from detectors.minutes.windows import MAX_SPAN_MIN, STEP_MIN, WINDOW_MIN
from detectors.rules import frozen, pulse, replay

KEPT_MIN: Final = 100 * STEP_MIN
"""Valid minutes of which it is remembered when they were: of the decisions that wait for the baseline, and six hours before them."""


class DeviceTracker:
    """A deterministic function of the minutes it is given: neither packing nor a restart in between shows.

    `slot` is its place in the arrays. `valid_minutes` counts the valid minutes since the enrolment began, `minutes` tells when
    the last of them were, `enrolment` holds them while it is open.
    """

    __slots__ = (
        "calm_min", "clean_min", "deferred", "device_id", "enrolment", "explanation", "filled", "finished", "flagged", "intake",
        "invalid_in_row", "judged_through", "last_scored", "minutes", "near", "over_share", "profile", "session_id", "slot",
        "state", "state_since", "stream_start", "too_sparse", "valid_minutes", "voted_state", "waiting", "wanted_min",
    )  # fmt: skip

    def __init__(self, device_id: str, slot: int, snapshot: DeviceSnapshot, enrolment_min: int) -> None:
        self.device_id = device_id
        self.slot = slot
        self.wanted_min = enrolment_min
        self._load(snapshot)

    def resume_as(self, snapshot: DeviceSnapshot) -> None:
        """Keep the states, dwell and words that a snapshot has. Profile, baseline and votes stay as they are here."""
        self.voted_state, self.state, self.state_since = snapshot.standing, snapshot.state, snapshot.state_since
        self.calm_min, self.clean_min = snapshot.calm_min, snapshot.clean_min
        self.last_scored: int | None = snapshot.last_scored
        self.explanation = snapshot.explanation
        self.invalid_in_row, self.finished = snapshot.invalid_in_row, snapshot.finished
        self.intake.seen_mask, self.intake.applied_through = snapshot.seen_mask, snapshot.applied_through

    def _load(self, snapshot: DeviceSnapshot) -> None:
        self.session_id = snapshot.session_id
        self.intake = MinuteIntake()
        self.resume_as(snapshot)
        self.profile: DeviceProfile | None = snapshot.profile
        self.over_share = 0.0
        self.flagged = self.near = False
        self.judged_through = snapshot.applied_through
        self.start_stream()

    def start_stream(self) -> None:
        """Begin to count valid minutes anew. An enrolment opens with it, unless there is a profile."""
        self.valid_minutes = 0
        self.stream_start: int | None = None
        self.enrolment: EnrolmentRows | None = EnrolmentRows() if self.profile is None else None
        self.deferred: Sequence[Row] = ()
        self.waiting = WaitingDecisions(0)
        self.minutes = StreamMinutes()
        self.filled = FilledMinutes()
        self.too_sparse = False

    def begin_anew(self) -> None:
        """Begin an enrolment of which no minute is there yet: until its first decision is due nothing is missed."""
        self.last_scored = None
        self.start_stream()

    def open_session(self, session_id: int, first_event_minute: int) -> list[Transition]:
        """Forget everything. Return the change of the published state, if it is one."""
        before = self.state
        self._load(
            replace(
                FRESH, session_id=session_id, applied_through=first_event_minute - 1, state_since=first_event_minute
            )
        )
        return [] if before is self.state else [Transition(first_event_minute, before, self.state, "a new session")]

    def re_enrol(self) -> list[Transition]:
        """Drop the profile and begin the enrolment anew, whatever the state. Return the change of the published state, if it is one."""
        before, minute = self.state, self.intake.applied_through
        self.profile, self.explanation, self.over_share = None, "", 0.0
        self.move_to(DeviceState.ENROLLING, "")
        self.begin_anew()
        self.state, self.state_since = DeviceState.ENROLLING, minute
        return [] if before is self.state else [Transition(minute, before, self.state, "re-enrolled by an operator")]

    def take_profile(self, profile: DeviceProfile) -> None:
        """Be judged by a profile from now on."""
        self.profile, self.enrolment = profile, None
        self.waiting = WaitingDecisions(enrolment_decisions(profile.enrolment_min))

    def take(self, event_minute: int, vitals: tuple[float | None, ...], rows: RowBuffer) -> list[DecisionTick]:
        """Append the valid minutes that a raw one settles and return the decisions that are due with it.

        Valid minutes after the one that completes an enrolment wait for the next call: the profile is frozen in between.
        """
        ticks: list[DecisionTick] = []
        settled = self.intake.push(event_minute, *vitals)
        if self.deferred:
            settled, self.deferred = [*self.deferred, *settled], ()
        for place, row in enumerate(settled):
            if self.freezes:
                self.deferred = settled[place:]
                break
            self.append(row, rows)
            past = self.valid_minutes - WINDOW_MIN
            if past >= 0 and past % STEP_MIN == 0:
                ticks.append(self._tick(past // STEP_MIN, event_minute))
        return ticks

    def append(self, row: Row, rows: RowBuffer) -> None:
        """Count a valid minute and add it to the rows of a pass, and to an open enrolment."""
        minute, heart, breath, heart_known, breath_known = row
        index = self.valid_minutes
        is_cut = self.minutes.append(index, minute)
        steps = round(heart * STEPS_A_BPM), round(breath * STEPS_A_BPM)
        weights = heart_known and not is_cut, breath_known and not is_cut
        if is_cut:  # the minute before the cut has no neighbour either
            rows.cut_after(self.slot, index - 1)
        rows.slot.append(self.slot)
        rows.index.append(index)
        rows.heart.append(~steps[0] if weights[0] else steps[0])
        rows.breath.append(~steps[1] if weights[1] else steps[1])
        if self.enrolment is not None and len(self.enrolment) < self.wanted_min:
            if is_cut:
                self.enrolment.weights[-1] = self.enrolment.weights[-2] = 0
            self.enrolment.add(minute, *steps, *weights, observed=heart_known and breath_known)
        if self.stream_start is None:
            self.stream_start = minute
        self.filled.push(is_filled=not (heart_known and breath_known))
        self.valid_minutes += 1

    def _tick(self, decision: int, event_minute: int) -> DecisionTick:
        intake = self.intake
        apart_bpm = intake.pulse_gap_bpm(event_minute)
        if apart_bpm is not None and self.enrolment is not None:
            self.enrolment.pulse_medians_bpm.append(apart_bpm)
        limit_bpm = self.profile.pulse_limit_bpm if self.profile else pulse.LIMIT_BPM
        self.minutes.forget_before(self.valid_minutes - KEPT_MIN)
        span_min = self.minutes.at(self.valid_minutes - 1) - self.minutes.at(self.valid_minutes - WINDOW_MIN)
        too_sparse = self.filled.too_sparse
        return DecisionTick(
            self.slot,
            decision,
            span_min <= MAX_SPAN_MIN and not too_sparse,
            too_sparse,
            intake.frozen.minutes / frozen.LIMIT_MIN,
            intake.replay.share(event_minute) / replay.LIMIT_SHARE,
            0.0 if apart_bpm is None else apart_bpm / limit_bpm,
        )

    @property
    def enrolment_count(self) -> int:
        """Valid minutes of the open enrolment."""
        return len(self.enrolment) if self.enrolment is not None else 0

    @property
    def enrolment_share(self) -> float:
        """How far the enrolment is, 0..1. 1 with a profile."""
        return 1.0 if self.profile else min(1.0, self.enrolment_count / self.wanted_min)

    @property
    def is_enrolling(self) -> bool:
        """Whether minutes count towards a profile now."""
        return self.profile is None and self.voted_state is DeviceState.ENROLLING

    @property
    def freezes(self) -> bool:
        """Whether the enrolment is complete and waits to be frozen."""
        return self.enrolment is not None and self.is_enrolling and len(self.enrolment) >= self.wanted_min

    def decide(self, *, flagged: bool, near: bool) -> str:
        """Move on from a judged decision. Return the reason of a change ("" for none)."""
        self.flagged, self.near = flagged, near
        self.calm_min, self.clean_min = dwell_after(
            self.voted_state, self.calm_min, self.clean_min, flagged=flagged, near=near
        )
        return self.move_to(*decide(self.voted_state, self.decision_basis))

    @property
    def decision_basis(self) -> DecisionBasis:
        """What the device's next state rests on."""
        return DecisionBasis(self.flagged, self.near, self.calm_min, self.clean_min, self.profile is not None)

    def move_to(self, state: DeviceState, reason: str) -> str:
        """Take what the votes say and return its reason."""
        if state is not self.voted_state:
            self.voted_state = state
            self.calm_min = self.clean_min = 0
        return reason

    def show(self, event_minute: int, reason: str, log: list[Transition], *, scored: bool) -> None:
        """Publish the state after a minute. A change of it is appended to `log`."""
        self.judged_through = event_minute
        state = visible_state(self.state, self.voted_state, scored=scored, unscored_min=self._unscored_min)
        if state is self.state:
            return
        said = self._why_unscored() if state is DeviceState.UNSCORED else reason or "a decision falls again"
        log.append(Transition(event_minute, self.state, state, said))
        self.state, self.state_since = state, event_minute

    def end_chunk(self, chunk: MinuteChunk, *, applied: int) -> None:
        """Note that a valid message was read to its end. `applied` of its minutes counted."""
        self.invalid_in_row = 0
        self.finished = chunk.end_of_recording or (self.finished and not applied)

    def count_invalid(self, limit: int) -> None:
        """Count one more invalid message. `limit` of them in a row hide the voted state until a decision falls again."""
        self.invalid_in_row += 1
        if self.invalid_in_row >= limit and self.state is not DeviceState.INVALID_INPUT:
            self.state, self.state_since = DeviceState.INVALID_INPUT, self.intake.applied_through

    @property
    def _unscored_min(self) -> int:
        """Event minutes since the last usable decision. Before the first, since that was due."""
        if self.last_scored is not None:
            return self.judged_through - self.last_scored
        due = self.judged_through if self.stream_start is None else self.stream_start + WINDOW_MIN
        return max(0, self.judged_through - due)

    def _why_unscored(self) -> str:
        interval_min = self.intake.interval.median_min(self.judged_through)
        return unscored_in_words(self._unscored_min, interval_min, too_sparse=self.too_sparse)

    def reason(self) -> str:
        """Say in a few words for people why the device is in its state."""
        if self.state is DeviceState.UNSCORED:
            return self._why_unscored()
        if self.state is DeviceState.INVALID_INPUT:
            return "too many invalid messages in a row; a decision is awaited"
        if self.voted_state is DeviceState.ENROLLING and self.profile is None:
            return f"{self.enrolment_count} of {self.wanted_min} enrolment minutes"
        said = state_in_words(self.voted_state, self.decision_basis, self.explanation)
        return f"{said}; {self.profile.warning}" if self.profile and self.profile.warning else said
