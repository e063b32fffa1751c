"""From a global model to a whole bundle that stands its canary: what `fedsecure promote` does before anything is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from detectors.bundle import Bundle, load_bundle, save_bundle
from detectors.scoring.runtime import Reconstructor
from detectors.training.canary_figures import Rebuilt
from detectors.training.canary_verdict import CanaryResult, canary_verdict, first_look
from detectors.training.held_out import HeldOut, outcomes, rebuilt
from detectors.training.pool import BUCKETS
from detectors.training.trainer import STAGES, Effort, Learner, Progress, train_bundle
from detectors.training.workfolder import WorkFolder
from detectors.weight_layout import autoencoder_shapes
from fedsecure.commands.train import DAY_MIN, Sizes, attack_cases, cohorts_of, inject_case
from fedsecure.whole_folder import folder_that_appears_whole
from replay.sources.synthetic import synthetic_stays

Weights = Mapping[str, NDArray[np.float32]]

PROMOTION_STAGES: Final = ("first look", *STAGES, "canary: current", "canary: new")
CANARY_SIZES: Final[Sizes] = {"clean": (40, 5), "attacked": (24, 3)}
QUICK_CANARY_SIZES: Final[Sizes] = {"clean": (16, 3), "attacked": (8, 3)}
# `fedsecure train --seed s` draws populations 1000 (s + 1) + 0, 1, 2, the evaluation + 100 to 399: nobody draws these.
CANARY_SEEDS: Final = {"clean": 600, "attacked": 700}
ILL_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Promotion:
    """One attempt: the model's weights and sha256, the bundle that runs, where to work, and how thoroughly.

    The canary injects those of the attacks (`cases`) that are at one of `levels`.
    """

    weights: Weights
    model_sha256: str
    current: Bundle
    out: Path
    seed: int
    effort: Effort
    sizes: Sizes
    canary_sizes: Sizes
    levels: tuple[str, ...]
    cases: tuple[tuple[str, str], ...] = field(default_factory=attack_cases)

    @property
    def folder(self) -> Path:
        """Where the bundle goes."""
        return self.out / "bundle"

    @property
    def data(self) -> dict[str, Any]:
        """What the new bundle's card says of its making."""
        sets = {name: {"patients": count, "days": days} for name, (count, days) in self.sizes.items()}
        return {"source": "synthetic", **sets, "model": self.model_sha256, "parent": self.current.sha256}

    def work(self, *who: str) -> WorkFolder:
        """Return where finished stages lie that depend on all of this and on `who`."""
        about = (self.seed, asdict(replace(self.effort, processes=1)), self.sizes, self.canary_sizes, self.cases)
        return WorkFolder(self.out / "work", repr((about, self.levels, *who)))


def check_promotable(promotion: Promotion) -> None:
    """Raise Misconfigured when no bundle can be made of the model, or none need be."""
    found = {name: array.shape for name, array in promotion.weights.items()}
    if found != autoencoder_shapes():
        raise Misconfigured("the model is not the detector's bottleneck: its arrays have other names or shapes")
    if not all(np.isfinite(array).all() for array in promotion.weights.values()):
        raise Misconfigured("the model holds weights that are not finite: it is refused")
    if all(np.array_equal(array, promotion.current.autoencoder[name]) for name, array in promotion.weights.items()):
        raise Misconfigured(
            f"bundle {promotion.current.sha256[:12]}, which runs, is built on this model: nothing to promote"
        )


def attempt(promotion: Promotion, progress: Progress) -> CanaryResult:
    """Look at the model, learn a bundle around it and try that; what is finished is found again by the next call.

    Blocks for many minutes, unless the first look refuses the model. The bundle lies in `promotion.folder` afterwards (not after
    such a refusal).
    """
    held_out = held_out_of(promotion)
    ours, theirs = _first_looks(promotion, held_out, progress)
    first = first_look(ours, theirs, ("", promotion.current.sha256), promotion.seed)
    if not first.passed:
        return first
    candidate = candidate_bundle(promotion, progress)
    judged = []
    for bundle, stage in ((promotion.current, "canary: current"), (candidate, "canary: new")):
        work = promotion.work(promotion.current.sha256, bundle.sha256)

        def report(share: float, text: str, stage: str = stage) -> None:
            progress(stage, share, text)

        judged.append(outcomes(bundle, held_out, work, promotion.effort.processes, report))
        report(1.0, "done")
    names = (candidate.sha256, promotion.current.sha256)
    return canary_verdict((ours, judged[1]), (theirs, judged[0]), names, promotion.seed)


def write_report(promotion: Promotion, result: CanaryResult) -> None:
    """Write `canary.json` into the promotion's folder, which is not there yet when the first look refuses."""
    report = {"model_sha256": promotion.model_sha256, "seed": promotion.seed, **msgspec.structs.asdict(result)}
    promotion.out.mkdir(parents=True, exist_ok=True)
    (promotion.out / "canary.json").write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def candidate_bundle(promotion: Promotion, progress: Progress) -> Bundle:
    """Return the bundle built on the model: from its folder if it is there, else learnt now and put there whole."""
    if promotion.folder.exists():
        found = load_bundle(promotion.folder)
        if not _is_of(found, promotion):
            raise Misconfigured(f"{promotion.folder} holds the bundle of another promotion; choose another --out")
        for stage in STAGES:
            progress(stage, 1.0, "found finished")
        return found
    learner = Learner(
        cohorts_of(promotion.seed, promotion.sizes), promotion.cases, inject_case, promotion.seed, promotion.effort,
        progress, promotion.work(), dict(promotion.weights),
    )  # fmt: skip
    bundle = train_bundle(learner, promotion.data)
    with folder_that_appears_whole(promotion.folder) as folder:
        return save_bundle(bundle, folder)


def held_out_of(promotion: Promotion) -> HeldOut:
    """Return the canary's patients, whom neither bundle's training has met, and the attacks on them."""
    stays = {
        name: synthetic_stays(
            1000 * (promotion.seed + 1) + CANARY_SEEDS[name], patients, days * DAY_MIN,
            deteriorating_share=ILL_SHARE if name == "clean" else 0.0,
        )
        for name, (patients, days) in promotion.canary_sizes.items()
    }  # fmt: skip
    cases = tuple((name, level) for name, level in promotion.cases if level in promotion.levels)
    return HeldOut(
        stays["clean"], stays["attacked"], cases, inject_case, dict(promotion.current.canary), promotion.seed
    )


def _first_looks(promotion: Promotion, held_out: HeldOut, progress: Progress) -> tuple[Rebuilt, Rebuilt]:
    """Return how the model rebuilds, and how the running bundle's autoencoder does."""
    progress("first look", 0.1, "rebuilding clean and attacked windows")
    current = promotion.current
    reconstructor = Reconstructor(current.autoencoder, current.blind_spot, BUCKETS)
    theirs = rebuilt(reconstructor, held_out)
    reconstructor.swap(promotion.weights, current.blind_spot)
    ours = rebuilt(reconstructor, held_out)
    progress("first look", 1.0, "done")
    return ours, theirs


def _is_of(bundle: Bundle, promotion: Promotion) -> bool:
    card = bundle.metadata
    wanted = {
        "seed": promotion.seed,
        "effort": {**asdict(promotion.effort), "processes": 0},
        "data": promotion.data,
    }
    found = {name: card.get(name) for name in wanted}
    if isinstance(found["effort"], dict):
        found["effort"] = {**found["effort"], "processes": 0}
    return bool(msgspec.json.encode(found, order="sorted") == msgspec.json.encode(wanted, order="sorted"))
