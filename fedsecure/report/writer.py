"""Writes the report's files into a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from fedsecure.demo.observing.checks import Check
from fedsecure.demo.observing.observation import Observation, encode_observation
from fedsecure.report.page import build_page
from fedsecure.report.summary import summarise


def write_report(folder: Path, observation: Observation, checks: Sequence[Check]) -> dict[str, Any]:
    """Write `report.html`, `summary.json` and `observation.json`; returns the summary. Files of an older run are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    summary = summarise(observation, checks)
    (folder / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(summary)) + b"\n")
    (folder / "observation.json").write_bytes(encode_observation(observation))
    (folder / "report.html").write_text(build_page(observation, summary, checks), encoding="utf-8")
    return summary
