"""`fedsecure paper`: the paper's own tables and figures on this detector's machinery, each beside the honest figure."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.errors import Misconfigured

if TYPE_CHECKING:
    from experiments.paper_exhibits import Exhibit
    from experiments.paper_plan import PaperPlan
    from experiments.paper_study import Progress, Study
    from replay.recording import Recording

STAGES_FOLDER = "stages"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("paper")(paper)


def paper(
    out: Annotated[
        Path, typer.Option("--out", help="Folder for results.json, results.csv, report.html and the finished stages.")
    ],
    recordings: Annotated[
        list[Path] | None,
        typer.Option(
            "--recordings",
            help="Recordings to use instead of synthetic patients, a file or a folder in any format that `fedsecure score` "
            "reads. Repeatable; the five with the most valid minutes are used.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of patients, attacks and weights.")] = 1,
    quick: Annotated[
        bool, typer.Option("--quick", help="Short recordings and few epochs, to try things out: two minutes.")
    ] = False,
) -> None:
    """Reproduce the paper's tables and figures on detection, each beside the honest figure; about ten minutes on one core.

    The paper used 50,401 minutes of five patients of MIMIC-III. Without --recordings five synthetic patients of the same
    total length stand in for them. Stopped with Ctrl-C, the same command goes on after the last finished stage.

    Examples:

    - `fedsecure paper --out paper-report`

    - `fedsecure paper --out paper-report --recordings mimic3-waveforms --seed 5`

    - `fedsecure paper --out paper-try --quick`
    """
    from experiments import paper_plan
    from experiments.paper_words import data_sentence

    plan = _seeded(paper_plan.QUICK if quick else paper_plan.FULL, seed)
    study = _studied(out, plan, _patients(plan, recordings or []))
    typer.echo(data_sentence(study))
    for exhibit in _write(out, study, _command(recordings or [], seed, quick)):
        typer.echo(f"{exhibit.title}. {exhibit.difference}")
    typer.echo(f"report: {out / 'report.html'}", err=True)


def _seeded(plan: PaperPlan, seed: int) -> PaperPlan:
    from dataclasses import replace

    return replace(plan, seed=seed)


def _patients(plan: PaperPlan, paths: list[Path]) -> list[Recording]:
    from experiments.paper_patients import chosen_patients, synthetic_patients
    from replay.sources import read_recordings

    return chosen_patients(read_recordings(paths), plan) if paths else synthetic_patients(plan)


def _studied(out: Path, plan: PaperPlan, patients: list[Recording]) -> Study:
    from detectors.scoring.tensorflow_runtime import limit_threads
    from experiments.paper_stages import Stages
    from experiments.paper_study import run_study, stage_names, study_options

    stages = Stages(out / STAGES_FOLDER)
    try:
        changed = stages.begin(study_options(plan, patients))
    except OSError as error:
        raise _cannot_write(out, error) from None
    if changed:
        told = ", ".join(name.replace("_", " ") for name in changed)
        typer.echo(f"starting anew: {told} differ from those of the stages in {out / STAGES_FOLDER}", err=True)
    limit_threads()  # one thread: sums in one order, so that the same options give the same numbers
    with _progress(stage_names(patients)) as progress:
        return run_study(plan, patients, stages, progress)


def _write(out: Path, study: Study, command: str) -> list[Exhibit]:
    import matplotlib as mpl
    import msgspec
    from matplotlib.figure import Figure

    from experiments.paper_exhibits import exhibits
    from experiments.paper_files import results_csv, results_document
    from experiments.paper_page import build_page
    from experiments.paper_results import results_of
    from fedsecure.report.svg import STYLE, to_svg

    results = results_of(study)
    css = files("fedsecure.report").joinpath("report.css").read_text(encoding="utf-8")
    document = msgspec.json.format(msgspec.json.encode(results_document(study, results, command))) + b"\n"
    with mpl.rc_context(STYLE):
        shown = [
            (one, to_svg(one.shown, one.name, one.difference) if isinstance(one.shown, Figure) else "")
            for one in exhibits(study, results)
        ]
    try:
        (out / "results.json").write_bytes(document)
        (out / "results.csv").write_text(results_csv(study, results), encoding="utf-8")
        (out / "report.html").write_text(build_page(study, shown, css, command), encoding="utf-8")
    except OSError as error:
        raise _cannot_write(out, error) from None
    return [one for one, _ in shown]


def _cannot_write(out: Path, error: OSError) -> Misconfigured:
    return Misconfigured(f"cannot write into {out}: {error.strerror or error}; choose another --out")


def _command(paths: list[Path], seed: int, quick: bool) -> str:
    """What to type for the same report; of paths only the last part, as the rest is this machine's."""
    given = "".join(f" --recordings {path.resolve().name}" for path in paths)
    return f"fedsecure paper --out DIR{given} --seed {seed}{' --quick' if quick else ''}"


@contextmanager
def _progress(stages: list[str]) -> Iterator[Progress]:
    """On a terminal a bar a stage; elsewhere a line for each stage that is finished."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    shown = sys.stderr.isatty()
    columns = (TextColumn("{task.description:24}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[text]}"))
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as bars:
        tasks = {stage: bars.add_task(stage, total=1.0, start=False, text="") for stage in stages}

        def advance(stage: str, share: float, text: str, *, kept: bool = False) -> None:
            bars.start_task(tasks[stage])
            bars.update(tasks[stage], completed=share, text=text)
            if share >= 1 and not shown:
                typer.echo(f"{stage}: {'kept from before' if kept else 'done'}", err=True)

        yield advance
