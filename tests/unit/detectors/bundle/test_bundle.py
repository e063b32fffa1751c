"""A bundle comes back as it was saved, and anything else than a whole, untouched bundle is refused in a sentence."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from plain_detector import level_parameters, plain_bundle, plain_parameters
from safetensors.numpy import load, save

from contracts.errors import Misconfigured
from detectors.bundle.bundle import (
    DEFAULT_BUNDLE,
    FILES,
    Bundle,
    bundle_of,
    folder_contents,
    load_bundle,
    packed_bundle,
    save_bundle,
)
from detectors.scoring.components import SCALES

Arrays = dict[str, np.ndarray]


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, Bundle]:
    folder = tmp_path / "bundle"
    folder.mkdir()
    return folder, save_bundle(plain_bundle(1), folder)


def rewrite(folder: Path, name: str, content: bytes) -> None:
    """Change a file and make the manifest agree, as an attacker without scruples would."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def change_arrays(folder: Path, name: str, change: Callable[[Arrays], object]) -> None:
    arrays = load((folder / name).read_bytes())
    change(arrays)
    rewrite(folder, name, save(arrays))


def test_a_bundle_comes_back_as_it_was_saved(saved: tuple[Path, Bundle]) -> None:
    folder, as_saved = saved
    loaded, original = load_bundle(folder), plain_bundle(1)
    assert (loaded.metadata, loaded.sha256) == (original.metadata, as_saved.sha256)
    found, made = loaded.parameters, original.parameters
    assert found.threshold == made.threshold
    for field in fields(made.standardisation):
        np.testing.assert_array_equal(
            getattr(found.standardisation, field.name), getattr(made.standardisation, field.name)
        )
    for kept, given in (
        (found.network, made.network),
        (found.classifiers["fast"], made.classifiers["fast"]),
        (found.classifiers["slow"], made.classifiers["slow"]),
        (loaded.canary, original.canary),
    ):
        assert kept.keys() == given.keys()
        for name in given:
            np.testing.assert_array_equal(kept[name], given[name])
    for name in ("fast_tails", "slow_tails"):
        np.testing.assert_array_equal(getattr(found, name).quantiles, getattr(made, name).quantiles)
    for name in SCALES:
        np.testing.assert_array_equal(found.scales[name].g, made.scales[name].g)
        assert found.scales[name].slope == made.scales[name].slope


def test_equal_bundles_have_equal_names_and_others_another(tmp_path: Path) -> None:
    shas = []
    for place, bundle in enumerate((plain_bundle(1), plain_bundle(1), plain_bundle(2), plain_bundle(1, threshold=2.0))):
        folder = tmp_path / str(place)
        folder.mkdir()
        shas.append(save_bundle(bundle, folder).sha256)
    assert shas[0] == shas[1]
    assert len(set(shas)) == 3


@pytest.mark.parametrize("name", FILES)
def test_one_changed_byte_is_found(saved: tuple[Path, Bundle], name: str) -> None:
    folder, _ = saved
    content = bytearray((folder / name).read_bytes())
    content[-2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(Misconfigured, match=f"{name} is not the file that its manifest describes"):
        load_bundle(folder)


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_missing_file_is_named(saved: tuple[Path, Bundle], name: str) -> None:
    folder, _ = saved
    (folder / name).unlink()
    with pytest.raises(Misconfigured, match=name):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("format", "fedsecure-bundle-2", "its format is 'fedsecure-bundle-2', this version reads 'fedsecure-bundle-3'"),
        ("architecture", "gru", "it holds 'gru', this version runs"),
        ("features", ["mean"], "it was trained on other statistics than this version computes"),
    ],
)
def test_a_bundle_of_another_kind_is_refused(saved: tuple[Path, Bundle], key: str, value: object, words: str) -> None:
    folder, _ = saved
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {key: value}))
    with pytest.raises(Misconfigured, match=words) as refused:
        load_bundle(folder)
    assert "fedsecure train" in str(refused.value)


def test_the_files_of_the_format_before_are_refused_by_name(tmp_path: Path) -> None:
    for name in ("autoencoder.safetensors", "knowledge.safetensors", "situations.json", "manifest.json"):
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(Misconfigured, match="which no bundle has"):
        load_bundle(tmp_path)


def test_a_pickle_in_the_folder_is_refused(saved: tuple[Path, Bundle]) -> None:
    folder, _ = saved
    (folder / "weights.pkl").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(Misconfigured, match=r"weights\.pkl"):
        load_bundle(folder)


@pytest.mark.parametrize("name", [file for file in FILES if file.endswith(".safetensors")])
def test_a_pickle_under_a_good_name_is_refused(saved: tuple[Path, Bundle], name: str) -> None:
    folder, _ = saved
    rewrite(folder, name, pickle.dumps({"a": 1}))
    with pytest.raises(Misconfigured, match="not a safetensors file"):
        load_bundle(folder)


def test_a_manifest_may_not_name_other_paths(saved: tuple[Path, Bundle]) -> None:
    folder, _ = saved
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["../../etc/passwd"] = {"sha256": "0" * 64, "size": 1}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(Misconfigured, match="passwd"):
        load_bundle(folder)


def test_a_link_out_of_the_folder_is_not_followed(saved: tuple[Path, Bundle], tmp_path: Path) -> None:
    folder, _ = saved
    (tmp_path / "elsewhere").write_bytes((folder / "metadata.json").read_bytes())
    (folder / "metadata.json").unlink()
    (folder / "metadata.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Misconfigured, match="no regular file"):
        load_bundle(folder)


def test_a_huge_file_is_refused_before_it_is_read_whole(saved: tuple[Path, Bundle]) -> None:
    folder, _ = saved
    with (folder / "network.safetensors").open("wb") as file:
        file.truncate(1 << 33)
    with pytest.raises(Misconfigured, match="larger than"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a.pop("embedding/bias"), "wrong network weights: embedding/bias"),
        (lambda a: a.update({"extra": np.zeros(2, np.float32)}), "wrong network weights: extra"),
        (lambda a: a.update({"embedding/bias": np.zeros(9, np.float32)}), "wrong network weights: embedding/bias"),
        (lambda a: a.update({"embedding/bias": np.zeros(16)}), "not finite float32"),
        (lambda a: a.update({"embedding/bias": np.full(16, np.nan, np.float32)}), "not finite float32"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(saved: tuple[Path, Bundle], change, words: str) -> None:
    folder, _ = saved
    change_arrays(folder, "network.safetensors", change)
    with pytest.raises(Misconfigured, match=words):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a.pop("threshold"), "wrong arrays: threshold"),
        (lambda a: a.pop("fast_dnn/logit/bias"), "wrong arrays: fast_dnn/logit/bias"),
        (lambda a: a.update({"surprise": np.zeros(1)}), "wrong arrays: surprise"),
        (lambda a: a.update({"threshold": np.zeros(2)}), "wrong arrays: threshold"),
        (lambda a: a.update({"threshold": np.array([np.inf])}), "threshold is not finite float64"),
        (lambda a: a.update({"threshold": np.zeros(1, np.float32)}), "threshold is not finite float64"),
        (lambda a: a["standardisation/own_sd"].__setitem__(3, 0.0), "standardisation/own_sd is not above zero"),
        (lambda a: a["standardisation/between_sd"].__setitem__(3, -1.0), "between_sd is not above zero"),
        (lambda a: a["fast_tails/slope"].__setitem__(0, 0.0), "fast_tails/slope is not above zero"),
        (lambda a: a["threshold"].__setitem__(0, -0.1), "threshold is not above zero"),
        (lambda a: a["scale/fast/value"].__setitem__(3, 99.0), "the scale fast does not rise"),
        (lambda a: a["scale/combined/g"].__setitem__(0, 99.0), "the scale combined does not rise"),
        (lambda a: a.update({"scale/slow/value": np.zeros(1), "scale/slow/g": np.zeros(1)}), "slow does not rise"),
        (lambda a: a["scale/family_free/slope"].__setitem__(0, 0.0), "scale/family_free/slope is not above zero"),
        (lambda a: a["slow_tails/quantiles"].__setitem__((0, 0), 99.0), "slow_tails/quantiles do not rise"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(saved: tuple[Path, Bundle], change, words: str) -> None:
    folder, _ = saved
    change_arrays(folder, "parameters.safetensors", change)
    with pytest.raises(Misconfigured, match=words):
        load_bundle(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"nan"])
def test_a_model_card_that_is_none_is_refused(saved: tuple[Path, Bundle], content: bytes) -> None:
    folder, _ = saved
    rewrite(folder, "metadata.json", content)
    with pytest.raises(Misconfigured, match=r"metadata\.json"):
        load_bundle(folder)


def test_a_folder_that_does_not_exist_says_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="fedsecure train"):
        load_bundle(tmp_path / "nowhere")


def test_files_in_memory_are_checked_as_a_folder_is() -> None:
    contents = packed_bundle(plain_bundle(1))
    assert bundle_of(contents, "of a test").metadata == {"seed": 1}
    with pytest.raises(Misconfigured, match=r"bundle of a test is refused: it lacks network\.safetensors"):
        bundle_of({name: part for name, part in contents.items() if name != "network.safetensors"}, "of a test")
    with pytest.raises(Misconfigured, match=r"it holds 'x\.py', which no bundle has"):
        bundle_of(contents | {"x.py": b""}, "of a test")


def test_a_detector_without_a_network_is_no_bundle() -> None:
    contents = packed_bundle(replace(plain_bundle(1), parameters=level_parameters()))
    with pytest.raises(Misconfigured, match="wrong network weights"):
        bundle_of(contents, "of a test")


def test_parameters_are_the_same_whenever_they_are_made() -> None:
    one, two = (packed_bundle(Bundle(plain_parameters(3), {})) for _ in range(2))
    assert one == two


def test_the_shipped_bundle_loads_and_is_small() -> None:
    assert len(load_bundle(DEFAULT_BUNDLE).sha256) == 64
    assert sum(map(len, folder_contents(DEFAULT_BUNDLE).values())) <= 2_000_000
