"""The export's study on two devices: files with their hashes, a row each, and a file that does not agree is refused."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import replace

import numpy as np
import pytest
from plain_detector import plain_bundle
from rich.console import Console

from contracts.errors import Misconfigured
from experiments.export import measure as export_measure
from experiments.export.files import document_of, export_block, loss_sentence, manifest_of, tables_of
from experiments.export.graph import INPUTS, PRECISIONS, float32_model
from experiments.export.measure import ExportPlan, device_inputs, patients, run_export
from fedsecure.commands.export import export_table

PLAN = ExportPlan(devices=(1, 1), days=2, timed_rounds=1, timed_calls=3)
BUNDLE = plain_bundle(3)


@pytest.fixture(scope="module")
def results():
    return run_export(BUNDLE, PLAN, lambda stage, share, text: None)


@pytest.fixture(scope="module")
def document(results):
    return document_of(results, "fedsecure export --out DIR")


def test_the_manifest_describes_the_files(results):
    manifest = manifest_of(results)
    for one in results.files:
        assert manifest["files"][one.name]["sha256"] == hashlib.sha256(one.content).hexdigest()
        assert manifest["files"][one.name]["size"] == len(one.content)
    assert {name: tuple(one["shape"][1:]) for name, one in manifest["inputs"].items()} == INPUTS


def test_float32_moves_nothing_and_int8_a_little(results):
    float32, int8 = (one.fidelity for one in results.files)
    assert float32.probability_largest < export_measure.AGREES
    assert float32.log_square_mean < 1e-3 < int8.log_square_mean < 0.3
    assert 0 < int8.score_mean < int8.score_largest


def test_the_table_has_a_row_for_every_file(document):
    tables = tables_of(document)
    rows = list(csv.DictReader(io.StringIO(tables["results.csv"])))
    assert [row["file"] for row in rows] == list(PRECISIONS)
    assert len(tables["results.md"].splitlines()) == 2 + len(rows)
    assert loss_sentence(document) in export_block(document)


def test_the_terminals_table_fits_80_columns(document):
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(export_table(document))
    text = console.export_text()
    assert "…" not in text
    assert "int8" in text


def test_a_day_of_enrolment_is_not_judged_and_devices_are_on_both_grids():
    tenths, whole = (device_inputs(one) for one in patients(PLAN))
    for inputs, grid_bpm in ((tenths, 0.1), (whole, 1.0)):
        assert 0 < len(inputs["z"]) <= 96
        steps = np.round(inputs["z"] / (2 * inputs["half_cell"][:, None]), 2) % 1
        assert np.ptp(inputs["half_cell"], axis=0).max() == 0
        assert grid_bpm == 0.1 or len(np.unique(steps)) < 10


def test_a_float32_file_of_another_network_is_refused(monkeypatch):
    other = {name: 0.5 * array for name, array in BUNDLE.parameters.network.items()}
    monkeypatch.setattr(export_measure, "float32_model", lambda weights: float32_model(other))
    with pytest.raises(Misconfigured, match="computes something else"):
        run_export(BUNDLE, replace(PLAN, devices=(1, 0)), lambda stage, share, text: None)
