"""What the worker asks of the detector: one object that judges devices, owned by the executor thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from contracts.settings import Settings
from contracts.verdicts import DeviceSnapshot
from detectors.chunks import MinuteChunk, Verdicts
from detectors.detector import Detector
from detectors.scoring.tensorflow_runtime import limit_threads
from detectors.tracks import DeviceTracks


class Engine(Protocol):
    """Judges devices, deterministically: the same minutes in the same order give the same verdicts."""

    bundle_sha: str

    def open(self, device_id: str, snapshot: DeviceSnapshot | None) -> None:
        """Start or restore a device."""

    def close(self, device_id: str) -> None:
        """Forget a device."""

    def history_needed_from(self, snapshot: DeviceSnapshot | None) -> int | None:
        """Return the event minute from which the vitals must be read again; None: nothing is needed."""

    def fill(self, chunk: MinuteChunk) -> None:
        """Put minutes that were judged before into the history, judging nothing."""

    def apply(self, chunks: Sequence[MinuteChunk]) -> Sequence[Verdicts]:
        """Judge the chunks in order; a device may occur many times."""

    def invalid(self, device_id: str) -> DeviceSnapshot:
        """Count one more invalid message of a device."""

    def snapshot(self, device_id: str) -> DeviceSnapshot:
        """Return all that decides the device's next verdict."""

    def reason(self, device_id: str) -> str:
        """Say in a few words for people why the device is in its state."""


EngineFactory = Callable[[], Engine]


class DetectorEngine(DeviceTracks):
    """The real detector on one core, warm, with the name of its bundle."""

    def __init__(self, settings: Settings) -> None:
        limit_threads()
        detector = Detector.load(settings.bundle_dir, rule=settings.rule)
        detector.warm()
        self.bundle_sha: str = detector.bundle_sha
        super().__init__(
            detector.model, enrolment_min=settings.enrolment_min, max_invalid_in_row=settings.max_invalid_in_row
        )
