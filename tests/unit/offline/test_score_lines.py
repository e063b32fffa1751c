"""The lines of scores are those that the csv module and a JSON encoder would write, cell by cell."""

from __future__ import annotations

import csv
import io

import msgspec
import numpy as np
import pytest
from lives import calm
from plain_detector import level_model

from contracts.event_time import from_event_minute
from detectors import Detector, MinuteChunk, Verdicts
from fedsecure.tables.scores import COLUMNS, Format, ScoreLines, header_of

FIRST = 110_449_440
LABELS = (None, "ICU_03", "a,b", 'q"uote', "100 %s", "Übung 7", " lead", "tab\tx", "line\u2028x")


def judged() -> tuple[MinuteChunk, Verdicts]:
    beats = np.array(calm(400))
    beats[220:] += 60
    beats[5:9] = np.nan, 80.1234567, 1e-7, -0.0
    breath = np.array(calm(400)) / 5
    breath[250] = np.nan
    breath[251] = 0.0
    verdicts = Detector(level_model("f" * 64)).score("bed-1", FIRST, beats, breath, enrolment_min=120)
    return MinuteChunk("bed-1", 0, FIRST, beats, breath), verdicts


def number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)


def cell_by_cell(label: str | None, minute: int, output_format: Format) -> str:
    vitals, verdicts = judged()
    rows = [
        (
            "bed-1",
            f"{from_event_minute(int(verdicts.event_minute[at])):%Y-%m-%dT%H:%M:%SZ}",
            minute + at,
            *(number(np.asarray(vitals.heart_rate_bpm)[at]), number(np.asarray(vitals.resp_rate_bpm)[at])),
            *(number(each[at]) for each in (verdicts.reconstruction_error, verdicts.score, verdicts.threshold)),
            bool(verdicts.flagged[at]),
            verdicts.state[at].value,
            label,
        )
        for at in range(len(verdicts))
    ]
    if output_format == "jsonl":
        return "".join(msgspec.json.encode(dict(zip(COLUMNS, row, strict=True))).decode() + "\n" for row in rows)
    text = io.StringIO(newline="")
    for row in rows:
        said = ["true" if cell is True else "false" if cell is False else cell for cell in row]
        csv.writer(text, lineterminator="\n").writerow(said)
    return text.getvalue()


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("output_format", ["csv", "jsonl"])
def test_lines_are_written_as_cell_by_cell(label: str | None, output_format: Format) -> None:
    lines = ScoreLines(output_format).of(label, 7, *judged())
    assert lines == cell_by_cell(label, 7, output_format)
    assert all(word in lines for word in ("true", "false", "enrolling", "quarantined"))


def test_texts_that_are_forgotten_in_between_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedsecure.tables.scores._MOST_TEXTS", 3)
    assert ScoreLines("csv").of(None, 0, *judged()) == cell_by_cell(None, 0, "csv")


def test_a_csv_has_a_header() -> None:
    assert header_of("csv") == ",".join(COLUMNS) + "\n"
    assert header_of("jsonl") == ""
