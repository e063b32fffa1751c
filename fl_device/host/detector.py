"""The host's own detection of its devices' vitals, which decides what they may train on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence

import numpy as np

from contracts.errors import InvalidMessage
from contracts.messages.verdicts import DeviceState
from contracts.messages.vitals import decode_vitals
from detectors.array_types import Floats
from detectors.engine.chunks import MinuteChunk, Verdicts, chunk_of
from detectors.engine.engine import DetectionEngine
from detectors.engine.router import EngineRouter
from fl_device.tasks.task import Examples, Task
from fl_device.training.own_windows import HELD_OUT_WINDOWS, JudgedMinutes, OwnWindows, TrainingWindows, own_hours


class HostDetector:
    """All hosted devices' detector engine and training windows. Owned by one thread. Blocks while it scores."""

    def __init__(self, engine: DetectionEngine, task: Task, *, max_windows: int, horizon_min: int) -> None:
        self._router = EngineRouter(engine)
        self._task = task
        self._max_windows = max_windows
        self._horizon_min = horizon_min
        self._windows: dict[str, OwnWindows] = {}

    def open(self, device_ids: Iterable[str]) -> None:
        """Begin with devices whose vitals will be read from the start of their topics."""
        for device_id in device_ids:
            self._router.open(device_id, None)
            self._windows[device_id] = OwnWindows(
                max_windows=self._max_windows, horizon_min=self._horizon_min, held_out=HELD_OUT_WINDOWS
            )

    def take(self, messages: Sequence[tuple[str, bytes | None]]) -> None:
        """Judge raw vitals messages, (device, value) in order. An invalid one counts against its device."""
        chunks: list[MinuteChunk] = []
        for device_id, value in messages:
            try:
                batch = decode_vitals(value, expected_device_id=device_id)
            except InvalidMessage:
                # The state changes here and now, so what came before is applied first.
                self._apply(chunks)
                chunks = []
                self._router.invalid(device_id)
                continue
            chunks.append(chunk_of(batch))
        self._apply(chunks)

    @property
    def bundle_sha(self) -> str:
        """The bundle in force here."""
        return self._router.bundle_sha

    def use(self, engine: DetectionEngine) -> None:
        """Put another bundle in force. Each device stays with its own until it is taken over."""
        self._router.use(engine)

    def behind(self) -> list[str]:
        """Return the devices that the bundle in force is still to take over."""
        return self._router.behind()

    def take_over(self, device_id: str, values: Sequence[bytes | None], is_all: bool) -> bool:
        """Judge a device by the bundle in force from now on. False: its enrolment minutes are gone and it stays as it is.

        `values` are its messages again, up to the last one taken, `is_all` says that none was deleted before them. Windows
        that were released for training under the old bundle stay released.
        """
        snapshot = self._router.snapshot(device_id)
        chunks: list[MinuteChunk] = []
        for value in values:
            with contextlib.suppress(InvalidMessage):
                chunks.append(chunk_of(decode_vitals(value, expected_device_id=device_id)))
        needed = snapshot.session_id, DetectionEngine.history_needed_to_take_over(snapshot) or 0
        reaches_back = bool(chunks) and (chunks[0].session_id, chunks[0].first_event_minute) <= needed
        return self._router.take_over_or_keep(device_id, snapshot, chunks, is_whole=is_all or reaches_back)

    def examples(self, device_id: str) -> Examples | None:
        """Return what the device may train on now, scaled by its own frozen profile. None when there is nothing."""
        return self._examples(device_id, self._windows[device_id].released())

    def held_out(self, device_id: str) -> Examples | None:
        """Return what models are measured on, in the same terms: hours that no training of this device has seen."""
        return self._examples(device_id, self._windows[device_id].held_out())

    def _examples(self, device_id: str, windows: TrainingWindows) -> Examples | None:
        profile = self._router.snapshot(device_id).profile
        if profile is None or not len(windows):
            return None
        return self._task.examples(own_hours(windows, profile))

    def _apply(self, chunks: list[MinuteChunk]) -> None:
        if not chunks:
            return
        for chunk, verdicts in zip(chunks, self._router.apply(chunks), strict=True):
            windows = self._windows[chunk.device_id]
            if verdicts.session_opened:
                windows.forget()
            windows.observe(judged_minutes(chunk, verdicts))


def judged_minutes(chunk: MinuteChunk, verdicts: Verdicts) -> JudgedMinutes:
    """Join the applied minutes' vitals with their verdicts. Dropped minutes (late, duplicate) are not in them."""
    vitals = np.stack([_floats(chunk.heart_rate_bpm), _floats(chunk.resp_rate_bpm)], axis=1)
    return JudgedMinutes(
        event_minute=verdicts.event_minute,
        vitals=vitals[verdicts.event_minute - chunk.first_event_minute],
        benign=np.array([state is DeviceState.BENIGN for state in verdicts.state], np.bool_),
        clean=~verdicts.flagged,
    )


def _floats(channel: Sequence[float | None] | Floats) -> Floats:
    return np.array([np.nan if value is None else value for value in channel], np.float64)
