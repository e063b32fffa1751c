"""Judge a part of the recordings and write its rows: what a worker process does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from contracts.messages.verdicts import DeviceState, RuleName
from detectors import Detector, MinuteChunk, Verdicts
from fedsecure.offline.channel_store import ChannelStore
from fedsecure.tables.scores import Format, ScoreLines
from replay.recording import Recording
from replay.sources import Known, check_device
from replay.sources.minutes.usable import Unusable
from replay.sources.parts import RecordingPart

MOST_MINUTES_IN_MEMORY: Final = 1 << 20
Minutes = Callable[[int], None]
"""Is told how many more minutes were judged."""


@dataclass(frozen=True, slots=True)
class Judging:
    """How to judge: the bundle's folder, the rule, the minutes of an enrolment, and how rows are written."""

    bundle: Path | None
    rule: RuleName
    enrolment_min: int
    output_format: Format

    def detector(self) -> Detector:
        """Load the detector. Raises Misconfigured when the bundle is not intact."""
        return Detector.load(self.bundle, rule=self.rule)


@dataclass(slots=True)
class JudgedDevice:
    """What became of a recording. `rows` are (offset, bytes) of its lines in the file that the part was written to, in order."""

    device_id: str
    label: str | None
    origin: str
    minutes: int = 0
    windows: int = 0
    flagged_windows: int = 0
    state: DeviceState = DeviceState.ENROLLING
    reason: str = ""
    rows: list[tuple[int, int]] = field(default_factory=list)

    def add(self, offset: int, size: int, verdicts: Verdicts) -> None:
        """Count the verdicts on its next minutes, whose lines lie there."""
        self.rows.append((offset, size))
        self.minutes += len(verdicts)
        self.windows += verdicts.windows
        self.flagged_windows += verdicts.flagged_windows
        self.state, self.reason = verdicts.state[-1], verdicts.reason


@dataclass(frozen=True, slots=True)
class JudgedPath:
    """The recordings of a path, or of a part of it, and those that cannot be used."""

    path: Path
    devices: list[JudgedDevice]
    skipped: tuple[Unusable, ...]


PathPart = tuple[Path, RecordingPart]


def judge(
    detector: Detector, judging: Judging, parts: Sequence[PathPart], sink: BinaryIO, folder: Path, minutes: Minutes
) -> list[JudgedPath]:
    """Judge all recordings of some parts side by side and write their lines to `sink`.

    What is long meanwhile lies in the folder. Raises Misconfigured as the parts do, or for a device that is there twice;
    OSError where a file cannot be written.
    """
    judged: list[JudgedPath] = []
    devices: list[JudgedDevice] = []
    recordings: list[MinuteChunk] = []
    lines = ScoreLines(judging.output_format)
    with ChannelStore(folder, MOST_MINUTES_IN_MEMORY) as store:
        for recording in _read(parts, judged):
            devices.append(JudgedDevice(recording.device_id, recording.label, recording.origin))
            judged[-1].devices.append(devices[-1])
            recordings.append(_chunk(recording, store))
        for place, vitals, verdicts in detector.score_together(recordings, enrolment_min=judging.enrolment_min):
            device = devices[place]
            text = lines.of(device.label, device.minutes, vitals, verdicts).encode()
            device.add(sink.tell(), len(text), verdicts)
            sink.write(text)
            minutes(len(verdicts))
    return judged


def _read(parts: Sequence[PathPart], judged: list[JudgedPath]) -> Iterator[Recording]:
    """Yield every recording, one at a time, after its path was added to `judged`."""
    seen: dict[str, Known] = {}
    for path, part in parts:
        for reading in part.readings():
            judged.append(JudgedPath(path, [], reading.skipped))
            for recording in reading.recordings:
                check_device(seen, recording)
                yield recording


def _chunk(recording: Recording, store: ChannelStore) -> MinuteChunk:
    pulse = recording.pulse_bpm
    return MinuteChunk(
        recording.device_id,
        0,
        recording.first_event_minute,
        store.kept(recording.heart_rate_bpm),
        store.kept(recording.resp_rate_bpm),
        None if pulse is None else store.kept(pulse),
    )
