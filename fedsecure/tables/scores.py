"""The rows that `fedsecure score` writes: one a minute, as CSV or JSON lines."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from typing import IO, Any, Final, Literal

import msgspec

from contracts.event_time import from_event_minute
from detectors import Verdicts
from replay.recording import Recording

Format = Literal["csv", "jsonl"]
COLUMNS: Final = (
    "device_id",
    "observed_at",
    "minute",
    "heart_rate_bpm",
    "resp_rate_bpm",
    "reconstruction_error",
    "score",
    "threshold",
    "flagged",
    "state",
    "device_label",
)
FLAGGED: Final = COLUMNS.index("flagged")
_DECIMALS: Final = 6

Row = tuple[Any, ...]


def score_rows(recording: Recording, verdicts: Verdicts) -> Iterator[Row]:
    """Yield one row a minute in the order of `COLUMNS`. None = missing, or no name. `minute` counts from the recording's start."""
    columns = zip(
        verdicts.event_minute.tolist(),
        recording.heart_rate_bpm.tolist(),
        recording.resp_rate_bpm.tolist(),
        verdicts.reconstruction_error.tolist(),
        verdicts.score.tolist(),
        verdicts.threshold.tolist(),
        verdicts.flagged.tolist(),
        verdicts.state,
        strict=True,
    )
    for minute, (event_minute, heart, resp, error, score, threshold, flagged, state) in enumerate(columns):
        observed_at = f"{from_event_minute(event_minute):%Y-%m-%dT%H:%M:%SZ}"
        numbers = (_number(heart), _number(resp), _number(error), _number(score), _number(threshold))
        yield recording.device_id, observed_at, minute, *numbers, flagged, state.value, recording.label


def row_writer(stream: IO[str], output_format: Format) -> Callable[[Iterator[Row]], None]:
    """Return a function that writes rows to `stream`. The header of a CSV is written now."""
    if output_format == "csv":
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        return lambda rows: writer.writerows(
            (*row[:FLAGGED], "true" if row[FLAGGED] else "false", *row[FLAGGED + 1 :]) for row in rows
        )
    encode = msgspec.json.Encoder().encode
    return lambda rows: stream.writelines(encode(dict(zip(COLUMNS, row, strict=True))).decode() + "\n" for row in rows)


def _number(value: float) -> float | None:
    return None if value != value else round(value, _DECIMALS)  # noqa: PLR0124 - NaN is the number unequal to itself
