"""One device as it is judged minute by minute: votes, dwell, enrolment, and the state the world sees."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from contracts.verdicts import DeviceProfile, DeviceSnapshot, DeviceState
from detectors.ballot import NO_LINE, Ballot, Line, WindowScore
from detectors.chunks import MinuteChunk, Transition, minutes_of
from detectors.device_state import Evidence, after_enrolment, decide, dwell_after, standing_in_words, visible_state
from detectors.enrolment import Enrolment
from detectors.intake import RowBuffer
from detectors.scorer import TrainedModel, Yardstick
from detectors.ticks import MinuteStream, Tick
from detectors.windows import BLOCK_MIN

NO_SESSION: Final = -1
FRESH: Final = DeviceSnapshot(
    session_id=NO_SESSION,
    applied_through=0,
    standing=DeviceState.ENROLLING,
    state=DeviceState.ENROLLING,
    state_since=0,
)


class Track:
    """A deterministic function of the minutes it is given: neither packing nor a restart in between shows.

    `slot` is its place in the history rings. A device that never opened a session stands on `FRESH`.
    """

    __slots__ = (
        "_calm_min", "_clean_min", "_enrolment", "_enrolment_min", "_filled_through", "_judged_through", "_last_scored",
        "_model", "_standing", "_unproved_count", "ballot", "device_id", "finished", "invalid_in_row", "profile",
        "session_id", "slot", "state", "state_since", "stream", "yardstick",
    )  # fmt: skip

    def __init__(
        self, device_id: str, slot: int, snapshot: DeviceSnapshot, model: TrainedModel, enrolment_min: int
    ) -> None:
        self.device_id = device_id
        self.slot = slot
        self._model = model
        self._enrolment_min = enrolment_min
        self.load(snapshot)

    def load(self, snapshot: DeviceSnapshot) -> None:
        """Stand where the snapshot says; a profile of another bundle or rule is void and the device enrols again."""
        self.session_id = snapshot.session_id
        self.stream = MinuteStream(snapshot.applied_through, snapshot.seen_mask)
        self._judged_through = snapshot.applied_through
        self._filled_through: float = -math.inf
        self.ballot = Ballot(snapshot, self._model.rule.kinds)
        self._standing, self.state, self.state_since = snapshot.standing, snapshot.state, snapshot.state_since
        self._calm_min, self._clean_min = snapshot.calm_min, snapshot.clean_min
        self._last_scored = snapshot.last_scored
        self.invalid_in_row, self.finished = snapshot.invalid_in_row, snapshot.finished
        start = snapshot.enrolment_start
        self._enrolment = None if start is None else Enrolment(start)
        self._unproved_count = None if start is None else snapshot.enrolment_count
        own = self._is_own(snapshot.profile)
        self._take_profile(snapshot.profile if own else None)
        if not own:
            self._void_profile()

    def snapshot(self) -> DeviceSnapshot:
        """Return all that decides the next verdict, except the vitals themselves."""
        held_scores, held_block = self.ballot.held()
        return DeviceSnapshot(
            session_id=self.session_id,
            applied_through=self.stream.intake.applied_through,
            standing=self._standing,
            state=self.state,
            state_since=self.state_since,
            seen_mask=self.stream.intake.seen_mask,
            scored_mask=self.ballot.votes.scored,
            flagged_masks={kind: mask for kind, mask in self.ballot.votes.flagged.items() if mask},
            held_scores=held_scores,
            held_block=held_block,
            explanation=self.ballot.explanation,
            calm_min=self._calm_min,
            clean_min=self._clean_min,
            last_scored=self._last_scored,
            enrolment_start=self._enrolment.first_event_minute if self._enrolment else None,
            enrolment_count=self.enrolment_count,
            profile=self.profile,
            invalid_in_row=self.invalid_in_row,
            finished=self.finished,
        )

    def open_session(self, session_id: int, first_event_minute: int) -> list[Transition]:
        """Forget everything; return the change of the published state, if it is one."""
        before = self.state
        self.load(
            msgspec.structs.replace(
                FRESH, session_id=session_id, applied_through=first_event_minute - 1, state_since=first_event_minute
            )
        )
        return [] if before is self.state else [Transition(first_event_minute, before, self.state, "a new session")]

    def fill(self, chunk: MinuteChunk) -> RowBuffer:
        """Return the rows that minutes applied before the snapshot pushed, and add them to the open enrolment."""
        rows = RowBuffer()
        for event_minute, vitals in enumerate(minutes_of(chunk), chunk.first_event_minute):
            if event_minute > self.stream.intake.applied_through or event_minute <= self._filled_through:
                continue
            self._filled_through = event_minute
            tick = self.stream.push(event_minute, *vitals, rows)
            if tick.valid and self._enrolment and event_minute >= self._enrolment.first_event_minute:
                self._enrolment.add(rows, tick)
        return rows

    def end_restore(self) -> None:
        """Go on from the snapshot; if not all vitals of its open enrolment came back, that begins again."""
        if self._unproved_count is not None:
            if self._enrolment and self._enrolment.valid_minutes != self._unproved_count:
                self._enrolment = None
            self._unproved_count = None

    @property
    def enrolment_count(self) -> int:
        """Valid minutes of the open enrolment."""
        if self._unproved_count is not None:
            return self._unproved_count
        return self._enrolment.valid_minutes if self._enrolment else 0

    @property
    def enrolment_share(self) -> float:
        """How far the enrolment is, 0..1; 1 with a profile."""
        return 1.0 if self.profile else min(1.0, self.enrolment_count / self._enrolment_min)

    def valid_minutes_to_freeze(self) -> int | None:
        """Return the fewest valid minutes after which the profile may be frozen (at least 1), or None with a profile."""
        if self.profile is not None:
            return None
        return max(1, self._enrolment_min - self.enrolment_count)

    def judge(self, tick: Tick, window: WindowScore | None, rows: RowBuffer, log: list[Transition]) -> Line:
        """Apply one admitted minute and return its verdict; `window` is its own (None: no window ends here).

        Changes of the published state are appended to `log`.
        """
        self.ballot.advance(tick.event_minute // BLOCK_MIN - self._judged_through // BLOCK_MIN)
        line, reason = NO_LINE, ""
        if window is not None:
            line = self._vote(tick, window)
            # Only where a vote was cast: a block that has not spoken yet must not tip the share of those before it.
            if tick.decision:
                reason = self._stand(*decide(self._standing, self._evidence()))
        self._judged_through = tick.event_minute
        if self.profile is None and tick.valid and self._standing is DeviceState.ENROLLING:
            reason = self._enrol(tick, rows) or reason
        self._show(tick.event_minute, reason, log, scored=window is not None)
        return line

    def end_chunk(self, chunk: MinuteChunk, *, applied: int) -> None:
        """Note that a valid message was read to its end; `applied` of its minutes counted."""
        self.invalid_in_row = 0
        self.finished = chunk.end_of_recording or (self.finished and not applied)

    def count_invalid(self, limit: int) -> None:
        """Count one more invalid message; `limit` of them in a row hide the standing until a window is scored again."""
        self.invalid_in_row += 1
        if self.invalid_in_row >= limit and self.state is not DeviceState.INVALID_INPUT:
            self.state, self.state_since = DeviceState.INVALID_INPUT, self.stream.intake.applied_through

    def reason(self) -> str:
        """Say in a few words for people why the device is in its state."""
        if self.state is DeviceState.UNSCORED:
            return f"no scored window for {self._unscored_min(self._judged_through)} minutes"
        if self.state is DeviceState.INVALID_INPUT:
            return "too many invalid messages in a row; a scored window is awaited"
        if self._standing is DeviceState.ENROLLING:
            return f"{self.enrolment_count} of {self._enrolment_min} enrolment minutes"
        return standing_in_words(self._standing, self._evidence(), self.ballot.explanation)

    def _vote(self, tick: Tick, window: WindowScore) -> Line:
        line = self.ballot.score(tick, window, self.yardstick)
        self._last_scored = tick.event_minute
        self._calm_min, self._clean_min = dwell_after(
            self._standing, self._calm_min, self._clean_min, self.ballot.votes.share, flagged=line.flagged
        )
        return line

    def _evidence(self) -> Evidence:
        return Evidence(self.ballot.votes.share, self._calm_min, self._clean_min, self.profile is not None)

    def _stand(self, standing: DeviceState, reason: str) -> str:
        if standing is not self._standing:
            self._standing = standing
            self._calm_min = self._clean_min = 0
            self._enrolment = None
        return reason

    def _enrol(self, tick: Tick, rows: RowBuffer) -> str:
        if self._enrolment is None:
            self._enrolment = Enrolment(tick.event_minute)
        self._enrolment.add(rows, tick)
        if self._enrolment.valid_minutes < self._enrolment_min:
            return ""
        standing, reason = after_enrolment(self.ballot.votes.share)
        if standing is not DeviceState.QUARANTINED:
            medians = self._enrolment.pulse_medians_bpm
            self._take_profile(self._model.freeze(self._enrolment.rows(), medians, self._enrolment_min))
        return self._stand(standing, reason)

    def _is_own(self, profile: DeviceProfile | None) -> bool:
        if profile is None:
            return True
        return profile.bundle_sha == self._model.bundle_sha and profile.rule == self._model.rule.name

    def _take_profile(self, profile: DeviceProfile | None) -> None:
        self.profile = profile
        self.yardstick: Yardstick = self._model.yardstick(profile)

    def _void_profile(self) -> None:
        if self._standing is DeviceState.QUARANTINED:
            return
        if self.state is self._standing:
            self.state, self.state_since = DeviceState.ENROLLING, self._judged_through
        self._stand(DeviceState.ENROLLING, "")

    def _unscored_min(self, event_minute: int) -> int:
        return 0 if self._last_scored is None else event_minute - self._last_scored

    def _show(self, event_minute: int, reason: str, log: list[Transition], *, scored: bool) -> None:
        unscored_min = self._unscored_min(event_minute)
        state = visible_state(self.state, self._standing, scored=scored, unscored_min=unscored_min)
        if state is self.state:
            return
        if state is DeviceState.UNSCORED:
            reason = f"no scored window for {unscored_min} minutes"
        log.append(Transition(event_minute, self.state, state, reason or "a window is scored again"))
        self.state, self.state_since = state, event_minute
