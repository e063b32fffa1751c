"""A cohort report as data: one JSON document, and one CSV row a recording."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from experiments.cohort.comparison import SHOWN_QUANTILES, CohortReport, Comparison, Membership
from experiments.cohort.groups import Measured, Table
from experiments.cohort.page import build_page, findings
from experiments.cohort.statistics import HOURLY, MINUTE, Statistic
from experiments.report.numbers import json_bytes, plain, short
from experiments.report.tables import csv_text
from replay.recording import Recording

SCHEMA_VERSION: Final = 1
STATISTIC_NAMES: Final = tuple(dict.fromkeys(statistic.name for statistic in (*MINUTE, *HOURLY)))
_QUANTILE_NAMES: Final = tuple(f"p{100 * share:.0f}" for share in SHOWN_QUANTILES)


def report_files(report: CohortReport, command: str) -> dict[str, str | bytes]:
    """Return every file of the report by its name."""
    return {
        "cohort.json": json_bytes(report_document(report, command)),
        "cohort.csv": table_csv(report),
        "report.html": build_page(report, command),
    }


def report_document(report: CohortReport, command: str) -> dict[str, Any]:
    """Return what `cohort.json` holds: plan, findings in words, distances by group, places of single records."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "plan": asdict(report.plan),
        "findings": findings(report),
        "groups": [
            _group(measured, comparisons)
            for measured, comparisons in zip(report.measured, report.comparisons, strict=True)
        ],
        "members": [_member(member) for member in report.members],
    }


def table_csv(report: CohortReport) -> str:
    """Return a row a recording and group: who it is, and every statistic (empty: not measurable)."""
    return csv_text(
        [
            row
            for measured in report.measured
            for side, recordings, table in (
                ("real", measured.group.recordings, measured.real_table),
                ("synthetic", measured.synthetic, measured.synthetic_table),
            )
            for row in _rows(measured, side, recordings, table)
        ]
    )


def _rows(measured: Measured, side: str, recordings: Sequence[Recording], table: Table) -> Iterator[dict[str, Any]]:
    for at, recording in enumerate(recordings):
        values = {name: float(table[name][at]) if name in table else math.nan for name in STATISTIC_NAMES}
        yield {
            "group": measured.group.name,
            "scale": measured.group.scale,
            "side": side,
            "device_id": recording.device_id,
            "origin": recording.origin,
            "minutes": recording.minutes,
            "resolution_bpm": recording.grid_text,
            **{name: "" if math.isnan(value) else f"{value:.5g}" for name, value in values.items()},
        }


def _group(measured: Measured, comparisons: Sequence[Comparison]) -> dict[str, Any]:
    return {
        "name": measured.group.name,
        "scale": measured.group.scale,
        "real_recordings": len(measured.group.recordings),
        "left_out_as_too_short": measured.group.left_out,
        "synthetic_recordings": len(measured.synthetic),
        "statistics": [_comparison(row) for row in comparisons],
    }


def _comparison(row: Comparison) -> dict[str, Any]:
    return {
        **_named(row.statistic),
        "n_real": row.n_real,
        "n_synthetic": row.n_synthetic,
        "real": plain(dict(zip(_QUANTILE_NAMES, row.real_quantiles, strict=True))),
        "synthetic": plain(dict(zip(_QUANTILE_NAMES, row.synthetic_quantiles, strict=True))),
        **plain(asdict(row.distance)),
        "size": row.distance.size,
    }


def _member(member: Membership) -> dict[str, Any]:
    return {
        "device_id": member.device_id,
        "minutes": member.minutes,
        "outside": [place.statistic.name for place in member.outside],
        "outside_expected": member.outside_expected,
        "members_as_far_out": short(member.members_as_far_out),
        "statistics": [
            {
                **_named(place.statistic),
                "value": short(place.value),
                "n_synthetic": place.n_synthetic,
                "synthetic": plain({"p2.5": place.low, "p50": place.median, "p97.5": place.high}),
                "percentile": short(place.percentile),
            }
            for place in member.places
        ],
    }


def _named(statistic: Statistic) -> dict[str, str]:
    return {"name": statistic.name, "label": statistic.label, "unit": statistic.unit}
