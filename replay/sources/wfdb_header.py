"""What the WFDB library reads over in a header: dates of another form, and signals that were never calibrated."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from replay.sources.minutes.usable import Unusable

LONGEST_HEADER: Final = 1 << 20
FIRST_TIME_FIELD: Final = 4  # name, signals, frequency, length, then base time and base date
BASE_TIME: Final = re.compile(r"(\d{1,2}:){0,2}\d{1,2}(\.\d+)?")
BASE_DATE: Final = re.compile(r"\d{1,2}/\d{1,2}/\d{4}")
NO_GAIN: Final = re.compile(r"[+-]?0*\.?0*(e[+-]?\d+)?([(/]|$)", re.IGNORECASE)
GAIN_FIELD: Final = 2


def check_header(name: str, path: Path) -> None:
    """Raise Unusable under `name` for a base time or date that is not WFDB's, or a heart or respiratory rate without a gain."""
    with path.open(encoding="latin-1") as file:
        text = file.read(LONGEST_HEADER)
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise Unusable(name, "its header is empty")
    _check_base(name, lines[0][FIRST_TIME_FIELD:])
    for fields in lines[1:]:
        wanted = fields[-1].upper() in {"HR", "RESP", "RR"}
        if wanted and (len(fields) <= GAIN_FIELD or NO_GAIN.match(fields[GAIN_FIELD])):
            raise Unusable(
                name, f"its signal {fields[-1]} has a gain of 0, so it was never calibrated and its units are unknown; "
                "write the gain into the header (1 where the file holds rates per minute)",
            )  # fmt: skip


def _check_base(name: str, fields: list[str]) -> None:
    """A header without base time and date is complained of elsewhere."""
    forms = zip(fields, (BASE_TIME, BASE_DATE), strict=False)
    if len(fields) > 2 or not all(form.fullmatch(field) for field, form in forms):
        said = " ".join(fields)
        raise Unusable(
            name,
            f"its base time and date, {said!r}, cannot be read; WFDB writes 10:30:00 01/02/2150 (day, month, year)",
        )
