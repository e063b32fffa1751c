"""A cohort report as data: one JSON document, and one CSV row a recording."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from experiments.cohort_catalogue import HOURLY, MINUTE
from experiments.cohort_measure import Measured, Table
from experiments.cohort_membership import Membership
from experiments.cohort_report import SHOWN_QUANTILES, CohortReport, Comparison
from experiments.cohort_words import findings
from replay.recording import Recording

SCHEMA_VERSION: Final = 1
_QUANTILE_NAMES: Final = tuple(f"p{100 * share:.0f}" for share in SHOWN_QUANTILES)


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
    names = list(dict.fromkeys(statistic.name for statistic in (*MINUTE, *HOURLY)))
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(("group", "scale", "side", "device_id", "origin", "minutes", "resolution_bpm", *names))
    for measured in report.measured:
        writer.writerows(_rows(measured, "real", measured.group.recordings, measured.real_table, names))
        writer.writerows(_rows(measured, "synthetic", measured.synthetic, measured.synthetic_table, names))
    return sink.getvalue()


def _rows(
    measured: Measured, side: str, recordings: Sequence[Recording], table: Table, names: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    for at, one in enumerate(recordings):
        values = (table[name][at] if name in table else math.nan for name in names)
        yield (
            measured.group.name,
            measured.group.scale,
            side,
            one.device_id,
            one.origin,
            str(one.minutes),
            one.grid_text,
            *("" if math.isnan(value) else f"{value:.5g}" for value in values),
        )


def _group(measured: Measured, comparisons: Sequence[Comparison]) -> dict[str, Any]:
    return {
        "name": measured.group.name,
        "scale": measured.group.scale,
        "real_recordings": len(measured.group.recordings),
        "left_out_as_too_short": measured.group.left_out,
        "synthetic_recordings": len(measured.synthetic),
        "statistics": [_comparison(one) for one in comparisons],
    }


def _comparison(one: Comparison) -> dict[str, Any]:
    apart = one.distance
    return {
        **_named(one.statistic.name, one.statistic.label, one.statistic.unit),
        "n_real": one.n_real,
        "n_synthetic": one.n_synthetic,
        "real": _quantiles(one.real_quantiles),
        "synthetic": _quantiles(one.synthetic_quantiles),
        "ks": _short(apart.ks),
        "ks_interval": [_short(edge) for edge in apart.ks_interval],
        "ks_by_chance": _short(apart.ks_by_chance),
        "wasserstein": _short(apart.wasserstein),
        "wasserstein_interval": [_short(edge) for edge in apart.wasserstein_interval],
        "size": apart.size,
    }


def _member(member: Membership) -> dict[str, Any]:
    return {
        "device_id": member.device_id,
        "minutes": member.minutes,
        "outside": [place.statistic.name for place in member.outside],
        "outside_expected": member.outside_expected,
        "members_as_far_out": _short(member.members_as_far_out),
        "statistics": [
            {
                **_named(place.statistic.name, place.statistic.label, place.statistic.unit),
                "value": _short(place.value),
                "n_synthetic": place.n_synthetic,
                "synthetic": {"p2.5": _short(place.low), "p50": _short(place.median), "p97.5": _short(place.high)},
                "percentile": _short(place.percentile),
            }
            for place in member.places
        ],
    }


def _named(name: str, label: str, unit: str) -> dict[str, str]:
    return {"name": name, "label": label, "unit": unit}


def _quantiles(values: Sequence[float]) -> Mapping[str, float]:
    return {name: _short(value) for name, value in zip(_QUANTILE_NAMES, values, strict=True)}


def _short(value: float) -> float:
    """Four significant digits are more than the patients are good for."""
    return float(f"{value:.4g}")
