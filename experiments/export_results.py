"""The whole export: models, what each costs and what it loses."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import onnxruntime

from detectors.bundle import Bundle
from detectors.training.trainer import Learner
from detectors.weight_layout import UNITS
from experiments.export_detection import STAGE as DETECTION
from experiments.export_detection import Detection, Loss, detection_of, loss_of, patients_of, seen_by_precision
from experiments.export_graphs import PRECISIONS
from experiments.export_measure import BATCHES, Fidelity, HeldOut, Latency, fidelity, held_out, latencies
from experiments.export_models import WIDE_STAGE, ExportedModel, ExportPlan, exported_models
from experiments.grid_traces import Workbench

FIDELITY: Final = "error alone"
LATENCY: Final = "latency"


@dataclass(frozen=True, slots=True)
class Row:
    """One file: what it is, costs and loses; `detection` is of both shipped autoencoders in its precision, None of 64 units."""

    model: ExportedModel
    precision: str
    latency: Mapping[int, Latency]
    fidelity: Fidelity
    detection: Detection | None

    @property
    def content(self) -> bytes:
        """The file's bytes."""
        return self.model.onnx[self.precision]


@dataclass(frozen=True, slots=True)
class ExportResults:
    """All rows, what int8 loses in detection, and on what it was measured."""

    rows: tuple[Row, ...]
    loss: Loss
    plan: ExportPlan
    windows: HeldOut
    bundle_sha256: str
    machine: str


def stage_names(plan: ExportPlan) -> list[str]:
    """Return the stages in their order."""
    return [*([WIDE_STAGE] if plan.wide else []), DETECTION, FIDELITY, LATENCY]


def run_export(bundle: Bundle, learner: Learner, plan: ExportPlan, bench: Workbench) -> ExportResults:
    """Export and measure; blocks for minutes. Raises Misconfigured when a patient was learnt from."""
    patients = patients_of(plan, learner.cohorts)
    models = exported_models(bundle, learner, plan, bench)
    seen = seen_by_precision(bundle, models, patients, plan, bench)
    windows = held_out(patients, seen[PRECISIONS[0]].attacked)
    faithful = {}
    for done, model in enumerate(models, 1):
        faithful[model.name, model.units] = fidelity(model, windows, plan)
        bench.progress(FIDELITY, done / len(models), f"{windows.count()} windows rebuilt by {done} models")
    taken = latencies(models, windows.clean[0], plan)
    bench.progress(LATENCY, 1.0, f"{len(taken) // len(BATCHES)} files timed")
    detections = {precision: detection_of(precision, one, plan) for precision, one in seen.items()}
    rows = [
        Row(
            model,
            precision,
            {batch: taken[model.name, model.units, precision, batch] for batch in BATCHES},
            faithful[model.name, model.units][precision],
            detections[precision] if model.units == UNITS else None,
        )
        for model in models
        for precision in PRECISIONS
    ]
    before, after = (seen[precision] for precision in PRECISIONS)
    loss = loss_of(before, after, plan)
    return ExportResults(tuple(rows), loss, plan, windows, bundle.sha256, _machine())


def _machine() -> str:
    """The processor's name, its cores, and the versions that decide the speed."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = (line.partition(":") for line in cpuinfo.read_text(encoding="utf-8").splitlines())
        name = next((value.strip() for key, _, value in lines if key.strip() == "model name"), name)
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}, ONNX Runtime {onnxruntime.__version__}"
