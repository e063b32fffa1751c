"""A bundle comes back as it was saved, and anything else than a whole, untouched bundle is refused in a sentence."""

from __future__ import annotations

import hashlib
import json
import pickle

import numpy as np
import pytest
from random_bundle import random_bundle
from safetensors.numpy import load, save

from contracts.errors import Misconfigured
from detectors.bundle import DEFAULT_BUNDLE, FILES, load_bundle, save_bundle


@pytest.fixture
def saved(tmp_path):
    folder = tmp_path / "bundle"
    folder.mkdir()
    return folder, save_bundle(random_bundle(1), folder)


def rewrite(folder, name, content):
    """Change a file and make the manifest agree, as an attacker without scruples would."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_bundle_comes_back_as_it_was_saved(saved):
    folder, as_saved = saved
    loaded, original = load_bundle(folder), random_bundle(1)
    assert (loaded.metadata, loaded.sha256) == (original.metadata, as_saved.sha256)
    assert loaded.knowledge.situations == original.knowledge.situations
    for kept, made in (
        (loaded.autoencoder, original.autoencoder),
        (loaded.blind_spot, original.blind_spot),
        (loaded.canary, original.canary),
        (loaded.knowledge.tables, original.knowledge.tables),
        (loaded.knowledge.networks["slow"], original.knowledge.networks["slow"]),
    ):
        assert kept.keys() == made.keys()
        for name in made:
            np.testing.assert_array_equal(kept[name], made[name])


def test_equal_bundles_have_equal_names_and_others_another(saved, tmp_path):
    _, first = saved
    shas = set()
    for index, seed in enumerate((1, 2)):
        folder = tmp_path / str(index)
        folder.mkdir()
        shas.add(save_bundle(random_bundle(seed), folder).sha256)
    assert first.sha256 in shas
    assert len(shas) == 2


@pytest.mark.parametrize("name", FILES)
def test_one_changed_byte_is_found(saved, name):
    folder, _ = saved
    content = bytearray((folder / name).read_bytes())
    content[-2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(Misconfigured, match=f"{name} is not the file that its manifest describes"):
        load_bundle(folder)


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_missing_file_is_named(saved, name):
    folder, _ = saved
    (folder / name).unlink()
    with pytest.raises(Misconfigured, match=name):
        load_bundle(folder)


@pytest.mark.parametrize(("key", "value"), [("format", "zip"), ("architecture", "gru"), ("features", ["mean"])])
def test_a_bundle_of_another_kind_is_refused(saved, key, value):
    folder, _ = saved
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {key: value}))
    with pytest.raises(Misconfigured, match="this version"):
        load_bundle(folder)


def test_a_pickle_in_the_folder_is_refused(saved):
    folder, _ = saved
    (folder / "weights.pkl").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(Misconfigured, match=r"weights\.pkl"):
        load_bundle(folder)


def test_a_pickle_under_a_good_name_is_refused(saved):
    folder, _ = saved
    rewrite(folder, "autoencoder.safetensors", pickle.dumps({"a": 1}))
    with pytest.raises(Misconfigured, match="not a safetensors file"):
        load_bundle(folder)


def test_a_manifest_may_not_name_other_paths(saved):
    folder, _ = saved
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["../../etc/passwd"] = {"sha256": "0" * 64, "size": 1}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(Misconfigured, match="passwd"):
        load_bundle(folder)


def test_a_link_out_of_the_folder_is_not_followed(saved, tmp_path):
    folder, _ = saved
    (tmp_path / "elsewhere").write_bytes((folder / "situations.json").read_bytes())
    (folder / "situations.json").unlink()
    (folder / "situations.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Misconfigured, match="no regular file"):
        load_bundle(folder)


def test_a_huge_file_is_refused_before_it_is_read_whole(saved):
    folder, _ = saved
    with (folder / "autoencoder.safetensors").open("wb") as file:
        file.truncate(1 << 33)
    with pytest.raises(Misconfigured, match="larger than"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("latent/bias"), "latent/bias"),
        (lambda w: w.update({"extra": np.zeros(2, np.float32)}), "extra"),
        (lambda w: w.update({"latent/bias": np.zeros(9, np.float32)}), "latent/bias"),
        (lambda w: w.update({"latent/bias": np.zeros(8, np.float64)}), "finite float32"),
        (lambda w: w.update({"latent/bias": np.full(8, np.nan, np.float32)}), "finite float32"),
    ],
)
def test_weights_that_do_not_fit_are_refused(saved, change, message):
    folder, bundle = saved
    weights = dict(bundle.autoencoder)
    change(weights)
    rewrite(folder, "autoencoder.safetensors", save(weights))
    with pytest.raises(Misconfigured, match=message):
        load_bundle(folder)


def test_the_blind_spots_weights_are_checked_as_well(saved):
    folder, bundle = saved
    rewrite(folder, "blind_spot.safetensors", save(dict(bundle.autoencoder)))
    with pytest.raises(Misconfigured, match=r"blind_spot\.safetensors has wrong tensors: decoder"):
        load_bundle(folder)


def test_knowledge_that_does_not_fit_is_refused(saved):
    folder, _ = saved
    arrays = load((folder / "knowledge.safetensors").read_bytes())
    del arrays["surprise/slow"]
    rewrite(folder, "knowledge.safetensors", save(arrays))
    with pytest.raises(Misconfigured, match=r"knowledge\.safetensors: wrong arrays: surprise/slow"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}", "enrolling is missing"),
        (b"[]", r"situations\.json"),
        (b"\xff", r"situations\.json"),
        (b'{"600": {"threshold": 1, "scales": {}, "unknown": 1}}', r"situations\.json"),
        (b'{"600": {"threshold": 1e999, "scales": {}}}', r"situations\.json"),
        (b'{"600": {"threshold": NaN, "scales": {}}}', r"situations\.json"),
    ],
)
def test_situations_are_checked(saved, content, message):
    folder, _ = saved
    rewrite(folder, "situations.json", content)
    with pytest.raises(Misconfigured, match=message):
        load_bundle(folder)


def test_a_folder_that_does_not_exist_says_the_way_out(tmp_path):
    with pytest.raises(Misconfigured, match="fedsecure train"):
        load_bundle(tmp_path / "nowhere")


def test_the_shipped_bundle_loads_and_is_small():
    assert len(load_bundle(DEFAULT_BUNDLE).sha256) == 64
    assert sum(path.stat().st_size for path in DEFAULT_BUNDLE.iterdir()) <= 2_000_000
