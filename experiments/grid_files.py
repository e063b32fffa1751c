"""An evaluation as data: results.json, and one CSV a table."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from experiments.grid_cells import Cell, share_within
from experiments.grid_clean import FalseExclusions, excluded_episodes, fleet_of_rulings
from experiments.grid_goals import Goal, goals
from experiments.grid_intervals import Estimate
from experiments.grid_protocol import CORE, LEVELS, WITHIN_H
from experiments.grid_pulse import within_an_hour
from experiments.grid_results import OnReal, Results
from experiments.grid_rulings import Rulings

SCHEMA_VERSION: Final = 1
Row = dict[str, Any]


def results_document(results: Results, command: str) -> dict[str, Any]:
    """Return what `results.json` holds; shares are 0..1, times minutes, null stands for not measured or never."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "bundle_sha256": results.bundle_sha256,
        "threshold": _short(results.headline.judge.threshold),
        "trained_with": dict(results.trained_with),
        "protocol": asdict(results.protocol),
        "goals": [_goal(one) for one in goals(results)],
        "cells": [_cell(one) for one in (*results.cells, *results.other_cells)],
        "false_exclusions": [_fleet(one) for one in _fleets(results)],
        "deterioration": {name: _estimate(one) for name, one in excluded_episodes(results.episodes).items()},
        "pulse": list(pulse_rows(results)),
        "leave_one_out": list(_detectors(results, results.judged.lofo)),
        "never_learnt": list(results.judged.never_learnt),
        "ablations": list(_detectors(results, results.judged.ablations)),
        "baselines": list(_detectors(results, results.judged.baselines)),
        "training_seeds": list(_detectors(results, results.judged.seeds)),
        "real": _real(results.real),
        "own": None if results.own is None else _real(results.own),
    }


def tables(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the CSV files of a document by their names."""
    simple = {
        "goals.csv": document["goals"],
        "grid.csv": document["cells"],
        "false_exclusions.csv": document["false_exclusions"],
        "deterioration.csv": [{"kind": name, "excluded": one} for name, one in document["deterioration"].items()],
        "pulse.csv": document["pulse"],
        "detectors.csv": [
            {"group": group, **row}
            for group in ("leave_one_out", "ablations", "baselines", "training_seeds")
            for row in document[group]
        ],
    }
    for whose in ("real", "own"):
        for part in ("clean", "attacked", "planned") if document[whose] else ():
            simple[f"{whose}_{part}.csv"] = document[whose][part]
    return {name: _csv(rows) for name, rows in simple.items() if rows}


def detector_rows(results: Results, rulings: Rulings) -> Iterator[Row]:
    """Yield a row a level of the core (on tenths): shares within 2, 4 and 12 h, and the detector's false exclusions there."""
    clean = fleet_of_rulings("tenths", results.protocol.enrolment_min, rulings, tenths=True)
    for level in LEVELS:
        delays = rulings.delays_of(results.cases, [(name, level) for name in CORE])
        if len(delays):
            within = {f"within_{hours}_h": _estimate(share_within(delays, hours)) for hours in WITHIN_H}
            yield {"attacks": "core", "level": level, **within, "false_exclusions": _estimate(clean.per_device_week)}


def pulse_rows(results: Results) -> Iterator[Row]:
    """Yield a row a case: shares excluded within an hour of the gap, by any vote and by the pulse vote."""
    for case in dict.fromkeys(one.case for one in results.pulse):
        for monitor, tenths in (("tenths", True), ("whole", False)):
            outcomes = [one for one in results.pulse if one.case == case and one.tenths == tenths]
            if outcomes:
                yield {
                    "attack": case[0], "level": case[1], "monitor": monitor,
                    "within_60_min": _estimate(within_an_hour(outcomes)),
                    "within_60_min_by_pulse": _estimate(within_an_hour(outcomes, pulse_alone=True)),
                }  # fmt: skip


def _detectors(results: Results, group: Mapping[str, Rulings]) -> Iterator[Row]:
    for name, rulings in group.items():
        families = dict.fromkeys(results.cases[place] for place in sorted(set(rulings.case.tolist())))
        yield from ({"detector": name, **row} for row in detector_rows(results, rulings))
        clean = fleet_of_rulings("tenths", results.protocol.enrolment_min, rulings, tenths=True)
        for case in families:
            delays = rulings.delays_of(results.cases, [case])
            within = {f"within_{hours}_h": _estimate(share_within(delays, hours)) for hours in WITHIN_H}
            yield {
                "detector": name, "attacks": case[0], "level": case[1], **within, "false_exclusions": _estimate(clean.per_device_week)
            }  # fmt: skip


def _fleets(results: Results) -> tuple[FalseExclusions, ...]:
    return results.clean if results.fresh is None else (*results.clean, results.fresh)


def _goal(one: Goal) -> Row:
    return {
        "name": one.name, "value": _short(one.value), "interval": [_short(edge) for edge in one.interval], "n": _short(one.n),
        "goal": one.goal, "direction": one.direction, "unit": one.unit, "met": one.met, "note": one.note,
    }  # fmt: skip


def _cell(one: Cell) -> Row:
    return {
        "attack": one.attack, "level": one.level, "core": one.attack in CORE, "monitor": one.monitor,
        "enrolment_min": one.enrolment_min, "devices": one.devices, "excluded_before": one.excluded_before,
        **{f"within_{hours}_h": _estimate(share) for hours, share in one.within.items()},
        "median_min": _estimate(one.median_min), "auc": _estimate(one.auc),
        "found_by": {kind: _short(share) for kind, share in one.found_by.items()},
    }  # fmt: skip


def _fleet(one: FalseExclusions) -> Row:
    return asdict(one) | {
        "device_weeks": _short(one.device_weeks),
        "per_device_week": _estimate(one.per_device_week),
        "devices_with_any": _estimate(one.devices_with_any),
    }


def _real(one: OnReal) -> dict[str, list[Row]]:
    return {
        "clean": [asdict(row) | {"excluded_share": _short(row.excluded_share)} for row in one.clean],
        "attacked": [asdict(row) | {"delay_min": _short(row.delay_min)} for row in one.attacked],
        "planned": [asdict(row) | {"delay_min": _short(row.delay_min)} for row in one.planned],
    }


def _estimate(one: Estimate) -> dict[str, float | None]:
    return {name: _short(value) for name, value in asdict(one).items()}


def _short(value: float) -> float | None:
    """Four significant digits; None for what is not measured or never happens."""
    return float(f"{value:.4g}") if math.isfinite(value) else None


def _csv(rows: Sequence[Row]) -> str:
    flat = [dict(_flattened(row)) for row in rows]
    sink = io.StringIO()
    names = list(dict.fromkeys(name for row in flat for name in row))
    writer = csv.DictWriter(sink, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return sink.getvalue()


def _flattened(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            for key, inner in value.items():
                yield (name if key == "value" else f"{name}_{key}"), "" if inner is None else inner
        elif isinstance(value, list):
            yield from ((f"{name}_{edge}", inner) for edge, inner in zip(("low", "high"), value, strict=True))
        else:
            yield name, "" if value is None else value
