"""From a global model to a whole bundle that stands its canary: what `fedsecure promote` does before anything is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from contracts.content_hash import sha256_of
from contracts.errors import Misconfigured
from detectors.array_types import Weights
from detectors.bundle.bundle import Bundle, load_bundle, save_bundle
from detectors.network.layout import network_shapes
from detectors.training.canaries.figures import NetworkFit
from detectors.training.canaries.verdict import CanaryResult, canary_verdict, first_look
from detectors.training.cohort import Stay
from detectors.training.held_out import HeldOut, network_fit, outcomes
from detectors.training.trainer import STAGES, CarryOut, Progress, train_detector
from detectors.training.training import Training
from detectors.training.workfolder import WorkFolder
from fedsecure.output_files import folder_that_appears_whole

PROMOTION_STAGES: Final = ("first look", *STAGES, "canary: current", "canary: new")


@dataclass(frozen=True, slots=True, eq=False)
class Promotion:
    """One attempt: the model and the bundle that runs, how a bundle is made around the model, who judges both, where to work.

    `training` has the model as its network.
    """

    weights: Weights
    model_sha256: str
    current: Bundle
    training: Training
    held_out: HeldOut
    out: Path
    carry_out: CarryOut = map

    @property
    def folder(self) -> Path:
        """Where the bundle goes."""
        return self.out / "bundle"

    @property
    def card(self) -> dict[str, Any]:
        """What the new bundle's card says of its making. Equal for equal promotions only."""
        training, held_out = self.training, self.held_out
        teaching = [_names(population.stays) for population in training.populations]
        made_of = (
            training.seed,
            training.budget,
            training.effort,
            training.cases,
            teaching,
            _names(training.canary_stays),
        )
        return {
            "model": self.model_sha256,
            "parent": self.current.sha256,
            "training": sha256_of(repr(made_of).encode()),
            "held_out": _names(held_out.real or held_out.simulated),
        }

    def work(self, *bundles: str) -> WorkFolder:
        """Return where finished stages lie that depend on all of this and on `bundles`."""
        return WorkFolder(self.out / "work", repr((self.card, self.held_out.cases, *bundles)))


def check_promotable(promotion: Promotion) -> None:
    """Raise Misconfigured when no bundle can be made of the model, or none need be."""
    weights, running = promotion.weights, promotion.current.parameters.network
    if {name: array.shape for name, array in weights.items()} != network_shapes():
        raise Misconfigured("the model is not the detector's Bi-LSTM: its arrays have other names or shapes")
    if not all(np.isfinite(array).all() for array in weights.values()):
        raise Misconfigured("the model holds weights that are not finite: it is refused")
    if running.keys() == weights.keys() and all(
        np.array_equal(array, running[name]) for name, array in weights.items()
    ):
        raise Misconfigured(
            f"bundle {promotion.current.sha256[:12]}, which runs, is built on this model: nothing to promote"
        )


def attempt(promotion: Promotion, progress: Progress) -> CanaryResult:
    """Look at the model, fit a bundle around it and try that. What is finished is found again by the next call.

    Blocks for many minutes, unless the first look refuses the model. The bundle lies in `promotion.folder` afterwards (not after
    such a refusal).
    """
    seed, current = promotion.training.seed, promotion.current
    ours, theirs = _network_fits(promotion, partial(progress, "first look"))
    result = first_look(ours, theirs, ("", current.sha256), seed)
    if not result.passed:
        return result
    candidate = candidate_bundle(promotion, progress)
    judged = []
    for bundle, stage in ((current, "canary: current"), (candidate, "canary: new")):
        work, report = promotion.work(current.sha256, bundle.sha256), partial(progress, stage)
        judged.append(outcomes(bundle.parameters, promotion.held_out, work, promotion.carry_out, report))
        report(1.0, "done")
    return canary_verdict((ours, judged[1]), (theirs, judged[0]), (candidate.sha256, current.sha256), seed)


def write_report(promotion: Promotion, result: CanaryResult) -> None:
    """Write `canary.json` into the promotion's folder, which is not there yet when the first look refuses."""
    report = {**promotion.card, "seed": promotion.training.seed, **msgspec.structs.asdict(result)}
    promotion.out.mkdir(parents=True, exist_ok=True)
    (promotion.out / "canary.json").write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def candidate_bundle(promotion: Promotion, progress: Progress) -> Bundle:
    """Return the bundle built on the model: from its folder if it is there, else made now and put there whole."""
    if promotion.folder.exists():
        bundle = load_bundle(promotion.folder)
        if bundle.metadata.get("promotion") != promotion.card:
            raise Misconfigured(f"{promotion.folder} holds the bundle of another promotion; choose another --out")
        for stage in STAGES:
            progress(stage, 1.0, "found finished")
        return bundle
    trained = train_detector(promotion.training, promotion.work(), progress, promotion.carry_out)
    bundle = replace(trained, metadata={**trained.metadata, "promotion": promotion.card})
    with folder_that_appears_whole(promotion.folder) as folder:
        return save_bundle(bundle, folder)


def _network_fits(promotion: Promotion, report: partial[None]) -> tuple[NetworkFit, NetworkFit]:
    """Return how the model fits clean and attacked windows, and how the running bundle's network does."""
    current, held_out = promotion.current, promotion.held_out
    report(0.1, "trying the model")
    ours = network_fit(promotion.weights, held_out, current.canary)
    report(0.5, "trying the network that runs")
    theirs = network_fit(current.parameters.network, held_out, current.canary)
    report(1.0, "done")
    return ours, theirs


def _names(stays: Sequence[Stay]) -> list[str]:
    return [stay.recording.device_id for stay in stays]
