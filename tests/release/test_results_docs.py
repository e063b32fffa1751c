"""README and docs say what the kept results say, and those of the detector and of its export are about the bundle that ships."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import pytest

from detectors.bundle.bundle import DEFAULT_BUNDLE, load_bundle
from experiments.export.graph import float32_model
from fedsecure.report.refresh import EVALUATION, EXPORT, read_results, refreshed

ROOT = Path(__file__).parents[2]
STALE = (
    "differs from the results.json that it repeats; run `python -m fedsecure.report.refresh` and commit what it writes"
)
REPEATED = [
    "README.md",
    "docs/detection.md",
    "docs/evaluation.md",
    "docs/federation.md",
    "docs/export.md",
    *(str(EVALUATION / name) for name in ("summary.md", "goals.csv", "attacks.csv", "detectors.csv", "slow.csv")),
    str(EXPORT / "results.csv"),
    str(EXPORT / "results.md"),
]


@cache
def texts() -> dict[Path, str]:
    return refreshed(ROOT)


@pytest.mark.parametrize("name", REPEATED)
def test_a_text_says_what_the_results_say(name):
    if (ROOT / name).read_text(encoding="utf-8") != texts()[Path(name)]:
        pytest.fail(f"{name} {STALE}")


def test_the_export_is_of_the_bundle_that_ships():
    results, bundle = read_results(ROOT, EXPORT), load_bundle(DEFAULT_BUNDLE)
    anew = "the kept export is another bundle's: run `fedsecure export`, keep its results.json in docs/results/export, then refresh"
    assert results["bundle_sha256"] == bundle.sha256, anew
    assert hashlib.sha256(float32_model(bundle.parameters.network)).hexdigest() == results["files"][0]["sha256"], anew


def test_the_evaluation_is_of_the_bundle_that_ships():
    anew = "the kept evaluation is another bundle's: run `fedsecure evaluate` (docs/evaluation.md), keep its files, then refresh"
    results = read_results(ROOT, EVALUATION)
    assert results["bundle_sha256"] == load_bundle(DEFAULT_BUNDLE).sha256, anew
    assert results["data"]["is_real"]
    assert all({"name", "value", "goal", "met"} <= goal.keys() for goal in results["goals"])
