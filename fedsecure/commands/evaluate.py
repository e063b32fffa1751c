"""`fedsecure evaluate`: judge the detector on patients and attacks that taught it nothing, with intervals, goals and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedsecure.extras import require_extra
from fedsecure.options import Processes, command_again
from fedsecure.output_files import check_writable, shared_file, write_files, writes_into
from fedsecure.study_output import GOES_ON, said_when_stopped, stage_bars
from fedsecure.study_workers import Backend, Scheduler, Workers

if TYPE_CHECKING:
    from detectors.bundle.bundle import Bundle
    from experiments.evaluation.judging.study import Study
    from experiments.evaluation.measurement.cohort import Cohort
    from experiments.evaluation.plan import EvaluationPlan

WORK_FOLDER = "work"


def evaluate(
    *,
    out: Annotated[
        Path,
        typer.Option(help="Folder for results.json, CSV files, summary.md, pictures, report.html and finished stages."),
    ],
    recordings: Annotated[
        list[Path] | None,
        typer.Option(
            help="Files or folders with recordings of real patients, as for `fedsecure replay`; repeatable. They are judged in "
            "folds; without any, simulated patients are."
        ),
    ] = None,
    forecast_times: Annotated[
        list[Path] | None,
        typer.Option(
            help="CSV with device_id,t0 (UTC): a hypotensive episode begins within the two hours after t0. Repeatable "
            "(default: forecast_times.csv in the folders of --recordings)."
        ),
    ] = None,
    attack: Annotated[
        list[str] | None,
        typer.Option(
            help="Evaluate these attacks beside the five core ones: a name, an own module:function or file.py:function, or all. "
            "Repeatable (default: all; with --quick none)."
        ),
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of the bundle whose network is judged (default: what ships).")
    ] = None,
    folds: Annotated[
        int, typer.Option(min=3, max=100, help="Folds by patient, each judged by what the others taught.")
    ] = 5,
    seed: Annotated[
        int, typer.Option(min=0, max=4_294_967_295, help="First seed of onsets, attacks, folds and weights.")
    ] = 1,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="How many seeds; --quick has one.")] = 3,
    simulated: Annotated[
        int | None,
        typer.Option(
            min=0, max=100_000, help="Simulated patients, judged second (default 40; alone 60; fewer with --quick)."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Thirty-two patients, five days, one seed, no side studies: two minutes.")
    ] = False,
    processes: Processes = 2,
    backend: Backend = "processes",
    scheduler: Scheduler = None,
) -> None:
    """Evaluate the detector: attacks by level, false exclusions, episodes, unseen families, ablations, baselines; some 20 minutes.

    Every patient is judged by scales, DNNs and a threshold that other patients taught, fixed before he is looked at. The
    network is the bundle's, which has learnt from simulated patients alone. Stopped with Ctrl-C, the same command goes on
    after what is finished.

    Examples:

    - `fedsecure evaluate --recordings icu-minutes/ --out evaluation`

    - `fedsecure evaluate --recordings ward-7/ --attack my_attack.py:alter --quick --out try`

    - `fedsecure evaluate --quick --out simulated`
    """
    require_extra("train", "fedsecure evaluate", "sklearn")
    workers = Workers(backend, scheduler, processes)
    workers.check("fedsecure evaluate")
    from detectors.bundle.bundle import DEFAULT_BUNDLE, load_bundle
    from experiments.common.forecast_times import episodes_of, forecasts_in
    from experiments.evaluation.plan import plan_for
    from experiments.evaluation.report.files import files_of
    from experiments.evaluation.report.page import build_page, picture_files
    from experiments.evaluation.report.words import sentences
    from experiments.evaluation.results.document import results_of
    from experiments.report.numbers import json_bytes, plain

    check_writable(out)
    given = recordings or []
    plan = plan_for(attack or [], seed, seeds, folds, simulated, quick=quick, alone=not given)
    judge = load_bundle(bundle or DEFAULT_BUNDLE)
    episodes = episodes_of(forecast_times or forecasts_in(given))
    cohort = _cohort(plan, given, judge)
    study = _studied(out / WORK_FOLDER, plan, cohort, judge, workers)
    others = {"bundle": [bundle], "forecast-times": forecast_times, "simulated": [simulated]}
    command = _command(plan, given, attack or [], quick, others)
    document = plain(results_of(study, episodes, command, judge.sha256))
    files = {**files_of(document), **picture_files(document), "report.html": build_page(document, cohort)}
    write_files(out, {"results.json": json_bytes(document), **files})
    typer.echo(sentences(document, "headline"))
    typer.echo(f"report: {out / 'report.html'}", err=True)


def _cohort(plan: EvaluationPlan, paths: list[Path], bundle: Bundle) -> Cohort:
    """Return who takes part. Raises Misconfigured when one of them taught the network."""
    from experiments.evaluation.measurement.cohort import check_cohort, cohort_of, limited, simulated_cohort
    from replay.sources import read_recordings

    if not paths:
        typer.echo("no --recordings: simulated patients are judged, which says little about real ones", err=True)
    cohort = cohort_of(limited(read_recordings(paths), plan) if paths else [], simulated_cohort(plan))
    check_cohort(cohort, bundle.metadata, plan.folds)
    return cohort


def _studied(folder: Path, plan: EvaluationPlan, cohort: Cohort, bundle: Bundle, workers: Workers) -> Study:
    from detectors.training.tensorflow import limit_threads
    from experiments.evaluation.judging.study import run_study, stage_names, work_folders

    limit_threads()
    network = bundle.parameters.network
    work = work_folders(folder.resolve(), plan, cohort, network)
    own = [Path(name.rpartition(":")[0]) for name, _ in plan.cases if ".py:" in name]
    with (
        writes_into(folder),
        said_when_stopped(GOES_ON),
        shared_file(folder.resolve()) as seen,
        workers.used([seen, *dict.fromkeys(own)]) as carry_out,
        stage_bars(stage_names(plan)) as progress,
    ):
        return run_study(plan, cohort, network, work, carry_out, progress)


def _command(
    plan: EvaluationPlan,
    paths: list[Path],
    attacks: list[str],
    quick: bool,
    others: Mapping[str, Sequence[Path | int | None] | None],
) -> str:
    """What to type for the same report."""
    from experiments.evaluation.plan import shown_name

    length = {"quick": True} if quick else {"seeds": plan.seeds}
    cohort = {"recordings": paths, "attack": list(map(shown_name, attacks)), **others}
    return command_again("evaluate", {**cohort, "folds": plan.folds, "seed": plan.seed, **length, "out": "DIR"})
