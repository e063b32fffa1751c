"""The privacy study as data: what results.json holds of it, and one CSV a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from experiments.privacy.results import attack_rows, cost_rows
from experiments.privacy.study import PrivacyStudy
from experiments.report.numbers import plain
from experiments.report.tables import csv_text
from fl_device.training.privacy import DELTA

CHANNELS = ("heart_rate", "resp_rate")


def privacy_document(study: PrivacyStudy) -> dict[str, Any]:
    """Return plan and rows; errors in bpm and breaths/min, epsilon None where nothing is promised."""
    return {
        "plan": asdict(study.plan),
        "delta": DELTA,
        "attacks": [_flat(asdict(row)) for row in attack_rows(study)],
        "costs": [_flat(asdict(row)) for row in cost_rows(study)],
    }


def privacy_tables(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the CSV files by their names."""
    return {f"privacy_{name}.csv": csv_text(document[name]) for name in ("attacks", "costs")}


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= {f"{name}_{part}": plain(one) for part, one in value.items()}
        elif isinstance(value, Sequence) and not isinstance(value, str):
            flat |= {f"{name}_{channel}": plain(one) for channel, one in zip(CHANNELS, value, strict=True)}
        else:
            flat[name] = plain(value)
    return flat
