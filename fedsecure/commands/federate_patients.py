"""`fedsecure federate --recordings`: what poison costs a federation of real patients, and what gates and rules give back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fedsecure.options import command_again
from fedsecure.output_files import write_files, writes_into
from fedsecure.study_output import count_bar, say_changes, stage_bars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.harm.cohorts import Sources
    from experiments.harm.plan import Plan
    from experiments.harm.study import Study
    from fedsecure.study_workers import Workers
    from replay.recording import Recording

WORK_FOLDER = "work"


@dataclass(frozen=True, slots=True)
class PatientsAsked:
    """What the command was told: where recordings and forecast times lie, five device ids by commas, tasks, seeds and a gate."""

    recordings: list[Path]
    forecast_times: list[Path] | None
    five: str
    tasks: list[str]
    seeds: int | None
    bundle: Path | None
    quick: bool

    @property
    def named(self) -> list[str]:
        """The five device ids."""
        return [name.strip() for name in self.five.split(",") if name.strip()]

    @property
    def command(self) -> str:
        """What to type for the same results."""
        given = {
            "recordings": self.recordings, "forecast-times": self.forecast_times, "five": self.five or None,
            "task": [f'"{task}"' for task in self.tasks], "bundle": self.bundle, "seeds": self.seeds, "quick": self.quick,
            "out": "DIR",
        }  # fmt: skip
        return command_again("federate", given)


def federate_patients(out: Path, asked: PatientsAsked, workers: Workers) -> None:
    """Run the study on real patients and write what came of it. Blocks for minutes."""
    from detectors.bundle.bundle import DEFAULT_BUNDLE
    from detectors.training.tensorflow import limit_threads
    from experiments.common.forecast_times import forecasts_in, forecasts_of
    from experiments.harm.cohorts import Sources
    from experiments.harm.files import results_document, tables
    from experiments.harm.page import build_page, headlines
    from experiments.harm.plan import plan_for
    from experiments.report.numbers import json_bytes, plain
    from replay.sources import read_recordings

    limit_threads()
    real = read_recordings(asked.recordings)
    due = forecasts_of(asked.forecast_times or forecasts_in(asked.recordings))
    plan = plan_for(asked.seeds, asked.tasks, five=asked.named, has_forecasts=bool(due), quick=asked.quick)
    gates = _gates(out / WORK_FOLDER / "gates", real, asked.bundle, workers, quick=asked.quick)
    sources = Sources(real, gates, asked.named, due, (asked.bundle or DEFAULT_BUNDLE).resolve())
    document = plain(results_document(_studied(out, plan, sources, workers), asked.command))
    write_files(out, {"results.json": json_bytes(document), "report.html": build_page(document), **tables(document)})
    for sentence in headlines(document):
        typer.echo(sentence)
    typer.echo(f"report: {out / 'report.html'}", err=True)


def _studied(out: Path, plan: Plan, sources: Sources, workers: Workers) -> Study:
    from detectors.bundle.bundle import FILES
    from experiments.common.stages import Stages
    from experiments.harm.study import run_study, study_options

    folders, stages = sorted({sources.bundle, *sources.gates.values()}), Stages(out / WORK_FOLDER)
    with writes_into(out):
        say_changes(stages.begin(study_options(plan, sources)), out / WORK_FOLDER)
    with (
        writes_into(out),
        workers.used([folder / name for folder in folders for name in FILES]) as carry_out,
        count_bar("judging the patients") as progress,
    ):
        return run_study(plan, sources, stages, carry_out, progress)


def _gates(
    folder: Path, recordings: Sequence[Recording], given: Path | None, workers: Workers, *, quick: bool
) -> Mapping[str, Path]:
    """Return the folder of each recording's gate: the bundle that was given, else a detector that has not met him.

    Where too few recordings were given to fit such detectors, the bundle that ships gates all.
    """
    from detectors.bundle.bundle import DEFAULT_BUNDLE, FILES, load_bundle
    from experiments.harm.gates import GATES, fitted_gates, folds_of

    folds = folds_of(recordings) if given is None else None
    if folds is None:
        typer.echo("one bundle gates all, those who taught it too; results.json names them", err=True)
        return dict.fromkeys((one.device_id for one in recordings), (given or DEFAULT_BUNDLE).resolve())
    bundle = DEFAULT_BUNDLE.resolve()
    with (
        writes_into(folder),
        workers.used([bundle / name for name in FILES]) as carry_out,
        stage_bars(GATES) as progress,
    ):
        made = fitted_gates(recordings, folds, load_bundle(bundle), folder, carry_out, progress, quick=quick)
    return {one.device_id: made[fold] for one, fold in zip(recordings, folds, strict=True)}
