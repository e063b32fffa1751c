"""What a promotion starts from and where it ends: the model and the bundle in force, and the log of releases."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.configuration.settings import Settings
from contracts.errors import InvalidMessage, Misconfigured
from contracts.messages.releases import BundleRelease
from detectors.bundle.bundle import DEFAULT_BUNDLE, Bundle, bundle_of, folder_contents
from detectors.training.canaries.verdict import CanaryResult
from fedsecure.promotion.attempt import Promotion
from fl_coordinator.models.kept import stored_models
from fl_coordinator.models.promotable import committed_model
from fl_coordinator.models.registry import Model, model_of
from fl_coordinator.releases.releaser import Releaser, ReleaseReason
from fl_coordinator.releases.succession import current_release
from fl_coordinator.rounds.history import read_history
from transport.blobs.store import MAX_BLOB_BYTES, refuse_oversized
from transport.blobs.weights import decode_weights
from transport.bundles.files import BundleFiles
from transport.bundles.releases import read_releases
from transport.kafka.publisher import Publisher

INITIAL: Final = "what ran before the first release"


@dataclass(frozen=True, slots=True)
class Source:
    """The model to promote, and the bundle in force: its files by name, and whether a release says so."""

    settings: Settings
    weights: Mapping[str, NDArray[np.float32]]
    model_sha256: str
    current: Bundle
    contents: Mapping[str, bytes]
    is_released: bool


async def source_on_record(settings: Settings, model: str | None, weights: Path | None) -> Source:
    """Return what Kafka has on record. Where nothing was released, the bundle of the settings (or the shipped one) is in force.

    Raises Unavailable, and Misconfigured when there is no such model or it cannot be promoted.
    """
    promoted = await _model_on_record(settings, model) if weights is None else _model_in(weights)
    current = current_release(await read_releases(settings))
    if current is None:
        return _source(settings, promoted, _local_contents(settings), is_released=False)
    contents = await BundleFiles(settings).contents(current.bundle_sha256)
    return _source(settings, promoted, contents, is_released=True)


def local_source(settings: Settings, weights: Path | None) -> Source:
    """Return a model in a file and the local bundle, for a promotion that releases nothing."""
    if weights is None:
        raise Misconfigured("without services the model must come from --weights")
    return _source(settings, _model_in(weights), _local_contents(settings), is_released=False)


async def release(source: Source, promotion: Promotion, result: CanaryResult) -> BundleRelease:
    """Put the promoted bundle in force, after the one that it was compared with if that was never released.

    Raises Misconfigured unless the canary passed on just this bundle; else as `Releaser.release`.
    """
    contents = folder_contents(promotion.folder)
    bundle = bundle_of(contents, f"in {promotion.folder}")
    if not result.passed or result.candidate_sha256 != bundle.sha256 or result.current_sha256 != source.current.sha256:
        raise Misconfigured(f"the canary did not pass on the bundle in {promotion.folder}")
    by = getpass.getuser()
    async with Publisher(source.settings) as publisher:
        releaser = Releaser.of(source.settings, publisher)
        if not source.is_released:
            grounds = ReleaseReason("initial", INITIAL, by)
            await releaser.release(source.contents, source.current.sha256, grounds, over=None)
        grounds = ReleaseReason("promotion", result.reason, by, promotion.model_sha256, result.flat())
        return await releaser.release(contents, bundle.sha256, grounds, over=source.current.sha256)


def _source(settings: Settings, model: Model, contents: Mapping[str, bytes], *, is_released: bool) -> Source:
    current = bundle_of(contents, "in force")
    return Source(settings, model.weights, model.sha256, current, contents, is_released)


def _local_contents(settings: Settings) -> dict[str, bytes]:
    return folder_contents(settings.bundle_dir or DEFAULT_BUNDLE)


async def _model_on_record(settings: Settings, name: str | None) -> Model:
    history = await read_history(settings)
    with stored_models(settings) as stored:
        return committed_model(history, name, stored)


def _model_in(path: Path) -> Model:
    """Return the weights of a file as a model. Raises Misconfigured when it is none."""
    try:
        with path.open("rb") as file:
            blob = file.read(MAX_BLOB_BYTES + 1)
        refuse_oversized(blob)
        return model_of(decode_weights(blob), 0)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read ({error.strerror or type(error).__name__})") from None
    except InvalidMessage as error:
        raise Misconfigured(f"{path} holds no model: {error}") from None
