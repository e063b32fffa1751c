"""`fedsecure federate`: the paper's federation runs and their honest form, with the live detector as the gate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    quick: Annotated[
        bool, typer.Option("--quick", help="One attack, one seed, six rounds, to try things out: five minutes at most.")
    ] = False,
    seeds: Annotated[int | None, typer.Option(min=1, max=100, help="How many seeds (default 3; quick 1).")] = None,
    rounds: Annotated[int | None, typer.Option(min=3, max=10_000, help="Rounds a run (default 30; quick 6).")] = None,
    bundle: Annotated[Path | None, typer.Option(help="The detector that gates (default: the one that ships).")] = None,
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
    """Federate five devices, the second one poisoned: without a gate, with the live detector's, with an oracle's.

    The paper's six runs (Table II) for each of its attacks, and what makes them honest: seeds with intervals, one device fewer,
    update defences with and without the gate, attacks on updates that no look at the data can see, and how many poisoned minutes are
    trained on with and without the two hours' delay, other networks (the paper's own, a forecaster), and labels that are turned round. Then
    the coordinator tries to turn updates back into patients' hours, with and without clipping and noise. About an hour on two cores, five
    minutes with --quick. Stopped with Ctrl-C,
    the same command goes on after the last finished run.

    Examples:

    - `fedsecure federate --out federation`

    - `fedsecure federate --out try --quick`
    """
    require_extra("train", "fedsecure federate")
    workers = Workers(backend, scheduler, processes)
    workers.check("fedsecure federate")
    check_writable(out)
    from experiments.federation.files import results_document, tables
    from experiments.federation.page import build_page, headlines
    from experiments.privacy.page import sections, sentences
    from experiments.privacy.results import privacy_document, privacy_tables
    from experiments.report.numbers import json_bytes

    plan = _plan(quick, seeds, rounds)
    privacy_plan = _privacy_plan(quick, dp_clip, dp_noise)
    study, privacy = _studied(out, plan, privacy_plan, bundle, workers)
    given = {"out": "DIR", "seeds": seeds, "rounds": rounds, "dp-clip": dp_clip or None, "dp-noise": dp_noise or None}
    command = command_again("federate", {**given, "quick": quick})
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
