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
from experiments.report.tables import Table, csv_text, table_markdown

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
        "files": {one.name: _entry(one) for one in results.files},
    }  # fmt: skip


def document_of(results: ExportResults, command: str) -> dict[str, Any]:
    """Return what results.json holds."""
    files = [
        {
            "name": one.name,
            **_entry(one),
            "latency": {str(batch): asdict(taken) for batch, taken in one.latency.items()},
            "fidelity": asdict(one.fidelity),
        }
        for one in results.files
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
    table = table_of(document)
    return {"results.csv": csv_text(table), "results.md": _markdown(table)}


def table_of(document: Document) -> list[dict[str, str]]:
    """Return the one table, a row a file; in brackets the middle 90 % of the calls."""
    return [
        {
            "file": one["precision"],
            "kB": f"{one['size'] / 1000:.0f}",
            **{
                f"µs a window, {batch} a call": f"{t['median_us']:.0f} ({t['low_us']:.0f}–{t['high_us']:.0f})"
                for batch, t in one["latency"].items()
            },
            **{name: f"{one['fidelity'][key]:.1g}" for name, key in COLUMNS.items()},
        }
        for one in document["files"]
    ]


def _markdown(rows: list[dict[str, str]]) -> str:
    return table_markdown(Table(tuple(rows[0]), tuple(tuple(row.values()) for row in rows))) + "\n"


COLUMNS: Final = {
    "score, largest difference": "score_largest",
    "score, mean difference": "score_mean",
    "log mean square, largest": "log_square_largest",
    "log mean square, mean": "log_square_mean",
    "the same in its own sd": "log_square_in_sd",
}


def loss_sentence(document: Document) -> str:
    """Return in words how far both files are from the detector's own network."""
    before, after = (one["fidelity"] for one in document["files"])
    return (
        f"Over {document['blocks']:,} blocks of 15 minutes on {sum(document['plan']['devices'])} simulated devices float32 moves a normal "
        f"score by {before['score_largest']:.1g} at most, int8 by {after['score_mean']:.1g} on average ({after['score_largest']:.1g} at most); "
        f"the log mean square of a block, which the detector's statistics rest on, moves by {after['log_square_mean']:.1g} in int8, "
        f"{after['log_square_in_sd']:.1g} of its standard deviation over the device's own blocks."
    )


def export_block(document: Document) -> str:
    """Return what docs/export.md holds: from where, the table, and what int8 changes."""
    tenths, whole = document["plan"]["devices"]
    calls = {one["calls"] for file in document["files"] for one in file["latency"].values()}
    made = (
        f"`{document['command']}`, bundle `{document['bundle_sha256'][:12]}`: {tenths} simulated devices in tenths and {whole} in whole "
        f"numbers, {document['plan']['days']} days each, the first of them enrolment; {min(calls)} timed calls a file and size of call. "
        f"{document['machine']}."
    )
    return "\n".join([made, "", _markdown(table_of(document)), loss_sentence(document)])


def _entry(one: ExportedFile) -> dict[str, Any]:
    digest = hashlib.sha256(one.content).hexdigest()
    return {"sha256": digest, "size": len(one.content), "precision": one.precision}
