"""All devices of one worker: micro-batches of minutes in, verdicts out, snapshots to go on from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec.structs import replace

from contracts.verdicts import DeviceSnapshot
from detectors.chunks import MinuteChunk, Verdicts
from detectors.enrolment import enrolment_again
from detectors.guards import PULSE_WINDOW_MIN, RECENT_MIN, REPLAY_HORIZON_MIN
from detectors.history import History
from detectors.long_history import LongHistory
from detectors.micro_batch import Pass
from detectors.scorer import TrainedModel
from detectors.track import FRESH, NO_SESSION, Track
from detectors.windows import BLOCK_MIN
from detectors.work import Work

# The longest memory is the replay guard's: a shingle of the last hour is compared with all of its horizon.
HISTORY_MIN: Final = REPLAY_HORIZON_MIN + RECENT_MIN + 20


class DeviceTracks:
    """The engine. Not thread-safe: owned by the thread that owns the scorer; `apply` blocks while it computes.

    Scores and transitions are a function of the minutes applied to a device and nothing else: how they are packed into
    chunks and micro-batches does not show, nor does `snapshot` here, then `open` and `fill` in another process.
    """

    def __init__(self, detector: TrainedModel, *, enrolment_min: int, max_invalid_in_row: int = 20) -> None:
        """Judge with `detector`; a profile is frozen after `enrolment_min` valid minutes."""
        self._model = detector
        self._enrolment_min = enrolment_min
        self._max_invalid_in_row = max_invalid_in_row
        self._history = History()
        self._long_history = LongHistory()
        self._tracks: dict[str, Track] = {}

    @property
    def bundle_sha(self) -> str:
        """The bundle that judges here."""
        return self._model.bundle_sha

    def open(self, device_id: str, snapshot: DeviceSnapshot | None) -> None:
        """Take a device over where its snapshot stands (None: a device never seen); one already open is replaced."""
        self.close(device_id)
        slot = self._history.reserve()
        self._long_history.clear(slot)
        self._tracks[device_id] = Track(device_id, slot, snapshot or FRESH, self._model, self._enrolment_min)

    def close(self, device_id: str) -> None:
        """Forget a device, if it is open."""
        track = self._tracks.pop(device_id, None)
        if track is not None:
            self._history.release(track.slot)

    def __contains__(self, device_id: str) -> bool:
        return device_id in self._tracks

    def __len__(self) -> int:
        return len(self._tracks)

    @staticmethod
    def history_needed_from(snapshot: DeviceSnapshot | None) -> int | None:
        """Return the event minute from which vitals must be read back and filled in; None: nothing is needed."""
        if snapshot is None or snapshot.session_id == NO_SESSION:
            return None
        oldest = snapshot.applied_through - HISTORY_MIN
        if snapshot.enrolment_start is None:
            return oldest
        # The first distance to the pulse that an enrolment counts reaches back before it.
        return min(oldest, snapshot.enrolment_start - PULSE_WINDOW_MIN)

    @classmethod
    def history_needed_to_take_over(cls, snapshot: DeviceSnapshot | None) -> int | None:
        """Return the event minute from which `take_over` needs the vitals; None: it needs none."""
        needed = cls.history_needed_from(snapshot)
        if needed is None or snapshot is None or snapshot.profile is None:
            return needed
        return min(needed, snapshot.profile.first_event_minute - PULSE_WINDOW_MIN)

    def take_over(self, device_id: str, snapshot: DeviceSnapshot, chunks: Sequence[MinuteChunk]) -> bool:
        """Open a device that another bundle judged up to its snapshot; False: not possible, and it is not open here.

        `chunks` are its minutes since `history_needed_to_take_over`, up to the snapshot, in the order of the topic. The
        profile is frozen again from the enrolment minutes (False: they are not all there) and the scores that hold since the
        last decision are computed again. State, dwell and votes stay: a change of bundle alone makes no device benign.
        """
        own = [chunk for chunk in chunks if chunk.session_id == snapshot.session_id]
        profile = snapshot.profile
        if profile is not None:
            enrolment = enrolment_again(profile, own)
            if enrolment is None:
                return False
            profile = self._model.freeze(enrolment.rows(), enrolment.pulse_medians_bpm, enrolment.valid_minutes)
        moved = replace(snapshot, profile=profile)
        self._reopen(device_id, replace(moved, held_scores=self._scores_held(device_id, moved, own)), own)
        return True

    def _scores_held(self, device_id: str, snapshot: DeviceSnapshot, chunks: Sequence[MinuteChunk]) -> dict[str, float]:
        """Judge the minutes since the last decision once more and return the scores that hold since then."""
        if not snapshot.held_scores:
            return {}
        first = snapshot.held_block * BLOCK_MIN
        before = replace(
            snapshot, applied_through=first - 1, held_scores={}, held_block=0, enrolment_start=None, enrolment_count=0
        )
        self._reopen(device_id, before, chunks)
        self.apply([chunk for chunk in chunks if chunk.first_event_minute + len(chunk.heart_rate_bpm) > first])
        return self.snapshot(device_id).held_scores

    def _reopen(self, device_id: str, snapshot: DeviceSnapshot, chunks: Sequence[MinuteChunk]) -> None:
        self.open(device_id, snapshot)
        for chunk in chunks:
            self.fill(chunk)

    def fill(self, chunk: MinuteChunk) -> None:
        """Put read-back minutes into a device's history, in the order of the topic, between `open` and `apply`.

        Minutes after the snapshot and those of other sessions are left out; nothing is judged. Raises KeyError for a
        device that is not open.
        """
        track = self._tracks[chunk.device_id]
        if chunk.session_id != track.session_id:
            return
        rows = track.fill(chunk)
        if len(rows):
            values = np.array(rows.values, np.float32).reshape(-1, 2)
            event_minute = np.array(rows.event_minute, np.int64)
            self._history.push(np.array([track.slot]), np.array([len(rows)]), values, event_minute)
            self._long_history.push(track.slot, values, event_minute)

    def apply(self, chunks: Sequence[MinuteChunk]) -> list[Verdicts]:
        """Judge a micro-batch and return the verdicts in the order of its chunks.

        A device may occur many times, at any length. One scorer call for the whole micro-batch; a further one after
        each frozen profile or new session, and for each 8,192 rows. Raises KeyError for a device that is not open,
        before anything is applied.
        """
        works = [Work(chunk) for chunk in chunks]
        queues: dict[str, list[Work]] = {}
        for work in works:
            queues.setdefault(work.chunk.device_id, []).append(work)
        waiting = [(self._tracks[device_id], queue) for device_id, queue in queues.items()]
        while waiting:
            one_pass = Pass(self._model, self._history, self._long_history)
            left = [(track, queue[one_pass.admit(track, queue) :]) for track, queue in waiting]
            one_pass.judge()
            waiting = [(track, queue) for track, queue in left if queue]
        return [work.result() for work in works]

    def invalid(self, device_id: str) -> DeviceSnapshot:
        """Count one more message of a device that could not be read; return where the device stands then."""
        track = self._tracks[device_id]
        track.count_invalid(self._max_invalid_in_row)
        return track.snapshot()

    def snapshot(self, device_id: str) -> DeviceSnapshot:
        """Return all that decides a device's next verdict, except the vitals themselves."""
        return self._tracks[device_id].snapshot()

    def reason(self, device_id: str) -> str:
        """Say in a few words for people why a device is in its state."""
        return self._tracks[device_id].reason()
