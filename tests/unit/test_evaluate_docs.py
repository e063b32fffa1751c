"""README, docs and picture say what the kept results say, and the kept results are those of the bundle that ships."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

import pytest

from contracts.errors import Misconfigured
from detectors.bundle import DEFAULT_BUNDLE, load_bundle
from detectors.weight_layout import UNITS
from experiments.export_graphs import float32_model
from fedsecure.report.evaluation import PICTURE, SUMMARY
from fedsecure.report.refresh import EVALUATION, EXPORT, FEDERATION, read_results, refreshed, with_block

ROOT = Path(__file__).parents[2]
STALE = (
    "differs from the results.json that it repeats; run `python -m fedsecure.report.refresh` and commit what it writes"
)


@cache
def texts() -> dict[Path, str]:
    return refreshed(ROOT)


REPEATED = [
    "README.md", "docs/evaluation.md", "docs/federation.md", "docs/export.md", str(EVALUATION / SUMMARY), str(EXPORT / "results.csv"),
    str(EXPORT / "results.md"),
]  # fmt: skip


@pytest.mark.parametrize("name", REPEATED)
def test_a_text_says_what_the_results_say(name):
    if (ROOT / name).read_text(encoding="utf-8") != texts()[Path(name)]:
        pytest.fail(f"{name} {STALE}")


def test_the_picture_shows_what_the_results_say():
    def words(svg: str) -> list[tuple[str, str]]:
        return re.findall(r'<text[^>]*>([^<]*)</text>|aria-label="([^"]*)"', svg)

    expected = words(texts()[EVALUATION / PICTURE])
    assert len(expected) > 100
    if words((ROOT / EVALUATION / PICTURE).read_text(encoding="utf-8")) != expected:
        pytest.fail(f"{EVALUATION / PICTURE} {STALE}")


def test_the_results_are_those_of_the_bundle_that_ships():
    results, bundle = read_results(ROOT, EVALUATION), load_bundle(DEFAULT_BUNDLE)
    anew = "the kept results are another bundle's: run `fedsecure evaluate --out docs/results/evaluation`, then refresh"
    assert results["bundle_sha256"] == bundle.sha256, anew
    card = bundle.metadata
    assert results["trained_with"] == {name: card[name] for name in results["trained_with"]}
    enrolment = str(results["protocol"]["enrolment_min"])
    assert results["threshold"] == pytest.approx(card["calibration"][enrolment]["threshold"], rel=1e-3)


def test_the_federation_was_gated_by_the_bundle_that_ships():
    assert read_results(ROOT, FEDERATION)["bundle_sha256"] == load_bundle(DEFAULT_BUNDLE).sha256, (
        "the kept federations are another bundle's: run `fedsecure federate --out docs/results/federation`, then refresh"
    )


def test_the_export_is_of_the_bundle_that_ships():
    """By its sha256, and file by file: the float32 models are made anew from the bundle's weights."""
    results, bundle = read_results(ROOT, EXPORT), load_bundle(DEFAULT_BUNDLE)
    anew = "the kept export is another bundle's: run `fedsecure export`, keep its results.json in docs/results/export, then refresh"
    assert results["bundle_sha256"] == bundle.sha256, anew
    kept = {one["name"]: one["sha256"] for one in results["files"]}
    for name, weights in (("bottleneck", bundle.autoencoder), ("blind_spot", bundle.blind_spot)):
        made = float32_model(name, weights)
        assert hashlib.sha256(made).hexdigest() == kept[f"{name}-{UNITS}-float32.onnx"], anew


def test_the_files_that_repeat_the_results_are_all_there():
    assert {path.as_posix() for path in texts()} == {*REPEATED, str(EVALUATION / PICTURE)}


def test_a_block_is_replaced_between_its_markers_and_must_stand_once():
    text = "a <!-- evaluation x: begin -->old\n<!-- evaluation x: end --> b"
    new = with_block(text, "evaluation x", "new \\1")
    assert new == "a <!-- evaluation x: begin -->new \\1<!-- evaluation x: end --> b"
    assert with_block(new, "evaluation x", "old\n") == text
    for wrong in ("", text + text, "<!-- evaluation x: begin -->"):
        with pytest.raises(Misconfigured, match="must stand once"):
            with_block(wrong, "evaluation x", "new")
