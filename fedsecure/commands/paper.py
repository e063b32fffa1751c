"""`fedsecure paper`: the paper's own tables and figures on this detector's machinery, each beside the honest figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedsecure.extras import require_extra
from fedsecure.options import command_again
from fedsecure.output_files import check_writable, write_files, writes_into
from fedsecure.study_output import say_changes, stage_bars

if TYPE_CHECKING:
    from experiments.paper.patients import PaperPlan
    from experiments.paper.study import Study
    from replay.recording import Recording

STAGES_FOLDER = "stages"


def paper(
    out: Annotated[
        Path, typer.Option(help="Folder for results.json, results.csv, report.html and the finished stages.")
    ],
    recordings: Annotated[
        list[Path] | None,
        typer.Option(
            help="Recordings to use instead of synthetic patients, a file or a folder in any format that `fedsecure score` "
            "reads. Repeatable; the five with the most valid minutes are used."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=4_294_967_295, help="Seed of patients, attacks and weights.")] = 1,
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
    require_extra("train", "fedsecure paper", "sklearn")
    check_writable(out)
    from experiments.paper import patients as paper_patients
    from experiments.paper.report.files import report_files
    from experiments.paper.report.page import data_sentence, exhibits
    from experiments.paper.results import results_of
    from replay.sources import read_recordings

    plan = replace(paper_patients.QUICK if quick else paper_patients.FULL, seed=seed)
    patients = (
        paper_patients.chosen_patients(read_recordings(recordings), plan)
        if recordings
        else paper_patients.synthetic_patients(plan)
    )
    study = _studied(out, paper_patients.plan_for(plan, patients), patients)
    given = {"out": "DIR", "recordings": recordings, "seed": seed, "quick": quick}
    results = results_of(study)
    shown = exhibits(study, results)
    write_files(out, report_files(study, results, shown, command_again("paper", given)))
    typer.echo(data_sentence(study))
    for exhibit in shown:
        typer.echo(f"{exhibit.title}. {exhibit.reading}")
    typer.echo(f"report: {out / 'report.html'}", err=True)


def _studied(out: Path, plan: PaperPlan, patients: list[Recording]) -> Study:
    from detectors.training.tensorflow import limit_threads
    from experiments.common.stages import Stages
    from experiments.paper.study import run_study, stage_names, study_options

    stages = Stages(out / STAGES_FOLDER)
    with writes_into(out):
        say_changes(stages.begin(study_options(plan, patients)), out / STAGES_FOLDER)
    limit_threads()  # one thread: sums in one order, so that the same options give the same numbers
    with stage_bars(stage_names(patients)) as progress:
        return run_study(plan, patients, stages, progress)
