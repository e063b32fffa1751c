"""All devices of one program: micro-batches of minutes in, verdicts out, snapshots to go on from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec.structs import replace

from contracts.messages.verdicts import DeviceSnapshot, DeviceState
from detectors.engine.arrays import DeviceArrays
from detectors.engine.batch_pass import BatchPass
from detectors.engine.chunks import FRESH, NO_SESSION, MinuteChunk, Verdicts
from detectors.engine.model import Model
from detectors.engine.progress import ChunkProgress
from detectors.engine.snapshots import Restoration, snapshot_of
from detectors.engine.tracker import DeviceTracker
from detectors.rules import pulse, replay

HISTORY_MIN: Final = replay.HORIZON_MIN + replay.RECENT_MIN + 20
"""The replay rule's memory: a shingle of the last hour is compared with all of its horizon."""


class DetectionEngine:
    """Not thread-safe: owned by one thread. `apply` blocks while it computes.

    Scores and transitions are a function of the minutes applied to a device and nothing else: how they are packed into
    chunks and micro-batches does not show, nor does `snapshot` here, then `open` and `fill` in another process.
    """

    def __init__(self, model: Model, *, enrolment_min: int, max_invalid_in_row: int = 20) -> None:
        """Judge with `model`. A profile is frozen after `enrolment_min` valid minutes."""
        self._model = model
        self._enrolment_min = enrolment_min
        self._max_invalid_in_row = max_invalid_in_row
        self._arrays = DeviceArrays(model.rule.threshold(model.parameters, np.empty(0)))
        self._trackers: dict[str, DeviceTracker] = {}
        self._restoring: dict[str, Restoration] = {}

    @property
    def bundle_sha(self) -> str:
        """The bundle that judges here."""
        return self._model.bundle_sha

    def open(self, device_id: str, snapshot: DeviceSnapshot | None) -> None:
        """Take a device over where its snapshot left it (None: a device never seen). One already open is replaced.

        A profile of another bundle or rule, or one without what it rests on, is void and the device enrols again.
        """
        self.close(device_id)
        snapshot = self._usable(snapshot or FRESH)
        tracker = DeviceTracker(device_id, self._arrays.reserve(), snapshot, self._enrolment_min)
        self._trackers[device_id] = tracker
        if snapshot.session_id != NO_SESSION:
            self._restoring[device_id] = Restoration(tracker, snapshot)

    def _usable(self, snapshot: DeviceSnapshot) -> DeviceSnapshot:
        rests_on = (snapshot.baseline, snapshot.stream_start, snapshot.last_valid_minute)
        if self._model.is_own(snapshot.profile) and (snapshot.profile is None or None not in rests_on):
            return snapshot
        void = replace(
            snapshot, profile=None, baseline=None, stream_start=None, valid_minutes=0, last_valid_minute=None, votes=b"",
            last_scored=None,
        )  # fmt: skip
        if snapshot.standing is DeviceState.QUARANTINED:
            return void
        shown = snapshot.state if snapshot.state is not snapshot.standing else DeviceState.ENROLLING
        since = snapshot.state_since if shown is snapshot.state else snapshot.applied_through
        return replace(void, standing=DeviceState.ENROLLING, state=shown, state_since=since, calm_min=0, clean_min=0)

    def close(self, device_id: str) -> None:
        """Forget a device, if it is open."""
        tracker = self._trackers.pop(device_id, None)
        self._restoring.pop(device_id, None)
        if tracker is not None:
            self._arrays.release(tracker.slot)

    def __contains__(self, device_id: str) -> bool:
        return device_id in self._trackers

    def __len__(self) -> int:
        return len(self._trackers)

    @staticmethod
    def history_needed_from(snapshot: DeviceSnapshot | None) -> int | None:
        """Return the event minute from which vitals must be read back and filled in. None: nothing is needed."""
        if snapshot is None or snapshot.session_id == NO_SESSION:
            return None
        oldest = snapshot.applied_through - HISTORY_MIN
        return oldest if snapshot.history_from is None else min(oldest, snapshot.history_from)

    @classmethod
    def history_needed_to_take_over(cls, snapshot: DeviceSnapshot | None) -> int | None:
        """Return the event minute from which `take_over` needs the vitals. None: it needs none."""
        needed = cls.history_needed_from(snapshot)
        if needed is None or snapshot is None or snapshot.profile is None:
            return needed
        return min(needed, snapshot.profile.first_event_minute - pulse.WINDOW_MIN)

    def take_over(self, device_id: str, snapshot: DeviceSnapshot, chunks: Sequence[MinuteChunk]) -> bool:
        """Open a device that another bundle judged up to its snapshot. False: not possible, and it is not open here.

        `chunks` are its minutes since `history_needed_to_take_over`, up to the snapshot, in the order of the topic. They are
        judged again from the start of its enrolment (False: that is not all there), so that baseline and scores are this
        bundle's own. States and dwell stay as they were: a change of bundle alone makes no device benign.
        """
        own = [chunk for chunk in chunks if chunk.session_id == snapshot.session_id]
        if snapshot.profile is None:
            self.open(device_id, snapshot)
            for chunk in own:
                self.fill(chunk)
            return True
        first = snapshot.profile.first_event_minute
        self.open(device_id, replace(FRESH, session_id=snapshot.session_id, applied_through=first - 1))
        self._trackers[device_id].wanted_min = snapshot.profile.enrolment_min
        for chunk in own:
            self.fill(chunk)
        self.apply([chunk for chunk in map(_plain, own) if _ends(chunk) > first])
        tracker = self._trackers[device_id]
        profile = tracker.profile
        if profile is None or (profile.first_event_minute, profile.last_event_minute) != (
            first, snapshot.profile.last_event_minute
        ):  # fmt: skip
            self.close(device_id)
            return False
        tracker.resume_as(snapshot)
        tracker.wanted_min = self._enrolment_min
        return True

    def fill(self, chunk: MinuteChunk) -> None:
        """Put read-back minutes into a device's history, in the order of the topic, between `open` and `apply`.

        Minutes after the snapshot and those of other sessions are left out; nothing is judged. Raises KeyError for a
        device that is not open.
        """
        tracker = self._trackers[chunk.device_id]
        if chunk.session_id == tracker.session_id and chunk.device_id in self._restoring:
            self._restoring[chunk.device_id].fill(chunk)

    def apply(self, chunks: Sequence[MinuteChunk]) -> list[Verdicts]:
        """Judge a micro-batch and return the verdicts in the order of its chunks.

        A device may occur many times, at any length. Raises KeyError for a device that is not open, before anything is
        applied.
        """
        work = [ChunkProgress(chunk) for chunk in chunks]
        queues: dict[str, list[ChunkProgress]] = {}
        for progress in work:
            queues.setdefault(progress.chunk.device_id, []).append(progress)
        waiting = [(self._restored(device_id), queue) for device_id, queue in queues.items()]
        while waiting:
            batch = BatchPass(self._model, self._arrays)
            left = [(tracker, queue[batch.admit(tracker, queue) :]) for tracker, queue in waiting]
            batch.judge()
            waiting = [(tracker, queue) for tracker, queue in left if queue]
        return [progress.result() for progress in work]

    def invalid(self, device_id: str) -> DeviceSnapshot:
        """Count one more message of a device that could not be read, and return its snapshot then."""
        self._restored(device_id).count_invalid(self._max_invalid_in_row)
        return self.snapshot(device_id)

    def snapshot(self, device_id: str) -> DeviceSnapshot:
        """Return all that decides a device's next verdict, except the vitals themselves."""
        return snapshot_of(self._restored(device_id), self._arrays)

    def reason(self, device_id: str) -> str:
        """Say in a few words for people why a device is in its state."""
        return self._restored(device_id).reason()

    def _restored(self, device_id: str) -> DeviceTracker:
        tracker = self._trackers[device_id]
        restoring = self._restoring.pop(device_id, None)
        if restoring is not None:
            restoring.end(self._model, self._arrays)
        return tracker


def _plain(chunk: MinuteChunk) -> MinuteChunk:
    """Return the minutes of a chunk without what it announced."""
    return replace(chunk, end_of_recording=False, re_enrol=False)


def _ends(chunk: MinuteChunk) -> int:
    return chunk.first_event_minute + len(chunk.heart_rate_bpm)
