"""`fedsecure cohort`: hold the synthetic patients, on which the detector is trained, against real recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fedsecure.options import command_again
from fedsecure.output_files import check_writable, write_files
from fedsecure.study_output import count_bar

DAYS, QUICK_DAYS = 4, 2
PATIENTS, QUICK_PATIENTS = 200, 24
DRAWS, QUICK_DRAWS = 1000, 100
DETERIORATING_SHARE = 0.25  # as many as in an ordinary ward of the ill, and enough of each kind to look at


def cohort(
    out: Annotated[Path, typer.Option(help="Folder for cohort.json, cohort.csv and report.html.")],
    recordings: Annotated[
        list[Path],
        typer.Option(
            help="Real recordings, a file or a folder in any format that `fedsecure score` reads. Repeatable."
        ),
    ],
    patients: Annotated[
        int | None, typer.Option(min=8, max=100_000, help="Synthetic patients (default 200; quick 24).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=4_294_967_295, help="Seed of the patients and of the bootstrap.")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="Few short stays and few draws, to try things out.")] = False,
) -> None:
    """Compare the synthetic cohort with real recordings: levels, variability, memory, coupling, gaps.

    Groups of five or more real recordings are compared as distributions (Kolmogorov-Smirnov and Wasserstein distance with
    bootstrap intervals); single records of a monitor are placed among the synthetic patients. About half a minute.

    Examples:

    - `fedsecure cohort --out cohort-report --recordings mimic3-waveforms`

    - `fedsecure cohort --out cohort-report --recordings set-a --recordings CHARTEVENTS.csv --seed 5`
    """
    check_writable(out)
    from experiments.cohort.comparison import CohortPlan, compare, groups_for, steps_of
    from experiments.cohort.files import report_files
    from experiments.cohort.page import findings

    plan = CohortPlan(
        seed=seed,
        patients=patients or (QUICK_PATIENTS if quick else PATIENTS),
        days=QUICK_DAYS if quick else DAYS,
        deteriorating_share=DETERIORATING_SHARE,
        draws=QUICK_DRAWS if quick else DRAWS,
    )
    groups = groups_for(plan, recordings)
    steps, names = steps_of(groups), []
    with count_bar("comparing") as advance:

        def done(what: str) -> None:
            names.append(what)
            advance(len(names), steps, what)

        report = compare(plan, groups, done)
    given = {"out": "DIR", "recordings": recordings, "patients": plan.patients, "seed": plan.seed, "quick": quick}
    write_files(out, report_files(report, command_again("cohort", given)))
    for sentence in findings(report):
        typer.echo(sentence)
    typer.echo(f"report: {out / 'report.html'}", err=True)
