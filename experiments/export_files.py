"""The files of an export: models, the manifest that says how to run them, and what was measured."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import msgspec
import onnxruntime

from detectors.preprocessing import HIGHEST, LOWEST, SCALE_FLOOR, WINDOW_MIN, Z_CLIP
from detectors.weight_layout import CHANNELS, INPUTS, REACH_Z
from experiments.export_graphs import INPUT, OPSET, OUTPUT
from experiments.export_results import ExportResults, Row
from experiments.export_summary import tables_of

FORMAT: Final = "fedsecure-export-1"


def files_of(results: ExportResults, document: Mapping[str, Any]) -> dict[str, bytes]:
    """Return every file of the export by name: the models, manifest.json, results.json (the document) and its tables."""
    return {
        **{row.model.file_name(row.precision): row.content for row in results.rows},
        "manifest.json": _json(manifest_of(results)),
        "results.json": _json(document),
        **{name: text.encode() for name, text in tables_of(document).items()},
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


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value)) + b"\n"
