"""`fedsecure promote`, `bundles` and `rollback`: wrong calls end before any work, tables fit a terminal."""

from __future__ import annotations

import numpy as np
import pytest
from rich.console import Console

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from contracts.messages.releases import BundleRelease
from detectors.training.canaries.figures import NetworkFit, Outcomes
from detectors.training.canaries.verdict import canary_verdict
from fedsecure.commands.promote import promote
from fedsecure.commands.rollback import rollback
from fedsecure.promotion.source import local_source
from fedsecure.tables.federation import canary_table, release_table
from transport.blobs.weights import encode_weights


def called(out, **changes):
    options = {
        "model": None, "weights": None, "recordings": None, "quick": True, "dry_run": True, "yes": False, "seed": 1,
        "processes": 1,
    }  # fmt: skip
    promote(out, **(options | changes))


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path):
    (tmp_path / "precious").touch()
    with pytest.raises(Misconfigured, match="other things"):
        called(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_a_model_and_weights_at_once_are_one_too_many(tmp_path):
    with pytest.raises(Misconfigured, match="leave one of them out"):
        called(tmp_path, model="3f", weights=tmp_path / "w.safetensors")


def test_where_nobody_can_be_asked_it_is_said_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(Misconfigured, match="--yes"):
        called(tmp_path, dry_run=False)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_rollback_needs_a_reason_that_fits_the_record(reason, monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    with pytest.raises(Misconfigured, match="1 to 500 characters"):
        rollback(reason, None)


def test_a_file_that_holds_no_model_is_named(tmp_path):
    path = tmp_path / "w.safetensors"
    for content in (b"", b"\x80pickle", encode_weights({"w": np.zeros(2, np.float32)})[:-1]):
        path.write_bytes(content)
        with pytest.raises(Misconfigured, match=r"w\.safetensors holds no model"):
            local_source(Settings(), path)
    with pytest.raises(Misconfigured, match="cannot be read"):
        local_source(Settings(), tmp_path / "absent")


def printed(table):
    console = Console(width=80)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_every_figure_of_a_canary_fits_80_columns_whole():
    fit = NetworkFit(np.full(24, 1.5), np.full(24, 1.5), np.full(64, 1.3), np.full(64, 0.3), np.full(64, 0.6))
    attacks = ("data-poisoning-1 medium", "jittered-replay strong")
    ours = Outcomes(np.full(24, 2.0), np.full(24, 0.5), np.zeros((24, 2)), attacks)
    theirs = Outcomes(np.zeros(24), np.full(24, 0.5), np.ones((24, 2)), attacks)
    text = printed(canary_table(canary_verdict((fit, ours), (fit, theirs), ("c", "a"), 1)))
    assert "…" not in text
    assert text.count("worse") == 3
    assert text.count(" ok") == 4
    assert "-1.000 to -1.000" in text


def test_a_release_fits_80_columns_and_says_why():
    release = BundleRelease(
        release=12, kind="promotion", bundle_sha256="b" * 64, parent_sha256="a" * 64, model_sha256="c" * 64,
        reason="no figure is worse beyond its margin", released_at=1e9,
        canary={"real loss: change": -0.021, "real loss: n": 40.0, "attacks found: change": 0.004},
    )  # fmt: skip
    text = printed(release_table([release]))
    assert "…" not in text
    words = " ".join(text.split())
    for part in ("12", "promotion", "bbbbbbbb", "aaaaaaaa", "cccccccc", "2001-09-09", "loss -0.021"):
        assert part in words
