"""One device as it is judged minute by minute: votes, dwell, enrolment, and the state the world sees."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from contracts.verdicts import DeviceProfile, DeviceSnapshot, DeviceState
from detectors.chunks import MinuteChunk, Transition, plain
from detectors.device_state import (
    CALM_MIN,
    CLEAN_MIN,
    DECISION_EVERY_MIN,
    VOTE_LIMIT,
    Evidence,
    after_enrolment,
    decide,
    dwell_after,
    visible_state,
)
from detectors.enrolment import Enrolment
from detectors.intake import Intake, RowBuffer
from detectors.scorer import TrainedModel
from detectors.thresholds import Yardstick, freeze_profile, yardstick
from detectors.votes import Votes

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

    `slot` is its place in the history ring. A device that never opened a session stands on `FRESH`.
    """

    __slots__ = (
        "_calm_min", "_clean_min", "_enrolment", "_enrolment_min", "_filled_through", "_judged_through", "_last_scored",
        "_model", "_standing", "_unproved_count", "device_id", "finished", "intake", "invalid_in_row", "profile",
        "session_id", "slot", "state", "state_since", "votes", "yardstick",
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
        """Stand where the snapshot says; a profile of another bundle is void and the device enrols again."""
        self.session_id = snapshot.session_id
        self.intake = Intake(snapshot.applied_through, snapshot.seen_mask)
        self._judged_through = snapshot.applied_through
        self._filled_through: float = -math.inf
        self.votes = Votes(snapshot.scored_mask, snapshot.flagged_mask)
        self._standing, self.state, self.state_since = snapshot.standing, snapshot.state, snapshot.state_since
        self._calm_min, self._clean_min = snapshot.calm_min, snapshot.clean_min
        self._last_scored = snapshot.last_scored
        self.invalid_in_row, self.finished = snapshot.invalid_in_row, snapshot.finished
        start = snapshot.enrolment_start
        self._enrolment = None if start is None else Enrolment(start)
        self._unproved_count = None if start is None else snapshot.enrolment_count
        self._take_profile(snapshot.profile)
        if snapshot.profile is not None and snapshot.profile.bundle_sha != self._model.bundle_sha:
            self._void_profile()

    def snapshot(self) -> DeviceSnapshot:
        """Return all that decides the next verdict, except the vitals themselves."""
        return DeviceSnapshot(
            session_id=self.session_id,
            applied_through=self.intake.applied_through,
            standing=self._standing,
            state=self.state,
            state_since=self.state_since,
            seen_mask=self.intake.seen_mask,
            scored_mask=self.votes.scored,
            flagged_mask=self.votes.flagged,
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
        vitals = zip(plain(chunk.heart_rate_bpm), plain(chunk.resp_rate_bpm), strict=True)
        for event_minute, (heart, resp) in enumerate(vitals, chunk.first_event_minute):
            if event_minute > self.intake.applied_through or event_minute <= self._filled_through:
                continue
            self._filled_through = event_minute
            first_row = len(rows)
            pushed = self.intake.push(event_minute, heart, resp, rows)
            if pushed and self._enrolment and event_minute >= self._enrolment.first_event_minute:
                self._enrolment.add(rows, first_row, len(rows))
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

    def judge(
        self, event_minute: int, logit: float | None, pushed: tuple[RowBuffer, int, int], log: list[Transition]
    ) -> tuple[float, bool]:
        """Apply one admitted minute and return (score, flagged); (NaN, False) without a window.

        `logit` is its window's (None: no window ends here), `pushed` the rows [first, end) that it pushed (none: a
        missing minute). Changes of the published state are appended to `log`.
        """
        elapsed, before = event_minute - self._judged_through, self._judged_through
        self.votes.advance(elapsed)
        score, flagged = self._vote(event_minute, logit)
        reason = ""
        if event_minute // DECISION_EVERY_MIN != before // DECISION_EVERY_MIN:
            reason = self._stand(*decide(self._standing, self._evidence()))
        self._judged_through = event_minute
        if self.profile is None and pushed[2] > pushed[1] and self._standing is DeviceState.ENROLLING:
            reason = self._enrol(event_minute, *pushed) or reason
        self._show(event_minute, reason, log, scored=logit is not None)
        return score, flagged

    def end_chunk(self, chunk: MinuteChunk, *, applied: int) -> None:
        """Note that a valid message was read to its end; `applied` of its minutes counted."""
        self.invalid_in_row = 0
        self.finished = chunk.end_of_recording or (self.finished and not applied)

    def count_invalid(self, limit: int) -> None:
        """Count one more invalid message; `limit` of them in a row hide the standing until a window is scored again."""
        self.invalid_in_row += 1
        if self.invalid_in_row >= limit and self.state is not DeviceState.INVALID_INPUT:
            self.state, self.state_since = DeviceState.INVALID_INPUT, self.intake.applied_through

    def reason(self) -> str:
        """Say in a few words for people why the device is in its state."""
        share = f"vote {self.votes.share:.2f}"
        if self.state is DeviceState.UNSCORED:
            return f"no scored window for {self._unscored_min(self._judged_through)} minutes"
        if self.state is DeviceState.INVALID_INPUT:
            return "too many invalid messages in a row; a scored window is awaited"
        if self._standing is DeviceState.ENROLLING:
            return f"{self.enrolment_count} of {self._enrolment_min} enrolment minutes"
        if self._standing is DeviceState.SUSPECT:
            return f"{share}, {self._calm_min} of {CALM_MIN} calm minutes"
        if self._standing is DeviceState.BENIGN:
            return f"{share}, limit {VOTE_LIMIT:.2f}"
        return f"{share}, {self._clean_min} of {CLEAN_MIN} clean minutes"

    def _vote(self, event_minute: int, logit: float | None) -> tuple[float, bool]:
        if logit is None:
            return math.nan, False
        score = self.yardstick.score(logit)
        flagged = not score <= self.yardstick.threshold  # so that a score that is no number counts against the device
        self.votes.cast(flagged=flagged)
        self._last_scored = event_minute
        self._calm_min, self._clean_min = dwell_after(
            self._standing, self._calm_min, self._clean_min, self.votes.share, flagged=flagged
        )
        return score, flagged

    def _evidence(self) -> Evidence:
        return Evidence(self.votes.share, self._calm_min, self._clean_min, self.profile is not None)

    def _stand(self, standing: DeviceState, reason: str) -> str:
        if standing is not self._standing:
            self._standing = standing
            self._calm_min = self._clean_min = 0
            self._enrolment = None
        return reason

    def _enrol(self, event_minute: int, rows: RowBuffer, first_row: int, end_row: int) -> str:
        if self._enrolment is None:
            self._enrolment = Enrolment(event_minute)
        self._enrolment.add(rows, first_row, end_row)
        if self._enrolment.valid_minutes < self._enrolment_min:
            return ""
        standing, reason = after_enrolment(self.votes.share)
        if standing is not DeviceState.QUARANTINED:
            self._take_profile(freeze_profile(self._enrolment.rows(), self._model))
        return self._stand(standing, reason)

    def _take_profile(self, profile: DeviceProfile | None) -> None:
        self.profile = profile
        self.yardstick: Yardstick = yardstick(profile, self._model.population)

    def _void_profile(self) -> None:
        self._take_profile(None)
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
