"""The trained detector as one folder: weights, statistics, a model card and canary windows under a sha256 manifest.

Nothing is parsed before its size and hash are checked, and nothing in it can run code (safetensors and JSON only).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from contracts.content_hash import sha256_of
from contracts.errors import Misconfigured
from contracts.messages.bundle_manifest import MANIFEST, MAX_MANIFEST_BYTES, BundleManifest, FileEntry
from detectors.bundle.parameter_arrays import decoded, encoded
from detectors.network.layout import ARCHITECTURE
from detectors.scoring.components import DetectorParameters
from detectors.statistics.registry import columns

DEFAULT_BUNDLE: Final = Path(__file__).parent / "default"
FORMAT: Final = "fedsecure-bundle-3"
FILES: Final = ("network.safetensors", "parameters.safetensors", "metadata.json", "canary.safetensors")
MAX_FILE_BYTES: Final = 4_194_304


@dataclass(frozen=True, slots=True)
class Bundle:
    """A trained detector. `sha256` names it in every score: the hash of its manifest, so of all its files.

    `canary` holds the arrays of `training.canary`; `metadata` is the model card: data, seeds, figures, limits.
    """

    parameters: DetectorParameters
    metadata: Mapping[str, Any]
    canary: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    sha256: str = ""


def packed_bundle(bundle: Bundle) -> dict[str, bytes]:
    """Return a bundle's files by name, the manifest included. Equal bundles give equal bytes."""
    contents = {
        "network.safetensors": save(dict(sorted(bundle.parameters.network.items()))),
        "parameters.safetensors": save(encoded(bundle.parameters)),
        "metadata.json": _json(bundle.metadata),
        "canary.safetensors": save(dict(sorted(bundle.canary.items()))),
    }
    entries = {name: FileEntry(sha256_of(content), len(content)) for name, content in contents.items()}
    return contents | {MANIFEST: _json(BundleManifest(FORMAT, ARCHITECTURE, _keys(), entries))}


def save_bundle(bundle: Bundle, folder: Path) -> Bundle:
    """Write a bundle into an existing empty folder and return it as read back, with its sha256. Equal bundles give equal bytes."""
    for name, content in packed_bundle(bundle).items():
        (folder / name).write_bytes(content)
    return load_bundle(folder)


def load_bundle(folder: Path) -> Bundle:
    """Read and check a bundle. Raises Misconfigured saying which file is wrong and what to do."""
    return bundle_of(folder_contents(folder), f"in {folder}")


def folder_contents(folder: Path) -> dict[str, bytes]:
    """Return a bundle folder's files by name, the manifest included. Raises Misconfigured for anything that is no bundle's."""
    name = f"in {folder}"
    try:
        present = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise _refused(name, f"the folder cannot be read ({type(error).__name__})") from None
    contents = {MANIFEST: _read(folder, MANIFEST, MAX_MANIFEST_BYTES)}
    _check_files(name, present - {MANIFEST}, "its folder")
    return contents | {file: _read(folder, file, MAX_FILE_BYTES) for file in FILES}


def bundle_of(contents: Mapping[str, bytes], name: str) -> Bundle:
    """Return the checked bundle that these files make, the manifest among them.

    `name` says in an error which bundle it is. Raises Misconfigured saying which file is wrong and what to do.
    """
    manifest_bytes = contents.get(MANIFEST, b"")
    manifest = _decoded(name, MANIFEST, manifest_bytes, BundleManifest)
    _check_manifest(name, manifest)
    _check_files(name, set(contents) - {MANIFEST}, "it")
    for file in FILES:
        if not manifest.holds(file, contents[file]):
            raise _refused(name, f"{file} is not the file that its manifest describes (size or sha256 differs)")
    return Bundle(
        parameters=_parameters(name, contents),
        metadata=_decoded(name, "metadata.json", contents["metadata.json"], dict[str, Any]),
        canary=_tensors(name, "canary.safetensors", contents),
        sha256=sha256_of(manifest_bytes),
    )


def _check_manifest(name: str, manifest: BundleManifest) -> None:
    if manifest.format != FORMAT:
        raise _refused(name, f"its format is {manifest.format!r}, this version reads {FORMAT!r}")
    if manifest.architecture != ARCHITECTURE:
        raise _refused(name, f"it holds {manifest.architecture!r}, this version runs {ARCHITECTURE!r}")
    if manifest.features != _keys():
        raise _refused(name, "it was trained on other statistics than this version computes")
    _check_files(name, set(manifest.files), "its manifest")


def _check_files(name: str, files: set[str], holder: str) -> None:
    unknown, missing = sorted(files - set(FILES)), sorted(set(FILES) - files)
    if unknown:
        raise _refused(name, f"{holder} holds {', '.join(map(repr, unknown))}, which no bundle has")
    if missing:
        raise _refused(name, f"{holder} lacks {', '.join(missing)}")


def _read(folder: Path, file: str, limit_bytes: int) -> bytes:
    """Return a regular file's bytes, having read no more than the limit."""
    path = folder / file
    if path.is_symlink() or not path.is_file():
        raise _refused(f"in {folder}", f"it has no regular file {file}")
    try:
        with path.open("rb") as opened:
            content = opened.read(limit_bytes + 1)
    except OSError as error:
        raise _refused(f"in {folder}", f"{file} cannot be read ({error.strerror})") from None
    if len(content) > limit_bytes:
        raise _refused(f"in {folder}", f"{file} is larger than {limit_bytes} bytes")
    return content


def _decoded(name: str, file: str, content: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _refused(name, f"{file}: {error}") from None


def _tensors(name: str, file: str, contents: Mapping[str, bytes]) -> dict[str, NDArray[Any]]:
    try:
        return load(contents[file])
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise _refused(name, f"{file} is not a safetensors file ({type(error).__name__})") from None


def _parameters(name: str, contents: Mapping[str, bytes]) -> DetectorParameters:
    network = _tensors(name, "network.safetensors", contents)
    arrays = _tensors(name, "parameters.safetensors", contents)
    try:
        return decoded(arrays, network)
    except ValueError as error:
        raise _refused(name, str(error)) from None


def _keys() -> list[str]:
    return [column.key for column in columns()]


def _refused(name: str, why: str) -> Misconfigured:
    return Misconfigured(
        f"the detector bundle {name} is refused: {why}; make one with `fedsecure train --out DIR` "
        "or leave the bundle out to use the one that ships with FedSecure"
    )


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=1) + b"\n"
