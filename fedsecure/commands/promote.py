"""`fedsecure promote`: from a global model to a whole recalibrated bundle, through a canary, to the workers."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from contracts.configuration.settings import Settings
from contracts.errors import FedSecureError, Misconfigured
from fedsecure.endpoints import settings_for_running_stack
from fedsecure.extras import require_extra
from fedsecure.options import Processes
from fedsecure.output_files import check_writable
from fedsecure.study_output import stage_bars
from fedsecure.study_workers import worker_processes_used

if TYPE_CHECKING:
    from detectors.training.canaries.verdict import CanaryResult
    from fedsecure.promotion.attempt import Promotion
    from fedsecure.promotion.source import Source

OURS = {"bundle", "canary.json", "work"}


class CanaryRefused(FedSecureError):
    """The new bundle is worse, or too little is known of it: nothing was released."""


def promote(
    out: Annotated[Path, typer.Option(help="Folder for the bundle, the report and the finished stages.")],
    model: Annotated[
        str | None,
        typer.Argument(
            help="The first characters of a committed model's sha256; by default the current global model.",
            metavar="[SHA256]",
            show_default=False,
        ),
    ] = None,
    *,
    weights: Annotated[
        Path | None, typer.Option(help="A safetensors file instead of a model on record.", dir_okay=False)
    ] = None,
    recordings: Annotated[
        list[Path] | None,
        typer.Option(
            help="Files or folders with recordings of real patients, as for `fedsecure train`; repeatable. Two thirds of the "
            "patients teach the new bundle, the others judge both."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A small training and canary in some minutes, to try things out.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Build and judge, release nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Release without asking when the canary passes.")] = False,
    seed: Annotated[int, typer.Option(min=0, max=4_294_967_295, help="Seed of patients, attacks and networks.")] = 1,
    processes: Processes = 2,
) -> None:
    """Promote a global model: fit a whole new bundle around it, try that against the one that runs, release it if it is no worse.

    A global model alone never judges anybody: standardisation, tails, DNNs, scales and threshold belong to one network, so all
    are fitted anew. The canary then compares both bundles on patients that the new one has not met: likelihood of clean
    windows, false exclusions, attacks found, and the windows of the running bundle's canary set. A first look at the model
    alone comes before the training, and ends it when the model is worse already. Workers take a release over by themselves.

    A running bundle that was fitted on real patients gives way only to one that was too: name --recordings.

    Takes about as long as `fedsecure train`. Stopped half-way, the same command goes on from the last finished stage. OUT holds
    `bundle/` and `canary.json`, also when the canary refuses.

    Exit code 0: released (or, with --dry-run, the canary passes); 1: the canary refuses, or a service does not answer; 2: a
    wrong call, or no such model.

    Examples:

    - `fedsecure promote --out promoted --recordings icu-minutes/`

    - `fedsecure promote 3fa8 --out promoted --recordings icu-minutes/ --yes`

    - `fedsecure promote --weights tuned.safetensors --out tried --quick --dry-run`
    """
    require_extra("train", "fedsecure promote")
    _check_call(out, model, weights, may_ask=not (dry_run or yes))
    source = _source(model, weights, needs_services=weights is None or not dry_run)
    promotion = _promotion(source, out, recordings or [], seed, processes, quick=quick, dry_run=dry_run)
    result = _attempted(promotion)
    if not result.passed:
        raise CanaryRefused(f"nothing is released, the canary refuses: {result.reason}")
    if dry_run:
        typer.echo("the canary passes; nothing is released (--dry-run)")
        return
    if not yes:
        typer.confirm(f"Release bundle {result.candidate_sha256[:12]} to all workers?", abort=True)
    _release(source, promotion, result)


def _check_call(out: Path, model: str | None, weights: Path | None, *, may_ask: bool) -> None:
    if model is not None and weights is not None:
        raise Misconfigured("a model is named and --weights is given: leave one of them out")
    check_writable(out)
    if out.exists() and {path.name for path in out.iterdir()} - OURS:
        raise Misconfigured(f"{out} holds other things than a promotion's; choose another --out")
    if may_ask and not sys.stdin.isatty():
        raise Misconfigured("nobody can be asked here: add --yes to release when the canary passes, or --dry-run")


def _source(model: str | None, weights: Path | None, *, needs_services: bool) -> Source:
    from fedsecure.promotion.source import local_source, source_on_record

    if needs_services:
        return asyncio.run(source_on_record(settings_for_running_stack(), model, weights))
    return local_source(Settings(), weights)


def _promotion(
    source: Source, out: Path, recordings: list[Path], seed: int, processes: int, *, quick: bool, dry_run: bool
) -> Promotion:
    from detectors.training.tensorflow import limit_threads
    from experiments.common.workers.processes import mapped_over
    from fedsecure.promotion.attempt import Promotion, check_promotable
    from fedsecure.promotion.patients import check_recordings, divided, held_out_of, training_of
    from replay.sources import read_recordings

    limit_threads()
    real = read_recordings(recordings) if recordings else []
    if not dry_run:
        check_recordings(source.current, real)
    teaching, judging = divided(real, source.current, seed)
    promotion = Promotion(
        source.weights, source.model_sha256, source.current,
        training_of(source.weights, source.current, teaching, seed, quick=quick), held_out_of(judging, seed, quick=quick),
        out, mapped_over(processes),
    )  # fmt: skip
    check_promotable(promotion)
    return promotion


def _attempted(promotion: Promotion) -> CanaryResult:
    """Build and judge, show the figures, and write the report."""
    from fedsecure.promotion.attempt import PROMOTION_STAGES, attempt, write_report
    from fedsecure.tables.federation import canary_table

    with stage_bars(PROMOTION_STAGES) as progress, worker_processes_used():
        result = attempt(promotion, progress)
    write_report(promotion, result)
    typer.echo(f"model {promotion.model_sha256[:12]} against bundle {promotion.current.sha256[:12]}, which runs:")
    Console().print(canary_table(result))
    return result


def _release(source: Source, promotion: Promotion, result: CanaryResult) -> None:
    from fedsecure.promotion.source import release

    released = asyncio.run(release(source, promotion, result))
    shutil.rmtree(promotion.out / "work", ignore_errors=True)
    typer.echo(
        f"release {released.release}: bundle {released.bundle_sha256[:12]} is in force, workers take it over by themselves; "
        "`fedsecure rollback` takes it back"
    )
