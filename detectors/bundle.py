"""The trained detector as one folder: weights, statistics, a model card and canary windows under a sha256 manifest.

Nothing is parsed before its size and hash are checked, and nothing in it can run code (safetensors and JSON only).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from contracts.errors import Misconfigured
from detectors.features.catalogue import FEATURES
from detectors.knowledge import Knowledge
from detectors.knowledge_file import Situations, decoded_knowledge, encoded_knowledge
from detectors.weight_layout import ARCHITECTURE, Shapes, autoencoder_shapes, blind_spot_shapes

DEFAULT_BUNDLE: Final = Path(__file__).parent / "bundles" / "default"
FORMAT: Final = "fedsecure-bundle-2"
MANIFEST: Final = "manifest.json"
FILES: Final = (
    "autoencoder.safetensors",
    "blind_spot.safetensors",
    "knowledge.safetensors",
    "situations.json",
    "metadata.json",
    "canary.safetensors",
)
MAX_MANIFEST_BYTES: Final = 16_384
MAX_FILE_BYTES: Final = 4_194_304

FEATURE_KEYS: Final = [feature.key for feature in FEATURES]

Weights = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A trained detector. `sha256` names it in every score: the hash of its manifest, so of all its files.

    `autoencoder` (the bottleneck) and `blind_spot` hold Keras-layout weights by the names of `weight_layout`; `knowledge` all
    else that scoring needs; `canary` int16 arrays (see `training.canary`); `metadata` is the model card: data, seeds,
    metrics, limits.
    """

    autoencoder: Weights
    blind_spot: Weights
    knowledge: Knowledge
    metadata: Mapping[str, Any]
    canary: Mapping[str, NDArray[np.int16]] = field(default_factory=dict)
    sha256: str = ""


class _FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sha256: str
    size: int


class _Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    architecture: str
    features: list[str]
    files: dict[str, _FileEntry]


def save_bundle(bundle: Bundle, folder: Path) -> Bundle:
    """Write a bundle into an existing empty folder and return it as read back, with its sha256; equal bundles give equal bytes."""
    tensors, situations = encoded_knowledge(bundle.knowledge)
    contents = {
        "autoencoder.safetensors": save(dict(sorted(bundle.autoencoder.items()))),
        "blind_spot.safetensors": save(dict(sorted(bundle.blind_spot.items()))),
        "knowledge.safetensors": save(tensors),
        "situations.json": _json(situations),
        "metadata.json": _json(bundle.metadata),
        "canary.safetensors": save(dict(sorted(bundle.canary.items()))),
    }
    entries = {name: _FileEntry(_sha256(content), len(content)) for name, content in contents.items()}
    contents[MANIFEST] = _json(_Manifest(FORMAT, ARCHITECTURE, FEATURE_KEYS, entries))
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return load_bundle(folder)


def load_bundle(folder: Path) -> Bundle:
    """Read and check a bundle; raises Misconfigured saying which file is wrong and what to do."""
    manifest_bytes = _read(folder, MANIFEST, MAX_MANIFEST_BYTES)
    manifest = _decoded(folder, MANIFEST, manifest_bytes, _Manifest)
    _check_names(folder, manifest)
    contents = {name: _checked_content(folder, name, manifest.files[name]) for name in FILES}
    autoencoder = _tensors(folder, "autoencoder.safetensors", contents)
    blind_spot = _tensors(folder, "blind_spot.safetensors", contents)
    _check_weights(folder, "autoencoder.safetensors", autoencoder, autoencoder_shapes())
    _check_weights(folder, "blind_spot.safetensors", blind_spot, blind_spot_shapes())
    return Bundle(
        autoencoder=autoencoder,
        blind_spot=blind_spot,
        knowledge=_knowledge(folder, contents),
        metadata=_decoded(folder, "metadata.json", contents["metadata.json"], dict[str, Any]),
        canary=_tensors(folder, "canary.safetensors", contents),
        sha256=_sha256(manifest_bytes),
    )


def _check_names(folder: Path, manifest: _Manifest) -> None:
    if manifest.format != FORMAT:
        raise _refused(folder, f"its format is {manifest.format!r}, this version reads {FORMAT!r}")
    if manifest.architecture != ARCHITECTURE:
        raise _refused(folder, f"it holds {manifest.architecture!r}, this version runs {ARCHITECTURE!r}")
    if manifest.features != FEATURE_KEYS:
        raise _refused(folder, "it was trained on other features than this version computes")
    present = {path.name for path in folder.iterdir()}
    for names, holder in ((set(manifest.files), "its manifest"), (present - {MANIFEST}, "its folder")):
        unknown, missing = sorted(names - set(FILES)), sorted(set(FILES) - names)
        if unknown:
            raise _refused(folder, f"{holder} holds {', '.join(map(repr, unknown))}, which no bundle has")
        if missing:
            raise _refused(folder, f"{holder} lacks {', '.join(missing)}")


def _checked_content(folder: Path, name: str, entry: _FileEntry) -> bytes:
    content = _read(folder, name, MAX_FILE_BYTES)
    if len(content) != entry.size or _sha256(content) != entry.sha256:
        raise _refused(folder, f"{name} is not the file that its manifest describes (size or sha256 differs)")
    return content


def _read(folder: Path, name: str, limit_bytes: int) -> bytes:
    """Return a regular file's bytes, having read no more than the limit."""
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise _refused(folder, f"it has no regular file {name}")
    with path.open("rb") as file:
        content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise _refused(folder, f"{name} is larger than {limit_bytes} bytes")
    return content


def _decoded(folder: Path, name: str, content: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _refused(folder, f"{name}: {error}") from None


def _tensors(folder: Path, name: str, contents: Mapping[str, bytes]) -> dict[str, NDArray[Any]]:
    try:
        return load(contents[name])
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise _refused(folder, f"{name} is not a safetensors file ({type(error).__name__})") from None


def _knowledge(folder: Path, contents: Mapping[str, bytes]) -> Knowledge:
    tensors = _tensors(folder, "knowledge.safetensors", contents)
    situations = _decoded(folder, "situations.json", contents["situations.json"], Situations)
    try:
        return decoded_knowledge(tensors, situations)
    except ValueError as error:
        raise _refused(folder, f"knowledge.safetensors: {error}") from None


def _check_weights(folder: Path, name: str, weights: Weights, shapes: Shapes) -> None:
    found = {key: array.shape for key, array in weights.items()}
    if found != shapes:
        wrong = sorted(key for key in found.keys() | shapes.keys() if found.get(key) != shapes.get(key))
        raise _refused(folder, f"{name} has wrong tensors: {', '.join(wrong)}")
    if any(array.dtype != np.float32 or not np.isfinite(array).all() for array in weights.values()):
        raise _refused(folder, f"{name} holds weights that are not finite float32")


def _refused(folder: Path, why: str) -> Misconfigured:
    return Misconfigured(
        f"the detector bundle in {folder} is refused: {why}; make one with `fedsecure train --out DIR` "
        "or leave the bundle out to use the one that ships with FedSecure"
    )


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=1) + b"\n"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
