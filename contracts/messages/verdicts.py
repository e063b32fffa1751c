"""Scores and status records of devices, as workers publish them."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from contracts.errors import InvalidMessage
from contracts.identifiers import DeviceId, DeviceLabel

RuleName = Literal["common-scale", "paper-fig3"]
"""The rules by which a device's scores become votes."""


SCHEMA_VERSION = 3


class DeviceState(StrEnum):
    """The state a worker publishes. Only BENIGN trains. `stale` and `unknown` are the reader's words."""

    ENROLLING = "enrolling"
    BENIGN = "benign"
    SUSPECT = "suspect"
    QUARANTINED = "quarantined"
    PROBATION = "probation"
    UNSCORED = "unscored"
    INVALID_INPUT = "invalid_input"


class DeviceProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What a device's enrolment taught of two channels (heart rate, respiratory rate), frozen.

    `median`, `scale` and `grid_bpm` are in bpm and breaths/min; `residual_size` the usual size of the residuals at lags 1, 6
    and 16 (heart rate first, then respiratory rate, of each lag) in scaled units; `unchanged_share` 0..1; `context` is what the
    network is told of the device. `threshold` is the device's limit on the scale of the decision rule `rule`; it belongs to the
    bundle `bundle_sha`. `warning` says what is unusual about the enrolment (empty: nothing).
    """

    median: tuple[float, float]
    scale: tuple[float, float]
    residual_size: tuple[float, float, float, float, float, float]
    unchanged_share: tuple[float, float]
    grid_bpm: tuple[float, float]
    context: tuple[float, ...]
    pulse_limit_bpm: float
    threshold: float
    enrolment_min: int
    first_event_minute: int
    last_event_minute: int
    bundle_sha: str
    rule: str
    warning: str = ""


class BaselineSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of a device's own past (little-endian float64, one a judged number) and the decisions that wait to join it.

    `waiting_logits` holds both networks' logits of the decisions since `first_waiting`; bit k of `kept_mask` tells whether the
    k-th of them may join. Their statistics are computed again from the vitals.
    """

    count: int
    total: bytes
    squares: bytes
    first_waiting: int
    waiting_logits: bytes
    kept_mask: int


class DeviceSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides a device's next verdict, except the vitals themselves (re-read from the topic).

    `seen_mask` is a shift register over event minutes: bit 0 is `applied_through`, bit k the minute k before it.
    `stream_start` is the event minute of the first valid minute that counts since the enrolment began, `valid_minutes` how many
    there were, `last_valid_minute` the event minute of the last; vitals are needed again from `history_from` on. `votes` holds the last four decisions (little-endian float64).
    """

    session_id: int
    applied_through: int
    standing: DeviceState
    state: DeviceState
    state_since: int
    seen_mask: int = 0
    stream_start: int | None = None
    valid_minutes: int = 0
    last_valid_minute: int | None = None
    history_from: int | None = None
    votes: bytes = b""
    explanation: str = ""
    calm_min: int = 0
    clean_min: int = 0
    last_scored: int | None = None
    profile: DeviceProfile | None = None
    baseline: BaselineSnapshot | None = None
    invalid_in_row: int = 0
    finished: bool = False


class DeviceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One device as the worker sees it now, as it lies in the compacted status topic and in Redis.

    (`epoch`, `applied_through`) orders statuses: a reader ignores a lower pair. `received_at` is the broker's timestamp
    (epoch seconds) of the last applied record; `vitals_offset` the next offset to apply, in the topic whose id (as Kafka gives it
    to each topic, in hex; empty: not known) is `vitals_topic_id`. Event times are event minutes. `label` is the device's name as
    its hospital writes it (None: the id).
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
    label: DeviceLabel | None = None
    vitals_topic_id: str = ""
    schema_version: int = SCHEMA_VERSION


class ScoreBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Verdicts of consecutively applied minutes of one device. A minute without a window has null scores."""

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


class _Versioned(msgspec.Struct):
    schema_version: int = 0


_version_decoder = msgspec.json.Decoder(_Versioned)


def decode_status(value: bytes) -> DeviceStatus:
    """Return a status, or raise InvalidMessage: readers treat that as `unknown`, never as benign."""
    try:
        version = _version_decoder.decode(value).schema_version
        if version != SCHEMA_VERSION:
            raise InvalidMessage(
                "unknown_version",
                f"a status of schema {version}, this version reads {SCHEMA_VERSION}: the device enrols again",
            )
        return _status_decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidMessage("bad_schema", str(error)) from None


def decode_scores(value: bytes) -> ScoreBatch:
    """Return a score batch, or raise InvalidMessage."""
    try:
        return _score_decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidMessage("bad_schema", str(error)) from None
