"""`fedsecure train`: make a detector bundle from a synthetic cohort and the attacks that replay can inject."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from contracts.errors import Misconfigured

if TYPE_CHECKING:
    from detectors.bundle import Bundle
    from detectors.training.cohort import AttackCase, Cohorts, Recording, Vitals
    from detectors.training.trainer import Effort, Progress

DAY_MIN = 1440
DETERIORATING_SHARE = {"reference": 1 / 3, "calibration": 0.1, "test": 0.1}
Sizes = dict[str, tuple[int, int]]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train")(train)


def train(
    out: Annotated[Path, typer.Option("--out", help="Folder for the bundle; it must not exist yet or be empty.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of patients, attacks and weights.")] = 1,
    quick: Annotated[
        bool, typer.Option("--quick", help="A small, badly trained bundle in about two minutes, to try things out.")
    ] = False,
    patients: Annotated[
        int | None, typer.Option("--patients", min=8, help="Reference patients to learn from (default 400; quick 16).")
    ] = None,
    processes: Annotated[
        int, typer.Option("--processes", min=1, help="Worker processes; changes nothing but time.")
    ] = 2,
    work: Annotated[
        Path | None,
        typer.Option(
            "--work", help="Folder for finished stages (default OUT.work); an interrupted training goes on from it."
        ),
    ] = None,
) -> None:
    """Train the detector: autoencoders, networks, scales and thresholds; 20 to 40 minutes on two cores.

    Three disjoint sets of synthetic patients are used: models learn from the first, scales and thresholds come from the
    second, the metrics of the model card (metadata.json) from the third. Stopped half-way, the same command goes on from
    the last finished stage. Use the result with FEDSECURE_BUNDLE_DIR or `fedsecure score --bundle`.

    Examples:

    - `fedsecure train --out my-bundle --seed 7`

    - `fedsecure train --out my-bundle --quick`
    """
    check_target(out)
    kept = work or out.with_name(f"{out.name}.work")
    from detectors.training.trainer import STAGES
    from fedsecure.progress_bars import progress_bars
    from fedsecure.whole_folder import folder_that_appears_whole

    with progress_bars(STAGES) as progress:
        bundle = _trained(seed, effort_of(quick, processes), sizes_of(quick, patients), kept, progress)
    with folder_that_appears_whole(out) as folder:
        from detectors.bundle import save_bundle

        saved = save_bundle(bundle, folder)
    if work is None:
        shutil.rmtree(kept, ignore_errors=True)
    typer.echo(f"bundle {saved.sha256[:12]} in {out}")


def _trained(seed: int, effort: Effort, sizes: Sizes, work: Path, progress: Progress) -> Bundle:
    from dataclasses import replace

    from detectors.training.trainer import Learner, train_bundle
    from detectors.training.workfolder import WorkFolder
    from replay.attacks import ATTACKS

    sets = {name: {"patients": count, "days": days} for name, (count, days) in sizes.items()}
    key = repr((seed, replace(effort, processes=1), sizes, sorted(ATTACKS)))
    learner = Learner(
        cohorts_of(seed, sizes), attack_cases(), inject_case, seed, effort, progress, WorkFolder(work, key)
    )
    return train_bundle(learner, {"source": "synthetic", **sets})


def check_target(out: Path) -> None:
    """Raise Misconfigured unless the folder is still to be made or empty."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Misconfigured(f"{out} exists and is not an empty folder; choose another --out")


def effort_of(quick: bool, processes: int = 2) -> Effort:
    """Return how much work a quick or a whole training puts in."""
    from detectors.training.trainer import Effort

    if quick:
        return Effort(
            autoencoder_patients=8, autoencoder_epochs=2, attacked_patients=8, distortions_per_patient=4,
            network_epochs=2, clean_stride=6, processes=processes,
        )  # fmt: skip
    return Effort(processes=processes)


def sizes_of(quick: bool, patients: int | None = None) -> Sizes:
    """Return (patients, days) of each cohort."""
    if quick:
        return {"reference": (patients or 16, 3), "calibration": (16, 3), "test": (8, 3)}
    return {"reference": (patients or 400, 4), "calibration": (128, 7), "test": (32, 5)}


def attack_cases() -> tuple[tuple[str, str], ...]:
    """Return every (attack, level) that replay can inject, in a fixed order."""
    from replay.attacks import ATTACKS

    return tuple((name, level) for name in sorted(ATTACKS) for level in ATTACKS[name].levels)


def cohorts_of(seed: int, sizes: Sizes) -> Cohorts:
    """Return three populations whose seeds, and so whose patients, differ.

    Many reference patients deteriorate, for the networks to learn what that looks like; in the fleets on which false exclusions are
    counted one in ten does. The reference is mixed, so that any first part of it holds healthy and ill.
    """
    import numpy as np

    from detectors.training.cohort import Cohorts
    from replay.sources.synthetic import synthetic_stays

    made: dict[str, Any] = {
        name: synthetic_stays(
            1000 * (seed + 1) + index,
            patients,
            days * DAY_MIN,
            deteriorating_share=DETERIORATING_SHARE[name],
        )
        for index, (name, (patients, days)) in enumerate(sizes.items())
    }
    order = np.random.default_rng([seed, 9]).permutation(len(made["reference"]))
    return Cohorts(**made | {"reference": [made["reference"][place] for place in order]})


def inject_case(recording: Recording, case: AttackCase) -> tuple[Vitals, Vitals]:
    """Attack a recording; return its heart and respiratory rate afterwards."""
    from replay.attacks import AttackSpec, inject
    from replay.recording import Recording as Replayed

    if not isinstance(recording, Replayed):
        raise TypeError(f"{recording.device_id} is not a recording of replay's")
    spec = AttackSpec(case.name, recording.device_id, case.onset_min, case.duration_min, case.level, case.seed)
    attacked = inject(recording, spec).recording
    return attacked.heart_rate_bpm, attacked.resp_rate_bpm
