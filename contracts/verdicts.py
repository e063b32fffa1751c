"""What workers say of a device: scores a minute, and the status record that is also the restart snapshot."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from contracts.errors import InvalidMessage
from contracts.identifiers import DeviceId

SCHEMA_VERSION = 2


class DeviceState(StrEnum):
    """The state a worker publishes; only BENIGN trains. `stale` and `unknown` are the reader's words."""

    ENROLLING = "enrolling"
    BENIGN = "benign"
    SUSPECT = "suspect"
    QUARANTINED = "quarantined"
    PROBATION = "probation"
    UNSCORED = "unscored"
    INVALID_INPUT = "invalid_input"


class DeviceProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A device's frozen statistics, all learnt from its enrolment minutes (two channels: HR, RR).

    `median`, `scale` and `grid_bpm` are in bpm and breaths/min; `difference_sd` and `residual_rms` (two autoencoders, two
    channels) in scaled units. `centre` and `spread` (little-endian float32, one a feature) say what to expect of each
    feature. `threshold` is the device's limit on the scale of the decision rule `rule`, `situation` names the calibration it
    belongs to; all of it belongs to the bundle `bundle_sha`.
    """

    median: tuple[float, float]
    scale: tuple[float, float]
    difference_sd: tuple[float, float]
    grid_bpm: tuple[float, float]
    residual_rms: tuple[float, float, float, float]
    centre: bytes
    spread: bytes
    pulse_limit_bpm: float
    situation: str
    threshold: float
    first_event_minute: int
    last_event_minute: int
    bundle_sha: str
    rule: str = "common-scale"  # profiles of before there was a choice


class DeviceSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides a device's next verdict, except the vitals themselves (re-read from the topic).

    `seen_mask` is a shift register over event minutes: bit 0 is `applied_through`, bit k the minute k before it. The vote
    masks are registers over five-minute blocks, bit 0 the block of `applied_through`: which were decided, and which kinds
    of score flagged them. `held_scores` are those of the last decision, taken in the block `held_block`.
    """

    session_id: int
    applied_through: int
    standing: DeviceState
    state: DeviceState
    state_since: int
    seen_mask: int = 0
    scored_mask: int = 0
    flagged_masks: dict[str, int] = {}
    held_scores: dict[str, float] = {}
    held_block: int = 0
    explanation: str = ""
    calm_min: int = 0
    clean_min: int = 0
    last_scored: int | None = None
    enrolment_start: int | None = None
    enrolment_count: int = 0
    profile: DeviceProfile | None = None
    invalid_in_row: int = 0
    finished: bool = False


class DeviceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One device as the worker sees it now; key of the compacted status topic and hash in Redis.

    (`epoch`, `applied_through`) orders statuses: a reader ignores a lower pair. `received_at` is the broker's timestamp
    (epoch seconds) of the last applied record; `vitals_offset` the next offset to apply. Event times are event minutes.
    """

    device_id: DeviceId
    epoch: int
    applied_through: int
    vitals_offset: int
    session_id: int
    state: DeviceState
    reason: str
    state_since: int
    enrolled: bool
    enrolment_share: float
    score: float | None
    threshold: float | None
    scores: dict[str, float]
    flagged: bool
    flagged_share: float
    received_at: float
    batch_interval_s: float
    finished: bool
    bundle_sha: str
    worker_id: str
    minutes: int
    windows: int
    flagged_windows: int
    snapshot: DeviceSnapshot | None = None
    schema_version: int = SCHEMA_VERSION


class ScoreBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Verdicts of consecutively applied minutes of one device; a minute without a window has null scores."""

    device_id: DeviceId
    session_id: int
    epoch: int
    bundle_sha: str
    event_minute: list[int]
    reconstruction_error: list[float | None]
    score: list[float | None]
    threshold: list[float | None]
    flagged: list[bool]
    state: list[DeviceState]
    scores: dict[str, list[float | None]]
    schema_version: int = SCHEMA_VERSION


_status_decoder = msgspec.json.Decoder(DeviceStatus)
_score_decoder = msgspec.json.Decoder(ScoreBatch)
_encoder = msgspec.json.Encoder()


def encode_verdict(record: DeviceStatus | ScoreBatch) -> bytes:
    """Return a status or a score batch as JSON."""
    return _encoder.encode(record)


def decode_status(value: bytes) -> DeviceStatus:
    """Return a status, or raise InvalidMessage: readers treat that as `unknown`, never as benign."""
    try:
        status = _status_decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidMessage("bad_schema", str(error)) from None
    if status.schema_version != SCHEMA_VERSION:
        raise InvalidMessage("unknown_version", str(status.schema_version))
    return status


def decode_scores(value: bytes) -> ScoreBatch:
    """Return a score batch, or raise InvalidMessage."""
    try:
        return _score_decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidMessage("bad_schema", str(error)) from None
