"""`fedsecure train`: make a detector bundle from a synthetic cohort and the attacks that replay can inject."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from contracts.errors import Misconfigured

if TYPE_CHECKING:
    from detectors.bundle import Bundle
    from detectors.training.cohort import AttackCase, Cohorts, Recording, Vitals
    from detectors.training.trainer import Progress

DAYS_MIN = 1440
DETERIORATING_SHARE = {"reference": 0.25, "calibration": 0.1, "test": 0.1}


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
        int | None, typer.Option("--patients", min=8, help="Reference patients to learn from (default 48; quick 16).")
    ] = None,
) -> None:
    """Train the detector: autoencoder, classifier, thresholds; 10 to 20 minutes on two cores.

    Three disjoint sets of synthetic patients are used: models learn from the first, thresholds come from the second,
    the metrics in metadata.json from the third. Use the result with FEDSECURE_BUNDLE_DIR or `fedsecure score --bundle`.

    Examples:

    - `fedsecure train --out my-bundle --seed 7`

    - `fedsecure train --out my-bundle --quick`
    """
    _check_target(out)
    with _progress() as progress:
        bundle = _trained(seed, quick, _sizes(quick, patients), progress)
    with _folder_that_appears_whole(out) as folder:
        from detectors.bundle import save_bundle

        saved = save_bundle(bundle, folder)
    typer.echo(f"bundle {saved.sha256[:12]} in {out}")


def _trained(seed: int, quick: bool, sizes: dict[str, tuple[int, int]], progress: Progress) -> Bundle:
    from detectors.training.trainer import Effort, train_bundle
    from replay.attacks import ATTACKS

    effort = Effort(autoencoder_epochs=4, classifier_epochs=3, distortions_per_patient=12) if quick else Effort()
    cases = [(attack.name, level) for attack in ATTACKS.values() for level in attack.levels]
    sets = {name: {"patients": count, "days": days} for name, (count, days) in sizes.items()}
    return train_bundle(
        _cohorts(seed, sizes),
        cases,
        _inject,
        seed=seed,
        effort=effort,
        progress=progress,
        data={"source": "synthetic", **sets},
    )


def _check_target(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Misconfigured(f"{out} exists and is not an empty folder; choose another --out")


def _sizes(quick: bool, patients: int | None) -> dict[str, tuple[int, int]]:
    """Return (patients, days) of each cohort."""
    if quick:
        return {"reference": (patients or 16, 2), "calibration": (24, 2), "test": (8, 2)}
    return {"reference": (patients or 48, 3), "calibration": (128, 4), "test": (96, 4)}


def _cohorts(seed: int, sizes: dict[str, tuple[int, int]]) -> Cohorts:
    """Three populations whose seeds, and so whose patients, differ.

    Many reference patients deteriorate, for the classifier to learn what that looks like; in the fleets on which false exclusions are
    counted one in ten does.
    """
    from detectors.training.cohort import Cohorts
    from replay.sources.synthetic import synthetic_stays

    made: dict[str, Any] = {
        name: synthetic_stays(
            1000 * (seed + 1) + index,
            patients,
            days * DAYS_MIN,
            deteriorating_share=DETERIORATING_SHARE[name],
        )
        for index, (name, (patients, days)) in enumerate(sizes.items())
    }
    return Cohorts(**made)


def _inject(recording: Recording, case: AttackCase) -> tuple[Vitals, Vitals]:
    from replay.attacks import AttackSpec, inject
    from replay.recording import Recording as Replayed

    if not isinstance(recording, Replayed):
        raise TypeError(f"{recording.device_id} is not a recording of replay's")
    spec = AttackSpec(case.name, recording.device_id, case.onset_min, case.duration_min, case.level, case.seed)
    attacked = inject(recording, spec).recording
    return attacked.heart_rate_bpm, attacked.resp_rate_bpm


@contextmanager
def _progress() -> Iterator[Any]:
    """Show a bar a stage, and yield the callback that moves them."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from detectors.training.trainer import STAGES

    columns = (TextColumn("{task.description:12}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[text]}"))
    with Progress(*columns) as bars:
        tasks = {stage: bars.add_task(stage, total=1.0, start=False, text="") for stage in STAGES}

        def advance(stage: str, share: float, text: str) -> None:
            bars.start_task(tasks[stage])
            bars.update(tasks[stage], completed=share, text=text)

        yield advance


@contextmanager
def _folder_that_appears_whole(out: Path) -> Iterator[Path]:
    """Yield a folder beside `out` that takes its place at the end, or vanishes with an error or Ctrl-C."""
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield unfinished
        unfinished.chmod(0o755)
        unfinished.replace(out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
