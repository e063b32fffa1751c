"""The files of an export: models, the manifest that says how to run them, and one table in three formats."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import msgspec
import onnxruntime

from detectors.preprocessing import HIGHEST, LOWEST, SCALE_FLOOR, WINDOW_MIN, Z_CLIP
from detectors.weight_layout import CHANNELS, INPUTS, REACH_Z
from experiments.export_graphs import INPUT, OPSET, OUTPUT
from experiments.export_results import ExportResults, Row
from experiments.federation_files import csv_text

FORMAT: Final = "fedsecure-export-1"


def files_of(results: ExportResults, command: str) -> dict[str, bytes]:
    """Return every file of the export by name: the models, manifest.json, results.json, results.csv and results.md."""
    table = table_of(results)
    return {
        **{row.model.file_name(row.precision): row.content for row in results.rows},
        "manifest.json": _json(manifest_of(results)),
        "results.json": _json(document_of(results, command)),
        "results.csv": csv_text(table).encode(),
        "results.md": _markdown(table).encode(),
    }


def manifest_of(results: ExportResults) -> dict[str, Any]:
    """Return what a device needs to know to run the files, and their sha256."""
    return {
        "format": FORMAT,
        "bundle_sha256": results.bundle_sha256,
        "runtime": {"name": "onnxruntime", "measured_with": onnxruntime.__version__, "opset": OPSET},
        "input": {
            "name": INPUT, "type": "float32", "shape": ["batch", WINDOW_MIN, INPUTS],
            "columns": ["heart rate, scaled", "respiratory rate, scaled", "sine of the time of day", "cosine of the time of day",
                        "sine of the time of week", "cosine of the time of week"],
            "time": "a minute a row, oldest first; UTC; a week begins on Monday at 00:00",
        },
        "output": {
            "name": OUTPUT, "type": "float32", "shape": ["batch", WINDOW_MIN, CHANNELS],
            "columns": ["heart rate, scaled", "respiratory rate, scaled"], "largest": REACH_Z,
        },
        "scaling": {
            "scaled": "(value - median) / scale, limited to +-clip",
            "median": "of the device's first day of valid minutes",
            "scale": "of the same minutes: the larger of floor and (1.48 median absolute deviation + standard deviation) / 2",
            "floor": dict(zip(("heart_rate_bpm", "resp_rate_bpm"), SCALE_FLOOR, strict=True)),
            "clip": Z_CLIP,
            "valid_heart_rate_bpm": [LOWEST[0], HIGHEST[0]],
            "valid_resp_rate_bpm": [LOWEST[1], HIGHEST[1]],
        },
        "score": "mean square of (scaled - rebuilt) over the window; higher is more anomalous",
        "files": {row.model.file_name(row.precision): _entry(row) for row in results.rows},
    }  # fmt: skip


def _entry(row: Row) -> dict[str, Any]:
    weights = "the bundle's" if row.detection else "trained for this export, as the bundle's were"
    digest = hashlib.sha256(row.content).hexdigest()
    return {
        "sha256": digest, "size": len(row.content), "model": row.model.name, "units": row.model.units,
        "precision": row.precision, "weights": weights,
    }  # fmt: skip


def document_of(results: ExportResults, command: str) -> dict[str, Any]:
    """Return what results.json holds."""
    clean = next(row.detection.clean for row in results.rows if row.detection)
    return {
        "format": FORMAT,
        "command": command,
        "bundle_sha256": results.bundle_sha256,
        "machine": results.machine,
        "plan": asdict(results.plan),
        "windows": {"attacked": sum(map(len, results.windows.attacked)), "clean": sum(map(len, results.windows.clean))},
        "devices": {"attacked": sum(results.plan.attacked), "clean": clean.devices, "clean_weeks": clean.device_weeks},
        "int8_minus_float32": asdict(results.loss),
        "files": [
            _entry(row)
            | {
                "name": row.model.file_name(row.precision),
                "latency": {str(batch): asdict(one) for batch, one in row.latency.items()},
                "fidelity": asdict(row.fidelity),
                "detection": asdict(row.detection) if row.detection else None,
            }
            for row in results.rows
        ],
    }


def table_of(results: ExportResults, *, brief: bool = False) -> list[dict[str, str]]:
    """Return the one table, a row a file; every interval beside its value: 90 % of the calls for a latency, else 95 %.

    `brief` leaves out a decimal, for a terminal.
    """
    return [_cells(row, brief=brief) for row in results.rows]


def _cells(row: Row, *, brief: bool) -> dict[str, str]:
    one, far = row.detection, row.fidelity
    auc_form, share_form = ("{:.2f}", "{:.0f}") if brief else ("{:.3f}", "{:.1f}")
    cells = {
        "model": f"{row.model.name.replace('_', ' ')} {row.model.units}",
        "precision": row.precision,
        "kB": f"{len(row.content) / 1000:.0f}",
    }
    for batch, took in row.latency.items():
        cells[f"µs a window, {batch} a call"] = _with_interval(took.median_us, took.low_us, took.high_us, "{:.0f}")
    cells |= {
        "largest difference": f"{far.largest:.0e}" if far.largest < 1e-3 else f"{far.largest:.2f}",
        "mean difference": f"{far.mean:.0e}" if far.mean < 1e-4 else f"{far.mean:.4f}",
        "AUC, error alone": _with_interval(far.auc.value, far.auc.low, far.auc.high, auc_form),
    }
    if one is None:
        return cells | {"% found in 4 h": "-", "false exclusions a week": "-"}
    found, false = one.found, one.clean.per_device_week
    return cells | {
        "% found in 4 h": _with_interval(100 * found.value, 100 * found.low, 100 * found.high, share_form),
        "false exclusions a week": _with_interval(false.value, false.low, false.high, "{:.2f}"),
    }


def _with_interval(value: float, low: float, high: float, form: str) -> str:
    return f"{form.format(value)} ({form.format(low)}–{form.format(high)})"


def _markdown(table: Sequence[Mapping[str, str]]) -> str:
    lines = [list(table[0]), ["---"] * len(table[0]), *(list(row.values()) for row in table)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value)) + b"\n"
