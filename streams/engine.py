"""What the worker asks of the detector: one object that judges devices, owned by the executor thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from detectors.tracks import DeviceTracks, MinuteChunk
from numpy.typing import NDArray

from contracts.settings import Settings
from contracts.verdicts import DeviceSnapshot, DeviceState

WARM_BUCKETS = (1, 8, 32, 128, 512)


class Verdicts(Protocol):
    """What became of one chunk: arrays of length n, one entry an applied minute, NaN = no window."""

    device_id: str
    session_id: int
    event_minute: NDArray[np.int64]
    reconstruction_error: NDArray[np.float32]
    score: NDArray[np.float32]
    threshold: NDArray[np.float32]
    flagged: NDArray[np.bool_]
    state: Sequence[DeviceState]
    dropped: dict[str, int]
    flagged_share: float
    enrolled: bool
    enrolment_share: float
    reason: str


class Engine(Protocol):
    """Judges devices, deterministically: the same minutes in the same order give the same verdicts."""

    bundle_sha: str

    def open(self, device_id: str, snapshot: DeviceSnapshot | None) -> None:
        """Start or restore a device."""

    def close(self, device_id: str) -> None:
        """Forget a device."""

    def history_needed_from(self, snapshot: DeviceSnapshot) -> int:
        """Return the event minute from which the vitals must be read again."""

    def fill(self, chunk: MinuteChunk) -> None:
        """Put minutes that were judged before into the history, judging nothing."""

    def apply(self, chunks: Sequence[MinuteChunk]) -> Sequence[Verdicts]:
        """Judge the chunks in order; a device may occur many times."""

    def invalid(self, device_id: str) -> DeviceSnapshot:
        """Count one more invalid message of a device."""

    def snapshot(self, device_id: str) -> DeviceSnapshot:
        """Return all that decides the device's next verdict."""


EngineFactory = Callable[[], Engine]


class DetectorEngine(DeviceTracks):
    """The real detector, warm, with the name of its bundle."""

    def __init__(self, settings: Settings) -> None:
        from detectors.detector import Detector  # noqa: PLC0415 - TensorFlow is imported in the executor thread only

        detector = Detector.load(settings.bundle_dir)
        detector.warm(WARM_BUCKETS)
        self.bundle_sha: str = detector.bundle_sha
        super().__init__(detector, enrolment_min=settings.enrolment_min, max_invalid_in_row=settings.max_invalid_in_row)
