"""`fedsecure train`: make a detector bundle from recordings of real patients, simulated ones, and the attacks of replay."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.errors import Misconfigured
from fedsecure.extras import require_extra
from fedsecure.options import Processes, finite
from fedsecure.output_files import check_target, check_writable, folder_that_appears_whole, writes_into
from fedsecure.simulated import SIMULATED_ALONE, simulated_stays
from fedsecure.study_output import said_when_stopped, stage_bars
from fedsecure.study_workers import Backend, Scheduler, Workers

if TYPE_CHECKING:
    from detectors.bundle.bundle import Bundle
    from detectors.training.training import Training

GOES_ON = "the same command goes on from the last finished stage"


def train(
    *,
    out: Annotated[Path, typer.Option(help="Folder for the bundle; it must not exist yet or be empty.")],
    recordings: Annotated[
        list[Path] | None,
        typer.Option(
            help="Files or folders with recordings of real patients, as for `fedsecure replay`; repeatable. They alone then set "
            "scales and threshold. A patient needs 14 hours, better two days; fifty patients are a good number, ten the least."
        ),
    ] = None,
    simulated: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=100_000,
            help=f"Simulated patients as references beside the real ones (default: none beside recordings, {SIMULATED_ALONE} alone).",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=4_294_967_295, help="Seed of simulated patients, attacks, folds and weights.")
    ] = 1,
    budget: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=0.5,
            callback=finite,
            help="False exclusions a device-week that the threshold may cost the calibration patients; other hospitals' patients "
            "cost about twice that.",
        ),
    ] = 0.10,
    quick: Annotated[
        bool, typer.Option("--quick", help="A small, badly trained bundle in a minute or two, to try things out.")
    ] = False,
    processes: Processes = 2,
    backend: Backend = "processes",
    scheduler: Scheduler = None,
    work: Annotated[Path | None, typer.Option(help="Folder for finished stages (default OUT.work).")] = None,
) -> None:
    """Train the detector: Bi-LSTM, baseline of the references, DNNs, scales and threshold; about ten minutes on two cores.

    The network learns from simulated patients. What is normal, how rare it is and what attacks look like comes from the
    recordings; the threshold is set by patients each of whom was scored by a model that had not seen him. Without
    recordings simulated patients do all of it, and the figures on the card are worth accordingly little.

    No recording goes into the bundle: its canary windows are simulated. The card (metadata.json) names every patient by
    device id and use. Stopped half-way, the same command goes on from the last finished stage. Use the result with
    FEDSECURE_BUNDLE_DIR or `fedsecure score --bundle`.

    Examples:

    - `fedsecure train --recordings icu-minutes/ --out my-bundle --seed 7`

    - `fedsecure train --recordings ward-7/ --simulated 40 --budget 0.05 --out ward-bundle`

    - `fedsecure train --out my-bundle --quick`
    """
    require_extra("train", "fedsecure train")
    workers = Workers(backend, scheduler, processes)
    workers.check("fedsecure train")
    check_target(out)
    kept = work or out.with_name(f"{out.name}.work")
    check_writable(kept, "--work")
    training, key = _training(recordings or [], simulated, seed, budget, quick)
    if not recordings:
        typer.echo(
            "no --recordings: norm and threshold come from simulated patients alone; expect several times the false exclusions "
            "that the card states",
            err=True,
        )
    from detectors.bundle.bundle import save_bundle

    trained = _trained(training, kept, key, workers)
    with folder_that_appears_whole(out) as folder:
        sha256 = save_bundle(trained, folder).sha256
    if work is None:
        shutil.rmtree(kept, ignore_errors=True)
    typer.echo(f"bundle {sha256[:12]} in {out}")


def _training(paths: list[Path], simulated: int | None, seed: int, budget: float, quick: bool) -> tuple[Training, str]:
    """Return the training, and a key that names everything it depends on."""
    from detectors.decisions.votes import AGREE
    from detectors.statistics.registry import columns
    from detectors.training.cohort import Population, UnmarkedStay, fingerprint
    from detectors.training.training import QUICK, Training, TrainingBudget
    from experiments.common.injection import core_cases, inject_case
    from replay.sources import read_recordings

    real = read_recordings(paths) if paths else []
    populations = [Population("real", [UnmarkedStay(recording) for recording in real], is_real=True)] if real else []
    count = simulated if simulated is not None else (0 if real else None)
    if count != 0:
        stays = simulated_stays("references", seed, quick, count)
        populations.append(Population("simulated", stays, is_real=False))
    if not populations:
        raise Misconfigured("--simulated 0 without --recordings leaves nobody to learn from")
    training = Training(
        populations=tuple(populations),
        network_stays=simulated_stays("network", seed, quick),
        canary_stays=simulated_stays("canary", seed, quick),
        cases=core_cases(),
        inject=inject_case,
        seed=seed,
        budget=budget,
        effort=QUICK if quick else TrainingBudget(),
    )
    return training, repr(
        (seed, budget, training.effort, count, list(map(fingerprint, real)), training.cases, AGREE, columns())
    )


def _trained(training: Training, work: Path, key: str, workers: Workers) -> Bundle:
    from detectors.training.tensorflow import limit_threads
    from detectors.training.trainer import STAGES, train_detector
    from detectors.training.workfolder import WorkFolder

    limit_threads()
    with (
        said_when_stopped(GOES_ON),
        writes_into(work, "--work"),
        workers.used(goes_on=GOES_ON) as carry_out,
        stage_bars(STAGES) as progress,
    ):
        return train_detector(training, WorkFolder(work, key), progress, carry_out)
