"""`fedsecure federate`: the paper's federation runs and their honest form, with the live detector as the gate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.errors import Misconfigured
from fedsecure.commands.federate_patients import PatientsAsked, federate_patients
from fedsecure.extras import require_extra
from fedsecure.options import Processes, command_again, finite
from fedsecure.output_files import check_writable, write_files, writes_into
from fedsecure.study_output import count_bar, say_changes
from fedsecure.study_workers import Backend, Scheduler, Workers

if TYPE_CHECKING:
    from experiments.federation.plan import Plan
    from experiments.federation.study import Study
    from experiments.privacy.plan import PrivacyPlan
    from experiments.privacy.study import PrivacyStudy

WORK_FOLDER = "work"


def federate(
    *,
    out: Annotated[
        Path, typer.Option(help="Folder for results.json, the CSV tables, report.html and the finished runs.")
    ],
    recordings: Annotated[
        list[Path] | None,
        typer.Option(
            help="Files or folders with recordings of real patients, as for `fedsecure replay`; repeatable. They are the devices of "
            "another, larger study: what poison costs them, and what gates and rules give back."
        ),
    ] = None,
    forecast_times: Annotated[
        list[Path] | None,
        typer.Option(
            help="CSV with device_id,t0,group: a hypotensive episode begins within the hour after t0 in groups h1 and h2. Repeatable "
            "(default: forecast_times.csv in the folders of --recordings)."
        ),
    ] = None,
    five: Annotated[
        str,
        typer.Option(help="With --recordings: five device ids, by commas, on whom the paper's Table II is run too."),
    ] = "",
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="With --recordings: run this task alone; repeatable (default: all, in the order of the plan)."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="One seed and few runs, to try things out: five minutes at most.")
    ] = False,
    seeds: Annotated[
        int | None, typer.Option(min=1, max=100, help="How many seeds (default 3, with --recordings 5; quick 1).")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=3, max=10_000, help="Rounds a run (default 30; quick 6); without --recordings.")
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(
            help="The detector that gates (default: the one that ships; with --recordings two that are fitted, each without whom it gates)."
        ),
    ] = None,
    processes: Processes = 2,
    backend: Backend = "processes",
    scheduler: Scheduler = None,
    dp_clip: Annotated[
        float | None,
        typer.Option(min=0, max=1e9, callback=finite, help="Privacy section: the longest an update may be (L2 norm)."),
    ] = None,
    dp_noise: Annotated[
        float | None,
        typer.Option(
            min=0, max=1e6, callback=finite, help="Privacy section: this noise, in clips, instead of several."
        ),
    ] = None,
) -> None:
    """Federate devices some of whom are poisoned: without a gate, with the live detector's, with an oracle's.

    Five synthetic patients, the second one poisoned: the paper's six runs (Table II) and what makes them honest: seeds with intervals, one
    device fewer, update defences, attacks on updates, other networks, turned labels. Then the coordinator tries to turn updates
    back into patients' hours. About an hour on two cores, five minutes with --quick.

    With --recordings the devices are real patients, and the study is another one: next-hour forecasts, hypotension and deterioration told
    beforehand, the detector's own network; up to two of five attacked; told by what the others lose. Half an hour.

    Stopped with Ctrl-C, the same command goes on after the last finished run.

    Examples:

    - `fedsecure federate --out federation`

    - `fedsecure federate --recordings icu-minutes/ --out patients`

    - `fedsecure federate --out try --quick`
    """
    require_extra("train", "fedsecure federate")
    workers = Workers(backend, scheduler, processes)
    workers.check("fedsecure federate")
    check_writable(out)
    if recordings:
        asked = PatientsAsked(recordings, forecast_times, five, task or [], seeds, bundle, quick)
        federate_patients(out, asked, workers)
        return
    if forecast_times or five or task:
        raise Misconfigured("--forecast-times, --five and --task speak of recordings: add --recordings")
    plans = _plan(quick, seeds, rounds), _privacy_plan(quick, dp_clip, dp_noise)
    given = {"out": "DIR", "seeds": seeds, "rounds": rounds, "dp-clip": dp_clip or None, "dp-noise": dp_noise or None}
    _federate_synthetic(out, plans, bundle, workers, command_again("federate", {**given, "quick": quick}))


def _federate_synthetic(
    out: Path, plans: tuple[Plan, PrivacyPlan], bundle: Path | None, workers: Workers, command: str
) -> None:
    """Run the paper's experiment on synthetic patients and write what came of it."""
    from experiments.federation.files import results_document, tables
    from experiments.federation.page import build_page, headlines
    from experiments.privacy.page import sections, sentences
    from experiments.privacy.results import privacy_document, privacy_tables
    from experiments.report.numbers import json_bytes

    study, privacy = _studied(out, *plans, bundle, workers)
    document = results_document(study, command) | {"privacy": privacy_document(privacy)}
    texts = {**tables(document), **privacy_tables(document["privacy"])}
    page = build_page(study, command, sections(privacy))
    write_files(out, {"results.json": json_bytes(document), "report.html": page, **texts})
    for sentence in (*headlines(study), *sentences(privacy)):
        typer.echo(sentence)
    typer.echo(f"report: {out / 'report.html'}", err=True)


def _plan(quick: bool, seeds: int | None, rounds: int | None) -> Plan:
    from experiments.federation.plan import FULL, QUICK

    plan = QUICK if quick else FULL
    plan = replace(plan, seeds=tuple(range(1, seeds + 1))) if seeds else plan
    return replace(plan, rounds=rounds) if rounds else plan


def _privacy_plan(quick: bool, clip: float | None, noise: float | None) -> PrivacyPlan:
    from experiments.privacy.plan import FULL, QUICK
    from fl_device.training.privacy import UpdatePrivacy

    UpdatePrivacy(1.0 if clip is None else clip, noise or 0.0)  # refuses what makes no sense
    plan = replace(QUICK if quick else FULL, clip=clip)
    return replace(plan, noises=(noise,)) if noise else plan


def _studied(
    out: Path, plan: Plan, privacy_plan: PrivacyPlan, folder: Path | None, workers: Workers
) -> tuple[Study, PrivacyStudy]:
    from detectors.bundle.bundle import DEFAULT_BUNDLE, FILES, load_bundle
    from detectors.training.tensorflow import limit_threads
    from experiments.common.stages import Stages
    from experiments.federation.study import run_study, study_options
    from experiments.privacy.study import privacy_options, run_privacy

    limit_threads()
    bundle = (folder or DEFAULT_BUNDLE).resolve()
    options = study_options(plan, load_bundle(bundle).sha256)
    runs, looks = Stages(out / WORK_FOLDER), Stages(out / WORK_FOLDER / "privacy")
    with writes_into(out):
        say_changes(runs.begin(options), out / WORK_FOLDER)
        looks.begin(options | privacy_options(privacy_plan))
    with (
        writes_into(out),
        workers.used([bundle / name for name in FILES]) as carry_out,
        count_bar("preparing the patients of the first seed") as progress,
    ):
        study = run_study(plan, bundle, runs, carry_out, progress)
        return study, run_privacy(privacy_plan, plan, bundle, looks, carry_out, progress)
