"""The export's study on two patients a cohort: files with their hashes, a row each, and nothing measured on known patients."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from random_bundle import random_bundle
from rich.console import Console

from contracts.errors import Misconfigured
from detectors.bundle import DEFAULT_BUNDLE, load_bundle
from detectors.scoring.runtime import Reconstructor
from detectors.training.trace_jobs import Means
from detectors.training.workfolder import WorkFolder
from detectors.weight_layout import autoencoder_shapes, blind_spot_shapes
from experiments.export_detection import loss_of, patients_of, seen_by_precision
from experiments.export_files import document_of, files_of
from experiments.export_graphs import PRECISIONS, float32_model
from experiments.export_models import WIDE_UNITS, ExportPlan, WideTask, exported_models, fit_wide
from experiments.export_results import run_export
from experiments.export_summary import loss_sentence
from experiments.grid_traces import Workbench
from fedsecure.commands.evaluate import learner_of
from fedsecure.export_table import export_table

CASES = (("motif", "strong"), ("stuck-at", "strong"))
PLAN = ExportPlan(
    cases=CASES, attacked=(1, 1), clean=(1, 1), clean_days=2, timed_rounds=1, timed_calls=3, draws=20, wide=False
)
EFFORT = {
    "autoencoder_patients": 2, "autoencoder_epochs": 1, "attacked_patients": 1, "distortions_per_patient": 2,
    "network_epochs": 1, "clean_stride": 12, "canary_windows": 8, "processes": 1,
}  # fmt: skip
CARD = {
    "seed": 3, "effort": EFFORT, "data": {name: {"patients": 2, "days": 2} for name in ("reference", "calibration", "test")},
}  # fmt: skip
BUNDLE = replace(load_bundle(DEFAULT_BUNDLE), metadata=CARD)


class InThisProcess:
    """A pool's `map` without processes; its autoencoders are wrong on purpose: exported models must stand in for them."""

    def __init__(self) -> None:
        made = random_bundle(1)
        self.reconstructor = Reconstructor(made.autoencoder, made.blind_spot, (256,))

    def map(self, job, tasks):
        return (job(self.reconstructor, task) for task in tasks)


def workbench(folder: Path) -> Workbench:
    known = BUNDLE.knowledge
    means = Means(known.expectations, known.population)
    return Workbench(WorkFolder(folder, "key"), InThisProcess(), means, lambda stage, share, text: None)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    return run_export(BUNDLE, learner_of(BUNDLE, 1), PLAN, workbench(folder))


@pytest.fixture(scope="module")
def document(results):
    return document_of(results, "fedsecure export --out DIR")


@pytest.fixture(scope="module")
def files(results, document):
    return files_of(results, document)


def test_the_manifest_describes_the_models_that_lie_beside_it(files):
    entries = json.loads(files["manifest.json"])["files"]
    assert set(entries) == {name for name in files if name.endswith(".onnx")}
    for name, entry in entries.items():
        assert entry["sha256"] == hashlib.sha256(files[name]).hexdigest()
        assert entry["size"] == len(files[name])


def test_the_table_has_a_row_for_every_model_and_precision(files):
    rows = list(csv.DictReader(io.StringIO(files["results.csv"].decode())))
    assert [(row["model"], row["precision"]) for row in rows] == [
        ("bottleneck 32", "float32"), ("bottleneck 32", "int8"), ("blind spot 32", "float32"), ("blind spot 32", "int8"),
    ]  # fmt: skip
    assert len(files["results.md"].decode().splitlines()) == 2 + len(rows)


def test_float32_is_ours_and_int8_is_near(results):
    for row in results.rows:
        assert row.fidelity.largest < {"float32": 1e-4, "int8": 1.0}[row.precision]


def test_a_strong_attack_is_found_with_exported_models_and_both_precisions_meet_the_same_devices(results):
    for row in results.rows:
        assert row.detection.found.n == len(CASES) * sum(PLAN.attacked)
        assert row.detection.found.value > 0.5
        assert row.detection.clean.devices == sum(PLAN.clean)
    assert results.loss.found.n == len(CASES) * sum(PLAN.attacked)


@pytest.fixture(scope="module")
def seen_with_another_int8(tmp_path_factory):
    """By precision what the detector saw: motifs only, and random weights in the place of int8."""
    plan, learner, bench = (
        replace(PLAN, cases=CASES[:1]),
        learner_of(BUNDLE, 1),
        workbench(tmp_path_factory.mktemp("other")),
    )
    patients, other = patients_of(plan, learner.cohorts), random_bundle(1)
    weights = {"bottleneck": other.autoencoder, "blind_spot": other.blind_spot}
    models = [
        replace(one, onnx={**one.onnx, "int8": float32_model(one.name, weights[one.name])})
        for one in exported_models(BUNDLE, learner, plan, bench)
    ]
    return seen_by_precision(BUNDLE, models, patients, plan, bench)


def test_models_that_say_something_else_change_the_detectors_scores(results, seen_with_another_int8):
    """The detector must run on the models given to it, or no loss would ever be seen."""
    seen = seen_with_another_int8
    assert loss_of(seen["float32"], seen["int8"], PLAN).score_change > 3 * results.loss.score_change > 0
    same = loss_of(seen["float32"], seen["float32"], PLAN)
    assert (same.score_change, same.clean_decisions_changed, same.found.value) == (0, 0, 0)
    assert same.judged_otherwise.value == 0 < same.judged_otherwise.high


def test_an_attack_counts_for_the_loss_only_where_neither_had_excluded_the_device_before(seen_with_another_int8):
    before = seen_with_another_int8["float32"]
    first, second = (replace(one, delay_min=30.0) for one in before.attacked)
    before = replace(before, attacked=(first, second))
    missed = replace(before, attacked=(replace(first, delay_min=np.inf), second))
    loss = loss_of(before, missed, PLAN)
    assert (loss.found.value, loss.found.n, loss.judged_otherwise.value) == (-0.5, 2, 0.5)
    excluded = replace(before, attacked=(replace(first, delay_min=np.nan), second))
    for loss in (loss_of(before, excluded, PLAN), loss_of(excluded, before, PLAN)):
        assert (loss.found.value, loss.found.n, loss.judged_otherwise.value) == (0, 1, 0)


def test_the_terminals_table_fits_80_columns(document):
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(export_table(document))
    text = console.export_text()
    assert "…" not in text
    assert "bottleneck 32" in text
    assert "points of strong attacks found in 4 h" in loss_sentence(document)


def test_a_patient_who_was_learnt_from_is_refused():
    cohorts = learner_of(BUNDLE, 1).cohorts
    ours = patients_of(PLAN, cohorts).clean[True][0]
    known = replace(cohorts, test=[type(cohorts.test[0])(ours, np.zeros(ours.minutes, np.bool_))])
    with pytest.raises(Misconfigured, match="choose another --seed"):
        patients_of(PLAN, known)


def test_a_wide_autoencoder_is_trained_as_the_bundles_was_and_kept(tmp_path):
    learner, work = learner_of(BUNDLE, 1), WorkFolder(tmp_path, "key")
    task = WideTask("blind_spot", learner.cohorts.reference, 1, 3, work)
    weights = fit_wide(None, task)
    assert {name: array.shape for name, array in weights.items()} == blind_spot_shapes(WIDE_UNITS)
    again = fit_wide(None, replace(task, reference=()))  # nobody to learn from: it must be found
    assert all(np.array_equal(again[name], array) for name, array in weights.items())


def test_wide_models_found_finished_are_exported_beside_the_bundles(tmp_path):
    rng, bench, heard = np.random.default_rng(2), workbench(tmp_path), []
    for name, shapes in (("bottleneck", autoencoder_shapes), ("blind_spot", blind_spot_shapes)):
        weights = {key: rng.normal(0, 0.3, shape).astype(np.float32) for key, shape in shapes(WIDE_UNITS).items()}
        bench.work.stage(f"{name}-{WIDE_UNITS}", lambda weights=weights: weights)
    bench = replace(bench, progress=lambda stage, share, text: heard.append((stage, share)))
    models = exported_models(BUNDLE, learner_of(BUNDLE, 1), replace(PLAN, wide=True), bench)
    assert [(one.name, one.units) for one in models] == [
        ("bottleneck", 32), ("blind_spot", 32), ("bottleneck", 64), ("blind_spot", 64),
    ]  # fmt: skip
    assert len({one.onnx[precision] for one in models for precision in PRECISIONS}) == 8
    assert heard[-1] == ("64 units", 1.0)
