"""`fedsecure evaluate`: judge the detector on attacks and patients that it has never met, with intervals, goals and pictures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.errors import Misconfigured, Unavailable

if TYPE_CHECKING:
    from detectors.bundle import Bundle
    from detectors.training.trainer import Learner
    from detectors.training.workfolder import WorkFolder
    from experiments.attack_grid_question import Question
    from experiments.grid_progress import Progress
    from experiments.grid_protocol import Protocol
    from experiments.grid_results import Results

WORK_FOLDER = "work"
GOES_ON = "the same command goes on from the last finished stage"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate)


def evaluate(
    *,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="Folder for results.json, CSV files, summary.md, detection.svg, report.html and finished stages.",
        ),
    ],
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="Folder of the detector to judge (default: the one that ships).")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few devices and no learning anew: five minutes instead of 45.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the test patients and of the attacks.")] = 1,
    processes: Annotated[
        int, typer.Option("--processes", min=1, help="Worker processes; changes nothing but time.")
    ] = 2,
    recordings: Annotated[
        list[Path] | None,
        typer.Option(
            "--recordings",
            help="Own recordings to judge as well, a file or a folder in any format that `fedsecure score` reads. Repeatable.",
        ),
    ] = None,
    attack_plan: Annotated[
        Path | None,
        typer.Option(
            "--attack-plan", help="Attacks to inject into the own recordings, a YAML list as for `fedsecure replay`."
        ),
    ] = None,
    attack: Annotated[
        list[str] | None,
        typer.Option(
            "--attack",
            help="Evaluate these attacks only: a name, an own module:function or file.py:function, or all. Repeatable.",
        ),
    ] = None,
    enrolment: Annotated[
        int, typer.Option("--enrolment", help="The headline's enrolment in minutes, 600 or 1440; the core has both.")
    ] = 1440,
) -> None:
    """Evaluate the detector: every attack and level, false exclusions, unseen families, ablations, baselines, real records.

    Test patients are synthetic and none of them was trained on: that is checked. About 45 minutes on two cores, five minutes with
    --quick. Stopped with Ctrl-C, the same command goes on from the last finished stage.

    Examples:

    - `fedsecure evaluate --out evaluation`

    - `fedsecure evaluate --out try --quick --attack all --attack my_attack.py:alter`

    - `fedsecure evaluate --out ward --quick --recordings ward-7/ --attack-plan attacks.yaml`
    """
    from experiments.grid_protocol import protocol_for
    from experiments.grid_words import headline_sentences

    protocol = protocol_for(quick=quick, seed=seed, enrolment_min=enrolment)
    question = _question(protocol, _bundle(bundle), attack or ["all"], recordings or [], attack_plan, processes)
    results = _evaluated(out, question, processes)
    _write(out, results, _command(protocol, recordings or [], attack_plan, attack or [], quick))
    for sentence in headline_sentences(results):
        typer.echo(sentence)
    typer.echo(f"report: {out / 'report.html'}", err=True)


def _bundle(folder: Path | None) -> Bundle:
    from detectors.bundle import DEFAULT_BUNDLE, load_bundle

    return load_bundle(folder or DEFAULT_BUNDLE)


def _question(
    protocol: Protocol, bundle: Bundle, attacks: list[str], paths: list[Path], plan: Path | None, processes: int
) -> Question:
    from experiments.attack_grid_question import Question
    from experiments.grid_protocol import cases_of
    from experiments.grid_real import check_plan
    from replay.attacks import read_attack_plan
    from replay.sources import read_recordings

    planned = read_attack_plan(plan) if plan else []
    recordings = read_recordings(paths) if paths else []
    if planned and not recordings:
        raise Misconfigured("--attack-plan attacks own recordings: name them with --recordings")
    check_plan(recordings, planned)
    question = Question(
        protocol, bundle, learner_of(bundle, processes), cases_of(attacks), tuple(recordings), tuple(planned)
    )
    question.check()
    return question


def learner_of(bundle: Bundle, processes: int) -> Learner:
    """Return how the bundle was trained, as its card says, to rebuild its cohorts and to learn anew."""
    from dataclasses import replace

    from detectors.training.trainer import Effort, Learner
    from detectors.training.workfolder import WorkFolder
    from fedsecure.commands.train import attack_cases, cohorts_of, inject_case

    card = bundle.metadata
    try:
        data = card["data"]
        sizes = {
            name: (int(data[name]["patients"]), int(data[name]["days"]))
            for name in ("reference", "calibration", "test")
        }
        seed, effort = int(card["seed"]), replace(Effort(**card["effort"]), processes=processes)
    except (KeyError, TypeError, ValueError):
        raise Misconfigured(
            "the bundle's card does not say on which synthetic patients it was trained, so nobody can tell whether a test patient "
            "was among them; train one with `fedsecure train`"
        ) from None
    return Learner(cohorts_of(seed, sizes), attack_cases(), inject_case, seed, effort, _unheard, WorkFolder(Path(), ""))


def _unheard(stage: str, share: float, text: str) -> None:
    """Nobody hears of the learner's own stages."""


def _evaluated(out: Path, question: Question, processes: int) -> Results:
    from concurrent.futures.process import BrokenProcessPool

    from detectors.training.pool import pool
    from detectors.training.trace_jobs import Means
    from experiments.attack_grid import evaluate as run
    from experiments.attack_grid_judged import stage_names
    from experiments.grid_traces import Workbench

    work, bundle, known = _begun(out, question), question.bundle, question.bundle.knowledge
    means = Means(known.expectations, known.population)
    with (
        stage_bars(stage_names(question.protocol, own=bool(question.recordings))) as progress,
        pool(bundle.autoencoder, bundle.blind_spot, processes) as workers,
    ):
        try:
            return run(question, Workbench(work, workers, means, progress))
        except OSError as error:
            raise _cannot_write(out, error) from None
        except BrokenProcessPool:
            raise Unavailable(
                f"a worker process was ended from outside, perhaps for want of memory; {GOES_ON}"
            ) from None
        except KeyboardInterrupt:
            typer.echo(f"stopped; {GOES_ON}", err=True)
            raise


def _begun(out: Path, question: Question) -> WorkFolder:
    from experiments.attack_grid_question import begin

    try:
        work, changed = begin(out / WORK_FOLDER, question)
    except OSError as error:
        raise _cannot_write(out, error) from None
    if changed:
        told = ", ".join(name.replace("_", " ") for name in changed)
        typer.echo(f"starting anew: {told} differ from those of the stages in {out / WORK_FOLDER}", err=True)
    return work


def _write(out: Path, results: Results, command: str) -> None:
    import msgspec

    from experiments.grid_files import results_document, tables
    from fedsecure.report.evaluation import report_page, short_files

    document = results_document(results, command)
    texts = tables(document) | short_files(document) | {"report.html": report_page(results, command)}
    try:
        (out / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
        for name, text in texts.items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise _cannot_write(out, error) from None


def _cannot_write(out: Path, error: OSError) -> Misconfigured:
    return Misconfigured(f"cannot write into {out}: {error.strerror or error}; choose another --out")


def _command(protocol: Protocol, paths: list[Path], plan: Path | None, attacks: list[str], quick: bool) -> str:
    """What to type for the same report; of paths only the last part, as the rest is this machine's."""
    given = "".join(f" --recordings {path.resolve().name}" for path in paths)
    given += f" --attack-plan {plan.name}" if plan else ""
    given += "".join(f" --attack {name}" for name in attacks)
    end = " --quick" if quick else ""
    return f"fedsecure evaluate --out DIR{given} --seed {protocol.seed} --enrolment {protocol.enrolment_min}{end}"


@contextmanager
def stage_bars(stages: list[str]) -> Iterator[Progress]:
    """On a terminal a bar a stage; elsewhere a line for each stage that is finished."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    shown = sys.stderr.isatty()
    columns = (TextColumn("{task.description:22}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[text]}"))
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as bars:
        tasks = {stage: bars.add_task(stage, total=1.0, start=False, text="") for stage in stages}

        def advance(stage: str, share: float, text: str) -> None:
            bars.start_task(tasks[stage])
            bars.update(tasks[stage], completed=share, text=text)
            if share >= 1 and not shown:
                typer.echo(f"{stage}: {text}", err=True)

        yield advance
