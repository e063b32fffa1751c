"""README, docs and picture say what the kept results say, and the kept results are those of the bundle that ships."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from contracts.errors import Misconfigured
from detectors.bundle import DEFAULT_BUNDLE, load_bundle
from fedsecure.report.evaluation import PICTURE, SUMMARY
from fedsecure.report.refresh import EVALUATION, FEDERATION, read_results, refreshed, with_block

ROOT = Path(__file__).parents[2]
STALE = (
    "differs from the results.json that it repeats; run `python -m fedsecure.report.refresh` and commit what it writes"
)


@cache
def texts() -> dict[Path, str]:
    return refreshed(ROOT)


@pytest.mark.parametrize("name", ["README.md", "docs/evaluation.md", "docs/federation.md", str(EVALUATION / SUMMARY)])
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


def test_the_files_that_repeat_the_results_are_all_there():
    assert {path.as_posix() for path in texts()} == {
        "README.md", "docs/evaluation.md", "docs/federation.md", "docs/results/evaluation/summary.md", "docs/results/evaluation/detection.svg",
    }  # fmt: skip


def test_a_block_is_replaced_between_its_markers_and_must_stand_once():
    text = "a <!-- evaluation x: begin -->old\n<!-- evaluation x: end --> b"
    new = with_block(text, "evaluation x", "new \\1")
    assert new == "a <!-- evaluation x: begin -->new \\1<!-- evaluation x: end --> b"
    assert with_block(new, "evaluation x", "old\n") == text
    for wrong in ("", text + text, "<!-- evaluation x: begin -->"):
        with pytest.raises(Misconfigured, match="must stand once"):
            with_block(wrong, "evaluation x", "new")
