"""The files of an export: models, the manifest that says how to run them, what was measured, and that in words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import onnxruntime

from detectors.minutes.cleaning import HIGHEST, LOWEST
from detectors.minutes.windows import STEP_MIN, WINDOW_MIN, Z_CLIP
from detectors.network.layout import CHANNELS, CONTEXT_SIZE, EMITTED
from experiments.export.graph import INPUTS, OPSET, OUTPUT
from experiments.export.measure import ExportedFile, ExportResults
from experiments.report.numbers import plain
from experiments.report.page import said
from experiments.report.tables import csv_text, table_markdown, table_of

FORMAT: Final = "fedsecure-export-2"
Document = Mapping[str, Any]
SAID: Final = {
    "z": "scaled values, a minute a row, oldest first: (value - median) / scale, limited to +-clip",
    "weight": "1 where a value was measured, 0 where it was filled in or stands beside a cut",
    "context": "what the enrolment says of the device (FedSecure's profile holds it)",
    "half_cell": "half a step of the monitor's grid in scaled units",
}


def manifest_of(results: ExportResults) -> dict[str, Any]:
    """Return what a device needs to know to run the files, and their sha256."""
    return {
        "format": FORMAT,
        "bundle_sha256": results.bundle_sha256,
        "runtime": {"name": "onnxruntime", "measured_with": onnxruntime.__version__, "opset": OPSET},
        "inputs": {
            name: {"type": "float32", "shape": ["batch", *shape], "is": SAID[name]} for name, shape in INPUTS.items()
        },
        "channels": ["heart rate", "respiratory rate"],
        "output": {
            "name": OUTPUT, "type": "float32", "shape": ["batch", len(EMITTED), CHANNELS],
            "minutes": [EMITTED.start, EMITTED.stop - 1],
            "is": "probability below the middle of the value's grid cell; its normal quantile is the normal score",
        },
        "window_min": WINDOW_MIN,
        "every_min": STEP_MIN,
        "context_numbers": CONTEXT_SIZE,
        "clip": Z_CLIP,
        "valid_heart_rate_bpm": [LOWEST[0], HIGHEST[0]],
        "valid_resp_rate_bpm": [LOWEST[1], HIGHEST[1]],
        "files": {file.name: _entry(file) for file in results.files},
    }  # fmt: skip


def document_of(results: ExportResults, command: str) -> dict[str, Any]:
    """Return what results.json holds."""
    files = [
        {
            "name": file.name,
            **_entry(file),
            "latency": {str(batch): asdict(taken) for batch, taken in file.latency.items()},
            "fidelity": asdict(file.fidelity),
        }
        for file in results.files
    ]
    document: dict[str, Any] = plain(
        {
            "format": FORMAT,
            "command": command,
            "bundle_sha256": results.bundle_sha256,
            "machine": results.machine,
            "plan": asdict(results.plan),
            "blocks": results.blocks,
            "files": files,
        }
    )
    return document


def tables_of(document: Document) -> dict[str, str]:
    """Return results.csv and results.md: the one table."""
    rows = rows_of(document)
    return {"results.csv": csv_text(rows), "results.md": table_markdown(table_of(rows)) + "\n"}


def rows_of(document: Document) -> list[dict[str, str]]:
    """Return the one table, a row a file. In brackets the middle 90 % of the calls."""
    return [
        {
            "file": file["precision"],
            "kB": f"{file['size'] / 1000:.0f}",
            **{
                f"µs a window, {batch} a call": f"{t['median_us']:.0f} ({t['low_us']:.0f}–{t['high_us']:.0f})"
                for batch, t in file["latency"].items()
            },
            **{name: f"{file['fidelity'][key]:.1g}" for name, key in COLUMNS.items()},
        }
        for file in document["files"]
    ]


COLUMNS: Final = {
    "score, largest difference": "score_largest",
    "score, mean difference": "score_mean",
    "log mean square, largest": "log_square_largest",
    "log mean square, mean": "log_square_mean",
    "the same in its own sd": "log_square_in_sd",
}


def loss_sentence(document: Document) -> str:
    """Return in words how far both files are from the detector's own network."""
    float32, int8 = (file["fidelity"] for file in document["files"])
    return said("experiments.export", "loss", float32=float32, int8=int8, **document)


def export_block(document: Document) -> str:
    """Return what docs/export.md holds: from where, the table, and what int8 changes."""
    calls = min(taken["calls"] for file in document["files"] for taken in file["latency"].values())
    made = said("experiments.export", "made", calls=calls, **document)
    return f"{made}\n\n{table_markdown(table_of(rows_of(document)))}\n\n{loss_sentence(document)}"


def _entry(file: ExportedFile) -> dict[str, Any]:
    digest = hashlib.sha256(file.content).hexdigest()
    return {"sha256": digest, "size": len(file.content), "precision": file.precision}
