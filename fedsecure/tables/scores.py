"""The rows that `fedsecure score` writes: one a minute, as CSV or JSON lines."""

from __future__ import annotations

import csv
import io
from typing import Final, Literal

import msgspec
import numpy as np

from detectors import MinuteChunk, Verdicts
from detectors.array_types import Floats32, Ints
from detectors.engine.chunks import Channel

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
_DECIMALS: Final = 6
_MOST_TEXTS: Final = 1 << 16


def header_of(output_format: Format) -> str:
    """Return what stands above the rows."""
    return ",".join(COLUMNS) + "\n" if output_format == "csv" else ""


class ScoreLines:
    """Writes minutes as lines, in the order of `COLUMNS`. What is missing and no name are empty in CSV, null in JSON lines."""

    def __init__(self, output_format: Format) -> None:
        self._row_of = _csv_row if output_format == "csv" else _json_row
        self._texts = _NumberTexts(output_format)

    def of(self, label: str | None, minute: int, vitals: MinuteChunk, verdicts: Verdicts) -> str:
        """Return the lines of a device's minutes. The first of them is the `minute`-th since its recording's start."""
        texts = self._texts
        columns = (
            _times(verdicts.event_minute),
            range(minute, minute + len(verdicts)),
            texts.of(vitals.heart_rate_bpm),
            texts.of(vitals.resp_rate_bpm),
            texts.of(verdicts.reconstruction_error),
            texts.of(verdicts.score),
            texts.of(verdicts.threshold),
            ["true" if flagged else "false" for flagged in verdicts.flagged.tolist()],
            verdicts.state,
        )
        row = self._row_of(vitals.device_id, label)
        return "".join([row % cells for cells in zip(*columns, strict=True)])


def _csv_row(device_id: str, label: str | None) -> str:
    """Return a device's row with a place for every cell that changes from minute to minute."""
    after = io.StringIO()
    csv.writer(after, lineterminator="\n").writerow(("", label))
    return f"{device_id},%s,%d,%s,%s,%s,%s,%s,%s,%s{_literal(after.getvalue())}"


def _json_row(device_id: str, label: str | None) -> str:
    device, name = (_literal(msgspec.json.encode(value).decode()) for value in (device_id, label))
    cells = (device, '"%s"', "%d", *["%s"] * 6, '"%s"', name)
    return "{" + ",".join(f'"{column}":{cell}' for column, cell in zip(COLUMNS, cells, strict=True)) + "}\n"


def _literal(text: str) -> str:
    return text.replace("%", "%%")


def _times(event_minute: Ints) -> list[str]:
    """Return the minutes' starts as ISO 8601 in UTC. They lie before the year 10000."""
    times: list[str] = np.datetime_as_string(event_minute.astype("M8[m]"), unit="s", timezone="UTC").tolist()
    return times


class _NumberTexts(dict[float, str]):
    """The texts of numbers, rounded to six decimals. Vital signs are few numbers, again and again."""

    def __init__(self, output_format: Format) -> None:
        super().__init__()
        self._is_csv = output_format == "csv"
        self._missing = "" if self._is_csv else "null"

    def of(self, channel: Channel | Floats32) -> list[str]:
        """Return the text of each number, NaN = missing."""
        values = np.asarray(channel, np.float64)
        if len(self) > _MOST_TEXTS:
            self.clear()
        numbers, missing = values.tolist(), self._missing
        if np.any(np.signbit(values) & (values == 0)):  # -0.0 has the key of 0.0
            self.clear()
            return [self._text(number) if number == number else missing for number in numbers]  # noqa: PLR0124 - NaN is the number unequal to itself
        return [self[number] if number == number else missing for number in numbers]  # noqa: PLR0124

    def __missing__(self, number: float) -> str:
        text = self[number] = self._text(number)
        return text

    def _text(self, number: float) -> str:
        rounded = round(number, _DECIMALS)
        return repr(rounded) if self._is_csv else msgspec.json.encode(rounded).decode()
